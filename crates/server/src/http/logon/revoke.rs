//! `POST /oauth2/revoke` (RFC 7009): a client ends the logon that one of its tokens came from.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_core::logon::read_access_token;
use countersign_store::StoreError;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::client_call::{Parameters, Refused, answer, client};
use crate::AppState;
use crate::flows::chains;
use crate::http::Problem;
use crate::listen::ClientAddress;

/// Ends the token's chain. A token that is not known, or is another client's, counts as ended (section 2.2): who asks learns
/// nothing.
pub async fn revoke(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let parameters = match Parameters::read(&headers, &body) {
        Ok(parameters) => parameters,
        Err(refused) => return Ok(refused.answer()),
    };
    let client = match client(&app, &headers, &parameters).await? {
        Ok(client) => client,
        Err(refused) => return Ok(refused.answer()),
    };
    let Some(token) = parameters.one("token") else {
        return Ok(Refused::malformed("token must be given once.").answer());
    };
    let now = app.clock.now();
    let chain = match app.refresh.read(token) {
        Some((chain, _)) => Some(chain),
        None => {
            let keys = app
                .signing
                .keys(&app)
                .await
                .map_err(|error| Problem::internal(&error))?;
            let claims = read_access_token(token, &keys.public, &app.issuer(), now);
            claims.ok().map(|claims| claims.sid)
        }
    };
    if let Some(chain) = chain {
        app.store
            .write(move |tx| {
                Box::pin(async move {
                    match tx.chain(&chain).await? {
                        Some((chain, account)) if chain.client == client.spec.id => {
                            chains::end(tx, &chain.id, &account, Some(address.ip), now)
                                .await
                                .map(drop)
                        }
                        _ => Ok(()),
                    }
                })
            })
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
    }
    Ok(answer(StatusCode::OK, json!({})))
}
