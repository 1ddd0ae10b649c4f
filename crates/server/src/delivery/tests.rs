//! Delivery over real sockets on loopback.

mod authority;
mod crash;
mod metrics;
mod options;
mod relp;
mod relp_sink;
mod sink;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_core::{ManualClock, ReceiverId};
use countersign_events::{Event, Origin, Timestamp, User};
use countersign_store::{Receiver, Store, StoreError};

use tokio::io::AsyncBufReadExt as _;

use super::{Delivery, Pace, Sender, TEST_TEXT};
use crate::adapters::SystemEntropy;
use sink::{DatagramSink, Sink};

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

/// As in the real world, but tries again soon.
fn pace() -> Pace {
    Pace {
        batch: 50,
        backoff: (Duration::from_millis(5), Duration::from_millis(50)),
        poll: Duration::from_millis(20),
        remember: Duration::from_millis(5),
        hold_datagrams: Duration::from_millis(200),
        ..Pace::default()
    }
}

fn sender() -> Sender {
    Sender {
        origin: Origin::new("vbrsrv01"),
        own_certificate: None,
    }
}

fn deliver(store: &Store) -> Delivery {
    deliver_at(pace(), store)
}

fn deliver_at(pace: Pace, store: &Store) -> Delivery {
    deliver_as(pace, store, sender())
}

fn deliver_as(pace: Pace, store: &Store, sender: Sender) -> Delivery {
    deliver_when(NOW, pace, store, sender)
}

fn deliver_when(now: Timestamp, pace: Pace, store: &Store, sender: Sender) -> Delivery {
    let clock = Arc::new(ManualClock::at(now));
    Delivery::start_at(
        pace,
        store.clone(),
        sender,
        clock,
        Arc::new(SystemEntropy),
        Arc::default(),
    )
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("test.db")).await.unwrap();
    (folder, store)
}

/// Records one event for each number; [`sink::number`] reads it off the message.
async fn record(store: &Store, numbers: std::ops::Range<u64>) {
    store
        .write(|tx| {
            Box::pin(async move {
                for number in numbers {
                    let initiator = User::local(format!("ann-{number}"));
                    tx.report(&Event::FourEyesEnabled { initiator }, NOW, None, "ann")
                        .await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await
        .unwrap();
}

/// With all the patience there is: machines that run tests are slow.
fn spec(name: &str, transport: Transport, address: &str) -> ReceiverSpec {
    let mut spec = ReceiverSpec::plain(name.parse().unwrap(), transport, address.parse().unwrap());
    spec.options.connect_seconds = 60.try_into().unwrap();
    spec
}

async fn add(store: &Store, spec: ReceiverSpec) -> ReceiverId {
    store
        .write(move |tx| Box::pin(async move { tx.add_receiver(&spec, NOW).await }))
        .await
        .unwrap()
}

async fn row(store: &Store, id: ReceiverId) -> Receiver {
    store
        .ask::<_, StoreError, _>(move |view| Box::pin(async move { view.receiver(id).await }))
        .await
        .unwrap()
        .unwrap()
}

/// Waits until it is so; fails when that takes unreasonably long.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    for _ in 0..6_000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

async fn until_error(store: &Store, id: ReceiverId) -> String {
    until("an error is recorded", async || {
        row(store, id).await.last_error.is_some()
    })
    .await;
    row(store, id).await.last_error.unwrap().0
}

#[tokio::test]
async fn events_arrive_in_order_over_every_framing() {
    for transport in [Transport::TcpLf, Transport::TcpOctets] {
        let (_folder, store) = store().await;
        let sink = Sink::open(transport).await;
        let delivery = deliver(&store);
        let id = add(&store, spec("siem", transport, &sink.address())).await;
        delivery.changed();
        record(&store, 0..120).await;
        sink.until_has(119).await;
        record(&store, 120..240).await;
        sink.until_has(239).await;
        delivery.stop().await;
        assert_eq!(sink.numbers(), (0..240).collect::<Vec<_>>(), "{transport:?}");
        let row = row(&store, id).await;
        assert_eq!(
            (row.cursor, row.settled),
            (240, 240),
            "the sink confirmed the end of the stream"
        );
        assert_eq!(row.delivered_at, Some(NOW));
    }
}

#[tokio::test]
async fn datagrams_arrive_in_order() {
    let (_folder, store) = store().await;
    let sink = DatagramSink::open("127.0.0.1:0").await;
    let delivery = deliver(&store);
    let id = add(&store, spec("siem", Transport::Udp, &sink.address())).await;
    record(&store, 0..60).await;
    sink.until_has(59).await;
    assert_eq!(sink.numbers(), (0..60).collect::<Vec<_>>());
    until("the cursor follows", async || row(&store, id).await.cursor == 60).await;
    delivery.stop().await;
}

#[tokio::test]
async fn datagrams_wait_while_the_network_answers_that_nobody_listens() {
    let (_folder, store) = store().await;
    let gone = DatagramSink::open("127.0.0.1:0").await;
    let address = gone.address();
    gone.close().await;
    let delivery = deliver(&store);
    let id = add(&store, spec("siem", Transport::Udp, &address)).await;
    record(&store, 0..20).await;
    let error = until_error(&store, id).await;
    assert_eq!(error, format!("the connection to {address} broke: connection refused"));
    let sink = DatagramSink::open(&address).await;
    sink.until_has(19).await;
    assert_eq!(sink.first_seen(), (0..20).collect::<Vec<_>>());
    until("the error is cleared", async || {
        row(&store, id).await.last_error.is_none()
    })
    .await;
    delivery.stop().await;
}

#[tokio::test]
async fn a_receiver_that_dies_in_the_middle_loses_nothing() {
    for transport in [Transport::TcpLf, Transport::TcpOctets] {
        let (_folder, store) = store().await;
        let mut sink = Sink::open(transport).await;
        let address = sink.address();
        let delivery = deliver(&store);
        add(&store, spec("siem", transport, &address)).await;
        for round in 0..5 {
            let next = round * 400;
            // It dies with messages unread, in its socket and in ours.
            sink.read_only(100);
            record(&store, next..next + 300).await;
            sink.until_full().await;
            sink.die().await;
            record(&store, next + 300..next + 400).await;
            sink.revive(&address).await;
        }
        sink.until_has(1_999).await;
        delivery.stop().await;
        assert_eq!(
            sink.first_seen(),
            (0..2_000).collect::<Vec<_>>(),
            "{transport:?}: all, in order"
        );
        for connection in sink.connections() {
            assert!(
                connection.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "no gap on a connection"
            );
        }
    }
}

#[tokio::test]
async fn only_what_may_be_lost_is_sent_again() {
    let (_folder, store) = store().await;
    let mut sink = Sink::open(Transport::TcpLf).await;
    let address = sink.address();
    // Everything but the last batch has enough octets behind it.
    let delivery = deliver_at(
        Pace {
            hold_octets: 1,
            ..pace()
        },
        &store,
    );
    add(&store, spec("siem", Transport::TcpLf, &address)).await;
    record(&store, 0..200).await;
    sink.until_has(199).await;
    sink.die().await;
    sink.revive(&address).await;
    record(&store, 200..201).await;
    sink.until_has(200).await;
    delivery.stop().await;
    let again = sink.connections().pop().unwrap();
    assert!((150..=200).contains(&again[0]), "began again at {}", again[0]);
    assert_eq!(sink.first_seen(), (0..201).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sender_that_stops_and_starts_goes_on_where_it_was() {
    let (_folder, store) = store().await;
    let sink = Sink::open(Transport::TcpOctets).await;
    add(&store, spec("siem", Transport::TcpOctets, &sink.address())).await;
    for round in 0..3 {
        let delivery = deliver(&store);
        record(&store, round * 100..round * 100 + 100).await;
        // What was recorded before the stop still leaves.
        sink.until_connected().await;
        delivery.stop().await;
    }
    assert_eq!(
        sink.numbers(),
        (0..300).collect::<Vec<_>>(),
        "nothing twice: the sink confirmed each stop"
    );
}

#[tokio::test]
async fn a_dead_receiver_holds_up_nobody_and_gets_all_when_it_lives() {
    let (_folder, store) = store().await;
    let mut dead = Sink::open(Transport::TcpLf).await;
    let address = dead.address();
    dead.die().await;
    let live = Sink::open(Transport::TcpLf).await;
    let delivery = deliver(&store);
    let id = add(&store, spec("dead", Transport::TcpLf, &address)).await;
    let nowhere = add(&store, spec("nowhere", Transport::TcpLf, "no-such-host.invalid:514")).await;
    add(&store, spec("live", Transport::TcpLf, &live.address())).await;
    record(&store, 0..300).await;
    live.until_has(299).await;
    assert_eq!(
        until_error(&store, id).await,
        format!("no connection to {address}: connection refused")
    );
    assert!(
        until_error(&store, nowhere)
            .await
            .starts_with("the name in no-such-host.invalid:514 does not resolve")
    );
    assert_eq!(row(&store, id).await.cursor, 0);
    dead.revive(&address).await;
    dead.until_has(299).await;
    until("the error is cleared", async || {
        row(&store, id).await.last_error.is_none()
    })
    .await;
    delivery.stop().await;
    assert_eq!(dead.first_seen(), (0..300).collect::<Vec<_>>());
    assert_eq!(live.numbers(), (0..300).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receiver_that_reads_nothing_counts_as_broken() {
    let (_folder, store) = store().await;
    let sink = Sink::open(Transport::TcpLf).await;
    sink.read_only(0);
    let pace = Pace {
        batch: 20_000,
        stall: Duration::from_secs(1),
        ..pace()
    };
    let delivery = deliver_at(pace, &store);
    let id = add(&store, spec("siem", Transport::TcpLf, &sink.address())).await;
    record(&store, 0..40_000).await;
    let error = until_error(&store, id).await;
    assert!(
        error.contains("taken nothing") || error.contains("timed out"),
        "{error}"
    );
    assert_eq!(row(&store, id).await.settled, 0);
    delivery.stop().await;
}

#[tokio::test]
async fn receivers_change_and_go_while_events_flow() {
    let (_folder, store) = store().await;
    let (first, second) = (
        Sink::open(Transport::TcpLf).await,
        Sink::open(Transport::TcpOctets).await,
    );
    let delivery = deliver(&store);
    let id = add(&store, spec("siem", Transport::TcpLf, &first.address())).await;
    record(&store, 0..100).await;
    first.until_has(99).await;

    let changed = spec("siem", Transport::TcpOctets, &second.address());
    store
        .write(move |tx| Box::pin(async move { tx.change_receiver(id, &changed).await }))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"));
    delivery.changed();
    record(&store, 100..200).await;
    second.until_has(199).await;
    assert_eq!(
        first.numbers().last(),
        second.numbers().first().map(|number| number - 1).as_ref(),
        "no gap"
    );

    store
        .write(move |tx| Box::pin(async move { tx.remove_receiver(id).await }))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"));
    delivery.changed();
    second.until_left().await;
    record(&store, 200..210).await;
    delivery.stop().await;
    assert_eq!(second.numbers().last(), Some(&199));
}

#[tokio::test]
async fn a_receiver_that_hangs_up_on_the_test_message_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = tokio::io::BufReader::new(stream);
        // Read to its end, so that what follows is no reset.
        lines.read_line(&mut String::new()).await.unwrap();
    });
    let error = super::test(&spec("siem", Transport::TcpLf, &address), &sender(), NOW).await;
    assert_eq!(error, Err(format!("{address} has closed the connection")));
}

#[tokio::test]
async fn a_test_message_arrives_as_events_would() {
    let sender = sender();
    let mut sink = Sink::open(Transport::TcpOctets).await;
    let to = spec("siem", Transport::TcpOctets, &sink.address());
    super::test(&to, &sender, NOW).await.unwrap();
    until("it arrives", async || !sink.texts().is_empty()).await;
    let line = sink.texts().remove(0);
    assert!(line.starts_with("<14>1 2025-11-2"), "{line}");
    assert!(
        line.ends_with(&format!(
            " vbrsrv01 Veeam_MP - - [origin enterpriseId=\"31023\"] {TEST_TEXT}"
        )),
        "{line}"
    );
    sink.die().await;
    let error = super::test(&to, &sender, NOW).await.unwrap_err();
    assert_eq!(error, format!("no connection to {}: connection refused", to.address));

    let datagrams = DatagramSink::open("[::1]:0").await;
    super::test(&spec("siem", Transport::Udp, &datagrams.address()), &sender, NOW)
        .await
        .unwrap();
    let address = datagrams.address();
    datagrams.close().await;
    super::test(&spec("siem", Transport::Udp, &address), &sender, NOW)
        .await
        .unwrap_err();
}
