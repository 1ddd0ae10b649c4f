//! Each receiver's own dialect and filter.

use countersign_core::receiver::{Form, Severities, Transport};
use countersign_events::{Event, User};
use countersign_store::{Store, StoreError};

use super::relp_sink::{Manner, RelpSink};
use super::sink::Sink;
use super::{NOW, add, deliver, record, row, sender, spec, store, until};
use crate::delivery::test;

/// Records an event that a filter can tell from those of [`record`].
async fn record_other(store: &Store, count: usize) {
    let recorded = store.write(move |tx| {
        Box::pin(async move {
            for _ in 0..count {
                let disabled = Event::FourEyesDisabled {
                    initiator: User::local("bob"),
                    request_id: None,
                    result: None,
                };
                tx.report(&disabled, NOW, None, "bob").await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    recorded.await.unwrap();
}

const DISABLED: u32 = 42_401;

fn without_info() -> Severities {
    Severities {
        info: true,
        ..Severities::default()
    }
}

#[tokio::test]
async fn what_is_filtered_out_is_passed_over() {
    let (_folder, store) = store().await;
    let sink = Sink::open(Transport::TcpOctets).await;
    let relp = RelpSink::open(Manner::AtOnce).await;
    let mut plain = spec("plain", Transport::TcpOctets, &sink.address());
    plain.filter.set(DISABLED, without_info());
    let mut acknowledged = spec("acknowledged", Transport::Relp, &relp.address());
    acknowledged.filter = plain.filter.clone();
    let delivery = deliver(&store);
    let (plain, acknowledged) = (add(&store, plain).await, add(&store, acknowledged).await);
    // More than a batch at the beginning, in the middle and at the end.
    record_other(&store, 120).await;
    record(&store, 0..5).await;
    record_other(&store, 1).await;
    record(&store, 5..10).await;
    record_other(&store, 120).await;
    for id in [plain, acknowledged] {
        until("the cursor is past all of them", async || {
            row(&store, id).await.cursor == 251
        })
        .await;
    }
    assert_eq!(row(&store, acknowledged).await.settled, 251);
    delivery.stop().await;
    assert_eq!(row(&store, plain).await.settled, 251);
    assert_eq!((sink.texts().len(), relp.texts().len()), (10, 10));
    assert_eq!(sink.numbers(), (0..10).collect::<Vec<_>>());
    assert_eq!(relp.numbers(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_filter_is_by_severity() {
    let (_folder, store) = store().await;
    let sink = Sink::open(Transport::TcpLf).await;
    let mut spec = spec("siem", Transport::TcpLf, &sink.address());
    spec.filter.set(
        DISABLED,
        Severities {
            info: false,
            ..Severities::ALL
        },
    );
    let delivery = deliver(&store);
    add(&store, spec).await;
    record_other(&store, 1).await;
    record(&store, 0..1).await;
    sink.until_has(0).await;
    delivery.stop().await;
    assert_eq!(sink.texts().len(), 2, "its severity is Info, which passes");
}

#[tokio::test]
async fn each_receiver_has_its_dialect() {
    let (_folder, store) = store().await;
    let (strict, named) = (
        Sink::open(Transport::TcpOctets).await,
        Sink::open(Transport::TcpLf).await,
    );
    let mut first = spec("strict", Transport::TcpOctets, &strict.address());
    first.options.form = Form::Strict;
    first.options.sequence = true;
    let mut second = spec("named", Transport::TcpLf, &named.address());
    second.options.app_name = Some("Backup".parse().unwrap());
    second.options.logon_app_name = Some("Logons".parse().unwrap());
    second.options.byte_order_mark = Some(true);
    second.options.sequence = true;
    let delivery = deliver(&store);
    add(&store, first).await;
    add(&store, second.clone()).await;
    record(&store, 0..2).await;
    let logon = store.write(|tx| {
        Box::pin(async move {
            let chain = Event::TokenChainRevoked {
                source_ip_address: None,
                chain_id: Some("1".to_owned()),
            };
            tx.report(&chain, NOW, None, "ann").await.map(drop)
        })
    });
    logon.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    for sink in [&strict, &named] {
        until("all three are there", async || sink.texts().len() == 3).await;
    }
    delivery.stop().await;

    let texts = strict.texts();
    assert!(
        texts[1].contains(" Veeam_MP - 42400 [origin enterpriseId=\"31023\"][event@31023 "),
        "{}",
        texts[1]
    );
    assert!(texts[1].contains(" EventSequence=\"2\" "), "{}", texts[1]);
    assert!(
        texts[1].ends_with("] Four-eyes authorization has been enabled by ann-1."),
        "{}",
        texts[1]
    );

    let texts = named.texts();
    assert!(
        texts[0].contains(" Backup - - [origin enterpriseId=\"31023\"] \u{feff}[categoryId=0 instanceId=42400 "),
        "{}",
        texts[0]
    );
    assert!(texts[0].contains(" EventSequence=\"1\" "), "{}", texts[0]);
    assert!(texts[2].contains(" Logons - - "), "{}", texts[2]);
    assert!(texts[2].contains(" EventSequence=\"3\" "), "{}", texts[2]);

    test(&second, &sender(), NOW).await.unwrap();
    until("the test message is there", async || named.texts().len() == 4).await;
    assert!(
        named.texts()[3].contains(" Backup - - "),
        "a test is told as events are"
    );
}

#[tokio::test]
async fn a_repeated_event_has_the_same_number() {
    let (_folder, store) = store().await;
    let mut sink = Sink::open(Transport::TcpLf).await;
    let address = sink.address();
    let mut spec = spec("siem", Transport::TcpLf, &address);
    spec.options.sequence = true;
    let delivery = deliver(&store);
    add(&store, spec).await;
    record(&store, 0..20).await;
    sink.until_has(19).await;
    sink.die().await;
    sink.revive(&address).await;
    record(&store, 20..21).await;
    sink.until_has(20).await;
    delivery.stop().await;
    let texts = sink.texts();
    assert_eq!(texts.len(), 41, "all of them came twice, but for the last");
    let distinct: std::collections::HashSet<&String> = texts.iter().collect();
    assert_eq!(distinct.len(), 21, "and were the same to the octet");
}
