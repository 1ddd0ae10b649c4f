//! The folders of a backup: made whole and durable before the first file goes into them.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use countersign_core::{BackupId, ObjectKind};
use rustix::fs as sys;

use super::{FileError, ensure_folder, make_folder};

/// The folders that this process has made durable.
#[derive(Debug, Default)]
pub(super) struct Folders {
    ready: Mutex<HashSet<(BackupId, ObjectKind)>>,
}

impl Folders {
    /// Makes the folders of this kind in this backup, all 256 of a fanned-out one at once, and waits until they are
    /// durable. Cheap when that was done before.
    pub(super) fn ensure(&self, objects: &OwnedFd, backup: BackupId, kind: ObjectKind) -> Result<(), FileError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.contains(&(backup, kind)) {
            return Ok(());
        }
        // A folder that is there may still be unsynced by a run that was killed, so what exists is synced too.
        make(objects, backup, kind).map_err(FileError::when("make a folder"))?;
        ready.insert((backup, kind));
        Ok(())
    }

    /// Forgets a backup's folders: they were, or are about to be, removed.
    pub(super) fn forget(&self, backup: BackupId) {
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(of, _)| *of != backup);
    }
}

fn make(objects: &OwnedFd, backup: BackupId, kind: ObjectKind) -> std::io::Result<()> {
    let of_backup = make_folder(objects, &backup.to_string())?;
    match kind {
        ObjectKind::Config => {}
        ObjectKind::Data => {
            let of_kind = make_folder(&of_backup, kind.as_str())?;
            for first in 0..=u8::MAX {
                ensure_folder(&of_kind, &format!("{first:02x}"))?;
            }
            sys::fsync(&of_kind)?;
        }
        ObjectKind::Index | ObjectKind::Keys | ObjectKind::Locks | ObjectKind::Snapshots => {
            ensure_folder(&of_backup, kind.as_str())?;
        }
    }
    sys::fsync(&of_backup)?;
    sys::fsync(objects)?;
    Ok(())
}
