//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    settings: Settings,
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.settings.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_and_changed_by_a_request_while_four_eyes_are_on() {
    let desk = Desk::open().await;
    let shown = desk.run("show").await.unwrap();
    assert!(
        shown.starts_with("four-eyes             on\nmfa-for-all           on\nexpiry-days           7\n"),
        "{shown}"
    );
    let same = desk.run("change --expiry-days 7").await.unwrap_err();
    assert_eq!(same.code(), 3);
    let held = desk
        .run("change --expiry-days 9 --undo-hours 48 --no-held-bytes-cap")
        .await
        .unwrap();
    assert_eq!(held, "Held: a second person must approve request 1.\n");
    assert!(desk.run("show").await.unwrap().contains("expiry-days           7\n"));
    desk.office.approved_by_bob("1").await;
    let shown = desk.run("show").await.unwrap();
    for line in [
        "expiry-days           9\n",
        "undo-hours            48\n",
        "held-bytes-cap        none\n",
        "event-retention-days  for ever\n",
        "session-hours         ",
    ] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
    let refused = desk.run("change --expiry-days 99").await.unwrap_err();
    assert!(refused.to_string().contains("1 to 30"), "{refused}");

    // Off is a request, too; on is done at once.
    let held = desk.run("change --four-eyes off").await.unwrap();
    assert_eq!(held, "Held: a second person must approve request 2.\n");
    desk.office.approved_by_bob("2").await;
    assert!(
        desk.run("show")
            .await
            .unwrap()
            .starts_with("four-eyes             off\n")
    );
    let on = desk.run("change --four-eyes on --mfa-for-all off").await.unwrap();
    assert_eq!(on, "The settings are so now.\n");
    let shown = desk.run("show").await.unwrap();
    assert!(
        shown.starts_with("four-eyes             on\nmfa-for-all           off\n"),
        "{shown}"
    );
    let json: serde_json::Value = serde_json::from_str(&desk.run("show --json").await.unwrap()).unwrap();
    assert_eq!((&json["four_eyes"], &json["expiry_days"]), (&true.into(), &9.into()));
}
