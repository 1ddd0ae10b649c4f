//! Giving a received object its name: durable before it returns, never in the place of another.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{self as sys, AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::upload::{Body, StagedFile, write_all};
use super::{FileError, Files, Place, Shared, blocking, open_folder};

/// What became of a staged object.
#[derive(Debug)]
#[must_use]
pub enum Published {
    /// It lies at its place, durable.
    Stored,
    /// A file was at the place already and is untouched; the staged object is given back. When the database does not
    /// know that file, [`Files::replace`] takes its place.
    AlreadyThere(super::Staged),
}

impl Files {
    /// Puts the object at its place and waits until it is durable there.
    pub async fn publish(&self, staged: super::Staged, place: Place) -> Result<Published, FileError> {
        let shared = Arc::clone(&self.shared);
        let named = blocking(move || {
            Ok(match shared.name(staged, &place)? {
                Named::Yes(file) => Named::Yes(shared.sync(file, place)),
                Named::Taken(staged) => Named::Taken(staged),
            })
        });
        match named.await? {
            Named::Yes(syncing) => {
                let shared = Arc::clone(&self.shared);
                let durable = syncing.end().await;
                if durable.is_err() {
                    // If this fails too, an orphan stays, which the next upload of the name replaces.
                    let _ = blocking(move || {
                        sys::unlinkat(&shared.objects, place.path(), AtFlags::empty())
                            .map_err(FileError::when("remove a file"))
                    })
                    .await;
                }
                durable.map(|()| Published::Stored)
            }
            Named::Taken(staged) => Ok(Published::AlreadyThere(staged)),
        }
    }

    /// Puts the object at its place, removing a file that is there. Only for an orphan, under a lock of the caller's
    /// that keeps others from publishing to the same place.
    pub(crate) async fn replace(&self, staged: super::Staged, place: Place) -> Result<(), FileError> {
        let shared = Arc::clone(&self.shared);
        blocking(
            move || match sys::unlinkat(&shared.objects, place.path(), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(errno) => Err(FileError::when("remove a file")(errno)),
            },
        )
        .await?;
        match self.publish(staged, place).await? {
            Published::Stored => Ok(()),
            Published::AlreadyThere(_) => Err(FileError::when("replace a file")(Errno::EXIST)),
        }
    }
}

/// Whether the name was free.
enum Named<Yes, Taken> {
    Yes(Yes),
    Taken(Taken),
}

/// File and folder on their way to the disk, both at once: on a journaling file system they then share a commit, which is most
/// of the time that a small object takes.
struct Syncing {
    file: Result<(), FileError>,
    folder: JoinHandle<Result<(), FileError>>,
}

impl Syncing {
    async fn end(self) -> Result<(), FileError> {
        let folder = self.folder.await.unwrap_or(Err(FileError::Stopping));
        self.file.and(folder)
    }
}

impl Shared {
    /// Gives the object its name; the bytes need not be durable yet.
    fn name(&self, staged: super::Staged, place: &Place) -> Result<Named<OwnedFd, super::Staged>, FileError> {
        let mut tries = 0;
        loop {
            self.folders.ensure(&self.objects, place.backup, place.key.kind)?;
            let outcome = match &staged.body {
                Body::Memory(bytes) => self.create(bytes, place),
                Body::File(file) => self.link(file, place),
            };
            match outcome {
                Ok(Named::Yes(file)) => return Ok(Named::Yes(file)),
                Ok(Named::Taken(())) => return Ok(Named::Taken(staged)),
                // The folder went away with its backup since it was last looked at.
                Err(FileError::Io { source, .. })
                    if tries == 0 && source.raw_os_error() == Some(Errno::NOENT.raw_os_error()) =>
                {
                    tries += 1;
                    self.folders.forget(place.backup);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A small object is made at its place at once: its hash is known before its file is.
    fn create(&self, bytes: &Bytes, place: &Place) -> Result<Named<OwnedFd, ()>, FileError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = match sys::openat(&self.objects, place.path(), flags, Mode::from_raw_mode(0o600)) {
            Ok(file) => file,
            Err(Errno::EXIST) => return Ok(Named::Taken(())),
            Err(errno) => return Err(FileError::when("make a file")(errno)),
        };
        match write_all(&file, bytes) {
            Ok(()) => Ok(Named::Yes(file)),
            Err(error) => {
                // If this fails too, an orphan stays, which the next upload of the name replaces.
                let _ = sys::unlinkat(&self.objects, place.path(), AtFlags::empty());
                Err(error)
            }
        }
    }

    /// A big object lies in the staging folder and gets a second name; the first one goes when it is dropped.
    fn link(&self, staged: &StagedFile, place: &Place) -> Result<Named<OwnedFd, ()>, FileError> {
        let linked = match &staged.name {
            Some(name) => sys::linkat(&self.staging, name, &self.objects, place.path(), AtFlags::empty()),
            None => {
                let unnamed = format!("/proc/self/fd/{}", staged.file.as_raw_fd());
                sys::linkat(CWD, unnamed, &self.objects, place.path(), AtFlags::SYMLINK_FOLLOW)
            }
        };
        match linked {
            Ok(()) => match staged.file.try_clone() {
                Ok(file) => Ok(Named::Yes(file)),
                Err(error) => {
                    let _ = sys::unlinkat(&self.objects, place.path(), AtFlags::empty());
                    Err(FileError::when("make a file durable")(error))
                }
            },
            Err(Errno::EXIST) => Ok(Named::Taken(())),
            Err(errno) => Err(FileError::when("name a file")(errno)),
        }
    }

    /// Brings the bytes and the name to the disk: both are durable when [`Syncing::end`] says so. Blocks for the bytes.
    fn sync(self: &Arc<Self>, file: OwnedFd, place: Place) -> Syncing {
        let shared = Arc::clone(self);
        let folder = tokio::task::spawn_blocking(move || shared.sync_folder(&place.folder()));
        let file = sys::fsync(&file).map_err(FileError::when("make a file durable"));
        Syncing { file, folder }
    }

    pub(super) fn sync_folder(&self, folder: &str) -> Result<(), FileError> {
        let folder = open_folder(&self.objects, folder).map_err(FileError::when("open a folder"))?;
        sys::fsync(&folder).map_err(FileError::when("make a folder durable"))
    }
}
