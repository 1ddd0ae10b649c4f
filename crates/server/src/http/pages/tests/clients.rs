//! Clients: registered, changed, given a secret, removed; at once or by a request.

use countersign_core::{Policy, Role};
use insta::assert_snapshot;

use super::scene::{Scene, between, part, said};
use crate::testing::people::{Answer, Browser};

/// The form of a new client, with these fields in place of others.
async fn save<'f>(browser: &mut Browser<'_>, path: &str, more: &[(&'f str, &'f str)]) -> Answer {
    let csrf = browser.get("/clients/new").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("id", "portal"),
        ("name", "Portal"),
        ("authentication", "secret"),
        ("by_code", "on"),
        ("refreshes", "on"),
        ("for_api", "on"),
        ("redirect_uris", "https://portal.example/back"),
        ("enabled", "on"),
    ];
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    browser.post(path, &fields).await
}

#[tokio::test]
async fn a_client_is_registered_changed_and_removed_at_once_while_off() {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    let mut ann = scene.browser("ann").await;
    let made = save(&mut ann, "/clients", &[]).await;
    let secret = between(&made.body, "<code class=\"long\" translate=\"no\">", "<").to_owned();
    assert_snapshot!(part(&made, "200", "Name").replace(&secret, "SECRET"), @"
    200
    Clients
    Client portal
    Enabled
    The secret was made
    Copy it now: it is shown only this once, and the server keeps no copy.
    Secret
    SECRET
    Secret
    It has one. Only its hash is kept, so it cannot be shown again.
    The one before holds no more from then on.
    Make another secret
    ");
    let again = ann.get("/clients/portal").await;
    assert!(!again.body.contains(&secret));
    let csrf = again.csrf();
    let other = ann.post("/clients/portal/secret", &[("csrf", &csrf)]).await;
    let fresh = between(&other.body, "<code class=\"long\" translate=\"no\">", "<");
    assert_ne!(fresh, secret);

    for (name, value, problem) in [
        ("name", " ", "A client’s name has 1 to 64 characters"),
        ("redirect_uris", "http://portal.example/", "A redirect URI is https"),
        ("redirect_uris", "", "needs 1 to 20 redirect URIs"),
        ("by_code", "", "needs at least one of the grants"),
        ("authentication", "", "Choose how the client shows that it is itself."),
    ] {
        let refused = save(&mut ann, "/clients/portal", &[(name, value)]).await;
        assert_eq!(refused.status.as_u16(), 422, "{name}");
        let said = said(&refused).replace("&#39;", "’");
        assert!(said.contains(problem), "{said}");
    }
    let taken = save(&mut ann, "/clients", &[]).await;
    assert_eq!(taken.status.as_u16(), 422);
    assert!(said(&taken).contains("There is a client of this id already: choose another."));
    let disabled = save(
        &mut ann,
        "/clients/portal",
        &[("enabled", ""), ("authentication", "none")],
    )
    .await;
    assert_eq!(disabled.location(), "/clients/portal?done=saved");
    let page = ann.get("/clients/portal").await;
    assert!(!page.body.contains("Make its secret"), "it keeps none");
    let refused = ann.post("/clients/portal/secret", &[("csrf", &csrf)]).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert_snapshot!(said(&ann.get("/clients").await), @"
    200
    Clients
    Register a client
    Programs that may send people here to log on, and get tokens for them (OAuth 2.1). Backup clients are none: they show a repository token.
    Client Name State Asks by For
    web-ui
    Countersign&#39;s pages
    Built in
    browser
    pages
    cli
    Countersign&#39;s command line
    Built in
    browser, device, stays logged on
    API, repositories
    portal
    Portal
    Disabled
    browser, stays logged on
    API
    ");
    let removed = ann.post("/clients/portal/remove", &[("csrf", &csrf)]).await;
    assert_eq!(removed.location(), "/clients?done=client-removed");
    assert_eq!(ann.get("/clients/portal").await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_client_is_a_request_while_on() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let asked = save(&mut ann, "/clients", &[]).await;
    assert_eq!(asked.location(), "/requests/1/recorded");
    let mut bob = scene.browser("bob").await;
    let page = bob.get("/requests/1").await;
    assert_snapshot!(part(&page, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Client portal none Portal
    May ask for logons not set yes
    Shows that it is itself by not set secret
    Asks by not set authorization_code, refresh_token
    Asks for not set gateway-api
    Redirect URIs not set https://portal.example/back
    ");
    scene
        .decide(&mut bob, &page, "approve", &scene.server.code("bob"))
        .await;
    scene.server.clock.advance_seconds(30);
    let page = ann.get("/clients/portal").await;
    assert_snapshot!(part(&page, "200", "Name"), @"
    200
    Clients
    Client portal
    Has no secret yet
    Four-eyes authorization is on: a change here becomes a request that a second person must approve.
    Secret
    It has none yet, so nobody can use this client.
    Make its secret
    ");
    let csrf = page.csrf();
    let made = ann.post("/clients/portal/secret", &[("csrf", &csrf)]).await;
    assert!(said(&made).contains("Copy it now"));
    let asked = ann.post("/clients/portal/secret", &[("csrf", &csrf)]).await;
    assert_eq!(asked.location(), "/requests/2/recorded");
    let page = bob.get("/requests/2").await;
    assert_snapshot!(part(&page, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Secret of client portal holds holds no more; another is made when it is asked for
    ");
    let asked = save(
        &mut ann,
        "/clients/portal",
        &[("name", "Gate"), ("for_repositories", "on")],
    )
    .await;
    assert_eq!(asked.location(), "/requests/3/recorded");
    let page = bob.get("/requests/3").await;
    assert_snapshot!(part(&page, "If approved, this changes", "Manifest"), @"
    If approved, this changes
    What Before After
    Client portal Portal Gate
    Asks for gateway-api gateway-api, restic
    ");
}

#[tokio::test]
async fn who_is_no_security_administrator_looks_and_changes_nothing() {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    let mut ann = scene.browser("ann").await;
    save(&mut ann, "/clients", &[]).await;
    let now = scene.server.app.clock.now();
    scene.server.colleague("carl", &[Role::BackupAdministrator], now).await;
    let mut carl = scene.browser("carl").await;
    let page = carl.get("/clients/portal").await;
    assert_eq!(page.status.as_u16(), 200);
    assert!(!page.body.contains("action=\"/clients/portal/"));
    assert!(said(&page).contains("Only a security administrator changes clients."));
    let csrf = page.csrf();
    for path in ["/clients/portal/secret", "/clients/portal/remove"] {
        let refused = carl.post(path, &[("csrf", &csrf)]).await;
        assert_eq!(refused.status.as_u16(), 403, "{path}");
    }
    let refused = save(&mut carl, "/clients/portal", &[("name", "Mine")]).await;
    assert_eq!(refused.status.as_u16(), 403);
    assert!(ann.get("/clients/portal").await.body.contains("value=\"Portal\""));
    let built_in = ann.get("/clients/cli").await;
    assert!(said(&built_in).contains("This client is part of the server"));
    assert!(!built_in.body.contains("action=\"/clients/cli/"));
}
