//! `POST /oauth2/introspect` (RFC 7662): a client that has a secret asks what a token is worth.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_core::logon::{Authentication, Client};
use countersign_events::Timestamp;
use countersign_store::StoreError;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::client_call::{Parameters, Refused, answer, client};
use crate::AppState;
use crate::access::{Access, examine};
use crate::http::Problem;

/// Says what a token is worth now, of the client's own tokens and of those for resources that it may use; nothing about others.
pub async fn introspect(State(app): State<AppState>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let parameters = match Parameters::read(&headers, &body) {
        Ok(parameters) => parameters,
        Err(refused) => return Ok(refused.answer()),
    };
    let client = match client(&app, &headers, &parameters).await? {
        // Whoever holds a token could ask about it otherwise (section 4).
        Ok(client) if client.spec.authentication == Authentication::None => {
            let description = "Only a client with a secret may ask here.";
            return Ok(Refused::client("invalid_client", description, None).answer());
        }
        Ok(client) => client,
        Err(refused) => return Ok(refused.answer()),
    };
    let Some(token) = parameters.one("token") else {
        return Ok(Refused::malformed("token must be given once.").answer());
    };
    let now = app.clock.now();
    let known = match app.refresh.read(token) {
        Some((chain, generation)) => refresh_token(&app, &client, chain, generation, now).await?,
        None => {
            let access = examine(&app, token, now).await;
            let access = access.map_err(|error| Problem::internal(&error))?;
            access.and_then(|access| access_token(&client, &access))
        }
    };
    let inactive = || json!({ "active": false });
    Ok(answer(StatusCode::OK, known.unwrap_or_else(inactive)))
}

fn access_token(client: &Client, Access { account, claims }: &Access) -> Option<Value> {
    let theirs = claims.client_id == client.spec.id;
    let for_them = claims
        .resource()
        .is_some_and(|resource| client.spec.resources.contains(&resource));
    if !theirs && !for_them {
        return None;
    }
    let mut said = serde_json::to_value(claims).ok()?;
    said["active"] = true.into();
    said["username"] = account.name.as_str().into();
    said["token_type"] = if claims.cnf.is_some() { "DPoP" } else { "Bearer" }.into();
    Some(said)
}

async fn refresh_token(
    app: &AppState,
    client: &Client,
    chain: String,
    generation: i64,
    now: Timestamp,
) -> Result<Option<Value>, Problem> {
    let found = app
        .store
        .ask(|view| Box::pin(async move { view.chain(&chain).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    let Some((chain, account)) = found else { return Ok(None) };
    let newest = chain.generation == generation && now < chain.unused_until();
    if chain.client != client.spec.id || !newest || chain.standing(&account, now).is_err() {
        return Ok(None);
    }
    Ok(Some(json!({
        "active": true,
        "client_id": chain.client,
        "username": account.name,
        "sub": account.id.subject(),
        "aud": chain.resource.id(),
        "scope": chain.resource.scope(),
        "iss": app.issuer(),
        "exp": chain.unused_until().min(chain.ends_at).seconds(),
        "iat": chain.rotated_at.seconds(),
        "sid": chain.id,
    })))
}
