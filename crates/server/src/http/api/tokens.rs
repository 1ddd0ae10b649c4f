//! The caller's own repository tokens.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use countersign_core::TokenId;
use countersign_core::token::{BadScope, Rights, Scope};
use countersign_store::Token;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{id, time};
use crate::AppState;
use crate::flows::tokens;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/tokens", get(list).post(make))
        .route("/api/v1/tokens/{id}", delete(revoke))
}

#[derive(Serialize)]
struct List {
    tokens: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    id: TokenId,
    label: String,
    rights: Rights,
    backups: String,
    created_at: String,
    used_at: Option<String>,
    revoked_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    label: String,
    rights: Rights,
    /// `*`, or a list like `main/laptop,main/server`.
    backups: String,
}

#[derive(Serialize)]
struct Made {
    id: TokenId,
    /// Shown this once.
    token: String,
}

async fn list(State(app): State<AppState>, caller: ApiCaller) -> Result<Json<List>, Problem> {
    let account = caller.account.id;
    let tokens = app
        .store
        .ask(move |view| Box::pin(async move { view.tokens_of(account).await }))
        .await?;
    Ok(Json(List {
        tokens: tokens.into_iter().map(document).collect(),
    }))
}

async fn make(State(app): State<AppState>, caller: ApiCaller, Body(new): Body<New>) -> Result<Response, Problem> {
    let scope: Scope = new
        .backups
        .parse()
        .map_err(|error: BadScope| Problem::new(Kind::Invalid, error.to_string()))?;
    let (token, secret) = tokens::make(&app, &caller.account, &new.label, new.rights, scope).await?;
    let made = Made {
        id: token,
        token: secret.reveal().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

async fn revoke(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    if tokens::revoke(&app, &caller.account, id(&text)?).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(Kind::NotFound, "You have no such token, or it has ended."))
    }
}

fn document(token: Token) -> Document {
    Document {
        id: token.id,
        label: token.label,
        rights: token.rights,
        backups: token.scope.to_string(),
        created_at: time(token.created_at),
        used_at: token.used_at.map(time),
        revoked_at: token.revoked_at.map(time),
    }
}
