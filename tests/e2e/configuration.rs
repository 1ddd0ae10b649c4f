//! The day on which the server is lost and its storages are not.

use std::{fs, path::Path, process::Command};

use crate::support::{
    clock::eventually,
    command_line::CommandLine,
    laptop::Laptop,
    process::Outcome,
    restic::Restic,
    server::{Member, Server, TOKEN},
};

const PASSPHRASE: &str = "five words that nobody guesses";

#[test]
fn a_lost_server_comes_back_and_every_client_goes_on() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up_with(&[&ann, &bob], false);
    server.start();
    let url = server.url("laptop", TOKEN, "laptop");
    let mut laptop = Laptop::at(Restic::newest().repository(&url), 7);
    laptop.repository.init();
    let mut taken = laptop.days(2);

    // A passphrase, a backup by the command line, and its file where the loss does not take it.
    let desk = CommandLine::of(&server);
    desk.log_on(&server, &mut ann);
    fs::write(desk.home().join("passphrase"), PASSPHRASE).unwrap();
    let refused = Outcome::of(&mut desk.command(&["config", "backup"]));
    assert!(
        refused.stderr.contains("there is no passphrase yet"),
        "{}",
        refused.stderr
    );
    let set = ["config", "backups", "passphrase", "--passphrase-file", "passphrase"];
    assert!(desk.run(&set).contains("encrypted with it from now on"));
    // The schedule made the first, as soon as there was a passphrase.
    eventually("the schedule's first backup", || {
        desk.run(&["config", "backups", "list"])
            .contains("scheduled")
            .then_some(())
    });
    assert!(
        desk.run(&["config", "backup"])
            .contains("Configuration backup 2 is made")
    );
    assert!(desk.run(&["config", "backups", "verify", "2"]).contains("is whole"));
    desk.run(&["config", "backups", "fetch", "2", "kept"]);
    let verify = ["config", "verify", "kept", "--passphrase-file", "passphrase"];
    assert!(desk.run(&verify).contains("kept is whole"));

    // A day later it is lost, but for the folder of its storages.
    taken.push(laptop.work_and_back_up());
    server.kill();
    let (data, lost) = (server.data(), server.data().with_extension("lost"));
    fs::rename(&data, &lost).unwrap();

    // Not into a folder with anything else in it, and not with another passphrase.
    let restore = |into: &Path, passphrase: &str| -> Command {
        fs::write(desk.home().join("said"), passphrase).unwrap();
        let into = into.display().to_string();
        desk.command(&[
            "config",
            "restore",
            "kept",
            "--data",
            &into,
            "--passphrase-file",
            "said",
        ])
    };
    let refused = Outcome::of(&mut restore(&lost, PASSPHRASE));
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    fs::create_dir(&data).unwrap();
    fs::rename(lost.join("storages"), data.join("storages")).unwrap();
    let refused = Outcome::of(&mut restore(&data, "five words that somebody guesses"));
    assert!(
        refused.stderr.contains("the passphrase is not the one"),
        "{}",
        refused.stderr
    );
    let restored = Outcome::of(&mut restore(&data, PASSPHRASE)).expect("restore").stdout;
    assert!(restored.contains("came after the backup was made"), "{restored}");

    // The same clients, the same tokens, every snapshot; the same people, their passwords and their phones.
    server.start();
    laptop.expect(&taken);
    taken.push(laptop.work_and_back_up());
    laptop.expect(&taken);
    let refused = Outcome::of(&mut desk.command(&["config", "backups", "list"]));
    assert!(!refused.succeeded(), "what was logged on before is not any more");
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", ann.factor.secret());
    server.pass_seconds(60);
    ann.open(&server, "/configuration-backups")
        .expect_text("Number 1 holds.");
    let events = server.events();
    assert_eq!(events[0]["id"], 40_800, "{:?}", events[0]);
    server.stop();
}
