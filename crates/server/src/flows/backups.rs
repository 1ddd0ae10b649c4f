//! What a backup is kept for.

use countersign_core::{Actor, BackupKind, Deed, Name, Verdict, decide};
use countersign_events::{Changes, Timestamp};
use countersign_store::Tx;
use countersign_vault::VaultError;

use super::settings::{ChangeError, Changed, report_change};
use super::storages::{Attempt, reported};
use crate::app::App;
use crate::listen::ClientAddress;

/// Says what a backup is kept for, at once: that decides by which operation its deletion is asked for (100 or 101), and nothing else, so
/// neither way is weaker. For backup administrators. Reported: 31000; 41810 when it is refused.
///
/// # Errors
/// The role is missing, there is no such backup, or its deletion waits.
pub async fn mark(
    app: &App,
    actor: &Actor,
    from: &ClientAddress,
    (storage, backup): (Name, Name),
    kind: BackupKind,
) -> Result<Changed, ChangeError> {
    let (by, now) = (actor.clone(), app.clock.now());
    let marked = app
        .store
        .write(move |tx| Box::pin(async move { mark_in(tx, &by, (storage, backup), kind, now).await }))
        .await;
    let marked = reported(app, actor, from, Attempt::Change, marked).await?;
    app.delivery_changed.notify_one();
    Ok(marked)
}

async fn mark_in(
    tx: &mut Tx,
    actor: &Actor,
    (storage, name): (Name, Name),
    kind: BackupKind,
    now: Timestamp,
) -> Result<Changed, ChangeError> {
    // Whoever may ask to delete it may say what it is.
    if let Verdict::Deny(refusal) = decide(actor, Deed::DeleteBackup, &tx.policy().await?, now) {
        return Err(VaultError::from(refusal).into());
    }
    let backup = tx.backup_named(&storage, &name).await?.ok_or(VaultError::NoBackup)?;
    if !backup.visible() {
        return Err(VaultError::AwaitsDecision.into());
    }
    if !tx.mark_backup(backup.id, kind).await? {
        return Ok(Changed::Unchanged);
    }
    let changes = Changes::object(backup.id.to_string(), backup.path())
        .attribute("type", "Backup")
        .property("kind", "String", backup.kind.as_str(), kind.as_str());
    let by = actor.user();
    report_change(tx, changes, &by, None, now).await?;
    Ok(Changed::Done)
}
