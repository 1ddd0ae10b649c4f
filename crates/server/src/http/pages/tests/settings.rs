//! Settings, tokens, and deleting a backup: at once or by a request.

use countersign_core::Policy;
use insta::assert_snapshot;

use super::scene::{SNAPSHOTS, Scene, between, part, said};

#[tokio::test]
async fn settings_are_saved_at_once_while_four_eyes_authorization_is_off() {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/settings").await;
    assert_snapshot!(part(&page, "Four-eyes authorization", "Requests, events and logging on"), @"
    Four-eyes authorization
    Off Deletes happen at once, by one person or one stolen token.
    2 accounts can approve. Turning it off again needs a second person.
    Turn four-eyes authorization on
    ");
    let numbers = |days: &'static str| {
        [
            ("expiry_days", days),
            ("quiet_seconds", "15"),
            ("collect_seconds", "3600"),
            ("cool_off_hours", "24"),
            ("held_gib", "2"),
            ("logoff_minutes", "30"),
            ("session_hours", "12"),
            ("open_requests", "100"),
            ("undo_hours", "24"),
        ]
    };
    let csrf = page.csrf();
    let with = |days| [[("csrf", csrf.as_str())].as_slice(), &numbers(days)].concat();
    let saved = ann.post("/settings", &with("14")).await;
    assert_eq!((saved.status.as_u16(), saved.location()), (303, "/settings?done=saved"));
    assert!(ann.get("/settings").await.body.contains("value=\"14\""));
    for (days, problem) in [
        ("31", "Expiry days must be from 1 to 30."),
        ("\"><b>", "must be a whole number."),
    ] {
        let refused = ann.post("/settings", &with(days)).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert!(said(&refused).contains(problem), "{}", said(&refused));
        assert!(!refused.body.contains("<b>"));
    }
    let turned = ann.post("/settings/four-eyes/on", &[("csrf", &csrf)]).await;
    assert_eq!(turned.location(), "/settings?done=on");
    let same = ann.post("/settings", &with("14")).await;
    assert_eq!(same.location(), "/settings?done=unchanged");
}

#[tokio::test]
async fn turning_it_off_is_a_request() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let csrf = ann.get("/settings").await.csrf();
    let asked = ann.post("/settings/four-eyes/off", &[("csrf", &csrf)]).await;
    assert_eq!((asked.status.as_u16(), asked.location()), (303, "/requests/1/recorded"));
    assert_snapshot!(said(&ann.get("/requests/1/recorded").await), @"
    200
    Recorded as request 1
    Disable four-eyes authorization
    It is held: nothing is lost, and no setting has changed. A second person must approve it before 2026-11-25 14:07 UTC (in 7 d) ; otherwise everything is as it was.
    Look at the request All pending
    ");
    assert_snapshot!(part(&ann.get("/settings").await, "Four-eyes authorization", "Requests, events and logging on"), @"
    Four-eyes authorization
    On Whatever deletes backups waits for a second person.
    Request 1 to turn it off is waiting for a second person.
    ");
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/1").await;
    assert_snapshot!(part(&page, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Four-eyes authorization on off
    ");
    let approved = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(approved.location(), "/requests/1?done=approved");
    assert!(said(&bob.get("/requests/1").await).contains("The change was made."));
    assert!(said(&bob.get("/settings").await).contains("Deletes happen at once"));
    assert_eq!(bob.get("/requests/1/recorded").await.location(), "/requests/1");
}

#[tokio::test]
async fn a_change_whose_ground_has_moved_is_not_made() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let csrf = ann.get("/settings").await.csrf();
    ann.post("/settings/four-eyes/off", &[("csrf", &csrf)]).await;
    scene
        .policy(Policy {
            four_eyes: true,
            expiry_days: 3,
            ..Policy::default()
        })
        .await;
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/1").await;
    let refused = scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    assert_eq!(refused.status.as_u16(), 409);
    assert_snapshot!(said(&refused).lines().find(|line| line.starts_with("Nothing was decided")).unwrap(), @"Nothing was decided. What it would change is no longer as it was when this was asked for. Reject it, and ask again.");
}

#[tokio::test]
async fn a_token_is_shown_once_and_gone_when_revoked() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let csrf = ann.get("/tokens").await.csrf();
    let form = [
        ("csrf", csrf.as_str()),
        ("label", "<script>alert('x')</script>"),
        ("scope", "main/laptop"),
        ("rights", "append"),
    ];
    let made = ann.post("/tokens", &form).await;
    assert_eq!(made.status.as_u16(), 200);
    assert!(!made.body.contains("<script>alert"));
    let secret = between(
        &made.body,
        "<dt>Token</dt><dd><code class=\"long\" translate=\"no\">",
        "<",
    )
    .to_owned();
    assert!(
        made.body
            .contains(&format!("rest:http://ann:{secret}@127.0.0.1:8765/restic/main/laptop/"))
    );
    let list = ann.get("/tokens").await;
    assert!(!list.body.contains(&secret));
    assert_snapshot!(part(&list, "Repository tokens", "New token"), @"
    Repository tokens
    A backup client shows one with every request. These are yours; what a client does with one is done in your name.
    Token Backups Rights Made Last use Ends Revoke
    &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;
    main/laptop
    append
    2026-11-18 14:07 UTC (just now)
    never
    never
    Revoke &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;
    ");
    let basic = data_encoding::BASE64.encode(format!("ann:{secret}").as_bytes());
    let basic: &'static str = Box::leak(format!("Basic {basic}").into_boxed_str());
    let mut client = scene.server.browser();
    client.headers.push(("authorization", basic));
    let listed = client.get("/restic/main/laptop/snapshots/").await;
    assert_eq!(listed.status.as_u16(), 200);
    let mut bob = scene.browser("bob").await;
    let bobs = bob.get("/tokens").await.csrf();
    assert_eq!(
        bob.post("/tokens/1/revoke", &[("csrf", &bobs)]).await.status.as_u16(),
        404,
        "another's"
    );
    assert_eq!(
        ann.post("/tokens/1/revoke", &[("csrf", &csrf)]).await.location(),
        "/tokens?done=revoked"
    );
    assert_eq!(client.get("/restic/main/laptop/snapshots/").await.status.as_u16(), 401);
    for (field, value) in [("label", ""), ("scope", "laptop"), ("rights", "all")] {
        let form = form.map(|(name, old)| if name == field { (name, value) } else { (name, old) });
        assert_eq!(ann.post("/tokens", &form).await.status.as_u16(), 422, "{field}");
    }
}

#[tokio::test]
async fn a_whole_backup_is_asked_for_by_its_name() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let csrf = bob.get("/backups/main/laptop").await.csrf();
    let mistyped = bob
        .post("/backups/main/laptop/delete", &[("csrf", &csrf), ("name", "laptops")])
        .await;
    assert_eq!(mistyped.status.as_u16(), 422);
    assert!(said(&mistyped).contains("That is not the name of this backup."));
    let asked = bob
        .post("/backups/main/laptop/delete", &[("csrf", &csrf), ("name", "laptop")])
        .await;
    assert_eq!(asked.location(), "/requests/2/recorded");
    assert!(said(&bob.get("/requests/2").await).contains("The whole backup main/laptop"));
    let page = bob.get("/backups/main/laptop").await;
    assert!(!page.body.contains("Type the name of the backup"));
    assert_eq!(
        bob.post("/backups/main/laptop/delete", &[("csrf", &csrf), ("name", "laptop")])
            .await
            .status
            .as_u16(),
        404
    );
}

#[tokio::test]
async fn why_it_is_asked_for_is_kept_and_shown_to_whoever_decides() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/settings").await;
    assert!(page.body.contains("name=\"why\""));
    let csrf = page.csrf();
    let long = "x".repeat(1001);
    let refused = ann
        .post("/settings/four-eyes/off", &[("csrf", &csrf), ("why", &long)])
        .await;
    assert_eq!(refused.status.as_u16(), 422);
    let why = "Move to new\r\nhardware <b>\u{202e}";
    ann.post("/settings/four-eyes/off", &[("csrf", &csrf), ("why", why)])
        .await;
    let shown = scene.browser("bob").await.get("/requests/1").await;
    assert_eq!(
        between(&shown.body, "<dt>Why</dt>", "</div>"),
        "<dd class=\"words\"><bdi>Move to new\nhardware &lt;b&gt;<span class=\"hidden-char\">U+202E</span></bdi></dd>"
    );
}
