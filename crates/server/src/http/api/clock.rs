//! The clock: whether time passes for what waits, and the confirmation of one that jumped.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use super::body::Body;
use super::{changed, time};
use crate::AppState;
use crate::flows::settings::{Change, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/clock", get(show))
        .route("/api/v1/clock/confirm", post(confirm))
}

#[derive(Serialize)]
struct Document {
    /// What the wall clock shows.
    now: String,
    /// The time by which requests expire, and cool-offs, undo windows and retention locks end.
    ageing: String,
    /// What it stands still by; none while it passes.
    jump: Option<Jump>,
}

#[derive(Serialize)]
struct Jump {
    /// Tells it from others: what a confirmation names.
    number: i64,
    /// What the clock should have shown.
    before: String,
    /// What it showed.
    after: String,
}

async fn show(State(app): State<AppState>, _: ApiCaller) -> Json<Document> {
    let moment = app.vault.moment();
    let jump = app.store.stopped().map(|(stopped, ageing)| Jump {
        number: ageing.jumps,
        before: time(stopped.before),
        after: time(stopped.after),
    });
    Json(Document {
        now: time(moment.now),
        ageing: time(moment.ageing),
        jump,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jump: i64,
}

async fn confirm(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(confirmation): Body<Confirmation>,
) -> Result<Response, Problem> {
    let confirmed = Change::ConfirmClock(confirmation.jump);
    Ok(changed(change(&app, &caller.actor(), confirmed).await?))
}
