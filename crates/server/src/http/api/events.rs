//! The events that were recorded.

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::RequestId;
use countersign_events::Event;
use countersign_store::{EventFilter, Place};
use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use super::{id, page_size, parse_time, time};
use crate::AppState;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/events", get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    id: Option<u32>,
    request: Option<String>,
    user: Option<String>,
    since: Option<String>,
    until: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

#[derive(Serialize)]
struct List {
    events: Vec<Document>,
    /// `before` of the next page.
    next: Option<i64>,
}

#[derive(Serialize)]
struct Document {
    seq: i64,
    at: String,
    id: u32,
    title: &'static str,
    severity: &'static str,
    request: Option<RequestId>,
    event: Event,
}

async fn list(
    State(app): State<AppState>,
    _: ApiCaller,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    let filter = EventFilter {
        ids: query.id.into_iter().collect(),
        severities: Vec::new(),
        request: query.request.as_deref().map(id::<RequestId>).transpose()?,
        user: query.user,
        since: query.since.as_deref().map(parse_time).transpose()?,
        until: query.until.as_deref().map(parse_time).transpose()?,
    };
    let place = query.before.map_or(Place::Newest, Place::Before);
    let most = page_size(query.limit);
    let events = app
        .store
        .read(move |view| Box::pin(async move { view.search_events(&filter, place, most).await }))
        .await?;
    let full = u32::try_from(events.len()).is_ok_and(|count| count == most);
    let next = if full {
        events.last().map(|event| event.seq)
    } else {
        None
    };
    let events = events
        .into_iter()
        .map(|recorded| Document {
            seq: recorded.seq,
            at: time(recorded.at),
            id: recorded.event.id(),
            title: recorded.event.title(),
            severity: recorded.event.severity().name(),
            request: recorded.request,
            event: recorded.event,
        })
        .collect();
    Ok(Json(List { events, next }))
}
