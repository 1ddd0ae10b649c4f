//! The retention lock: what is too young to be deleted is refused, whoever asks, and whoever approved it. Its time is the one that ages.

use countersign_core::ageing::ages_from;
use countersign_core::storage::locked_until;
use countersign_core::{BackupId, ObjectKind, RequestId, StorageId};
use countersign_events::Timestamp;
use countersign_store::{StorageTerms, StoreError, View};

use crate::VaultError;

/// Whether a storage's lock keeps something that was received then.
///
/// # Errors
/// It does: [`VaultError::Immutable`].
pub(crate) async fn unlocked(
    view: &mut View,
    days: Option<u32>,
    kind: ObjectKind,
    received_at: Timestamp,
    now: Timestamp,
) -> Result<(), VaultError> {
    if days.is_none() {
        return Ok(());
    }
    let from = ages_from(&view.clock_corrections().await?, received_at);
    match locked_until(kind, from, days, view.moment(now).ageing) {
        Some(until) => Err(VaultError::Immutable { until }),
        None => Ok(()),
    }
}

/// Whether the lock keeps any object that a request holds. Asked at the approval and again before the bytes go.
///
/// # Errors
/// It does: [`VaultError::Immutable`].
pub async fn request_unlocked(
    view: &mut View,
    backup: BackupId,
    request: RequestId,
    now: Timestamp,
) -> Result<(), VaultError> {
    // A backup that is gone has nothing left to keep.
    let Some(backup) = view.backup(backup).await? else {
        return Ok(());
    };
    match view.newest_held(request).await? {
        Some(newest) => unlocked(view, backup.terms.immutable_days, ObjectKind::Data, newest, now).await,
        None => Ok(()),
    }
}

/// Whether the lock keeps any object of a backup.
///
/// # Errors
/// It does: [`VaultError::Immutable`].
pub(crate) async fn backup_unlocked(
    view: &mut View,
    backup: BackupId,
    terms: &StorageTerms,
    now: Timestamp,
) -> Result<(), VaultError> {
    if terms.immutable_days.is_none() {
        return Ok(());
    }
    match view.newest_kept(backup).await? {
        Some(newest) => unlocked(view, terms.immutable_days, ObjectKind::Data, newest, now).await,
        None => Ok(()),
    }
}

/// Whether the lock keeps any object of a storage.
///
/// # Errors
/// It does: [`VaultError::Immutable`], until the youngest is free.
pub async fn storage_unlocked(view: &mut View, storage: StorageId, now: Timestamp) -> Result<(), VaultError> {
    let there = view
        .storage(storage)
        .await?
        .ok_or(StoreError::Unreadable("a storage that was there"))?;
    let mut newest = None;
    for backup in view.backups_of(storage).await? {
        newest = newest.max(view.newest_kept(backup).await?);
    }
    match newest {
        Some(newest) => unlocked(view, there.spec.immutable_days, ObjectKind::Data, newest, now).await,
        None => Ok(()),
    }
}
