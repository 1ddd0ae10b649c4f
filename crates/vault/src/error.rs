//! Why the vault did not do it.

use countersign_core::fence::InUse;
use countersign_core::queue::OutOfOrder;
use countersign_core::{Refusal, RequestId, request};
use countersign_events::Timestamp;
use countersign_store::StoreError;

use crate::files::FileError;

/// Why the vault did not do it. Nothing half done is left behind.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such storage.
    #[error("there is no such storage")]
    NoStorage,
    /// Clients see no such backup.
    #[error("there is no such backup: `restic init` makes one")]
    NoBackup,
    /// The name is taken by a backup whose deletion waits for a decision.
    #[error("a backup of this name waits for a second person's decision: its name is free when that is made")]
    AwaitsDecision,
    /// The bytes do not have the name's hash.
    #[error("the bytes received do not have the SHA-256 that their name says: nothing was kept")]
    WrongHash,
    /// The name has other bytes.
    #[error("an object of this name exists and is never overwritten")]
    Exists,
    /// The right is missing, or the deed is never done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token may not add objects.
    #[error("this token may only read")]
    ReadOnly,
    /// A decision is moving the backup's objects this instant, or the object is being purged.
    #[error("a decision about this backup is being carried out: try again in a moment")]
    Moving,
    /// Requests about parts of it wait.
    #[error(
        "requests about this backup wait for a decision, or for the end of their undo window: decide or veto them first"
    )]
    RequestsWait,
    /// A retention lock keeps it, whoever asks or approves.
    #[error("the storage's retention lock keeps this until {}: nobody deletes it before, with or without an approval", .until.rfc3339(0))]
    Immutable {
        /// From when on it can be deleted.
        until: Timestamp,
    },
    /// A request to delete the storage waits.
    #[error("a request to delete this storage waits for a decision: until then it can only be read")]
    StorageCloses,
    /// Its folder cannot be opened.
    #[error("this storage is out of service: its folder is not there or cannot be opened; the server's log says more")]
    StorageAway,
    /// The quota of the storage is used up.
    #[error(
        "the quota of this storage is used up: nothing was kept; ask for a larger one, or delete what is not needed"
    )]
    QuotaFull,
    /// No more bytes may be held in this backup.
    #[error("too many bytes of this backup wait for a decision: decide the waiting requests first")]
    HeldCap,
    /// Too much of one account waits: whoever decides would be worn out.
    #[error(
        "{0} requests of this account wait for a decision, which is as many as may: let some be decided, or reject them yourself"
    )]
    TooManyOpen(u32),
    /// It was said no to often enough.
    #[error(
        "this was asked for and rejected {0} times within a day: talk to whoever rejected it; it can be asked for again when the \
         first rejection is a day old"
    )]
    AskedTooOften(u32),
    /// Someone is at work there.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// The decision does not fit the order of the queue.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    /// The decision is not theirs, or not on what they saw.
    #[error(transparent)]
    Undecided(#[from] request::Refusal),
    /// Someone was faster.
    #[error("request {id} is {}", standing(state, by.as_deref()))]
    Decided {
        /// Which.
        id: RequestId,
        /// What became of it.
        state: &'static str,
        /// By whom.
        by: Option<String>,
    },
    /// It does not wait for its time: not approved yet, or too late.
    #[error("request {id} cannot be vetoed: {why}")]
    NotWaiting {
        /// Which.
        id: RequestId,
        /// What became of it.
        why: &'static str,
    },
    /// There is no such request.
    #[error("there is no request {0}")]
    NoRequest(RequestId),
    /// What lies there is not what was approved.
    #[error("what lies in the vault is not what the request lists: the approval is void, and nothing was changed")]
    Drift,
    /// Below.
    #[error(transparent)]
    Files(#[from] FileError),
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn standing(state: &str, by: Option<&str>) -> String {
    match (state, by) {
        ("collecting", _) => "still collecting deletes: decide it when the client has finished".to_owned(),
        (state, None) => format!("already {state}"),
        (state, Some(by)) => format!("already {state} by {by}"),
    }
}

impl From<countersign_core::purge::Drift> for VaultError {
    fn from(_: countersign_core::purge::Drift) -> Self {
        Self::Drift
    }
}
