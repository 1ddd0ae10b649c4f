//! `GET /.well-known/oauth-authorization-server` (RFC 8414): what clients can find out by themselves.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::AppState;

/// The metadata document.
pub async fn metadata(State(app): State<AppState>) -> Json<Value> {
    let at = |path: &str| app.config.public_url.join(path);
    Json(json!({
        "issuer": app.issuer(),
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["api"],
        "authorization_response_iss_parameter_supported": true,
    }))
}
