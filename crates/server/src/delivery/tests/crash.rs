//! The sender's process ends at any instant.

use std::path::Path;
use std::time::Duration;

use countersign_core::receiver::Transport;
use countersign_store::Store;
use tokio::runtime::Runtime;

use super::relp_sink::{Manner, RelpSink};
use super::{Sink, add, deliver, record, spec, until};

const EVENTS: u64 = 500;

/// A runtime that is dropped takes every task with it at whatever point it has reached, as kill -9 does: nothing is
/// flushed and nothing written down. The sockets are closed, as the system does for a killed process.
fn killed_after(delay: Duration, path: &Path, (transport, address): (Transport, &str), round: u64) {
    let process = Runtime::new().unwrap();
    process.block_on(async {
        let store = Store::open(path).await.unwrap();
        if round == 0 {
            add(&store, spec("siem", transport, address)).await;
        }
        let _delivery = deliver(&store);
        record(&store, round * EVENTS..(round + 1) * EVENTS).await;
        tokio::time::sleep(delay).await;
    });
    process.shutdown_background();
}

async fn all_arrive(sink: &Sink, path: &Path, rounds: u64) {
    let store = Store::open(path).await.unwrap();
    let delivery = deliver(&store);
    sink.until_has(rounds * EVENTS - 1).await;
    delivery.stop().await;
    assert_eq!(
        sink.first_seen(),
        (0..rounds * EVENTS).collect::<Vec<_>>(),
        "all, in order"
    );
}

#[test]
fn a_sender_that_is_killed_loses_nothing() {
    let outside = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let sink = outside.block_on(Sink::open(Transport::TcpLf));
    for round in 0..8 {
        killed_after(
            Duration::from_millis(round * 3),
            &path,
            (Transport::TcpLf, &sink.address()),
            round,
        );
    }
    outside.block_on(all_arrive(&sink, &path, 8));
}

#[test]
fn both_killed_lose_nothing() {
    let outside = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let mut sink = outside.block_on(Sink::open(Transport::TcpLf));
    let address = sink.address();
    for round in 0..8 {
        // The receiver dies with messages unread that the sender, gone by then, had handed over.
        sink.read_only(100);
        killed_after(
            Duration::from_millis(20 + round * 3),
            &path,
            (Transport::TcpLf, &address),
            round,
        );
        outside.block_on(async {
            sink.die().await;
            sink.revive(&address).await;
        });
    }
    outside.block_on(all_arrive(&sink, &path, 8));
}

#[test]
fn over_relp_nothing_is_lost_whoever_is_killed() {
    let outside = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let mut sink = outside.block_on(RelpSink::open(Manner::AtOnce));
    for round in 0..8 {
        // In every other round the receiver dies as well, having acknowledged a part.
        sink.behave(if round % 2 == 0 {
            Manner::AtOnce
        } else {
            Manner::Only(200)
        });
        let delay = Duration::from_millis(round * 5);
        killed_after(delay, &path, (Transport::Relp, &sink.address()), round);
        if round % 2 == 1 {
            outside.block_on(async {
                sink.die().await;
                sink.revive().await;
            });
        }
    }
    sink.behave(Manner::AtOnce);
    let all: Vec<u64> = (0..8 * EVENTS).collect();
    outside.block_on(async {
        let store = Store::open(&path).await.unwrap();
        let delivery = deliver(&store);
        sink.until_acknowledged(all.len()).await;
        until("all is there", async || sink.first_seen().len() == all.len()).await;
        delivery.stop().await;
    });
    assert_eq!(sink.first_seen(), all, "all, in order");
}
