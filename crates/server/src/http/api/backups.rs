//! Backups: list, look, delete.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::ObjectKind;
use countersign_core::request::KindSum;
use countersign_store::{Backup, StoreError, StoredObject, Totals};
use countersign_vault::Deleted;
use http::StatusCode;
use serde::Serialize;

use super::super::problem::{Kind, Problem};
use super::{held, name, time};
use crate::AppState;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/backups", get(list))
        .route("/api/v1/backups/{storage}/{backup}", get(show).delete(delete))
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
    let backups = app
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
    Ok(Json(List { backups }))
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
async fn delete(
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
