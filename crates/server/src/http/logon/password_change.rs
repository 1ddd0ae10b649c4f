//! The last page of some logons: a new password, where the old one is due for a change or too short to stand alone.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::AccountName;
use countersign_core::logon::{Answer, Flow, Passed};
use countersign_core::password::{self, Beside};
use countersign_store::{LogonFlow, StoreError};
use http::HeaderMap;
use zeroize::Zeroizing;

use super::first_factor::Which;
use super::flow;
use super::turn::{self, Given, Outcome, field};
use crate::AppState;
use crate::flows::chains::end_all;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{PasswordProblem, Public, SignInMessage, SignInPassword};
use crate::session::same_text;

/// `GET /logon/password`
pub async fn show(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let Some(logon) = flow::find(&app, &address, &headers, &which.flow).await? else {
        return flow::lost(&app, &address, &which.flow).await;
    };
    Ok(match &logon.flow {
        Flow::PasswordChange { passed, .. } => ask(StatusCode::OK, &logon, passed, None, Vec::new()),
        Flow::FirstFactor(_) | Flow::SecondFactor { .. } => {
            Redirect::to(&format!("/logon/code?flow={}", which.flow)).into_response()
        }
    })
}

/// The page, perhaps once more.
pub fn ask(
    status: StatusCode,
    logon: &LogonFlow,
    passed: &Passed,
    message: Option<SignInMessage>,
    problems: Vec<PasswordProblem>,
) -> Response {
    let page = SignInPassword {
        public: Public::new(logon.csrf.clone()),
        action: format!("/logon/password?flow={}", logon.id),
        name: logon.name.clone(),
        minimum: u32::try_from(beside(passed).least()).unwrap_or(u32::MAX),
        alone: passed.factor_at.is_none(),
        message,
        problems,
        start_over: format!("/logon?flow={}", logon.id),
    };
    turn::page(status, logon, &page)
}

const fn beside(passed: &Passed) -> Beside {
    match passed.factor_at {
        Some(_) => Beside::SecondFactor,
        None => Beside::Nothing,
    }
}

/// `POST /logon/password`
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
    let given = Given {
        app: &app,
        address,
        logon,
        typed: None,
    };
    let fields = (field(&body, "csrf"), field(&body, "password"), field(&body, "repeat"));
    let (Some(csrf), Some(password), Some(repeat)) = fields else {
        return given.unreadable().await;
    };
    let passed = match &given.logon.flow {
        Flow::PasswordChange { passed, .. } if same_text(&csrf, &given.logon.csrf) => *passed,
        _ => return given.unreadable().await,
    };
    given
        .new_password(passed, Zeroizing::new(password), Zeroizing::new(repeat))
        .await
}

impl Given<'_> {
    async fn new_password(
        self,
        passed: Passed,
        password: Zeroizing<String>,
        repeat: Zeroizing<String>,
    ) -> Result<Response, Problem> {
        let app = self.app;
        let account = passed.account;
        let kept = app
            .store
            .ask(|view| {
                Box::pin(async move {
                    let name = view.account(account).await?.map(|account| account.name);
                    Ok::<_, StoreError>((name, view.password_of(account).await?))
                })
            })
            .await
            .map_err(|error| Problem::internal(&error))?;
        let (name, old) = kept;
        // An account that is gone has no name to compare with: the transaction says so.
        let name = name.or_else(|| self.logon.name.parse::<AccountName>().ok());
        let mut problems = Vec::new();
        if password != repeat {
            problems.push(PasswordProblem::Different);
        }
        let fit = match name.map(|name| password::choose(&password, &name, beside(&passed))) {
            Some(Ok(fit)) => Some(fit),
            Some(Err(unfit)) => {
                problems.push(unfit.into());
                None
            }
            None => None,
        };
        let stored = old.map(|old| (account, old));
        if problems.is_empty() && matches!(app.hashing.verify(stored, password.clone()).await, Ok(Some(_))) {
            problems.push(PasswordProblem::Same);
        }
        let (Some(fit), true) = (fit, problems.is_empty()) else {
            return Ok(ask(
                StatusCode::UNPROCESSABLE_ENTITY,
                &self.logon,
                &passed,
                None,
                problems,
            ));
        };
        let hashed = app.hashing.hash(password, app.entropy.clone()).await;
        let (mut turn, address) = (self.turn(), self.address.ip);
        let outcome = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    turn.known.account = tx.account(account).await?;
                    let now = turn.now;
                    let Ok(hash) = hashed else {
                        return turn.answer(tx, Answer::Failed, None).await;
                    };
                    let standing = tx.standing(account).await?;
                    let outcome = turn.answer(tx, Answer::NewPassword { fit, standing }, None).await?;
                    if let Outcome::Granted { .. } = outcome {
                        tx.set_password(account, &hash, now).await?;
                        // Whoever knows the old one is out.
                        if let Some(owner) = tx.account(account).await? {
                            end_all(tx, &owner, None, Some(address), now).await?;
                        }
                    }
                    Ok(outcome)
                })
            })
            .await;
        self.respond(outcome)
    }
}
