//! `/configuration-backups`: backups of the server's own configuration, their schedule and passphrase.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::ConfigurationBackupId;
use countersign_core::configuration_backup::{BadTimeOfDay, Schedule};
use countersign_core::{Deed, Verdict, decide};
use countersign_store::{ConfigurationBackup, View};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::asked::part;
use super::notice::Notice;
use super::tokens::Nothing;
use super::{Asked, changed, words};
use crate::AppState;
use crate::configuration_backup::make::{self, MakeError};
use crate::configuration_backup::verify::{open_kept, verify_kept};
use crate::flows::configuration_backups::set_passphrase;
use crate::flows::settings::{Change, ChangeError, Changed, change};
use crate::http::{Problem, taken_out};
use crate::pages::{Bytes, ConfigurationBackupRow, ConfigurationBackupsPage, Section, respond};
use crate::session::{Person, PersonForm};

const PATH: &str = "/configuration-backups";

/// `GET /configuration-backups`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    page(asked, None, None).await
}

async fn page(asked: Asked, problem: Option<String>, typed: Option<TypedSchedule>) -> Result<Response, Problem> {
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, problem, typed)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(
    view: &mut View,
    asked: Asked,
    problem: Option<String>,
    typed: Option<TypedSchedule>,
) -> Result<ConfigurationBackupsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Settings)).await?;
    let may = |deed| {
        !matches!(
            decide(&asked.person.actor(), deed, &policy, asked.now),
            Verdict::Deny(_)
        )
    };
    let (can_make, can_change) = (
        may(Deed::DeleteConfigurationBackup),
        may(Deed::ChangeConfigurationBackups),
    );
    let typed = match typed {
        Some(typed) => typed,
        None => TypedSchedule::of(view.configuration_schedule().await?),
    };
    let all = view.configuration_backups().await?;
    Ok(ConfigurationBackupsPage {
        chrome,
        rows: all.into_iter().map(|kept| row(&asked, kept)).collect(),
        folder: asked.app.configuration_backups.folder().display().to_string(),
        passphrase: view.configuration_passphrase().await?.map(|held| held.id),
        fault: view.configuration_try().await?.and_then(|last| last.fault),
        problem,
        at: typed.at,
        keep: typed.keep,
        is_held: policy.four_eyes,
        can_make,
        can_change,
    })
}

fn row(asked: &Asked, kept: ConfigurationBackup) -> ConfigurationBackupRow {
    ConfigurationBackupRow {
        id: kept.id.to_string(),
        name: kept.name,
        made: asked.moment(kept.made_at),
        by: kept.made_by,
        size: Bytes(kept.size),
        passphrase: kept.passphrase,
        verified: kept.verified_at.map(|at| asked.moment(at)),
        fault: kept.fault,
    }
}

/// `POST /configuration-backups`: makes one now.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    match make::make(&app, make::Asked::By(&person.actor())).await {
        Ok(_) => Ok(Notice::ConfigurationBackedUp.at(PATH)),
        Err(error @ (MakeError::NoPassphrase | MakeError::UnderWay | MakeError::TooMany)) => {
            refuse(app, person, words::sentence(&error.to_string())).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /configuration-backups/{id}/verify`: reads one to its end; the list says what came of it.
pub async fn verify(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    verify_kept(&app, &person.actor(), part(&id)?).await?;
    Ok(Notice::Tested.at(PATH))
}

/// `GET /configuration-backups/{id}/file`.
pub async fn file(State(app): State<AppState>, Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let (kept, file) = open_kept(&app, &asked.person.actor(), part(&id)?).await?;
    Ok(taken_out::answer(&kept, file))
}

/// `POST /configuration-backups/{id}/delete`.
pub async fn delete(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: ConfigurationBackupId = part(&id)?;
    let done = change(&app, &person.actor(), Change::DeleteConfigurationBackup(id)).await;
    lead(app, person, done, Notice::Deleted).await
}

/// The schedule, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedSchedule {
    at: String,
    keep: String,
}

impl TypedSchedule {
    fn of(schedule: Schedule) -> Self {
        Self {
            at: schedule.at.map(|at| at.to_string()).unwrap_or_default(),
            keep: schedule.keep.to_string(),
        }
    }

    fn read(&self) -> Result<Schedule, String> {
        let at = match self.at.trim() {
            "" => None,
            at => Some(
                at.parse()
                    .map_err(|error: BadTimeOfDay| words::sentence(&error.to_string()))?,
            ),
        };
        let keep = self.keep.trim().parse();
        let keep = keep.map_err(|_| "How many stay must be a whole number.".to_owned())?;
        Ok(Schedule { at, keep })
    }
}

/// `POST /configuration-backups/schedule`.
pub async fn schedule(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedSchedule>,
) -> Result<Response, Problem> {
    let schedule = match form.read() {
        Ok(schedule) => schedule,
        Err(problem) => return page(Asked::by(app, person), Some(problem), Some(form)).await,
    };
    match change(&app, &person.actor(), Change::ConfigurationSchedule(schedule)).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, PATH)),
        Err(error) => page(Asked::by(app, person), Some(changed::complaint(error)?), Some(form)).await,
    }
}

/// A passphrase, typed twice.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct TypedPassphrase {
    passphrase: String,
    repeat: String,
}

/// `POST /configuration-backups/passphrase`.
pub async fn passphrase(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedPassphrase>,
) -> Result<Response, Problem> {
    let (passphrase, repeat) = (Zeroizing::new(form.passphrase), Zeroizing::new(form.repeat));
    if *passphrase != *repeat {
        return refuse(
            app,
            person,
            "The two passphrases are not the same. Nothing was changed.".to_owned(),
        )
        .await;
    }
    let done = set_passphrase(&app, &person.actor(), &passphrase).await;
    lead(app, person, done, Notice::Saved).await
}

async fn lead(
    app: AppState,
    person: Person,
    done: Result<Changed, ChangeError>,
    notice: Notice,
) -> Result<Response, Problem> {
    match done {
        Ok(done) => Ok(changed::lead(done, notice, PATH)),
        Err(error) => refuse(app, person, changed::complaint(error)?).await,
    }
}

async fn refuse(app: AppState, person: Person, problem: String) -> Result<Response, Problem> {
    page(Asked::by(app, person), Some(problem), None).await
}
