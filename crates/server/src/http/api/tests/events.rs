//! Events over the API: found by what they are about, and waited for.

use std::time::Duration;

use countersign_events::{Event, User};
use countersign_store::StoreError;
use http::Method;
use serde_json::{Value, json};

use crate::testing::office::Office;

async fn events(office: &Office, token: &str, query: &str) -> Value {
    let answer = office.call(token, Method::GET, &format!("/events{query}"), None).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn seqs(page: &Value) -> Vec<i64> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

async fn report(office: &Office, name: &'static str) {
    let event = Event::FourEyesEnabled {
        initiator: User::local(name),
    };
    let now = office.server.app.clock.now();
    let done = office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.report(&event, now, None, name).await.map(drop) }));
    done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
}

#[tokio::test]
async fn events_are_found_by_what_they_are_about() {
    let office = Office::open().await;
    let (ann, first) = (office.token(&office.ann).await, office.waiting(&["one"]).await);
    office.waiting(&["two"]).await;
    let of_first = events(&office, &ann, &format!("?id=42402&request={first}")).await;
    assert_eq!(seqs(&of_first).len(), 1);
    assert_eq!(of_first["events"][0]["request"], json!(first));
    let message = of_first["events"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("<14>1 2026-11-1"), "{message}");
    assert!(
        message.contains(" instanceId=42402 ") && message.ends_with("\"]"),
        "{message}"
    );

    let both = events(&office, &ann, "?id=42402,44002&severity=Info,warning&user=LAPTOP").await;
    assert_eq!(seqs(&both).len(), 2);
    assert_eq!(seqs(&events(&office, &ann, "?severity=error").await).len(), 0);
    assert_eq!(seqs(&events(&office, &ann, "?user=nobody").await).len(), 0);
    let at = both["events"][0]["at"].as_str().unwrap().replace('+', "%2B");
    assert_eq!(
        seqs(&events(&office, &ann, &format!("?id=42402&since={at}")).await).len(),
        1
    );
    assert_eq!(
        seqs(&events(&office, &ann, &format!("?id=42402&until={at}")).await).len(),
        1
    );

    for bad in [
        "?id=x",
        "?id=42402,",
        "?severity=loud",
        "?before=3&after=3",
        "?wait=3",
        "?before=3&wait=1",
        "?account=ann",
    ] {
        let refused = office.call(&ann, Method::GET, &format!("/events{bad}"), None).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.body);
    }
}

#[tokio::test]
async fn the_same_events_are_read_both_ways() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    for _ in 0..5 {
        report(&office, "ann").await;
    }
    let all = seqs(&events(&office, &ann, "?limit=500").await);
    assert!(all.len() >= 5);
    let mut back = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = events(&office, &ann, &query).await;
        back.extend(seqs(&page));
        match page["next"].as_i64() {
            Some(next) => query = format!("?limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(back, all);
    let mut forth = Vec::new();
    let mut after = 0;
    loop {
        let page = events(&office, &ann, &format!("?limit=2&after={after}")).await;
        after = page["next"].as_i64().unwrap();
        if seqs(&page).is_empty() {
            break;
        }
        forth.extend(seqs(&page));
    }
    forth.reverse();
    assert_eq!(forth, all);
    assert_eq!(after, all[0]);
    // What does not fit is passed over: the next look starts behind it.
    let none = events(&office, &ann, "?after=0&user=nobody").await;
    assert_eq!((seqs(&none).len(), none["next"].as_i64()), (0, Some(after)));
}

#[tokio::test]
async fn whoever_waits_is_told_as_soon_as_something_fits() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    report(&office, "ann").await;
    let last = seqs(&events(&office, &ann, "?limit=1").await)[0];
    let query = format!("?after={last}&wait=30&user=bob");
    let waiting = events(&office, &ann, &query);
    let reporting = async {
        // Until the other one waits; whether it does by then changes nothing in what it is told.
        tokio::time::sleep(Duration::from_millis(100)).await;
        report(&office, "ann").await;
        report(&office, "Bob").await;
    };
    let (told, ()) = tokio::join!(waiting, reporting);
    assert_eq!(seqs(&told), [last + 2]);
    assert_eq!(told["next"].as_i64(), Some(last + 2));
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_stops() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    report(&office, "ann").await;
    let last = seqs(&events(&office, &ann, "?limit=1").await)[0];
    let query = format!("?after={last}&wait=30");
    let waiting = events(&office, &ann, &query);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        office.server.app.stop.cancel();
    };
    // Half of the longest wait: far from what ends it, and from what a slow machine needs.
    let (told, ()) = tokio::time::timeout(Duration::from_secs(15), async { tokio::join!(waiting, stopping) })
        .await
        .expect("it ends before the time that was asked for");
    assert_eq!((seqs(&told).len(), told["next"].as_i64()), (0, Some(last)));
}
