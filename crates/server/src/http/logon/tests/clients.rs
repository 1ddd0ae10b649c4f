//! Registered clients: how they show themselves, and what they may ask about tokens.

use std::collections::BTreeSet;

use countersign_core::logon::{Authentication, Client, ClientSpec, Grant, Resource};
use countersign_core::token::Secret;

use super::refresh::{logged_on, refresh};
use super::tokens::{json, live, post, post_as};
use super::*;

const SECRET: &str = "portal.secret-0123456789abcdefghij";

/// Registers a client that may ask for tokens of the API.
pub async fn register(server: &TestServer, id: &str, change: impl FnOnce(&mut ClientSpec)) {
    let mut spec = ClientSpec {
        authentication: Authentication::Secret,
        enabled: true,
        grants: [Grant::AuthorizationCode, Grant::RefreshToken].into(),
        id: id.parse().unwrap(),
        name: "Portal".into(),
        redirect_uris: vec!["https://portal.example/back".parse().unwrap()],
        resources: [Resource::Api].into(),
    };
    change(&mut spec);
    let secret = Secret::given(SECRET).unwrap().hash();
    let client = Client {
        secret: (spec.authentication == Authentication::Secret).then_some(secret),
        spec,
    };
    let now = server.app.clock.now();
    server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.add_client(&client, now).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
}

/// The answer to the code of a logon for the portal.
async fn portal_tokens(server: &TestServer, basic: Option<&str>, more: &str) -> Answer {
    let (code, verifier) = super::tokens::code_for(server, "portal", "https://portal.example/back").await;
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri=https://portal.example/back&code_verifier={}{more}",
        verifier.as_str()
    );
    post_as(server, "/oauth2/token", form, basic).await
}

#[tokio::test]
async fn req_14_a_client_with_a_secret_shows_it_in_exactly_one_way() {
    let server = TestServer::new().await;
    server.person("ann").await;
    register(&server, "portal", |_| ()).await;
    let right = format!("portal:{SECRET}");
    let encoded = format!("p%6Frtal:{}", SECRET.replace('.', "%2E"));
    let body = format!("&client_id=portal&client_secret={SECRET}");
    for (basic, more) in [
        (Some(&*right), ""),
        (Some(&encoded), "&client_id=portal"),
        (None, &*body),
    ] {
        let answer = portal_tokens(&server, basic, more).await;
        assert_eq!(answer.status, StatusCode::OK, "{basic:?} {more} {answer:?}");
        assert!(json(&answer)["refresh_token"].is_string());
        server.clock.advance_seconds(30);
    }
    let form = |more: &str| {
        format!(
            "grant_type=authorization_code&code=x&redirect_uri=x&code_verifier={}{more}",
            "a".repeat(43)
        )
    };
    for (basic, more, status, error, reason) in [
        (
            None,
            "&client_id=portal",
            401,
            "invalid_client",
            Reason::UnauthorizedClient,
        ),
        (
            None,
            "&client_id=portal&client_secret=x",
            401,
            "invalid_client",
            Reason::UnauthorizedClient,
        ),
        (
            Some("portal:wrong"),
            "",
            401,
            "invalid_client",
            Reason::UnauthorizedClient,
        ),
        (
            Some("portal:%FF"),
            "",
            401,
            "invalid_client",
            Reason::UnauthorizedClient,
        ),
        (Some("portal"), "", 401, "invalid_client", Reason::UnauthorizedClient),
        (Some("cli:"), "", 401, "invalid_client", Reason::UnauthorizedClient),
        (
            Some(&*right),
            "&client_id=cli",
            400,
            "invalid_request",
            Reason::MalformedRequest,
        ),
        (
            Some(&*right),
            &*format!("&client_secret={SECRET}"),
            400,
            "invalid_request",
            Reason::MalformedRequest,
        ),
    ] {
        let answer = post_as(&server, "/oauth2/token", form(more), basic).await;
        let told = (
            answer.status.as_u16(),
            json(&answer)["error"].as_str().unwrap().to_owned(),
        );
        assert_eq!(told, (status, error.to_owned()), "{basic:?} {more}");
        assert_eq!(answer.headers.contains_key(header::WWW_AUTHENTICATE), status == 401);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        let Event::TokenRequestRejected { reason: said, .. } = last(&server).await else {
            panic!("{basic:?} {more}");
        };
        assert_eq!(said, reason, "{basic:?} {more}");
    }
}

#[tokio::test]
async fn reason_4_a_disabled_client_and_one_without_the_grant_get_nothing() {
    let server = TestServer::new().await;
    register(&server, "gone", |spec| spec.enabled = false).await;
    register(&server, "once", |spec| spec.grants = [Grant::AuthorizationCode].into()).await;
    for (client, grant, error) in [
        ("gone", "authorization_code", "invalid_client"),
        ("once", "refresh_token", "unauthorized_client"),
        (
            "once",
            "urn:ietf:params:oauth:grant-type:device_code",
            "unauthorized_client",
        ),
    ] {
        let form = format!("grant_type={grant}&refresh_token=x");
        let answer = post_as(&server, "/oauth2/token", form, Some(&format!("{client}:{SECRET}"))).await;
        assert_eq!(json(&answer)["error"], error, "{client}");
        let expected = Event::TokenRequestRejected {
            source_ip_address: Some([192, 0, 2, 7].into()),
            client_id: Some(client.into()),
            grant_type: Some(grant.into()),
            friendly_name: None,
            subject: None,
            resource_id: Some("gateway-api".into()),
            reason: Reason::UnauthorizedClient,
        };
        assert_eq!(last(&server).await, expected);
    }
}

#[tokio::test]
async fn req_12_reason_4_a_refresh_token_is_of_no_use_to_another_client() {
    let server = TestServer::new().await;
    server.person("ann").await;
    register(&server, "portal", |_| ()).await;
    let (access, token) = logged_on(&server).await;
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let answer = post_as(&server, "/oauth2/token", form, Some(&format!("portal:{SECRET}"))).await;
    assert_eq!(json(&answer)["error"], "invalid_grant");
    let expected = Event::TokenRequestRejected {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("portal".into()),
        grant_type: Some("refresh_token".into()),
        friendly_name: Some("ann".into()),
        subject: Some("UID-1".into()),
        resource_id: Some("gateway-api".into()),
        reason: Reason::UnauthorizedClient,
    };
    assert_eq!(last(&server).await, expected);
    assert!(live(&server, &access).await);
    assert_eq!(refresh(&server, &token).await.status, StatusCode::OK, "its own client");
}

#[tokio::test]
async fn a_client_that_may_not_refresh_gets_one_access_token() {
    let server = TestServer::new().await;
    server.person("ann").await;
    register(&server, "portal", |spec| {
        spec.grants = [Grant::AuthorizationCode].into()
    })
    .await;
    let answer = portal_tokens(&server, Some(&format!("portal:{SECRET}")), "").await;
    let body = json(&answer);
    assert_eq!(answer.status, StatusCode::OK);
    assert!(body.get("refresh_token").is_none());
    let token = body["access_token"].as_str().unwrap();
    server.clock.advance_seconds(599);
    assert!(live(&server, token).await);
    server.clock.advance_seconds(1);
    assert!(!live(&server, token).await);
}

#[tokio::test]
async fn req_13_14_a_client_ends_its_logon_by_either_token_and_no_other_does() {
    let server = TestServer::new().await;
    server.person("ann").await;
    register(&server, "portal", |_| ()).await;
    for by_refresh in [true, false] {
        let (access, token) = logged_on(&server).await;
        let shown = if by_refresh { &token } else { &access };
        let other = Some(format!("portal:{SECRET}"));
        let by_other = post_as(&server, "/oauth2/revoke", format!("token={shown}"), other.as_deref()).await;
        assert_eq!((by_other.status, live(&server, &access).await), (StatusCode::OK, true));
        let unknown = post(&server, "/oauth2/revoke", "client_id=cli&token=unknown".into()).await;
        assert_eq!(unknown.status, StatusCode::OK);
        let without = post(&server, "/oauth2/revoke", format!("client_id=portal&token={shown}")).await;
        assert_eq!(
            without.status,
            StatusCode::UNAUTHORIZED,
            "a client with a secret shows it"
        );
        let before = server.events().await.len();
        let own = post(&server, "/oauth2/revoke", format!("client_id=cli&token={shown}")).await;
        assert_eq!((own.status, live(&server, &access).await), (StatusCode::OK, false));
        let again = post(&server, "/oauth2/revoke", format!("client_id=cli&token={shown}")).await;
        assert_eq!(again.status, StatusCode::OK);
        let events = server.events().await;
        assert!(
            matches!(events[before..], [Event::TokenChainRevoked { .. }]),
            "{events:?}"
        );
        assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
        server.clock.advance_seconds(30);
    }
}

#[tokio::test]
async fn introspection_tells_a_client_with_a_secret_about_its_own_and_its_resources_tokens_alone() {
    let server = TestServer::new().await;
    server.person("ann").await;
    register(&server, "portal", |_| ()).await;
    register(&server, "shelf", |spec| {
        spec.resources = BTreeSet::from([Resource::Repositories])
    })
    .await;
    let (access, token) = logged_on(&server).await;
    let ask = async |client: &str, token: &str| {
        let basic = format!("{client}:{SECRET}");
        json(&post_as(&server, "/oauth2/introspect", format!("token={token}"), Some(&basic)).await)
    };
    let told = ask("portal", &access).await;
    assert_eq!(
        (
            &told["active"],
            &told["username"],
            &told["aud"],
            &told["client_id"],
            &told["token_type"]
        ),
        (
            &true.into(),
            &"ann".into(),
            &"gateway-api".into(),
            &"cli".into(),
            &"Bearer".into()
        )
    );
    let nothing = serde_json::json!({ "active": false });
    assert_eq!(ask("shelf", &access).await, nothing, "of another resource");
    assert_eq!(ask("portal", &token).await, nothing, "the refresh token of another");
    assert_eq!(ask("portal", "unknown").await, nothing);

    let own = json(&portal_tokens_later(&server).await);
    let own_refresh = own["refresh_token"].as_str().unwrap();
    let told = ask("portal", own_refresh).await;
    assert_eq!((&told["active"], &told["sub"]), (&true.into(), &"UID-1".into()));
    assert_eq!(ask("shelf", own_refresh).await, nothing);

    let asked = post(&server, "/oauth2/introspect", format!("client_id=cli&token={access}")).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    server.clock.advance_seconds(600);
    assert_eq!(ask("portal", &access).await, nothing, "expired");
}

async fn portal_tokens_later(server: &TestServer) -> Answer {
    server.clock.advance_seconds(30);
    portal_tokens(server, Some(&format!("portal:{SECRET}")), "").await
}

#[tokio::test]
async fn a_resource_checks_tokens_by_what_is_published_and_old_keys_stay_while_they_matter() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (access, _) = logged_on(&server).await;
    let published = async || json(&server.browser().get("/oauth2/jwks").await)["keys"].clone();
    let before = published().await;
    let head = access.split('.').next().unwrap();
    let head: serde_json::Value =
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(head.as_bytes()).unwrap()).unwrap();
    assert_eq!(before[0]["kid"], head["kid"]);
    assert!(before[0].get("d").is_none(), "nothing private");

    server.app.signing.rotate(&server.app).await.unwrap();
    let both = published().await;
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(both[1], before[0]);
    assert!(live(&server, &access).await, "what the old key signed");
    server.clock.advance_seconds(crate::signing::RETIRED_SECONDS);
    server.app.signing.look(&server.app).await.unwrap();
    assert_eq!(published().await.as_array().unwrap().len(), 1);

    server.clock.advance_seconds(crate::signing::KEY_SECONDS);
    server.app.signing.look(&server.app).await.unwrap();
    assert_ne!(published().await[0], both[0], "a month is over");
}
