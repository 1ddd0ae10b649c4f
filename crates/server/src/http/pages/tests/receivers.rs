//! Receivers: added, tested, changed, filtered and removed; at once or by a request.

use countersign_core::Policy;
use insta::assert_snapshot;

use super::scene::{Scene, part, said};
use crate::testing::people::Browser;

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

async fn off() -> Scene {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    scene
}

async fn on(scene: &Scene) {
    let policy = Policy {
        four_eyes: true,
        ..Policy::default()
    };
    scene.policy(policy).await;
}

/// The form of a receiver `siem` at nobody's, with these fields besides.
async fn save<'f>(
    browser: &mut Browser<'_>,
    path: &str,
    more: &[(&'f str, &'f str)],
) -> crate::testing::people::Answer {
    let csrf = browser.get("/receivers/new").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("name", "siem"),
        ("transport", "tcp-lf"),
        ("address", NOBODY),
    ];
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    browser.post(path, &fields).await
}

#[tokio::test]
async fn what_is_added_is_tested_and_the_page_says_how_it_went() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    let added = save(&mut ann, "/receivers", &[]).await;
    assert_eq!(
        (added.status.as_u16(), added.location()),
        (303, "/receivers/1?done=saved")
    );
    scene.server.clock.advance_seconds(90);
    let page = ann.get(added.location()).await;
    assert_snapshot!(part(&page, "200", "Name"), @"
    200
    Saved.
    Receivers
    Receiver siem
    The test message was not delivered: no connection to 127.0.0.1:1: connection refused. 2026-11-18 14:07 UTC (1 min ago)
    State
    Sending not connected
    Waiting
    1 the oldest for 1 min
    Delivered up to
    2 the number of the event
    Last delivered
    never
    Last error
    none
    Send a test message
    It gets every event. Choose what it gets
    ");
    assert_snapshot!(said(&ann.get("/receivers").await), @"
    200
    Receivers
    Add a receiver
    Every event goes to each of them, in order, and waits for one that cannot be reached. RELP loses nothing, since the receiver acknowledges each message: choose it where you can.
    Receiver Address State Waiting Lag Last delivered Last error
    siem
    127.0.0.1:1 TCP, line feed
    Sending
    1
    1 min
    never
    none
    ");
    let csrf = page.csrf();
    let tested = ann.post("/receivers/1/test", &[("csrf", &csrf)]).await;
    assert_eq!(
        (tested.status.as_u16(), tested.location()),
        (303, "/receivers/1?done=tested")
    );
    let page = ann.get(tested.location()).await;
    assert!(
        said(&page).contains("connection refused. 2026-11-18 14:08 UTC (just now)"),
        "{}",
        said(&page)
    );
    assert_eq!(
        ann.post("/receivers/9/test", &[("csrf", &csrf)]).await.status.as_u16(),
        404
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_what_was_typed() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    save(&mut ann, "/receivers", &[]).await;
    for (field, value, problem) in [
        (
            "name",
            "siem",
            "There is a receiver of this name already: choose another.",
        ),
        ("address", "<script>", "An address is host:port"),
        ("ca", "<script>", "Certificates are PEM text"),
        ("fingerprint", "<script>", "64 hexadecimal digits"),
        ("server_name", "<script>", "a DNS name or an IP address"),
        ("app_name", "<script> x", "1 to 48 visible ASCII characters"),
        ("connect_seconds", "<script>", "1 to 60 seconds"),
        ("server_name", "siem.example", "TLS settings need the transport"),
    ] {
        let name = if field == "name" { value } else { "lab" };
        let refused = save(&mut ann, "/receivers", &[("name", name), (field, value)]).await;
        assert_eq!(refused.status.as_u16(), 422, "{field}");
        assert!(said(&refused).contains(problem), "{field}: {}", said(&refused));
        assert!(!refused.body.contains("<script>"), "{field}");
        let escaped = value.replace('<', "&#60;").replace('>', "&#62;");
        assert!(refused.body.contains(&escaped), "{field}: what was typed stays");
    }
    assert_eq!(save(&mut ann, "/receivers/9", &[]).await.status.as_u16(), 404);
    let mut carol = {
        let now = scene.server.app.clock.now();
        scene
            .server
            .colleague("carol", &[countersign_core::Role::BackupViewer], now)
            .await;
        scene.browser("carol").await
    };
    let looking = carol.get("/receivers/1").await;
    assert!(said(&looking).contains("Only an administrator changes receivers.") && !looking.body.contains("/test\""));
    let csrf = looking.csrf();
    assert_eq!(
        carol
            .post("/receivers/1/test", &[("csrf", &csrf)])
            .await
            .status
            .as_u16(),
        403
    );
}

#[tokio::test]
async fn every_option_is_kept_and_a_change_of_them_keeps_the_filter() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    let ca = rcgen::generate_simple_self_signed(["siem.example".to_owned()])
        .unwrap()
        .cert;
    let pem = ca.pem().replace('\n', "\r\n");
    let options = [
        ("transport", "relp-tls"),
        ("server_name", "siem.example"),
        ("ca", pem.as_str()),
        ("client_certificate", "on"),
        ("form", "strict"),
        ("app_name", "Backup"),
        ("logon_app_name", "Veeam_Security"),
        ("byte_order_mark", "off"),
        ("sequence", "on"),
        ("connect_seconds", "1"),
    ];
    save(&mut ann, "/receivers", &options).await;
    let csrf = ann.get("/receivers/1").await.csrf();
    let ticks = [
        ("csrf", csrf.as_str()),
        ("42402-warning", "on"),
        ("40700-info", "on"),
        ("x-info", "on"),
    ];
    let filtered = ann.post("/receivers/1/filter", &ticks).await;
    assert_eq!(filtered.location(), "/receivers/1/filter?done=saved");
    let shown = ann.get("/receivers/1").await;
    for whole in [
        "id=\"transport-relp-tls\" name=\"transport\" value=\"relp-tls\" aria-describedby=\"transport-relp-tls-hint\" required checked",
        "value=\"siem.example\"",
        "name=\"client_certificate\" value=\"on\" aria-describedby=\"client_certificate-hint\" checked",
        "value=\"strict\" aria-describedby=\"form-strict-hint\" checked",
        "value=\"Backup\" placeholder=\"Veeam_MP\"",
        "value=\"Veeam_Security\" placeholder=\"Veeam_MP\"",
        "<option value=\"off\" selected>never",
        "name=\"sequence\" value=\"on\" aria-describedby=\"sequence-hint\" checked",
        "max=\"60\" value=\"1\"",
        "-----END CERTIFICATE-----</textarea>",
    ] {
        assert!(shown.body.contains(whole), "{whole} is not in {}", shown.body);
    }
    assert_eq!(shown.body.matches("<details open>").count(), 2, "what is set is seen");
    assert_eq!(ann.get("/receivers/new").await.body.matches("<details>").count(), 2);
    assert!(said(&shown).contains("Its filter names 2 events."));
    let same = save(&mut ann, "/receivers/1", &options).await;
    assert_eq!(
        same.location(),
        "/receivers/1?done=unchanged",
        "the filter is no part of the form"
    );
    let mut other = options;
    other[8] = ("sequence", "");
    assert_eq!(
        save(&mut ann, "/receivers/1", &other).await.location(),
        "/receivers/1?done=saved"
    );
    assert!(said(&ann.get("/receivers/1").await).contains("Its filter names 2 events."));
}

#[tokio::test]
async fn a_filter_is_ticked_imported_and_exported() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    save(&mut ann, "/receivers", &[]).await;
    let csrf = ann.get("/receivers/1/filter").await.csrf();
    let xml = "<SyslogFilteredEvents>\r\n<FilteredEvent EventId=\"23010\" FilterInfo=\"True\"/><FilteredEvent EventId=\"42402\" FilterWarning=\"True\"/>\r\n</SyslogFilteredEvents>\r\n";
    let imported = ann
        .post("/receivers/1/filter/import", &[("csrf", &csrf), ("xml", xml)])
        .await;
    assert_eq!(imported.location(), "/receivers/1/filter?done=saved");
    let page = ann.get("/receivers/1/filter").await;
    assert!(
        page.body
            .contains("name=\"42402-warning\" value=\"on\" aria-label=\"Hold back 42402, warning\" checked")
    );
    assert!(
        page.body
            .contains("name=\"23010-info\" value=\"on\" aria-label=\"Hold back 23010, info\" checked")
    );
    assert!(
        !page.body.contains("name=\"42402-error\""),
        "that event is never an error"
    );
    let exported = ann.get("/receivers/1/filter/export").await;
    assert_eq!(exported.headers["content-type"], "application/xml");
    assert_eq!(
        exported.headers["content-disposition"],
        "attachment; filename=\"siem-filter.xml\""
    );
    let bad = [
        ("csrf", csrf.as_str()),
        ("xml", "<SyslogFilteredEvents>\n<b>\"</textarea>"),
    ];
    let refused = ann.post("/receivers/1/filter/import", &bad).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(
        said(&refused).contains("Nothing was changed: line 2, column "),
        "{}",
        said(&refused)
    );
    assert!(!refused.body.contains("<b>"));
    assert_eq!(ann.get("/receivers/1/filter/export").await.body, exported.body);
    let long = format!(
        "<SyslogFilteredEvents>{}</SyslogFilteredEvents>",
        (1..=9_000)
            .map(|id| format!("<FilteredEvent EventId=\"{id}\" FilterInfo=\"True\"/>"))
            .collect::<String>()
    );
    let long = ann
        .post("/receivers/1/filter/import", &[("csrf", &csrf), ("xml", &long)])
        .await;
    assert_eq!(long.status.as_u16(), 303, "the longest list still fits");
    let none = ann.post("/receivers/1/filter", &[("csrf", &csrf)]).await;
    assert_eq!(none.status.as_u16(), 303);
    assert!(said(&ann.get("/receivers/1/filter").await).contains("It gets every event."));
}

#[tokio::test]
async fn a_request_shows_what_would_be_another_receiver() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    save(&mut ann, "/receivers", &[]).await;
    on(&scene).await;
    let held = save(
        &mut ann,
        "/receivers/1",
        &[("app_name", "Backup"), ("sequence", "on"), ("transport", "udp")],
    )
    .await;
    assert_eq!(held.location(), "/requests/1/recorded");
    let recorded = said(&ann.get("/requests/1/recorded").await);
    assert!(
        recorded.contains("The test message was not delivered") || recorded.contains("The test message was sent"),
        "{recorded}"
    );
    assert_snapshot!(part(&ann.get("/requests/1").await, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Receiver siem 127.0.0.1:1 by TCP, line feed 127.0.0.1:1 by UDP
    APP-NAME not set Backup
    Events are numbered not set on
    ");
    let csrf = ann.get("/receivers/1").await.csrf();
    let ticks = [("csrf", csrf.as_str()), ("42402-warning", "on"), ("23010-info", "on")];
    assert_eq!(
        ann.post("/receivers/1/filter", &ticks).await.location(),
        "/requests/2/recorded"
    );
    assert_snapshot!(part(&ann.get("/requests/2").await, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Receiver siem 127.0.0.1:1 by TCP, line feed 127.0.0.1:1 by TCP, line feed
    Event 23010, not an event of this server sent not sent: info
    Event 42402, Four-Eyes Authorization Request Created sent not sent: warning
    ");
    let asked = ann.post("/receivers/1/remove", &[("csrf", &csrf)]).await;
    assert_eq!(asked.location(), "/requests/3/recorded");
    assert!(!said(&ann.get("/requests/3/recorded").await).contains("test message"));
    assert_snapshot!(part(&ann.get("/requests/3").await, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Receiver siem 127.0.0.1:1 by TCP, line feed none
    ");
}
