//! Against wearing out whoever decides: how much of one account waits at a time, and how often it asks for what was rejected.

use countersign_core::manifest::Subject;
use countersign_core::policy::{MOST_REPEATS, REPEAT_SECONDS};
use countersign_core::{AccountId, BackupId, ObjectKey, Policy, Sha256};
use countersign_events::{Operation, Timestamp};
use countersign_store::{StoreError, Tx};

use crate::VaultError;

/// Whether this account may make one more request. What joins a request that collects is none.
pub(crate) async fn one_more(tx: &mut Tx, account: AccountId, policy: &Policy) -> Result<(), VaultError> {
    let most = policy.open_requests;
    if tx.open_requests_of(account, most).await? < most {
        Ok(())
    } else {
        Err(VaultError::TooManyOpen(most))
    }
}

/// Whether the same thing may be asked for again.
pub(crate) async fn again(tx: &mut Tx, account: AccountId, likeness: Sha256, now: Timestamp) -> Result<(), VaultError> {
    let since = now.plus_seconds(-REPEAT_SECONDS);
    enough(tx.rejections_since(account, likeness, since).await?)
}

/// By which the same thing is known again.
pub(crate) fn likeness(subject: &Subject, operation: &Operation) -> Result<Sha256, VaultError> {
    let likeness = subject.likeness(operation.id());
    likeness.map_err(|error| StoreError::Engine(error.to_string()).into())
}

/// Whether an object may be asked for again, alone or with whatever others.
pub(crate) async fn object_again(
    tx: &mut Tx,
    (account, backup): (AccountId, BackupId),
    key: ObjectKey,
    now: Timestamp,
) -> Result<(), VaultError> {
    let since = now.plus_seconds(-REPEAT_SECONDS);
    let name = key.name.to_string();
    enough(
        tx.object_rejections_since((account, backup), (key.kind, &name), since)
            .await?,
    )
}

const fn enough(rejections: u32) -> Result<(), VaultError> {
    if rejections > MOST_REPEATS {
        Err(VaultError::AskedTooOften(rejections))
    } else {
        Ok(())
    }
}
