//! The order to purge. The vault deletes on nothing else.

use crate::decide::Warrant;
use crate::manifest::{Manifest, Subject};
use crate::undo::Begun;
use crate::{BackupId, ObjectKey, RequestId, Sha256, StorageId};

/// An order to destroy exactly what it names. Only a warrant or an approval makes one.
#[derive(Debug)]
pub struct PurgeOrder(Cause);

#[derive(Debug)]
enum Cause {
    AtOnce {
        backup: BackupId,
        object: Option<ObjectKey>,
    },
    StorageAtOnce(StorageId),
    Approved {
        request: RequestId,
        digest: Sha256,
    },
}

/// What lies there is not what was approved. The approval is void; nothing is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what lies in the vault is not what was approved: the approval is void and nothing was destroyed")]
pub struct Drift;

impl PurgeOrder {
    /// One object, at once: a lock, or anything while four-eyes authorization is off.
    pub const fn object(_warrant: Warrant, backup: BackupId, object: ObjectKey) -> Self {
        Self(Cause::AtOnce {
            backup,
            object: Some(object),
        })
    }

    /// A whole backup, at once, while four-eyes authorization is off.
    pub const fn backup(_warrant: Warrant, backup: BackupId) -> Self {
        Self(Cause::AtOnce { backup, object: None })
    }

    /// A storage with all its bytes, at once, while four-eyes authorization is off.
    pub const fn storage(_warrant: Warrant, storage: StorageId) -> Self {
        Self(Cause::StorageAtOnce(storage))
    }

    /// What a second person approved, once its time had come.
    pub const fn begun(begun: &Begun) -> Self {
        Self(Cause::Approved {
            request: begun.request,
            digest: begun.digest,
        })
    }

    /// What was begun before: the store gives the digest of the decision back.
    pub const fn resumed(decided: &DecidedDigest) -> Self {
        Self(Cause::Approved {
            request: decided.request,
            digest: decided.digest,
        })
    }

    /// The single object of an order that is done at once.
    pub const fn single(&self) -> Option<(BackupId, Option<ObjectKey>)> {
        match &self.0 {
            Cause::AtOnce { backup, object } => Some((*backup, *object)),
            Cause::StorageAtOnce(_) | Cause::Approved { .. } => None,
        }
    }

    /// The storage of an order that is done at once.
    pub const fn whole_storage(&self) -> Option<StorageId> {
        match &self.0 {
            Cause::StorageAtOnce(storage) => Some(*storage),
            Cause::AtOnce { .. } | Cause::Approved { .. } => None,
        }
    }

    /// The request of an approved order.
    pub const fn request(&self) -> Option<RequestId> {
        match &self.0 {
            Cause::AtOnce { .. } | Cause::StorageAtOnce(_) => None,
            Cause::Approved { request, .. } => Some(*request),
        }
    }

    /// Whether the manifest, made anew from what lies in the store, is what was approved (rule 5).
    pub fn verify(&self, manifest: &Manifest) -> Result<(), Drift> {
        match (&self.0, &manifest.subject) {
            (Cause::Approved { request, digest }, Subject::Objects { .. } | Subject::Storage { purge: true, .. })
                if *request == manifest.request && manifest.digest().is_ok_and(|now| now == *digest) =>
            {
                Ok(())
            }
            _ => Err(Drift),
        }
    }
}

/// A decision that was recorded: what the store gives back of an approved request whose effect is still due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidedDigest {
    /// The request.
    pub request: RequestId,
    /// The digest that was approved.
    pub digest: Sha256,
}

#[cfg(test)]
mod tests {
    use countersign_events::Timestamp;

    use super::*;
    use crate::{AccountId, Initiator};

    fn manifest(purge: bool) -> Manifest {
        Manifest {
            expires_at: Timestamp(2),
            initiator: Initiator {
                account: AccountId(1),
                address: "::1".into(),
                behind: Vec::new(),
                login_type: 0,
                name: "ann".into(),
            },
            nonce: "00".into(),
            operation: 107,
            request: RequestId(7),
            sealed_at: Timestamp(1),
            subject: Subject::Storage {
                backups: Vec::new(),
                name: "old".parse().unwrap(),
                path: None,
                purge,
                storage: StorageId(2),
            },
            version: Manifest::VERSION,
            why: None,
        }
    }

    /// Rule 5: a storage's bytes go only on an approval of exactly that, with its bytes.
    #[test]
    fn an_order_for_a_storage_is_for_what_was_approved_alone() {
        let order = |manifest: &Manifest| {
            PurgeOrder::resumed(&DecidedDigest {
                request: RequestId(7),
                digest: manifest.digest().unwrap(),
            })
        };
        assert_eq!(order(&manifest(true)).verify(&manifest(true)), Ok(()));
        assert_eq!(order(&manifest(false)).verify(&manifest(false)), Err(Drift));
        assert_eq!(order(&manifest(false)).verify(&manifest(true)), Err(Drift));
        let other = Manifest {
            request: RequestId(8),
            ..manifest(true)
        };
        assert_eq!(order(&other).verify(&other), Err(Drift));
    }
}
