//! Channels of notices: added, changed, tested and removed; at once or by a request.

use countersign_core::Policy;

use super::scene::{Scene, said};

#[tokio::test]
async fn a_channel_comes_at_once_or_by_a_request_and_its_key_is_shown_once() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let csrf = ann.get("/notices/new-webhook").await.csrf();
    let webhook = |url: &'static str| {
        [
            ("csrf", csrf.clone()),
            ("way", "webhook".to_owned()),
            ("name", "chat".to_owned()),
            ("created", "on".to_owned()),
            ("url", url.to_owned()),
            ("format", "slack".to_owned()),
        ]
    };
    let send = |fields: &[(&'static str, String)]| -> Vec<(String, String)> {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    };
    let bad = send(&webhook("http://chat.example/x"));
    let bad: Vec<_> = bad
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let refused = ann.post("/notices", &bad).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(
        refused.body.contains("https (http to this machine alone)"),
        "{}",
        refused.body
    );
    let good = send(&webhook("https://chat.example/x"));
    let good: Vec<_> = good
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let held = ann.post("/notices", &good).await;
    assert_eq!(held.status.as_u16(), 200);
    assert!(
        held.body.contains("whsec_") && held.body.contains("/requests/1"),
        "{}",
        held.body
    );
    let request = ann.get("/requests/1").await;
    assert!(
        request.body.contains("calls to https://chat.example/x"),
        "{}",
        said(&request)
    );
    assert!(!request.body.contains("whsec_"));
    scene.policy(Policy::default()).await;
    let added = ann.post("/notices", &good).await;
    assert!(added.body.contains("whsec_"), "{}", added.body);
    let shown = ann.get("/notices/1").await;
    assert!(!shown.body.contains("whsec_"), "once");
    let list = ann.get("/notices").await;
    assert!(list.body.contains("https://chat.example/x"), "{}", said(&list));
    assert!(
        list.body.contains("Mail does not reach these people"),
        "{}",
        said(&list)
    );
    let removed = ann.post("/notices/1/remove", &[("csrf", csrf.as_str())]).await;
    assert_eq!(removed.location(), "/notices?done=channel-removed");
}
