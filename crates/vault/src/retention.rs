//! The retention lock: what is too young to be deleted is refused, whoever asks, and whoever approved it.

use countersign_core::storage::locked_until;
use countersign_core::{BackupId, ObjectKind, RequestId, StorageId};
use countersign_events::Timestamp;
use countersign_store::{StorageTerms, StoreError, View};

use crate::VaultError;

/// Whether a storage's lock keeps something that was received then.
///
/// # Errors
/// It does: [`VaultError::Immutable`].
pub(crate) fn unlocked(
    terms: &StorageTerms,
    kind: ObjectKind,
    received_at: Timestamp,
    now: Timestamp,
) -> Result<(), VaultError> {
    match locked_until(kind, received_at, terms.immutable_days, now) {
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
        Some(newest) => unlocked(&backup.terms, ObjectKind::Data, newest, now),
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
        Some(newest) => unlocked(terms, ObjectKind::Data, newest, now),
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
    let locked = newest.and_then(|at| locked_until(ObjectKind::Data, at, there.spec.immutable_days, now));
    match locked {
        Some(until) => Err(VaultError::Immutable { until }),
        None => Ok(()),
    }
}
