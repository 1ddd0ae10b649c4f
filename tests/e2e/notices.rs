//! Notices at a real mail server and a real webhook's end, which go away and come back, while the server is killed.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::certificates::Authority;
use crate::support::clock::eventually;
use crate::support::command_line::CommandLine;
use crate::support::counterparts::brought;
use crate::support::process::{Running, free_port};
use crate::support::server::{Member, Server};

#[test]
fn every_notice_arrives_in_order_though_both_ends_are_killed() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let mut bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let line = CommandLine::of(&server);
    line.log_on(&server, &mut ann);
    let mut approve = |server: &Server, request: u32| {
        let page = bob.open(server, &format!("/requests/{request}"));
        bob.decide(server, &page, "approve").expect("an answer");
    };

    // Ends that are known by an authority of their own.
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let authority = Authority::new("notices");
    authority.identity("localhost").write(folder.path(), "localhost");
    fs::write(at("ca.pem"), authority.certificate()).unwrap();
    fs::write(at("password"), "geheim\n").unwrap();
    let (smtp, https) = (free_port(), free_port());
    let start = || sink(folder.path(), smtp, https);
    let mut ends = start();

    line.run(&["accounts", "change", "bob", "--email", "bob@example.org"]);
    approve(&server, 1);
    let smtp_address = format!("localhost:{smtp}");
    let mail = [
        "notices",
        "add",
        "mail",
        "--smtp",
        &smtp_address,
        "--from",
        "backup@example.org",
        "--user",
        "backup",
    ];
    line.run(&[&mail[..], &["--password-file", &at("password"), "--ca", &at("ca.pem")]].concat());
    approve(&server, 2);
    let url = format!("https://localhost:{https}/in?x=1");
    let said = line.run(&["notices", "add", "hook", "--webhook", &url, "--ca", &at("ca.pem")]);
    let secret = said
        .lines()
        .find(|line| line.starts_with("whsec_"))
        .expect("a signing key");
    fs::write(at("secret"), secret).unwrap();
    approve(&server, 3);

    let ask = |name: &str| line.run(&["receivers", "add", name, "127.0.0.1:9", "--transport", "udp"]);
    ask("four");
    let first = eventually("the first notices", || {
        let (mails, calls) = (taken(&at("mails.jsonl")), taken(&at("calls.jsonl")));
        (about(&mails).contains(&4) && called(&calls).contains(&4)).then_some(mails)
    });
    let mail = first.iter().find(|mail| number(mail) == 4).unwrap();
    assert_eq!(mail["to"], json!(["bob@example.org"]));
    assert_eq!((&mail["tls"], &mail["authenticated"]), (&json!(true), &json!(true)));
    assert_eq!(mail["auto"], "auto-generated");
    let body = mail["body"].as_str().unwrap();
    assert!(body.contains(&format!("{}/requests/4", server.origin())), "{body}");
    assert!(body.contains("Asked by:   ann"), "{body}");

    // Both ends die; what is asked for meanwhile waits, also while the server is killed.
    ends.kill();
    ask("five");
    ask("six");
    eventually("that both channels say so", || {
        let list = line.run(&["notices", "list"]);
        (list.matches("retrying").count() == 2).then_some(())
    });
    server.kill();
    server.start();
    let _ends = start();
    let (mails, calls) = eventually("what waited", || {
        let (mails, calls) = (taken(&at("mails.jsonl")), taken(&at("calls.jsonl")));
        (about(&mails).contains(&6) && called(&calls).contains(&6)).then_some((mails, calls))
    });
    assert_eq!(once(&about(&mails)), [3, 4, 5, 6], "in order, none lost");
    assert_eq!(once(&called(&calls)), [4, 5, 6]);
    assert!(
        calls
            .iter()
            .all(|call| call["verified"] == true && call["path"] == "/in?x=1"),
        "{calls:?}"
    );
    server.stop();
}

fn sink(folder: &Path, smtp: u16, https: u16) -> Running {
    let settings = json!({
        "folder": folder, "smtp": smtp, "https": https, "user": "backup", "password": "geheim",
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/notices/sink.py");
    let mut command = Command::new(brought("clients/python/bin/python"));
    command.arg(script).arg(settings.to_string());
    let mut running = Running::start("sink", &mut command, &folder.join("sink.log"));
    running.wait_for("be ready", |log| log.contains("ready").then_some(()));
    running
}

fn taken(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Of which request a mail tells.
fn number(mail: &Value) -> u64 {
    let subject = mail["subject"].as_str().unwrap();
    let rest = subject.strip_prefix("[Countersign] Request ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

fn about(mails: &[Value]) -> Vec<u64> {
    mails.iter().map(number).collect()
}

fn called(calls: &[Value]) -> Vec<u64> {
    let created = calls.iter().filter(|call| call["body"]["type"] == "request.created");
    created
        .map(|call| call["body"]["data"]["request"].as_u64().unwrap())
        .collect()
}

/// Each once, where it came first: a kill may repeat some.
fn once(numbers: &[u64]) -> Vec<u64> {
    let mut seen = Vec::new();
    for number in numbers {
        if !seen.contains(number) {
            seen.push(*number);
        }
    }
    seen
}
