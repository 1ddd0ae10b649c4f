//! `/account/security`: the reader's own password, passkeys, authenticator app and recovery codes.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::factor::TotpSecret;
use countersign_core::passkey::{Registration, creation_options};
use countersign_core::password;
use countersign_core::recovery::RecoveryCode;
use countersign_core::{Account, Role};
use countersign_store::{StoreError, View};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::asked::part;
use super::confirm::{OwnPassword, own_password};
use super::notice::Notice;
use super::own_factors::not_here;
use super::tokens::Nothing;
use super::{Asked, words};
use crate::AppState;
use crate::flows::own_factors::{self, FactorChange, OwnError};
use crate::http::{Kind, Problem};
use crate::pages::{EnrolTotpPage, PasskeyRow, PasswordForm, PasswordProblem, QrCode, SecurityPage, respond};
use crate::passkey::{BoundTo, PasskeyRefused};
use crate::seal::Purpose;
use crate::session::{Person, PersonForm};

/// How long ago a factor may have been shown for a change here, in minutes.
pub const FRESH_MINUTES: i64 = 5;
/// Where a change leads back to.
pub const PATH: &str = "/account/security";

/// How long a new authenticator app may take to be confirmed, in seconds.
const ENROLMENT_SECONDS: i64 = 600;

/// The longest label of a passkey, in characters.
const LONGEST_LABEL: usize = 64;

/// What the page says besides what there is.
#[derive(Default)]
struct Said {
    problem: Option<String>,
    password: Vec<PasswordProblem>,
    wrong_password: bool,
    fresh_codes: Vec<String>,
}

/// `GET /account/security`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    page(asked, StatusCode::OK, Said::default()).await
}

async fn page(asked: Asked, status: StatusCode, said: Said) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, said))).await?;
    Ok(respond::page(status, &page))
}

async fn fill(view: &mut View, asked: Asked, said: Said) -> Result<SecurityPage, Problem> {
    let (chrome, policy) = asked.chrome(view, None).await?;
    let id = asked.person.account.id;
    let standing = view
        .standing(id)
        .await?
        .ok_or_else(|| Problem::from(StoreError::Unreadable("the account of a session")))?;
    let account = &standing.account;
    let passkeys = view.passkeys_of(id).await?;
    let approves = account.roles.has(Role::SecurityAdministrator);
    Ok(SecurityPage {
        chrome,
        fresh: asked.person.fresh(FRESH_MINUTES, asked.now),
        password_changed: standing.password.map(|password| asked.moment(password.changed_at)),
        password: PasswordForm {
            minimum: u32::try_from(standing.beside(&policy).least()).unwrap_or(u32::MAX),
            problems: said.password,
            wrong: said.wrong_password,
        },
        totp: view.totp_enrolled_at(id).await?.map(|at| asked.moment(at)),
        passkeys: passkeys
            .into_iter()
            .map(|kept| PasskeyRow {
                id: kept.passkey.id,
                label: kept.label,
                made: asked.moment(kept.created_at),
                used: kept.used_at.map(|at| asked.moment(at)),
            })
            .collect(),
        passkeys_here: asked.app.relying_party().is_some(),
        recovery_codes: standing.factors.recovery_codes,
        enrolled: standing.factors.enrolled(),
        required: policy.mfa_for_all || account.mfa,
        cooling_until: (approves && asked.ageing < account.eligible_at).then(|| asked.moment(account.eligible_at)),
        approves,
        cool_off_hours: policy.cool_off_hours,
        problem: said.problem,
        fresh_codes: said.fresh_codes,
    })
}

async fn refuse(app: AppState, person: Person, problem: String) -> Result<Response, Problem> {
    let said = Said {
        problem: Some(words::sentence(&problem)),
        ..Said::default()
    };
    page(Asked::by(app, person), StatusCode::CONFLICT, said).await
}

/// The form for another password.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TypedPassword {
    old: String,
    password: String,
    repeat: String,
}

/// `POST /account/security/password`.
pub async fn change_password(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedPassword>,
) -> Result<Response, Problem> {
    let (old, new) = (Zeroizing::new(form.old), Zeroizing::new(form.password));
    let repeat = Zeroizing::new(form.repeat);
    let id = person.account.id;
    let mut said = Said::default();
    match own_password(&app, &person, old.clone()).await? {
        OwnPassword::Right => (),
        OwnPassword::Wrong => said.wrong_password = true,
        OwnPassword::Throttled(throttled) => {
            said.problem = Some(words::sentence(&throttled.to_string()));
            return page(Asked::by(app, person), StatusCode::TOO_MANY_REQUESTS, said).await;
        }
    }
    let standing = app
        .store
        .read(move |view| {
            Box::pin(async move { Ok::<_, StoreError>((view.standing(id).await?, view.policy().await?)) })
        })
        .await?;
    let (Some(standing), policy) = standing else {
        return Err(StoreError::Unreadable("the account of a session").into());
    };
    if let Err(unfit) = password::choose(&new, &person.account.name, standing.beside(&policy)) {
        said.password.push(unfit.into());
    }
    if new != repeat {
        said.password.push(PasswordProblem::Different);
    }
    if new == old {
        said.password.push(PasswordProblem::Same);
    }
    if said.wrong_password || !said.password.is_empty() {
        return page(Asked::by(app, person), StatusCode::UNPROCESSABLE_ENTITY, said).await;
    }
    let hash = app.hashing.hash(new, app.entropy.clone()).await;
    let hash = hash.map_err(|error| Problem::internal(&error))?;
    let (account, now) = (person.account, app.clock.now());
    app.store
        .write(move |tx| Box::pin(async move { own_factors::set_password(tx, &account, &hash, now).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(Notice::PasswordChanged.at(PATH))
}

/// `POST /account/security/passkeys/challenge`: what a new passkey is to sign.
pub async fn passkey_challenge(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let party = app.relying_party().ok_or_else(not_here)?;
    let account = person.account.id;
    let known = app
        .store
        .read(move |view| Box::pin(async move { view.passkeys_of(account).await }))
        .await?;
    let existing: Vec<_> = known.into_iter().map(|known| known.passkey.credential_id).collect();
    let challenge = app.passkey_challenge(&BoundTo::Enrolment(person.session)).await?;
    Ok(Json(creation_options(&party, &person.account, &existing, &challenge)).into_response())
}

/// A new passkey, or another label.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TypedPasskey {
    label: String,
    passkey: String,
}

fn label(typed: &str) -> Result<String, String> {
    let label = typed.trim();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        Err(format!("Give the passkey a label of 1 to {LONGEST_LABEL} characters."))
    } else {
        Ok(label.to_owned())
    }
}

/// `POST /account/security/passkeys`.
pub async fn add_passkey(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedPasskey>,
) -> Result<Response, Problem> {
    let party = app.relying_party().ok_or_else(not_here)?;
    let label = match label(&form.label) {
        Ok(label) => label,
        Err(problem) => return refuse(app, person, problem).await,
    };
    let bound_to = BoundTo::Enrolment(person.session).key();
    let (account, now) = (person.account.clone(), app.clock.now());
    let refused = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let challenge = tx.take_passkey_challenge(&bound_to, now).await?;
                let verified = match (Registration::parse(&form.passkey), challenge) {
                    (Ok(answer), Some(challenge)) => answer.verify(&party, &challenge).map_err(Into::into),
                    (Err(refusal), _) => Err(PasskeyRefused::from(refusal)),
                    (Ok(_), None) => Err(PasskeyRefused::NotAsked),
                };
                let new = match verified {
                    Ok(new) => new,
                    Err(refused) => return Ok(Some(refused.to_string())),
                };
                // The challenge stays used up, whatever becomes of the change.
                match own_factors::change(tx, &account, FactorChange::AddPasskey { new, label }, now).await {
                    Ok(()) => Ok(None),
                    Err(OwnError::Store(error)) => Err(error),
                    Err(refused) => Ok(Some(refused.to_string())),
                }
            })
        })
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    match refused {
        None => Ok(Notice::PasskeyAdded.at(PATH)),
        Some(refused) => refuse(app, person, refused).await,
    }
}

/// `POST /account/security/passkeys/{id}/rename`.
pub async fn rename_passkey(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedPasskey>,
) -> Result<Response, Problem> {
    let id: i64 = part(&id)?;
    let label = match label(&form.label) {
        Ok(label) => label,
        Err(problem) => return refuse(app, person, problem).await,
    };
    let account = person.account.id;
    let renamed = app
        .store
        .write(move |tx| Box::pin(async move { tx.rename_passkey(account, id, &label).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    if renamed {
        Ok(Notice::Saved.at(PATH))
    } else {
        Err(Problem::new(Kind::NotFound, "You have no such passkey."))
    }
}

/// `POST /account/security/passkeys/{id}/remove`.
pub async fn remove_passkey(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let change = FactorChange::RemovePasskey(part(&id)?);
    changed(app, person, change, Notice::FactorRemoved).await
}

/// `POST /account/security/totp/remove`.
pub async fn remove_totp(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    changed(app, person, FactorChange::RemoveTotp, Notice::FactorRemoved).await
}

async fn changed(app: AppState, person: Person, change: FactorChange, notice: Notice) -> Result<Response, Problem> {
    let (account, now) = (person.account.clone(), app.clock.now());
    let done = app
        .store
        .write(move |tx| Box::pin(async move { own_factors::change(tx, &account, change, now).await }))
        .await;
    match done {
        Ok(()) => Ok(notice.at(PATH)),
        Err(OwnError::Store(error)) => Err(error.into()),
        Err(error) => refuse(app, person, error.to_string()).await,
    }
}

/// `POST /account/security/totp`: begins an enrolment, which waits for its first code.
pub async fn begin_totp(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let (account, now) = (person.account.id, app.clock.now());
    let secret = TotpSecret::new(&*app.entropy);
    let sealed = app
        .sealing
        .seal(Purpose::PendingTotp(account), secret.bytes(), &*app.entropy)
        .map_err(|error| Problem::internal(&error))?;
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let expires = now.plus_seconds(ENROLMENT_SECONDS);
                tx.set_pending_totp(account, &sealed, expires).await
            })
        })
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(Redirect::to("/account/security/totp").into_response())
}

/// `GET /account/security/totp`: the secret, until it is confirmed.
pub async fn show_totp(asked: Asked) -> Result<Response, Problem> {
    enrol_page(asked, false).await
}

async fn enrol_page(asked: Asked, wrong_code: bool) -> Result<Response, Problem> {
    let (account, now) = (asked.person.account.clone(), asked.now);
    let Some(secret) = pending(&asked.app, &account, now).await? else {
        return Ok(Redirect::to(PATH).into_response());
    };
    let qr = QrCode::new(&secret.otpauth("Countersign", account.name.as_str()));
    let qr = qr.map_err(|error| Problem::internal(&error))?;
    let letters: Vec<char> = secret.to_base32().chars().collect();
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| {
            Box::pin(async move {
                Ok::<_, Problem>(EnrolTotpPage {
                    chrome: asked.chrome(view, None).await?.0,
                    qr,
                    secret_groups: letters.chunks(4).map(|group| group.iter().collect()).collect(),
                    wrong_code,
                })
            })
        })
        .await?;
    let status = if wrong_code {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    Ok(respond::page(status, &page))
}

async fn pending(
    app: &AppState,
    account: &Account,
    now: countersign_events::Timestamp,
) -> Result<Option<TotpSecret>, Problem> {
    let id = account.id;
    let sealed = app
        .store
        .read(move |view| Box::pin(async move { view.pending_totp(id, now).await }))
        .await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let bytes = app.sealing.unseal(Purpose::PendingTotp(id), &sealed);
    let bytes = bytes.map_err(|error| Problem::internal(&error))?;
    let secret = TotpSecret::from_bytes(bytes.to_vec()).map_err(|error| Problem::internal(&error))?;
    Ok(Some(secret))
}

/// The first code of an authenticator app.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TypedCode {
    code: String,
}

/// `POST /account/security/totp/confirm`.
pub async fn confirm_totp(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedCode>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let Some(secret) = pending(&app, &person.account, now).await? else {
        return Ok(Redirect::to(PATH).into_response());
    };
    let Ok((_, last_step)) = secret.verify(&form.code, None, now) else {
        return enrol_page(Asked::by(app, person), true).await;
    };
    let sealed = app
        .sealing
        .seal(Purpose::Totp(person.account.id), secret.bytes(), &*app.entropy)
        .map_err(|error| Problem::internal(&error))?;
    let change = FactorChange::SetTotp { sealed, last_step };
    changed(app, person, change, Notice::TotpEnrolled).await
}

/// `POST /account/security/recovery-codes`: a new set, shown this once. The page is the answer itself: nothing may keep the codes to
/// show them after a redirect.
pub async fn renew_recovery_codes(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let codes = RecoveryCode::set(&*app.entropy);
    let fresh_codes: Vec<_> = codes.iter().map(RecoveryCode::grouped).collect();
    let (account, now) = (person.account.clone(), app.clock.now());
    let made = app
        .store
        .write(move |tx| Box::pin(async move { own_factors::renew_recovery_codes(tx, &account, &codes, now).await }))
        .await;
    match made {
        Ok(()) => {
            let said = Said {
                fresh_codes,
                ..Said::default()
            };
            page(Asked::by(app, person), StatusCode::OK, said).await
        }
        Err(OwnError::Store(error)) => Err(error.into()),
        Err(error) => refuse(app, person, error.to_string()).await,
    }
}

/// `POST /account/security/end-others`: ends everything else that came from the reader's logons.
pub async fn end_others(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (chain, address) = (person.chain.as_str(), Some(person.address.ip));
                crate::flows::chains::end_all(tx, &person.account, Some(chain), address, now).await
            })
        })
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    Ok(Notice::OthersEnded.at(PATH))
}
