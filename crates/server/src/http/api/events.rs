//! The events that were recorded: backwards through what was, or forwards, waiting for what comes.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::RequestId;
use countersign_events::{Event, Occurrence, Severity};
use countersign_store::{EventFilter, Place, RecordedEvent, StoreError};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::{LONGEST_WAIT, id, page_size, parse_time, time};
use crate::AppState;
use crate::delivery::local_offset;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/events", get(list))
}

/// How long what nobody waits for is let gather before it is looked through.
const GATHER: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    id: Option<String>,
    severity: Option<String>,
    request: Option<String>,
    user: Option<String>,
    since: Option<String>,
    until: Option<String>,
    before: Option<i64>,
    after: Option<i64>,
    limit: Option<u32>,
    wait: Option<u64>,
}

#[derive(Serialize)]
struct List {
    events: Vec<Document>,
    /// Where to go on: `before` of the next page, none at the end; with `after`, the next `after`.
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
    /// The line as it leaves.
    message: String,
    event: Event,
}

async fn list(
    State(app): State<AppState>,
    _: ApiCaller,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    let filter = EventFilter {
        ids: query.id.as_deref().map(ids).transpose()?.unwrap_or_default(),
        severities: query
            .severity
            .as_deref()
            .map(severities)
            .transpose()?
            .unwrap_or_default(),
        request: query.request.as_deref().map(id::<RequestId>).transpose()?,
        user: query.user,
        since: query.since.as_deref().map(parse_time).transpose()?,
        until: query.until.as_deref().map(parse_time).transpose()?,
    };
    let most = page_size(query.limit);
    let (events, next) = match (query.before, query.after, query.wait) {
        (None, Some(after), wait) => {
            let wait = Duration::from_secs(wait.unwrap_or(0).min(LONGEST_WAIT));
            forwards(&app, &filter, after, most, wait).await?
        }
        (before, None, None) => backwards(&app, filter, before, most).await?,
        (Some(_), Some(_), _) => return Err(malformed("Say “before” or “after”, not both.")),
        (_, None, Some(_)) => return Err(malformed("Waiting goes forwards: say “after”, too.")),
    };
    let events = events.into_iter().map(|recorded| document(&app, recorded)).collect();
    Ok(Json(List { events, next }))
}

/// A page, newest first; the `before` of the next one.
async fn backwards(
    app: &AppState,
    filter: EventFilter,
    before: Option<i64>,
    most: u32,
) -> Result<(Vec<RecordedEvent>, Option<i64>), StoreError> {
    let place = before.map_or(Place::Newest, Place::Before);
    let events = app
        .store
        .read(move |view| Box::pin(async move { view.search_events(&filter, place, most).await }))
        .await?;
    let next = events.last().filter(|_| is_full(&events, most)).map(|event| event.seq);
    Ok((events, next))
}

/// What came after, oldest first, waiting for it if need be; the next `after`.
async fn forwards(
    app: &AppState,
    filter: &EventFilter,
    after: i64,
    most: u32,
    wait: Duration,
) -> Result<(Vec<RecordedEvent>, Option<i64>), StoreError> {
    let mut recorded = app.store.events();
    let mut after = after;
    let over = tokio::time::sleep(wait);
    tokio::pin!(over);
    loop {
        recorded.borrow_and_update();
        let (events, last) = later(app, filter.clone(), after, most).await?;
        // Between what was found and the last of all nothing else fits, so the next look starts there.
        let next = match events.last() {
            Some(event) if is_full(&events, most) => event.seq,
            _ => last.max(after),
        };
        if !events.is_empty() || wait.is_zero() {
            return Ok((events, Some(next)));
        }
        after = next;
        tokio::select! {
            () = &mut over => return Ok((events, Some(next))),
            () = app.stop.cancelled() => return Ok((events, Some(next))),
            // The store is gone only with the server.
            changed = recorded.changed() => if changed.is_err() { return Ok((events, Some(next))) },
        }
        if filter.narrows() {
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// What fits after a number, and the last number of all, of one moment.
async fn later(
    app: &AppState,
    filter: EventFilter,
    after: i64,
    most: u32,
) -> Result<(Vec<RecordedEvent>, i64), StoreError> {
    app.store
        .read(move |view| {
            Box::pin(async move {
                let events = view.search_events(&filter, Place::After(after), most).await?;
                Ok((events, view.last_event().await?))
            })
        })
        .await
}

fn is_full(events: &[RecordedEvent], most: u32) -> bool {
    u32::try_from(events.len()).is_ok_and(|count| count == most)
}

fn ids(text: &str) -> Result<Vec<u32>, Problem> {
    let ids: Result<Vec<_>, _> = text.split(',').map(str::parse).collect();
    ids.map_err(|_| malformed("Ids of events are numbers with commas between them: 42402,42403."))
}

fn severities(text: &str) -> Result<Vec<Severity>, Problem> {
    let known: Option<Vec<_>> = text.split(',').map(Severity::of).collect();
    known.ok_or_else(|| malformed("A severity is info, warning or error."))
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(Kind::Malformed, detail)
}

fn document(app: &AppState, recorded: RecordedEvent) -> Document {
    let RecordedEvent {
        seq,
        at,
        request,
        event,
    } = recorded;
    let mut line = Vec::new();
    let when = Occurrence::new(at, local_offset(at));
    countersign_events::encode(&event, when, &app.config.origin, &mut line);
    Document {
        seq,
        at: time(at),
        id: event.id(),
        title: event.title(),
        severity: event.severity().name(),
        request,
        message: String::from_utf8_lossy(&line).into_owned(),
        event,
    }
}
