//! The caller's own repository tokens.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use countersign_core::token::{BadScope, Rights, Scope};
use countersign_core::{AccountId, TokenId};
use countersign_store::Token;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{id, parse_time, time};
use crate::flows::tokens;
use crate::session::ApiCaller;
use crate::{App, AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/tokens", get(list).post(make))
        .route("/api/v1/tokens/{id}", delete(revoke))
}

#[derive(Serialize)]
pub(super) struct List {
    tokens: Vec<Document>,
}

#[derive(Serialize)]
pub(super) struct Document {
    id: TokenId,
    label: String,
    rights: Rights,
    backups: String,
    created_at: String,
    used_at: Option<String>,
    revoked_at: Option<String>,
    /// From when on it does not hold any more.
    expires_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    label: String,
    rights: Rights,
    /// `*`, or a list like `main/laptop,other/*`.
    backups: String,
    /// From when on it does not hold any more, as RFC 3339; none for never.
    #[serde(default)]
    expires_at: Option<String>,
}

#[derive(Serialize)]
struct Made {
    id: TokenId,
    /// Shown this once.
    token: String,
}

async fn list(State(app): State<AppState>, caller: ApiCaller) -> Result<Json<List>, Problem> {
    of(&app, caller.account.id).await.map(Json)
}

/// The tokens of an account.
pub(super) async fn of(app: &App, account: AccountId) -> Result<List, Problem> {
    let tokens = app
        .store
        .ask(move |view| Box::pin(async move { view.tokens_of(account).await }))
        .await?;
    Ok(List {
        tokens: tokens.into_iter().map(document).collect(),
    })
}

async fn make(State(app): State<AppState>, caller: ApiCaller, Body(new): Body<New>) -> Result<Response, Problem> {
    let own = caller.account.id;
    made(&app, &caller, own, new).await
}

/// Makes a token for an account, and shows it this once.
pub(super) async fn made(app: &App, caller: &ApiCaller, owner: AccountId, new: New) -> Result<Response, Problem> {
    let scope: Scope = new
        .backups
        .parse()
        .map_err(|error: BadScope| Problem::new(Kind::Invalid, error.to_string()))?;
    let wanted = tokens::Wanted {
        label: new.label,
        rights: new.rights,
        scope,
        expires_at: new.expires_at.as_deref().map(parse_time).transpose()?,
    };
    let (token, secret) = tokens::make(app, &caller.account, owner, wanted).await?;
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
    let own = caller.account.id;
    end(&app, &caller, own, id(&text)?).await
}

/// Revokes a token of an account.
pub(super) async fn end(
    app: &App,
    caller: &ApiCaller,
    owner: AccountId,
    token: TokenId,
) -> Result<StatusCode, Problem> {
    if tokens::revoke(app, &caller.account, owner, token).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(
            Kind::NotFound,
            "This account has no such token, or it has ended.",
        ))
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
        expires_at: token.expires_at.map(time),
    }
}
