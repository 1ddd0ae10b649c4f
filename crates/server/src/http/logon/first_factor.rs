//! The first page of a logon: name and password.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::logon::Answer;
use countersign_core::logon::throttle::{Charged, Throttled};
use countersign_core::password::{HashingFailed, PasswordHash};
use countersign_core::{Account, AccountName};
use countersign_events::Timestamp;
use countersign_store::{LogonFlow, StoreError, Tx};
use http::HeaderMap;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::elsewhere;
use super::turn::{self, Given, field};
use super::{flow, passkey};
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Public, SignIn, SignInMessage};
use crate::session::same_text;
use crate::{App, AppState};

/// Which logon, in the address of its pages.
#[derive(Debug, Deserialize)]
pub struct Which {
    /// Its id.
    #[serde(default)]
    pub flow: String,
}

/// `GET /logon`
pub async fn show(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    if which.flow.is_empty() {
        return Ok(Redirect::to("/auth/login").into_response());
    }
    match flow::find(&app, &address, &headers, &which.flow).await? {
        Some(logon) => Ok(ask(&app, StatusCode::OK, &logon, &logon.name, None)),
        None => flow::lost(&app, &address, &which.flow).await,
    }
}

/// The page, perhaps once more.
pub fn ask(app: &App, status: StatusCode, logon: &LogonFlow, name: &str, message: Option<SignInMessage>) -> Response {
    let page = SignIn {
        public: Public::new(logon.csrf.clone()),
        action: format!("/logon?flow={}", logon.id),
        name: name.chars().take(64).collect(),
        message,
        passkey: passkey::ask(app, &logon.id),
        others: elsewhere::offered(&logon.id),
    };
    turn::page(status, logon, &page)
}

/// `POST /logon`
pub async fn answer(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Some(logon) = flow::find(&app, &address, &headers, &which.flow).await? else {
        return flow::lost(&app, &address, &which.flow).await;
    };
    let mut given = Given {
        app: &app,
        address,
        logon,
        typed: None,
    };
    let fields = (field(&body, "csrf"), field(&body, "name"), field(&body, "password"));
    let (Some(csrf), Some(name), Some(password)) = fields else {
        return given.unreadable().await;
    };
    if !same_text(&csrf, &given.logon.csrf) {
        return given.unreadable().await;
    }
    given.typed = Some(name.trim().to_owned());
    given.name_and_password(Zeroizing::new(password)).await
}

impl Given<'_> {
    async fn name_and_password(self, password: Zeroizing<String>) -> Result<Response, Problem> {
        let app = self.app;
        let name = self.typed.clone().unwrap_or_default();
        let source = self.address.ip;
        let now = app.clock.now();

        // First charged, then compared: many tries at once cannot slip through.
        let mut turn = self.turn();
        turn.name = self.logon.name.clone();
        let typed = name.clone();
        let parsed: Option<AccountName> = name.parse().ok();
        let looked_up = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let kept = match &parsed {
                        Some(name) => kept_of(tx, name).await?,
                        None => None,
                    };
                    let known = tx.is_known_source(&typed, source, now).await?;
                    let charged = Charged::of(&typed, source, known);
                    let Some(throttled) = charge(tx, &charged, now).await? else {
                        return Ok(Ok((kept, charged)));
                    };
                    turn.known.account = kept.map(|kept| kept.account);
                    turn.answer(tx, Answer::Throttled, Some(throttled)).await.map(Err)
                })
            })
            .await;
        let (kept, charged) = match looked_up {
            Ok(Ok(looked_up)) => looked_up,
            Ok(Err(outcome)) => return self.respond(Ok(outcome)),
            Err(error) => return self.respond(Err(error)),
        };

        let stored = kept
            .as_ref()
            .map(|kept| kept.account.id)
            .zip(kept.as_ref().and_then(|kept| kept.hash.clone()));
        let compared = app.hashing.verify(stored, password.clone()).await;
        let rehashed = match &compared {
            Ok(Some(known)) if known.outdated() => app.hashing.hash(password, app.entropy.clone()).await.ok(),
            _ => None,
        };

        let mut turn = self.turn();
        turn.known.account = kept.as_ref().map(|kept| kept.account.clone());
        let outcome = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let answer = match (compared, kept) {
                        (Err(HashingFailed), _) => {
                            // It was not compared, so it tells nothing about who tried.
                            tx.take_back(&charged.name).await?;
                            take_back(tx, &charged).await?;
                            Answer::Failed
                        }
                        (Ok(Some(known)), Some(kept)) => {
                            tx.forgive(&charged.name).await?;
                            take_back(tx, &charged).await?;
                            if let (Some(old), Some(new)) = (&kept.hash, &rehashed) {
                                tx.rehash_password(kept.account.id, old, new).await?;
                            }
                            // As it is now, not as it was before the slow comparison.
                            match tx.standing(kept.account.id).await? {
                                Some(standing) => Answer::Password { known, standing },
                                None => Answer::WrongPassword,
                            }
                        }
                        (Ok(_), _) => Answer::WrongPassword,
                    };
                    turn.answer(tx, answer, None).await
                })
            })
            .await;
        self.respond(outcome)
    }
}

/// Charges a try; how long it has to wait, if it has to.
async fn charge(tx: &mut Tx, charged: &Charged, now: Timestamp) -> Result<Option<Throttled>, StoreError> {
    // Both are charged, whatever the other says, so that a wait for one is no way round the other.
    let (name, source) = (
        tx.charge(&charged.name, now).await?,
        tx.charge(&charged.source, now).await?,
    );
    if let Some(throttled) = name.err().or(source.err()) {
        return Ok(Some(throttled));
    }
    // Only what would be looked at takes from what all share.
    let Some(shared) = &charged.shared else { return Ok(None) };
    let throttled = tx.charge(shared, now).await?.err();
    if throttled.is_some() {
        // It is not this source's fault.
        tx.take_back(&charged.name).await?;
    }
    Ok(throttled)
}

/// Takes a try back from what others share.
async fn take_back(tx: &mut Tx, charged: &Charged) -> Result<(), StoreError> {
    tx.take_back(&charged.source).await?;
    match &charged.shared {
        Some(shared) => tx.take_back(shared).await,
        None => Ok(()),
    }
}

/// What is kept of a name.
struct Kept {
    account: Account,
    hash: Option<PasswordHash>,
}

async fn kept_of(tx: &mut Tx, name: &AccountName) -> Result<Option<Kept>, StoreError> {
    let Some(account) = tx.account_named(name).await? else {
        return Ok(None);
    };
    let hash = tx.password_of(account.id).await?;
    Ok(Some(Kept { account, hash }))
}
