//! Receivers of events.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::ReceiverId;
use countersign_core::receiver::ReceiverSpec;
use countersign_store::{Receiver, StoreError};
use serde::Serialize;

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, id, time};
use crate::AppState;
use crate::flows::settings::{Change, change};
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/receivers", get(list).post(add))
        .route("/api/v1/receivers/{id}", get(show).put(put).delete(remove))
}

#[derive(Serialize)]
struct List {
    receivers: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    id: ReceiverId,
    #[serde(flatten)]
    spec: ReceiverSpec,
    created_at: String,
    /// The last event it has.
    delivered_seq: i64,
    /// How many events it does not have yet.
    backlog: i64,
    delivered_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let (receivers, last) = app
        .store
        .read(|view| Box::pin(async move { Ok::<_, StoreError>((view.receivers().await?, view.last_event().await?)) }))
        .await?;
    Ok(Json(List {
        receivers: receivers.into_iter().map(|receiver| document(receiver, last)).collect(),
    }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let receiver = id::<ReceiverId>(&text)?;
    let (found, last) = app
        .store
        .read(move |view| {
            Box::pin(async move { Ok::<_, StoreError>((view.receiver(receiver).await?, view.last_event().await?)) })
        })
        .await?;
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such receiver."))?;
    Ok(Json(document(found, last)))
}

async fn add(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(spec): Body<ReceiverSpec>,
) -> Result<Response, Problem> {
    Ok(changed(change(&app, &caller.actor(), Change::AddReceiver(spec)).await?))
}

async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(spec): Body<ReceiverSpec>,
) -> Result<Response, Problem> {
    Ok(changed(
        change(&app, &caller.actor(), Change::ChangeReceiver(id(&text)?, spec)).await?,
    ))
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    Ok(changed(
        change(&app, &caller.actor(), Change::RemoveReceiver(id(&text)?)).await?,
    ))
}

fn document(receiver: Receiver, last: i64) -> Document {
    let (last_error, last_error_at) = receiver.last_error.unzip();
    Document {
        id: receiver.id,
        spec: receiver.spec,
        created_at: time(receiver.created_at),
        delivered_seq: receiver.cursor,
        backlog: (last - receiver.cursor).max(0),
        delivered_at: receiver.delivered_at.map(time),
        last_error,
        last_error_at: last_error_at.map(time),
    }
}
