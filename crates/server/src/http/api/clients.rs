//! Clients that may ask for logons: look, register, change, remove, and their secrets.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::logon::{Authentication, Client, ClientId, ClientSpec};
use countersign_store::StoreError;
use http::{StatusCode, header};
use serde::Serialize;

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, held, id};
use crate::AppState;
use crate::flows::clients::{NewSecret, new_secret};
use crate::flows::settings::{Change, Changed, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/clients", get(list).post(add))
        .route("/api/v1/clients/{id}", get(show).put(put).delete(remove))
        .route("/api/v1/clients/{id}/secret", post(secret))
}

#[derive(Serialize)]
struct List {
    clients: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    spec: ClientSpec,
    /// Part of the server: it cannot be changed.
    built_in: bool,
    /// Whether there is a secret that it can show.
    has_secret: bool,
}

/// A client that was registered, and its secret, told this once.
#[derive(Serialize)]
struct Made {
    id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A secret, told this once.
#[derive(Serialize)]
struct Told {
    secret: String,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let registered: Vec<Client> = app
        .store
        .ask(|view| Box::pin(async move { view.clients().await }))
        .await?;
    let built_in = [Client::web_ui(), Client::cli()];
    Ok(Json(List {
        clients: built_in.into_iter().chain(registered).map(document).collect(),
    }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let id: ClientId = id(&text)?;
    let found = app
        .store
        .ask(|view| Box::pin(async move { view.client(&id).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such client."))?;
    Ok(Json(document(found)))
}

fn document(client: Client) -> Document {
    Document {
        built_in: Client::built_in(&client.spec.id).is_some(),
        has_secret: client.secret.is_some(),
        spec: client.spec,
    }
}

async fn add(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(spec): Body<ClientSpec>,
) -> Result<Response, Problem> {
    let (client, keeps_secret) = (spec.id.clone(), spec.authentication == Authentication::Secret);
    let done = change(&app, &caller.actor(), Change::AddClient(Box::new(spec))).await?;
    if let Changed::Requested(request) = done {
        return Ok(held(request));
    }
    let secret = if keeps_secret {
        match new_secret(&app, &caller.actor(), &client).await? {
            NewSecret::Made(secret) => Some(secret.reveal().to_owned()),
            // Somebody was faster, and has it.
            NewSecret::Requested(_) => None,
        }
    } else {
        None
    };
    let href = format!("/api/v1/clients/{client}");
    let made = Json(Made { id: client, secret });
    Ok((StatusCode::CREATED, [(header::LOCATION, href)], made).into_response())
}

async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(spec): Body<ClientSpec>,
) -> Result<Response, Problem> {
    if spec.id != id::<ClientId>(&text)? {
        let detail = "A client keeps its id: the one in the document must be the one in the address.";
        return Err(Problem::new(Kind::Invalid, detail).with("field", "id"));
    }
    let done = change(&app, &caller.actor(), Change::ChangeClient(Box::new(spec))).await?;
    Ok(changed(done))
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let done = change(&app, &caller.actor(), Change::RemoveClient(id(&text)?)).await?;
    Ok(changed(done))
}

/// Makes a secret, and tells it this once.
async fn secret(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    Ok(match new_secret(&app, &caller.actor(), &id(&text)?).await? {
        NewSecret::Made(secret) => {
            let secret = secret.reveal().to_owned();
            Json(Told { secret }).into_response()
        }
        NewSecret::Requested(request) => held(request),
    })
}
