//! The security settings.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::Policy;
use serde::Serialize;

use super::super::problem::Problem;
use super::body::Body;
use super::changed;
use crate::AppState;
use crate::flows::settings::{Change, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/settings", get(show).put(put))
}

async fn show(State(app): State<AppState>, _: ApiCaller) -> Result<Json<Whole>, Problem> {
    let policy: Policy = app
        .store
        .ask(|view| Box::pin(async move { view.policy().await }))
        .await?;
    Ok(Json(Whole::of(&policy)))
}

/// The settings, each one said: the form of manifests leaves some out where they are the built-in ones.
#[derive(Serialize)]
struct Whole {
    collect_seconds: u32,
    cool_off_hours: u32,
    event_retention_days: Option<u32>,
    expiry_days: u32,
    four_eyes: bool,
    held_bytes_cap: Option<u64>,
    logoff_minutes: u32,
    mfa_for_all: bool,
    open_requests: u32,
    quiet_seconds: u32,
    session_hours: u32,
    undo_hours: u32,
}

impl Whole {
    const fn of(policy: &Policy) -> Self {
        Self {
            collect_seconds: policy.collect_seconds,
            cool_off_hours: policy.cool_off_hours,
            event_retention_days: policy.event_retention_days,
            expiry_days: policy.expiry_days,
            four_eyes: policy.four_eyes,
            held_bytes_cap: policy.held_bytes_cap,
            logoff_minutes: policy.logoff_minutes,
            mfa_for_all: policy.mfa_for_all,
            open_requests: policy.open_requests,
            quiet_seconds: policy.quiet_seconds,
            session_hours: policy.session_hours,
            undo_hours: policy.undo_hours,
        }
    }
}

async fn put(State(app): State<AppState>, caller: ApiCaller, Body(policy): Body<Policy>) -> Result<Response, Problem> {
    Ok(changed(change(&app, &caller.actor(), Change::Policy(policy)).await?))
}
