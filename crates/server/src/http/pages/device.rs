//! `/device`: a person confirms the code of a host without a browser, or refuses it (RFC 8628, section 3.3).

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::logon::throttle::Counter;
use countersign_core::logon::{Confirmed, DEVICE_FRESH_SECONDS, DeviceLogon, UserCode};
use countersign_events::{Event, Reason, Timestamp};
use countersign_store::{StoreError, Tx};
use serde::Deserialize;

use super::Asked;
use crate::AppState;
use crate::http::Problem;
use crate::http::logon::Known;
use crate::pages::{DeviceAsk, DevicePage, DeviceStep, respond};
use crate::session::{Person, PersonForm};

/// The code in the address that the host shows.
#[derive(Debug, Deserialize)]
pub struct Typed {
    #[serde(default)]
    user_code: String,
}

/// `GET /device`. The code in the address is only typed for the person: nothing is looked up until they send it.
pub async fn show(asked: Asked, Query(typed): Query<Typed>) -> Result<Response, Problem> {
    let code = typed.user_code.parse::<UserCode>();
    let typed = code.map(|code| code.to_string()).unwrap_or_default();
    page(asked, StatusCode::OK, DeviceStep::Code { typed, problem: None }).await
}

/// What a person sends: a code, and in the second step what they say to it.
#[derive(Debug, Deserialize)]
pub struct Answer {
    #[serde(default)]
    user_code: String,
    #[serde(default)]
    answer: String,
}

/// `POST /device`
pub async fn answer(State(app): State<AppState>, sent: PersonForm<Answer>) -> Result<Response, Problem> {
    let PersonForm { person, form } = sent;
    let code = form.user_code.parse::<UserCode>();
    let said = match form.answer.as_str() {
        "confirm" => Some(true),
        "refuse" => Some(false),
        _ => None,
    };
    let (now, whose, ours) = (app.clock.now(), person.clone(), AppState::clone(&app));
    let step = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let counter = Counter::NameFrom {
                    // No account has a name with a space in it.
                    name: format!("device code {}", whose.account.id),
                    source: whose.address.ip,
                };
                if tx.charge(&counter, now).await?.is_err() {
                    return Ok(DeviceStep::problem("Too many codes were wrong. Try again later."));
                }
                let found = match &code {
                    Ok(code) => tx.device_logon(code.hash()).await?.filter(|logon| logon.waits(now)),
                    Err(_) => None,
                };
                let (Some(logon), Ok(code)) = (found, code) else {
                    return Ok(DeviceStep::problem(
                        "No such code waits. It holds for ten minutes: look at it again, or begin again there.",
                    ));
                };
                tx.take_back(&counter).await?;
                decide(tx, &ours, &whose, &code, logon, said, now).await
            })
        })
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    let status = step.status();
    page(Asked::by(app, person), status, step).await
}

async fn decide(
    tx: &mut Tx,
    app: &AppState,
    person: &Person,
    code: &UserCode,
    logon: DeviceLogon,
    said: Option<bool>,
    now: Timestamp,
) -> Result<DeviceStep, StoreError> {
    if !logon.resource.admits(person.account.roles) {
        tx.answer_device_logon(&logon.chain, None, now).await?;
        denied(tx, person, &logon, now).await?;
        return Ok(DeviceStep::problem("None of your roles reaches what this is for."));
    }
    match said {
        None => Ok(DeviceStep::Confirm(ask(tx, app, code, &logon, now).await?)),
        Some(false) => {
            tx.answer_device_logon(&logon.chain, None, now).await?;
            Ok(DeviceStep::Refused)
        }
        Some(true) => {
            // What is given lives for weeks: who only found an open browser must not get it.
            let session = tx.session(person.session).await?;
            let recent =
                session.is_some_and(|(session, _)| now < session.created_at.plus_seconds(DEVICE_FRESH_SECONDS));
            if !recent {
                return Ok(DeviceStep::LogOnAgain {
                    href: format!("/auth/login?to=/device%3Fuser_code%3D{code}"),
                });
            }
            let by = Confirmed {
                account: person.account.id,
                revision: person.account.revision,
            };
            if !tx.answer_device_logon(&logon.chain, Some(by), now).await? {
                return Ok(DeviceStep::problem("This code was answered meanwhile."));
            }
            granted(tx, person, &logon, now).await?;
            Ok(DeviceStep::Confirmed)
        }
    }
}

async fn ask(
    tx: &mut Tx,
    app: &AppState,
    code: &UserCode,
    logon: &DeviceLogon,
    now: Timestamp,
) -> Result<DeviceAsk, StoreError> {
    let client = tx.client(&logon.client).await?;
    let name = client.map_or_else(|| logon.client.to_string(), |client| client.spec.name);
    Ok(DeviceAsk {
        code: code.to_string(),
        client: name,
        client_id: logon.client.to_string(),
        resource: logon.resource.id().to_owned(),
        server: app.config.public_url.to_string(),
        address: logon.address.clone(),
        asked: crate::pages::Moment::new(logon.created_at, now),
    })
}

async fn granted(tx: &mut Tx, person: &Person, logon: &DeviceLogon, now: Timestamp) -> Result<(), StoreError> {
    let event = Event::UserAuthorizationGranted {
        source_ip_address: Some(person.address.ip),
        client_id: Some(logon.client.to_string()),
        friendly_name: Some(person.account.name.as_str().to_owned()),
        subject: Some(person.account.id.subject()),
        resource_id: Some(logon.resource.id().to_owned()),
        redirect_uri: None,
    };
    tx.report(&event, now, None, person.account.name.as_str())
        .await
        .map(drop)
}

async fn denied(tx: &mut Tx, person: &Person, logon: &DeviceLogon, now: Timestamp) -> Result<(), StoreError> {
    let known = Known {
        client: Some(logon.client.clone()),
        resource: Some(logon.resource),
        account: Some(person.account.clone()),
        ..Known::of(&person.address, None)
    };
    known.denied(tx, Reason::UnauthorizedResourceOwner, now).await
}

async fn page(asked: Asked, status: StatusCode, step: DeviceStep) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let (chrome, _) = asked.chrome(view, None).await?;
                Ok::<_, Problem>(DevicePage { chrome, step })
            })
        })
        .await?;
    Ok(respond::page(status, &page))
}
