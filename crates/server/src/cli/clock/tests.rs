//! The command against a server on a socket.

use clap::Parser;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::cli::remote::agent;
use crate::testing::office::Office;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    clock: Clock,
}

/// An office that listens, and ann's command line.
struct Desk {
    office: Office,
    url: String,
    ann: String,
    _serving: JoinHandle<std::io::Result<()>>,
}

impl Desk {
    async fn open() -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let office = Office::reached_as(&url).await;
        let router = crate::http::router(office.server.app.clone());
        let ann = office.token(&office.ann).await;
        Self {
            office,
            url,
            ann,
            _serving: tokio::spawn(async move { axum::serve(socket, router).await }),
        }
    }

    async fn run(&self, line: &str) -> Result<String, Failure> {
        let remote = Remote {
            url: self.url.parse().unwrap(),
            agent: agent(&ServerFlags::default()).unwrap(),
            held: Default::default(),
            token: Some(self.ann.clone().into()),
        };
        let words = ["clock"].into_iter().chain(line.split(' '));
        let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        spawn_blocking(move || arguments.clock.carry_out(&remote))
            .await
            .unwrap()
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
