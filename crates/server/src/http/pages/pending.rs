//! `/pending`: what waits for a second person.

use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::ObjectKind;
use countersign_core::request::{KindSum, State};
use countersign_store::{RequestFilter, RequestRecord, View};

use super::{Asked, obstacles, words};
use crate::http::Problem;
use crate::pages::{Bytes, CollectingRow, Count, PendingPage, PendingQueue, Section, respond};

/// More than one person can look through; History has them all.
const MOST: u32 = 1000;

/// `GET /pending`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked) -> Result<PendingPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Pending)).await?;
    let mut waiting = of_state(view, State::Pending).await?;
    waiting.reverse();
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
                requests: words::waiting_rows(&asked, &queue),
            },
            // Each of them stands alone.
            None => PendingQueue {
                backup: None,
                href: String::new(),
                busy: None,
                requests: queue
                    .iter()
                    .flat_map(|record| words::waiting_rows(&asked, std::slice::from_ref(record)))
                    .collect(),
            },
        });
    }
    let mut collecting = Vec::new();
    for record in of_state(view, State::Collecting).await? {
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
    Ok(PendingPage {
        chrome,
        queues,
        collecting,
    })
}

/// Whether the reader may end collecting: it is theirs, or they administer. It takes nothing away and gives nothing back.
pub fn may_end(asked: &Asked, record: &RequestRecord) -> bool {
    asked.is_reader(record.initiator.account) || asked.is_administrator()
}

async fn of_state(view: &mut View, state: State) -> Result<Vec<RequestRecord>, Problem> {
    let filter = RequestFilter {
        states: vec![state],
        ..RequestFilter::default()
    };
    Ok(view.requests(&filter, None, MOST).await?)
}
