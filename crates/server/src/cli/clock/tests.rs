//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    clock: Clock,
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.clock.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumped_is_shown_and_confirmed() {
    let desk = Desk::open().await;
    assert_eq!(
        desk.run("show").await.unwrap(),
        "The clock shows 2026-11-18 11:06 UTC. Time passes as usual.\n"
    );
    let refused = desk.run("confirm 0").await.unwrap_err();
    assert_eq!(refused.code(), 3);
    assert!(refused.to_string().contains("time passes as usual"), "{refused}");
    desk.office.server.clock.jump_seconds(3600);
    assert_eq!(
        desk.run("show").await.unwrap(),
        "The clock shows 2026-11-18 12:06 UTC. It jumped from 2026-11-18 11:06 UTC to 2026-11-18 12:06 UTC (jump 1).\n\
         Time stands still at 2026-11-18 11:06 UTC for what waits: no request expires, no cool-off, undo window or retention lock ends.\n\
         See which time is right, set the clock if it is wrong, then: countersign clock confirm 1\n"
    );
    let held = desk.run("confirm 1").await.unwrap();
    assert_eq!(held, "Held: a second person must approve request 1.\n");
    desk.office.approved_by_bob("1").await;
    assert!(desk.run("show").await.unwrap().contains("Time passes as usual"));
    assert_eq!(desk.run("confirm 1").await.unwrap_err().code(), 3);
    desk.office.turn_off().await;
    desk.office.server.clock.jump_seconds(7200);
    let done = desk.run("confirm 2").await.unwrap();
    assert_eq!(done, "Confirmed: time goes on from where it stood.\n");
}
