//! Looking into a request's snapshots with the repository's password: the form, and what its page then says.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::{Account, RequestId};
use countersign_events::Timestamp;
use countersign_store::{RequestRecord, StoreError};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::asked::part;
use super::request::{self, Shown};
use super::tokens::Nothing;
use super::{Asked, subject, words};
use crate::AppState;
use crate::flows::opening::{self, OpeningError};
use crate::http::{Kind, Problem};
use crate::openings::Wait;
use crate::pages::{self, Bytes, Opening, respond};
use crate::repository::{Snapshot, Unopened};
use crate::session::PersonForm;

/// What a reader opened: each snapshot by its name, and until when.
#[derive(Debug, Default)]
pub struct Inside {
    until: Option<Timestamp>,
    snapshots: HashMap<String, Result<Snapshot, String>>,
}

/// The form, as sent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SentPassword {
    password: Zeroed,
}

/// A text that is wiped.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Zeroed(String);

impl Drop for Zeroed {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// `POST /requests/{id}/open`.
pub async fn open(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<SentPassword>,
) -> Result<Response, Problem> {
    let id: RequestId = part(&id)?;
    let asked = Asked::by(app, person);
    let (status, unopened) = match try_open(&asked, id, &form).await {
        Ok(()) => return Ok(Redirect::to(&format!("/requests/{id}#look")).into_response()),
        Err(Refused::Wait(Wait { until })) => (
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "Too many wrong passwords. The next is looked at {}.",
                asked.moment(until).distance()
            ),
        ),
        Err(Refused::Told(OpeningError::Vault(error))) => return Err(error.into()),
        Err(Refused::Told(error @ (OpeningError::NotAllowed | OpeningError::Nothing))) => {
            return Err(Problem::new(Kind::Forbidden, words::sentence(&error.to_string())));
        }
        Err(Refused::Told(OpeningError::Unopened(Unopened::WrongPassword))) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "The password opens no key of this backup.".to_owned(),
        ),
        Err(Refused::Told(error)) => (StatusCode::CONFLICT, words::sentence(&error.to_string())),
    };
    let shown = Shown {
        unopened: Some(unopened),
        ..Shown::default()
    };
    Ok(respond::page(status, &request::look(asked, id, shown).await?))
}

enum Refused {
    Wait(Wait),
    Told(OpeningError),
}

impl<E: Into<OpeningError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Told(error.into())
    }
}

async fn try_open(asked: &Asked, id: RequestId, form: &SentPassword) -> Result<(), Refused> {
    let (app, account) = (&asked.app, &asked.person.account);
    let (record, known) = record(asked, id).await?.ok_or(OpeningError::Nothing)?;
    let backup = opening::may_look(account, &record, &known, asked.ageing)?;
    app.openings.charge(account.id, asked.now).map_err(Refused::Wait)?;
    let password = Zeroizing::new(form.password.0.clone());
    let opened = opening::open(app, backup, password).await;
    opening::note(
        account,
        id,
        if opened.is_ok() {
            "the snapshots of a request were opened with the repository's password"
        } else {
            "a repository's password opened nothing"
        },
    );
    let key = opened?;
    app.openings.forgive(account.id);
    app.openings.keep(asked.person.session, backup, key, asked.now);
    Ok(())
}

/// `POST /requests/{id}/close`.
pub async fn close(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: RequestId = part(&id)?;
    let asked = Asked::by(app, person);
    let record = record(&asked, id).await?;
    if let Some(backup) = record.and_then(|(record, _)| record.backup) {
        asked.app.openings.forget(asked.person.session, backup);
    }
    Ok(Redirect::to(&format!("/requests/{id}")).into_response())
}

/// A request, and the accounts as they are now.
async fn record(asked: &Asked, id: RequestId) -> Result<Option<(RequestRecord, Vec<Account>)>, StoreError> {
    let read = asked.app.store.read(move |view| {
        Box::pin(async move {
            let Some(record) = view.request(id).await? else {
                return Ok(None);
            };
            Ok::<_, StoreError>(Some((record, view.accounts().await?)))
        })
    });
    read.await
}

/// What this reader's key shows of the snapshots that the page names.
pub async fn inside(asked: &Asked, id: RequestId) -> Result<Inside, Problem> {
    let Some((record, known)) = record(asked, id).await? else {
        return Ok(Inside::default());
    };
    let Ok(backup) = opening::may_look(&asked.person.account, &record, &known, asked.ageing) else {
        return Ok(Inside::default());
    };
    let Some((key, until)) = asked.app.openings.key(asked.person.session, backup, asked.now) else {
        return Ok(Inside::default());
    };
    let listed = asked
        .app
        .store
        .ask(move |view| Box::pin(async move { view.listed_snapshots(record.id, subject::MOST_SNAPSHOTS).await }))
        .await?;
    let sealed = opening::snapshots(&asked.app, backup, &listed).await;
    let sealed = sealed.map_err(|error| Problem::internal(&error))?;
    let read = |bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => Snapshot::open(&key, &bytes).map_err(|error| error.to_string()),
        None => Err("it is too large for one".to_owned()),
    };
    let snapshots = sealed.into_iter().map(|file| (file.name, read(file.bytes)));
    Ok(Inside {
        until: Some(until),
        snapshots: snapshots.collect(),
    })
}

/// What the page says of looking into it, for this reader; what is open is put beside each snapshot.
pub fn of(
    asked: &Asked,
    (record, known): (&RequestRecord, &[Account]),
    subject: &mut pages::Subject,
    mut inside: Inside,
    error: Option<String>,
) -> Option<Opening> {
    let pages::Subject::Objects(loss) = subject else {
        return None;
    };
    opening::may_look(&asked.person.account, record, known, asked.ageing).ok()?;
    if record.digest.is_none() || loss.snapshots.is_empty() {
        return None;
    }
    let Some(until) = inside.until else {
        return Some(Opening::Ask { error });
    };
    for snapshot in &mut loss.snapshots {
        snapshot.inside = inside.snapshots.remove(&snapshot.name).map(|read| read.map(told));
    }
    Some(Opening::Open {
        until: asked.moment(until),
    })
}

fn told(read: Snapshot) -> pages::Inside {
    pages::Inside {
        paths: read.paths_told(),
        time: read.time,
        host: read.host,
        user: read.user,
        tags: read.tags.join(", "),
        bytes: read.bytes.map(Bytes),
    }
}
