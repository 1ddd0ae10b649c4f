//! Receivers of events: look, add, change, remove, test, and their filters as the family's XML.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::receiver::{Filter, ReceiverSpec};
use countersign_core::{ReceiverId, RequestId};
use countersign_store::{Receiver, StoreError, View};
use http::{StatusCode, header};
use serde::Serialize;

use super::super::problem::{Kind, Problem};
use super::body::{Body, Xml};
use super::{changed, id, time};
use crate::flows::settings::{Change, Changed, change, may_change};
use crate::receivers::{About, Status, Test};
use crate::session::ApiCaller;
use crate::{App, AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/receivers", get(list).post(add))
        .route("/api/v1/receivers/{id}", get(show).put(put).delete(remove))
        .route("/api/v1/receivers/{id}/test", post(test))
        .route("/api/v1/receivers/{id}/filter", get(show_filter).put(put_filter))
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
    state: &'static str,
    /// Whether a connection is open; null over UDP, which has none.
    connected: Option<bool>,
    /// The last event that was handed over to it.
    delivered_seq: i64,
    /// The last event that need not be sent again.
    settled_seq: i64,
    /// How many events it does not have yet.
    backlog: u64,
    /// How old the oldest of them is.
    lag_seconds: u64,
    delivered_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
}

/// How a test message went.
#[derive(Serialize)]
struct Told {
    outcome: &'static str,
    detail: String,
    at: String,
}

/// A change that holds now, and the test of what it made.
#[derive(Serialize)]
struct Made {
    id: ReceiverId,
    test: Told,
}

/// A change that waits, and the test of what it asks for.
#[derive(Serialize)]
struct HeldAndTested {
    request: RequestId,
    href: String,
    test: Told,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let now = app.clock.now();
    let all = app
        .store
        .read(move |view| Box::pin(async move { Status::all(view, now).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(Json(List {
        receivers: all.into_iter().map(|status| document(&app, status)).collect(),
    }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let (receiver, now) = (id::<ReceiverId>(&text)?, app.clock.now());
    let status = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let found = found(view, receiver).await?;
                Ok::<_, Problem>(Status::of(view, found, now).await?)
            })
        })
        .await?;
    Ok(Json(document(&app, status)))
}

async fn add(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(spec): Body<ReceiverSpec>,
) -> Result<Response, Problem> {
    let done = change(&app, &caller.actor(), Change::AddReceiver(spec.clone())).await?;
    Ok(tested(&app, done, None, &spec).await)
}

async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(spec): Body<ReceiverSpec>,
) -> Result<Response, Problem> {
    let receiver = id(&text)?;
    let done = change(&app, &caller.actor(), Change::ChangeReceiver(receiver, spec.clone())).await?;
    Ok(tested(&app, done, Some(receiver), &spec).await)
}

/// What became of a change, with the test of what it made or asks for. The change stands, however the test went.
async fn tested(app: &App, done: Changed, known: Option<ReceiverId>, spec: &ReceiverSpec) -> Response {
    match (done, known) {
        (Changed::Added(id), _) => {
            let test = sent(app, About::Receiver(id), spec).await;
            let href = format!("/api/v1/receivers/{id}");
            let made = Json(Made { id, test });
            (StatusCode::CREATED, [(header::LOCATION, href)], made).into_response()
        }
        (Changed::Done, Some(id)) => {
            let test = sent(app, About::Receiver(id), spec).await;
            Json(Made { id, test }).into_response()
        }
        (Changed::Requested(request), _) => {
            let test = sent(app, About::Request(request), spec).await;
            let href = format!("/api/v1/requests/{request}");
            let location = [(header::LOCATION, href.clone())];
            let held = Json(HeldAndTested { request, href, test });
            (StatusCode::ACCEPTED, location, held).into_response()
        }
        (Changed::Done, None) | (Changed::Unchanged | Changed::AddedAccount(_), _) => changed(done),
    }
}

async fn sent(app: &App, about: About, spec: &ReceiverSpec) -> Told {
    let test = Test::send(app, spec).await;
    app.receiver_tests.keep(about, test.clone());
    told(&test)
}

fn told(test: &Test) -> Told {
    Told {
        outcome: test.outcome.as_str(),
        detail: test.outcome.text(),
        at: time(test.at),
    }
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    Ok(changed(
        change(&app, &caller.actor(), Change::RemoveReceiver(id(&text)?)).await?,
    ))
}

/// Sends a test message, for whoever may change settings.
async fn test(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Json<Told>, Problem> {
    let receiver = id::<ReceiverId>(&text)?;
    may_change(&app, &caller.actor()).await?;
    let spec = spec(&app, receiver).await?;
    Ok(Json(sent(&app, About::Receiver(receiver), &spec).await))
}

/// The filter as the family's XML.
async fn show_filter(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let xml = spec(&app, id(&text)?).await?.filter.to_xml();
    Ok(([(header::CONTENT_TYPE, "application/xml")], xml).into_response())
}

/// Puts another list in the place of the filter; all else of the receiver stays.
async fn put_filter(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Xml(xml): Xml,
) -> Result<Response, Problem> {
    let receiver = id(&text)?;
    let filter = Filter::from_xml(&xml)?;
    Ok(changed(
        change(&app, &caller.actor(), Change::FilterReceiver(receiver, filter)).await?,
    ))
}

async fn spec(app: &App, id: ReceiverId) -> Result<ReceiverSpec, Problem> {
    let found = app.store.ask(move |view| Box::pin(found(view, id))).await?;
    Ok(found.spec)
}

async fn found(view: &mut View, id: ReceiverId) -> Result<Receiver, Problem> {
    let found = view.receiver(id).await?;
    found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such receiver."))
}

fn document(app: &App, status: Status) -> Document {
    let (state, connected) = (status.state().as_str(), status.connected(app));
    let receiver = status.receiver;
    let (last_error, last_error_at) = receiver.last_error.unzip();
    Document {
        id: receiver.id,
        spec: receiver.spec,
        created_at: time(receiver.created_at),
        state,
        connected,
        delivered_seq: receiver.cursor,
        settled_seq: receiver.settled,
        backlog: status.backlog,
        lag_seconds: status.lag_seconds,
        delivered_at: receiver.delivered_at.map(time),
        last_error,
        last_error_at: last_error_at.map(time),
    }
}
