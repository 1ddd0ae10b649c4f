//! RELP: what is acknowledged is settled, everything else is sent again.

use std::time::Duration;

use countersign_core::receiver::{ReceiverSpec, TlsOptions, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::authority::Authority;
use super::relp_sink::{Manner, RelpSink};
use super::{
    NOW, Pace, TEST_TEXT, add, deliver, deliver_at, pace, record, row, sender, spec, store, until, until_error,
};
use crate::delivery::test_at;

fn relp_spec(sink: &RelpSink) -> ReceiverSpec {
    spec("siem", Transport::Relp, &sink.address())
}

#[tokio::test]
async fn what_is_acknowledged_is_settled_at_once() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::AtOnce).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..120).await;
    until("the settled place follows", async || {
        row(&store, id).await.settled == 120
    })
    .await;
    record(&store, 120..240).await;
    until("the settled place follows", async || {
        row(&store, id).await.settled == 240
    })
    .await;
    assert_eq!(row(&store, id).await.cursor, 240);
    assert_eq!(sink.closed(), 0, "the connection lives");
    delivery.stop().await;
    assert_eq!(sink.numbers(), (0..240).collect::<Vec<_>>());
    assert_eq!(sink.closed(), 1, "it was closed in good order");
}

#[tokio::test]
async fn acknowledgements_may_come_late_and_in_any_order() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Backwards(70)).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..500).await;
    until("the settled place follows", async || {
        row(&store, id).await.settled == 500
    })
    .await;
    delivery.stop().await;
    assert_eq!(sink.numbers(), (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_not_acknowledged_is_not_delivered() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Only(30)).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..100).await;
    sink.until_count(100).await;
    until("what is acknowledged is settled", async || {
        row(&store, id).await.settled == 30
    })
    .await;
    assert_eq!(row(&store, id).await.cursor, 30);
    delivery.stop().await;
    assert_eq!(row(&store, id).await.settled, 30);
}

#[tokio::test]
async fn no_more_is_on_its_way_than_the_window_holds() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Only(0)).await;
    let pace = Pace {
        relp_window: 10,
        ..pace()
    };
    let delivery = deliver_at(pace, &store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..100).await;
    sink.until_count(10).await;
    // Time enough for a sender without a window; one with it cannot fail here.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(sink.texts().len(), 10);
    sink.behave(Manner::AtOnce);
    until("all is acknowledged", async || row(&store, id).await.settled == 100).await;
    delivery.stop().await;
    assert_eq!(sink.first_seen(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receiver_that_dies_in_the_middle_gets_again_what_it_did_not_acknowledge_and_no_more() {
    let (_folder, store) = store().await;
    let mut sink = RelpSink::open(Manner::AtOnce).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    for round in 0..5_usize {
        let next = round as u64 * 400;
        sink.behave(Manner::Only(100));
        record(&store, next..next + 300).await;
        sink.until_acknowledged(round * 400 + 100).await;
        sink.die().await;
        record(&store, next + 300..next + 400).await;
        sink.behave(Manner::AtOnce);
        sink.revive().await;
        sink.until_acknowledged((round + 1) * 400).await;
    }
    until("all is settled", async || row(&store, id).await.settled == 2_000).await;
    delivery.stop().await;
    assert_eq!(sink.first_seen(), (0..2_000).collect::<Vec<_>>(), "all, in order");
    // An acknowledgement that was on its way when the receiver died may not have come: 100 a round at most.
    assert!(sink.needless().len() <= 500, "{}", sink.needless().len());
}

#[tokio::test]
async fn a_receiver_that_says_goodbye_gets_nothing_twice() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Leaves(50)).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..200).await;
    let error = until_error(&store, id).await;
    assert_eq!(error, format!("{} has closed the connection", sink.address()));
    sink.behave(Manner::AtOnce);
    until("all is settled", async || row(&store, id).await.settled == 200).await;
    assert_eq!(row(&store, id).await.last_error, None);
    delivery.stop().await;
    assert_eq!(sink.first_seen(), (0..200).collect::<Vec<_>>());
    assert_eq!(
        sink.needless(),
        [0_u64; 0],
        "what it acknowledged before it left counts"
    );
}

#[tokio::test]
async fn a_receiver_that_acknowledges_nothing_counts_as_broken() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Only(0)).await;
    let pace = Pace {
        stall: Duration::from_secs(1),
        ..pace()
    };
    let delivery = deliver_at(pace.clone(), &store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..40).await;
    let error = until_error(&store, id).await;
    assert_eq!(
        error,
        format!("{} has acknowledged nothing for 1 seconds", sink.address())
    );
    assert_eq!(row(&store, id).await.settled, 0);
    let error = test_at(&pace, &relp_spec(&sink), &sender(), NOW).await.unwrap_err();
    assert!(error.contains("has acknowledged nothing"), "{error}");
    sink.behave(Manner::AtOnce);
    until("all is settled", async || row(&store, id).await.settled == 40).await;
    delivery.stop().await;
}

#[tokio::test]
async fn a_refused_message_is_told_and_not_lost() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Refuses(25)).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..60).await;
    let error = until_error(&store, id).await;
    assert_eq!(
        error,
        format!(
            "{} has refused a message, which stays first in line: 500 no room",
            sink.address()
        )
    );
    assert_eq!(row(&store, id).await.settled, 25, "it goes as far as that message");
    sink.behave(Manner::AtOnce);
    until("all is settled", async || row(&store, id).await.settled == 60).await;
    assert_eq!(row(&store, id).await.last_error, None);
    delivery.stop().await;
    assert_eq!(sink.first_seen(), (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receiver_that_lies_counts_as_broken() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Lies).await;
    let delivery = deliver(&store);
    let id = add(&store, relp_spec(&sink)).await;
    record(&store, 0..1).await;
    let error = until_error(&store, id).await;
    assert!(error.contains("it acknowledges what is not open"), "{error}");
    assert_eq!(row(&store, id).await.settled, 0);
    delivery.stop().await;
}

#[tokio::test]
async fn relp_goes_inside_tls() {
    let authority = Authority::new();
    let sink = RelpSink::secure(authority.certify(&["127.0.0.1"]).server(None)).await;
    let mut spec = spec("siem", Transport::RelpTls, &sink.address());
    spec.options.tls = TlsOptions {
        ca: Some(authority.pem()),
        ..TlsOptions::default()
    };
    let (_folder, store) = store().await;
    let delivery = deliver(&store);
    let id = add(&store, spec.clone()).await;
    record(&store, 0..300).await;
    until("all is settled", async || row(&store, id).await.settled == 300).await;
    delivery.stop().await;
    assert_eq!(sink.numbers(), (0..300).collect::<Vec<_>>());
    assert_eq!(sink.closed(), 1);
    spec.options.tls.ca = Some(Authority::new().pem());
    let error = test_at(&pace(), &spec, &sender(), NOW).await.unwrap_err();
    assert!(error.contains("nobody we know vouches for its certificate"), "{error}");
}

#[tokio::test]
async fn a_test_message_has_arrived_when_it_is_acknowledged() {
    let sink = RelpSink::open(Manner::AtOnce).await;
    test_at(&pace(), &relp_spec(&sink), &sender(), NOW).await.unwrap();
    assert!(sink.texts()[0].ends_with(TEST_TEXT), "{}", sink.texts()[0]);
    assert_eq!(sink.closed(), 1);
}

#[tokio::test]
async fn who_does_not_speak_relp_is_told() {
    for (answer, told) in [
        (
            "220 mail.example ESMTP\r\n",
            "what it answers is no RELP: does it speak RELP on this port?",
        ),
        (
            "1 rsp 11 500 go far away\n",
            "what it answers is no RELP: does it speak RELP on this port?",
        ),
        ("1 rsp 11 500 go away\n", "it does not want us: 500 go away"),
        ("1 rsp 6 200 OK\n", "it does not say which version of RELP it speaks"),
        (
            "1 rsp 39 200 OK\nrelp_version=0\ncommands=eventlog\n",
            "it takes no syslog messages",
        ),
        ("1 rsp 3 yes\n", "it answers without a status"),
        ("", "it hung up instead of answering: does it speak RELP on this port?"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // All of the greeting, so that the end is no reset.
            let mut greeting = Vec::new();
            while !greeting.ends_with(b"commands=syslog\n") {
                greeting.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let spec = spec("siem", Transport::Relp, &address);
        let error = test_at(&pace(), &spec, &sender(), NOW).await.unwrap_err();
        assert_eq!(
            error,
            format!("{address} and we do not understand each other in RELP: {told}"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn who_does_not_answer_the_greeting_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = spec("siem", Transport::Relp, &listener.local_addr().unwrap().to_string());
    spec.options.connect_seconds = 1.try_into().unwrap();
    let error = test_at(&pace(), &spec, &sender(), NOW).await.unwrap_err();
    assert!(
        error.ends_with("it has not answered for 1 seconds: does it speak RELP on this port?"),
        "{error}"
    );
}
