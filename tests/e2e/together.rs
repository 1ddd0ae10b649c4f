//! People who work together: many requests decided at once, at a browser and at a terminal, and commands that wait for a second person.

use std::process::Stdio;

use crate::support::browser::Browser;
use crate::support::clock::eventually;
use crate::support::command_line::CommandLine;
use crate::support::raw::Raw;
use crate::support::server::{Member, Server, TOKEN};

fn ann() -> Member {
    Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
}

fn bob() -> Member {
    Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")
}

#[test]
fn many_are_decided_with_one_code_at_a_browser_and_at_a_terminal() {
    let (mut ann, mut bob) = (ann(), bob());
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let theirs = CommandLine::of(&server);
    theirs.log_on(&server, &mut ann);
    // Three backups are to go, and a receiver is to come: 1, 2, 3 and 4; two more to be rejected: 5 and 6.
    for name in ["laptop", "phone", "old"] {
        let backup = Raw::new(&format!("{}/restic/main/{name}/", server.origin()), "laptop", TOKEN);
        assert_eq!(backup.create(), 200);
        backup.put("data", name.as_bytes());
    }
    server.pass_seconds(60);
    for name in ["laptop", "phone", "old"] {
        theirs.run(&["backups", "delete", &format!("main/{name}")]);
    }
    for name in ["one", "two", "three"] {
        theirs.run(&["receivers", "add", name, "127.0.0.1:9", "--transport", "udp"]);
    }
    server.pass_seconds(60);

    let browser = Browser::start();
    let open = |path: &str| browser.open(&format!("{}{path}", server.origin()));
    open("/pending");
    browser.fill("#name", "bob");
    browser.fill("#password", &bob.password);
    browser.press("Continue");
    browser.fill("#code", &bob.code(&server));
    browser.press("Sign in");
    browser.expect_text("Decide selected…");
    for id in [1, 2, 4] {
        browser.click(&format!("#choose-{id}"));
    }
    browser.expect_no_barriers();
    browser.screenshot("choose");
    browser.press("Decide selected…");
    browser.expect_text("These are not alike");
    browser.press("Choose “approve” for all that are alike");
    browser.expect_text("unlike the others");
    assert_eq!(
        browser.run("return document.querySelectorAll('input[value=approve]:checked').length"),
        1
    );
    for id in [2, 4] {
        browser.click(&format!("#approve-{id}"));
    }
    browser.screenshot("batch");
    browser.expect_no_barriers();
    browser.width(Some(390));
    let over = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(over, 0, "wider than a phone");
    browser.width(None);
    browser.fill("#comment", "all agreed");
    browser.fill("#code", &bob.code(&server));
    browser.press("Record my decisions");
    browser.expect_text("3 of 3 decided");
    browser.screenshot("batch-done");
    browser.expect_no_barriers();

    // The rest at a terminal: two are alike but for their names, so it has to be said.
    let line = CommandLine::of(&server);
    line.log_on(&server, &mut bob);
    let code = bob.code(&server);
    let decide = |arguments: &[&str]| {
        let mut command = line.command(&[arguments, &["--yes", "--code", &code]].concat());
        let ended = command.output().unwrap();
        let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap());
        (ended.status.code(), said.concat())
    };
    let (exit, said) = decide(&["requests", "approve", "3", "5"]);
    assert_eq!(exit, Some(3), "{said}");
    assert!(said.contains("they differ in what they do"), "{said}");
    let (exit, said) = decide(&["requests", "approve", "3", "5", "--unlike"]);
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("Request 3: approved\nRequest 5: approved\n"), "{said}");
    let list = line.run(&["requests", "list", "--state", "pending"]);
    assert!(list.contains("\n6 ") && list.lines().count() == 2, "{list}");
    server.stop();
}

#[test]
fn a_command_waits_for_a_second_person_also_over_a_restart() {
    let (mut ann, mut bob) = (ann(), bob());
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let line = CommandLine::of(&server);
    line.log_on(&server, &mut ann);
    let backup = Raw::new(&format!("{}/restic/main/laptop/", server.origin()), "laptop", TOKEN);
    assert_eq!(backup.create(), 200);
    backup.put("data", b"something");
    server.pass_seconds(60);
    let begin = |arguments: &[&str]| {
        let mut command = line.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let ended = |command: std::process::Child| {
        let ended = command.wait_with_output().unwrap();
        let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap());
        (ended.status.code(), said.concat())
    };
    let pending = |id: &str| {
        eventually("the request", || {
            let listed = line.run(&["requests", "list", "--state", "pending"]);
            listed.contains(&format!("\n{id} ")).then_some(())
        });
    };

    // Not for ever: whoever looks at once hears that it waits.
    let looked = begin(&[
        "backups",
        "delete",
        "main/laptop",
        "--wait=0s",
        "--reason",
        "The laptop is gone.",
    ]);
    let (exit, said) = ended(looked);
    assert_eq!(exit, Some(6), "{said}");
    assert!(said.contains("Held: a second person must approve request 1.") && said.contains("request 1 still waits"));

    // As long as it takes, also while the server is killed and started again.
    let waiting = begin(&["requests", "wait", "1", "--effect"]);
    server.kill();
    server.start();
    server.pass_seconds(60);
    let page = bob.open(&server, "/requests/1");
    page.expect_text("The laptop is gone.");
    bob.decide(&server, &page, "approve").expect("an answer");
    let (exit, said) = ended(waiting);
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("Request 1 is approved by bob"), "{said}");

    let refused = begin(&[
        "receivers",
        "add",
        "siem",
        "127.0.0.1:9",
        "--transport",
        "udp",
        "--wait=1d",
    ]);
    pending("2");
    let page = bob.open(&server, "/requests/2");
    bob.decide(&server, &page, "reject").expect("an answer");
    let (exit, said) = ended(refused);
    assert_eq!(exit, Some(4), "{said}");
    assert!(said.contains("request 2 is rejected by bob"), "{said}");
    server.stop();
}
