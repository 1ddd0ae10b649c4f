//! Sessions and token chains: one's own, and as a security administrator those of others; listed and ended.

use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use countersign_core::AccountId;
use http::StatusCode;
use serde::Serialize;

use super::super::problem::Problem;
use super::{id, time};
use crate::flows::sessions::{self, Logon, SessionError};
use crate::session::ApiCaller;
use crate::{App, AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/sessions", get(list).delete(end_others))
        .route("/api/v1/sessions/{session}", delete(end))
        .route("/api/v1/accounts/{id}/sessions", get(list_of).delete(end_all_of))
        .route("/api/v1/accounts/{id}/sessions/{session}", delete(end_of))
}

#[derive(Serialize)]
struct List {
    sessions: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    /// The token chain.
    id: String,
    client: String,
    resource: &'static str,
    address: String,
    created_at: String,
    seen_at: String,
    ends_at: String,
    /// Whether the call was made with it.
    current: bool,
}

/// How many ended.
#[derive(Serialize)]
struct Ended {
    ended: usize,
}

async fn list(State(app): State<AppState>, caller: ApiCaller) -> Result<Json<List>, Problem> {
    of(&app, &caller, caller.account.id).await
}

async fn list_of(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<List>, Problem> {
    of(&app, &caller, id(&text)?).await
}

async fn of(app: &App, caller: &ApiCaller, owner: AccountId) -> Result<Json<List>, Problem> {
    sessions::may(&caller.account, owner).map_err(SessionError::from)?;
    let now = app.clock.now();
    let logons = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let account = view.account(owner).await?.ok_or(SessionError::NoAccount)?;
                Ok::<_, SessionError>(sessions::of(view, &account, now).await?)
            })
        })
        .await?;
    let document = |logon: Logon| Document {
        current: logon.chain == caller.chain,
        id: logon.chain,
        client: logon.client,
        resource: logon.resource.id(),
        address: logon.address,
        created_at: time(logon.since),
        seen_at: time(logon.last_seen),
        ends_at: time(logon.ends_at),
    };
    Ok(Json(List {
        sessions: logons.into_iter().map(document).collect(),
    }))
}

async fn end(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(session): Path<String>,
) -> Result<StatusCode, Problem> {
    sessions::end(&app, &caller.account, &caller.address, caller.account.id, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_of(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((account, session)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    sessions::end(&app, &caller.account, &caller.address, id(&account)?, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_others(State(app): State<AppState>, caller: ApiCaller) -> Result<Json<Ended>, Problem> {
    all(&app, &caller, caller.account.id).await
}

async fn end_all_of(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<Ended>, Problem> {
    all(&app, &caller, id(&text)?).await
}

/// The chain of the call itself stays: the answer would be the last thing that it did.
async fn all(app: &App, caller: &ApiCaller, owner: AccountId) -> Result<Json<Ended>, Problem> {
    let except = Some(caller.chain.clone());
    let ended = sessions::end_all(app, &caller.account, &caller.address, owner, except).await?;
    Ok(Json(Ended { ended }))
}
