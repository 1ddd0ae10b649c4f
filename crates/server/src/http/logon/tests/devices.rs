//! Logons of hosts without a browser (RFC 8628).

use countersign_core::Role;

use super::refresh::refresh;
use super::tokens::{json, live, post};
use super::*;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(server: &TestServer) -> (String, String) {
    let answer = post(server, "/oauth2/device_authorization", "client_id=cli".into()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let body = json(&answer);
    assert_eq!(body["verification_uri"], "http://127.0.0.1:8765/device");
    assert_eq!((&body["expires_in"], &body["interval"]), (&600.into(), &5.into()));
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let complete = format!("http://127.0.0.1:8765/device?user_code={}", text("user_code"));
    assert_eq!(text("verification_uri_complete"), complete);
    (text("device_code"), text("user_code"))
}

async fn poll(server: &TestServer, code: &str) -> Answer {
    let form = format!("grant_type={GRANT}&client_id=cli&device_code={code}");
    post(server, "/oauth2/token", form).await
}

async fn error(server: &TestServer, code: &str) -> String {
    let answer = poll(server, code).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    json(&answer)["error"].as_str().unwrap().to_owned()
}

/// What a person says to a code.
async fn say(browser: &mut Browser<'_>, code: &str, answer: &str) -> Answer {
    let page = browser.get(&format!("/device?user_code={code}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains(&format!("value=\"{code}\"")), "typed for the person");
    let csrf = csrf_of_card(&page);
    let asked = browser.post("/device", &[("csrf", &csrf), ("user_code", code)]).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    for told in ["Countersign's command line", "192.0.2.7", "gateway-api", code] {
        let escaped = told.replace('\'', "&#39;");
        assert!(
            asked.body.contains(told) || asked.body.contains(&escaped),
            "{told}: {}",
            asked.body
        );
    }
    let form = [("csrf", &*csrf), ("user_code", code), ("answer", answer)];
    browser.post("/device", &form).await
}

fn csrf_of_card(page: &Answer) -> String {
    page.csrf()
}

#[tokio::test]
async fn a_host_without_a_browser_gets_what_a_person_confirmed() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (device_code, user_code) = begin(&server).await;
    server.clock.advance_seconds(5);
    assert_eq!(error(&server, &device_code).await, "authorization_pending");
    assert!(server.events().await.is_empty(), "nothing was decided yet");

    let mut browser = server.browser();
    browser.log_on("ann").await;
    let before = server.events().await.len();
    let confirmed = say(&mut browser, &user_code, "confirm").await;
    assert!(confirmed.body.contains("The device is logged on"), "{}", confirmed.body);
    let granted = Event::UserAuthorizationGranted {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("cli".into()),
        friendly_name: Some("ann".into()),
        subject: Some("UID-1".into()),
        resource_id: Some("gateway-api".into()),
        redirect_uri: None,
    };
    assert_eq!(server.events().await[before..], [granted]);

    server.clock.advance_seconds(5);
    let body = json(&poll(&server, &device_code).await);
    let (access, token) = (
        body["access_token"].as_str().unwrap().to_owned(),
        body["refresh_token"].as_str().unwrap(),
    );
    assert!(live(&server, &access).await);
    let Event::TokenRequestApproved {
        grant_type,
        friendly_name,
        ..
    } = last(&server).await
    else {
        panic!("no token");
    };
    assert_eq!(
        (grant_type.as_deref(), friendly_name.as_deref()),
        (Some(GRANT), Some("ann"))
    );
    let next = refresh(&server, token).await;
    assert_eq!(next.status, StatusCode::OK);

    // The code is like any other: used twice, it takes everything back.
    assert_eq!(error(&server, &device_code).await, "invalid_grant");
    assert!(!live(&server, &access).await);
    let events = server.events().await;
    let [
        ..,
        Event::TokenRequestRejected { reason, .. },
        Event::TokenChainRevoked { .. },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(*reason, Reason::Unauthenticated);
}

#[tokio::test]
async fn whoever_asks_too_often_waits_longer() {
    let server = TestServer::new().await;
    let (device_code, _) = begin(&server).await;
    assert_eq!(error(&server, &device_code).await, "slow_down");
    server.clock.advance_seconds(9);
    assert_eq!(error(&server, &device_code).await, "slow_down", "ten seconds by now");
    server.clock.advance_seconds(15);
    assert_eq!(error(&server, &device_code).await, "authorization_pending");
    server.clock.advance_seconds(600);
    assert_eq!(error(&server, &device_code).await, "expired_token");
    let Event::TokenRequestRejected { reason, .. } = last(&server).await else {
        panic!("no refusal");
    };
    assert_eq!(reason, Reason::Unauthenticated);
    assert_eq!(error(&server, "unknown").await, "invalid_grant");
}

#[tokio::test]
async fn what_a_person_refuses_or_may_not_use_gives_nothing() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (device_code, user_code) = begin(&server).await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let refused = say(&mut browser, &user_code, "refuse").await;
    assert!(refused.body.contains("was refused"), "{}", refused.body);
    server.clock.advance_seconds(5);
    assert_eq!(error(&server, &device_code).await, "access_denied");

    // A security administrator has nothing to do with the repositories.
    let now = server.app.clock.now();
    server.colleague("sue", &[Role::SecurityAdministrator], now).await;
    let form = "client_id=cli&resource=restic".to_owned();
    let body = json(&post(&server, "/oauth2/device_authorization", form).await);
    let mut browser = server.browser();
    browser.log_on("sue").await;
    let csrf = browser.get("/device").await.csrf();
    let code = body["user_code"].as_str().unwrap();
    let told = browser.post("/device", &[("csrf", &csrf), ("user_code", code)]).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    let Event::UserAuthorizationDenied {
        reason, resource_id, ..
    } = last(&server).await
    else {
        panic!("no denial");
    };
    assert_eq!(
        (reason, resource_id.as_deref()),
        (Reason::UnauthorizedResourceOwner, Some("restic"))
    );
}

#[tokio::test]
async fn an_open_browser_is_not_enough_to_log_a_device_on() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    server.clock.advance_seconds(15 * 60);
    let (device_code, user_code) = begin(&server).await;
    let again = say(&mut browser, &user_code, "confirm").await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.body.contains("sign in again"), "{}", again.body);
    server.clock.advance_seconds(5);
    assert_eq!(error(&server, &device_code).await, "authorization_pending");
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let confirmed = say(&mut browser, &user_code, "confirm").await;
    assert_eq!(confirmed.status, StatusCode::OK);
}

#[tokio::test]
async fn guessed_codes_are_slowed_down_and_hosts_that_nobody_knows_bounded() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let csrf = browser.get("/device").await.csrf();
    let (_, right) = begin(&server).await;
    for _ in 0..5 {
        let told = browser
            .post("/device", &[("csrf", &csrf), ("user_code", "BCDF-GHJK")])
            .await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(told.body.contains("No such code waits"), "{}", told.body);
    }
    let told = browser.post("/device", &[("csrf", &csrf), ("user_code", &right)]).await;
    assert!(told.body.contains("Try again later"), "{}", told.body);
    let without = browser.post("/device", &[("user_code", &right)]).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "a form of another site");

    for _ in 1..20 {
        begin(&server).await;
    }
    let full = post(&server, "/oauth2/device_authorization", "client_id=cli".into()).await;
    assert_eq!(json(&full)["error"], "slow_down");
    let Event::UserAuthorizationDenied { reason, .. } = last(&server).await else {
        panic!("no denial");
    };
    assert_eq!(reason, Reason::TooManyInvalidRequests);
    server.clock.advance_seconds(600);
    begin(&server).await;
}

#[tokio::test]
async fn reason_0_4_a_host_that_may_not_ask_gets_no_code() {
    let server = TestServer::new().await;
    super::clients::register(&server, "portal", |_| ()).await;
    for (form, status, error, reason) in [
        ("", 400, "invalid_request", Reason::MalformedRequest),
        ("client_id=evil", 401, "invalid_client", Reason::UnauthorizedClient),
        ("client_id=web-ui", 401, "invalid_client", Reason::UnauthorizedClient),
        ("client_id=portal", 401, "invalid_client", Reason::UnauthorizedClient),
        (
            "client_id=cli&resource=x",
            400,
            "invalid_target",
            Reason::UnauthorizedClient,
        ),
    ] {
        let answer = post(&server, "/oauth2/device_authorization", form.into()).await;
        let told = (
            answer.status.as_u16(),
            json(&answer)["error"].as_str().unwrap().to_owned(),
        );
        assert_eq!(told, (status, error.to_owned()), "{form}");
        let Event::UserAuthorizationDenied { reason: said, .. } = last(&server).await else {
            panic!("{form}");
        };
        assert_eq!(said, reason, "{form}");
    }
}
