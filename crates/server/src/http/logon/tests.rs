//! The logon as browsers and clients meet it: every denial by its cause, with its event whole.

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
async fn reason_0_a_malformed_request_is_told_to_the_client_or_here() {
    let server = TestServer::new().await;
    let mut browser = server.browser();
    let no_client = browser.get("/oauth2/authorize").await;
    assert_eq!(no_client.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        last(&server).await,
        Event::UserAuthorizationDenied {
            source_ip_address: Some([192, 0, 2, 7].into()),
            client_id: None,
            friendly_name: None,
            subject: None,
            resource_id: None,
            redirect_uri: None,
            reason: Reason::MalformedRequest,
        }
    );
    let no_challenge = "/oauth2/authorize?client_id=web-ui&redirect_uri=/auth/callback&response_type=code&state=xyz";
    let told = browser.get(no_challenge).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER);
    insta::assert_snapshot!(told.location(), @"/auth/callback?error=invalid_request&error_description=code_challenge_method%20must%20be%20S256&state=xyz&iss=http%3A//127.0.0.1%3A8765");
    assert_eq!(last(&server).await, denied(Reason::MalformedRequest, None, None));
}

#[tokio::test]
async fn reason_0_a_form_without_its_token_or_fields_is_malformed() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let csrf = page.csrf();
    for form in [
        vec![("name", "ann"), ("password", PASSWORD)],
        vec![("csrf", "forged"), ("name", "ann"), ("password", PASSWORD)],
        vec![("csrf", &*csrf), ("name", "ann")],
        vec![
            ("csrf", &*csrf),
            ("name", "ann"),
            ("name", "bob"),
            ("password", PASSWORD),
        ],
    ] {
        let before = server.events().await.len();
        assert_eq!(
            browser.post(&at, &form).await.status,
            StatusCode::BAD_REQUEST,
            "{form:?}"
        );
        assert_eq!(
            server.events().await[before..],
            [denied(Reason::MalformedRequest, None, None)],
            "{form:?}"
        );
    }
}

#[tokio::test]
async fn reason_1_req_30_an_unknown_name_and_a_wrong_password_look_the_same() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let answer = async |name: &str| {
        let mut browser = server.browser();
        let (at, page) = at_name(&mut browser).await;
        let form = [("csrf", &*page.csrf()), ("name", name), ("password", "wrong and wrong")];
        let answer = browser.post(&at, &form).await;
        let flow = at.rsplit_once('=').unwrap().1.to_owned();
        let shown = answer
            .body
            .replace(&page.csrf(), "CSRF")
            .replace(&flow, "FLOW")
            .replace(name, "NAME");
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        (answer.status, headers, shown)
    };
    let (known, unknown) = (answer("ann").await, answer("eve").await);
    assert_eq!(known.0, StatusCode::FORBIDDEN);
    assert_eq!(known, unknown);
    assert_eq!(
        server.events().await,
        [
            denied(Reason::Unauthenticated, Some("ann"), Some("UID-1")),
            denied(Reason::Unauthenticated, Some("eve"), None),
        ]
    );
}

#[tokio::test]
async fn a_password_typed_as_the_name_is_in_no_event() {
    let server = TestServer::new().await;
    give_password(&mut server.browser(), "my secret, typed here", "x").await;
    assert_eq!(last(&server).await, denied(Reason::Unauthenticated, None, None));
}

#[tokio::test]
async fn reason_1_req_31_a_wrong_code_and_a_used_one() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let endpoint = Some("192.0.2.7:50000".parse().unwrap());
    let wrong = give_code(&mut server.browser(), "ann", "000000").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let invalid = Event::InvalidMfaCode {
        user_name: "ann".into(),
        endpoint,
        sid: Some("UID-1".into()),
    };
    let unauthenticated = denied(Reason::Unauthenticated, Some("ann"), Some("UID-1"));
    assert_eq!(server.events().await, [invalid, unauthenticated.clone()]);

    let code = server.code("ann");
    assert_eq!(
        give_code(&mut server.browser(), "ann", &code).await.status,
        StatusCode::SEE_OTHER
    );
    let before = server.events().await.len();
    assert_eq!(
        give_code(&mut server.browser(), "ann", &code).await.status,
        StatusCode::FORBIDDEN
    );
    let reused = Event::MfaCodeReused {
        user_name: "ann".into(),
        endpoint,
        sid: Some("UID-1".into()),
    };
    assert_eq!(server.events().await[before..], [reused, unauthenticated]);
    server.clock.advance_seconds(30);
    let next = server.code("ann");
    assert_eq!(
        give_code(&mut server.browser(), "ann", &next).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn reason_4_req_3_an_unknown_client_or_redirect_uri_is_no_redirect() {
    let server = TestServer::new().await;
    let mut browser = server.browser();
    let rest =
        "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    for (query, client) in [
        ("client_id=evil&redirect_uri=https://evil.example/callback", None),
        ("client_id=cli&redirect_uri=https://evil.example/callback", Some("cli")),
        ("client_id=cli&redirect_uri=/auth/callback", Some("cli")),
    ] {
        let answer = browser.get(&format!("/oauth2/authorize?{query}&{rest}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.headers.get(header::LOCATION).is_none());
        assert_eq!(
            last(&server).await,
            Event::UserAuthorizationDenied {
                source_ip_address: Some([192, 0, 2, 7].into()),
                client_id: client.map(str::to_owned),
                friendly_name: None,
                subject: None,
                resource_id: client.map(|_| "countersign-api".to_owned()),
                redirect_uri: None,
                reason: Reason::UnauthorizedClient,
            }
        );
    }
}

#[tokio::test]
async fn reason_6_req_29_after_five_wrong_tries_a_name_waits_from_there_alone() {
    let server = TestServer::new().await;
    server.person("ann").await;
    for name in ["ann", "eve"] {
        for _ in 0..5 {
            let wrong = give_password(&mut server.browser(), name, "wrong and wrong").await;
            assert_eq!(wrong.status, StatusCode::FORBIDDEN);
        }
        let right = give_password(&mut server.browser(), name, PASSWORD).await;
        assert_eq!(
            right.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{name}: not even a right password is looked at"
        );
        assert_eq!(right.headers[header::RETRY_AFTER], "30");
    }
    assert_eq!(
        last(&server).await,
        denied(Reason::TooManyInvalidRequests, Some("eve"), None)
    );

    let mut elsewhere = server.browser();
    elsewhere.from = "198.51.100.9:40000".into();
    assert_eq!(
        give_password(&mut elsewhere, "ann", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );

    server.clock.advance_seconds(29);
    assert_eq!(
        give_password(&mut server.browser(), "ann", PASSWORD).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    server.clock.advance_seconds(1);
    assert_eq!(
        give_password(&mut server.browser(), "ann", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn reason_6_wrong_codes_wait_too_and_say_so() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    let form = [("csrf", &*page.csrf()), ("code", "000000")];
    for _ in 0..5 {
        assert_eq!(browser.post(&at, &form).await.status, StatusCode::FORBIDDEN);
    }
    let exceeded = Event::MfaAttemptsExceeded {
        user_name: "ann".into(),
        endpoint: Some("192.0.2.7:50000".parse().unwrap()),
        sid: Some("UID-1".into()),
    };
    let events = server.events().await;
    assert_eq!(events.iter().filter(|event| **event == exceeded).count(), 1);
    let right = [("csrf", &*page.csrf()), ("code", &*server.code("ann"))];
    assert_eq!(browser.post(&at, &right).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        last(&server).await,
        denied(Reason::TooManyInvalidRequests, Some("ann"), Some("UID-1"))
    );
}

#[tokio::test]
async fn reason_7_the_second_factor_is_missing_or_not_enrolled() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let empty = give_code(&mut server.browser(), "ann", "").await;
    assert_eq!(empty.status, StatusCode::FORBIDDEN);
    assert_eq!(
        last(&server).await,
        denied(Reason::MfaRequired, Some("ann"), Some("UID-1"))
    );

    // An account that has a password and no second factor yet.
    server
        .app
        .store
        .write(|tx| {
            Box::pin(async move {
                let ann = tx.account_named(&"ann".parse().unwrap()).await?.unwrap();
                let new = NewAccount {
                    name: "newcomer".parse().unwrap(),
                    kind: ann.kind,
                    roles: ann.roles,
                    created_at: ann.created_at,
                    eligible_at: ann.eligible_at,
                };
                let newcomer = tx.add_account(&new).await?;
                let password = tx.password_of(ann.id).await?.unwrap();
                tx.set_password(newcomer.id, &password, ann.created_at).await
            })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let wrong = give_password(&mut server.browser(), "newcomer", "wrong and wrong").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert_eq!(
        last(&server).await,
        denied(Reason::Unauthenticated, Some("newcomer"), Some("UID-2")),
        "never before the first factor is right"
    );
    let right = give_password(&mut server.browser(), "newcomer", PASSWORD).await;
    assert_eq!(right.status, StatusCode::FORBIDDEN);
    assert_eq!(
        last(&server).await,
        denied(Reason::MfaRequired, Some("newcomer"), Some("UID-2"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn req_29_many_tries_at_once_do_not_slip_through() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut logons = Vec::new();
    for _ in 0..12 {
        let mut browser = server.browser();
        let (at, page) = at_name(&mut browser).await;
        logons.push((browser, at, page.csrf()));
    }
    let tries = logons.iter_mut().map(|(browser, at, csrf)| {
        let form = [("csrf", &**csrf), ("name", "ann"), ("password", "wrong and wrong")];
        async move { browser.post(at, &form).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    let looked_at = statuses
        .iter()
        .filter(|status| **status == StatusCode::FORBIDDEN)
        .count();
    assert_eq!(looked_at, 5, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn req_31_one_code_given_twice_at_once_grants_once() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (mut one, mut other) = (server.browser(), server.browser());
    let (at_one, page_one) = at_code(&mut one, "ann").await;
    let (at_other, page_other) = at_code(&mut other, "ann").await;
    let code = server.code("ann");
    let (csrf_one, csrf_other) = (page_one.csrf(), page_other.csrf());
    let form_one = [("csrf", &*csrf_one), ("code", &*code)];
    let form_other = [("csrf", &*csrf_other), ("code", &*code)];
    let (first, second) = futures_util::join!(one.post(&at_one, &form_one), other.post(&at_other, &form_other));
    let mut statuses = [first.status, second.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::FORBIDDEN]);
}

#[tokio::test]
async fn a_form_sent_twice_decides_once() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    let mut twin = browser.clone();
    let code = server.code("ann");
    let csrf = page.csrf();
    let form = [("csrf", &*csrf), ("code", &*code)];
    assert_eq!(browser.post(&at, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(twin.post(&at, &form).await.status, StatusCode::BAD_REQUEST);
    let granted = |event: &Event| matches!(event, Event::UserAuthorizationGranted { .. });
    assert_eq!(server.events().await.iter().filter(|event| granted(event)).count(), 1);
}

#[tokio::test]
async fn reason_8_a_second_factor_that_cannot_be_unsealed() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    server
        .app
        .store
        .write(move |tx| {
            Box::pin(async move { tx.set_totp(ann.id, b"sealed with another key", 0, ann.created_at).await })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let answer = give_code(&mut server.browser(), "ann", &server.code("ann")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        last(&server).await,
        denied(Reason::ServerError, Some("ann"), Some("UID-1"))
    );
}

#[tokio::test]
async fn reason_9_a_cookie_that_is_missing_or_of_another_flow_is_cleared() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let missing = Event::UserAuthorizationDenied {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: None,
        friendly_name: None,
        subject: None,
        resource_id: None,
        redirect_uri: None,
        reason: Reason::MissingCookie,
    };
    let (mut one, mut other) = (server.browser(), server.browser());
    let (at, page) = at_name(&mut one).await;
    let (at_other, _) = at_name(&mut other).await;
    let id = |at: &str| at.rsplit_once('=').unwrap().1.to_owned();

    let absent = server.browser().get(&at).await;
    assert_eq!(
        (absent.status, last(&server).await),
        (StatusCode::BAD_REQUEST, missing.clone())
    );
    assert!(
        absent.body.contains("href=\"/auth/login\""),
        "there is a way on, and no loop"
    );

    // The cookie of one tab under the name of the other's.
    let foreign = other.cookies[&format!("logon-{}", id(&at_other))].clone();
    one.cookies.insert(format!("logon-{}", id(&at)), foreign);
    let form = [("csrf", &*page.csrf()), ("name", "ann"), ("password", PASSWORD)];
    let refused = one.post(&at, &form).await;
    assert_eq!(
        (refused.status, last(&server).await),
        (StatusCode::BAD_REQUEST, missing.clone())
    );
    assert!(
        !one.cookies.contains_key(&format!("logon-{}", id(&at))),
        "it is cleared"
    );

    // Open for too long.
    server.clock.advance_seconds(600);
    assert_eq!(other.get(&at_other).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(last(&server).await, missing);
}

#[tokio::test]
async fn reason_9_a_code_that_comes_back_to_a_browser_without_its_verifier() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let granted = give_code(&mut browser, "ann", &server.code("ann")).await;
    browser.cookies.clear();
    let back = browser.get(granted.location()).await;
    assert_eq!(back.status, StatusCode::BAD_REQUEST);
    assert_eq!(last(&server).await, denied(Reason::MissingCookie, None, None));
    assert!(browser.cookies.is_empty(), "no session");
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

/// A code for the command line: the answer at its redirect URI, and the verifier.
async fn cli_code(server: &TestServer) -> (String, Verifier) {
    let verifier = Verifier::new(&SystemEntropy);
    let mut browser = server.browser();
    let (at, page) = browser
        .open(&format!(
            "/oauth2/authorize?client_id=cli&redirect_uri={CLI_REDIRECT}&response_type=code&code_challenge={}&code_challenge_method=S256&state=xyz",
            verifier.challenge().to_text()
        ))
        .await;
    let asked = browser
        .post(&at, &[("csrf", &page.csrf()), ("name", "ann"), ("password", PASSWORD)])
        .await;
    let (at, page) = browser.open(asked.location()).await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' http://127.0.0.1:50123;"),
        "{policy}"
    );
    let granted = browser
        .post(&at, &[("csrf", &page.csrf()), ("code", &server.code("ann"))])
        .await;
    assert_eq!(granted.status, StatusCode::SEE_OTHER, "req 19");
    let (address, query) = granted.location().split_once('?').unwrap();
    assert_eq!(address, CLI_REDIRECT);
    let pairs = crate::session::form_pairs(query.as_bytes());
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(
        (pairs[1].1.as_str(), pairs[2].1.as_str()),
        ("xyz", "http://127.0.0.1:8765")
    );
    (pairs[0].1.clone(), verifier)
}

async fn redeem(server: &TestServer, code: &str, verifier: &str, redirect: &str) -> Answer {
    let form = format!(
        "grant_type=authorization_code&client_id=cli&code={code}&redirect_uri={redirect}&code_verifier={verifier}"
    );
    post(server, "/oauth2/token", form).await
}

async fn post(server: &TestServer, path: &str, form: String) -> Answer {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    server.send(request, "192.0.2.7:50000").await
}

async fn live(server: &TestServer, token: &str) -> bool {
    let hash = hash_of(token);
    let ask = server
        .app
        .store
        .ask(|view| Box::pin(async move { view.access_token(hash).await }));
    ask.await
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn req_6_a_code_gives_one_token_and_its_reuse_takes_it_back() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (code, verifier) = cli_code(&server).await;
    let answer = redeem(&server, &code, verifier.as_str(), CLI_REDIRECT).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "req 18");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&"Bearer".into(), &28_800.into())
    );
    let token = body["access_token"].as_str().unwrap().to_owned();
    assert!(live(&server, &token).await);

    let again = redeem(&server, &code, verifier.as_str(), CLI_REDIRECT).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    insta::assert_snapshot!(again.body, @r#"{"error":"invalid_grant","error_description":"The code does not hold, or no longer: log on again."}"#);
    assert!(!live(&server, &token).await);
    let events = server.events().await;
    let Event::TokenRequestApproved {
        refresh_token_chain_id, ..
    } = &events[1]
    else {
        panic!("{events:?}");
    };
    let rejected = Event::TokenRequestRejected {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("cli".into()),
        grant_type: Some("authorization_code".into()),
        friendly_name: Some("ann".into()),
        subject: Some("UID-1".into()),
        resource_id: Some("countersign-api".into()),
        reason: Reason::Unauthenticated,
    };
    let revoked = Event::TokenChainRevoked {
        source_ip_address: Some([192, 0, 2, 7].into()),
        chain_id: refresh_token_chain_id.clone(),
    };
    assert_eq!(events[2..], [rejected, revoked]);
}

#[tokio::test]
async fn req_5_7_8_a_code_is_bound_to_time_redirect_uri_and_verifier() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let other = "a".repeat(43);
    let elsewhere = "http://127.0.0.1:50124/callback";
    for (wait, verifier, redirect) in [
        (60, None, CLI_REDIRECT),
        (0, Some(&*other), CLI_REDIRECT),
        (0, None, elsewhere),
    ] {
        let (code, own) = cli_code(&server).await;
        server.clock.advance_seconds(wait);
        let answer = redeem(&server, &code, verifier.unwrap_or(own.as_str()), redirect).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wait} {verifier:?} {redirect}");
        server.clock.advance_seconds(30);
    }
    let without = post(
        &server,
        "/oauth2/token",
        "grant_type=authorization_code&client_id=cli&code=x".into(),
    )
    .await;
    assert_eq!(without.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn req_9_no_other_grant_and_no_other_client() {
    let server = TestServer::new().await;
    for (form, status, error) in [
        (
            "grant_type=password&client_id=cli&username=ann&password=x",
            400,
            "unsupported_grant_type",
        ),
        (
            "grant_type=authorization_code&client_id=web-ui&code=x&redirect_uri=/auth/callback",
            401,
            "invalid_client",
        ),
        ("grant_type=authorization_code&client_id=evil", 401, "invalid_client"),
        ("client_id=cli", 400, "invalid_request"),
    ] {
        let answer = post(&server, "/oauth2/token", form.into()).await;
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status.as_u16(), body["error"].as_str()),
            (status, Some(error)),
            "{form}"
        );
        assert!(
            matches!(last(&server).await, Event::TokenRequestRejected { .. }),
            "{form}"
        );
    }
}

#[tokio::test]
async fn a_client_ends_its_own_token() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (code, verifier) = cli_code(&server).await;
    let answer = redeem(&server, &code, verifier.as_str(), CLI_REDIRECT).await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(
        post(&server, "/oauth2/revoke", format!("client_id=web-ui&token={token}"))
            .await
            .status,
        StatusCode::OK
    );
    assert!(live(&server, token).await, "another client's word");
    assert_eq!(
        post(&server, "/oauth2/revoke", format!("client_id=cli&token={token}"))
            .await
            .status,
        StatusCode::OK
    );
    assert!(!live(&server, token).await);
    assert!(matches!(last(&server).await, Event::TokenChainRevoked { .. }));
    assert_eq!(
        post(&server, "/oauth2/revoke", "client_id=cli&token=unknown".into())
            .await
            .status,
        StatusCode::OK
    );
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
    assert!(body.get("jwks_uri").is_none());
}
