//! Configuration backups as a part of the security settings: their schedule, their passphrase, and taking one away (102).

use countersign_core::configuration_backup::{BadPassphrase, Passphrase, Schedule};
use countersign_core::manifest::Subject;
use countersign_core::{Actor, ConfigurationBackupId, Deed, Sha256, Verdict, decide};
use countersign_events::{Changes, Operation, Timestamp};
use countersign_store::{StoreError, Tx};
use countersign_vault::VaultError;

use super::receivers::Difference;
use super::settings::{Change, ChangeError, Changed, change};
use crate::app::App;
use crate::seal::Purpose;

/// What the things are called that are no single backup.
const TARGET: &str = "configuration backups";

/// A passphrase that was sealed, to be laid down.
#[derive(Debug, Clone)]
pub struct NewPassphrase {
    sealed: Vec<u8>,
    asked_at: Timestamp,
}

/// Sets what configuration backups are encrypted with, as far as the actor may: at once, or by a request. Those that there are stay
/// readable with the passphrase that they were made with.
///
/// # Errors
/// It is too easy, or the role is missing.
pub async fn set_passphrase(app: &App, actor: &Actor, text: &str) -> Result<Changed, ChangeError> {
    let passphrase: Passphrase = text.parse().map_err(|error: BadPassphrase| error)?;
    let asked_at = app.clock.now();
    let purpose = Purpose::ConfigurationPassphrase(asked_at.0);
    let sealed = app.sealing.seal(purpose, passphrase.reveal().as_bytes(), &*app.entropy);
    let sealed = sealed.map_err(|error| StoreError::Engine(error.to_string()))?;
    change(
        app,
        actor,
        Change::ConfigurationPassphrase(NewPassphrase { sealed, asked_at }),
    )
    .await
}

/// One less, as a manifest has it.
pub(super) async fn deleting(
    tx: &mut Tx,
    id: ConfigurationBackupId,
) -> Result<(Operation, String, Subject), ChangeError> {
    let kept = tx.configuration_backup(id).await?;
    let kept = kept.ok_or(ChangeError::NoConfigurationBackup)?;
    let operation = Operation::DeleteConfigurationBackup {
        name: kept.name.clone(),
    };
    let target = kept.name.clone();
    let subject = Subject::ConfigurationBackup {
        backup: id,
        hash: kept.hash,
        made_at: kept.made_at,
        name: kept.name,
        size: kept.size,
    };
    Ok((operation, target, subject))
}

/// Another schedule; none when nothing would change.
pub(super) async fn scheduling(
    tx: &mut Tx,
    after: Schedule,
) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    let (before, after) = (tx.configuration_schedule().await?, after.checked()?);
    let subject = Subject::ConfigurationSchedule { after, before };
    Ok((before != after).then(|| (Operation::UpdateSecuritySettings, TARGET.to_owned(), subject)))
}

/// Lays a sealed passphrase down, which does not hold yet. Asked for only once it is known that the actor may.
pub(super) async fn encrypting(tx: &mut Tx, new: NewPassphrase) -> Result<(String, Subject), ChangeError> {
    let before = tx.configuration_passphrase().await?.map(|held| held.hash());
    let passphrase = tx.add_sealed_passphrase(&new.sealed, new.asked_at).await?;
    let subject = Subject::ConfigurationPassphrase {
        before,
        passphrase,
        sealed: Sha256::of(&new.sealed),
    };
    Ok((TARGET.to_owned(), subject))
}

/// The deed that a change of these is.
pub(super) const fn deed(subject: &Subject) -> Option<Deed> {
    match subject {
        Subject::ConfigurationBackup { .. } => Some(Deed::DeleteConfigurationBackup),
        Subject::ConfigurationPassphrase { .. } | Subject::ConfigurationSchedule { .. } => {
            Some(Deed::ChangeConfigurationBackups)
        }
        _ => None,
    }
}

/// Refuses who may not change these at all.
pub(super) async fn may_change(tx: &mut Tx, actor: &Actor, now: Timestamp) -> Result<(), ChangeError> {
    match decide(actor, Deed::ChangeConfigurationBackups, &tx.policy().await?, now) {
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
        Verdict::Allow(_) | Verdict::Hold => Ok(()),
    }
}

/// Marks a backup for the removal of its file, if it is still the one that was approved; what is reported of it. The file goes after the
/// commit, and after a restart if need be (`crate::configuration_backup::step`).
pub(super) async fn apply_delete(
    tx: &mut Tx,
    id: ConfigurationBackupId,
    (name, size, hash): (&str, u64, Sha256),
    made_at: Timestamp,
) -> Result<Changes, ChangeError> {
    let kept = tx.configuration_backup(id).await?;
    let same = kept
        .is_some_and(|kept| (kept.name.as_str(), kept.size, kept.hash, kept.made_at) == (name, size, hash, made_at));
    if !same || !tx.delete_configuration_backup(id, hash).await? {
        return Err(VaultError::Drift.into());
    }
    Ok(Changes::object(id.to_string(), name)
        .attribute("type", "ConfigurationBackup")
        .property("file", "String", name, ""))
}

/// Lets another schedule hold if the one it was computed from still holds; what is reported of it.
pub(super) async fn apply_schedule(tx: &mut Tx, after: Schedule, before: Schedule) -> Result<Changes, ChangeError> {
    if tx.configuration_schedule().await? != before {
        return Err(VaultError::Drift.into());
    }
    tx.set_configuration_schedule(&after).await?;
    let told = Changes::object("schedule", TARGET).attribute("type", "ConfigurationBackups");
    Ok(differences(before, after)
        .into_iter()
        .fold(told, |told, Difference { name, before, after }| {
            told.property(name, "String", before, after)
        }))
}

/// Lets a passphrase hold if nothing changed meanwhile; what is reported of it.
pub(super) async fn apply_passphrase(
    tx: &mut Tx,
    passphrase: i64,
    sealed: Sha256,
    before: Option<Sha256>,
    now: Timestamp,
) -> Result<Changes, ChangeError> {
    let held = tx.configuration_passphrase().await?.map(|held| held.hash());
    let laid_down = tx.sealed_passphrase(passphrase).await?.map(|new| new.hash());
    if held != before || laid_down != Some(sealed) || !tx.hold_passphrase(passphrase, now).await? {
        return Err(VaultError::Drift.into());
    }
    let was = if before.is_some() { "set" } else { "none" };
    Ok(Changes::object("passphrase", TARGET)
        .attribute("type", "ConfigurationBackups")
        .property("passphrase", "String", was, "set anew"))
}

/// What of a schedule differs, by the names of manifests and the API.
pub fn differences(before: Schedule, after: Schedule) -> Vec<Difference> {
    let at = |schedule: Schedule| schedule.at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let difference = |name: &str, before: String, after: String| Difference {
        name: name.to_owned(),
        before,
        after,
    };
    let all = [
        difference("at", at(before), at(after)),
        difference("keep", before.keep.to_string(), after.keep.to_string()),
    ];
    all.into_iter()
        .filter(|difference| difference.before != difference.after)
        .collect()
}
