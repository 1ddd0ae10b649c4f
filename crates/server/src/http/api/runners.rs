//! Runners: which service accounts get commands, and their tokens.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use countersign_core::AccountId;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use super::body::Body;
use super::{changed, id, time};
use crate::AppState;
use crate::flows::runners;
use crate::flows::settings::{Change, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/runners", get(list).post(add))
        .route("/api/v1/runners/{id}", delete(remove))
        .route("/api/v1/runners/{id}/token", post(token))
}

#[derive(Serialize)]
struct List {
    runners: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    /// Its account.
    id: AccountId,
    name: String,
    /// Whether its account may act now.
    active: bool,
    added_at: String,
    token_at: Option<String>,
    seen_at: Option<String>,
    seen_from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    /// The number of a service account.
    account: AccountId,
}

/// A token, told this once.
#[derive(Serialize)]
struct Told {
    token: String,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let now = app.clock.now();
    let all = app
        .store
        .ask(|view| Box::pin(async move { view.runners().await }))
        .await?;
    let runners = all.into_iter().map(|runner| Document {
        id: runner.account.id,
        name: runner.account.name.to_string(),
        active: runner.account.lives(now),
        added_at: time(runner.added_at),
        token_at: runner.token_at.map(time),
        seen_at: runner.seen_at.map(time),
        seen_from: runner.seen_from,
    });
    Ok(Json(List {
        runners: runners.collect(),
    }))
}

async fn add(State(app): State<AppState>, caller: ApiCaller, Body(new): Body<New>) -> Result<Response, Problem> {
    let done = change(&app, &caller.actor(), Change::AddRunner(new.account)).await?;
    Ok(changed(done))
}

async fn remove(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    runners::remove(&app, &caller.actor(), id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn token(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<Told>, Problem> {
    let secret = runners::new_token(&app, &caller.actor(), id(&text)?).await?;
    Ok(Json(Told {
        token: secret.reveal().to_owned(),
    }))
}
