//! Programs on hosts without a browser: they show a code, and a person confirms it elsewhere (RFC 8628).

use serde_json::json;

use super::{REDIRECT, ann, server};
use crate::support::{application::Application, browser::Browser, command_line::CommandLine, process::Running};

#[test]
fn the_command_line_is_logged_on_by_its_code_in_a_browser_elsewhere() {
    let mut ann = ann();
    let server = server(&ann);
    let line = CommandLine::of(&server);
    let mut login = line.command(&["login", "--device"]);
    let mut login = Running::start("login", &mut login, &line.home().join("login"));
    let code = login.wait_for("print the code", |log| {
        let (whole, _) = log.rsplit_once('\n')?;
        let mut lines = whole.lines().map(str::trim);
        lines.find(|line| is_user_code(line)).map(str::to_owned)
    });

    let browser = Browser::start();
    browser.open(&format!("{}/device", server.origin()));
    browser.fill("#name", &ann.name);
    browser.fill("#password", &ann.password);
    browser.press("Continue");
    browser.fill("#code", &ann.code(&server));
    browser.press("Sign in");
    browser.expect_text("A program without a browser shows a code.");
    // Typed as people type.
    browser.fill("#user_code", &code.to_lowercase().replace('-', " "));
    browser.press("Go on");
    browser.expect_text("Countersign's command line");
    browser.expect_no_barriers();
    browser.press("Log it on");
    browser.expect_text("The device is logged on.");

    login.wait_for("log on", |log| log.contains("Logged on to").then_some(()));
    let listed = line.run(&["sessions", "list", "--json"]);
    assert!(listed.contains("\"cli\"") && listed.contains("\"web-ui\""), "{listed}");
    line.run(&["logout"]);
    // Its chain ended with it, and the record says so.
    let events = server.events();
    assert_eq!(events.last().expect("an event")["id"], 44005);
}

#[test]
fn an_application_with_openid_client_waits_for_the_confirmation_of_its_code() {
    let mut ann = ann();
    let server = server(&ann);
    let settings = json!({"part": "device", "issuer": server.origin(), "client_id": "cli", "redirect_uri": REDIRECT});
    let got = Application::node("openid_client.mjs", &settings).run(&server, &mut ann);
    assert!(is_user_code(got["begun"]["user_code"].as_str().unwrap()), "{got}");
    assert_eq!(got["tokens"]["token_type"], "bearer");
    assert_eq!(got["status"], 200);
}

/// Two groups of four consonants.
fn is_user_code(text: &str) -> bool {
    let group = |group: &str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_uppercase());
    text.split_once('-')
        .is_some_and(|(one, other)| group(one) && group(other))
}
