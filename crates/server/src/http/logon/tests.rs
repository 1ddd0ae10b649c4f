//! The logon as browsers and clients meet it: sessions, cookies, the way back. Denials, factors and tokens have files of their own.

mod clients;
mod denials;
mod devices;
mod elsewhere;
mod factors;
mod failing;
mod flows;
mod passkeys;
mod possession;
mod refresh;
mod resources;
mod simulation;
mod throttling;
mod tokens;

use axum::body::Body;
use countersign_core::logon::Verifier;
use countersign_core::token::hash_of;
use countersign_events::{Event, Reason};
use countersign_store::{NewAccount, StoreError};
use http::{Request, StatusCode, header};

use crate::adapters::SystemEntropy;
use crate::testing::people::{Answer, Browser, PASSWORD, TestServer};

const CLI_REDIRECT: &str = "http://127.0.0.1:50123/callback";

/// A denial of the pages' own logon, from the browser of tests.
fn denied(reason: Reason, name: Option<&str>, subject: Option<&str>) -> Event {
    Event::UserAuthorizationDenied {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("web-ui".into()),
        friendly_name: name.map(str::to_owned),
        subject: subject.map(str::to_owned),
        resource_id: Some("countersign-web".into()),
        redirect_uri: Some("/auth/callback".into()),
        reason,
    }
}

async fn last(server: &TestServer) -> Event {
    server.events().await.pop().expect("an event")
}

/// The page that asks for name and password.
async fn at_name(browser: &mut Browser<'_>) -> (String, Answer) {
    let (at, page) = browser.open("/auth/login?to=/healthz").await;
    assert!(
        at.starts_with("/logon?flow=") && page.status == StatusCode::OK,
        "{at} {page:?}"
    );
    (at, page)
}

/// The page that asks for the code.
async fn at_code(browser: &mut Browser<'_>, name: &str) -> (String, Answer) {
    let (at, page) = at_name(browser).await;
    let form = [("csrf", &*page.csrf()), ("name", name), ("password", PASSWORD)];
    let asked = browser.post(&at, &form).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    let (at, page) = browser.open(asked.location()).await;
    assert!(
        at.starts_with("/logon/code?flow=") && page.status == StatusCode::OK,
        "{at}"
    );
    (at, page)
}

async fn give_password(browser: &mut Browser<'_>, name: &str, password: &str) -> Answer {
    let (at, page) = at_name(browser).await;
    let form = [("csrf", &*page.csrf()), ("name", name), ("password", password)];
    browser.post(&at, &form).await
}

async fn give_code(browser: &mut Browser<'_>, name: &str, code: &str) -> Answer {
    let (at, page) = at_code(browser, name).await;
    browser.post(&at, &[("csrf", &page.csrf()), ("code", code)]).await
}

#[tokio::test]
async fn a_person_logs_on_with_both_factors_and_off_again() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let names: Vec<_> = browser.cookies.keys().cloned().collect();
    assert_eq!(names, ["countersign"], "the flow's cookies are gone");
    assert_eq!(browser.cookies["countersign"].len(), 43, "256 bits");

    let events = server.events().await;
    let granted = Event::UserAuthorizationGranted {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("web-ui".into()),
        friendly_name: Some("ann".into()),
        subject: Some("UID-1".into()),
        resource_id: Some("countersign-web".into()),
        redirect_uri: Some("/auth/callback".into()),
    };
    assert_eq!(events[0], granted);
    let Event::TokenRequestApproved {
        friendly_name,
        grant_type,
        expiration,
        refresh_token_chain_id: Some(_),
        ..
    } = &events[1]
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (friendly_name.as_deref(), grant_type.as_deref()),
        (Some("ann"), Some("authorization_code"))
    );
    assert_eq!(*expiration, Some(server.app.clock.now().plus_seconds(12 * 3600)));
    assert_eq!(events.len(), 2);

    let cookie = hash_of(&browser.cookies["countersign"]);
    let (session, _) = session(&server, cookie).await.expect("a session");
    let without_token = browser.post("/logout", &[]).await;
    assert_eq!(without_token.status, StatusCode::FORBIDDEN);
    assert!(self::session(&server, cookie).await.is_some());
    let off = browser.post("/logout", &[("csrf", &session.csrf)]).await;
    assert_eq!(off.status, StatusCode::OK);
    assert!(self::session(&server, cookie).await.is_none() && browser.cookies.is_empty());
}

async fn session(
    server: &TestServer,
    cookie: countersign_core::Sha256,
) -> Option<(countersign_core::logon::Session, countersign_core::Account)> {
    let ask = server
        .app
        .store
        .ask(|view| Box::pin(async move { view.session(cookie).await }));
    ask.await.map_err(|error: StoreError| error.to_string()).unwrap()
}

#[tokio::test]
async fn req_37_a_session_ends_when_idle() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let status = |answer: Answer| (answer.status, answer.headers.get(header::LOCATION).cloned());
    server.clock.advance_seconds(29 * 60);
    assert_eq!(
        status(browser.post("/logout", &[]).await).0,
        StatusCode::FORBIDDEN,
        "known, without a token"
    );
    server.clock.advance_seconds(29 * 60);
    assert_eq!(
        status(browser.post("/logout", &[]).await).0,
        StatusCode::FORBIDDEN,
        "the use before counted"
    );
    server.clock.advance_seconds(30 * 60);
    let (code, location) = status(browser.post("/logout", &[]).await);
    assert_eq!(
        (code, location.unwrap().to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/auth/login?to=/")
    );
}

#[tokio::test]
async fn req_37_the_automatic_logoff_follows_its_setting_at_once() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let set = async |logoff_minutes, session_hours| {
        let policy = countersign_core::Policy {
            logoff_minutes,
            session_hours,
            ..countersign_core::Policy::default()
        };
        let done = server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }));
        done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    };
    set(1, 1).await;
    // Somebody who works all the time is not logged off, however short the time is.
    for _ in 0..70 {
        server.clock.advance_seconds(50);
        assert_eq!(browser.get("/pending").await.status, StatusCode::OK);
    }
    server.clock.advance_seconds(59);
    assert_eq!(browser.get("/pending").await.status, StatusCode::OK);
    server.clock.advance_seconds(60);
    assert_eq!(
        browser.get("/pending").await.status,
        StatusCode::SEE_OTHER,
        "idle for a minute"
    );
    set(1440, 1).await;
    assert_eq!(
        browser.get("/pending").await.status,
        StatusCode::SEE_OTHER,
        "an hour is over"
    );
    set(1440, 2).await;
    assert_eq!(browser.get("/pending").await.status, StatusCode::OK);
    let mut other = server.browser();
    server.clock.advance_seconds(30);
    other.log_on("ann").await;
    let Some(Event::TokenRequestApproved { expiration, .. }) = server.events().await.pop() else {
        panic!()
    };
    assert_eq!(expiration, Some(server.app.clock.now().plus_seconds(2 * 3600)));
}

#[tokio::test]
async fn req_13_37_a_session_that_a_setting_made_longer_is_seen_and_ended_like_any_other() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    server.person("bob").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let policy = countersign_core::Policy {
        logoff_minutes: 1440,
        session_hours: 24,
        ..countersign_core::Policy::default()
    };
    let done = server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }));
    done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    // Past the twelve hours that it began with, and another logon tidies up.
    server.clock.advance_seconds(13 * 3600);
    server.browser().log_on("bob").await;
    assert_eq!(browser.get("/pending").await.status, StatusCode::OK);
    let now = server.app.clock.now();
    let of_ann = ann.clone();
    let listed = server
        .app
        .store
        .ask(|view| Box::pin(async move { crate::flows::sessions::of(view, &of_ann, now).await }))
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].ends_at, listed[0].since.plus_seconds(24 * 3600));
    server.clock.advance_seconds(11 * 3600);
    assert_eq!(browser.get("/pending").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn req_37_a_tab_that_refreshes_itself_keeps_no_session_alive() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let cookie = format!("countersign={}", browser.cookies["countersign"]);
    for _ in 0..29 {
        server.clock.advance_seconds(60);
        let request = Request::get("/pending")
            .header(header::COOKIE, &cookie)
            .header("x-live", "1");
        let answer = server
            .send(request.body(Body::empty()).unwrap(), "192.0.2.7:50000")
            .await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    server.clock.advance_seconds(60);
    assert_eq!(browser.get("/pending").await.location(), "/auth/login?to=/pending");
}

#[tokio::test]
async fn cookies_have_every_attribute_and_the_host_prefix_over_tls() {
    let server = TestServer::reached_as("https://backup.example").await;
    server.person("ann").await;
    let mut browser = server.browser();
    let started = browser.get("/auth/login").await;
    let [cookie] = &*started.set_cookies() else {
        panic!("{started:?}")
    };
    assert!(cookie.starts_with("__Host-login-"), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"),
        "{cookie}"
    );
    let begun = browser.get(started.location()).await;
    let [cookie] = &*begun.set_cookies() else {
        panic!("{begun:?}")
    };
    assert!(cookie.starts_with("__Host-logon-"), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"),
        "{cookie}"
    );

    let granted = give_code(&mut browser, "ann", &server.code("ann")).await;
    let back = browser.get(granted.location()).await;
    let set: Vec<_> = back.set_cookies();
    assert!(set[0].starts_with("__Host-countersign="), "{set:?}");
    assert!(set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{set:?}");
    assert!(
        set[1].starts_with("__Host-login-") && set[1].ends_with("Max-Age=0"),
        "{set:?}"
    );
}

#[tokio::test]
async fn two_tabs_log_on_at_once() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (first_at, first) = at_name(&mut browser).await;
    let (second_at, second) = at_name(&mut browser).await;
    assert_ne!(first_at, second_at);
    let form = |page: &Answer| {
        vec![
            ("csrf", page.csrf()),
            ("name", "ann".to_owned()),
            ("password", PASSWORD.to_owned()),
        ]
    };
    let mut pages = Vec::new();
    for (at, page) in [(&first_at, &first), (&second_at, &second)] {
        let form = form(page);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let asked = browser.post(at, &form).await;
        pages.push(browser.open(asked.location()).await);
    }
    for (at, page) in pages.iter().rev() {
        let granted = browser
            .post(at, &[("csrf", &page.csrf()), ("code", &server.code("ann"))])
            .await;
        let (at, _) = browser.open(granted.location()).await;
        assert_eq!(at, "/healthz");
        server.clock.advance_seconds(30);
    }
}

#[tokio::test]
async fn the_way_back_never_leads_away() {
    let server = TestServer::new().await;
    server.person("ann").await;
    for away in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "evil",
        "/a\r\nX: y",
    ] {
        let mut browser = server.browser();
        let to = percent_encoding::utf8_percent_encode(away, percent_encoding::NON_ALPHANUMERIC);
        let (at, page) = browser.open(&format!("/auth/login?to={to}")).await;
        let asked = browser
            .post(&at, &[("csrf", &page.csrf()), ("name", "ann"), ("password", PASSWORD)])
            .await;
        let (at, page) = browser.open(asked.location()).await;
        let granted = browser
            .post(&at, &[("csrf", &page.csrf()), ("code", &server.code("ann"))])
            .await;
        assert_eq!(browser.get(granted.location()).await.location(), "/", "{away:?}");
        server.clock.advance_seconds(30);
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let server = TestServer::new().await;
    for path in ["/logon?flow=x", "/logon/code?flow=x", "/logout", "/setup/x"] {
        let request = Request::post(path)
            .header("sec-fetch-site", "cross-site")
            .body(Body::empty())
            .unwrap();
        assert_eq!(
            server.send(request, "192.0.2.7:50000").await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_metadata_announces_what_there_is_and_no_more() {
    let server = TestServer::new().await;
    let answer = server.browser().get("/.well-known/oauth-authorization-server").await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["issuer"], "http://127.0.0.1:8765");
    assert_eq!(body["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    // Each address that is told answers.
    for (name, address) in body.as_object().unwrap() {
        let Some(path) = address
            .as_str()
            .and_then(|text| text.strip_prefix("http://127.0.0.1:8765/"))
        else {
            continue;
        };
        let answer = server.browser().get(&format!("/{path}")).await;
        assert_ne!(answer.status, StatusCode::NOT_FOUND, "{name}");
    }
}
