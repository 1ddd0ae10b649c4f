//! The same call twice is done once.

use std::sync::Arc;

use axum::body::Body;
use countersign_core::Sha256;
use countersign_core::idempotency::Progress;
use countersign_store::StoreError;
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::testing::office::Office;
use crate::testing::people::Answer;

async fn call(office: &Office, token: &str, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))
        .unwrap();
    office.server.send(request, "192.0.2.8:50000").await
}

fn receiver(name: &str) -> Value {
    json!({"name": name, "address": "127.0.0.1:9", "transport": "udp"})
}

async fn waiting(office: &Office, token: &str) -> usize {
    let list = office.call(token, Method::GET, "/requests?state=pending", None).await;
    let list: Value = serde_json::from_str(&list.body).unwrap();
    list["requests"].as_array().unwrap().len()
}

fn detail(answer: &Answer) -> String {
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    problem["detail"].as_str().unwrap().to_owned()
}

/// The row of a key, begun as if the server had stopped then.
async fn begun(office: &Office, key: &str) {
    let (account, key, now) = (office.ann.id, Sha256::of(key.as_bytes()), office.server.now());
    let written = office.server.app.store.write(move |tx| {
        Box::pin(async move {
            let kept = tx.kept_call(account, key).await?;
            let kept = kept.ok_or(StoreError::Unreadable("a row"))?;
            tx.begin_call(account, key, kept.fingerprint, now).await
        })
    });
    written.await.unwrap();
}

#[tokio::test]
async fn the_same_call_again_is_answered_as_before_and_asks_for_nothing() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let body = receiver("one");
    let first = call(&office, &ann, "\"k1\"", Method::POST, "/receivers", &body).await;
    assert_eq!((first.status.as_u16(), first.location()), (202, "/api/v1/requests/1"));
    let again = call(&office, &ann, "k1", Method::POST, "/receivers", &body).await;
    assert_eq!(
        (again.status, again.location(), &again.body),
        (first.status, first.location(), &first.body)
    );
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(waiting(&office, &ann).await, 1);
    // Another key is another call; the same key of somebody else, too.
    let other = call(&office, &ann, "\"k2\"", Method::POST, "/receivers", &receiver("two")).await;
    assert_eq!(other.location(), "/api/v1/requests/2");
    let bob = office.token(&office.bob).await;
    let theirs = call(&office, &bob, "\"k1\"", Method::POST, "/receivers", &receiver("three")).await;
    assert_eq!(theirs.location(), "/api/v1/requests/3");
}

#[tokio::test]
async fn the_same_key_with_another_call_is_refused() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    call(&office, &ann, "\"k\"", Method::POST, "/receivers", &receiver("one")).await;
    for (method, path, body) in [
        (Method::POST, "/receivers", receiver("other")),
        (Method::POST, "/receivers?x=1", receiver("one")),
        (Method::POST, "/notice-channels", receiver("one")),
        (Method::PUT, "/receivers/1", receiver("one")),
    ] {
        let refused = call(&office, &ann, "\"k\"", method, path, &body).await;
        assert_eq!(refused.status.as_u16(), 422, "{path}: {}", refused.body);
        assert!(
            detail(&refused).contains("was used for another call"),
            "{}",
            refused.body
        );
    }
    assert_eq!(waiting(&office, &ann).await, 1);
    for bad in ["", "\"\"", "\"open", "a b"] {
        let refused = call(&office, &ann, bad, Method::POST, "/receivers", &receiver("one")).await;
        assert_eq!(refused.status.as_u16(), 400, "{bad}");
    }
    // Nobody who is not known keeps anything here.
    let stranger = call(&office, "wrong", "\"k9\"", Method::POST, "/receivers", &receiver("one")).await;
    assert_eq!(stranger.status.as_u16(), 401);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_with_the_same_key() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let bob = office.token(&office.bob).await;
    let shown = office.call(&bob, Method::GET, &format!("/requests/{id}"), None).await;
    let digest = serde_json::from_str::<Value>(&shown.body).unwrap()["digest"].clone();
    let path = format!("/requests/{id}/approve");
    let body = |code: &str| json!({"digest": digest, "code": code});
    let wrong = call(&office, &bob, "\"k\"", Method::POST, &path, &body("000000")).await;
    assert_eq!(wrong.status.as_u16(), 403, "{}", wrong.body);
    let right = body(&office.server.code("bob"));
    let done = call(&office, &bob, "\"k\"", Method::POST, &path, &right).await;
    assert_eq!(done.status.as_u16(), 200, "{}", done.body);
    // The code is used and the request decided, and still the same call is answered as before.
    let again = call(&office, &bob, "\"k\"", Method::POST, &path, &right).await;
    assert_eq!((again.status.as_u16(), again.body), (200, done.body));
}

#[tokio::test]
async fn a_secret_that_is_shown_once_is_told_again_and_lies_nowhere_in_the_clear() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let body = json!({"label": "workstation", "rights": "append", "backups": "*"});
    let made = call(&office, &ann, "\"k\"", Method::POST, "/tokens", &body).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    let again = call(&office, &ann, "\"k\"", Method::POST, "/tokens", &body).await;
    assert_eq!(again.body, made.body);
    let listed = office.call(&ann, Method::GET, "/tokens", None).await;
    assert_eq!(listed.body.matches("workstation").count(), 1);
    let secret = serde_json::from_str::<Value>(&made.body).unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let (account, key) = (office.ann.id, Sha256::of(b"k"));
    let kept = office
        .server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.kept_call(account, key).await }));
    let Progress::Answered { sealed, .. } = kept.await.unwrap().unwrap().progress else {
        panic!("it was answered");
    };
    assert!(!sealed.windows(secret.len()).any(|part| part == secret.as_bytes()));
}

#[tokio::test]
async fn what_was_cut_off_is_not_done_again_until_a_day_has_passed() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let body = receiver("one");
    call(&office, &ann, "\"k\"", Method::POST, "/receivers", &body).await;
    begun(&office, "k").await;
    let unknown = call(&office, &ann, "\"k\"", Method::POST, "/receivers", &body).await;
    assert_eq!(unknown.status.as_u16(), 409);
    assert!(detail(&unknown).contains("is not known"), "{}", unknown.body);
    assert!(
        !unknown.headers.contains_key("retry-after"),
        "there is nothing to wait for"
    );
    assert_eq!(waiting(&office, &ann).await, 1);
    // A day later the key is like a new one, and the worker forgets it.
    office.server.clock.advance_seconds(86_400);
    let ann = office.token(&office.ann).await;
    let later = call(&office, &ann, "\"k\"", Method::POST, "/receivers", &receiver("two")).await;
    assert_eq!(later.status.as_u16(), 202, "{}", later.body);
    office.server.clock.advance_seconds(86_400);
    let now = office.server.now();
    let forgotten = office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.forget_old_calls(now).await }));
    assert_eq!(forgotten.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_done() {
    let office = Arc::new(Office::open().await);
    let ann = office.token(&office.ann).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (office, ann) = (Arc::clone(&office), ann.clone());
        calls.spawn(async move { call(&office, &ann, "\"k\"", Method::POST, "/receivers", &receiver("one")).await });
    }
    let answers = calls.join_all().await;
    assert!(answers.iter().any(|answer| answer.status.as_u16() == 202));
    for answer in &answers {
        match answer.status.as_u16() {
            202 => assert_eq!(answer.location(), "/api/v1/requests/1"),
            409 => assert_eq!(answer.headers["retry-after"], "1"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(waiting(&office, &ann).await, 1);
}
