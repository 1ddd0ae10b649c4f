//! The order to purge. The vault deletes on nothing else.

use crate::decide::Warrant;
use crate::manifest::{Manifest, Subject};
use crate::request::Approved;
use crate::{BackupId, ObjectKey, RequestId, Sha256};

/// An order to destroy exactly what it names. Only a warrant or an approval makes one.
#[derive(Debug)]
pub struct PurgeOrder(Cause);

#[derive(Debug)]
enum Cause {
    AtOnce {
        backup: BackupId,
        object: Option<ObjectKey>,
    },
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

    /// What a second person approved.
    pub fn approved(approved: &Approved) -> Self {
        Self(Cause::Approved {
            request: approved.request().id,
            digest: approved.request().digest,
        })
    }

    /// What a second person approved before a restart: the store gives the digest of the decision back.
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
            Cause::Approved { .. } => None,
        }
    }

    /// The request of an approved order.
    pub const fn request(&self) -> Option<RequestId> {
        match &self.0 {
            Cause::AtOnce { .. } => None,
            Cause::Approved { request, .. } => Some(*request),
        }
    }

    /// Whether the manifest, made anew from what lies in the store, is what was approved (rule 5).
    pub fn verify(&self, manifest: &Manifest) -> Result<(), Drift> {
        match (&self.0, &manifest.subject) {
            (Cause::Approved { request, digest }, Subject::Objects { .. })
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
