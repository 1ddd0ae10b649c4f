//! `/events`: what was reported.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_events::{Occurrence, Severity};
use countersign_store::{EventFilter as Wanted, Place, RecordedEvent, View};
use serde::Deserialize;

use super::Asked;
use super::filter::{Period, Typed, address, number, numbers, text};
use super::paging::{Leaf, place};
use crate::delivery::local_offset;
use crate::http::Problem;
use crate::pages::{self, Choice, EventFilter, EventRow, EventsPage, Section, respond};

const A_PAGE: usize = 50;

/// The query of `/events`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EventsQuery {
    from: String,
    from_time: String,
    to: String,
    to_time: String,
    id: String,
    severity: String,
    user: String,
    request: String,
    before: String,
    after: String,
}

/// `GET /events`.
pub async fn show(Query(query): Query<EventsQuery>, asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, query))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked, query: EventsQuery) -> Result<EventsPage, Problem> {
    let (chrome, _) = asked.chrome(view, Some(Section::Events)).await?;
    let (leaf, problem) = match query.wanted() {
        Ok((wanted, place)) => (find(view, &wanted, place).await?, None),
        Err(problem) => (Leaf::new(Place::Newest, Vec::new(), A_PAGE), Some(problem)),
    };
    Ok(EventsPage {
        chrome,
        rows: leaf.rows.iter().map(|event| row(&asked, event)).collect(),
        pager: leaf.pager(|event| event.seq, |before, after| query.address(before, after)),
        filter: EventFilter {
            severities: severities(&query.severity),
            from: query.from,
            from_time: query.from_time,
            to: query.to,
            to_time: query.to_time,
            id: query.id,
            user: query.user,
            request: query.request,
            problem,
        },
    })
}

async fn find(view: &mut View, wanted: &Wanted, place: Place) -> Result<Leaf<RecordedEvent>, Problem> {
    let most = Leaf::<RecordedEvent>::most(A_PAGE);
    let leaf = Leaf::new(place, view.search_events(wanted, place, most).await?, A_PAGE);
    if leaf.is_back_at_the_newest() {
        let newest = view.search_events(wanted, Place::Newest, most).await?;
        return Ok(Leaf::new(Place::Newest, newest, A_PAGE));
    }
    Ok(leaf)
}

impl EventsQuery {
    fn wanted(&self) -> Result<(Wanted, Place), String> {
        let from = Typed {
            day: &self.from,
            time: &self.from_time,
        };
        let to = Typed {
            day: &self.to,
            time: &self.to_time,
        };
        let period = Period::read(from, to)?;
        let words = self.severity.split(',').filter(|word| !word.is_empty());
        let severities = words
            .map(|word| Severity::of(word).ok_or_else(|| format!("“{word}” is not a severity.")))
            .collect::<Result<_, _>>()?;
        let filter = Wanted {
            ids: numbers(&self.id, "the id of an event")?,
            severities,
            request: number(&self.request, "the number of a request")?,
            user: text(&self.user),
            since: period.since,
            until: period.until,
        };
        Ok((filter, place(&self.before, &self.after)?))
    }

    fn address(&self, before: &str, after: &str) -> String {
        let pairs = [
            ("from", self.from.as_str()),
            ("from_time", &self.from_time),
            ("to", &self.to),
            ("to_time", &self.to_time),
            ("id", &self.id),
            ("severity", &self.severity),
            ("user", &self.user),
            ("request", &self.request),
            ("before", before),
            ("after", after),
        ];
        address("/events", &pairs)
    }
}

fn row(asked: &Asked, recorded: &RecordedEvent) -> EventRow {
    let origin = &asked.app.config.origin;
    let RecordedEvent {
        seq,
        at,
        request,
        event,
    } = recorded;
    let mut line = Vec::new();
    countersign_events::encode(event, Occurrence::new(*at, local_offset(*at)), origin, &mut line);
    EventRow {
        sequence: seq.unsigned_abs(),
        at: asked.moment(*at),
        id: event.id(),
        severity: match event.severity() {
            Severity::Info => pages::Severity::Info,
            Severity::Warning => pages::Severity::Warning,
            Severity::Error => pages::Severity::Error,
        },
        title: event.title().to_owned(),
        description: event.description(origin),
        request: request.map(|request| request.to_string()),
        parameters: event
            .parameters(origin)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        line: String::from_utf8_lossy(&line).into_owned(),
    }
}

fn severities(chosen: &str) -> Vec<Choice> {
    let words = [
        ("", "all"),
        ("info", "Info"),
        ("warning,error", "Warning and Error"),
        ("warning", "Warning"),
        ("error", "Error"),
    ];
    words
        .into_iter()
        .map(|(value, label)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            hint: String::new(),
            chosen: value == chosen,
        })
        .collect()
}
