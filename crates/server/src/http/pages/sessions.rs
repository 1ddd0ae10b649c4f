//! `/account/sessions`: what is logged on as the reader; and the same of others, for their account's page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::{Account, AccountId};
use countersign_store::{StoreError, View};
use serde::Deserialize;

use super::Asked;
use super::notice::Notice;
use crate::AppState;
use crate::flows::sessions;
use crate::http::Problem;
use crate::pages::{SessionRow, SessionsPage, respond};
use crate::session::{Person, PersonForm};

/// `GET /account/sessions`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let (chrome, _) = asked.chrome(view, None).await?;
                let account = asked.person.account.clone();
                let rows = rows(view, &asked, &account).await?.unwrap_or_default();
                Ok::<_, Problem>(SessionsPage { chrome, rows })
            })
        })
        .await?;
    Ok(respond::page(StatusCode::OK, &page))
}

/// What is logged on as an account; none when the reader may not see it.
pub async fn rows(view: &mut View, asked: &Asked, account: &Account) -> Result<Option<Vec<SessionRow>>, StoreError> {
    if sessions::may(&asked.person.account, account.id).is_err() {
        return Ok(None);
    }
    let own = view.session(asked.person.session).await?;
    let own = own.map(|(session, _)| session.chain);
    let logons = sessions::of(view, account, asked.now).await?;
    let row = |logon: sessions::Logon| SessionRow {
        current: own.as_ref() == Some(&logon.chain),
        chain: logon.chain,
        client: logon.client,
        address: logon.address,
        since: asked.moment(logon.since),
        last_seen: asked.moment(logon.last_seen),
    };
    Ok(Some(logons.into_iter().map(row).collect()))
}

/// What is to end: one chain, or all others where there is none.
#[derive(Debug, Deserialize)]
pub struct TypedEnd {
    #[serde(default)]
    chain: String,
}

/// `POST /account/sessions/end`.
pub async fn end_own(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedEnd>,
) -> Result<Response, Problem> {
    let own = person.account.id;
    if end(&app, &person, own, &form).await? {
        return Ok(Redirect::to("/").into_response());
    }
    Ok(Notice::Ended.at("/account/sessions"))
}

/// Ends what the form names; whether that was the very session it was sent from.
pub async fn end(app: &AppState, person: &Person, owner: AccountId, form: &TypedEnd) -> Result<bool, Problem> {
    let cookie = person.session;
    let own = app
        .store
        .ask(|view| Box::pin(async move { view.session(cookie).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    let own = own.map(|(session, _)| session.chain);
    if form.chain.is_empty() {
        sessions::end_all(app, &person.account, &person.address, owner, own).await?;
        return Ok(false);
    }
    sessions::end(app, &person.account, &person.address, owner, &form.chain).await?;
    Ok(own.as_ref() == Some(&form.chain))
}
