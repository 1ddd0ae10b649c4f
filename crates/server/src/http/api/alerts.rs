//! What needs an administrator now.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::time;
use crate::AppState;
use crate::alerts::Alert;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/alerts", get(list))
}

#[derive(Serialize)]
struct List {
    alerts: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    kind: &'static str,
    /// Which one, where there are several.
    name: String,
    level: &'static str,
    text: String,
    since: String,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Json<List> {
    let alerts = app.alerts.current().into_iter().map(document).collect();
    Json(List { alerts })
}

fn document(alert: Alert) -> Document {
    Document {
        kind: alert.found.kind.as_str(),
        name: alert.found.name,
        level: alert.found.level.as_str(),
        text: alert.found.text,
        since: time(alert.since),
    }
}
