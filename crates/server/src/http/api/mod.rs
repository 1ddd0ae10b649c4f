//! The API: JSON under `/api/v1`, an access token with every request, problems by RFC 9457.
//!
//! Whatever is held answers 202 with the request's number and address. The document that describes it is `openapi.json`; a
//! test holds it against the routes.

mod accounts;
mod alerts;
mod backups;
mod body;
mod clients;
mod clock;
mod commands;
mod configuration_backups;
mod decide;
mod events;
mod notices;
mod once;
mod receivers;
mod requests;
mod runners;
mod service_providers;
mod sessions;
mod settings;
mod signing_keys;
mod snapshots;
mod storages;
mod tokens;
mod unlock;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign_core::{Name, RequestId};
use countersign_events::Timestamp;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::problem::{Kind, Problem};
use crate::AppState;
use crate::flows::settings::Changed;

pub use once::{Calls, IDEMPOTENCY_KEY};

/// Everything below `/api/v1`.
pub fn router(app: &AppState) -> Router<AppState> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi))
        .merge(requests::router())
        .merge(decide::router())
        .merge(snapshots::router())
        .merge(backups::router())
        .merge(storages::router())
        .merge(settings::router())
        .merge(signing_keys::router())
        .merge(receivers::router())
        .merge(notices::router())
        .merge(clients::router())
        .merge(configuration_backups::router())
        .merge(service_providers::router())
        .merge(commands::router())
        .merge(runners::router())
        .merge(tokens::router())
        .merge(accounts::router())
        .merge(sessions::router())
        .merge(unlock::router())
        .merge(events::router())
        .merge(alerts::router())
        .merge(clock::router())
        .layer(from_fn_with_state(app.clone(), once::once))
        .merge(commands::of_programs())
}

const OPENAPI: &str = include_str!("openapi.json");

async fn openapi() -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        OPENAPI,
    )
        .into_response()
}

/// Held: the number and the address of the request that waits.
#[derive(Serialize)]
struct Held {
    request: RequestId,
    href: String,
}

/// 202, with the address also as `Location`.
fn held(request: RequestId) -> Response {
    let href = format!("/api/v1/requests/{request}");
    (
        StatusCode::ACCEPTED,
        [(header::LOCATION, href.clone())],
        axum::Json(Held { request, href }),
    )
        .into_response()
}

/// What became of a change: 204 when it holds now, 202 when it waits.
fn changed(changed: Changed) -> Response {
    match changed {
        Changed::Done | Changed::Added(_) | Changed::AddedAccount(_) | Changed::Unchanged => {
            StatusCode::NO_CONTENT.into_response()
        }
        Changed::Requested(request) => held(request),
    }
}

/// A time as the API says it: RFC 3339 in UTC, with microseconds.
fn time(at: Timestamp) -> String {
    at.rfc3339(0)
}

/// A time as a caller says it.
fn parse_time(text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse_rfc3339(text)
        .map(|(time, _)| time)
        .ok_or_else(|| Problem::new(Kind::Malformed, "A time is given as RFC 3339: 2026-11-21T08:00:00Z."))
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse::<T>()
        .map_err(|error| Problem::new(Kind::Malformed, error.to_string()))
}

fn name(text: &str) -> Result<Name, Problem> {
    id(text)
}

/// How long a caller can wait at most, in seconds.
const LONGEST_WAIT: u64 = 30;

/// How many rows a list gives when nothing is said, and at most.
fn page_size(asked: Option<u32>) -> u32 {
    asked.unwrap_or(50).clamp(1, 500)
}

#[cfg(test)]
mod tests;
