//! The pages behind a person's one-time link: an invitation, or credentials in the place of lost ones.
//!
//! | the link | first page | then |
//! |---|---|---|
//! | invitation | choose a password | enrol a second factor |
//! | password | show the second factor, choose a password | |
//! | second factor | show the password | enrol a second factor |
//!
//! Nothing is set before everything was shown; then all of it, in one transaction, and the link is used up.

mod password;
mod proof;
mod second_factor;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use countersign_core::account_change::LinkKind;
use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_core::token::hash_of;
use countersign_core::{Account, Role, Sha256};
use countersign_events::Timestamp;
use countersign_store::{LinkProgress, StoreError};
use zeroize::Zeroizing;

use super::same_site::own_forms_only;
use super::{Kind, Problem};
use crate::flows::account_links::{Set, SetError, Working, set, working};
use crate::listen::ClientAddress;
use crate::pages::{Link, LinkDone, Moment, Public, PublicProblemPage, SignInMessage, Span, respond};
use crate::session::{form_fields, same_text};
use crate::{App, AppState};
use password::{Chosen, Trouble, ask_password, ask_password_and_factor, choose, replace};
use proof::{ask_proof, prove};
use second_factor::{ask_code, confirm};

/// The addresses of one-time links.
pub fn router(app: &AppState) -> Router<AppState> {
    Router::new()
        .route("/link/{secret}", get(show).post(answer))
        .route("/link/{secret}/second-factor", post(confirm))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .layer(from_fn_with_state(app.clone(), own_forms_only))
}

/// A link that works, and its secret.
struct Visit {
    secret: String,
    working: Working,
    now: Timestamp,
}

impl Visit {
    fn at(&self, step: &str) -> String {
        format!("/link/{}{step}", self.secret)
    }

    fn hash(&self) -> Sha256 {
        hash_of(&self.secret)
    }

    /// The link's secret is in the address already, so the token of its forms is made of it.
    fn csrf(&self) -> String {
        Sha256::of(format!("form {}", self.secret).as_bytes()).to_hex()
    }

    fn public(&self) -> Public {
        Public::new(self.csrf())
    }

    fn account(&self) -> &Account {
        &self.working.account
    }

    fn name(&self) -> String {
        self.account().name.to_string()
    }

    fn expires(&self) -> Moment {
        Moment::new(self.working.expires_at, self.now)
    }
}

/// The link, if it works. A wrong one is charged to its source, so that nobody tries many.
async fn visit(app: &App, address: &ClientAddress, secret: String) -> Result<Visit, Response> {
    let (hash, now) = (hash_of(&secret), app.clock.now());
    let found = app
        .store
        .ask(move |view| Box::pin(async move { working(view, hash, now).await }))
        .await
        .map_err(failed)?;
    if let Some(working) = found {
        return Ok(Visit { secret, working, now });
    }
    let source = Counter::Source(address.ip);
    let charged = app
        .store
        .write(move |tx| Box::pin(async move { tx.charge(&source, now).await }))
        .await
        .map_err(failed)?;
    Err(match charged {
        Ok(_) => ended(),
        Err(throttled) => {
            let seconds = u32::try_from(throttled.seconds_from(now)).unwrap_or(u32::MAX);
            let problem = Problem::new(Kind::TooMany, "Too many links that do not work were tried from here.");
            problem.retry_after(seconds).into_response()
        }
    })
}

fn ended() -> Response {
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: 410,
        title: "This link has ended".into(),
        text: "It was used, is older than a day, or a newer link took its place.".into(),
        advice: "If you still need one, ask the administrator who gave it to you to make it anew.".into(),
        link: Some(Link {
            href: "/auth/login".into(),
            label: "Sign in".into(),
        }),
    };
    respond::page(StatusCode::GONE, &page)
}

fn failed(error: impl std::fmt::Display) -> Response {
    Problem::internal(&error).into_response()
}

async fn show(
    State(app): State<AppState>,
    address: ClientAddress,
    Path(secret): Path<String>,
) -> Result<Response, Response> {
    let visit = visit(&app, &address, secret).await?;
    let progress = &visit.working.link.progress;
    match (visit.working.link.kind, &progress.sealed_totp) {
        (LinkKind::Invitation, Some(sealed)) => {
            ask_code(&app, &visit, sealed, "", false).map_err(IntoResponse::into_response)
        }
        (LinkKind::Invitation, None) => Ok(ask_password(&visit, Vec::new())),
        (LinkKind::Password, _) => ask_password_and_factor(&app, &visit, Trouble::default()).await,
        // Whoever has only the address has shown nothing yet.
        (LinkKind::SecondFactor, _) => Ok(ask_proof(&visit, None)),
    }
}

async fn answer(
    State(app): State<AppState>,
    address: ClientAddress,
    Path(secret): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let visit = visit(&app, &address, secret).await?;
    let [csrf, password, repeat, code, recovery] =
        form_fields(&body, ["csrf", "password", "repeat", "code", "recovery"]);
    out_of_date(&csrf, &visit).map_err(IntoResponse::into_response)?;
    let (password, repeat) = (Zeroizing::new(password), Zeroizing::new(repeat));
    match visit.working.link.kind {
        LinkKind::Invitation => choose(&app, visit, password, &repeat).await,
        LinkKind::Password => replace(&app, &address, visit, Chosen { password, repeat }, (code, recovery)).await,
        LinkKind::SecondFactor => prove(&app, &address, visit, password).await,
    }
}

fn status(wrong: bool) -> StatusCode {
    if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

async fn keep(app: &App, visit: &Visit, progress: LinkProgress) -> Result<(), Response> {
    let hash = visit.hash();
    let kept = app
        .store
        .write(move |tx| Box::pin(async move { tx.keep_link_progress(hash, &progress).await }))
        .await
        .map_err(|error: StoreError| failed(error))?;
    if kept { Ok(()) } else { Err(ended()) }
}

/// Sets everything and says so. The page is the answer itself: the link's address leads nowhere any more.
async fn finish(app: &AppState, visit: Visit, chosen: Set) -> Result<Response, Response> {
    let (parts, hash, now) = (app.clone(), visit.hash(), visit.now);
    let done = app
        .store
        .write(move |tx| Box::pin(async move { set(tx, (&parts.sealing, &*parts.entropy), hash, &chosen, now).await }))
        .await;
    app.delivery_changed.notify_one();
    match done {
        Ok(account) => Ok(done_page(&visit, &account)),
        Err(SetError::Ended) => Err(ended()),
        Err(error) => Err(failed(error)),
    }
}

fn done_page(visit: &Visit, account: &Account) -> Response {
    let page = LinkDone {
        public: Public::new(String::new()),
        name: account.name.to_string(),
        kind: visit.working.link.kind,
        approves_from: (account.roles.has(Role::SecurityAdministrator) && visit.now < account.eligible_at)
            .then(|| Moment::new(account.eligible_at, visit.now)),
    };
    respond::page(StatusCode::OK, &page)
}

fn wait(throttled: Throttled, now: Timestamp) -> SignInMessage {
    SignInMessage::Throttled {
        retry_after: Span(throttled.seconds_from(now).unsigned_abs()),
    }
}

fn out_of_date(csrf: &str, visit: &Visit) -> Result<(), Problem> {
    if same_text(csrf, &visit.csrf()) {
        Ok(())
    } else {
        Err(Problem::new(
            Kind::Forbidden,
            "This form is out of date. Open the link again.",
        ))
    }
}

#[cfg(test)]
mod tests;
