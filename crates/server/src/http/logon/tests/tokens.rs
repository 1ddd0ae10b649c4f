//! The command line's tokens: a code for one, its reuse, its end.

use super::*;

/// A code for the command line: the answer at its redirect URI, and the verifier.
pub async fn cli_code(server: &TestServer) -> (String, Verifier) {
    code_for(server, "cli", CLI_REDIRECT).await
}

/// A code for a client that gets it at this address.
pub async fn code_for(server: &TestServer, client: &str, redirect: &str) -> (String, Verifier) {
    let verifier = Verifier::new(&SystemEntropy);
    let mut browser = server.browser();
    let (at, page) = browser
        .open(&format!(
            "/oauth2/authorize?client_id={client}&redirect_uri={redirect}&response_type=code&code_challenge={}&code_challenge_method=S256&state=xyz",
            verifier.challenge().to_text()
        ))
        .await;
    let asked = browser
        .post(&at, &[("csrf", &page.csrf()), ("name", "ann"), ("password", PASSWORD)])
        .await;
    let (at, page) = browser.open(asked.location()).await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains(&format!("form-action 'self' {};", origin_of(redirect))),
        "{policy}"
    );
    let granted = browser
        .post(&at, &[("csrf", &page.csrf()), ("code", &server.code("ann"))])
        .await;
    assert_eq!(granted.status, StatusCode::SEE_OTHER, "req 19");
    let (address, query) = granted.location().split_once('?').unwrap();
    assert_eq!(address, redirect);
    let pairs = crate::session::form_pairs(query.as_bytes());
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(
        (pairs[1].1.as_str(), pairs[2].1.as_str()),
        ("xyz", "http://127.0.0.1:8765")
    );
    (pairs[0].1.clone(), verifier)
}

fn origin_of(redirect: &str) -> &str {
    let path = redirect.match_indices('/').nth(2).map_or(redirect.len(), |(at, _)| at);
    &redirect[..path]
}

pub async fn redeem(server: &TestServer, code: &str, verifier: &str, redirect: &str) -> Answer {
    let form = format!(
        "grant_type=authorization_code&client_id=cli&code={code}&redirect_uri={redirect}&code_verifier={verifier}"
    );
    post(server, "/oauth2/token", form).await
}

pub async fn post(server: &TestServer, path: &str, form: String) -> Answer {
    post_as(server, path, form, None).await
}

/// With the credentials of a client, as basic authentication has them.
pub async fn post_as(server: &TestServer, path: &str, form: String, basic: Option<&str>) -> Answer {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(basic) = basic {
        let encoded = data_encoding::BASE64.encode(basic.as_bytes());
        request = request.header(header::AUTHORIZATION, format!("Basic {encoded}"));
    }
    server
        .send(request.body(Body::from(form)).unwrap(), "192.0.2.7:50000")
        .await
}

pub async fn live(server: &TestServer, token: &str) -> bool {
    let access = crate::access::examine(&server.app, token, server.app.clock.now()).await;
    access.unwrap().is_some()
}

pub fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
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
        (&"Bearer".into(), &600.into())
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
        resource_id: Some("gateway-api".into()),
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
        (
            "grant_type=client_credentials&client_id=cli",
            400,
            "unsupported_grant_type",
        ),
        ("grant_type=implicit&client_id=cli", 400, "unsupported_grant_type"),
        ("client_id=cli", 400, "invalid_request"),
        (
            "grant_type=authorization_code&grant_type=password&client_id=cli",
            400,
            "invalid_request",
        ),
        (
            "grant_type=refresh_token&client_id=cli&client_secret=guessed",
            401,
            "invalid_client",
        ),
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
