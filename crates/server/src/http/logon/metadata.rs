//! What clients and resources can find out by themselves: `GET /.well-known/oauth-authorization-server` (RFC 8414) and
//! `GET /oauth2/jwks` (RFC 7517).

use axum::Json;
use axum::extract::State;
use countersign_core::logon::{Grant, PROOF_ALGORITHMS, PublicKey, Resource};
use serde_json::{Value, json};

use crate::AppState;
use crate::http::Problem;

/// The metadata document.
pub async fn metadata(State(app): State<AppState>) -> Json<Value> {
    let at = |path: &str| app.config.public_url.join(path);
    Json(json!({
        "issuer": app.issuer(),
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "device_authorization_endpoint": at("/oauth2/device_authorization"),
        "introspection_endpoint": at("/oauth2/introspect"),
        "jwks_uri": at("/oauth2/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": Grant::ALL,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": [Resource::Api.scope(), Resource::Repositories.scope()],
        "dpop_signing_alg_values_supported": PROOF_ALGORITHMS,
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// What access tokens are checked with: the key that signs, and those before it while anything they signed may live.
pub async fn jwks(State(app): State<AppState>) -> Result<Json<Value>, Problem> {
    let keys = app
        .signing
        .keys(&app)
        .await
        .map_err(|error| Problem::internal(&error))?;
    let keys: Vec<_> = keys.public.iter().map(PublicKey::jwk).collect();
    Ok(Json(json!({ "keys": keys })))
}
