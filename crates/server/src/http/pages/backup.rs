//! `/backups/{storage}/{backup}`: one backup, and asking to delete it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::request::KindSum;
use countersign_core::{BackupKind, Deed, Name, ObjectKey, ObjectKind, Policy, Verdict, decide};
use countersign_store::{Backup, StoredObject, Totals, View};
use countersign_vault::{Deleted, VaultError};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::{Asked, backups, changed, recorded, words};
use crate::AppState;
use crate::flows;
use crate::http::{Kind, Problem};
use crate::pages::{
    BackupPage, Bytes, Count, HeldBy, KindTotals, Pager, PendingRow, Section, Share, SnapshotRow, respond,
};
use crate::session::PersonForm;

/// How many snapshots are listed.
const MOST_SNAPSHOTS: u32 = 200;

/// `GET /backups/{storage}/{backup}`.
pub async fn show(Path((storage, name)): Path<(String, String)>, asked: Asked) -> Result<Response, Problem> {
    page(asked, part(&storage)?, part(&name)?, Wrong::default()).await
}

/// What was wrong with the last try.
#[derive(Default)]
struct Wrong {
    status: StatusCode,
    delete: Option<String>,
    snapshot: Option<String>,
}

async fn page(asked: Asked, storage: Name, name: Name, wrong: Wrong) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let mut page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, storage, name)))
        .await?;
    page.delete_problem = wrong.delete;
    page.snapshot_problem = wrong.snapshot;
    Ok(respond::page(wrong.status, &page))
}

async fn fill(view: &mut View, asked: Asked, storage: Name, name: Name) -> Result<BackupPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Backups)).await?;
    let backup = view.backup_named(&storage, &name).await?.filter(backups::is_there);
    let backup = backup.ok_or_else(no_backup)?;
    let totals = view.totals(backup.id).await?;
    let snapshots = view.snapshots(backup.id, MOST_SNAPSHOTS).await?;
    let (bytes, held) = (backups::bytes(&totals.visible), backups::bytes(&totals.held));
    Ok(BackupPage {
        storage: storage.to_string(),
        name: name.to_string(),
        storage_href: format!("/storages/{}", backup.storage_id),
        log: backup.kind == BackupKind::Log,
        can_mark: backup.visible() && may_delete(&asked, &policy),
        snapshot_problem: None,
        href: words::backup_href(&backup.path()),
        client_url: words::client_url(&asked, words::TOKEN_PLACE, &backup.path()),
        created: asked.moment(backup.created_at),
        last_received: totals.newest.map(|at| asked.moment(at)),
        bytes: Bytes(bytes),
        held_bytes: Bytes(held),
        held_share: Share::new(held, bytes.saturating_add(held)),
        kinds: kinds(&totals),
        locks: words::live_locks(view, &asked, backup.id).await?,
        queue: queue(view, &asked, &backup).await?,
        pager: Pager {
            summary: summary(&totals, snapshots.len()),
            ..Pager::default()
        },
        snapshots: snapshots.iter().map(|object| snapshot(&asked, object)).collect(),
        can_delete: backup.visible() && may_delete(&asked, &policy),
        delete_problem: None,
        chrome,
    })
}

fn no_backup() -> Problem {
    Problem::new(Kind::NotFound, "There is no backup of this name.")
}

fn may_delete(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::DeleteBackup, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

async fn queue(view: &mut View, asked: &Asked, backup: &Backup) -> Result<Vec<PendingRow>, Problem> {
    let mut waiting = Vec::new();
    for id in view.queue(backup.id).await? {
        waiting.extend(view.request(id).await?);
    }
    Ok(words::waiting_rows(asked, &waiting, &view.accounts().await?))
}

fn snapshot(asked: &Asked, stored: &StoredObject) -> SnapshotRow {
    SnapshotRow {
        name: stored.object.key.name.to_string(),
        received: asked.moment(stored.object.received_at),
        by: stored.object.received_by.clone(),
        held_by: stored.held_by.map(|request| HeldBy {
            request: request.to_string(),
        }),
    }
}

fn summary(totals: &Totals, shown: usize) -> String {
    let both = totals.visible.iter().chain(&totals.held);
    let snapshots = both.filter(|sum| sum.kind == ObjectKind::Snapshots);
    let all = snapshots.map(|sum| sum.objects).sum();
    if all > shown as u64 {
        format!("the newest {shown} of {}", Count(all))
    } else {
        String::new()
    }
}

fn kinds(totals: &Totals) -> Vec<KindTotals> {
    let of = |sums: &[KindSum], kind: ObjectKind| {
        let sum = sums.iter().find(|sum| sum.kind == kind);
        sum.map_or((Count(0), Bytes(0)), |sum| (Count(sum.objects), Bytes(sum.bytes)))
    };
    ObjectKind::ALL
        .into_iter()
        .map(|kind| {
            let (objects, bytes) = of(&totals.visible, kind);
            let (held_objects, held_bytes) = of(&totals.held, kind);
            KindTotals {
                kind: kind.to_string(),
                objects,
                bytes,
                held_objects,
                held_bytes,
            }
        })
        .filter(|kind| kind.objects.0 > 0 || kind.held_objects.0 > 0)
        .collect()
}

/// The backup's name, typed again.
#[derive(Debug, Deserialize)]
pub struct TypedName {
    #[serde(default)]
    name: String,
}

/// `POST /backups/{storage}/{backup}/delete`.
pub async fn delete(
    State(app): State<AppState>,
    Path((storage, name)): Path<(String, String)>,
    PersonForm { person, form }: PersonForm<TypedName>,
) -> Result<Response, Problem> {
    let (storage, name): (Name, Name) = (part(&storage)?, part(&name)?);
    let actor = person.actor();
    let asked = Asked::by(app.clone(), person);
    if form.name.trim() != name.as_str() {
        let problem = "That is not the name of this backup. Nothing was deleted.".to_owned();
        let wrong = Wrong {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            delete: Some(problem),
            snapshot: None,
        };
        return page(asked, storage, name, wrong).await;
    }
    let deleted = match app.vault.enter(&storage, &name).await {
        Ok(opened) => app.vault.delete_backup(opened, &actor).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(Deleted::Held(request)) => Ok(recorded::lead(request)),
        Ok(Deleted::Done) => Ok(Notice::Deleted.at("/backups")),
        Ok(Deleted::Unknown) | Err(VaultError::NoBackup) => Err(no_backup()),
        Err(error) => {
            let wrong = Wrong {
                status: StatusCode::CONFLICT,
                delete: Some(not_now(error)?),
                snapshot: None,
            };
            page(asked, storage, name, wrong).await
        }
    }
}

/// What to say beside the form, where it is about the state of things.
fn not_now(error: VaultError) -> Result<String, Problem> {
    match error {
        VaultError::Moving
        | VaultError::RequestsWait
        | VaultError::HeldCap
        | VaultError::TooManyOpen(_)
        | VaultError::AskedTooOften(_)
        | VaultError::StorageCloses
        | VaultError::Immutable { .. }
        | VaultError::InUse(_) => Ok(words::sentence(&error.to_string())),
        other => Err(other.into()),
    }
}

/// The beginning of a snapshot's name.
#[derive(Debug, Deserialize)]
pub struct TypedSnapshot {
    #[serde(default)]
    snapshot: String,
}

/// `POST /backups/{storage}/{backup}/snapshot`: one snapshot, by a request of its own.
pub async fn delete_snapshot(
    State(app): State<AppState>,
    Path((storage, name)): Path<(String, String)>,
    PersonForm { person, form }: PersonForm<TypedSnapshot>,
) -> Result<Response, Problem> {
    let (storage, name): (Name, Name) = (part(&storage)?, part(&name)?);
    let actor = person.actor();
    let asked = Asked::by(app.clone(), person);
    let opened = match app.vault.enter(&storage, &name).await {
        Err(VaultError::NoBackup | VaultError::NoStorage) => return Err(no_backup()),
        other => other?,
    };
    let typed = form.snapshot.trim().to_ascii_lowercase();
    let listed = app.vault.list(&opened, ObjectKind::Snapshots).await?;
    let mut found = listed.iter().filter(|(snapshot, _)| snapshot.starts_with(&typed));
    let only = match (found.next(), found.next()) {
        (Some((snapshot, _)), None) if typed.len() >= 8 => ObjectKey::parse(ObjectKind::Snapshots, snapshot).ok(),
        _ => None,
    };
    let problem = match only {
        None => "No snapshot, or more than one, begins so. Nothing was deleted.".to_owned(),
        Some(key) => {
            let deleted = app.vault.delete_one(&opened, key, &actor).await;
            drop(opened);
            app.delivery_changed.notify_one();
            match deleted {
                Ok(Deleted::Held(request)) => return Ok(recorded::lead(request)),
                Ok(Deleted::Done | Deleted::Unknown) => {
                    return Ok(Notice::SnapshotDeleted.at(&format!("/backups/{storage}/{name}")));
                }
                Err(error) => not_now(error)?,
            }
        }
    };
    let wrong = Wrong {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        delete: None,
        snapshot: Some(problem),
    };
    page(asked, storage, name, wrong).await
}

/// What it is kept for.
#[derive(Debug, Deserialize)]
pub struct Mark {
    kind: BackupKind,
}

/// `POST /backups/{storage}/{backup}/mark`.
pub async fn mark(
    State(app): State<AppState>,
    Path((storage, name)): Path<(String, String)>,
    PersonForm { person, form }: PersonForm<Mark>,
) -> Result<Response, Problem> {
    let (storage, name): (Name, Name) = (part(&storage)?, part(&name)?);
    let href = format!("/backups/{storage}/{name}");
    let done = flows::backups::mark(&app, &person.actor(), &person.address, (storage, name), form.kind).await?;
    Ok(changed::lead(done, Notice::Saved, &href))
}
