//! Deciding: who may, on what, and what becomes of it.

use countersign_core::{ObjectKind, Role};
use countersign_events::Event;
use insta::assert_snapshot;

use super::scene::{SNAPSHOTS, Scene, between, hidden, part, said};
use crate::testing::NOW;
use crate::testing::people::Answer;

#[tokio::test]
async fn the_request_as_its_initiator_sees_it() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/requests/1").await;
    assert_snapshot!(part(&page, "Decide", "Comment (optional)"), @"
    Decide
    Your decision
    Approve
    You asked for this yourself: a second person must approve it. You can reject it.
    Reject
    Brings everything back.
    ");
    // A form that says otherwise is refused, without using up the code.
    let code = scene.server.code("ann");
    let refused = scene.decide(&mut ann, &page, "approve", &code).await;
    assert_eq!(refused.status.as_u16(), 403);
    let rejected = scene.decide(&mut ann, &page, "reject", &code).await;
    assert_eq!(rejected.location(), "/requests/1?done=rejected");
}

#[tokio::test]
async fn the_request_as_a_supervisor_sees_it() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    assert_snapshot!(said(&bob.get("/requests/1").await), @r"
    200
    Pending / request 1
    Delete snapshot main/laptop/d618fb15
    Pending
    Asked by
    ann from 198.51.100.7
    When
    2026-11-18 14:06 UTC (1 min ago)
    Record
    Its events
    Expires
    2026-11-25 14:07 UTC (in 6 d 23 h)
    Before you decide
    Note: Nothing of this account was approved here in the last twelve weeks, so what is usual is not known.
    If approved, this is lost for good
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
    What stays: 2 snapshots, 3.0 MiB; the newest is of 2026-11-18 13:06 UTC (1 h 1 min ago) .
    Snapshots, by when this server received them
    Received Snapshot From
    2026-11-18 11:06 UTC (3 h 1 min ago) d618fb15 ann
    Look into these snapshots with the repository’s password
    Repository password
    Shows host, user, paths, times and sizes, as the client wrote them. What it opens is kept in this server’s memory for 15 minutes, for this browser alone; the password is not kept at all.
    Look
    Manifest
    SHA-256 of exactly what is decided on: this request and every object in it. If anything differs later, nothing is done.
    Decide
    Your decision
    Approve
    Deletes for good.
    Reject
    Brings everything back.
    Comment (optional)
    Kept with the decision.
    One-time code
    A fresh one from your authenticator app.
    Record my decision
    Every object
    Kind Name Size Received From
    snapshots d618fb157a4b382e92fcd4a830c5fa8adef45a809543c524f7904e38f867dac8 6 B 2026-11-18 11:06 UTC (3 h 1 min ago) ann
    1 object
    ");
}

#[tokio::test]
async fn the_request_as_somebody_who_may_not_decide_sees_it() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let soon = NOW.plus_seconds(86_400);
    scene
        .server
        .colleague("nina", &[Role::SecurityAdministrator], soon)
        .await;
    scene.server.colleague("olaf", &[Role::BackupAdministrator], NOW).await;
    let mut nina = scene.browser("nina").await;
    assert_snapshot!(part(&nina.get("/requests/1").await, "Decide", "Every object"), @"
    Decide
    Your account was added, promoted or given a new second factor too recently. It may approve from 2026-11-19 11:06 UTC (in 20 h 58 min) .
    ");
    let mut olaf = scene.browser("olaf").await;
    assert_snapshot!(part(&olaf.get("/requests/1").await, "Decide", "Every object"), @"
    Decide
    Only a security administrator decides requests.
    ");
    // The form that others are shown, sent nevertheless.
    let mut bob = scene.browser("bob").await;
    let shown = bob.get("/requests/1").await;
    for (name, browser) in [("nina", &mut nina), ("olaf", &mut olaf)] {
        let own = hidden(&browser.get("/requests/1").await, "csrf");
        let mut forged = shown.clone();
        forged.body = shown.body.replace(&hidden(&shown, "csrf"), &own);
        let code = scene.server.code(name);
        for decision in ["approve", "reject"] {
            let refused = scene.decide(browser, &forged, decision, &code).await;
            assert_eq!(refused.status.as_u16(), 403, "{name} {decision}");
            assert!(refused.body.contains("Nothing was decided."), "{name} {decision}");
        }
    }
}

#[tokio::test]
async fn approved_purged_and_found_in_history() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/1").await;
    let approved = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(
        (approved.status.as_u16(), approved.location()),
        (303, "/requests/1?done=approved")
    );
    let purging = bob.get("/requests/1").await;
    assert!(
        purging.body.contains("data-live=\"3\"") && said(&purging).contains("Being removed: 0 of 1 object so far.")
    );
    scene.server.app.vault.purge_due().await.unwrap();
    let (_, page) = bob.open(approved.location()).await;
    assert_snapshot!(said(&page), @r"
    200
    Your approval was recorded.
    History / request 1
    Delete snapshot main/laptop/d618fb15
    Approved
    Asked by
    ann from 198.51.100.7
    When
    2026-11-18 14:06 UTC (1 min ago)
    Record
    Its events
    Approved for deletion
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
    What stays, as of when it was asked for: 2 snapshots, 3.0 MiB; the newest is of 2026-11-18 13:06 UTC (1 h 1 min ago) .
    Snapshots, by when this server received them
    Received Snapshot From
    2026-11-18 11:06 UTC (3 h 1 min ago) d618fb15 ann
    Manifest
    SHA-256 of exactly what is decided on: this request and every object in it. If anything differs later, nothing is done.
    Approved
    By
    bob
    When
    2026-11-18 14:08 UTC (just now)
    How
    one-time code, from 192.0.2.7
    Comment
    as agreed &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;
    Result
    Removed: 1 object, 6 B, 2026-11-18 14:08 UTC (just now) .
    Every object
    Kind Name Size Received From
    snapshots d618fb157a4b382e92fcd4a830c5fa8adef45a809543c524f7904e38f867dac8 6 B 2026-11-18 11:06 UTC (3 h 1 min ago) ann
    1 object
    ");
    assert!(page.body.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    assert_snapshot!(said(&bob.get("/history").await), @"
    200
    History
    Asked from
    To
    Request
    Person
    Decision
    all Approved Rejected Expired
    Operation
    all Delete snapshot Delete object Delete backup Delete storage Delete log backup Delete configuration backup Delete service provider Update repository Update security settings Disable four-eyes authorization Other operations
    Filter
    Clear
    Request Decision Operation Backup Size Asked by Decided by
    #1
    Approved
    Delete snapshot main/laptop/d618fb15
    main/laptop
    6 B
    ann 2026-11-18 14:06 UTC (1 min ago)
    bob 2026-11-18 14:08 UTC (just now)
    ");
    let events = scene.server.events().await;
    let ids: Vec<_> = events.iter().rev().take(2).map(Event::id).collect();
    assert_eq!(ids, [10050, 42403], "the snapshot is told where it goes");
}

#[tokio::test]
async fn approving_takes_the_earlier_along_and_rejecting_the_later() {
    let scene = Scene::set().await;
    for snapshot in SNAPSHOTS {
        scene.request(snapshot).await;
    }
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/2").await;
    assert_snapshot!(part(&page, "Decide", "Comment (optional)"), @r"
    Decide
    Your decision
    Approve this and 1 earlier
    Deletes for good.
    Takes along, 6 B in all:
    #1 Delete snapshot main/laptop/d618fb15 , 6 B, by ann
    Reject this and 1 later
    Brings everything back.
    Takes along, because they were asked for as if this were gone:
    #3 Delete snapshot main/laptop/e86421cb , 9 B, by ann every snapshot
    ");
    let approved = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(approved.location(), "/requests/2?done=approved");
    assert!(said(&bob.get("/requests/1").await).contains("Approved"));
    assert_snapshot!(part(&bob.get("/requests/3").await, "Decide", "Comment (optional)"), @"
    Decide
    Your decision
    Approve
    Deletes for good.
    Reject
    Brings everything back.
    ");

    let scene = Scene::set().await;
    for snapshot in SNAPSHOTS {
        scene.request(snapshot).await;
    }
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/2").await;
    let rejected = scene.decide(&mut bob, &page, "reject", &scene.server.code("bob")).await;
    assert_eq!(rejected.location(), "/requests/2?done=rejected");
    assert_snapshot!(part(&bob.get("/requests/3").await, "Rejected", "Every object"), @r"
    Rejected
    Asked by
    ann from 198.51.100.7
    When
    2026-11-18 14:08 UTC (1 min ago)
    Record
    Its events
    Kept
    From backup main/laptop
    Snapshots alone, as “restic forget” deletes them. Their data stays until a later request asks for it, but without them clients find nothing of it.
    Snapshots
    1 received 2026-11-18 13:06 UTC
    Size
    9 B 9 bytes
    Share of the backup
    under 1 %
    Objects
    1 1 snapshots
    What stays, as of when it was asked for: 0 snapshots, 3.0 MiB.
    Snapshots, by when this server received them
    Received Snapshot From
    2026-11-18 13:06 UTC (1 h 3 min ago) e86421cb ann
    Manifest
    SHA-256 of exactly what is decided on: this request and every object in it. If anything differs later, nothing is done.
    Rejected
    By
    bob
    When
    2026-11-18 14:10 UTC (just now)
    How
    one-time code, from 192.0.2.7
    Why
    It was computed as if the objects of request 2 were gone, and that one was rejected.
    Comment
    as agreed &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;
    Result
    All back in place: 1 object, 9 B.
    ");
    assert!(said(&bob.get("/requests/1").await).contains("If approved, this is lost for good"));
}

#[tokio::test]
async fn a_collection_that_emptied_and_a_request_that_never_was() {
    let scene = Scene::set().await;
    scene.delete(ObjectKind::Snapshots, SNAPSHOTS[0]).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/requests/1").await;
    assert_snapshot!(said(&page), @r"
    200
    Pending / request 1
    Delete object main/laptop
    Collecting
    Asked by
    ann you from 198.51.100.7
    When
    2026-11-18 14:06 UTC (just now)
    Record
    Its events
    Before you decide
    Note: Nothing of this account was approved here in the last twelve weeks, so what is usual is not known.
    Held so far
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
    What stays: 2 snapshots, 3.0 MiB; the newest is of 2026-11-18 13:06 UTC (1 h ago) .
    Snapshots, by when this server received them
    Received Snapshot From
    2026-11-18 11:06 UTC (3 h ago) d618fb15 ann
    Not a request yet
    The client is still deleting. What it deletes is hidden from it and kept here. It becomes a request when the client is quiet; then it can be decided.
    End collecting now
    ");
    scene.put(ObjectKind::Snapshots, SNAPSHOTS[0]).await;
    let sealed = ann.post("/requests/1/seal", &[("csrf", &page.csrf())]).await;
    let (_, closed) = ann.open(sealed.location()).await;
    assert_snapshot!(said(&closed), @"
    410
    Already over
    Everything that was collected for request 1 was uploaded again, so there is nothing to decide.
    Nothing was changed. Look at the current state before you try again.
    All pending
    Status 410
    ");
    assert_snapshot!(said(&ann.get("/requests/99").await), @"
    404
    Not found
    There is no request 99.
    It may have another number or name, or be gone: look at what is pending, or in History.
    All pending
    Status 404
    ");
}

#[tokio::test]
async fn nobody_approves_their_own_along_with_anothers() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let csrf = bob.get("/pending").await.csrf();
    let whole = [("csrf", csrf.as_str()), ("name", "laptop")];
    bob.post("/backups/main/laptop/delete", &whole).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/requests/2").await;
    assert_snapshot!(part(&page, "Decide", "Comment (optional)"), @"
    Decide
    Your decision
    Approve this and 1 earlier
    Request #1 , which would be approved along with this one, is yours. A second person must approve it.
    Reject
    Brings everything back.
    ");
    let refused = scene
        .decide(&mut ann, &page, "approve", &scene.server.code("ann"))
        .await;
    assert_eq!(refused.status.as_u16(), 403);
    assert!(
        said(&refused).contains("Nothing was decided. Request #1"),
        "{}",
        said(&refused)
    );
}

#[tokio::test]
async fn a_request_past_its_time_can_only_be_rejected() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    scene.server.clock.advance_seconds(7 * 86_400);
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/1").await;
    assert_snapshot!(part(&page, "Decide", "Comment (optional)"), @"
    Decide
    Your decision
    Approve
    The time to approve is over. Everything comes back as soon as the backup is quiet.
    Reject
    Brings everything back.
    ");
    let refused = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(refused.status.as_u16(), 403);
    scene.server.app.vault.expire_overdue().await.unwrap();
    let late = scene.decide(&mut bob, &page, "reject", &scene.server.code("bob")).await;
    assert_snapshot!(said(&late).lines().find(|line| line.starts_with("Your decision")).unwrap(), @"Your decision came too late. The request expired, 2026-11-25 14:08 UTC (just now) .");
    assert_snapshot!(part(&late, "Expired", "Every object").lines().skip_while(|line| *line != "By").collect::<Vec<_>>().join("\n"), @"
    By
    nobody: its time was over
    When
    2026-11-25 14:08 UTC (just now)
    Why
    Nobody decided in time.
    Result
    All back in place: 1 object, 6 B.
    ");
}

#[tokio::test]
async fn a_long_manifest_is_read_page_by_page() {
    let scene = Scene::set().await;
    let packs: Vec<_> = (0..101_u8).map(|pack| [pack; 9]).collect();
    for pack in &packs {
        scene.put(ObjectKind::Data, pack).await;
    }
    for pack in &packs {
        scene.delete(ObjectKind::Data, pack).await;
    }
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let first = bob.get("/requests/1").await;
    let objects = |page: &Answer| {
        let list = page.body.split_once("<h2 id=\"objects\"").unwrap().1;
        list.matches("<code class=\"name\">").count()
    };
    let next = between(&first.body, "<a href=\"/requests/1?after=", "\"");
    assert_eq!(objects(&first), 100);
    let second = bob
        .get(&format!("/requests/1?after={next}").replace("#objects", ""))
        .await;
    assert_eq!(objects(&second), 2);
    assert!(second.body.contains("← First") && !second.body.contains("Next →"));
    assert!(said(&second).contains("102 objects"));
    // A place in the list that somebody made up is the beginning.
    assert_eq!(objects(&bob.get("/requests/1?after=%3Cscript%3E").await), 100);
}

#[tokio::test]
async fn an_approval_that_can_still_be_vetoed_is_shown_and_vetoed() {
    let scene = Scene::set().await;
    scene
        .policy(countersign_core::Policy {
            four_eyes: true,
            ..countersign_core::Policy::default()
        })
        .await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let shown = bob.get("/requests/1").await;
    let approved = scene
        .decide(&mut bob, &shown, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(approved.location(), "/requests/1?done=approved");
    let pending = bob.get("/pending").await;
    assert!(
        pending.body.contains("Approved, can still be vetoed"),
        "{}",
        said(&pending)
    );
    assert!(bob.get("/history").await.body.contains("can still be vetoed"));
    // Whoever asked sees the form, too.
    let mut ann = scene.browser("ann").await;
    let shown = ann.get("/requests/1").await;
    assert!(
        shown.body.contains("unless someone vetoes it before"),
        "{}",
        said(&shown)
    );
    scene.server.clock.advance_seconds(30);
    let csrf = hidden(&shown, "csrf");
    let veto = |code: String| {
        [
            ("csrf", csrf.clone()),
            ("comment", "not <b>that</b>".to_owned()),
            ("code", code),
        ]
    };
    for (code, ended) in [("000000".to_owned(), false), (scene.server.code("ann"), true)] {
        let fields = veto(code);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = ann.post("/requests/1/veto", &fields).await;
        if ended {
            assert_eq!(answer.location(), "/requests/1?done=vetoed");
        } else {
            assert_eq!(answer.status.as_u16(), 422);
            assert!(answer.body.contains("the code is wrong"), "{}", said(&answer));
        }
    }
    let page = ann.get("/requests/1").await;
    assert!(said(&page).contains("Vetoed by ann"), "{}", said(&page));
    assert!(!page.body.contains("<b>that") && !page.body.contains("/requests/1/veto"));
    assert!(said(&ann.get("/history").await).contains("vetoed by ann"));
    let late = ann
        .post(
            "/requests/1/veto",
            &[("csrf", &csrf), ("code", &scene.server.code("ann"))],
        )
        .await;
    assert_eq!(late.status.as_u16(), 409);
    assert!(late.body.contains("it is already vetoed"), "{}", said(&late));
}
