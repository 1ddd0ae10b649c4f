//! Backups of the server's own configuration: look, make, read to the end, take out, delete; their schedule and passphrase.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use countersign_core::ConfigurationBackupId;
use countersign_core::configuration_backup::Schedule;
use countersign_store::{ConfigurationBackup, StoreError};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::super::taken_out;
use super::body::Body;
use super::{changed, id, time};
use crate::AppState;
use crate::configuration_backup::make::{Asked, make};
use crate::configuration_backup::verify::{open_kept, verify_kept};
use crate::flows::configuration_backups::set_passphrase;
use crate::flows::settings::{Change, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/configuration-backups", get(list).post(add))
        .route(
            "/api/v1/configuration-backups/schedule",
            get(show_schedule).put(put_schedule),
        )
        .route("/api/v1/configuration-backups/passphrase", put(put_passphrase))
        .route("/api/v1/configuration-backups/{id}", get(show).delete(remove))
        .route("/api/v1/configuration-backups/{id}/verify", post(verify))
        .route("/api/v1/configuration-backups/{id}/file", get(file))
}

#[derive(Serialize)]
struct List {
    configuration_backups: Vec<Document>,
    /// Where they lie on the server.
    folder: String,
    /// The number of the passphrase that the next is encrypted with; null when there is none, and so no backup is made.
    passphrase: Option<i64>,
    /// How the schedule's last try went.
    last_try: Option<Try>,
}

#[derive(Serialize)]
struct Try {
    at: String,
    fault: Option<String>,
}

#[derive(Serialize)]
struct Document {
    id: ConfigurationBackupId,
    name: String,
    occasion: &'static str,
    made_at: String,
    made_by: Option<String>,
    size: u64,
    sha256: String,
    /// Which passphrase opens it, by number.
    passphrase: i64,
    verified_at: Option<String>,
    fault: Option<String>,
}

fn document(kept: ConfigurationBackup) -> Document {
    Document {
        id: kept.id,
        name: kept.name,
        occasion: kept.occasion.as_str(),
        made_at: time(kept.made_at),
        made_by: kept.made_by,
        size: kept.size,
        sha256: kept.hash.to_hex(),
        passphrase: kept.passphrase,
        verified_at: kept.verified_at.map(time),
        fault: kept.fault,
    }
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let (all, passphrase, last) = app
        .store
        .read(|view| {
            Box::pin(async move {
                Ok::<_, StoreError>((
                    view.configuration_backups().await?,
                    view.configuration_passphrase().await?,
                    view.configuration_try().await?,
                ))
            })
        })
        .await?;
    Ok(Json(List {
        configuration_backups: all.into_iter().map(document).collect(),
        folder: app.configuration_backups.folder().display().to_string(),
        passphrase: passphrase.map(|held| held.id),
        last_try: last.map(|last| Try {
            at: time(last.at),
            fault: last.fault,
        }),
    }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let backup: ConfigurationBackupId = id(&text)?;
    let found = app
        .store
        .ask(move |view| Box::pin(async move { view.configuration_backup(backup).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such configuration backup."))?;
    Ok(Json(document(found)))
}

/// Makes one now.
async fn add(State(app): State<AppState>, caller: ApiCaller) -> Result<Response, Problem> {
    let made = make(&app, Asked::By(&caller.actor())).await?;
    let href = format!("/api/v1/configuration-backups/{}", made.id);
    let made = Json(document(made));
    Ok((StatusCode::CREATED, [(header::LOCATION, href)], made).into_response())
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let change_to = Change::DeleteConfigurationBackup(id(&text)?);
    Ok(changed(change(&app, &caller.actor(), change_to).await?))
}

/// Reads one to its end.
async fn verify(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<Document>, Problem> {
    Ok(Json(document(verify_kept(&app, &caller.actor(), id(&text)?).await?)))
}

/// Takes one out.
async fn file(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let (kept, file) = open_kept(&app, &caller.actor(), id(&text)?).await?;
    Ok(taken_out::answer(&kept, file))
}

async fn show_schedule(State(app): State<AppState>, _: ApiCaller) -> Result<Json<Schedule>, Problem> {
    let schedule = app
        .store
        .ask(|view| Box::pin(async move { view.configuration_schedule().await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(schedule))
}

async fn put_schedule(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(schedule): Body<Schedule>,
) -> Result<Response, Problem> {
    let change_to = Change::ConfigurationSchedule(schedule);
    Ok(changed(change(&app, &caller.actor(), change_to).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassphrase {
    passphrase: String,
}

async fn put_passphrase(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(new): Body<NewPassphrase>,
) -> Result<Response, Problem> {
    let passphrase = zeroize::Zeroizing::new(new.passphrase);
    Ok(changed(set_passphrase(&app, &caller.actor(), &passphrase).await?))
}
