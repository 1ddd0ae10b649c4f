//! Deciding, and everything that can come between: somebody else, a client, a change, a wrong code.

use countersign_core::ObjectKind;
use countersign_events::Event;
use insta::assert_snapshot;

use super::scene::{SNAPSHOTS, Scene, hidden, part, said};
use crate::testing::people::Answer;

#[tokio::test]
async fn someone_was_faster() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let seen = bob.get("/requests/1").await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/requests/1").await;
    scene.decide(&mut ann, &page, "reject", &scene.server.code("ann")).await;
    let late = scene
        .decide(&mut bob, &seen, "approve", &scene.server.code("bob"))
        .await;
    assert_snapshot!(said(&late), @r"
    409
    History / request 1
    Delete snapshot main/laptop/d618fb15
    Rejected
    Asked by
    ann from 198.51.100.7
    When
    2026-11-18 14:06 UTC (2 min ago)
    Record
    Its events
    Your decision came too late. The request was rejected by ann , 2026-11-18 14:08 UTC (just now) .
    Kept
    From backup main/laptop
    Snapshots alone, as “restic forget” deletes them. Their data stays until a later request asks for it, but without them clients find nothing of it.
    Snapshots
    1 received 2026-11-18 11:06 UTC
    Size
    6 B 6 bytes
    Share of the backup
    under 1 %
    Objects
    1 1 snapshots
    What stays, as of when it was asked for: 2 snapshots, 3.0 MiB; the newest is of 2026-11-18 13:06 UTC (1 h 2 min ago) .
    Snapshots, by when this server received them
    Received Snapshot From
    2026-11-18 11:06 UTC (3 h 2 min ago) d618fb15 ann
    Manifest
    SHA-256 of exactly what is decided on: this request and every object in it. If anything differs later, nothing is done.
    Rejected
    By
    ann
    When
    2026-11-18 14:08 UTC (just now)
    How
    one-time code, from 192.0.2.7
    Comment
    as agreed &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;
    Result
    All back in place: 1 object, 6 B.
    Every object
    Kind Name Size Received From
    snapshots d618fb157a4b382e92fcd4a830c5fa8adef45a809543c524f7904e38f867dac8 6 B 2026-11-18 11:06 UTC (3 h 2 min ago) ann
    1 object
    ");
}

#[tokio::test]
async fn a_code_that_is_wrong_used_or_one_too_many() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.server.browser();
    bob.log_on("bob").await;
    let page = bob.get("/requests/1").await;
    let told = |answer: &Answer| {
        let said = said(answer);
        let line = said
            .lines()
            .find(|line| line.starts_with("Nothing was decided"))
            .unwrap_or_default();
        format!("{} {line}", answer.status.as_u16())
    };
    // The code of the logon.
    let used = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_snapshot!(told(&used), @"422 Nothing was decided: that code was used already. Each code works once. Wait for your app to show the next one.");
    assert!(used.body.contains("id=\"approve\"") && used.body.contains("checked"));
    assert!(
        used.body.contains("as agreed &#60;script&#62;"),
        "what was typed stays: {}",
        used.body
    );
    let wrong = scene.decide(&mut bob, &page, "approve", "000000").await;
    assert_snapshot!(told(&wrong), @"422 Nothing was decided: the code is wrong. Wait for your app to show the next one, then try again.");
    let mut last = wrong;
    for _ in 0..20 {
        last = scene.decide(&mut bob, &page, "approve", "000000").await;
    }
    assert_eq!(last.status.as_u16(), 429);
    assert!(last.headers.contains_key("retry-after"));
    assert!(
        told(&last).starts_with("429 Nothing was decided: too many wrong codes."),
        "{}",
        told(&last)
    );
    let nothing = scene.decide(&mut bob, &page, "", "000000").await;
    assert_snapshot!(told(&nothing), @"422 Nothing was decided. Choose approve or reject, then try again.");
}

#[tokio::test]
async fn a_backup_in_use_is_said_before_and_after_the_try() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    scene.put(ObjectKind::Locks, b"a lock").await;
    let page = bob.get("/requests/1").await;
    assert_snapshot!(part(&page, "Decide", "Approve"), @"
    Decide
    The backup is in use since 2026-11-18 14:08 UTC (just now) , by ann . Until that ends, a decision changes nothing and can be tried again.
    Your decision
    ");
    let busy = scene.decide(&mut bob, &page, "reject", &scene.server.code("bob")).await;
    assert_eq!(busy.status.as_u16(), 409);
    assert_snapshot!(said(&busy).lines().find(|line| line.starts_with("Nothing was decided")).unwrap(), @"Nothing was decided: the backup is in use since 2026-11-18 14:08 UTC (just now) , by ann . A decision now could hurt what that client is doing. Try again when it has finished.");
    scene.delete(ObjectKind::Locks, b"a lock").await;
    let page = bob.get("/requests/1").await;
    assert_snapshot!(part(&page, "Decide", "Approve"), @"
    Decide
    The backup is in use, or was until a moment ago; it is quiet in 15 s at the earliest. Until then a rejection changes nothing and can be tried again.
    Your decision
    ");
    scene.server.clock.advance_seconds(60);
    let page = bob.get("/requests/1").await;
    let done = scene.decide(&mut bob, &page, "reject", &scene.server.code("bob")).await;
    assert_eq!(done.location(), "/requests/1?done=rejected");
}

#[tokio::test]
async fn what_changed_since_it_was_seen_is_not_decided() {
    let scene = Scene::set().await;
    scene.delete(ObjectKind::Snapshots, SNAPSHOTS[0]).await;
    scene.request(SNAPSHOTS[1]).await;
    let mut bob = scene.browser("bob").await;
    let seen = bob.get("/requests/1").await;
    // The client sends one of them again.
    scene.put(ObjectKind::Snapshots, SNAPSHOTS[0]).await;
    scene.server.clock.advance_seconds(60);
    let changed = scene
        .decide(&mut bob, &seen, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(changed.status.as_u16(), 409);
    assert_snapshot!(said(&changed).lines().find(|line| line.starts_with("Nothing was decided")).unwrap(), @"Nothing was decided: the request changed since you looked. What you see now is the current state. Read it again, then decide.");
    // What it shows now can be decided, with the same code: it was not used.
    let approved = scene
        .decide(&mut bob, &changed, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(approved.location(), "/requests/1?done=approved");
}

#[tokio::test]
async fn a_rejection_takes_no_request_along_that_was_not_shown() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let seen = bob.get("/requests/1").await;
    scene.request(SNAPSHOTS[1]).await;
    let changed = scene.decide(&mut bob, &seen, "reject", &scene.server.code("bob")).await;
    assert_eq!(changed.status.as_u16(), 409);
    assert!(changed.body.contains("the request changed since you looked"));
    // An approval would take nothing later along.
    let approved = scene
        .decide(&mut bob, &seen, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(approved.location(), "/requests/1?done=approved");
}

#[tokio::test]
async fn a_form_without_the_session_s_token_decides_nothing() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let mut page = bob.get("/requests/1").await;
    page.body = page.body.replace(&hidden(&page, "csrf"), "forged");
    let refused = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_snapshot!(said(&refused), @"
    403
    Not allowed
    This form is out of date. Open the page again and send it once more.
    Nothing was changed.
    All pending
    Status 403
    ");
    assert!(said(&bob.get("/requests/1").await).contains("If approved, this is lost for good"));
}

#[tokio::test]
async fn two_decide_at_once_and_one_wins() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let (mut ann, mut bob) = (scene.browser("ann").await, scene.browser("bob").await);
    let (hers, his) = (ann.get("/requests/1").await, bob.get("/requests/1").await);
    let (code_of_ann, code_of_bob) = (scene.server.code("ann"), scene.server.code("bob"));
    let (rejecting, approving) = tokio::join!(
        scene.decide(&mut ann, &hers, "reject", &code_of_ann),
        scene.decide(&mut bob, &his, "approve", &code_of_bob),
    );
    let mut statuses = [rejecting.status.as_u16(), approving.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    let decided = scene.server.events().await.into_iter().filter(|event| {
        matches!(
            event,
            Event::FourEyesRequestApproved { .. } | Event::FourEyesRequestRejected { .. }
        )
    });
    assert_eq!(decided.count(), 1);
}

#[tokio::test]
async fn what_lies_there_is_not_what_is_listed() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/1").await;
    std::fs::remove_dir_all(scene.server.house.data().join("storages/1")).unwrap();
    let refused = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(refused.status.as_u16(), 409);
    assert_snapshot!(said(&refused).lines().find(|line| line.starts_with("Nothing was decided")).unwrap(), @"Nothing was decided: what lies in the vault is not what this request lists. It cannot be approved any more. Something else has changed the server’s files: look into that first, then reject the request, so that the client can ask again.");
}
