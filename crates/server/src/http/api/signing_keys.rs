//! What access tokens are signed with.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::{Account, Role};
use countersign_store::{SigningKeyRecord, StoreError};
use serde::Serialize;

use super::super::problem::{Kind, Problem};
use super::time;
use crate::AppState;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/signing-keys", get(list))
        .route("/api/v1/signing-keys/rotate", post(rotate))
}

#[derive(Serialize)]
struct List {
    signing_keys: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    id: String,
    algorithm: &'static str,
    created_at: String,
    /// When another took its place; what it signed holds to its end.
    retired_at: Option<String>,
}

async fn list(State(app): State<AppState>, caller: ApiCaller) -> Result<Json<List>, Problem> {
    allowed(&caller.account)?;
    told(&app).await
}

/// A new key signs from now on.
async fn rotate(State(app): State<AppState>, caller: ApiCaller) -> Result<Json<List>, Problem> {
    allowed(&caller.account)?;
    let rotated = app.signing.rotate(&app).await;
    rotated.map_err(|error| Problem::internal(&error))?;
    tracing::info!(by = %caller.account.name, "access tokens are signed with a new key");
    told(&app).await
}

fn allowed(account: &Account) -> Result<(), Problem> {
    if account.roles.has(Role::SecurityAdministrator) {
        Ok(())
    } else {
        let detail = "This needs the role of a security administrator.";
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

async fn told(app: &AppState) -> Result<Json<List>, Problem> {
    let ask = app.store.ask(|view| Box::pin(async { view.signing_keys().await }));
    let records = ask.await.map_err(|error: StoreError| Problem::internal(&error))?;
    let signing_keys = records.into_iter().map(document).collect();
    Ok(Json(List { signing_keys }))
}

fn document(record: SigningKeyRecord) -> Document {
    Document {
        id: record.id,
        algorithm: "ES256",
        created_at: time(record.created_at),
        retired_at: record.retired_at.map(time),
    }
}
