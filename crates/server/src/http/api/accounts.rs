//! Accounts: look, add, change, delete, reset; their one-time links and repository tokens.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use countersign_core::account_change::{AccountChange, LinkKind, Reset, Settings};
use countersign_core::email::EmailAddress;
use countersign_core::person::Person;
use countersign_core::{Account, AccountId, AccountKind, AccountName, AccountState, Roles};
use countersign_events::Timestamp;
use countersign_store::{AccountLink, StoreError, View};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, held, id, parse_time, time, tokens};
use crate::flows::account_links::{self, MadeLink};
use crate::flows::settings::Changed;
use crate::flows::{accounts, may_administer};
use crate::session::ApiCaller;
use crate::{App, AppState};

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/accounts", get(list).post(add))
        .route("/api/v1/accounts/{id}", get(show).put(put).delete(remove))
        .route("/api/v1/accounts/{id}/enable", post(enable))
        .route("/api/v1/accounts/{id}/disable", post(disable))
        .route("/api/v1/accounts/{id}/reset", post(reset))
        .route("/api/v1/accounts/{id}/link", post(link))
        .route("/api/v1/accounts/{id}/tokens", get(list_tokens).post(make_token))
        .route("/api/v1/accounts/{id}/tokens/{token}", delete(revoke_token))
}

#[derive(Serialize)]
struct List {
    accounts: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    id: AccountId,
    name: AccountName,
    kind: AccountKind,
    roles: Roles,
    state: AccountState,
    /// From when on it may not act any more.
    expires_at: Option<String>,
    /// Whether a second factor is always asked for.
    mfa: bool,
    /// Where its person is told of requests.
    email: Option<EmailAddress>,
    /// Of a service: who answers for it. None for those from before there were owners.
    owner: Option<AccountId>,
    /// Of a person: who it is, where one has several accounts.
    person: Option<Person>,
    created_at: String,
    /// From when on it may approve, if everything else allows it.
    eligible_at: String,
    /// Whether it may approve now.
    can_approve: bool,
    /// The one-time link that waits to be made or used.
    link: Option<Waiting>,
}

/// A link without its secret.
#[derive(Serialize)]
struct Waiting {
    kind: LinkKind,
    /// Who asked for it, and may have it made while four-eyes authorization is on.
    asked_by: String,
    /// Until when it can be made, anew if need be.
    open_until: String,
    /// Until when the one that was made works; null before.
    expires_at: Option<String>,
}

/// A link, this once.
#[derive(Serialize)]
struct Made {
    kind: LinkKind,
    url: String,
    expires_at: String,
}

/// A change that holds now, and the link that goes with it.
#[derive(Serialize)]
struct Done {
    id: AccountId,
    link: Option<Made>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: AccountName,
    kind: AccountKind,
    #[serde(default)]
    roles: Roles,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    mfa: bool,
    #[serde(default)]
    email: Option<EmailAddress>,
    #[serde(default)]
    owner: Option<AccountId>,
    #[serde(default)]
    person: Option<Person>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    roles: Roles,
    #[serde(deserialize_with = "Option::deserialize")]
    expires_at: Option<String>,
    mfa: bool,
    /// Left out, it stays as it is; null unsets it.
    #[serde(default, deserialize_with = "given")]
    email: Option<Option<EmailAddress>>,
    /// Left as it is when it is not said.
    #[serde(default)]
    owner: Option<AccountId>,
    /// Left as it is when it is not said; null is nobody in particular.
    #[serde(default, deserialize_with = "given")]
    person: Option<Option<Person>>,
}

/// Tells null from what was left out.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    what: Reset,
}

fn end(expires_at: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    expires_at.map(parse_time).transpose()
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let now = app.clock.now();
    let accounts = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let mut documents = Vec::new();
                for account in view.accounts().await? {
                    documents.push(document(view, account, now).await?);
                }
                Ok::<_, StoreError>(documents)
            })
        })
        .await?;
    Ok(Json(List { accounts }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let (account, now) = (id::<AccountId>(&text)?, app.clock.now());
    let document = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let account = found(view, account).await?;
                Ok::<_, Problem>(document(view, account, now).await?)
            })
        })
        .await?;
    Ok(Json(document))
}

async fn found(view: &mut View, id: AccountId) -> Result<Account, Problem> {
    let found = view.account(id).await?;
    found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such account."))
}

async fn document(view: &mut View, account: Account, now: Timestamp) -> Result<Document, StoreError> {
    let link = match account_links::open(view, &account, now).await? {
        Some(link) => Some(waiting(view, link).await?),
        None => None,
    };
    Ok(Document {
        id: account.id,
        can_approve: account.eligible(view.moment(now).ageing).is_ok(),
        name: account.name,
        kind: account.kind,
        roles: account.roles,
        state: account.state,
        expires_at: account.expires_at.map(time),
        mfa: account.mfa,
        email: account.email,
        owner: account.owner,
        person: account.person,
        created_at: time(account.created_at),
        eligible_at: time(account.eligible_at),
        link,
    })
}

async fn waiting(view: &mut View, link: AccountLink) -> Result<Waiting, StoreError> {
    let asked_by = view.account(link.asked_by).await?;
    Ok(Waiting {
        kind: link.kind,
        asked_by: asked_by.map(|account| account.name.to_string()).unwrap_or_default(),
        open_until: time(link.open_until),
        expires_at: link.made.map(|(_, ends)| time(ends)),
    })
}

async fn add(State(app): State<AppState>, caller: ApiCaller, Body(new): Body<New>) -> Result<Response, Problem> {
    let change = AccountChange::Add {
        name: new.name,
        kind: new.kind,
        settings: Settings {
            email: Some(new.email),
            expires_at: end(new.expires_at.as_deref())?,
            mfa: new.mfa,
            owner: new.owner,
            person: Some(new.person),
            roles: new.roles,
        },
    };
    match accounts::change(&app, &caller.actor(), &caller.address, change).await? {
        Changed::AddedAccount(account) => {
            let link = match new.kind {
                AccountKind::Person => Some(made(&app, &caller, account).await?),
                AccountKind::Service => None,
            };
            let href = format!("/api/v1/accounts/{account}");
            let done = Json(Done { id: account, link });
            Ok((StatusCode::CREATED, [(header::LOCATION, href)], done).into_response())
        }
        other => Ok(changed(other)),
    }
}

async fn asked(app: &App, caller: &ApiCaller, change: AccountChange) -> Result<Response, Problem> {
    accounts::change(app, &caller.actor(), &caller.address, change)
        .await
        .map(changed)
        .map_err(Problem::from)
}

async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(given): Body<Given>,
) -> Result<Response, Problem> {
    let settings = Settings {
        email: given.email,
        expires_at: end(given.expires_at.as_deref())?,
        mfa: given.mfa,
        owner: given.owner,
        person: given.person,
        roles: given.roles,
    };
    asked(&app, &caller, AccountChange::Set(id(&text)?, settings)).await
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    asked(&app, &caller, AccountChange::Delete(id(&text)?)).await
}

async fn enable(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    asked(&app, &caller, AccountChange::Enable(id(&text)?, true)).await
}

async fn disable(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    asked(&app, &caller, AccountChange::Enable(id(&text)?, false)).await
}

/// Has credentials set anew. Done at once, it answers with the link for the person.
async fn reset(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(What { what }): Body<What>,
) -> Result<Response, Problem> {
    let account = id(&text)?;
    let change = AccountChange::Reset(account, what);
    match accounts::change(&app, &caller.actor(), &caller.address, change).await? {
        Changed::Requested(request) => Ok(held(request)),
        Changed::Done | Changed::Added(_) | Changed::AddedAccount(_) | Changed::Unchanged => {
            let link = match what.link() {
                Some(_) => Some(made(&app, &caller, account).await?),
                None => None,
            };
            Ok(Json(Done { id: account, link }).into_response())
        }
    }
}

/// Makes the link that waits for this account, and shows it this once.
async fn link(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let made = made(&app, &caller, id(&text)?).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

async fn made(app: &App, caller: &ApiCaller, account: AccountId) -> Result<Made, Problem> {
    let link: MadeLink = account_links::make(app, &caller.actor(), account).await?;
    Ok(Made {
        kind: link.kind,
        url: app.config.public_url.join(&link.path()),
        expires_at: time(link.expires_at),
    })
}

async fn list_tokens(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<tokens::List>, Problem> {
    let account = id::<AccountId>(&text)?;
    if account != caller.account.id {
        may_administer(&caller.account)?;
    }
    app.store.ask(move |view| Box::pin(found(view, account))).await?;
    tokens::of(&app, account).await.map(Json)
}

async fn make_token(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(new): Body<tokens::New>,
) -> Result<Response, Problem> {
    tokens::made(&app, &caller, id(&text)?, new).await
}

async fn revoke_token(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((account, token)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    tokens::end(&app, &caller, id(&account)?, id(&token)?).await
}
