//! The manifest: the exact thing that a supervisor decides on, and that the vault checks again before it purges (rule 5).

mod subject;

use aws_lc_rs::digest;
use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::behind::Party;
use crate::{AccountId, BackupId, Object, RequestId, Sha256, Why};
pub use subject::Subject;

/// What a request is about. Its canonical JSON (RFC 8785) is hashed; the hash is what is approved.
///
/// Fields stand in the order of their names, which is the canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// When it expires, in microseconds since the Unix epoch.
    pub expires_at: Timestamp,
    /// Who asked.
    pub initiator: Initiator,
    /// 32 random hexadecimal digits: no two requests have the same digest.
    pub nonce: String,
    /// The operation's number (seed 42402).
    pub operation: u32,
    /// The request's number.
    pub request: RequestId,
    /// When it was sealed, in microseconds since the Unix epoch.
    pub sealed_at: Timestamp,
    /// What it would change.
    pub subject: Subject,
    /// The version of this form.
    pub version: u32,
    /// Why, in the initiator's words; left out where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// Who asked, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initiator {
    /// The account.
    pub account: AccountId,
    /// The address it asked from.
    pub address: String,
    /// Who else stands behind it, and cannot approve it either, ordered.
    ///
    /// None are left out, so that manifests from before they were there keep their form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Party>,
    /// Its `loginType` in events.
    pub login_type: u32,
    /// Its name when it asked.
    pub name: String,
}

/// A backup in the manifest of a storage. Locks of clients are no part of it: restores go on while the request waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestBackup {
    /// Its immutable id.
    pub backup: BackupId,
    /// Its bytes.
    pub bytes: u64,
    /// Over the list of its objects: see [`ListDigest`].
    pub list: Sha256,
    /// Its name, as people know it.
    pub name: crate::Name,
    /// How many objects it has.
    pub objects: u64,
}

/// The hash of a list of objects in canonical order: of the canonical JSON of each, and a line feed.
pub struct ListDigest(digest::Context);

impl Default for ListDigest {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl ListDigest {
    /// Takes the next object, by kind, then name.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn add(&mut self, object: &ManifestObject) -> Result<(), serde_json::Error> {
        self.0.update(serde_json::to_string(object)?.as_bytes());
        self.0.update(b"\n");
        Ok(())
    }

    /// The hash of all.
    pub fn finish(self) -> Sha256 {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        Sha256(hash)
    }
}

/// One object in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ManifestObject {
    /// Of its bytes.
    pub hash: Sha256,
    /// Of which kind.
    pub kind: crate::ObjectKind,
    /// Called what.
    pub name: String,
    /// In bytes.
    pub size: u64,
}

impl From<&Object> for ManifestObject {
    fn from(object: &Object) -> Self {
        Self {
            hash: object.hash,
            kind: object.key.kind,
            name: object.key.name.to_string(),
            size: object.size,
        }
    }
}

impl Manifest {
    /// The version of the form this code writes.
    pub const VERSION: u32 = 1;

    /// Puts the objects in their canonical order: by kind, then name.
    pub fn ordered(mut self) -> Self {
        if let Subject::Objects { objects, .. } = &mut self.subject {
            objects.sort_by(|a, b| (a.kind.as_str(), &a.name).cmp(&(b.kind.as_str(), &b.name)));
        }
        self
    }

    /// The canonical JSON.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The SHA-256 of the canonical JSON: what is shown, approved and checked.
    pub fn digest(&self) -> Result<Sha256, serde_json::Error> {
        Ok(Sha256::of(self.canonical()?.as_bytes()))
    }

    /// The same without its list of objects: what the store keeps beside the rows that hold the list.
    pub fn head(&self) -> Self {
        let mut head = self.clone();
        if let Subject::Objects { objects, .. } = &mut head.subject {
            objects.clear();
        }
        head
    }

    /// A head with its objects again.
    pub fn with_objects(mut self, list: Vec<ManifestObject>) -> Self {
        if let Subject::Objects { objects, .. } = &mut self.subject {
            *objects = list;
        }
        self.ordered()
    }
}

#[cfg(test)]
mod tests;
