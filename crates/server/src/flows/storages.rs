//! Storages: added and strengthened at once, weakened and deleted by a request while four-eyes authorization is on.

use std::net::SocketAddr;

use countersign_core::manifest::{ManifestBackup, Subject};
use countersign_core::purge::PurgeOrder;
use countersign_core::storage::{BadStorage, Weakening};
use countersign_core::{Actor, Deed, FolderPath, RequestId, StorageId, StorageSpec, Verdict, decide};
use countersign_events::{Changes, Event, Operation, Timestamp, User};
use countersign_store::{Storage, StoreError, Tx, View};
use countersign_vault::files::{FolderRefused, OpenError};
use countersign_vault::{End, Grounds, Prepared, VaultError, request_change, retention, take_out};

use super::receivers::Difference;
use super::settings::{ChangeError, Changed, report_change};
use crate::app::App;
use crate::listen::ClientAddress;

/// Why nothing was done to a storage.
#[derive(Debug, thiserror::Error)]
pub enum StorageRefusal {
    /// Its parts do not go together.
    #[error(transparent)]
    Bad(#[from] BadStorage),
    /// There is none of this number.
    #[error("there is no such storage")]
    NoStorage,
    /// Names are single.
    #[error("there is a storage of this name already, or its bytes are still on their way out: choose another")]
    NameTaken,
    /// Clients need one.
    #[error("this is the last storage: add another one first")]
    Last,
    /// Its folder cannot become one.
    #[error(transparent)]
    Folder(#[from] FolderRefused),
    /// It is recorded, but its folder cannot be made.
    #[error("the storage was added, but is out of service: {0}")]
    Away(#[from] OpenError),
}

/// Adds a storage, at once: nothing is weakened by more room. For backup administrators. Reported: 41400; 41810 when it is refused.
///
/// # Errors
/// Why it was not added.
pub async fn add(app: &App, actor: &Actor, from: &ClientAddress, spec: StorageSpec) -> Result<StorageId, ChangeError> {
    let spec = spec.checked().map_err(StorageRefusal::from)?;
    let (name, asking, now) = (spec.name.clone(), actor.clone(), app.clock.now());
    // Asked before a folder is touched, and again in the transaction that records it.
    let free = app
        .store
        .read(move |view| {
            Box::pin(async move {
                may_administer(view, &asking, now).await?;
                Ok::<_, ChangeError>(view.storage_named(&name).await?.is_none())
            })
        })
        .await;
    if !reported(app, actor, from, Attempt::Change, free).await? {
        return Err(StorageRefusal::NameTaken.into());
    }
    let prepared = match &spec.path {
        Some(path) => Some(app.vault.prepare_folder(path).await.map_err(StorageRefusal::from)?),
        None => None,
    };
    let (marker, by) = (
        prepared.as_ref().map(|prepared: &Prepared| prepared.marker.clone()),
        actor.clone(),
    );
    let id = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                may_administer(tx, &by, now).await?;
                let id = match tx.add_storage(&spec, marker.as_deref(), now).await {
                    Err(StoreError::Exists) => return Err(StorageRefusal::NameTaken.into()),
                    other => other?,
                };
                let event = Event::StorageAdded {
                    storage_id: Some(id.to_string()),
                    storage_type: Some("FileSystem".to_owned()),
                    name: spec.name.to_string(),
                    changes: told(id, None, Some(&spec)),
                    user_name: by.name.clone(),
                };
                tx.report(&event, now, None, &by.name).await?;
                Ok::<_, ChangeError>(id)
            })
        })
        .await?;
    app.delivery_changed.notify_one();
    app.vault.opened(id, prepared).await.map_err(StorageRefusal::from)?;
    Ok(id)
}

/// Describes a storage anew: at once what strengthens it, by a request (109) what weakens it. For backup administrators. Reported: 31000;
/// 41810 when it is refused.
///
/// # Errors
/// Why it was not changed.
pub async fn change(
    app: &App,
    actor: &Actor,
    from: &ClientAddress,
    id: StorageId,
    after: StorageSpec,
) -> Result<Changed, ChangeError> {
    let (asking, now, nonce) = (actor.clone(), app.clock.now(), app.vault.nonce());
    let changed = app
        .store
        .write(move |tx| Box::pin(async move { change_in(tx, &asking, id, after, (now, nonce)).await }))
        .await;
    let changed = reported(app, actor, from, Attempt::Change, changed).await?;
    // Clients find it by its new name from now on.
    app.vault.decided();
    app.delivery_changed.notify_one();
    Ok(changed)
}

async fn change_in(
    tx: &mut Tx,
    actor: &Actor,
    id: StorageId,
    after: StorageSpec,
    (now, nonce): (Timestamp, String),
) -> Result<Changed, ChangeError> {
    let policy = tx.policy().await?;
    let verdict = decide(actor, Deed::WeakenStorage, &policy, now);
    if let Verdict::Deny(refusal) = verdict {
        return Err(VaultError::from(refusal).into());
    }
    let storage = open(tx, id).await?;
    let after = after.checked().map_err(StorageRefusal::from)?;
    let before = storage.spec;
    if after.path.is_some() && after.path != before.path {
        return Err(StorageRefusal::Bad(BadStorage::Path).into());
    }
    let after = StorageSpec {
        path: before.path.clone(),
        ..after
    };
    if after == before {
        return Ok(Changed::Unchanged);
    }
    if after.name != before.name && tx.storage_named(&after.name).await?.is_some() {
        return Err(StorageRefusal::NameTaken.into());
    }
    let weakened = before.weakened_by(&after);
    match verdict {
        Verdict::Hold if !weakened.is_empty() => {
            let operation = Operation::UpdateRepository {
                name: before.name.to_string(),
            };
            let target = target(&before);
            let subject = Subject::StorageChange {
                after,
                before,
                storage: id,
            };
            let request = request_change(tx, actor, (operation, target), subject, now, nonce).await?;
            Ok(Changed::Requested(request))
        }
        Verdict::Hold | Verdict::Allow(_) => {
            apply_change(tx, id, &before, &after, &actor.user(), None, now).await?;
            Ok(Changed::Done)
        }
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
    }
}

/// Makes another description hold if what it was computed from still holds; reports it.
pub(super) async fn apply_change(
    tx: &mut Tx,
    id: StorageId,
    before: &StorageSpec,
    after: &StorageSpec,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    if open(tx, id).await?.spec != *before {
        return Err(VaultError::Drift.into());
    }
    match tx.change_storage(id, after, now).await {
        Err(StoreError::Exists) => return Err(StorageRefusal::NameTaken.into()),
        Ok(false) => return Err(VaultError::Drift.into()),
        other => other?,
    };
    report_change(tx, told(id, Some(before), Some(after)), by, request, now).await?;
    Ok(())
}

/// Takes a storage out of service (107), with its bytes or without: by a request while four-eyes authorization is on; until that is over,
/// it can only be read. For backup administrators. Reported: 41402, 28200, 10050; 41800 when it is refused.
///
/// # Errors
/// Why nothing was done. A storage whose backups have waiting requests, whose objects are under a retention lock, or that is the last one
/// is not deleted.
pub async fn delete(
    app: &App,
    actor: &Actor,
    from: &ClientAddress,
    id: StorageId,
    end: End,
) -> Result<Changed, ChangeError> {
    let (asking, now, nonce) = (actor.clone(), app.clock.now(), app.vault.nonce());
    let busy = app.vault.storage_idle(id).await;
    let changed = app
        .store
        .write(move |tx| Box::pin(async move { delete_in(tx, &asking, id, end, busy, (now, nonce)).await }))
        .await;
    let changed = reported(app, actor, from, Attempt::Delete, changed).await?;
    app.vault.decided();
    app.delivery_changed.notify_one();
    Ok(changed)
}

async fn delete_in(
    tx: &mut Tx,
    actor: &Actor,
    id: StorageId,
    end: End,
    idle: Result<(), VaultError>,
    (now, nonce): (Timestamp, String),
) -> Result<Changed, ChangeError> {
    let policy = tx.policy().await?;
    let verdict = decide(actor, Deed::DeleteStorage, &policy, now);
    if let Verdict::Deny(refusal) = verdict {
        return Err(VaultError::from(refusal).into());
    }
    let storage = open(tx, id).await?;
    may_go(tx, id, now).await?;
    match verdict {
        Verdict::Allow(warrant) => {
            idle?;
            let order = PurgeOrder::storage(warrant, id);
            take_out(tx, id, end, &actor.user(), Grounds::AtOnce(&order), now).await?;
            Ok(Changed::Done)
        }
        Verdict::Hold => {
            let operation = Operation::DeleteStorage {
                name: storage.spec.name.to_string(),
            };
            let subject = Subject::Storage {
                backups: tx.manifest_backups(id).await?,
                name: storage.spec.name.clone(),
                path: storage.spec.path.clone(),
                purge: end == End::Purge,
                storage: id,
            };
            let request = request_change(tx, actor, (operation, target(&storage.spec)), subject, now, nonce).await?;
            if !tx.hold_storage(id, request).await? {
                return Err(VaultError::Drift.into());
            }
            Ok(Changed::Requested(request))
        }
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
    }
}

/// A storage that goes, as its request's manifest has it.
pub(super) struct Going<'a> {
    pub(super) id: StorageId,
    pub(super) path: Option<&'a FolderPath>,
    pub(super) purge: bool,
    pub(super) backups: &'a [ManifestBackup],
}

/// Takes a storage out of service if what lies in it is what was approved (rule 5); reports it. Its files follow after the commit.
pub(super) async fn apply_delete(
    tx: &mut Tx,
    going: Going<'_>,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    let request = request.ok_or(VaultError::Drift)?;
    let storage = tx.storage(going.id).await?.ok_or(VaultError::Drift)?;
    may_go(tx, going.id, now).await?;
    if storage.spec.path.as_ref() != going.path || tx.manifest_backups(going.id).await? != going.backups {
        return Err(VaultError::Drift.into());
    }
    let end = if going.purge { End::Purge } else { End::Forget };
    take_out(tx, going.id, end, by, Grounds::Approved(request), now).await?;
    Ok(())
}

/// What is asked when a storage's deletion is asked for and again when it is carried out.
async fn may_go(tx: &mut Tx, id: StorageId, now: Timestamp) -> Result<(), ChangeError> {
    if tx.storages().await?.len() < 2 {
        return Err(StorageRefusal::Last.into());
    }
    retention::storage_unlocked(tx, id, now).await?;
    if tx.requests_wait_in(id).await? {
        return Err(VaultError::RequestsWait.into());
    }
    Ok(())
}

/// A storage that nothing waits for.
async fn open(tx: &mut Tx, id: StorageId) -> Result<Storage, ChangeError> {
    let storage = tx.storage(id).await?.ok_or(StorageRefusal::NoStorage)?;
    if storage.held_by.is_some() {
        return Err(VaultError::StorageCloses.into());
    }
    Ok(storage)
}

/// Whoever may ask for a weaker storage may add one, and make it stronger.
async fn may_administer(view: &mut View, actor: &Actor, now: Timestamp) -> Result<(), ChangeError> {
    match decide(actor, Deed::WeakenStorage, &view.policy().await?, now) {
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
        Verdict::Allow(_) | Verdict::Hold => Ok(()),
    }
}

/// What somebody tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attempt {
    Change,
    Delete,
}

/// Reports what was refused since the role is missing or nobody may, in a transaction of its own.
pub(super) async fn reported<T>(
    app: &App,
    actor: &Actor,
    from: &ClientAddress,
    attempt: Attempt,
    outcome: Result<T, ChangeError>,
) -> Result<T, ChangeError> {
    if let Err(ChangeError::Vault(VaultError::Refused(_) | VaultError::Immutable { .. })) = &outcome {
        // Behind a proxy the port is not known.
        let endpoint = SocketAddr::new(from.ip, from.port.unwrap_or(0));
        let user_name = Some(actor.name.clone());
        let event = match attempt {
            Attempt::Change => Event::UpdateSecurityObjectFailed { endpoint, user_name },
            Attempt::Delete => Event::DeleteBackupFailed {
                endpoint,
                user_name,
                request_id: None,
            },
        };
        let (now, name) = (app.clock.now(), actor.name.clone());
        app.store
            .write(move |tx| Box::pin(async move { tx.report(&event, now, None, &name).await }))
            .await
            .map_err(|error: StoreError| ChangeError::from(error))?;
        app.delivery_changed.notify_one();
    }
    outcome
}

/// Everything that differs, in the order in which people think of a storage.
pub fn differences(before: Option<&StorageSpec>, after: Option<&StorageSpec>) -> Vec<Difference> {
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let facts = |spec: Option<&StorageSpec>| {
        [
            ("name", spec.map(|spec| spec.name.to_string()).unwrap_or_default()),
            (
                "path",
                spec.and_then(|spec| spec.path.as_ref())
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            ("quota_bytes", number(spec.and_then(|spec| spec.quota_bytes))),
            (
                "immutable_days",
                number(spec.and_then(|spec| spec.immutable_days).map(u64::from)),
            ),
        ]
    };
    let all = facts(before).into_iter().zip(facts(after));
    all.map(|((name, before), (_, after))| Difference {
        name: name.to_owned(),
        before,
        after,
    })
    .filter(|difference| difference.before != difference.after)
    .collect()
}

/// What of a change weakens, in words.
pub fn weakening(before: &StorageSpec, after: &StorageSpec) -> Vec<&'static str> {
    let words = |weakening| match weakening {
        Weakening::Renamed => "clients and tokens that say the old name no longer reach it",
        Weakening::LockShorter => "objects can be deleted sooner",
        Weakening::QuotaLower => "backups find less room",
    };
    before.weakened_by(after).into_iter().map(words).collect()
}

fn told(id: StorageId, before: Option<&StorageSpec>, after: Option<&StorageSpec>) -> Changes {
    let name = after.or(before).map(|spec| spec.name.to_string()).unwrap_or_default();
    differences(before, after).into_iter().fold(
        Changes::object(id.to_string(), name).attribute("type", "Storage"),
        |changes, Difference { name, before, after }| changes.property(name, "String", before, after),
    )
}

fn target(spec: &StorageSpec) -> String {
    format!("storage {}", spec.name)
}
