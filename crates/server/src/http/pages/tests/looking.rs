//! Looking: who may, what they see, what it costs.

use countersign_core::{ObjectKind, Role};
use insta::assert_snapshot;

use super::scene::{SNAPSHOTS, Scene, said};
use crate::testing::NOW;

const PAGES: [&str; 16] = [
    "/pending",
    "/requests/1",
    "/requests/1/recorded",
    "/history",
    "/events",
    "/backups",
    "/backups/main/laptop",
    "/tokens",
    "/receivers",
    "/receivers/new",
    "/clients",
    "/clients/new",
    "/clients/cli",
    "/service-providers",
    "/service-providers/new",
    "/settings",
];

#[tokio::test]
async fn nobody_looks_without_logging_on() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut nobody = scene.server.browser();
    for page in PAGES {
        let answer = nobody.get(page).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, format!("/auth/login?to={page}").as_str())
        );
        assert!(!answer.body.contains("laptop"), "{page}");
    }
    for form in [
        "/requests/1/decision",
        "/requests/1/seal",
        "/backups/main/laptop/delete",
        "/tokens",
        "/clients",
        "/settings",
    ] {
        let answer = nobody.post(form, &[("csrf", "")]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, "/auth/login?to=/"),
            "{form}"
        );
    }
}

#[tokio::test]
async fn whoever_is_logged_on_sees_everything_and_a_viewer_changes_nothing() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    scene.server.colleague("vera", &[Role::BackupViewer], NOW).await;
    let mut vera = scene.browser("vera").await;
    let (at, _) = vera.open("/").await;
    assert_eq!(at, "/pending");
    let csrf = vera.get("/pending").await.csrf();
    for page in PAGES {
        let answer = vera.get(page).await;
        assert_eq!(answer.status.as_u16(), 200, "{page}: {}", answer.body);
        // The one form that is always there is the one to sign out.
        assert_eq!(
            answer.body.matches("method=\"post\"").count() > 1,
            [
                "/settings",
                "/receivers/new",
                "/clients/new",
                "/clients/cli",
                "/service-providers/new"
            ]
            .contains(&page),
            "{page}"
        );
    }
    for (form, fields) in [
        ("/requests/1/seal", [("x", ""), ("y", "")]),
        ("/backups/main/laptop/delete", [("name", "laptop"), ("y", "")]),
        ("/settings/four-eyes/off", [("x", ""), ("y", "")]),
        ("/receivers/1/remove", [("x", ""), ("y", "")]),
    ] {
        let answer = vera
            .post(form, &[[("csrf", csrf.as_str())].as_slice(), &fields].concat())
            .await;
        assert!(
            [403, 404].contains(&answer.status.as_u16()),
            "{form}: {}",
            said(&answer)
        );
    }
    let token = vera
        .post(
            "/tokens",
            &[("csrf", &csrf), ("label", "mine"), ("scope", "*"), ("rights", "read")],
        )
        .await;
    assert_eq!(token.status.as_u16(), 422);
    assert!(
        vera.get("/pending")
            .await
            .body
            .contains("Four-eyes authorization is <strong>on")
    );
}

#[tokio::test]
async fn pending_when_nothing_waits() {
    let scene = Scene::set().await;
    let mut bob = scene.browser("bob").await;
    assert_snapshot!(said(&bob.get("/pending").await), @"
    200
    Pending
    Refresh
    Nothing waits for a second person.
    When a client deletes from a backup, or someone asks to delete one, the request appears here and nothing is lost until it is approved.
    ");
}

#[tokio::test]
async fn pending_with_a_queue_a_collection_and_a_setting() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    scene.request(SNAPSHOTS[1]).await;
    let mut ann = scene.browser("ann").await;
    let csrf = ann.get("/settings").await.csrf();
    ann.post("/settings/four-eyes/off", &[("csrf", &csrf)]).await;
    scene.put(ObjectKind::Locks, b"a lock").await;
    scene.delete(ObjectKind::Snapshots, SNAPSHOTS[2]).await;
    assert_snapshot!(said(&ann.get("/pending").await), @r"
    200
    Pending
    Refresh
    main/laptop
    In order: the oldest can be approved first, the newest rejected first.
    Decisions wait: in use since 2026-11-18 14:09 UTC (just now) , by ann
    #1 Delete snapshot main/laptop/d618fb15
    yours
    1 snapshot, 1 object, 6 B
    asked by ann , 2026-11-18 14:06 UTC (2 min ago)
    expires 2026-11-25 14:07 UTC (in 6 d 23 h)
    #2 Delete snapshot main/laptop/d78d1a3f
    yours
    1 snapshot, 1 object, 7 B
    asked by ann , 2026-11-18 14:07 UTC (1 min ago)
    expires 2026-11-25 14:08 UTC (in 6 d 23 h)
    Settings and receivers
    #3 Disable four-eyes authorization
    yours
    nobody is asked any more
    a setting
    asked by ann , 2026-11-18 14:09 UTC (just now)
    expires 2026-11-25 14:09 UTC (in 7 d)
    Decide selected…
    Shows all that are ticked on one page, where one factor decides them.
    Still collecting
    A client is deleting. These become requests when it is quiet; what they hold is kept.
    #4 main/laptop
    yours
    End collecting now for request 4
    1 snapshot, 1 object, 9 B so far
    deleted by ann since 2026-11-18 14:09 UTC (just now)
    ends at the latest 2026-11-18 15:09 UTC (in 1 h)
    ");
    let mut bob = scene.browser("bob").await;
    assert_snapshot!(said(&bob.get("/pending").await), @r"
    200
    Pending
    Refresh
    main/laptop
    In order: the oldest can be approved first, the newest rejected first.
    Decisions wait: in use since 2026-11-18 14:09 UTC (just now) , by ann
    #1 Delete snapshot main/laptop/d618fb15
    1 snapshot, 1 object, 6 B
    asked by ann , 2026-11-18 14:06 UTC (3 min ago)
    expires 2026-11-25 14:07 UTC (in 6 d 23 h)
    #2 Delete snapshot main/laptop/d78d1a3f
    1 snapshot, 1 object, 7 B
    asked by ann , 2026-11-18 14:07 UTC (2 min ago)
    expires 2026-11-25 14:08 UTC (in 6 d 23 h)
    Settings and receivers
    #3 Disable four-eyes authorization
    nobody is asked any more
    a setting
    asked by ann , 2026-11-18 14:09 UTC (just now)
    expires 2026-11-25 14:09 UTC (in 6 d 23 h)
    Decide selected…
    Shows all that are ticked on one page, where one factor decides them.
    Still collecting
    A client is deleting. These become requests when it is quiet; what they hold is kept.
    #4 main/laptop
    End collecting now for request 4
    1 snapshot, 1 object, 9 B so far
    deleted by ann since 2026-11-18 14:09 UTC (just now)
    ends at the latest 2026-11-18 15:09 UTC (in 59 min)
    ");
    let csrf = bob.get("/pending").await.csrf();
    let sealed = bob.post("/requests/4/seal", &[("csrf", &csrf)]).await;
    assert_eq!(sealed.location(), "/requests/4?done=sealed");
}

#[tokio::test]
async fn a_backup_and_the_list_of_backups() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    assert_snapshot!(said(&bob.get("/backups").await), @"
    200
    Backups
    Storage main
    3.0 MiB 6 B held
    Backup Snapshots Size Held Last received In use Requests
    laptop
    2
    3.0 MiB
    6 B 1 snapshot, under 1 %
    2026-11-18 13:06 UTC (1 h 1 min ago)
    –
    1 waiting
    ");
    assert_snapshot!(said(&bob.get("/backups/main/laptop").await), @"
    200
    Backups / main
    laptop
    Size
    3.0 MiB that clients see
    Held
    6 B
    under 1 % of all bytes
    Last received
    2026-11-18 13:06 UTC (1 h 1 min ago)
    In use
    no
    Waiting requests
    #1 Delete snapshot main/laptop/d618fb15
    1 snapshot, 1 object, 6 B
    asked by ann , 2026-11-18 14:06 UTC (1 min ago)
    expires 2026-11-25 14:07 UTC (in 6 d 23 h)
    Decide selected…
    Shows all that are ticked on one page, where one factor decides them.
    Snapshots
    By when this server received them. The server cannot read them: a time inside a snapshot is the client’s word.
    Received Snapshot From State
    2026-11-18 13:06 UTC (1 h 1 min ago) e86421cb ann
    in place
    2026-11-18 12:06 UTC (2 h 1 min ago) d78d1a3f ann
    in place
    2026-11-18 11:06 UTC (3 h 1 min ago) d618fb15 ann
    held by request 1
    Objects
    Kind Objects Size Held objects Held size
    snapshots 2 16 B 1 6 B
    data 3 3.0 MiB 0 0 B
    Made 2026-11-18 11:06 UTC (3 h 1 min ago) Ordinary
    Deleting a backup of transaction logs, a WAL archive for example, is an operation of its own (101). Nothing else differs.
    Mark as transaction logs
    Client
    With a repository token , restic reaches it at
    rest:http://bob:TOKEN@127.0.0.1:8765/restic/main/laptop/
    Delete one snapshot
    This becomes a request of its own. Its client’s own way is restic forget.
    Type the snapshot’s first eight digits, or all
    Why (optional)
    Shown to whoever decides, and part of what is decided on.
    Ask to delete the snapshot
    Delete the backup
    This becomes a request. Nothing is lost until a second person approves it.
    Type the name of the backup
    Why (optional)
    Shown to whoever decides, and part of what is decided on.
    Ask to delete it
    ");
    let missing = bob.get("/backups/main/other").await;
    assert_snapshot!(said(&missing), @"
    404
    Not found
    There is no backup of this name.
    It may have another number or name, or be gone: look at what is pending, or in History.
    All pending
    Status 404
    ");
}

#[tokio::test]
async fn events_and_history_are_narrowed_and_say_what_they_do_not_understand() {
    let scene = Scene::set().await;
    scene.request(SNAPSHOTS[0]).await;
    let mut bob = scene.browser("bob").await;
    let found = said(&bob.get("/events?id=42402").await);
    let (shown, line) = found
        .split_once("The line as it leaves; one click selects all of it.")
        .unwrap();
    // When is told in the local time of the machine.
    assert!(
        line.contains("[categoryId=0 instanceId=42402 Operation=&#34;Delete snapshot main/laptop/d618fb15&#34; "),
        "{line}"
    );
    assert_snapshot!(shown, @"
    200
    Events
    From
    To
    Event ids
    Severity
    all Info Warning and Error Warning Error
    Person
    Request
    Filter
    Clear
    Event 1 2026-11-18 14:07 UTC (just now) Info 42402 Request #1
    Four-Eyes Authorization Request Created Delete snapshot main/laptop/d618fb15 event has been initiated by ann and requires an additional approval.
    All parameters of event 1
    Operation
    Delete snapshot main/laptop/d618fb15
    OperationId
    104
    InitiatorFullInfo
    &lt;ModifiedUserInfo fullName=&quot;ann&quot; loginType=&quot;0&quot; /&gt;
    VbrHostName
    vbrsrv01
    VbrVersion
    0.1.0
    Version
    1
    Description
    Delete snapshot main/laptop/d618fb15 event has been initiated by ann and requires an additional approval.
    ");
    let page = bob.get("/events?id=42402&user=%3Cscript%3E&from=yesterday").await;
    assert_snapshot!(said(&page), @"
    200
    Events
    From
    To
    Event ids
    Severity
    all Info Warning and Error Warning Error
    Person
    Request
    Filter
    Clear
    “yesterday” is not a day: write it like 2026-11-21.
    No event matches.
    ");
    assert!(page.body.contains("value=\"&#60;script&#62;\""));
    assert_snapshot!(said(&bob.get("/history?id=1&state=approved").await), @"
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
    No decided request matches.
    ");
    assert_snapshot!(said(&bob.get("/history?state=pending").await), @"
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
    “pending” is not a decision.
    No decided request matches.
    ");
}

#[tokio::test]
async fn an_open_tab_does_not_keep_a_session_alive() {
    let scene = Scene::set().await;
    let mut tab = scene.browser("bob").await;
    let mut working = scene.browser("ann").await;
    tab.headers.push(("x-live", "1"));
    for _ in 0..2 {
        scene.server.clock.advance_seconds(16 * 60);
        working.get("/pending").await;
        tab.get("/pending").await;
    }
    assert_eq!(working.get("/pending").await.status.as_u16(), 200);
    assert_eq!(tab.get("/pending").await.location(), "/auth/login?to=/pending");
}

#[tokio::test]
async fn a_link_made_elsewhere_shows_no_words_of_its_own() {
    let scene = Scene::set().await;
    let mut bob = scene.browser("bob").await;
    assert!(
        bob.get("/pending?done=sealed")
            .await
            .body
            .contains("Collecting has ended")
    );
    let page = bob.get("/pending?done=Call+0123456789").await;
    assert!(!page.body.contains("0123456789"));
}

#[tokio::test]
async fn the_record_is_searched_and_read_in_both_directions() {
    let scene = Scene::set().await;
    let request = scene.request(SNAPSHOTS[0]).await;
    let (now, person) = (scene.server.app.clock.now(), "Zoë");
    let reported = scene.server.app.store.write(move |tx| {
        Box::pin(async move {
            for minute in 0..120 {
                let event = countersign_events::Event::InvalidMfaCode {
                    user_name: person.into(),
                    endpoint: None,
                    sid: None,
                };
                tx.report(&event, now.plus_seconds(minute * 60), None, "").await?;
            }
            Ok::<_, countersign_store::StoreError>(())
        })
    });
    reported.await.unwrap();
    let mut bob = scene.browser("bob").await;
    let count = |page: &crate::testing::people::Answer| page.body.matches("<li class=\"event\">").count();

    // Down to the last page and up again.
    let first = bob.get("/events?user=ZO%C3%8B").await;
    assert_eq!(count(&first), 50);
    let mut page = first;
    for (link, rows) in [
        ("Next →", 50),
        ("Next →", 20),
        ("← Previous", 50),
        ("← Previous", 50),
        ("Last →", 50),
        ("← First", 50),
    ] {
        let href = link_of(&page, link).replace("&#38;", "&");
        page = bob.get(&href).await;
        assert_eq!(count(&page), rows, "{link} to {href}");
    }
    assert!(!page.body.contains("← Previous"), "it is the first again");

    for (query, rows) in [
        (format!("request={request}"), 1),
        ("id=40205,%2042402&severity=info".to_owned(), 50),
        ("severity=error".to_owned(), 0),
        ("user=bob&id=44003".to_owned(), 1),
        ("user=nobody".to_owned(), 0),
        // The clock of the server stands at 14:07:40.
        (
            "from=2026-11-18&from_time=14:30&to=2026-11-18&to_time=14:32".to_owned(),
            3,
        ),
        ("to=2026-11-17".to_owned(), 0),
    ] {
        let page = bob.get(&format!("/events?{query}")).await;
        assert_eq!((page.status.as_u16(), count(&page)), (200, rows), "{query}");
    }
    let events = bob.get("/requests/1").await.body.contains("href=\"/events?request=1\"");
    assert!(events, "a request leads to its events");
    let events = bob.get("/events?request=1").await.body.contains("href=\"/requests/1\"");
    assert!(events, "an event leads to its request");
    for wrong in ["from_time=14:30", "id=x", "severity=loud", "before=x", "request=x"] {
        let page = bob.get(&format!("/events?{wrong}")).await;
        assert!(page.body.contains("role=\"alert\""), "{wrong}");
        assert_eq!(count(&page), 0, "{wrong}");
    }
}

/// Where a link of a page leads.
fn link_of<'p>(page: &'p crate::testing::people::Answer, label: &str) -> &'p str {
    let before = page.body.split(&format!(">{label}</a>")).next().unwrap();
    assert!(before.len() < page.body.len(), "no link {label}");
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    href.split('"').next().unwrap()
}

#[tokio::test]
async fn many_that_wait_are_read_page_by_page_the_oldest_first() {
    let scene = Scene::set().await;
    let actor = countersign_core::Actor {
        account: countersign_core::AccountId(1),
        name: "ann".into(),
        login_type: 0,
        via: countersign_core::Via::Session(countersign_core::Roles::FOUNDING),
        address: "198.51.100.7".into(),
        why: None,
        maker: None,
    };
    let many = countersign_core::Policy {
        four_eyes: true,
        open_requests: 10_000,
        ..countersign_core::Policy::default()
    };
    let set = scene
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.set_policy(&many).await }));
    set.await
        .map_err(|error: countersign_store::StoreError| error.to_string())
        .unwrap();
    for _ in 0..252 {
        let policy = countersign_core::Policy {
            four_eyes: true,
            expiry_days: 3,
            open_requests: 10_000,
            ..countersign_core::Policy::default()
        };
        let change = crate::flows::settings::Change::Policy(policy);
        crate::flows::settings::change(&scene.server.app, &actor, change)
            .await
            .unwrap();
    }
    let mut bob = scene.browser("bob").await;
    let rows = |page: &crate::testing::people::Answer| page.body.matches("<li class=\"request-row\">").count();
    let first = bob.get("/pending").await;
    assert_eq!(rows(&first), 250);
    assert!(first.body.contains("id=\"request-1\"") && first.body.contains("252 pending"));
    let second = bob.get(link_of(&first, "Next →")).await;
    assert_eq!(rows(&second), 2);
    assert!(second.body.contains("id=\"request-252\"") && !second.body.contains("Next →"));
    assert_eq!(link_of(&second, "← First"), "/pending");
    assert_eq!(rows(&bob.get("/pending?after=x").await), 250);
}
