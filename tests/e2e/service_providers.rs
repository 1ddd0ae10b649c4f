//! A second copy elsewhere: at rclone's REST server, which only appends, and at a second countersign, with restic as the judge.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{
    certificates::Authority,
    clock::eventually,
    counterparts,
    process::{Running, free_port},
    restic::{Repository, Restic, SnapshotId},
    server::{Member, Server, TOKEN},
    trees::{Random, Tree},
};

/// `rclone serve restic` over TLS, append-only, with a user and a password.
struct Cellar {
    folder: TempDir,
    port: u16,
    authority: Authority,
    _running: Running,
}

impl Cellar {
    fn start() -> Self {
        let (folder, port, authority) = (tempfile::tempdir().unwrap(), free_port(), Authority::new("Cellar CA"));
        authority.identity("127.0.0.1").write(folder.path(), "cellar");
        let kept = folder.path().join("kept");
        fs::create_dir(&kept).unwrap();
        let mut command = Command::new(counterparts::program("rclone"));
        command
            .args([
                "serve",
                "restic",
                "--append-only",
                "--user",
                "office",
                "--pass",
                "secret",
            ])
            .args(["--addr", &format!("127.0.0.1:{port}"), "--config", "/dev/null"])
            .arg("--cert")
            .arg(folder.path().join("cellar.crt"))
            .arg("--key")
            .arg(folder.path().join("cellar.key"))
            .arg(&kept);
        let mut running = Running::start("rclone", &mut command, &folder.path().join("log"));
        running.wait_for("listen", |_| std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self {
            folder,
            port,
            authority,
            _running: running,
        }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    fn kept(&self) -> std::path::PathBuf {
        self.folder.path().join("kept")
    }

    /// The copy, as restic sees it on that machine's disk.
    fn repository(&self) -> Repository {
        Restic::newest().repository(self.kept().join("laptop").to_str().unwrap())
    }
}

fn people() -> (Member, Member) {
    (
        Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"),
    )
}

fn backed_up(repository: &Repository, tree: &Tree, folder: &Path) -> SnapshotId {
    tree.write(folder);
    repository.backup(folder)
}

/// Registers a provider on the page for it; its page.
fn register(ann: &mut Member, server: &Server, name: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let page = ann.open(server, "/service-providers/new");
    let all = [&[("name", name), ("url", url)], fields].concat();
    let page = ann.press(&page, "Register", &all);
    page.expect_text("Saved.");
    page.address.split('?').next().unwrap().to_owned()
}

/// Asks for a copy and waits until the page says that all are done.
fn copy(ann: &mut Member, server: &Server, path: &str) {
    let page = ann.open(server, path);
    ann.press(&page, "Copy it", &[("backup", "main/laptop")])
        .expect_text("Saved.");
    finished(ann, server, path);
}

fn finished(ann: &mut Member, server: &Server, path: &str) {
    eventually("the copy to be done", || {
        let text = ann.open(server, path).text();
        assert!(!text.contains("Failed"), "{text}");
        let open = text.contains("Running") || text.contains("Waits");
        if open {
            // What waits for its time has not to be waited for.
            server.pass_seconds(60);
        }
        (!open && text.contains("Done")).then_some(())
    });
}

#[test]
fn a_copy_at_a_server_that_only_appends_checks_and_restores_and_its_provider_is_deleted_by_two() {
    let (mut ann, mut bob) = people();
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let cellar = Cellar::start();
    let laptop = Restic::newest().repository(&server.url("laptop", TOKEN, "laptop"));
    laptop.init();
    let (mut random, source) = (Random::new(106), tempfile::tempdir().unwrap());
    let mut tree = Tree::random(&mut random, 12, 60_000);
    let first_tree = tree.clone();
    let first = backed_up(&laptop, &tree, source.path());

    // Nobody is trusted who is not known, and a wrong password says so.
    let strange = [("user", "office"), ("password", "secret")];
    let path = register(&mut ann, &server, "strange", &cellar.url(), &strange);
    let page = ann.open(&server, &path);
    ann.press(&page, "Test it", &[])
        .expect_text("nobody we know vouches for its certificate");
    let ca = cellar.authority.certificate();
    let wrong = [("user", "office"), ("password", "guessed"), ("ca", ca.as_str())];
    let path = register(&mut ann, &server, "cellar", &cellar.url(), &wrong);
    let page = ann.open(&server, &path);
    ann.press(&page, "Test it", &[])
        .expect_text("does not accept the user and password");
    let page = ann.press(&page, "Keep another", &[("password", "secret")]);
    ann.press(&page, "Test it", &[])
        .expect_text("It answers and takes user and password.");

    copy(&mut ann, &server, &path);
    cellar
        .repository()
        .check()
        .expect("restic check --read-data of the copy");
    cellar.repository().expect_restores(&first, &first_tree);

    // A forget is held; the copy only grows, and what was there is as it was.
    let before = Tree::read(&cellar.kept());
    tree.change(&mut random, 60_000);
    let second = backed_up(&laptop, &tree, source.path());
    laptop.forget(&["--keep-last", "1", "--prune"]).expect("forget");
    copy(&mut ann, &server, &path);
    let difference = before.difference(&Tree::read(&cellar.kept()));
    let touched: Vec<_> = difference.iter().filter(|line| !line.ends_with(" is extra")).collect();
    assert!(!difference.is_empty() && touched.is_empty(), "{touched:?}");
    cellar
        .repository()
        .check()
        .expect("restic check --read-data of the copy");
    cellar.repository().expect_restores(&first, &first_tree);
    cellar.repository().expect_restores(&second, &tree);

    // Operation 106: two people, and the copy stays.
    let page = ann.open(&server, &path);
    let recorded = ann.press(&page, "Ask to delete it", &[]);
    let request = recorded.address.split('/').nth(2).unwrap().to_owned();
    let page = bob.open(&server, &format!("/requests/{request}"));
    page.expect_text("Delete service provider cellar");
    page.expect_text(&cellar.url());
    bob.decide(&server, &page, "approve").expect("an answer");
    ann.open(&server, "/service-providers").expect_text("strange");
    assert!(!ann.open(&server, "/service-providers").text().contains("cellar"));
    let told: Vec<_> = server
        .events()
        .into_iter()
        .filter(|event| [42402, 42403, 27600].contains(&event["id"].as_u64().unwrap_or_default()))
        .filter_map(|event| event["parameters"]["Description"].as_str().map(str::to_owned))
        .filter(|text| text.contains("cellar"))
        .collect();
    assert_eq!(
        told,
        [
            "Delete service provider cellar event has been initiated by ann and requires an additional approval.",
            "Delete service provider cellar event initiated by ann has been approved by bob.",
            "Service provider cellar has been deleted.",
        ]
    );
    cellar.repository().expect_restores(&second, &tree);
    server.stop();
}

#[test]
fn killed_at_any_moment_on_either_side_a_copy_at_another_countersign_is_finished_and_valid() {
    let (mut ann, bob) = people();
    let mut server = Server::set_up(&[&ann, &bob]);
    let mut other = Server::set_up(&[&ann, &bob]);
    server.start();
    other.start();
    let laptop = Restic::newest().repository(&server.url("laptop", TOKEN, "laptop"));
    laptop.init();
    let (mut random, source) = (Random::new(9), tempfile::tempdir().unwrap());
    let tree = Tree::random(&mut random, 40, 1_000_000);
    let snapshot = backed_up(&laptop, &tree, source.path());
    let there = [("user", "laptop"), ("password", TOKEN)];
    let path = register(
        &mut ann,
        &server,
        "other",
        &format!("{}/restic/main/", other.origin()),
        &there,
    );
    let page = ann.open(&server, &path);
    let copy = [("backup", "main/laptop"), ("to", "second")];
    ann.press(&page, "Copy it", &copy).expect_text("Saved.");
    // Something has arrived, not everything.
    eventually("the copy to begin", || (other.bytes_on_disk() > 0).then_some(()));
    server.kill();
    server.start();
    other.kill();
    other.start();
    finished(&mut ann, &server, &path);
    let second = Restic::newest().repository(&other.url("laptop", TOKEN, "second"));
    second.check().expect("restic check --read-data of the copy");
    second.expect_restores(&snapshot, &tree);
    server.stop();
    other.stop();
}
