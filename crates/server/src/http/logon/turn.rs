//! One answer to a logon: decided and recorded in one transaction, then told.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::logon::throttle::Throttled;
use countersign_core::logon::{Answer, Denial, Denied, Flow, Granted, Step};
use countersign_events::Timestamp;
use countersign_store::{LogonFlow, StoreError, Tx};
use http::{HeaderValue, header};

use super::report::{self, Known};
use super::told::{Told, told};
use super::{first_factor, flow, password_change, second_factor, with_query};
use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Link, Public, PublicProblemPage, respond};
use crate::session::form_pairs;

/// A field that is there exactly once.
pub fn field(body: &[u8], name: &str) -> Option<String> {
    std::str::from_utf8(body).ok()?;
    let mut values = form_pairs(body).into_iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// Who answers, and to which logon.
pub struct Given<'a> {
    /// The server.
    pub app: &'a AppState,
    /// From where.
    pub address: ClientAddress,
    /// The logon as it was found.
    pub logon: LogonFlow,
    /// What was typed as the name with this answer.
    pub typed: Option<String>,
}

/// What a transaction came to.
pub enum Outcome {
    /// The next thing is asked for, or another answer came first: look where the logon is now.
    Asked,
    /// Back to the client.
    Granted {
        /// With the code.
        location: String,
    },
    /// Not granted.
    Denied(Denied, Option<Throttled>),
}

/// One answer in the transaction that decides it.
pub struct Turn {
    app: AppState,
    address: ClientAddress,
    /// The logon as it was found.
    pub logon: LogonFlow,
    /// What a denial will say.
    pub known: Known,
    /// Now.
    pub now: Timestamp,
    /// The name to keep with the logon.
    pub name: String,
}

impl Given<'_> {
    /// The turn of this answer.
    pub fn turn(&self) -> Turn {
        Turn {
            app: self.app.clone(),
            address: self.address,
            logon: self.logon.clone(),
            known: Known {
                typed: self.typed.clone(),
                ..Known::of(&self.address, Some(self.logon.flow.request()))
            },
            now: self.app.clock.now(),
            name: self.typed.clone().unwrap_or_else(|| self.logon.name.clone()),
        }
    }

    /// The form could not be read.
    pub async fn unreadable(self) -> Result<Response, Problem> {
        let mut turn = self.turn();
        turn.name = self.logon.name.clone();
        let outcome = self
            .app
            .store
            .write(move |tx| Box::pin(async move { turn.answer(tx, Answer::Unreadable, None).await }))
            .await;
        self.respond(outcome)
    }

    /// Tells what it came to.
    pub fn respond(self, outcome: Result<Outcome, StoreError>) -> Result<Response, Problem> {
        let id = &self.logon.id;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.turn().known.failed(self.app, &error)),
        };
        match outcome {
            Outcome::Asked => Ok(Redirect::to(&format!("/logon/code?flow={id}")).into_response()),
            Outcome::Granted { location } => {
                let mut response = Redirect::to(&location).into_response();
                flow::clear(self.app, id, &mut response);
                Ok(response)
            }
            Outcome::Denied(denied, throttled) => Ok(self.told(&denied, throttled)),
        }
    }

    fn told(self, denied: &Denied, throttled: Option<Throttled>) -> Response {
        let wait = throttled.map(|throttled| throttled.seconds_from(self.app.clock.now()));
        let mut response = match (told(denied.denial, wait.unwrap_or(1).unsigned_abs()), &denied.again) {
            (Told::Again(status, message), Some(Flow::FirstFactor(_))) => {
                let typed = self.typed.as_deref().unwrap_or(&self.logon.name);
                first_factor::ask(self.app, status, &self.logon, typed, Some(message))
            }
            (Told::Again(status, message), Some(Flow::SecondFactor { .. })) => {
                second_factor::ask(self.app, status, &self.logon, Some(message))
            }
            (Told::Again(status, message), Some(Flow::PasswordChange { passed, .. })) => {
                password_change::ask(status, &self.logon, passed, Some(message), Vec::new())
            }
            (Told::Again(status, _), None) => {
                over(status, ("This sign-in has ended", "It cannot go on.", "Start again."))
            }
            (
                Told::Over {
                    status,
                    title,
                    text,
                    advice,
                },
                _,
            ) => over(status, (title, text, advice)),
        };
        if denied.again.is_none() {
            flow::clear(self.app, &self.logon.id, &mut response);
        }
        if let Some(wait) = wait {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

impl Turn {
    /// Decides by the settings that hold now, and records where it leads.
    pub async fn answer(
        self,
        tx: &mut Tx,
        answer: Answer,
        throttled: Option<Throttled>,
    ) -> Result<Outcome, StoreError> {
        let policy = tx.policy().await?;
        match self.logon.flow.clone().answer(answer, &policy, self.now) {
            Step::Ask(next) => {
                let moved = tx.move_logon_flow(&self.logon, &next, &self.name).await?;
                if moved && matches!(next, Flow::PasswordChange { .. }) {
                    self.known.password_change_required(tx, self.now).await?;
                }
                Ok(Outcome::Asked)
            }
            Step::Granted(granted) => self.grant(tx, granted).await,
            Step::Denied(denied) => {
                let moved = match &denied.again {
                    Some(next) if *next == self.logon.flow => true,
                    Some(next) => tx.move_logon_flow(&self.logon, next, &self.name).await?,
                    None => tx.end_logon_flow(&self.logon).await?,
                };
                if !moved {
                    tracing::debug!("another answer to the same logon came first");
                }
                let floods = matches!(denied.denial, Denial::Throttled | Denial::Unreadable);
                if !floods || self.app.denials.lets(self.address.ip, self.now) {
                    self.known.denied(tx, denied.denial.reason(), self.now).await?;
                }
                Ok(Outcome::Denied(denied, throttled))
            }
        }
    }

    async fn grant(self, tx: &mut Tx, granted: Granted) -> Result<Outcome, StoreError> {
        if !tx.end_logon_flow(&self.logon).await? {
            return Ok(Outcome::Asked);
        }
        report::granted(tx, &granted, &self.address, self.now).await?;
        let name = granted.account().name.as_str();
        tx.note_known_source(name, self.address.ip, self.now).await?;
        let code = granted.code(self.now, &*self.app.entropy);
        tx.add_code(&code, self.now).await?;
        let issuer = self.app.issuer();
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

/// A page of a logon. Browsers hold a form's policy against the redirect that follows it, too: the client's loopback address is
/// let in.
pub fn page<P: askama::Template>(status: StatusCode, logon: &LogonFlow, page: &P) -> Response {
    let mut response = respond::page(status, page);
    if let Some(origin) = logon.flow.request().redirect.foreign_origin() {
        let policy = respond::POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}

fn over(status: StatusCode, (title, text, advice): (&str, &str, &str)) -> Response {
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: status.as_u16(),
        title: title.into(),
        text: text.into(),
        advice: advice.into(),
        link: Some(Link {
            href: "/auth/login".into(),
            label: "Sign in".into(),
        }),
    };
    respond::page(status, &page)
}
