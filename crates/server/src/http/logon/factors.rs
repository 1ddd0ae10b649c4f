//! The two pages of a logon: name and password, then the one-time code.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_core::logon::{Answer, Denied, Flow, Granted, Step};
use countersign_core::password::{HashingFailed, PasswordHash};
use countersign_core::{Account, AccountName};
use countersign_events::{Reason, Timestamp};
use countersign_store::{LogonFlow, StoreError, Tx};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::authorize::public;
use super::report::{self, Known};
use super::{flow, with_query};
use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Link, PublicProblemPage, SignIn, SignInCode, SignInMessage, Span, respond};
use crate::second_factor::{CodeRefused, verify_code};
use crate::session::{form_pairs, same_text};

/// Which logon, in the address of its pages.
#[derive(Debug, Deserialize)]
pub struct Which {
    #[serde(default)]
    flow: String,
}

/// `GET /logon`
pub async fn name_page(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    if which.flow.is_empty() {
        return Ok(Redirect::to("/auth/login").into_response());
    }
    match flow::find(&app, &headers, &which.flow).await? {
        Some(logon) => Ok(ask_name(StatusCode::OK, &logon, &logon.name, None)),
        None => flow::lost(&app, &address, &which.flow).await,
    }
}

/// `GET /logon/code`
pub async fn code_page(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    match flow::find(&app, &headers, &which.flow).await? {
        Some(logon) if matches!(logon.flow, Flow::SecondFactor { .. }) => Ok(ask_code(StatusCode::OK, &logon, None)),
        Some(_) => Ok(Redirect::to(&format!("/logon?flow={}", which.flow)).into_response()),
        None => flow::lost(&app, &address, &which.flow).await,
    }
}

/// `POST /logon`
pub async fn name_and_password(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Some(logon) = flow::find(&app, &headers, &which.flow).await? else {
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
    given.first_factor(Zeroizing::new(password)).await
}

/// `POST /logon/code`
pub async fn code(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Some(logon) = flow::find(&app, &headers, &which.flow).await? else {
        return flow::lost(&app, &address, &which.flow).await;
    };
    let given = Given {
        app: &app,
        address,
        logon,
        typed: None,
    };
    match (field(&body, "csrf"), field(&body, "code")) {
        (Some(csrf), code) if same_text(&csrf, &given.logon.csrf) => {
            given.second_factor(code.unwrap_or_default()).await
        }
        _ => given.unreadable().await,
    }
}

/// A field that is there exactly once.
fn field(body: &[u8], name: &str) -> Option<String> {
    std::str::from_utf8(body).ok()?;
    let mut values = form_pairs(body).into_iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// An answer that somebody gave to a logon.
struct Given<'a> {
    app: &'a AppState,
    address: ClientAddress,
    logon: LogonFlow,
    typed: Option<String>,
}

/// What a transaction came to.
enum Outcome {
    Asked,
    Granted {
        location: String,
    },
    Denied(Denied, Option<Throttled>, Option<CodeRefused>),
    /// Another answer came first: look where the logon is now.
    Overtaken,
}

impl Given<'_> {
    async fn unreadable(self) -> Result<Response, Problem> {
        let (logon, known, now) = (self.logon.clone(), self.known(), self.app.clock.now());
        let outcome = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let step = logon.flow.clone().answer(Answer::Unreadable);
                    let name = logon.name.clone();
                    Turn {
                        logon,
                        known,
                        now,
                        name,
                    }
                    .take(tx, step, None, None)
                    .await
                })
            })
            .await;
        self.respond(outcome)
    }

    async fn first_factor(self, password: Zeroizing<String>) -> Result<Response, Problem> {
        let app = self.app;
        let name = self.typed.clone().unwrap_or_default();
        let of_name = Counter::NameFrom {
            name: name.clone(),
            source: self.address.ip,
        };
        let of_source = Counter::Source(self.address.ip);
        let now = app.clock.now();

        // First charged, then compared: many tries at once cannot slip through.
        let (logon, mut known) = (self.logon.clone(), self.known());
        let (first, second) = (of_name.clone(), of_source.clone());
        let parsed: Option<AccountName> = name.parse().ok();
        let looked_up = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let kept = match &parsed {
                        Some(name) => kept_of(tx, name).await?,
                        None => None,
                    };
                    // Both are charged, whatever the other says, so that a wait for one is no way round the other.
                    let (one, two) = (tx.charge(&first, now).await?, tx.charge(&second, now).await?);
                    let Some(throttled) = one.err().or(two.err()) else {
                        return Ok(Ok(kept));
                    };
                    known.account = kept.map(|kept| kept.account);
                    let step = logon.flow.clone().answer(Answer::Throttled);
                    let name = logon.name.clone();
                    let turn = Turn {
                        logon,
                        known,
                        now,
                        name,
                    };
                    turn.take(tx, step, Some(throttled), None).await.map(Err)
                })
            })
            .await;
        let kept = match looked_up {
            Ok(Ok(kept)) => kept,
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

        let (logon, mut known, now) = (self.logon.clone(), self.known(), app.clock.now());
        known.account = kept.as_ref().map(|kept| kept.account.clone());
        let outcome = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let answer = match (compared, kept) {
                        (Err(HashingFailed), _) => Answer::Failed,
                        (Ok(Some(proof)), Some(kept)) => {
                            tx.forgive(&of_name).await?;
                            tx.take_back(&of_source).await?;
                            if let (Some(old), Some(new)) = (&kept.hash, &rehashed) {
                                tx.rehash_password(kept.account.id, old, new).await?;
                            }
                            // As it is now, not as it was before the slow comparison.
                            match tx.account(kept.account.id).await? {
                                Some(account) => Answer::Password {
                                    known: proof,
                                    enrolled: tx.totp_of(account.id).await?.is_some(),
                                    account,
                                },
                                None => Answer::WrongPassword,
                            }
                        }
                        (Ok(_), _) => Answer::WrongPassword,
                    };
                    let step = logon.flow.clone().answer(answer);
                    Turn {
                        logon,
                        known,
                        now,
                        name,
                    }
                    .take(tx, step, None, None)
                    .await
                })
            })
            .await;
        self.respond(outcome)
    }

    async fn second_factor(self, code: String) -> Result<Response, Problem> {
        let (app, address) = (self.app.clone(), self.address);
        let (logon, mut known, now) = (self.logon.clone(), self.known(), app.clock.now());
        let outcome = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let account = match &logon.flow {
                        Flow::SecondFactor { account, .. } => tx.account(*account).await?,
                        Flow::FirstFactor(_) => None,
                    };
                    known.account = account.clone();
                    let mut refused = None;
                    let answer = match account {
                        _ if code.trim().is_empty() => Answer::NoCode,
                        None => Answer::WrongCode,
                        Some(account) => match verify_code(tx, &app.sealing, &account, &code, &address, now).await? {
                            Ok(fresh) => Answer::Code {
                                fresh,
                                account: Some(account),
                            },
                            Err(refusal) => {
                                refused = Some(refusal);
                                match refusal {
                                    CodeRefused::Wrong | CodeRefused::AlreadyUsed => Answer::WrongCode,
                                    CodeRefused::Throttled(_) => Answer::Throttled,
                                    CodeRefused::NotEnrolled => Answer::NoCode,
                                    CodeRefused::Unreadable => Answer::Failed,
                                }
                            }
                        },
                    };
                    let throttled = match refused {
                        Some(CodeRefused::Throttled(throttled)) => Some(throttled),
                        _ => None,
                    };
                    let step = logon.flow.clone().answer(answer);
                    let name = logon.name.clone();
                    let turn = Turn {
                        logon,
                        known,
                        now,
                        name,
                    };
                    match step {
                        Step::Granted(granted) => turn.grant(tx, granted, &app, &address).await,
                        step => turn.take(tx, step, throttled, refused).await,
                    }
                })
            })
            .await;
        self.respond(outcome)
    }

    fn known(&self) -> Known {
        Known {
            typed: self.typed.clone(),
            ..Known::of(&self.address, Some(self.logon.flow.request()))
        }
    }

    fn respond(self, outcome: Result<Outcome, StoreError>) -> Result<Response, Problem> {
        let id = &self.logon.id;
        match outcome.map_err(|error| Problem::internal(&error))? {
            Outcome::Asked | Outcome::Overtaken => Ok(Redirect::to(&format!("/logon/code?flow={id}")).into_response()),
            Outcome::Granted { location } => {
                let mut response = Redirect::to(&location).into_response();
                flow::clear(self.app, id, &mut response);
                Ok(response)
            }
            Outcome::Denied(denied, throttled, refused) => Ok(self.told(denied, throttled, refused)),
        }
    }

    fn told(self, denied: Denied, throttled: Option<Throttled>, refused: Option<CodeRefused>) -> Response {
        let wait = throttled.map(|throttled| throttled.seconds_from(self.app.clock.now()));
        let (status, message) = match denied.reason {
            Reason::TooManyInvalidRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                Some(SignInMessage::Throttled {
                    retry_after: Span(wait.unwrap_or(1).unsigned_abs()),
                }),
            ),
            Reason::Unauthenticated => (
                StatusCode::FORBIDDEN,
                Some(match (&denied.again, refused) {
                    (Some(Flow::SecondFactor { .. }), Some(CodeRefused::AlreadyUsed)) => SignInMessage::UsedCode,
                    (Some(Flow::SecondFactor { .. }), _) => SignInMessage::WrongCode,
                    _ => SignInMessage::WrongCredentials,
                }),
            ),
            Reason::MfaRequired => (
                StatusCode::FORBIDDEN,
                Some(match denied.again {
                    Some(_) => SignInMessage::WrongCode,
                    None => SignInMessage::NotAllowed,
                }),
            ),
            Reason::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, Some(SignInMessage::ServerError)),
            Reason::MalformedRequest => (StatusCode::BAD_REQUEST, Some(SignInMessage::FlowLost)),
            _ => (StatusCode::FORBIDDEN, Some(SignInMessage::SessionEnded)),
        };
        let mut response = match &denied.again {
            Some(Flow::FirstFactor(_)) => {
                let typed = self.typed.as_deref().unwrap_or(&self.logon.name);
                ask_name(status, &self.logon, typed, message)
            }
            Some(Flow::SecondFactor { .. }) => ask_code(status, &self.logon, message),
            None => over(self.app, &self.logon.id, status, denied.reason),
        };
        if let Some(wait) = wait {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
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

/// One step of a logon, to be taken in a transaction.
struct Turn {
    logon: LogonFlow,
    known: Known,
    now: Timestamp,
    name: String,
}

impl Turn {
    /// Takes a step that does not grant, and reports a denial.
    async fn take(
        self,
        tx: &mut Tx,
        step: Step,
        throttled: Option<Throttled>,
        refused: Option<CodeRefused>,
    ) -> Result<Outcome, StoreError> {
        match step {
            Step::Ask(next) => {
                if tx.move_logon_flow(&self.logon, &next, &self.name).await? {
                    Ok(Outcome::Asked)
                } else {
                    Ok(Outcome::Overtaken)
                }
            }
            Step::Denied(denied) => {
                let moved = match &denied.again {
                    Some(next) if *next == self.logon.flow => true,
                    Some(next) => tx.move_logon_flow(&self.logon, next, &self.name).await?,
                    None => tx.end_logon_flow(&self.logon).await?,
                };
                if !moved {
                    tracing::debug!("another answer to the same logon came first");
                }
                self.known.denied(tx, denied.reason, self.now).await?;
                Ok(Outcome::Denied(denied, throttled, refused))
            }
            // Only `grant` has what a grant needs.
            Step::Granted(_) => Err(StoreError::Unreadable("the state of a logon")),
        }
    }

    async fn grant(
        self,
        tx: &mut Tx,
        granted: Granted,
        app: &AppState,
        address: &ClientAddress,
    ) -> Result<Outcome, StoreError> {
        if !tx.end_logon_flow(&self.logon).await? {
            return Ok(Outcome::Overtaken);
        }
        report::granted(tx, &granted, address, self.now).await?;
        let code = granted.code(self.now, &*app.entropy);
        tx.add_code(&code, self.now).await?;
        let issuer = app.issuer();
        let mut pairs = vec![("code", code.reveal())];
        if let Some(state) = &code.request().state {
            pairs.push(("state", state));
        }
        pairs.push(("iss", &issuer));
        Ok(Outcome::Granted {
            location: with_query(code.request().redirect.as_str(), &pairs),
        })
    }
}

fn ask_name(status: StatusCode, logon: &LogonFlow, name: &str, message: Option<SignInMessage>) -> Response {
    let page = SignIn {
        public: public(logon.csrf.clone()),
        action: format!("/logon?flow={}", logon.id),
        name: name.chars().take(64).collect(),
        message,
    };
    respond::page(status, &page)
}

fn ask_code(status: StatusCode, logon: &LogonFlow, message: Option<SignInMessage>) -> Response {
    let page = SignInCode {
        public: public(logon.csrf.clone()),
        action: format!("/logon/code?flow={}", logon.id),
        name: logon.name.clone(),
        message,
        start_over: format!("/logon?flow={}", logon.id),
    };
    let mut response = respond::page(status, &page);
    // Browsers hold a form's policy against the redirect that follows it, too: the client's loopback address is let in.
    if let Some(origin) = logon.flow.request().redirect.foreign_origin() {
        let policy = respond::POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}

fn over(app: &AppState, id: &str, status: StatusCode, reason: Reason) -> Response {
    let (title, text, advice) = if reason == Reason::MfaRequired {
        (
            "A second factor is required",
            "The password is right, but this account has no second factor yet.",
            "Ask an administrator to have one enrolled.",
        )
    } else {
        (
            "This sign-in has ended",
            "The account has changed since the password was entered.",
            "Start again.",
        )
    };
    let page = PublicProblemPage {
        public: public(String::new()),
        status: status.as_u16(),
        title: title.into(),
        text: text.into(),
        advice: advice.into(),
        link: Some(Link {
            href: "/auth/login".into(),
            label: "Sign in".into(),
        }),
    };
    let mut response = respond::page(status, &page);
    flow::clear(app, id, &mut response);
    response
}
