//! Where an object lies.

use std::fmt::Write;

use countersign_core::{BackupId, ObjectKey, ObjectKind, ObjectName};

/// Which object of which backup. Every part was parsed: no path of a client reaches the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose.
    pub backup: BackupId,
    /// Which.
    pub key: ObjectKey,
}

impl Place {
    /// The folder below `objects`.
    pub(super) fn folder(&self) -> String {
        let mut folder = String::with_capacity(32);
        match (self.key.kind, self.key.name) {
            (ObjectKind::Config, _) => {
                // Writing to a string cannot fail.
                let _ = write!(folder, "{}", self.backup);
            }
            (ObjectKind::Data, ObjectName::Hash(hash)) => {
                let _ = write!(folder, "{}/data/{:02x}", self.backup, hash.0[0]);
            }
            (kind, _) => {
                let _ = write!(folder, "{}/{kind}", self.backup);
            }
        }
        folder
    }

    /// The path below `objects`.
    pub(super) fn path(&self) -> String {
        let mut path = self.folder();
        path.push('/');
        let _ = write!(path, "{}", self.key.name);
        path
    }
}
