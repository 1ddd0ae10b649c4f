//! `/account/confirm`: asks a person who is logged on for a factor again, before something sensitive. The session gets another cookie.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_core::token::Secret;
use countersign_store::StoreError;
use http::{HeaderValue, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Asked, own_factors, words};
use crate::AppState;
use crate::http::Problem;
use crate::pages::{ConfirmPage, respond};
use crate::passkey::BoundTo;
use crate::session::{Person, PersonForm, SESSION_COOKIE, local_path};
use crate::step_up::{Shown, verify_shown};

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct To {
    to: String,
}

/// What was shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Confirmation {
    to: String,
    code: String,
    passkey: String,
    password: String,
}

/// `GET /account/confirm`.
pub async fn show(Query(To { to }): Query<To>, asked: Asked) -> Result<Response, Problem> {
    page(asked, to, None).await
}

async fn page(asked: Asked, to: String, refused: Option<Refused>) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let status = refused.as_ref().map_or(StatusCode::OK, Refused::status);
    let wait = refused.as_ref().and_then(|refused| refused.wait(&asked));
    let page = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let (chrome, _) = asked.chrome(view, None).await?;
                let factors = view.factors_of(asked.person.account.id).await?;
                Ok::<_, Problem>(ConfirmPage {
                    chrome,
                    to: local_path(&to).to_owned(),
                    totp: factors.totp,
                    passkey: own_factors::ask(&asked, factors),
                    password: !factors.enrolled(),
                    problem: refused.map(|refused| words::sentence(&refused.why)),
                })
            })
        })
        .await?;
    let mut response = respond::page(status, &page);
    if let Some(seconds) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// Why it was not taken.
struct Refused {
    why: String,
    throttled: Option<Throttled>,
}

impl Refused {
    const fn status(&self) -> StatusCode {
        match self.throttled {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn wait(&self, asked: &Asked) -> Option<i64> {
        self.throttled.map(|throttled| throttled.seconds_from(asked.now))
    }
}

/// `POST /account/confirm`.
pub async fn answer(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<Confirmation>,
) -> Result<Response, Problem> {
    let account = person.account.id;
    let enrolled = app
        .store
        .read(move |view| Box::pin(async move { Ok::<_, StoreError>(view.factors_of(account).await?.enrolled()) }))
        .await?;
    let cookie = Secret::new(&*app.entropy);
    let refused = if enrolled {
        factor(&app, &person, &form, &cookie).await?
    } else {
        // Whoever has nothing else shows the password.
        match known_password(&app, &person, Zeroizing::new(form.password.clone())).await? {
            Ok(()) => {
                let (old, new, now) = (person.session, cookie.hash(), app.clock.now());
                app.store
                    .write(move |tx| Box::pin(async move { tx.renew_session(old, new, now).await }))
                    .await
                    .map_err(|error: StoreError| Problem::from(error))?;
                None
            }
            Err(refused) => Some(refused),
        }
    };
    if let Some(refused) = refused {
        return page(Asked::by(app, person), form.to, Some(refused)).await;
    }
    let mut response = Redirect::to(local_path(&form.to)).into_response();
    if let Some(value) = app.cookies().set(SESSION_COOKIE, cookie.reveal(), None) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

async fn factor(
    app: &AppState,
    person: &Person,
    form: &Confirmation,
    cookie: &Secret,
) -> Result<Option<Refused>, Problem> {
    let shown = if form.passkey.is_empty() {
        Shown::Code(form.code.clone())
    } else {
        Shown::Passkey {
            answer: form.passkey.clone(),
            bound_to: BoundTo::Session(person.session),
        }
    };
    let (parts, person, new, now) = (app.clone(), person.clone(), cookie.hash(), app.clock.now());
    let refused = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                match verify_shown(tx, &parts, &person.account, &shown, &person.address, now).await? {
                    Ok(_fresh) => tx.renew_session(person.session, new, now).await.map(|_| None),
                    Err(refused) => Ok(Some(refused)),
                }
            })
        })
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(refused.map(|refused| Refused {
        why: refused.to_string(),
        throttled: refused.throttled(),
    }))
}

/// Compares a password with the reader's own; charged like one at the logon.
async fn known_password(
    app: &AppState,
    person: &Person,
    typed: Zeroizing<String>,
) -> Result<Result<(), Refused>, Problem> {
    Ok(match own_password(app, person, typed).await? {
        OwnPassword::Right => Ok(()),
        OwnPassword::Wrong => Err(Refused {
            why: "the password is wrong".into(),
            throttled: None,
        }),
        OwnPassword::Throttled(throttled) => Err(Refused {
            why: throttled.to_string(),
            throttled: Some(throttled),
        }),
    })
}

/// What became of a password that was asked for again.
pub enum OwnPassword {
    /// It is the reader's.
    Right,
    /// It is not.
    Wrong,
    /// It was not compared.
    Throttled(Throttled),
}

/// Compares a password with the reader's own; charged like one at the logon.
pub async fn own_password(app: &AppState, person: &Person, typed: Zeroizing<String>) -> Result<OwnPassword, Problem> {
    let (account, now) = (person.account.id, app.clock.now());
    let counter = Counter::NameFrom {
        name: person.account.name.to_string(),
        source: person.address.ip,
    };
    let charged = counter.clone();
    let kept = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                match tx.charge(&charged, now).await? {
                    Ok(_) => Ok(Ok(tx.password_of(account).await?)),
                    Err(throttled) => Ok(Err(throttled)),
                }
            })
        })
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    let kept = match kept {
        Ok(kept) => kept.map(|hash| (account, hash)),
        Err(throttled) => return Ok(OwnPassword::Throttled(throttled)),
    };
    let compared = app.hashing.verify(kept, typed).await;
    match compared.map_err(|error| Problem::internal(&error))? {
        None => Ok(OwnPassword::Wrong),
        Some(_) => {
            app.store
                .write(move |tx| Box::pin(async move { tx.forgive(&counter).await }))
                .await
                .map_err(|error: StoreError| Problem::from(error))?;
            Ok(OwnPassword::Right)
        }
    }
}
