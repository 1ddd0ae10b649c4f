//! The pages behind a one-time link: name and password, second factor, and the offer to turn four-eyes authorization on.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use countersign_core::factor::TotpSecret;
use countersign_core::password::{self, Beside};
use countersign_core::token::hash_of;
use countersign_core::{Account, AccountName, Actor, Policy, Sha256, Via};
use countersign_events::Timestamp;
use countersign_store::{Founding, FoundingLink, StoreError, View};
use zeroize::Zeroizing;

use super::{Founder, SetupError, add_founder, complete};
use crate::flows::settings::{Change, ChangeError, change};
use crate::http::same_site::own_forms_only;
use crate::http::{Kind, Problem};
use crate::listen::ClientAddress;
use crate::pages::{
    Link, Moment, OtherPerson, PasswordProblem, Public, PublicProblemPage, QrCode, SetUpDone, SetUpPassword,
    SetUpSecondFactor, respond,
};
use crate::seal::Purpose;
use crate::session::{form_fields, same_text};
use crate::{App, AppState};

/// The addresses of the set-up.
pub fn router(app: &AppState) -> Router<AppState> {
    Router::new()
        .route("/setup/{secret}", get(show).post(choose))
        .route("/setup/{secret}/second-factor", post(confirm))
        .route("/setup/{secret}/four-eyes", post(turn_on))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .layer(from_fn_with_state(app.clone(), own_forms_only))
}

/// A link that holds, and whose it is.
struct Visit {
    secret: String,
    link: FoundingLink,
}

impl Visit {
    fn at(&self, step: &str) -> String {
        format!("/setup/{}{step}", self.secret)
    }

    /// The link's secret is in the address already, so the token of its forms is made of it.
    fn csrf(&self) -> String {
        Sha256::of(format!("form {}", self.secret).as_bytes()).to_hex()
    }

    fn public(&self) -> Public {
        Public::new(self.csrf())
    }
}

async fn visit(app: &App, secret: String) -> Result<Visit, Response> {
    let hash = hash_of(&secret);
    let found = app
        .store
        .ask(|view| Box::pin(async move { view.founding_link(hash).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error).into_response())?;
    match found {
        Some(link) if app.clock.now() < link.expires_at => Ok(Visit { secret, link }),
        _ => Err(ended()),
    }
}

fn ended() -> Response {
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: 410,
        title: "This link has ended".into(),
        text: "It was used, is older than an hour, or newer links took its place.".into(),
        advice: "If you are not set up yet, print new links on the server: countersign setup links".into(),
        link: Some(Link {
            href: "/auth/login".into(),
            label: "Sign in".into(),
        }),
    };
    respond::page(StatusCode::GONE, &page)
}

async fn show(State(app): State<AppState>, Path(secret): Path<String>) -> Result<Response, Response> {
    let visit = visit(&app, secret).await?;
    match &visit.link.progress {
        Founding::Unused => Ok(ask_password(&app, &visit, String::new(), Vec::new())),
        Founding::Enrolling { name, sealed_totp, .. } => {
            let sealed = sealed_totp.clone();
            ask_code(&app, &visit, name, &sealed, false).map_err(failed)
        }
        Founding::Done(account) => done(&app, &visit, *account).await.map_err(failed),
    }
}

fn ask_password(app: &App, visit: &Visit, name: String, problems: Vec<PasswordProblem>) -> Response {
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = SetUpPassword {
        public: visit.public(),
        action: visit.at(""),
        name,
        name_is_fixed: false,
        minimum: u32::try_from(Beside::SecondFactor.least()).unwrap_or(u32::MAX),
        problems,
        expires: Moment::new(visit.link.expires_at, app.clock.now()),
    };
    respond::page(status, &page)
}

async fn choose(State(app): State<AppState>, Path(secret): Path<String>, body: Bytes) -> Result<Response, Response> {
    let visit = visit(&app, secret).await?;
    let [csrf, name, password, repeat] = form_fields(&body, ["csrf", "name", "password", "repeat"]);
    out_of_date(&csrf, &visit).map_err(IntoResponse::into_response)?;
    let (password, repeat) = (Zeroizing::new(password), Zeroizing::new(repeat));
    if matches!(visit.link.progress, Founding::Done(_)) {
        return Ok(Redirect::to(&visit.at("")).into_response());
    }
    let typed = name.trim().to_owned();
    let Ok(name) = typed.parse::<AccountName>() else {
        return Ok(ask_password(&app, &visit, typed, vec![PasswordProblem::BadName]));
    };
    let mut problems = Vec::new();
    if taken(&app, &visit, &name).await.map_err(|error| failed(error.into()))? {
        problems.push(PasswordProblem::NameTaken);
    }
    if password != repeat {
        problems.push(PasswordProblem::Different);
    }
    if let Err(unfit) = password::check(&password, &name, Beside::SecondFactor) {
        problems.push(unfit.into());
    }
    if !problems.is_empty() {
        return Ok(ask_password(&app, &visit, typed, problems));
    }
    let hash = app
        .hashing
        .hash(password, app.entropy.clone())
        .await
        .map_err(|error| Problem::internal(&error).into_response())?;
    let totp = TotpSecret::new(&*app.entropy);
    let id = visit.link.id;
    let sealed = app
        .sealing
        .seal(Purpose::FoundingTotp(id), totp.bytes(), &*app.entropy)
        .map_err(|error| failed(error.into()))?;
    let enrolled = app
        .store
        .write(move |tx| Box::pin(async move { tx.enrol_founder(id, &name, &hash, &sealed).await }))
        .await
        .map_err(|error: StoreError| failed(error.into()))?;
    if enrolled {
        Ok(Redirect::to(&visit.at("")).into_response())
    } else {
        Err(ended())
    }
}

/// Whether an account, or the other person who is being set up, has the name.
async fn taken(app: &App, visit: &Visit, name: &AccountName) -> Result<bool, StoreError> {
    let (name, own) = (name.clone(), visit.link.id);
    app.store
        .ask(|view| {
            Box::pin(async move {
                let other = view.founding_links().await?.into_iter().any(|link| {
                    matches!(&link.progress, Founding::Enrolling { name: theirs, .. } if theirs.key() == name.key())
                        && link.id != own
                });
                Ok(other || view.account_named(&name).await?.is_some())
            })
        })
        .await
}

fn ask_code(
    app: &App,
    visit: &Visit,
    name: &AccountName,
    sealed: &[u8],
    wrong_code: bool,
) -> Result<Response, SetupError> {
    let bytes = app.sealing.unseal(Purpose::FoundingTotp(visit.link.id), sealed)?;
    let totp = TotpSecret::from_bytes(bytes.to_vec())?;
    let text = totp.to_base32();
    let Ok(qr) = QrCode::new(&totp.otpauth("Countersign", name.as_str())) else {
        return Err(StoreError::Unreadable("a name that fits into a QR code").into());
    };
    let letters: Vec<char> = text.chars().collect();
    let page = SetUpSecondFactor {
        public: visit.public(),
        action: visit.at("/second-factor"),
        name: name.as_str().to_owned(),
        qr,
        secret_groups: letters.chunks(4).map(|group| group.iter().collect()).collect(),
        wrong_code,
        proof: String::new(),
    };
    let status = if wrong_code {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    Ok(respond::page(status, &page))
}

async fn confirm(State(app): State<AppState>, Path(secret): Path<String>, body: Bytes) -> Result<Response, Response> {
    let visit = visit(&app, secret).await?;
    let [csrf, code] = form_fields(&body, ["csrf", "code"]);
    out_of_date(&csrf, &visit).map_err(IntoResponse::into_response)?;
    let Founding::Enrolling {
        name,
        password,
        sealed_totp,
    } = visit.link.progress.clone()
    else {
        return Ok(Redirect::to(&visit.at("")).into_response());
    };
    let now = app.clock.now();
    let totp = app
        .sealing
        .unseal(Purpose::FoundingTotp(visit.link.id), &sealed_totp)
        .map_err(SetupError::from)
        .and_then(|bytes| Ok(TotpSecret::from_bytes(bytes.to_vec())?))
        .map_err(failed)?;
    let Ok((_, last_step)) = totp.verify(&code, None, now) else {
        return ask_code(&app, &visit, &name, &sealed_totp, true).map_err(failed);
    };
    let founder = Founder {
        name: name.clone(),
        password,
        totp,
        last_step,
    };
    match found(&app, visit.link.id, hash_of(&visit.secret), founder, now).await {
        Ok(true) => Ok(Redirect::to(&visit.at("")).into_response()),
        Ok(false) => Err(ended()),
        Err(SetupError::NameTaken(_)) => Ok(ask_password(
            &app,
            &visit,
            name.as_str().to_owned(),
            vec![PasswordProblem::NameTaken],
        )),
        Err(SetupError::Complete) => Err(ended()),
        Err(error) => Err(failed(error)),
    }
}

/// Makes the account and uses the link up, in one transaction; false when the link ended meanwhile.
async fn found(app: &AppState, id: i64, hash: Sha256, founder: Founder, now: Timestamp) -> Result<bool, SetupError> {
    let parts = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                match tx.founding_link(hash).await? {
                    Some(link) if !matches!(link.progress, Founding::Done(_)) => (),
                    _ => return Ok(false),
                }
                if complete(tx).await? {
                    return Err(SetupError::Complete);
                }
                let account = add_founder(tx, &parts.sealing, &*parts.entropy, &founder, now).await?;
                if tx.use_founding_link(id, account.id).await? {
                    Ok(true)
                } else {
                    Err(SetupError::Complete)
                }
            })
        })
        .await
}

async fn done(app: &App, visit: &Visit, account: countersign_core::AccountId) -> Result<Response, SetupError> {
    let (own, now) = (visit.link.id, app.clock.now());
    let (account, other, policy) = app
        .store
        .ask(|view| {
            Box::pin(async move {
                let account = view.account(account).await?;
                Ok::<_, SetupError>((account, other_person(view, own, now).await?, view.policy().await?))
            })
        })
        .await?;
    let page = SetUpDone {
        public: visit.public(),
        name: account.map(|account| account.name.to_string()).unwrap_or_default(),
        other,
        four_eyes_on: policy.four_eyes,
        turn_on_action: Some(visit.at("/four-eyes")),
    };
    Ok(respond::page(StatusCode::OK, &page))
}

async fn other_person(view: &mut View, own: i64, now: Timestamp) -> Result<OtherPerson, StoreError> {
    let mut others: Vec<_> = view.founding_links().await?;
    others.retain(|link| link.id != own);
    // One who is done counts before any link that is not.
    let done = others.iter().find_map(|link| match link.progress {
        Founding::Done(account) => Some(account),
        _ => None,
    });
    if let Some(account) = done {
        let name = view.account(account).await?.map(|account| account.name.to_string());
        return Ok(OtherPerson::Done {
            name: name.unwrap_or_default(),
        });
    }
    Ok(match others.iter().map(|link| link.expires_at).max() {
        Some(expires) if now < expires => OtherPerson::Waiting {
            expires: Moment::new(expires, now),
        },
        _ => OtherPerson::Expired,
    })
}

async fn turn_on(
    State(app): State<AppState>,
    address: ClientAddress,
    Path(secret): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let visit = visit(&app, secret).await?;
    let [csrf] = form_fields(&body, ["csrf"]);
    out_of_date(&csrf, &visit).map_err(IntoResponse::into_response)?;
    let Founding::Done(id) = visit.link.progress else {
        return Ok(Redirect::to(&visit.at("")).into_response());
    };
    let read = app
        .store
        .ask(|view| Box::pin(async move { Ok::<_, StoreError>((view.account(id).await?, view.policy().await?)) }))
        .await;
    let (account, policy) = match read {
        Ok((Some(account), policy)) => (account, policy),
        Ok((None, _)) => return Err(ended()),
        Err(error) => return Err(failed(error.into())),
    };
    let on = Policy {
        four_eyes: true,
        ..policy
    };
    match change(&app, &actor(&account, &address), Change::Policy(on)).await {
        Ok(_) => Ok(Redirect::to(&visit.at("")).into_response()),
        Err(ChangeError::Vault(error)) => Err(Problem::internal(&error).into_response()),
        Err(error) => Err(Problem::new(Kind::Conflict, error.to_string()).into_response()),
    }
}

fn actor(account: &Account, address: &ClientAddress) -> Actor {
    Actor {
        account: account.id,
        name: account.name.as_str().to_owned(),
        login_type: account.user().login_type,
        via: Via::Session(account.roles),
        address: address.to_string(),
        why: None,
        maker: None,
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

fn failed(error: SetupError) -> Response {
    Problem::internal(&error).into_response()
}
