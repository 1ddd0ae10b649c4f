//! Many decisions in one call.

use countersign_core::{Account, RequestId};
use http::Method;
use serde_json::{Value, json};

use crate::testing::office::Office;
use crate::testing::people::Answer;

async fn digest(office: &Office, id: RequestId) -> Value {
    let token = office.token(&office.ann).await;
    let shown = office.call(&token, Method::GET, &format!("/requests/{id}"), None).await;
    serde_json::from_str::<Value>(&shown.body).unwrap()["digest"].clone()
}

async fn one(office: &Office, id: RequestId, decision: &str) -> Value {
    json!({"id": id, "digest": digest(office, id).await, "decision": decision})
}

async fn send(office: &Office, who: &Account, body: Value) -> (Answer, Value) {
    let token = office.token(who).await;
    let answer = office.call(&token, Method::POST, "/requests/decide", Some(body)).await;
    let body = serde_json::from_str(&answer.body).unwrap();
    (answer, body)
}

/// Decides with the code of now.
async fn decide(office: &Office, who: &Account, decisions: Vec<Value>, unlike: bool) -> (u16, Value) {
    let code = office.server.code(who.name.as_str());
    let body = json!({"decisions": decisions, "code": code, "unlike": unlike});
    let (answer, body) = send(office, who, body).await;
    office.server.clock.advance_seconds(30);
    (answer.status.as_u16(), body)
}

/// Each one's number and word.
fn outcomes(body: &Value) -> Vec<(i64, String)> {
    let results = body["results"].as_array().unwrap_or_else(|| panic!("{body}"));
    let one = |one: &Value| (one["id"].as_i64().unwrap(), one["outcome"].as_str().unwrap().to_owned());
    results.iter().map(one).collect()
}

fn words(pairs: &[(i64, &str)]) -> Vec<(i64, String)> {
    pairs.iter().map(|(id, word)| (*id, (*word).to_owned())).collect()
}

#[tokio::test]
async fn each_is_decided_by_itself_in_the_order_of_its_queue() {
    let office = Office::open().await;
    let mut ids = Vec::new();
    for content in ["one", "two", "three", "four"] {
        ids.push(office.waiting(&[content]).await);
    }
    // Given the wrong way round, they are decided the right way round, and told as they were given.
    let mut decisions = Vec::new();
    for (at, decision) in [(1, "approve"), (2, "reject"), (3, "reject"), (0, "approve")] {
        decisions.push(one(&office, ids[at], decision).await);
    }
    let (status, body) = decide(&office, &office.bob, decisions.clone(), false).await;
    assert_eq!(status, 200, "{body}");
    let expected = [(2, "approved"), (3, "rejected"), (4, "rejected"), (1, "approved")];
    assert_eq!(outcomes(&body), words(&expected));
    assert_eq!(
        body["results"][1]["requests"],
        json!([3]),
        "nothing went along: it was decided before"
    );
    let (_, again) = decide(&office, &office.ann, decisions, false).await;
    assert!(outcomes(&again).iter().all(|(_, word)| word == "decided"), "{again}");
    assert!(
        again["results"][0]["detail"].as_str().unwrap().contains("approved"),
        "{again}"
    );
}

#[tokio::test]
async fn a_code_is_taken_once_for_all_and_not_where_nothing_can_be_decided() {
    let office = Office::open().await;
    let (first, second) = (office.waiting(&["one"]).await, office.waiting(&["two"]).await);
    let code = office.server.code("bob");
    let missing = json!({"id": 99, "digest": digest(&office, first).await, "decision": "approve"});
    let mut stale = one(&office, first, "reject").await;
    stale["digest"] = json!("0".repeat(64));
    let body = json!({"decisions": [missing, stale], "code": code});
    let (answer, body) = send(&office, &office.bob, body).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(outcomes(&body), words(&[(99, "refused"), (1, "changed")]));
    // The same code still holds; a wrong one decides nothing.
    let all = [
        one(&office, first, "approve").await,
        one(&office, second, "approve").await,
    ];
    let wrong = json!({"decisions": all, "code": "000000"});
    assert_eq!(send(&office, &office.bob, wrong).await.0.status.as_u16(), 403);
    let (answer, body) = send(&office, &office.bob, json!({"decisions": all, "code": code})).await;
    assert_eq!(answer.status.as_u16(), 200, "{body}");
    assert_eq!(outcomes(&body), words(&[(1, "approved"), (2, "approved")]));
    let third = office.waiting(&["three"]).await;
    let used = json!({"decisions": [one(&office, third, "approve").await], "code": code});
    let (answer, body) = send(&office, &office.bob, used).await;
    assert_eq!(answer.status.as_u16(), 403, "{body}");
}

#[tokio::test]
async fn unlike_approvals_are_refused_until_it_is_said_that_they_are() {
    let office = Office::open().await;
    let backup = office.waiting(&["one"]).await;
    let ann = office.token(&office.ann).await;
    let held = office
        .call(
            &ann,
            Method::PUT,
            "/storages/1",
            Some(json!({"name": "other", "path": null, "quota_bytes": null, "immutable_days": null})),
        )
        .await;
    assert_eq!(held.status.as_u16(), 202, "{}", held.body);
    let other = RequestId(2);
    let approvals = vec![
        one(&office, backup, "approve").await,
        one(&office, other, "approve").await,
    ];
    let (status, body) = decide(&office, &office.bob, approvals.clone(), false).await;
    assert_eq!(
        (status, &body["differ"]),
        (409, &json!(["operation_id", "initiator", "target"])),
        "{body}"
    );
    // Rejections may be as different as they like.
    let (status, body) = decide(
        &office,
        &office.bob,
        vec![approvals[0].clone(), one(&office, other, "reject").await],
        false,
    )
    .await;
    assert_eq!(
        (status, outcomes(&body)),
        (200, words(&[(1, "approved"), (2, "rejected")]))
    );
    let (third, fourth) = (office.waiting(&["three"]).await, office.waiting(&["four"]).await);
    let mut forged = one(&office, fourth, "approve").await;
    forged["comment"] = json!("x".repeat(1001));
    let (status, _) = decide(&office, &office.bob, vec![forged], true).await;
    assert_eq!(status, 422);
    let twice = vec![
        one(&office, third, "approve").await,
        one(&office, third, "reject").await,
    ];
    assert_eq!(decide(&office, &office.bob, twice, true).await.0, 422);
    assert_eq!(decide(&office, &office.bob, Vec::new(), true).await.0, 422);
    let many = vec![one(&office, third, "approve").await; 201];
    assert_eq!(decide(&office, &office.bob, many, true).await.0, 422);
}

#[tokio::test]
async fn unlike_ones_are_approved_when_it_is_said() {
    let office = Office::open().await;
    let backup = office.waiting(&["one"]).await;
    let ann = office.token(&office.ann).await;
    let mut settings: Value =
        serde_json::from_str(&office.call(&ann, Method::GET, "/settings", None).await.body).unwrap();
    settings["expiry_days"] = json!(9);
    office.call(&ann, Method::PUT, "/settings", Some(settings)).await;
    let approvals = vec![
        one(&office, backup, "approve").await,
        one(&office, RequestId(2), "approve").await,
    ];
    // Ann asked for one of them: bob decides both, she only the other.
    let (_, body) = decide(&office, &office.ann, approvals.clone(), true).await;
    assert_eq!(outcomes(&body), words(&[(1, "approved"), (2, "refused")]), "{body}");
    let (_, body) = decide(&office, &office.bob, approvals, true).await;
    assert_eq!(outcomes(&body), words(&[(1, "decided"), (2, "approved")]), "{body}");
}
