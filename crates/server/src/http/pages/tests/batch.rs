//! Many decisions on one page, with one code.

use countersign_core::request::State;
use countersign_core::{ObjectKind, RequestId};
use countersign_events::Event;

use super::scene::{SNAPSHOTS, Scene, between, hidden, said};
use crate::testing::people::{Answer, Browser};

async fn state(scene: &Scene, id: i64) -> State {
    let id = RequestId(id);
    let record = scene
        .server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.request(id).await }));
    record.await.unwrap().unwrap().state
}

/// Sends the form of a page as it was shown, with these decisions.
async fn send(browser: &mut Browser<'_>, shown: &Answer, decisions: &[(&str, &str)], code: &str) -> Answer {
    let mut fields = vec![
        ("csrf".to_owned(), hidden(shown, "csrf")),
        ("seen".to_owned(), hidden(shown, "seen")),
        ("comment".to_owned(), "as agreed".to_owned()),
        ("code".to_owned(), code.to_owned()),
    ];
    for (id, decision) in decisions {
        fields.push((format!("decide-{id}"), (*decision).to_owned()));
        let along = format!("along-{id}");
        fields.push((along.clone(), hidden(shown, &along)));
    }
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post("/requests/decide", &fields).await
}

/// Whether a radio button of a page is set.
fn is_set(page: &Answer, id: &str) -> bool {
    between(&page.body, &format!("id=\"{id}\""), ">").contains(" checked")
}

#[tokio::test]
async fn those_that_are_alike_are_approved_with_one_code() {
    let scene = Scene::set().await;
    for snapshot in SNAPSHOTS {
        scene.request(snapshot).await;
    }
    let mut bob = scene.browser("bob").await;
    let pending = bob.get("/pending").await;
    for id in 1..=3 {
        assert!(
            pending.body.contains(&format!("id=\"choose-{id}\"")),
            "{}",
            pending.body
        );
    }
    assert!(pending.body.contains("Decide selected…"));
    let page = bob.get("/requests/decide?id=2&id=1&id=2&id=3").await;
    assert!(!page.body.contains("These are not alike"));
    assert_eq!(page.body.matches("If approved, this is lost for good:").count(), 3);
    for id in 1..=3 {
        assert!(is_set(&page, &format!("leave-{id}")));
    }
    let chosen = bob.get("/requests/decide?id=1&id=2&id=3&choose=approve").await;
    for id in 1..=3 {
        assert!(is_set(&chosen, &format!("approve-{id}")));
    }
    let all = [("1", "approve"), ("2", "approve"), ("3", "approve")];
    let wrong = send(&mut bob, &chosen, &all, "000000").await;
    assert_eq!(wrong.status.as_u16(), 422);
    assert!(wrong.body.contains("the code is wrong") && is_set(&wrong, "approve-3"));
    assert_eq!(state(&scene, 1).await, State::Pending);
    let done = send(&mut bob, &wrong, &all, &scene.server.code("bob")).await;
    assert_eq!(done.status.as_u16(), 200);
    assert!(said(&done).contains("3 of 3 decided"), "{}", said(&done));
    for id in 1..=3 {
        assert_eq!(state(&scene, id).await, State::Approved);
    }
    let events = scene.server.events().await;
    let approved = events
        .iter()
        .filter(|event| matches!(event, Event::FourEyesRequestApproved { .. }));
    assert_eq!(approved.count(), 3);
    // Each says how it was decided.
    let record = bob.get("/requests/2").await;
    assert!(
        record.body.contains("one-time code for 3 requests at once"),
        "{}",
        said(&record)
    );
}

#[tokio::test]
async fn unlike_ones_are_chosen_one_by_one_and_rejections_may_be_mixed() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    scene.request(SNAPSHOTS[1]).await;
    // Data without a snapshot is another operation (105).
    scene.delete(ObjectKind::Data, &vec![2; 1 << 20]).await;
    scene.server.clock.advance_seconds(60);
    assert_eq!(scene.server.app.vault.seal_finished().await.unwrap(), 1);
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/decide?id=1&id=2&id=3&choose=approve").await;
    assert!(
        page.body.contains("they differ in what they do. 2 of 3 are alike"),
        "{}",
        said(&page)
    );
    assert!(is_set(&page, "approve-1") && is_set(&page, "approve-2"));
    assert!(
        is_set(&page, "leave-3") && !is_set(&page, "approve-3"),
        "one click does not choose it"
    );
    let rejected = bob.get("/requests/decide?id=1&id=2&id=3&choose=reject").await;
    assert!(is_set(&rejected, "reject-3"));
    let mixed = [("1", "approve"), ("2", "approve"), ("3", "reject")];
    let done = send(&mut bob, &page, &mixed, &scene.server.code("bob")).await;
    assert!(said(&done).contains("3 of 3 decided"), "{}", said(&done));
    assert_eq!(state(&scene, 2).await, State::Approved);
    assert_eq!(state(&scene, 3).await, State::Rejected);
}

#[tokio::test]
async fn what_cannot_be_decided_is_told_and_keeps_no_other_back() {
    let scene = Scene::set().await;
    for snapshot in SNAPSHOTS {
        scene.request(snapshot).await;
    }
    let mut bob = scene.browser("bob").await;
    // The second without the first cannot be approved, and the page says so and helps.
    let page = bob.get("/requests/decide?id=2&id=3").await;
    assert!(page.body.contains("have to be approved before: #1."), "{}", said(&page));
    let with_it = between(&page.body, "have to be approved before: #1. <a href=\"", "\"").replace("&#38;", "&");
    assert_eq!(with_it, "/requests/decide?id=2&id=3&id=1");
    let page = bob.get("/requests/decide?id=1&id=2&id=3").await;
    // Somebody is first.
    let mut ann = scene.browser("ann").await;
    let other = ann.get("/requests/3").await;
    let code = scene.server.code("ann");
    assert_eq!(
        scene.decide(&mut ann, &other, "reject", &code).await.status.as_u16(),
        303
    );
    let all = [("1", "approve"), ("2", "reject"), ("3", "approve")];
    let done = send(&mut bob, &page, &all, &scene.server.code("bob")).await;
    let text = said(&done);
    assert!(text.contains("1 of 3 decided"), "{text}");
    assert!(text.contains("was rejected by ann"), "{text}");
    assert!(text.contains("the request changed since you looked"), "{text}");
    assert_eq!(state(&scene, 1).await, State::Approved);
    assert_eq!(state(&scene, 2).await, State::Pending);
    assert!(done.body.contains("/requests/decide?id=2\""), "{}", done.body);
}

#[tokio::test]
async fn whoever_asked_cannot_approve_many_either() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    scene.request(SNAPSHOTS[1]).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/requests/decide?id=1&id=2&choose=approve").await;
    assert!(page.body.contains("You asked for this yourself"));
    assert!(is_set(&page, "leave-1"), "what is closed is not chosen");
    let code = scene.server.code("ann");
    let forged = send(&mut ann, &page, &[("1", "approve"), ("2", "approve")], &code).await;
    assert!(said(&forged).contains("0 of 2 decided"), "{}", said(&forged));
    assert_eq!(state(&scene, 1).await, State::Pending);
    // The code was not used up: she may take it back with it.
    let back = send(&mut ann, &page, &[("1", "reject"), ("2", "reject")], &code).await;
    assert!(said(&back).contains("2 of 2 decided"), "{}", said(&back));
    let nothing = send(&mut ann, &page, &[("1", "leave")], &code).await;
    assert_eq!(nothing.status.as_u16(), 422);
    assert!(nothing.body.contains("None of these waits any more"));
}
