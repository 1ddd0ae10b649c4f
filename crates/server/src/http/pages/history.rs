//! `/history`: what was decided.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::RequestId;
use countersign_core::request::{Effect, State};
use countersign_store::{Place, RequestFilter, RequestRecord, View};
use serde::Deserialize;

use super::filter::{Period, Typed, address, number, text};
use super::paging::{Leaf, place};
use super::{Asked, words};
use crate::http::Problem;
use crate::pages::{Bytes, Choice, HistoryFilter, HistoryPage, HistoryRow, RequestState, Section, respond};

const A_PAGE: usize = 50;

/// The query of `/history`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct HistoryQuery {
    from: String,
    from_time: String,
    to: String,
    to_time: String,
    id: String,
    user: String,
    state: String,
    operation: String,
    before: String,
    after: String,
}

/// `GET /history`.
pub async fn show(Query(query): Query<HistoryQuery>, asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, query))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked, query: HistoryQuery) -> Result<HistoryPage, Problem> {
    let (chrome, _) = asked.chrome(view, Some(Section::History)).await?;
    let (leaf, problem) = match query.wanted() {
        Ok(wanted) => (find(view, wanted).await?, None),
        Err(problem) => (Leaf::new(Place::Newest, Vec::new(), A_PAGE), Some(problem)),
    };
    Ok(HistoryPage {
        chrome,
        rows: leaf.rows.iter().filter_map(|record| row(&asked, record)).collect(),
        pager: leaf.pager(|record| record.id.0, |before, after| query.address(before, after)),
        filter: HistoryFilter {
            states: states(&query.state),
            operations: operations(&query.operation),
            from: query.from,
            from_time: query.from_time,
            to: query.to,
            to_time: query.to_time,
            id: query.id,
            user: query.user,
            problem,
        },
    })
}

const DECIDED: [State; 3] = [State::Approved, State::Rejected, State::Expired];

/// What a request can be for, by its OperationId.
const OPERATIONS: [(&str, &str); 11] = [
    ("104", "Delete snapshot"),
    ("105", "Delete object"),
    ("100", "Delete backup"),
    ("107", "Delete storage"),
    ("101", "Delete log backup"),
    ("102", "Delete configuration backup"),
    ("106", "Delete service provider"),
    ("109", "Update repository"),
    ("108", "Update security settings"),
    ("103", "Disable four-eyes authorization"),
    ("10000", "Other operations"),
];

struct Wanted {
    id: Option<RequestId>,
    filter: RequestFilter,
    place: Place,
}

impl HistoryQuery {
    fn wanted(&self) -> Result<Wanted, String> {
        let from = Typed {
            day: &self.from,
            time: &self.from_time,
        };
        let to = Typed {
            day: &self.to,
            time: &self.to_time,
        };
        let period = Period::read(from, to)?;
        let states = match self.state.as_str() {
            "" => DECIDED.to_vec(),
            word => {
                let state = DECIDED.into_iter().find(|state| state.as_str() == word);
                vec![state.ok_or_else(|| format!("“{word}” is not a decision."))?]
            }
        };
        let operation: Option<u32> = number(&self.operation, "the number of an operation")?;
        Ok(Wanted {
            id: number(&self.id, "the number of a request")?,
            filter: RequestFilter {
                states,
                operations: operation.into_iter().collect(),
                account: text(&self.user),
                since: period.since,
                until: period.until,
            },
            place: place(&self.before, &self.after)?,
        })
    }

    fn address(&self, before: &str, after: &str) -> String {
        let pairs = [
            ("from", self.from.as_str()),
            ("from_time", &self.from_time),
            ("to", &self.to),
            ("to_time", &self.to_time),
            ("id", &self.id),
            ("user", &self.user),
            ("state", &self.state),
            ("operation", &self.operation),
            ("before", before),
            ("after", after),
        ];
        address("/history", &pairs)
    }
}

async fn find(view: &mut View, wanted: Wanted) -> Result<Leaf<RequestRecord>, Problem> {
    if let Some(id) = wanted.id {
        // The list goes downward from a number, so a single one is the first below the next.
        let place = Place::Before(id.0.saturating_add(1));
        let mut found = view.search_requests(&wanted.filter, place, 1).await?;
        found.retain(|record| record.id == id);
        return Ok(Leaf::new(Place::Newest, found, A_PAGE));
    }
    let most = Leaf::<RequestRecord>::most(A_PAGE);
    let found = view.search_requests(&wanted.filter, wanted.place, most).await?;
    let leaf = Leaf::new(wanted.place, found, A_PAGE);
    if leaf.is_back_at_the_newest() {
        let newest = view.search_requests(&wanted.filter, Place::Newest, most).await?;
        return Ok(Leaf::new(Place::Newest, newest, A_PAGE));
    }
    Ok(leaf)
}

fn row(asked: &Asked, record: &RequestRecord) -> Option<HistoryRow> {
    Some(HistoryRow {
        id: record.id.to_string(),
        operation: words::operation(asked, &record.operation),
        backup: record.backup.map(|_| record.target.clone()),
        state: words::state(record.state)?,
        then: then(record),
        initiator: record.initiator.name.clone(),
        supervisor: record.decided_by.clone(),
        created: asked.moment(record.created_at),
        decided: asked.moment(record.decided_at.unwrap_or(record.created_at)),
        bytes: Bytes(record.summary.as_ref().map_or(0, |summary| summary.bytes())),
    })
}

/// What followed an approval, where that is not what was approved.
fn then(record: &RequestRecord) -> Option<String> {
    match (record.state, record.effect) {
        (State::Approved, Effect::Waiting | Effect::Postponed) => Some("can still be vetoed".to_owned()),
        (State::Approved, Effect::Vetoed) => {
            let by = record.vetoed_by.as_deref().unwrap_or("nobody");
            Some(format!("vetoed by {by}"))
        }
        (State::Approved, Effect::Failed) => Some("nothing was done".to_owned()),
        _ => None,
    }
}

fn states(chosen: &str) -> Vec<Choice> {
    let states = [RequestState::Approved, RequestState::Rejected, RequestState::Expired];
    choices(states.map(|state| (state.word(), state.label())), chosen)
}

fn operations(chosen: &str) -> Vec<Choice> {
    choices(OPERATIONS, chosen)
}

fn choices(words: impl IntoIterator<Item = (&'static str, &'static str)>, chosen: &str) -> Vec<Choice> {
    [("", "all")]
        .into_iter()
        .chain(words)
        .map(|(value, label)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            hint: String::new(),
            chosen: value == chosen,
        })
        .collect()
}
