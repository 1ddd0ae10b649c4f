//! Tokens that are bound to a key (RFC 9449).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use countersign_core::Sha256;
use serde_json::json;

use super::tokens::{cli_code, json};
use super::*;

/// A client with a key of its own.
struct Device {
    pair: EcdsaKeyPair,
    proofs: std::cell::Cell<u32>,
}

impl Device {
    fn new() -> Self {
        Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            proofs: std::cell::Cell::new(0),
        }
    }

    fn proof(&self, server: &TestServer, method: &str, path: &str, token: Option<&str>) -> String {
        self.proofs.set(self.proofs.get() + 1);
        let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        let public = self.pair.public_key().as_ref();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(&public[1..33]), "y": encode(&public[33..])});
        let head = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
        let mut claims = json!({
            "jti": format!("{}", self.proofs.get()), "htm": method, "htu": format!("http://127.0.0.1:8765{path}"),
            "iat": server.app.clock.now().seconds(),
        });
        if let Some(token) = token {
            claims["ath"] = encode(&Sha256::of(token.as_bytes()).0).into();
        }
        let message = format!(
            "{}.{}",
            encode(head.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", encode(signature.as_ref()))
    }

    async fn token_request(&self, server: &TestServer, form: String) -> Answer {
        let proof = self.proof(server, "POST", "/oauth2/token", None);
        with_proof(server, form, Some(&proof)).await
    }

    async fn call(&self, server: &TestServer, token: &str) -> Answer {
        let proof = self.proof(server, "GET", "/api/v1/requests", Some(token));
        call(server, &format!("DPoP {token}"), Some(&proof)).await
    }
}

async fn with_proof(server: &TestServer, form: String, proof: Option<&str>) -> Answer {
    let mut request = Request::post("/oauth2/token").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    server
        .send(request.body(Body::from(form)).unwrap(), "192.0.2.7:50000")
        .await
}

async fn call(server: &TestServer, authorization: &str, proof: Option<&str>) -> Answer {
    let mut request = Request::get("/api/v1/requests?state=pending").header(header::AUTHORIZATION, authorization);
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    server
        .send(request.body(Body::empty()).unwrap(), "192.0.2.7:50000")
        .await
}

#[tokio::test]
async fn req_16_bound_tokens_are_of_use_with_their_key_alone() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (device, thief) = (Device::new(), Device::new());
    let (code, verifier) = cli_code(&server).await;
    let form = format!(
        "grant_type=authorization_code&client_id=cli&code={code}&redirect_uri={CLI_REDIRECT}&code_verifier={}",
        verifier.as_str()
    );
    let body = json(&device.token_request(&server, form).await);
    assert_eq!(body["token_type"], "DPoP");
    let access = body["access_token"].as_str().unwrap().to_owned();
    let refresh = body["refresh_token"].as_str().unwrap().to_owned();

    assert_eq!(device.call(&server, &access).await.status, StatusCode::OK);
    let proof = device.proof(&server, "GET", "/api/v1/requests", Some(&access));
    let bound = format!("DPoP {access}");
    assert_eq!(call(&server, &bound, Some(&proof)).await.status, StatusCode::OK);
    assert_eq!(
        call(&server, &bound, Some(&proof)).await.status,
        StatusCode::UNAUTHORIZED,
        "shown before"
    );
    for (authorization, proof) in [
        (format!("Bearer {access}"), None),
        (
            format!("Bearer {access}"),
            Some(device.proof(&server, "GET", "/api/v1/requests", Some(&access))),
        ),
        (bound.clone(), None),
        (
            bound.clone(),
            Some(thief.proof(&server, "GET", "/api/v1/requests", Some(&access))),
        ),
        (
            bound.clone(),
            Some(device.proof(&server, "POST", "/api/v1/requests", Some(&access))),
        ),
        (
            bound.clone(),
            Some(device.proof(&server, "GET", "/api/v1/backups", Some(&access))),
        ),
        (
            bound.clone(),
            Some(device.proof(&server, "GET", "/api/v1/requests", Some("another"))),
        ),
        (
            bound.clone(),
            Some(device.proof(&server, "GET", "/api/v1/requests", None)),
        ),
    ] {
        let answer = call(&server, &authorization, proof.as_deref()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{authorization} {proof:?}");
    }

    let form = format!("grant_type=refresh_token&client_id=cli&refresh_token={refresh}");
    let by_thief = thief.token_request(&server, form.clone()).await;
    let bare = with_proof(&server, form.clone(), None).await;
    for refused in [by_thief, bare] {
        assert_eq!(json(&refused)["error"], "invalid_grant");
        let Event::TokenRequestRejected { reason, .. } = last(&server).await else {
            panic!("no refusal");
        };
        assert_eq!(reason, Reason::UnauthorizedClient);
    }
    let next = json(&device.token_request(&server, form).await);
    assert_eq!(next["token_type"], "DPoP");
    let next = next["access_token"].as_str().unwrap();
    assert_eq!(device.call(&server, next).await.status, StatusCode::OK);
}

#[tokio::test]
async fn req_16_a_bad_proof_is_no_request_without_one() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let device = Device::new();
    let proof = device.proof(&server, "POST", "/oauth2/token", None);
    let form = || "grant_type=refresh_token&client_id=cli&refresh_token=x".to_owned();
    assert_eq!(
        json(&with_proof(&server, form(), Some(&proof)).await)["error"],
        "invalid_grant"
    );
    for bad in [&*proof, "x", &device.proof(&server, "POST", "/oauth2/revoke", None)] {
        let answer = with_proof(&server, form(), Some(bad)).await;
        assert_eq!(json(&answer)["error"], "invalid_dpop_proof", "{bad}");
        let Event::TokenRequestRejected { reason, .. } = last(&server).await else {
            panic!("no refusal");
        };
        assert_eq!(reason, Reason::MalformedRequest);
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_no_key_needs_no_proof_and_takes_none() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (access, _) = super::refresh::logged_on(&server).await;
    let device = Device::new();
    assert_eq!(
        call(&server, &format!("Bearer {access}"), None).await.status,
        StatusCode::OK
    );
    assert_eq!(device.call(&server, &access).await.status, StatusCode::UNAUTHORIZED);
}
