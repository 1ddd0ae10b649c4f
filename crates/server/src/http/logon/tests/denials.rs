//! Every denial by its cause, with its event whole, and what many at once do not change.

use super::*;

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
                resource_id: client.map(|_| "gateway-api".to_owned()),
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
