//! Backups: list, look, delete.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use countersign_core::request::KindSum;
use countersign_core::{BackupKind, ObjectKey, ObjectKind};
use countersign_store::{Backup, StoreError, StoredObject, Totals};
use countersign_vault::Deleted;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, held, name, time};
use crate::AppState;
use crate::flows::backups;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/backups", get(list))
        .route(
            "/api/v1/backups/{storage}/{backup}",
            get(show).put(mark).delete(delete_backup),
        )
        .route(
            "/api/v1/backups/{storage}/{backup}/objects/{kind}/{name}",
            delete(delete_object),
        )
        .route("/api/v1/backups/{storage}/{backup}/seal", post(seal))
}

#[derive(Serialize)]
struct List {
    backups: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    storage: String,
    name: String,
    kind: BackupKind,
    created_at: String,
    created_by: String,
    /// The request that holds the whole of it.
    held_by: Option<i64>,
    visible: Vec<KindSum>,
    held: Vec<KindSum>,
    newest_object_at: Option<String>,
}

#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    document: Document,
    /// Its waiting requests, oldest first.
    queue: Vec<i64>,
    snapshots: Vec<Snapshot>,
    locks: Vec<Lock>,
}

#[derive(Serialize)]
struct Snapshot {
    name: String,
    received_at: String,
    received_by: String,
    held_by: Option<i64>,
}

#[derive(Serialize)]
struct Lock {
    made_by: String,
    made_at: String,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let all = app
        .store
        .read(|view| {
            Box::pin(async move {
                let mut documents = Vec::new();
                for backup in view.backups().await? {
                    let totals = view.totals(backup.id).await?;
                    documents.push(document(backup, totals));
                }
                Ok::<_, StoreError>(documents)
            })
        })
        .await?;
    Ok(Json(List { backups: all }))
}

async fn show(
    State(app): State<AppState>,
    _: ApiCaller,
    Path((storage, backup)): Path<(String, String)>,
) -> Result<Json<Detail>, Problem> {
    let (storage, backup) = (name(&storage)?, name(&backup)?);
    let detail = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let Some(backup) = view.backup_named(&storage, &backup).await? else {
                    return Ok::<_, StoreError>(None);
                };
                let id = backup.id;
                Ok(Some(Detail {
                    queue: view.queue(id).await?.into_iter().map(|request| request.0).collect(),
                    snapshots: view.snapshots(id, 500).await?.into_iter().map(snapshot).collect(),
                    locks: view
                        .locks(id)
                        .await?
                        .into_iter()
                        .map(|lock| Lock {
                            made_by: lock.made_by,
                            made_at: time(lock.made_at),
                        })
                        .collect(),
                    document: document(backup, view.totals(id).await?),
                }))
            })
        })
        .await?;
    detail.map(Json).ok_or_else(no_backup)
}

/// 202 while four-eyes authorization is on, 204 when it was done at once.
async fn delete_backup(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((storage, backup)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let opened = app.vault.enter(&name(&storage)?, &name(&backup)?).await?;
    match app.vault.delete_backup(opened, &caller.actor()).await? {
        Deleted::Held(request) => Ok(held(request)),
        Deleted::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Deleted::Unknown => Err(no_backup()),
    }
}

/// What it is kept for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    kind: BackupKind,
}

async fn mark(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((storage, backup)): Path<(String, String)>,
    Body(mark): Body<Mark>,
) -> Result<Response, Problem> {
    let place = (name(&storage)?, name(&backup)?);
    let done = backups::mark(&app, &caller.actor(), &caller.address, place, mark.kind).await?;
    Ok(changed(done))
}

/// One object: 202 with a request of its own while four-eyes authorization is on, 204 when it was done at once.
async fn delete_object(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((storage, backup, kind, object)): Path<(String, String, String, String)>,
) -> Result<Response, Problem> {
    let no_object = || Problem::new(Kind::NotFound, "There is no such object.");
    let kind: ObjectKind = kind.parse().map_err(|_| no_object())?;
    let key = ObjectKey::parse(kind, &object).map_err(|error| Problem::new(Kind::Malformed, error.to_string()))?;
    let opened = app.vault.enter(&name(&storage)?, &name(&backup)?).await?;
    let deleted = app.vault.delete_one(&opened, key, &caller.actor()).await;
    app.delivery_changed.notify_one();
    match deleted? {
        Deleted::Held(request) => Ok(held(request)),
        Deleted::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Deleted::Unknown => Err(no_object()),
    }
}

/// Ends collecting: the deletes that came so far become a request now.
async fn seal(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((storage, backup)): Path<(String, String)>,
) -> Result<Response, Problem> {
    crate::flows::may_administer(&caller.account)?;
    let (storage, backup) = (name(&storage)?, name(&backup)?);
    let collecting = app
        .store
        .ask(move |view| {
            Box::pin(async move {
                match view.backup_named(&storage, &backup).await? {
                    Some(backup) => Ok::<_, StoreError>(Some(view.collecting(backup.id).await?)),
                    None => Ok(None),
                }
            })
        })
        .await?
        .ok_or_else(no_backup)?
        .ok_or_else(|| Problem::new(Kind::Conflict, "No deletes of this backup are being collected."))?;
    app.vault.seal_now(collecting.id).await?;
    Ok(held(collecting.id))
}

fn document(backup: Backup, totals: Totals) -> Document {
    Document {
        storage: backup.storage.to_string(),
        name: backup.name.to_string(),
        kind: backup.kind,
        created_at: time(backup.created_at),
        created_by: backup.created_by,
        held_by: backup.held_by.map(|request| request.0),
        visible: totals
            .visible
            .into_iter()
            .filter(|sum| sum.kind != ObjectKind::Locks)
            .collect(),
        held: totals.held,
        newest_object_at: totals.newest.map(time),
    }
}

fn snapshot(stored: StoredObject) -> Snapshot {
    Snapshot {
        name: stored.object.key.name.to_string(),
        received_at: time(stored.object.received_at),
        received_by: stored.object.received_by,
        held_by: stored.held_by.map(|request| request.0),
    }
}

fn no_backup() -> Problem {
    Problem::new(Kind::NotFound, "There is no such backup.")
}
