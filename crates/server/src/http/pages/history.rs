//! `/history`: what was decided.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::RequestId;
use countersign_core::request::State;
use countersign_store::{RequestFilter, RequestRecord, View};
use serde::Deserialize;

use super::filter::{Days, address, number};
use super::{Asked, words};
use crate::http::Problem;
use crate::pages::{Bytes, Choice, HistoryFilter, HistoryPage, HistoryRow, Pager, RequestState, Section, respond};

const A_PAGE: usize = 50;

/// The query of `/history`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct HistoryQuery {
    from: String,
    to: String,
    id: String,
    user: String,
    state: String,
    before: String,
}

/// `GET /history`.
pub async fn show(Query(query): Query<HistoryQuery>, asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, query))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked, query: HistoryQuery) -> Result<HistoryPage, Problem> {
    let (chrome, _) = asked.chrome(view, Some(Section::History)).await?;
    let (mut found, problem) = match wanted(&query) {
        Ok(wanted) => (find(view, wanted).await?, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let more = found.len() > A_PAGE;
    found.truncate(A_PAGE);
    let at = |before: &str| {
        let HistoryQuery {
            from,
            to,
            id,
            user,
            state,
            ..
        } = &query;
        let pairs = [("from", from), ("to", to), ("id", id), ("user", user), ("state", state)];
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        address("/history", &[pairs.as_slice(), &[("before", before)]].concat())
    };
    let last = found.last().filter(|_| more).map(|last| last.id.to_string());
    let pager = Pager {
        summary: String::new(),
        first: (!query.before.is_empty()).then(|| at("")),
        next: last.map(|last| at(&last)),
    };
    Ok(HistoryPage {
        chrome,
        rows: found.iter().filter_map(|record| row(&asked, record)).collect(),
        pager,
        filter: HistoryFilter {
            states: choices(&query.state),
            from: query.from,
            to: query.to,
            id: query.id,
            user: query.user,
            problem,
        },
    })
}

const DECIDED: [State; 3] = [State::Approved, State::Rejected, State::Expired];

struct Wanted {
    id: Option<RequestId>,
    filter: RequestFilter,
    before: Option<RequestId>,
}

fn wanted(query: &HistoryQuery) -> Result<Wanted, String> {
    let days = Days::read(&query.from, &query.to)?;
    let states = match query.state.as_str() {
        "" => DECIDED.to_vec(),
        word => {
            let state = DECIDED.into_iter().find(|state| state.as_str() == word);
            vec![state.ok_or_else(|| format!("“{word}” is not a decision."))?]
        }
    };
    let user = query.user.trim();
    Ok(Wanted {
        id: number(&query.id, "the number of a request")?,
        filter: RequestFilter {
            states,
            operations: Vec::new(),
            account: (!user.is_empty()).then(|| user.to_owned()),
            since: days.since,
            until: days.until,
        },
        before: number(&query.before, "the number of a request")?,
    })
}

async fn find(view: &mut View, wanted: Wanted) -> Result<Vec<RequestRecord>, Problem> {
    // The list goes downward from a number, so a single one is the first below the next.
    let (before, most) = match wanted.id {
        Some(id) => (Some(RequestId(id.0.saturating_add(1))), 1),
        None => (wanted.before, u32::try_from(A_PAGE + 1).unwrap_or(u32::MAX)),
    };
    let mut found = view.requests(&wanted.filter, before, most).await?;
    found.retain(|record| wanted.id.is_none_or(|id| record.id == id));
    Ok(found)
}

fn row(asked: &Asked, record: &RequestRecord) -> Option<HistoryRow> {
    Some(HistoryRow {
        id: record.id.to_string(),
        operation: words::operation(asked, &record.operation),
        backup: record.backup.map(|_| record.target.clone()),
        state: words::state(record.state)?,
        initiator: record.initiator.name.clone(),
        supervisor: record.decided_by.clone(),
        created: asked.moment(record.created_at),
        decided: asked.moment(record.decided_at.unwrap_or(record.created_at)),
        bytes: Bytes(record.summary.as_ref().map_or(0, |summary| summary.bytes())),
    })
}

fn choices(chosen: &str) -> Vec<Choice> {
    let all = ("", "all");
    let states = [RequestState::Approved, RequestState::Rejected, RequestState::Expired];
    let words = states.map(|state| (state.word(), state.label()));
    [all]
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
