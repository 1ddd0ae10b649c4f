//! Commands under four eyes: asked for with `countersign run`, approved by a second person, run by a real runner on its host.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::support::{
    clock::eventually,
    command_line::CommandLine,
    process::{Outcome, Running},
    server::{Member, Server},
};

/// Two people, ann's command line, and a host with a runner's token.
struct Site {
    bob: Member,
    server: Server,
    ann: CommandLine,
    token_file: PathBuf,
}

impl Site {
    fn open() -> Self {
        let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
        let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
        let mut server = Server::set_up(&[&ann, &bob]);
        server.start();
        let line = CommandLine::of(&server);
        let mut login = line.command(&["login", "--device"]);
        let mut login = Running::start("login", with_clock(&server, &mut login), &line.home().join("login"));
        let code = login.wait_for("print the code", |log| {
            let (_, code) = log.split_once("give this code there:\n")?;
            code.ends_with('\n').then(|| code.trim().to_owned())
        });
        ann.confirm_device(&server, &format!("{}/device?user_code={code}", server.origin()));
        login.wait_for("log on", |log| log.contains("Logged on to").then_some(()));
        let token_file = line.home().join("runner.token");
        let mut site = Self {
            bob,
            server,
            ann: line,
            token_file,
        };
        site.run(&["accounts", "add", "host1", "--service"]);
        site.decide("approve");
        site.run(&["runners", "add", "host1", "--reason", "it trims volumes"]);
        site.decide("approve");
        let token = site.run(&["runners", "token", "host1"]);
        fs::write(&site.token_file, token).unwrap();
        fs::set_permissions(&site.token_file, fs::Permissions::from_mode(0o600)).unwrap();
        site
    }

    fn home(&self) -> &Path {
        self.ann.home()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        Outcome::of(with_clock(&self.server, &mut self.ann.command(arguments)))
            .expect("countersign")
            .stdout
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// `countersign run --wait-effect`, which goes on beside the test.
    fn asked(&self, words: &[&str]) -> JoinHandle<Outcome> {
        let arguments = [&["run", "--wait-effect", "--name", "A test"], words].concat();
        let mut command = self.ann.command(&arguments);
        with_clock(&self.server, &mut command);
        std::thread::spawn(move || Outcome::of(&mut command))
    }

    /// Bob decides the request that waits, once there is one.
    fn decide(&mut self, decision: &str) -> String {
        let waiting = eventually("a request to wait", || {
            let listed = self.json(&["requests", "list", "--state", "pending"]);
            listed["requests"][0]["id"].as_i64()
        });
        let page = self.bob.open(&self.server, &format!("/requests/{waiting}"));
        let text = page.text();
        self.bob.decide(&self.server, &page, decision).expect("an answer");
        text
    }

    fn runner(&self, more: &[&str]) -> Running {
        let file = self.token_file.display().to_string();
        let arguments = [&["runner", "--token-file", &file], more].concat();
        let mut command = self.ann.command(&arguments);
        Running::start(
            "runner",
            with_clock(&self.server, &mut command),
            &self.home().join("runner.log"),
        )
    }

    /// Waits until a command is in this state.
    fn command(&self, id: &str, state: &str) -> Value {
        eventually(&format!("command {id} to be {state}"), || {
            let command = self.json(&["commands", "show", id]);
            (command["state"] == state).then_some(command)
        })
    }

    fn kinds(&self) -> Vec<i64> {
        let events = self.server.events();
        let kinds = events.iter().filter_map(|event| event["id"].as_i64());
        kinds.filter(|kind| (42402..=42405).contains(kind)).collect()
    }
}

/// The same clock as the server's, which is moved in tests.
fn with_clock<'c>(server: &Server, command: &'c mut Command) -> &'c mut Command {
    for (name, value) in server.command(&[]).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}

#[test]
fn an_approved_command_runs_on_its_host_and_nothing_else_does() {
    let mut site = Site::open();
    let list = site.home().join("allow");
    fs::write(&list, "# what this host agrees to\n[\"/bin/sh\", \"-c\"]\n").unwrap();
    let runner = site.runner(&["--allow", &list.display().to_string()]);

    // Approved: it runs with its own words, folder and environment, and its exit code comes back.
    let script = "printf '%s|' \"$PWD\" \"$A\" \"$HOME\" \"$1\"; echo problem >&2; exit 7";
    let words = [
        "--on",
        "host1",
        "--folder",
        "/usr",
        "--env",
        "A=b c",
        "--reason",
        "the disk is full",
        "--",
    ];
    let argv = ["/bin/sh", "-c", script, "sh", "d\u{202e}e"];
    let asked = site.asked(&[&words[..], &argv].concat());
    let page = site.decide("approve");
    for shown in ["the disk is full", "$'d\\U0000202ee'", "A='b c'", "runner host1"] {
        assert!(page.contains(shown), "{shown} is not on the page:\n{page}");
    }
    let outcome = asked.join().unwrap();
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    assert_eq!(outcome.stdout, "/usr|b c||d\u{202e}e|");
    assert!(outcome.stderr.ends_with("problem\n"), "{outcome:?}");
    assert_eq!(site.run(&["commands", "output", "1"]), outcome.stdout);

    // Rejected, or expired: never.
    let mark = site.home().join("mark");
    let touch = [
        "--on",
        "host1",
        "--",
        "/bin/sh",
        "-c",
        &format!("touch {}", mark.display()),
    ]
    .map(str::to_owned);
    let touch: Vec<_> = touch.iter().map(String::as_str).collect();
    let asked = site.asked(&touch);
    site.decide("reject");
    assert_eq!(asked.join().unwrap().code, Some(4));

    // Approved, and the host does not agree.
    let asked = site.asked(&["--on", "host1", "--", "/bin/touch", &mark.display().to_string()]);
    site.decide("approve");
    let outcome = asked.join().unwrap();
    assert_eq!(outcome.code, Some(125), "{outcome:?}");
    assert!(outcome.stderr.contains("does not agree to this command"), "{outcome:?}");
    assert!(!mark.exists());
    drop(runner);
    let held_twice_before = [42402, 42403, 42402, 42403];
    let of_commands = [42402, 42403, 42402, 42404, 42402, 42403];
    assert_eq!(site.kinds(), [&held_twice_before[..], &of_commands].concat());
}

#[test]
fn a_runner_or_a_server_that_is_killed_runs_nothing_twice() {
    let mut site = Site::open();
    let (mark, gate) = (site.home().join("mark"), site.home().join("gate"));
    let made = Command::new("mkfifo").arg(&gate).status().unwrap();
    assert!(made.success());
    // Tells that it runs, and waits until it is let go on.
    let script = format!("echo run >> {}; cat {}", mark.display(), gate.display());
    let words = ["--on", "host1", "--seconds", "60", "--", "/bin/sh", "-c", &script];
    let runs = || fs::read_to_string(&mark).unwrap_or_default().lines().count();

    // The server dies between taking and reporting: the report waits for it.
    let mut runner = site.runner(&[]);
    site.asked(&words);
    site.decide("approve");
    eventually("the command to run", || (runs() == 1).then_some(()));
    site.server.kill();
    fs::write(&gate, "let go\n").unwrap();
    site.server.start();
    let command = site.command("1", "ended");
    assert_eq!(command["exit_code"], 0);
    assert_eq!(site.run(&["commands", "output", "1"]), "let go\n");

    // The runner dies: nobody knows, and nobody runs it again.
    let asked = site.asked(&words);
    site.decide("approve");
    eventually("the second command to run", || (runs() == 2).then_some(()));
    runner.kill();
    site.server.pass_seconds(60 + 120);
    site.command("2", "unknown");
    assert_eq!(asked.join().unwrap().code, Some(125));
    let runner = site.runner(&["--once"]);
    eventually("the new runner to find nothing", || {
        site.json(&["runners", "list"])["runners"][0]["seen_at"]
            .as_str()
            .map(drop)
    });
    drop(runner);
    assert_eq!(runs(), 2);
    // Lets what the dead runner left go.
    fs::write(&gate, "").unwrap();
}

#[test]
fn a_script_does_what_its_grant_is_for_once() {
    let mut site = Site::open();
    let asked = site.asked(&[
        "--grant",
        "nightly",
        "--folder",
        "/srv",
        "--",
        "/usr/sbin/fstrim",
        "/data",
    ]);
    site.decide("approve");
    let outcome = asked.join().unwrap().expect("run --wait-effect");
    let file = site.home().join("grant");
    fs::write(&file, &outcome.stdout).unwrap();
    let check = |more: &[&str]| {
        let file = file.display().to_string();
        let arguments = [&["grant", "check", "--grant-file", &file], more].concat();
        Outcome::of(with_clock(&site.server, &mut site.ann.command(&arguments))).code
    };
    let exact = [
        "--audience",
        "nightly",
        "--folder",
        "/srv",
        "--",
        "/usr/sbin/fstrim",
        "/data",
    ];
    assert_eq!(
        check(&[
            "--audience",
            "weekly",
            "--folder",
            "/srv",
            "--",
            "/usr/sbin/fstrim",
            "/data"
        ]),
        Some(3)
    );
    assert_eq!(
        check(&[
            "--audience",
            "nightly",
            "--folder",
            "/srv",
            "--",
            "/usr/sbin/fstrim",
            "/"
        ]),
        Some(3)
    );
    assert_eq!(
        check(&["--audience", "nightly", "--", "/usr/sbin/fstrim", "/data"]),
        Some(3)
    );
    assert_eq!(check(&exact), Some(0));
    assert_eq!(check(&exact), Some(3), "a grant counts once");
    // Without the server nobody knows whether it was redeemed.
    site.server.stop();
    let file = file.display().to_string();
    let arguments = [&["grant", "check", "--grant-file", &file], &exact[..]].concat();
    assert_eq!(Outcome::of(&mut site.ann.command(&arguments)).code, Some(1));
}
