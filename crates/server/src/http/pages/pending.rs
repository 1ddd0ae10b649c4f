//! `/pending`: what waits for a second person.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::ObjectKind;
use countersign_core::request::{KindSum, State, Summary};
use countersign_store::{Place, RequestFilter, RequestRecord, View};
use serde::Deserialize;

use super::filter::address;
use super::{Asked, obstacles, words};
use crate::http::Problem;
use crate::pages::{ApprovedRow, Bytes, CollectingRow, Count, Pager, PendingPage, PendingQueue, Section, respond};

/// How many are shown at once, the oldest first: those can be decided first.
const A_PAGE: usize = 250;

/// The query of `/pending`: after which request the list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PendingQuery {
    after: String,
}

/// `GET /pending`.
pub async fn show(Query(query): Query<PendingQuery>, asked: Asked) -> Result<Response, Problem> {
    // A place in the list that somebody made up is the beginning.
    let after = query.after.parse().unwrap_or(0);
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, after))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked, after: i64) -> Result<PendingPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Pending)).await?;
    let mut waiting = of_state(view, State::Pending, after, A_PAGE + 1).await?;
    let more = waiting.len() > A_PAGE;
    waiting.truncate(A_PAGE);
    let at = |after: &str| address("/pending", &[("after", after)]);
    let last = waiting.last().filter(|_| more).map(|last| last.id.to_string());
    let pager = Pager {
        first: (after > 0).then(|| at("")),
        next: last.map(|last| at(&last)),
        ..Pager::default()
    };
    let accounts = view.accounts().await?;
    let mut queues = Vec::new();
    while let Some(first) = waiting.first() {
        let backup = first.backup;
        let (queue, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|other| other.backup == backup);
        waiting = rest;
        queues.push(match backup {
            Some(id) => PendingQueue {
                backup: Some(queue[0].target.clone()),
                href: words::backup_href(&queue[0].target),
                busy: obstacles::busy(view, &asked, id, &policy).await?,
                requests: words::waiting_rows(&asked, &queue, &accounts),
            },
            // Each of them stands alone.
            None => PendingQueue {
                backup: None,
                href: String::new(),
                busy: None,
                requests: queue
                    .iter()
                    .flat_map(|record| words::waiting_rows(&asked, std::slice::from_ref(record), &accounts))
                    .collect(),
            },
        });
    }
    let mut collecting = Vec::new();
    for record in of_state(view, State::Collecting, 0, A_PAGE).await? {
        let held = view.held_totals(record.id).await?;
        let ends = record.created_at.plus_seconds(i64::from(policy.collect_seconds));
        let snapshots = held.iter().filter(|sum| sum.kind == ObjectKind::Snapshots);
        collecting.push(CollectingRow {
            id: record.id.to_string(),
            yours: asked.is_reader(record.initiator.account),
            can_end: may_end(&asked, &record),
            snapshots: Count(snapshots.map(|sum: &KindSum| sum.objects).sum()),
            objects: Count(held.iter().map(|sum| sum.objects).sum()),
            bytes: Bytes(held.iter().map(|sum| sum.bytes).sum()),
            since: asked.moment(record.created_at),
            ends: asked.moment(ends),
            backup: record.target,
            initiator: record.initiator.name,
        });
    }
    let mut approved = Vec::new();
    for record in view.waiting(u32::try_from(A_PAGE).unwrap_or(u32::MAX)).await? {
        approved.push(ApprovedRow {
            id: record.id.to_string(),
            operation: words::operation(&asked, &record.operation),
            approver: record.decided_by.unwrap_or_default(),
            objects: Count(record.summary.as_ref().map_or(0, Summary::objects)),
            bytes: Bytes(record.summary.as_ref().map_or(0, Summary::bytes)),
            due: asked.moment(record.due_at.unwrap_or(asked.now)),
            postponed: record.effect_detail.as_deref().map(words::sentence),
            initiator: record.initiator.name,
        });
    }
    Ok(PendingPage {
        chrome,
        queues,
        approved,
        collecting,
        pager,
    })
}

/// Whether the reader may end collecting: it is theirs, or they administer. It takes nothing away and gives nothing back.
pub fn may_end(asked: &Asked, record: &RequestRecord) -> bool {
    asked.is_reader(record.initiator.account) || asked.is_administrator()
}

/// The oldest first, after a number.
async fn of_state(view: &mut View, state: State, after: i64, most: usize) -> Result<Vec<RequestRecord>, Problem> {
    let filter = RequestFilter {
        states: vec![state],
        ..RequestFilter::default()
    };
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    Ok(view.search_requests(&filter, Place::After(after), most).await?)
}
