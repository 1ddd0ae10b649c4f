//! Removing. Every step can be repeated: a job that was interrupted just runs again. Private to the vault, which removes
//! on an order from core alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_core::BackupId;
use rustix::fs::{self as sys, AtFlags};
use rustix::io::Errno;

use super::{FileError, Files, Place, Shared, blocking};

/// What a removal found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// A file was there and is gone.
    Gone,
    /// There was none.
    NotThere,
}

impl Files {
    /// Removes many files with few waits: all are durable when it returns, in the order asked. On an error some may be
    /// gone: ask again.
    pub(crate) async fn remove_all(&self, places: Vec<Place>) -> Result<Vec<Removed>, FileError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let removed = places
                .iter()
                .map(|place| shared.unlink(place))
                .collect::<Result<Vec<_>, _>>()?;
            let folders: BTreeSet<String> = places.iter().map(Place::folder).collect();
            for folder in &folders {
                shared.sync_removal(folder)?;
            }
            Ok(removed)
        })
        .await
    }

    /// Removes everything of a backup. It vanishes in one step; freeing the space takes longer, and is finished by the
    /// next start if it is interrupted.
    pub(crate) async fn remove_backup(&self, backup: BackupId) -> Result<Removed, FileError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            shared.folders.forget(backup);
            let name = shared.staging_name("removed");
            let removed = match sys::renameat(&shared.objects, backup.to_string(), &shared.staging, &name) {
                Ok(()) => Removed::Gone,
                Err(Errno::NOENT) => Removed::NotThere,
                Err(errno) => return Err(FileError::when("remove a backup")(errno)),
            };
            // Also when nothing was there: an interrupted run may have moved it without waiting for the disk.
            sys::fsync(&shared.objects).map_err(FileError::when("make a folder durable"))?;
            if removed == Removed::Gone {
                std::fs::remove_dir_all(shared.root.join("staging").join(name))
                    .map_err(FileError::when("remove a backup"))?;
            }
            Ok(removed)
        })
        .await
    }

    /// Removes what an earlier run left half received or half removed.
    pub(super) fn sweep_staging(&self) -> std::io::Result<()> {
        let entries = match std::fs::read_dir(self.shared.root.join("staging")) {
            // The storage was being left.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Shared {
    fn unlink(&self, place: &Place) -> Result<Removed, FileError> {
        match sys::unlinkat(&self.objects, place.path(), AtFlags::empty()) {
            Ok(()) => Ok(Removed::Gone),
            Err(Errno::NOENT) => Ok(Removed::NotThere),
            Err(errno) => Err(FileError::when("remove a file")(errno)),
        }
    }

    /// Also when nothing was there: an interrupted run may have removed it without waiting for the disk.
    fn sync_removal(&self, folder: &str) -> Result<(), FileError> {
        match self.sync_folder(folder) {
            Err(FileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
