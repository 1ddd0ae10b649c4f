//! Looking into a request's snapshots with the repository's password.

use countersign_core::ObjectKind;
use http::StatusCode;

use super::scene::{Scene, hidden};
use crate::openings::{KEPT_SECONDS, WAIT_SECONDS};
use crate::repository::tests::{key, key_file};
use crate::testing::people::{Answer, Browser};

const PASSWORD: &str = "open sesame";

/// What a client wrote into its snapshot.
const WRITTEN: &[u8] =
    br#"{"time":"2026-11-18T10:00:00Z","hostname":"<b>laptop","username":"ann","paths":["/home/ann"],
    "tags":["weekly"],"summary":{"total_bytes_processed":4096}}"#;

/// A request of ann's for a snapshot that is sealed as restic seals it; its page.
async fn asked(scene: &Scene) -> String {
    scene.put(ObjectKind::Keys, &key_file(PASSWORD)).await;
    let snapshot = key().sealed(WRITTEN, [3; 16]);
    scene.put(ObjectKind::Snapshots, &snapshot).await;
    format!("/requests/{}", scene.request(&snapshot).await)
}

async fn tried(browser: &mut Browser<'_>, path: &str, csrf: &str, password: &str) -> Answer {
    let fields = [("csrf", csrf), ("password", password)];
    browser.post(&format!("{path}/open"), &fields).await
}

fn asks(page: &Answer) -> bool {
    page.body.contains("Look into these snapshots")
}

#[tokio::test]
async fn who_may_approve_looks_into_snapshots_with_the_repositorys_password() {
    let scene = Scene::set().await;
    let path = asked(&scene).await;
    let mut bob = scene.browser("bob").await;
    let page = bob.get(&path).await;
    assert!(asks(&page) && !page.body.contains("/home/ann"));
    let csrf = hidden(&page, "csrf");
    let wrong = tried(&mut bob, &path, &csrf, "open barley").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("The password opens no key of this backup."));
    assert!(!wrong.body.contains("open barley"));
    let right = tried(&mut bob, &path, &csrf, PASSWORD).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
    let page = bob.get(&path).await;
    for told in [
        "&lt;b&gt;laptop",
        "/home/ann",
        "weekly",
        "4.0 KiB",
        "2026-11-18T10:00:00Z",
    ] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    // What is open is open in this browser alone.
    let mut elsewhere = scene.browser("bob").await;
    assert!(asks(&elsewhere.get(&path).await));
    // And as long as its reader wants, a quarter of an hour at most.
    let closed = bob.post(&format!("{path}/close"), &[("csrf", &csrf)]).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER);
    assert!(asks(&bob.get(&path).await));
    assert_eq!(
        tried(&mut bob, &path, &csrf, PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
    assert!(!asks(&bob.get(&path).await));
    scene.server.clock.advance_seconds(KEPT_SECONDS);
    assert!(asks(&bob.get(&path).await));
}

#[tokio::test]
async fn whoever_asked_does_not_look() {
    let scene = Scene::set().await;
    let path = asked(&scene).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get(&path).await;
    assert!(!asks(&page));
    let refused = tried(&mut ann, &path, &hidden(&page, "csrf"), PASSWORD).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!ann.get(&path).await.body.contains("/home/ann"));
}

#[tokio::test]
async fn wrong_repository_passwords_make_wait() {
    let scene = Scene::set().await;
    let path = asked(&scene).await;
    let mut bob = scene.browser("bob").await;
    let csrf = hidden(&bob.get(&path).await, "csrf");
    for _ in 0..5 {
        let wrong = tried(&mut bob, &path, &csrf, "wrong").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // The right one is not looked at either.
    let waits = tried(&mut bob, &path, &csrf, PASSWORD).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(waits.body.contains("Too many wrong passwords."));
    scene.server.clock.advance_seconds(WAIT_SECONDS);
    let right = tried(&mut bob, &path, &csrf, PASSWORD).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
}
