//! Flow cookies: several tabs, and what happens when they are lost.

use countersign_core::{Actor, Via};

use super::clients::register;
use super::tokens::{code_for, json, live, post};
use super::*;
use crate::flows::settings::{Change, Changed, change};

#[tokio::test]
async fn reason_9_old_cookies_meet_a_server_with_an_empty_database_and_there_is_no_loop() {
    let before = TestServer::new().await;
    before.person("ann").await;
    let mut old = before.browser();
    old.log_on("ann").await;
    let (at, page) = at_name(&mut old).await;
    let form = [
        ("csrf", page.csrf()),
        ("name", "ann".into()),
        ("password", PASSWORD.into()),
    ];

    // Another key, another database, and a browser that knows of neither.
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.cookies = old.cookies.clone();
    assert_eq!(browser.cookies.len(), 3);
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let lost = browser.post(&at, &form).await;
    assert_eq!(lost.status, StatusCode::BAD_REQUEST);
    let mut missing = denied(Reason::MissingCookie, None, None);
    if let Event::UserAuthorizationDenied {
        client_id,
        resource_id,
        redirect_uri,
        ..
    } = &mut missing
    {
        (*client_id, *resource_id, *redirect_uri) = (None, None, None);
    }
    assert_eq!(server.events().await, [missing]);
    assert!(
        !browser.cookies.keys().any(|name| name.starts_with("logon-")),
        "cleared"
    );
    // The session of before is none here: the page leads to the sign-in, which works.
    let (at, page) = browser.open("/pending").await;
    assert!(at.starts_with("/logon?flow="), "{at}");
    assert_eq!(page.status, StatusCode::OK);
    browser.log_on("ann").await;
}

#[tokio::test]
async fn reason_9_an_unreadable_cookie_is_cleared_and_the_other_tab_goes_on() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (first, _) = at_name(&mut browser).await;
    let (second, page) = at_name(&mut browser).await;
    let name = format!("logon-{}", first.rsplit_once('=').unwrap().1);
    browser.cookies.insert(name.clone(), "%00 nonsense".into());
    let lost = browser.get(&first).await;
    assert_eq!(lost.status, StatusCode::BAD_REQUEST);
    assert!(!browser.cookies.contains_key(&name));
    let form = [("csrf", &*page.csrf()), ("name", "ann"), ("password", PASSWORD)];
    assert_eq!(browser.post(&second, &form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn denials_that_anybody_can_cause_are_reported_twenty_times_a_minute() {
    let server = TestServer::new().await;
    let before = server.events().await.len();
    let flood = async |browser: &mut Browser<'_>| {
        for _ in 0..10 {
            for path in [
                "/oauth2/authorize",
                "/logon?flow=x",
                "/auth/callback",
                "/auth/saml/login",
                "/auth/negotiate",
            ] {
                let answer = browser.get(path).await;
                assert!(answer.status.is_client_error(), "{path}: it is answered all the same");
            }
        }
    };
    let mut browser = server.browser();
    flood(&mut browser).await;
    assert_eq!(server.events().await.len() - before, 20);
    let metrics = server.app.metrics.text().unwrap();
    assert!(metrics.contains("countersign_denials_unreported_total 30"), "{metrics}");
    browser.from = "198.51.100.1:40000".into();
    browser.get("/logon?flow=x").await;
    assert_eq!(server.events().await.len() - before, 21, "another network");
    server.clock.advance_seconds(60);
    browser.from = "192.0.2.7:50000".into();
    browser.get("/logon?flow=x").await;
    assert_eq!(server.events().await.len() - before, 22, "another minute");
}

#[tokio::test]
async fn token_requests_that_anybody_can_make_are_reported_twenty_times_a_minute() {
    let server = TestServer::new().await;
    let before = server.events().await.len();
    let browser = server.browser();
    for _ in 0..10 {
        for form in [
            "",
            "grant_type=password&client_id=cli",
            "grant_type=refresh_token&client_id=cli&refresh_token=x",
            "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=cli&device_code=x",
        ] {
            let request = Request::post("/oauth2/token")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(form))
                .unwrap();
            let answer = server.send(request, &browser.from).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}: {}", answer.body);
        }
    }
    assert_eq!(server.events().await.len() - before, 20);
    server.clock.advance_seconds(60);
    let request = Request::post("/oauth2/token").body(Body::empty()).unwrap();
    server.send(request, &browser.from).await;
    assert_eq!(server.events().await.len() - before, 21, "another minute");
}

#[tokio::test]
async fn req_19_every_redirect_after_a_form_is_a_303() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let form = [("csrf", &*page.csrf()), ("name", "ann"), ("password", PASSWORD)];
    let asked = browser.post(&at, &form).await;
    assert_eq!(asked.status.as_u16(), 303);
    let (at, page) = browser.open(asked.location()).await;
    let granted = browser
        .post(&at, &[("csrf", &page.csrf()), ("code", &server.code("ann"))])
        .await;
    assert_eq!(granted.status.as_u16(), 303);
    let back = browser.get(granted.location()).await;
    assert_eq!(
        back.status.as_u16(),
        303,
        "no redirect of a logon keeps its method and body"
    );
}

#[tokio::test]
async fn req_21_no_page_of_a_logon_is_framed() {
    let server = TestServer::new().await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let refused = browser.get("/oauth2/authorize").await;
    let lost = browser.get("/logon?flow=x").await;
    let off = browser.get(&at.replace("/logon", "/auth/saml/login")).await;
    for answer in [page, refused, lost, off] {
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
    }
}

#[tokio::test]
async fn req_36_a_session_has_256_bits_and_is_another_after_each_logon() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    // One that was planted is not taken over.
    browser.cookies.insert("countersign".into(), "a".repeat(43));
    browser.log_on("ann").await;
    let first = browser.cookies["countersign"].clone();
    assert_eq!(
        data_encoding::BASE64URL_NOPAD.decode(first.as_bytes()).unwrap().len(),
        32
    );
    assert_ne!(first, "a".repeat(43));
    server.clock.advance_seconds(30);
    browser.log_on("ann").await;
    assert_ne!(browser.cookies["countersign"], first);
    let mut stale = server.browser();
    stale.cookies.insert("countersign".into(), first);
    assert_eq!(
        stale.get("/pending").await.status.as_u16(),
        303,
        "the one before has ended"
    );
}

#[tokio::test]
async fn what_a_client_has_under_way_and_was_given_ends_when_it_is_disabled() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let bob = server.person("bob").await;
    register(&server, "kiosk", |spec| {
        spec.authentication = countersign_core::logon::Authentication::None;
    })
    .await;
    let back = "https://portal.example/back";
    let redeem = async |code: &str, verifier: &Verifier| {
        let form = format!(
            "grant_type=authorization_code&client_id=kiosk&code={code}&redirect_uri={back}&code_verifier={}",
            verifier.as_str()
        );
        post(&server, "/oauth2/token", form).await
    };
    let (code, verifier) = code_for(&server, "kiosk", back).await;
    let given = json(&redeem(&code, &verifier).await);
    let token = given["access_token"].as_str().unwrap().to_owned();
    assert!(live(&server, &token).await);
    server.clock.advance_seconds(30);
    let (waiting, waiting_verifier) = code_for(&server, "kiosk", back).await;
    let mut browser = server.browser();
    let authorize = format!(
        "/oauth2/authorize?client_id=kiosk&redirect_uri={back}&response_type=code&code_challenge={}&code_challenge_method=S256",
        verifier.challenge().to_text()
    );
    let (under_way, _) = browser.open(&authorize).await;

    let known = server
        .app
        .store
        .ask(|view| Box::pin(async move { view.client(&"kiosk".parse().unwrap()).await }));
    let known: Result<_, StoreError> = known.await;
    let mut spec = known.unwrap().unwrap().spec;
    spec.enabled = false;
    let actor = Actor {
        account: bob.id,
        name: "bob".into(),
        login_type: 0,
        via: Via::Session(bob.roles),
        address: "192.0.2.8".into(),
        why: None,
        maker: None,
    };
    let before = server.events().await.len();
    let enabled = countersign_core::logon::ClientSpec {
        enabled: true,
        ..spec.clone()
    };
    let changed = change(&server.app, &actor, Change::ChangeClient(Box::new(spec)))
        .await
        .unwrap();
    assert_eq!(changed, Changed::Done);
    let events = server.events().await.split_off(before);
    let chain = Event::TokenChainRevoked {
        source_ip_address: None,
        chain_id: match &events[0] {
            Event::TokenChainRevoked { chain_id, .. } => chain_id.clone(),
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(events[0], chain);
    assert!(matches!(events[1], Event::GeneralSettingsUpdated { .. }) && events.len() == 2);

    assert!(!live(&server, &token).await);
    assert_eq!(
        redeem(&waiting, &waiting_verifier).await.status.as_u16(),
        401,
        "not even asked"
    );
    assert_eq!(browser.get(&under_way).await.status, StatusCode::BAD_REQUEST, "lost");
    let again = browser.get(&authorize).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    let mut refused = denied(Reason::UnauthorizedClient, None, None);
    if let Event::UserAuthorizationDenied {
        client_id,
        resource_id,
        redirect_uri,
        ..
    } = &mut refused
    {
        (*client_id, *redirect_uri) = (Some("kiosk".into()), None);
        *resource_id = Some("gateway-api".into());
    }
    assert_eq!(last(&server).await, refused);

    // Nothing of it comes back with the client.
    change(&server.app, &actor, Change::ChangeClient(Box::new(enabled)))
        .await
        .unwrap();
    assert_eq!(redeem(&waiting, &waiting_verifier).await.status.as_u16(), 400);
    assert!(!live(&server, &token).await);
}
