//! Waiting for a decision.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::testing::office::Office;
use crate::testing::people::Answer;

/// A wait of half a minute that hears of what happens has ended long before; one that does not fails here and not at its end.
async fn soon(answer: impl Future<Output = Answer>) -> Value {
    let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
    let answer = answer.expect("it hears of it");
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

async fn decide(office: &Office, name: &str, path: &str, digest: Option<&Value>) {
    let account = if name == "ann" { &office.ann } else { &office.bob };
    let token = office.token(account).await;
    let mut body = json!({"code": office.server.code(name)});
    if let Some(digest) = digest {
        body["digest"] = digest.clone();
    }
    let answer = office.call(&token, Method::POST, path, Some(body)).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    office.server.clock.advance_seconds(30);
}

#[tokio::test]
async fn whoever_waits_hears_of_the_decision_and_of_no_other() {
    let office = Office::open().await;
    let (first, second) = (office.waiting(&["one"]).await, office.waiting(&["two"]).await);
    let ann = office.token(&office.ann).await;
    let path = format!("/requests/{first}?wait=30");
    let waiting = office.call(&ann, Method::GET, &path, None);
    let (heard, ()) = tokio::join!(soon(waiting), async {
        // The later one first: that is another request, and the earlier one goes on waiting.
        decide(&office, "bob", &format!("/requests/{second}/reject"), None).await;
        let shown = office
            .call(&ann, Method::GET, &format!("/requests/{first}"), None)
            .await;
        let shown: Value = serde_json::from_str(&shown.body).unwrap();
        assert_eq!(shown["state"], "pending");
        decide(
            &office,
            "bob",
            &format!("/requests/{first}/approve"),
            Some(&shown["digest"]),
        )
        .await;
    });
    assert_eq!(heard["state"], "approved");
    // What is decided is answered at once.
    let again = soon(office.call(&ann, Method::GET, &path, None)).await;
    assert_eq!(again["decided_by"], "bob");
}

#[tokio::test]
async fn whoever_waits_for_the_effect_hears_of_a_veto() {
    let office = Office::open().await;
    office.undo_hours(24).await;
    let id = office.waiting(&["one"]).await;
    let ann = office.token(&office.ann).await;
    let shown = office.call(&ann, Method::GET, &format!("/requests/{id}"), None).await;
    let shown: Value = serde_json::from_str(&shown.body).unwrap();
    decide(
        &office,
        "bob",
        &format!("/requests/{id}/approve"),
        Some(&shown["digest"]),
    )
    .await;
    let decided = soon(office.call(&ann, Method::GET, &format!("/requests/{id}?wait=30"), None)).await;
    assert_eq!(decided["effect"], "waiting");
    let path = format!("/requests/{id}?wait=30&until=effect");
    let waiting = office.call(&ann, Method::GET, &path, None);
    let veto = format!("/requests/{id}/veto");
    let (heard, ()) = tokio::join!(soon(waiting), decide(&office, "ann", &veto, None));
    assert_eq!(
        (&heard["state"], &heard["effect"]),
        (&json!("approved"), &json!("vetoed"))
    );
}

#[tokio::test]
async fn a_wait_ends_with_the_server_and_is_no_way_to_keep_others_out() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let (ann, bob) = (office.token(&office.ann).await, office.token(&office.bob).await);
    for (query, status) in [("wait=x", 400), ("wait=1&until=never", 400), ("until=effect", 200)] {
        let answer = office
            .call(&ann, Method::GET, &format!("/requests/{id}?{query}"), None)
            .await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
    }
    assert_eq!(
        office
            .call(&ann, Method::GET, "/requests/99?wait=30", None)
            .await
            .status
            .as_u16(),
        404
    );
    let path = format!("/requests/{id}?wait=30");
    let places: Vec<_> = std::iter::from_fn(|| office.server.app.waiters.enter(office.ann.id)).collect();
    let refused = office.call(&ann, Method::GET, &path, None).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.headers["retry-after"]),
        (503, &"5".parse().unwrap())
    );
    let at_once = office.call(&ann, Method::GET, &format!("/requests/{id}"), None).await;
    assert_eq!(at_once.status.as_u16(), 200);
    let theirs = office.call(&bob, Method::GET, &path, None);
    let (heard, ()) = tokio::join!(soon(theirs), async { office.server.app.stop.cancel() });
    assert_eq!(heard["state"], "pending");
    drop(places);
}
