//! `events tail` with the real program: beside the data folder of a running server, and over the API of one that is stopped and
//! started again meanwhile.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    command_line::CommandLine,
    process::{Outcome, Running},
    server::{Member, Server},
};

fn people() -> (Member, Member) {
    (
        Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"),
    )
}

/// Waits for an event on standard output; every line must be JSON.
fn expect_event(tail: &mut Running, id: u32, about: &str) -> Value {
    tail.wait_for(&format!("print {id} about {about}"), |log| {
        // The last line may still be on its way.
        let (whole, _) = log.rsplit_once('\n')?;
        let mut events = whole
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.find(|event| event["id"] == id && event.to_string().contains(about))
    })
}

#[test]
fn beside_a_running_server_events_are_printed_as_they_are_recorded() {
    let (mut ann, bob) = people();
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let folder = TempDir::new().unwrap();
    let mut command = server.command(&["events", "tail", "--follow", "--json", "--since", "0"]);
    let mut all = Running::start("events tail", &mut command, &folder.path().join("all"));
    let mut command = server.command(&["events", "tail", "-f", "--json", "--user", "ANN", "--id", "44003"]);
    let mut of_ann = Running::start("events tail of ann", &mut command, &folder.path().join("ann"));
    expect_event(&mut all, 42400, "");
    ann.open(&server, "/pending");
    let seen = expect_event(&mut all, 44003, "ann");
    assert_eq!(seen["severity"], "Info");
    assert_eq!(expect_event(&mut of_ann, 44003, "ann"), seen);
    assert_eq!(of_ann.log().lines().count(), 1, "{}", of_ann.log());
    server.stop();
}

#[test]
fn over_the_api_events_are_printed_as_they_are_recorded_also_when_the_server_was_away() {
    let (mut ann, mut bob) = people();
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let terminal = CommandLine::of(&server);
    let nobody = Outcome::of(&mut terminal.command(&["events", "tail", "--server", &server.origin()]));
    assert_eq!(nobody.code, Some(1));
    assert!(
        nobody.stderr.contains("countersign login --server"),
        "{}",
        nobody.stderr
    );
    terminal.log_on(&server, &mut ann);

    let origin = server.origin();
    let mut tail = terminal.command(&[
        "events", "tail", "--follow", "--json", "--user", "bob", "--server", &origin,
    ]);
    let mut tail = Running::start("events tail", &mut tail, &terminal.home().join("tail"));
    bob.open(&server, "/pending");
    let first = expect_event(&mut tail, 44003, "bob");

    // It waits at this moment, and holds up nobody who wants to stop.
    server.stop();
    tail.wait_for("say that the server is away", |log| {
        log.contains("trying again").then_some(())
    });
    server.start();
    server.pass_seconds(30 * 60);
    bob.open(&server, "/pending");
    let later = tail.wait_for("print what came after", |log| {
        let (whole, _) = log.rsplit_once('\n')?;
        let events = whole
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["id"] == 44003).nth(1)
    });
    assert!(later["seq"].as_i64() > first["seq"].as_i64(), "{later}");
    // And exactly once each.
    let told = Outcome::of(&mut terminal.command(&[
        "events", "tail", "--since", "0", "--user", "bob", "--id", "44003", "--server", &origin,
    ]))
    .expect("events tail");
    assert_eq!(told.stdout.lines().count(), 2, "{}", told.stdout);
    assert_eq!(tail.log().matches("\"id\":44003").count(), 2, "{}", tail.log());
    server.stop();
}
