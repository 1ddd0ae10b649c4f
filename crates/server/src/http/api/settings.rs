//! The security settings.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::Policy;

use super::super::problem::Problem;
use super::body::Body;
use super::changed;
use crate::AppState;
use crate::flows::settings::{Change, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/settings", get(show).put(put))
}

async fn show(State(app): State<AppState>, _: ApiCaller) -> Result<Json<Policy>, Problem> {
    Ok(Json(
        app.store
            .ask(|view| Box::pin(async move { view.policy().await }))
            .await?,
    ))
}

async fn put(State(app): State<AppState>, caller: ApiCaller, Body(policy): Body<Policy>) -> Result<Response, Problem> {
    Ok(changed(change(&app, &caller.actor(), Change::Policy(policy)).await?))
}
