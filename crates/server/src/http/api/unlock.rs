//! Unlocking an account.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use http::StatusCode;

use super::super::problem::Problem;
use super::id;
use crate::AppState;
use crate::flows::unlock;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/accounts/{id}/unlock", post(unlock))
}

async fn unlock(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    unlock::unlock(&app, &caller.actor(), &caller.address, id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
