//! Storages: look, add, change, delete.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::{StorageId, StorageSpec};
use countersign_store::{Storage, StoreError};
use countersign_vault::End;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, id, time};
use crate::AppState;
use crate::app::App;
use crate::flows::storages;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/storages", get(list).post(add))
        .route("/api/v1/storages/{id}", get(show).put(put).delete(remove))
}

#[derive(Serialize)]
struct List {
    storages: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    id: StorageId,
    name: String,
    /// None below the data folder.
    path: Option<String>,
    quota_bytes: Option<u64>,
    immutable_days: Option<u32>,
    created_at: String,
    changed_at: Option<String>,
    /// Held bytes are among them.
    used_bytes: u64,
    /// Of the file system; none while the folder cannot be opened.
    disk_free_bytes: Option<u64>,
    disk_total_bytes: Option<u64>,
    /// Whether its folder is open.
    in_service: bool,
    /// The request to delete it, while that waits.
    held_by: Option<i64>,
    /// How many backups it has.
    backups: usize,
}

/// A storage that was added.
#[derive(Serialize)]
struct Made {
    id: StorageId,
}

#[derive(Deserialize)]
struct Removal {
    /// Whether the bytes go, too.
    #[serde(default)]
    purge: bool,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let all = app
        .store
        .read(|view| {
            Box::pin(async move {
                let mut all = Vec::new();
                for storage in view.storages().await? {
                    let backups = view.backups_of(storage.id).await?.len();
                    all.push((storage, backups));
                }
                Ok::<_, StoreError>(all)
            })
        })
        .await?;
    let storages = all
        .into_iter()
        .map(|(storage, backups)| document(&app, storage, backups));
    Ok(Json(List {
        storages: storages.collect(),
    }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let id: StorageId = id(&text)?;
    let found = app
        .store
        .read(move |view| {
            Box::pin(async move { Ok::<_, StoreError>((view.storage(id).await?, view.backups_of(id).await?.len())) })
        })
        .await?;
    let (Some(storage), backups) = found else {
        return Err(Problem::new(Kind::NotFound, "There is no such storage."));
    };
    Ok(Json(document(&app, storage, backups)))
}

fn document(app: &App, storage: Storage, backups: usize) -> Document {
    let files = app.vault.storage_files(storage.id);
    let disk = files.as_ref().and_then(|files| files.disk().ok());
    Document {
        id: storage.id,
        name: storage.spec.name.to_string(),
        path: storage.spec.path.map(|path| path.to_string()),
        quota_bytes: storage.spec.quota_bytes,
        immutable_days: storage.spec.immutable_days,
        created_at: time(storage.created_at),
        changed_at: storage.changed_at.map(time),
        used_bytes: storage.used_bytes,
        disk_free_bytes: disk.map(|disk| disk.free),
        disk_total_bytes: disk.map(|disk| disk.total),
        in_service: files.is_some(),
        held_by: storage.held_by.map(|request| request.0),
        backups,
    }
}

async fn add(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(spec): Body<StorageSpec>,
) -> Result<Response, Problem> {
    let id = storages::add(&app, &caller.actor(), &caller.address, spec).await?;
    let href = format!("/api/v1/storages/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, href)], Json(Made { id })).into_response())
}

/// 204 when it holds now, 202 when it weakens and waits.
async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(spec): Body<StorageSpec>,
) -> Result<Response, Problem> {
    let done = storages::change(&app, &caller.actor(), &caller.address, id(&text)?, spec).await?;
    Ok(changed(done))
}

/// 202 while four-eyes authorization is on, 204 when it was done at once.
async fn remove(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Query(removal): Query<Removal>,
) -> Result<Response, Problem> {
    let end = if removal.purge { End::Purge } else { End::Forget };
    let done = storages::delete(&app, &caller.actor(), &caller.address, id(&text)?, end).await?;
    Ok(changed(done))
}
