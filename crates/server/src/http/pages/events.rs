//! `/events`: what was reported.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_store::{EventFilter as Wanted, Place, RecordedEvent, View};
use serde::Deserialize;

use super::Asked;
use super::filter::{Days, address, number};
use crate::http::Problem;
use crate::pages::{EventFilter, EventRow, EventsPage, Pager, Section, Severity, respond};

const A_PAGE: usize = 100;

/// The query of `/events`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EventsQuery {
    from: String,
    to: String,
    id: String,
    user: String,
    before: String,
}

/// `GET /events`.
pub async fn show(Query(query): Query<EventsQuery>, asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, query))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked, query: EventsQuery) -> Result<EventsPage, Problem> {
    let (chrome, _) = asked.chrome(view, Some(Section::Events)).await?;
    let most = u32::try_from(A_PAGE + 1).unwrap_or(u32::MAX);
    let (mut found, problem) = match wanted(&query) {
        Ok((wanted, place)) => (view.search_events(&wanted, place, most).await?, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let more = found.len() > A_PAGE;
    found.truncate(A_PAGE);
    let at = |before: &str| {
        let EventsQuery { from, to, id, user, .. } = &query;
        let pairs = [
            ("from", from.as_str()),
            ("to", to),
            ("id", id),
            ("user", user),
            ("before", before),
        ];
        address("/events", &pairs)
    };
    let last = found.last().filter(|_| more).map(|last| last.seq.to_string());
    let pager = Pager {
        summary: String::new(),
        first: (!query.before.is_empty()).then(|| at("")),
        next: last.map(|last| at(&last)),
    };
    Ok(EventsPage {
        chrome,
        rows: found.iter().map(|event| row(&asked, event)).collect(),
        pager,
        filter: EventFilter {
            from: query.from,
            to: query.to,
            id: query.id,
            user: query.user,
            problem,
        },
    })
}

fn wanted(query: &EventsQuery) -> Result<(Wanted, Place), String> {
    let days = Days::read(&query.from, &query.to)?;
    let user = query.user.trim();
    let filter = Wanted {
        ids: number(&query.id, "the id of an event")?.into_iter().collect(),
        severities: Vec::new(),
        request: None,
        user: (!user.is_empty()).then(|| user.to_owned()),
        since: days.since,
        until: days.until,
    };
    let before = number(&query.before, "the number of an event")?;
    Ok((filter, before.map_or(Place::Newest, Place::Before)))
}

fn row(asked: &Asked, recorded: &RecordedEvent) -> EventRow {
    EventRow {
        sequence: recorded.seq.unsigned_abs(),
        at: asked.moment(recorded.at),
        id: recorded.event.id(),
        severity: match recorded.event.severity() {
            countersign_events::Severity::Info => Severity::Info,
            countersign_events::Severity::Warning => Severity::Warning,
            countersign_events::Severity::Error => Severity::Error,
        },
        title: recorded.event.title().to_owned(),
        description: recorded.event.description(&asked.app.config.origin),
    }
}
