//! `/storages`: where backups lie, each with its form, and asking to delete it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::{Deed, Policy, StorageId, StorageSpec, Verdict, decide};
use countersign_store::{Storage, View};
use countersign_vault::End;
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::{Asked, changed, words};
use crate::AppState;
use crate::flows::storages;
use crate::http::{Kind, Problem};
use crate::pages::{
    Bytes, Count, KnownStorage, Section, StorageForm, StoragePage, StorageRow, StorageStanding, StoragesPage, respond,
};
use crate::session::{Person, PersonForm};

const GIB: u64 = 1 << 30;

/// `GET /storages`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<StoragesPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Storages)).await?;
    let mut rows = Vec::new();
    for storage in view.storages().await? {
        rows.push(row(view, &asked, &storage).await?);
    }
    Ok(StoragesPage {
        chrome,
        rows,
        can_change: may_change(&asked, &policy),
    })
}

fn may_change(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::WeakenStorage, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

async fn row(view: &mut View, asked: &Asked, storage: &Storage) -> Result<StorageRow, Problem> {
    let files = asked.app.vault.storage_files(storage.id);
    let standing = match (storage.held_by, &files) {
        (Some(request), _) => StorageStanding::Closes {
            request: request.to_string(),
        },
        (None, Some(_)) => StorageStanding::InService,
        (None, None) => StorageStanding::Away,
    };
    Ok(StorageRow {
        id: storage.id.to_string(),
        name: storage.spec.name.to_string(),
        standing,
        used: Bytes(storage.used_bytes),
        quota: storage.spec.quota_bytes.map(Bytes),
        free: files.and_then(|files| files.disk().ok()).map(|disk| Bytes(disk.free)),
        locked_days: storage.spec.immutable_days,
        backups: Count(view.backups_of(storage.id).await?.len() as u64),
    })
}

/// `GET /storages/new`.
pub async fn new(asked: Asked) -> Result<Response, Problem> {
    page(asked, None, Shown::default()).await
}

/// `GET /storages/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, Some(part(&id)?), Shown::default()).await
}

/// What the page shows beside the storage as it is.
#[derive(Default)]
struct Shown {
    /// What was typed, and what is wrong with it.
    refused: Option<(TypedStorage, String)>,
    delete_problem: Option<String>,
}

async fn page(asked: Asked, id: Option<StorageId>, shown: Shown) -> Result<Response, Problem> {
    let status = if shown.refused.is_some() || shown.delete_problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, shown)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(view: &mut View, asked: Asked, id: Option<StorageId>, shown: Shown) -> Result<StoragePage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Storages)).await?;
    let storage = match id {
        Some(id) => Some(view.storage(id).await?.ok_or_else(no_storage)?),
        None => None,
    };
    let form = match (shown.refused, &storage) {
        (Some((typed, problem)), _) => typed.form(Some(problem)),
        (None, Some(storage)) => TypedStorage::of(&storage.spec).form(None),
        (None, None) => StorageForm::default(),
    };
    let known = match storage {
        Some(storage) => {
            let files = asked.app.vault.storage_files(storage.id);
            Some(KnownStorage {
                row: row(view, &asked, &storage).await?,
                place: match &storage.spec.path {
                    Some(path) => format!("In {path}"),
                    None => "In a folder below the server’s data folder".to_owned(),
                },
                disk: files.and_then(|files| files.disk().ok()).map(|disk| Bytes(disk.total)),
                added: asked.moment(storage.created_at),
                changed: storage.changed_at.map(|at| asked.moment(at)),
            })
        }
        None => None,
    };
    Ok(StoragePage {
        chrome,
        known,
        form,
        can_change: may_change(&asked, &policy),
        delete_problem: shown.delete_problem,
    })
}

fn no_storage() -> Problem {
    Problem::new(Kind::NotFound, "There is no such storage.")
}

/// The form of a storage, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedStorage {
    name: String,
    path: String,
    quota_gib: String,
    immutable_days: String,
}

impl TypedStorage {
    fn of(spec: &StorageSpec) -> Self {
        Self {
            name: spec.name.to_string(),
            path: String::new(),
            quota_gib: spec
                .quota_bytes
                .map(|bytes| bytes.div_ceil(GIB).to_string())
                .unwrap_or_default(),
            immutable_days: spec.immutable_days.map(|days| days.to_string()).unwrap_or_default(),
        }
    }

    fn form(self, problem: Option<String>) -> StorageForm {
        StorageForm {
            name: self.name,
            path: self.path,
            quota_gib: self.quota_gib,
            immutable_days: self.immutable_days,
            problem,
        }
    }

    /// What it says, of a new storage or of the one that was there.
    fn read(&self, before: Option<&StorageSpec>) -> Result<StorageSpec, String> {
        let quota = self.quota_gib.trim();
        // A quota that was set to the byte elsewhere stays, unless the number here was changed.
        let unchanged = before.filter(|before| Self::of(before).quota_gib == quota);
        let quota_bytes = match (unchanged, quota) {
            (Some(before), _) => before.quota_bytes,
            (None, "") => None,
            (None, gib) => {
                let bytes = gib.parse::<u64>().ok().and_then(|gib| gib.checked_mul(GIB));
                Some(bytes.ok_or("The quota must be a whole number of GiB from 1 on, or empty for none.")?)
            }
        };
        let immutable_days = match self.immutable_days.trim() {
            "" => None,
            days => Some(
                days.parse()
                    .map_err(|_| "The retention lock must be a whole number of days, or empty for none.")?,
            ),
        };
        let path = match (before, self.path.trim()) {
            (Some(before), _) => before.path.clone(),
            (None, "") => None,
            (None, path) => Some(
                path.parse()
                    .map_err(|error: countersign_core::storage::BadFolder| words::sentence(&error.to_string()))?,
            ),
        };
        Ok(StorageSpec {
            immutable_days,
            name: self
                .name
                .trim()
                .parse()
                .map_err(|error: countersign_core::id::BadName| words::sentence(&error.to_string()))?,
            path,
            quota_bytes,
        })
    }
}

async fn refuse(
    app: AppState,
    person: Person,
    id: Option<StorageId>,
    typed: TypedStorage,
    problem: String,
) -> Result<Response, Problem> {
    let shown = Shown {
        refused: Some((typed, problem)),
        ..Shown::default()
    };
    page(Asked::by(app, person), id, shown).await
}

/// `POST /storages`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedStorage>,
) -> Result<Response, Problem> {
    let spec = match form.read(None) {
        Ok(spec) => spec,
        Err(problem) => return refuse(app, person, None, form, problem).await,
    };
    match storages::add(&app, &person.actor(), &person.address, spec).await {
        Ok(id) => Ok(Notice::Saved.at(&format!("/storages/{id}"))),
        Err(error) => refuse(app, person, None, form, changed::complaint(error)?).await,
    }
}

/// `POST /storages/{id}`.
pub async fn change(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedStorage>,
) -> Result<Response, Problem> {
    let id: StorageId = part(&id)?;
    let spec = match form.read(Some(&there(&app, id).await?)) {
        Ok(spec) => spec,
        Err(problem) => return refuse(app, person, Some(id), form, problem).await,
    };
    match storages::change(&app, &person.actor(), &person.address, id, spec).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &format!("/storages/{id}"))),
        Err(error) => refuse(app, person, Some(id), form, changed::complaint(error)?).await,
    }
}

async fn there(app: &AppState, id: StorageId) -> Result<StorageSpec, Problem> {
    let storage = app
        .store
        .ask(move |view| Box::pin(async move { Ok::<_, Problem>(view.storage(id).await?) }))
        .await?;
    Ok(storage.ok_or_else(no_storage)?.spec)
}

/// The storage's name, typed again, and what becomes of its bytes.
#[derive(Debug, Deserialize)]
pub struct Deletion {
    #[serde(default)]
    name: String,
    #[serde(default)]
    bytes: String,
}

/// `POST /storages/{id}/delete`.
pub async fn delete(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<Deletion>,
) -> Result<Response, Problem> {
    let id: StorageId = part(&id)?;
    let name = there(&app, id).await?.name;
    let end = match form.bytes.as_str() {
        "keep" => Some(End::Forget),
        "purge" => Some(End::Purge),
        _ => None,
    };
    let problem = match end {
        _ if form.name.trim() != name.as_str() => {
            "That is not the name of this storage. Nothing was deleted.".to_owned()
        }
        None => "Say what becomes of its bytes. Nothing was deleted.".to_owned(),
        Some(end) => match storages::delete(&app, &person.actor(), &person.address, id, end).await {
            Ok(done) => return Ok(changed::lead(done, Notice::StorageDeleted, "/storages")),
            Err(error) => changed::complaint(error)?,
        },
    };
    let shown = Shown {
        delete_problem: Some(problem),
        ..Shown::default()
    };
    page(Asked::by(app, person), Some(id), shown).await
}
