//! `POST /oauth2/token` and `/oauth2/revoke` for clients other than the pages (RFC 6749, section 4.1.3; RFC 7009).

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::logon::{ACCESS_TOKEN_SECONDS, ClientId, Verifier};
use countersign_core::token::{Secret, hash_of};
use countersign_events::Reason;
use countersign_store::StoreError;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::authorize::known_client;
use super::exchange::{Exchange, ExchangeRefused, Wanted};
use super::report::{TokenRequest, chain_revoked};
use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::session::form_pairs;

/// An error of RFC 6749, section 5.2.
struct Refused {
    error: &'static str,
    description: &'static str,
    reason: Reason,
}

impl Refused {
    const fn malformed(description: &'static str) -> Self {
        Self {
            error: "invalid_request",
            description,
            reason: Reason::MalformedRequest,
        }
    }
}

/// `POST /oauth2/token`
pub async fn token(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let parameters = Parameters(form_pairs(&body));
    let exchange = match parameters.exchange(&headers, &address, app.clock.now()) {
        Ok(exchange) => exchange,
        Err(refused) => return refuse(&app, &parameters, &address, refused).await,
    };
    let access_token = Secret::new(&*app.entropy);
    let wanted = Wanted::AccessToken {
        hash: access_token.hash(),
    };
    let exchanged = app
        .store
        .write(move |tx| Box::pin(async move { exchange.run(tx, wanted).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    match exchanged {
        Ok(()) => Ok(answer(
            StatusCode::OK,
            json!({
                "access_token": access_token.reveal(),
                "token_type": "Bearer",
                "expires_in": ACCESS_TOKEN_SECONDS,
                "scope": "api",
            }),
        )),
        // Which of them it was is in the event: the client needs only to know that it must start again.
        Err(ExchangeRefused::Unknown | ExchangeRefused::Refused(_)) => Ok(error(
            "invalid_grant",
            "The code does not hold, or no longer: log on again.",
        )),
    }
}

async fn refuse(
    app: &AppState,
    parameters: &Parameters,
    address: &ClientAddress,
    refused: Refused,
) -> Result<Response, Problem> {
    let (now, reason) = (app.clock.now(), refused.reason);
    let known_grant = parameters.one("grant_type").filter(|grant| GRANTS.contains(grant));
    let client = match parameters.one("client_id") {
        Some(id) => known_client(app, id).await?,
        None => None,
    };
    let request = TokenRequest {
        address: address.ip,
        resource: client.as_ref().and_then(|client| client.spec.resource(None)),
        client: client.map(|client| client.spec.id),
        grant_type: known_grant.map(str::to_owned),
        account: None,
    };
    app.store
        .write(move |tx| Box::pin(async move { request.rejected(tx, reason, now).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    Ok(error(refused.error, refused.description))
}

/// The grants that have a name; what else is sent goes into no event.
const GRANTS: [&str; 4] = ["authorization_code", "refresh_token", "password", "client_credentials"];

struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// A parameter that is there exactly once, and not empty.
    fn one(&self, name: &str) -> Option<&str> {
        let mut values = self
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        values
            .next()
            .filter(|value| values.next().is_none() && !value.is_empty())
    }

    fn exchange(
        &self,
        headers: &HeaderMap,
        address: &ClientAddress,
        now: countersign_events::Timestamp,
    ) -> Result<Exchange, Refused> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(Refused::malformed("Send application/x-www-form-urlencoded."));
        }
        match self.one("grant_type") {
            Some("authorization_code") => (),
            Some(_) => {
                return Err(Refused {
                    error: "unsupported_grant_type",
                    description: "grant_type must be authorization_code.",
                    reason: Reason::UnauthorizedClient,
                });
            }
            None => return Err(Refused::malformed("grant_type must be given once.")),
        }
        let client = match self.one("client_id") {
            Some("cli") => ClientId::cli(),
            // The pages redeem their codes inside the server.
            Some(_) => {
                return Err(Refused {
                    error: "invalid_client",
                    description: "No such client may ask for tokens here.",
                    reason: Reason::UnauthorizedClient,
                });
            }
            None => return Err(Refused::malformed("client_id must be given once.")),
        };
        let (Some(code), Some(redirect)) = (self.one("code"), self.one("redirect_uri")) else {
            return Err(Refused::malformed("code and redirect_uri must each be given once."));
        };
        let Some(Ok(verifier)) = self.one("code_verifier").map(Verifier::parse) else {
            return Err(Refused::malformed(
                "code_verifier must be given once, in 43 to 128 unreserved characters.",
            ));
        };
        Ok(Exchange {
            client,
            code: code.to_owned(),
            redirect: redirect.to_owned(),
            verifier,
            address: address.ip,
            now,
        })
    }
}

/// `POST /oauth2/revoke`: ends the token's chain. A token that is not known counts as ended (RFC 7009, section 2.2).
pub async fn revoke(State(app): State<AppState>, address: ClientAddress, body: Bytes) -> Result<Response, Problem> {
    let parameters = Parameters(form_pairs(&body));
    let Some(client) = parameters.one("client_id").and_then(|id| id.parse::<ClientId>().ok()) else {
        return Ok(error(
            "invalid_client",
            "client_id must be the client that the token was given to.",
        ));
    };
    let Some(token) = parameters.one("token") else {
        return Ok(error("invalid_request", "token must be given once."));
    };
    let (hash, now, address) = (hash_of(token), app.clock.now(), address.ip);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let Some((token, account)) = tx.access_token(hash).await? else {
                    return Ok::<_, StoreError>(());
                };
                if token.client == client && tx.end_chain(&token.chain, now).await? > 0 {
                    chain_revoked(tx, &token.chain, address, Some(&account), now).await?;
                }
                Ok(())
            })
        })
        .await
        .map_err(|error| Problem::internal(&error))?;
    Ok(answer(StatusCode::OK, json!({})))
}

fn error(error: &'static str, description: &'static str) -> Response {
    let status = match error {
        "invalid_client" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    answer(status, json!({ "error": error, "error_description": description }))
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    let never_kept = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, never_kept, Json(body)).into_response()
}
