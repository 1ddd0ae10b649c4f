//! The pages on which a password is chosen: of an invitation, and in the place of a forgotten one.

use axum::response::{IntoResponse, Redirect, Response};
use countersign_core::password::{self, Beside};
use countersign_events::Timestamp;
use countersign_store::{LinkProgress, StoreError};
use zeroize::Zeroizing;

use super::second_factor::fresh_totp;
use super::{Visit, done_page, ended, failed, keep, status, wait};
use crate::flows::account_links::{Set, SetError, set, working};
use crate::listen::ClientAddress;
use crate::pages::{LinkPassword, PasswordProblem, SetUpPassword, SignInMessage, respond};
use crate::second_factor::{CodeRefused, verify_code, verify_recovery_code};
use crate::{App, AppState};

fn minimum() -> u32 {
    u32::try_from(Beside::SecondFactor.least()).unwrap_or(u32::MAX)
}

/// The first page of an invitation, perhaps once more.
pub fn ask_password(visit: &Visit, problems: Vec<PasswordProblem>) -> Response {
    let wrong = !problems.is_empty();
    let page = SetUpPassword {
        public: visit.public(),
        action: visit.at(""),
        name: visit.name(),
        name_is_fixed: true,
        minimum: minimum(),
        problems,
        expires: visit.expires(),
    };
    respond::page(status(wrong), &page)
}

/// An invited person chose a password.
pub async fn choose(
    app: &AppState,
    visit: Visit,
    password: Zeroizing<String>,
    repeat: &Zeroizing<String>,
) -> Result<Response, Response> {
    let problems = problems_of(&visit, &password, repeat);
    if !problems.is_empty() {
        return Ok(ask_password(&visit, problems));
    }
    let hash = app.hashing.hash(password, app.entropy.clone()).await.map_err(failed)?;
    let (_, sealed) = fresh_totp(app, &visit).map_err(IntoResponse::into_response)?;
    let progress = LinkProgress {
        password: Some(hash),
        sealed_totp: Some(sealed),
        proof: None,
    };
    keep(app, &visit, progress).await?;
    Ok(Redirect::to(&visit.at("")).into_response())
}

fn problems_of(visit: &Visit, password: &str, repeat: &str) -> Vec<PasswordProblem> {
    let mut problems = Vec::new();
    if password != repeat {
        problems.push(PasswordProblem::Different);
    }
    if let Err(unfit) = password::check(password, &visit.account().name, Beside::SecondFactor) {
        problems.push(unfit.into());
    }
    problems
}

/// What was typed twice.
pub struct Chosen {
    pub password: Zeroizing<String>,
    pub repeat: Zeroizing<String>,
}

/// What was wrong with the last try.
#[derive(Default)]
pub struct Trouble {
    message: Option<SignInMessage>,
    problems: Vec<PasswordProblem>,
}

/// The page of a link for another password, perhaps once more.
pub async fn ask_password_and_factor(app: &App, visit: &Visit, trouble: Trouble) -> Result<Response, Response> {
    let account = visit.account().id;
    let factors = app
        .store
        .ask(move |view| Box::pin(async move { view.factors_of(account).await }))
        .await
        .map_err(|error: StoreError| failed(error))?;
    let wrong = trouble.message.is_some() || !trouble.problems.is_empty();
    let page = LinkPassword {
        public: visit.public(),
        action: visit.at(""),
        name: visit.name(),
        minimum: minimum(),
        message: trouble.message,
        problems: trouble.problems,
        expires: visit.expires(),
        totp: factors.totp,
        recovery_codes: factors.recovery_codes,
    };
    Ok(respond::page(status(wrong), &page))
}

/// A person showed the second factor and chose another password.
pub async fn replace(
    app: &AppState,
    address: &ClientAddress,
    visit: Visit,
    chosen: Chosen,
    (code, recovery): (String, String),
) -> Result<Response, Response> {
    let problems = problems_of(&visit, &chosen.password, &chosen.repeat);
    // The password first: a code works once, and would be used up for nothing.
    if !problems.is_empty() {
        let trouble = Trouble {
            problems,
            message: None,
        };
        return ask_password_and_factor(app, &visit, trouble).await;
    }
    let hash = app
        .hashing
        .hash(chosen.password, app.entropy.clone())
        .await
        .map_err(failed)?;
    let parts = app.clone();
    let (from, now, link) = (*address, visit.now, visit.hash());
    let outcome = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let Some(working) = working(tx, link, now).await? else {
                    return Err(SetError::Ended);
                };
                let account = working.account;
                let shown = if recovery.trim().is_empty() {
                    let shown = verify_code(tx, &parts.sealing, &account, &code, &from, now).await?;
                    shown.map(drop)
                } else {
                    let shown = verify_recovery_code(tx, &account, &recovery, &from, now).await?;
                    shown.map(drop)
                };
                // A wrong code is recorded although nothing is set.
                if let Err(refused) = shown {
                    return Ok(Err((refused, !recovery.trim().is_empty())));
                }
                let chosen = Set {
                    password: Some(hash),
                    totp: None,
                    from: from.ip,
                };
                let account = set(tx, (&parts.sealing, &*parts.entropy), link, &chosen, now).await?;
                Ok(Ok(account))
            })
        })
        .await;
    app.delivery_changed.notify_one();
    match outcome {
        Ok(Ok(account)) => Ok(done_page(&visit, &account)),
        Ok(Err((refused, recovery))) => {
            let trouble = Trouble {
                message: Some(said(refused, recovery, now)),
                problems: Vec::new(),
            };
            ask_password_and_factor(app, &visit, trouble).await
        }
        Err(SetError::Ended) => Err(ended()),
        Err(error) => Err(failed(error)),
    }
}

fn said(refused: CodeRefused, recovery: bool, now: Timestamp) -> SignInMessage {
    match refused {
        CodeRefused::Throttled(throttled) => wait(throttled, now),
        CodeRefused::Unreadable => SignInMessage::ServerError,
        CodeRefused::Wrong | CodeRefused::AlreadyUsed | CodeRefused::NotEnrolled if recovery => {
            SignInMessage::WrongRecoveryCode
        }
        CodeRefused::AlreadyUsed => SignInMessage::UsedCode,
        CodeRefused::Wrong | CodeRefused::NotEnrolled => SignInMessage::WrongCode,
    }
}
