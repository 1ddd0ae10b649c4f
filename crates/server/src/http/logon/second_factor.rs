//! The second page of a logon: a one-time code, or a recovery code in its place.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::Account;
use countersign_core::logon::{Answer, Flow};
use countersign_store::{LogonFlow, StoreError, Tx};
use http::HeaderMap;

use super::first_factor::Which;
use super::turn::{self, Given, Turn, field};
use super::{flow, passkey};
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Public, SignInCode, SignInMessage};
use crate::second_factor::{CodeRefused, verify_code, verify_recovery_code};
use crate::session::same_text;
use crate::{App, AppState};

/// `GET /logon/code`: also where a logon goes on, whatever it waits for.
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
        Flow::SecondFactor { .. } => ask(&app, StatusCode::OK, &logon, None),
        Flow::FirstFactor(_) => Redirect::to(&format!("/logon?flow={}", which.flow)).into_response(),
        Flow::PasswordChange { .. } => Redirect::to(&format!("/logon/password?flow={}", which.flow)).into_response(),
    })
}

/// The page, perhaps once more.
pub fn ask(app: &App, status: StatusCode, logon: &LogonFlow, message: Option<SignInMessage>) -> Response {
    let page = SignInCode {
        public: Public::new(logon.csrf.clone()),
        action: format!("/logon/code?flow={}", logon.id),
        name: logon.name.clone(),
        message,
        start_over: format!("/logon?flow={}", logon.id),
        totp: logon.factors.totp,
        passkey: passkey::ask(app, &logon.id).filter(|_| logon.factors.passkeys > 0),
        recovery_codes: logon.factors.recovery_codes,
    };
    turn::page(status, logon, &page)
}

/// `POST /logon/code`: `code`, or `recovery`.
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
    let typed = match (field(&body, "csrf"), field(&body, "code"), field(&body, "recovery")) {
        (Some(csrf), _, _) if !same_text(&csrf, &given.logon.csrf) => None,
        (Some(_), code, None) => Some(Typed::Code(code.unwrap_or_default())),
        (Some(_), None, Some(code)) => Some(Typed::Recovery(code)),
        _ => None,
    };
    match typed {
        Some(typed) => given.second_factor(typed).await,
        None => given.unreadable().await,
    }
}

enum Typed {
    Code(String),
    Recovery(String),
}

impl Given<'_> {
    async fn second_factor(self, typed: Typed) -> Result<Response, Problem> {
        let (app, address) = (self.app.clone(), self.address);
        let turn = self.turn();
        let outcome = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut turn = turn;
                    let (answer, refused) = compared(tx, &app, &mut turn, &typed, &address).await?;
                    let throttled = match refused {
                        Some(CodeRefused::Throttled(throttled)) => Some(throttled),
                        _ => None,
                    };
                    turn.answer(tx, answer, throttled).await
                })
            })
            .await;
        self.respond(outcome)
    }
}

async fn compared(
    tx: &mut Tx,
    app: &App,
    turn: &mut Turn,
    typed: &Typed,
    address: &ClientAddress,
) -> Result<(Answer, Option<CodeRefused>), StoreError> {
    let account: Option<Account> = match &turn.logon.flow {
        Flow::SecondFactor { passed, .. } => tx.account(passed.account).await?,
        Flow::FirstFactor(_) | Flow::PasswordChange { .. } => None,
    };
    turn.known.account = account.clone();
    let (Typed::Code(text) | Typed::Recovery(text)) = typed;
    if text.trim().is_empty() {
        return Ok((Answer::NoFactor, None));
    }
    let Some(account) = account else {
        return Ok((Answer::WrongCode, None));
    };
    let now = turn.now;
    let (refused, wrong) = match typed {
        Typed::Code(code) => match verify_code(tx, &app.sealing, &account, code, address, now).await? {
            Ok(fresh) => {
                let standing = tx.standing(account.id).await?;
                return Ok((Answer::Code { fresh, standing }, None));
            }
            Err(refused) => (refused, Answer::WrongCode),
        },
        Typed::Recovery(code) => match verify_recovery_code(tx, &account, code, address, now).await? {
            Ok(shown) => {
                let standing = tx.standing(account.id).await?;
                return Ok((Answer::RecoveryCode { shown, standing }, None));
            }
            Err(refused) => (refused, Answer::WrongRecoveryCode),
        },
    };
    let answer = match (refused, typed) {
        (CodeRefused::AlreadyUsed, Typed::Code(_)) => Answer::UsedCode,
        (CodeRefused::Wrong | CodeRefused::AlreadyUsed, _) => wrong,
        (CodeRefused::Throttled(_), _) => Answer::Throttled,
        (CodeRefused::NotEnrolled, _) => Answer::NoFactor,
        (CodeRefused::Unreadable, _) => Answer::Failed,
    };
    Ok((answer, Some(refused)))
}
