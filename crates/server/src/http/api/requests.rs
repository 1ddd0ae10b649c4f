//! Requests: list, look, decide.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::behind::Party;
use countersign_core::preview::{Preview, Weight, warnings};
use countersign_core::request::{DecidedFrom, KindSum, State as RequestState, Summary};
use countersign_core::{CommandId, ObjectKind, RequestId, Sha256, Why, queue};
use countersign_events::Timestamp;
use countersign_store::{Place, RequestFilter, RequestRecord, StoreError};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{LONGEST_WAIT, id, page_size, parse_time, time};
use crate::AppState;
use crate::app::App;
use crate::flows::decide::{self, Decider};
use crate::preview;
use crate::session::ApiCaller;
use crate::step_up::Shown;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/requests", get(list).post(super::commands::ask))
        .route("/api/v1/requests/{id}", get(show))
        .route("/api/v1/requests/{id}/manifest", get(manifest))
        .route("/api/v1/requests/{id}/approve", post(approve))
        .route("/api/v1/requests/{id}/reject", post(reject))
        .route("/api/v1/requests/{id}/veto", post(veto))
        .route("/api/v1/requests/{id}/seal", post(seal))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    /// `waiting`: what was approved and can still be vetoed, the next to take effect first.
    effect: Option<String>,
    operation: Option<String>,
    account: Option<String>,
    since: Option<String>,
    until: Option<String>,
    before: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Serialize)]
struct List {
    requests: Vec<Document>,
    /// Where to go on: `before` of the next page, or `after` where that was asked for; none at the end.
    next: Option<RequestId>,
}

/// A request as the API tells it.
#[derive(Serialize)]
struct Document {
    id: RequestId,
    state: RequestState,
    operation_id: u32,
    operation: String,
    target: String,
    initiator: String,
    initiator_address: String,
    /// Who else stands behind it, and cannot approve it either.
    behind: Vec<Party>,
    created_at: String,
    sealed_at: Option<String>,
    expires_at: Option<String>,
    /// SHA-256 of the manifest: what is approved.
    digest: Option<Sha256>,
    loss: Option<LossDocument>,
    /// The words of the warnings that are heavy, as of when it was sealed.
    marks: Vec<&'static str>,
    decided_at: Option<String>,
    decided_by: Option<String>,
    /// How, and from where.
    decided_from: Option<DecidedFrom>,
    comment: Option<String>,
    reason: Option<String>,
    effect: &'static str,
    effect_at: Option<String>,
    effect_detail: Option<String>,
    /// When an approval that can still be vetoed takes effect.
    effect_due_at: Option<String>,
    vetoed_by: Option<String>,
    veto_comment: Option<String>,
    href: String,
}

#[derive(Serialize)]
struct LossDocument {
    objects: u64,
    bytes: u64,
    kinds: Vec<KindSum>,
    backup_objects: u64,
    backup_bytes: u64,
    backup_snapshots: u64,
    /// Whether the backup itself goes.
    whole: bool,
    oldest_snapshot_at: Option<String>,
    newest_snapshot_at: Option<String>,
}

/// One request, with its place in the queue of its backup.
#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    document: Document,
    /// Why, in the initiator's words.
    why: Option<Why>,
    /// The command that came of it.
    command: Option<CommandId>,
    /// Approving this one approves these, in this order, each by its digest.
    approve_with: Vec<Neighbour>,
    /// Rejecting this one rejects these, too.
    reject_with: Vec<RequestId>,
    /// Vetoing this one ends these, too.
    veto_with: Vec<RequestId>,
    /// What must not be overlooked, the heaviest first.
    warnings: Vec<WarningDocument>,
    /// What kind of delete it is; none for settings.
    nature: Option<&'static str>,
    /// What stays: as it is now while it waits, as it was when it was sealed afterwards.
    stays: Option<StaysDocument>,
    /// What is usual, where it is known.
    habit: Option<HabitDocument>,
}

#[derive(Serialize)]
struct WarningDocument {
    code: &'static str,
    weight: Weight,
    text: String,
}

#[derive(Serialize)]
struct StaysDocument {
    kinds: Vec<KindSum>,
    bytes: u64,
    snapshots: u64,
    newest_snapshot_at: Option<String>,
}

#[derive(Serialize)]
struct HabitDocument {
    weeks: u64,
    snapshots_a_week: u64,
    bytes_a_week: u64,
    text: String,
}

#[derive(Serialize)]
struct Neighbour {
    id: RequestId,
    digest: Option<Sha256>,
}

async fn list(
    State(app): State<AppState>,
    _: ApiCaller,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    if query.effect.is_some() {
        return waiting(&app, &query).await;
    }
    let filter = RequestFilter {
        states: query.state.as_deref().map(states).transpose()?.unwrap_or_default(),
        operations: query
            .operation
            .as_deref()
            .map(operations)
            .transpose()?
            .unwrap_or_default(),
        account: query.account,
        since: query.since.as_deref().map(parse_time).transpose()?,
        until: query.until.as_deref().map(parse_time).transpose()?,
    };
    let before = query.before.as_deref().map(id::<RequestId>).transpose()?;
    let after = query.after.as_deref().map(id::<RequestId>).transpose()?;
    let place = match (before, after) {
        (None, None) => Place::Newest,
        (Some(before), None) => Place::Before(before.0),
        (None, Some(after)) => Place::After(after.0),
        (Some(_), Some(_)) => return Err(Problem::new(Kind::Malformed, "Say “before” or “after”, not both.")),
    };
    let most = page_size(query.limit);
    let records = app
        .store
        .read(move |view| Box::pin(async move { view.search_requests(&filter, place, most).await }))
        .await?;
    let full = u32::try_from(records.len()).is_ok_and(|count| count == most);
    let next = if full {
        records.last().map(|record| record.id)
    } else {
        None
    };
    Ok(Json(List {
        requests: records.into_iter().map(|record| document(&app, record)).collect(),
        next,
    }))
}

/// What can still be vetoed. These are few: they are told at once.
async fn waiting(app: &AppState, query: &ListQuery) -> Result<Json<List>, Problem> {
    let narrowed = [
        &query.state,
        &query.operation,
        &query.account,
        &query.since,
        &query.until,
        &query.before,
        &query.after,
    ];
    if query.effect.as_deref() != Some("waiting") || narrowed.into_iter().any(Option::is_some) {
        return Err(Problem::new(
            Kind::Malformed,
            "“effect” is “waiting”, and goes with nothing but “limit”.",
        ));
    }
    let most = page_size(query.limit);
    let records = app
        .store
        .ask(move |view| Box::pin(async move { view.waiting(most).await }))
        .await?;
    Ok(Json(List {
        requests: records.into_iter().map(|record| document(app, record)).collect(),
        next: None,
    }))
}

fn states(text: &str) -> Result<Vec<RequestState>, Problem> {
    text.split(',')
        .map(|word| {
            let known = RequestState::ALL.into_iter().find(|state| state.as_str() == word);
            known.ok_or_else(|| {
                Problem::new(
                    Kind::Malformed,
                    "A state is collecting, pending, approved, rejected, expired or closed.",
                )
            })
        })
        .collect()
}

fn operations(text: &str) -> Result<Vec<u32>, Problem> {
    let ids: Result<Vec<_>, _> = text.split(',').map(str::parse).collect();
    ids.map_err(|_| {
        Problem::new(
            Kind::Malformed,
            "Operations are their numbers with commas between them: 100,104.",
        )
    })
}

/// How long a caller waits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    /// In seconds, at most.
    #[serde(default)]
    wait: u64,
    #[serde(default)]
    until: Until,
}

/// For what a caller waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Until {
    /// It is decided.
    #[default]
    Decided,
    /// Nothing follows any more.
    Effect,
}

impl Until {
    const fn is_reached(self, record: &RequestRecord) -> bool {
        match self {
            Self::Decided => record.state.is_over(),
            Self::Effect => record.state.is_over() && record.effect.is_over(),
        }
    }
}

/// Waits until that is reached, the time is over, or the server stops. No thread waits, and nothing is read while nothing is decided.
async fn wait_until(
    app: &App,
    caller: &ApiCaller,
    request: RequestId,
    until: Until,
    wait: Duration,
) -> Result<(), Problem> {
    let _place = app.waiters.enter(caller.account.id).ok_or_else(|| {
        let problem = Problem::new(
            Kind::Unavailable,
            "Too many are waiting. Ask again without “wait”, or later.",
        );
        problem.retry_after(5)
    })?;
    let mut turned = app.store.turned();
    let over = tokio::time::sleep(wait);
    tokio::pin!(over);
    loop {
        let record = app
            .store
            .ask(move |view| Box::pin(async move { view.request(request).await }))
            .await?;
        if record.is_none_or(|record| until.is_reached(&record)) {
            return Ok(());
        }
        loop {
            tokio::select! {
                () = &mut over => return Ok(()),
                () = app.stop.cancelled() => return Ok(()),
                turn = turned.recv() => match turn {
                    Ok(other) if other != request => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    // The store is gone only with the server.
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }
}

async fn show(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Json<Detail>, Problem> {
    let request = id::<RequestId>(&text)?;
    if query.wait > 0 {
        let wait = Duration::from_secs(query.wait.min(LONGEST_WAIT));
        wait_until(&app, &caller, request, query.until, wait).await?;
    }
    let now = app.clock.now();
    let found = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let Some(record) = view.request(request).await? else {
                    return Ok::<_, StoreError>(None);
                };
                let queue = match record.backup {
                    Some(backup) if record.state == RequestState::Pending => view.queue(backup).await?,
                    _ => Vec::new(),
                };
                let mut approve_with = Vec::new();
                for older in queue::with_older(&queue, request).unwrap_or_default() {
                    let digest = view.request(*older).await?.and_then(|record| record.digest);
                    approve_with.push(Neighbour { id: *older, digest });
                }
                let reject_with = queue::with_later(&queue, request).unwrap_or_default().to_vec();
                let veto_with = match (record.backup, record.waiting()) {
                    (Some(backup), Some(_)) => {
                        let (approved, pending) = (view.waiting_queue(backup).await?, view.queue(backup).await?);
                        let later = approved.into_iter().filter(|other| *other >= request);
                        later.chain(pending).collect()
                    }
                    (None, Some(_)) => vec![request],
                    (_, None) => Vec::new(),
                };
                let (why, command) = (view.why(request).await?, view.command_of(request).await?);
                let summary = preview::summary(view, &record, now).await?;
                Ok(Some((
                    record,
                    summary,
                    (why, command),
                    approve_with,
                    reject_with,
                    veto_with,
                )))
            })
        })
        .await?;
    let (record, summary, (why, command), approve_with, reject_with, veto_with) = found.ok_or_else(no_request)?;
    let told = preview::told(&record.operation, &summary, now).into_iter();
    let known = summary.preview.as_ref();
    Ok(Json(Detail {
        why,
        command,
        approve_with,
        reject_with,
        veto_with,
        warnings: told
            .map(|told| WarningDocument {
                code: told.code,
                weight: told.weight,
                text: told.text,
            })
            .collect(),
        nature: known.map(|_| preview::nature(&summary)),
        stays: known.map(|preview| StaysDocument {
            bytes: preview.left.bytes(),
            snapshots: preview.left.of(ObjectKind::Snapshots),
            newest_snapshot_at: preview.left.newest.map(time),
            kinds: preview.left.kinds.clone(),
        }),
        habit: known.and_then(habit),
        document: document(&app, record),
    }))
}

fn habit(known: &Preview) -> Option<HabitDocument> {
    let (habit, text) = (known.habit?, preview::habit(known)?);
    Some(HabitDocument {
        weeks: habit.weeks,
        snapshots_a_week: habit.snapshots,
        bytes_a_week: habit.bytes,
        text,
    })
}

/// The exact bytes whose SHA-256 is the digest.
async fn manifest(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let request = id::<RequestId>(&text)?;
    let manifest = app
        .store
        .read(move |view| Box::pin(async move { view.manifest(request).await }))
        .await?;
    let manifest =
        manifest.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such request, or it is still collecting."))?;
    let json = manifest.canonical().map_err(|error| Problem::internal(&error))?;
    Ok((
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        json,
    )
        .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    /// The digest that was seen.
    digest: Sha256,
    /// A fresh one-time code.
    code: String,
    #[serde(default)]
    comment: String,
    /// The older requests of the same backup that are approved along, oldest first.
    #[serde(default)]
    older: Vec<Seen>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    id: RequestId,
    digest: Sha256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    code: String,
    #[serde(default)]
    comment: String,
}

#[derive(Serialize)]
struct DecidedIds {
    requests: Vec<RequestId>,
}

async fn approve(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(approval): Body<Approval>,
) -> Result<Json<DecidedIds>, Problem> {
    let request = id::<RequestId>(&text)?;
    let mut asked: Vec<_> = approval.older.iter().map(|seen| (seen.id, seen.digest)).collect();
    asked.push((request, approval.digest));
    let requests = decide::approve(&app, decider(&caller, approval.code, approval.comment)?, asked).await?;
    Ok(Json(DecidedIds { requests }))
}

async fn reject(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(rejection): Body<Rejection>,
) -> Result<Json<DecidedIds>, Problem> {
    let request = id::<RequestId>(&text)?;
    let requests = decide::reject(&app, decider(&caller, rejection.code, rejection.comment)?, request).await?;
    Ok(Json(DecidedIds { requests }))
}

async fn veto(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(veto): Body<Rejection>,
) -> Result<Json<DecidedIds>, Problem> {
    let request = id::<RequestId>(&text)?;
    let requests = decide::veto(&app, decider(&caller, veto.code, veto.comment)?, request).await?;
    Ok(Json(DecidedIds { requests }))
}

async fn seal(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<http::StatusCode, Problem> {
    crate::flows::may_administer(&caller.account)?;
    app.vault.seal_now(id::<RequestId>(&text)?).await?;
    Ok(http::StatusCode::NO_CONTENT)
}

/// What may be said about a decision.
pub(super) fn comment(text: String) -> Result<String, Problem> {
    if text.chars().count() > decide::LONGEST_COMMENT {
        return Err(Problem::new(Kind::Invalid, "A comment has 1000 characters at most."));
    }
    Ok(text)
}

/// Whoever calls, as somebody who decides.
pub(super) fn decider(caller: &ApiCaller, code: String, said: String) -> Result<Decider, Problem> {
    let comment = comment(said)?;
    Ok(Decider {
        account: caller.account.id,
        shown: Shown::Code(code),
        comment,
        from: caller.address,
        agent: caller.agent.clone(),
        client: Some(caller.client.to_string()),
    })
}

fn document(app: &App, record: RequestRecord) -> Document {
    let nothing = Summary::default();
    let summary = record.summary.as_ref().unwrap_or(&nothing);
    let found = warnings(&record.operation, summary, app.clock.now()).into_iter();
    let strong = found.filter(|warning| warning.weight() == Weight::Strong);
    let marks = strong.map(|warning| warning.code()).collect();
    Document {
        id: record.id,
        state: record.state,
        operation_id: record.operation.id(),
        operation: record.operation.name(app.product()),
        target: record.target,
        initiator: record.initiator.name,
        initiator_address: record.initiator.address,
        behind: record.initiator.behind,
        created_at: time(record.created_at),
        sealed_at: record.sealed_at.map(time),
        expires_at: record.expires_at.map(time),
        digest: record.digest,
        loss: record.summary.map(|summary| LossDocument {
            objects: summary.objects(),
            bytes: summary.bytes(),
            backup_objects: summary.backup_objects,
            backup_bytes: summary.backup_bytes,
            backup_snapshots: summary.backup_snapshots,
            whole: summary.preview.as_ref().is_some_and(|preview| preview.whole),
            oldest_snapshot_at: lost(&summary).map(|(oldest, _)| time(oldest)),
            newest_snapshot_at: lost(&summary).map(|(_, newest)| time(newest)),
            kinds: summary.kinds,
        }),
        marks,
        decided_at: record.decided_at.map(time),
        decided_by: record.decided_by,
        decided_from: record.decided_from,
        comment: record.comment,
        reason: record.reason,
        effect: record.effect.as_str(),
        effect_at: record.effect_at.map(time),
        effect_detail: record.effect_detail,
        effect_due_at: record.due_at.map(time),
        vetoed_by: record.vetoed_by,
        veto_comment: record.veto_comment,
        href: format!("/api/v1/requests/{}", record.id),
    }
}

fn lost(summary: &Summary) -> Option<(Timestamp, Timestamp)> {
    summary.preview.as_ref().and_then(|preview| preview.lost)
}

fn no_request() -> Problem {
    Problem::new(Kind::NotFound, "There is no such request.")
}
