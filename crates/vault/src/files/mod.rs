//! The bytes on a local file system. Nothing here knows of requests: which objects are visible is a fact in the
//! database; a file that the database does not know is an orphan and harms nobody.
//!
//! ```text
//! ROOT/lock                          held while a server has the folder open
//! ROOT/countersign-storage           which storage it is, outside of the data folder
//! ROOT/staging/                      what is being received or removed; emptied at start
//! ROOT/objects/BACKUP/config
//! ROOT/objects/BACKUP/data/ab/abcd…  fanned out by the first two digits
//! ROOT/objects/BACKUP/KIND/NAME      every other kind
//! ```
//!
//! An acknowledged change is durable on POSIX terms: the file and its folder were both fsynced. A name can appear in its
//! folder before its bytes are durable, because only the database makes it visible, and that comes after.

mod adopt;
mod buffers;
mod error;
mod folders;
mod inventory;
mod object_file;
mod place;
mod publish;
mod remove;
mod upload;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{self as sys, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

pub(crate) use adopt::prepare;
pub use adopt::{FolderRefused, is_marked};
pub use error::{FileError, OpenError};
pub use inventory::{Disk, Found, Measured, measure_beside};
pub use object_file::{ObjectFile, ObjectStream};
pub use place::Place;
pub use publish::Published;
pub use remove::Removed;
pub use upload::{Staged, Upload};

use buffers::Buffers;
use folders::Folders;

/// A folder of objects, held by this process alone. Clones share it.
#[derive(Debug, Clone)]
pub struct Files {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// Keeps the exclusive lock as long as anything uses the folder.
    _lock: OwnedFd,
    staging: OwnedFd,
    objects: OwnedFd,
    folders: Folders,
    buffers: Arc<Buffers>,
    /// Cleared on the first sign that the file system has no unnamed files (`O_TMPFILE`).
    unnamed_files: AtomicBool,
    next_staging_name: AtomicU64,
}

impl Files {
    /// Opens a storage's folder, makes what is missing in it, takes its lock and removes what an earlier run left
    /// half received or half removed. Blocks: call it before serving.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, OpenError> {
        let root = root.as_ref().to_path_buf();
        let folder = make_root(&root)?;
        let lock = take_lock(&folder)?;
        let staging = make_folder(&folder, "staging").map_err(OpenError::Io)?;
        let objects = make_folder(&folder, "objects").map_err(OpenError::Io)?;
        sys::fsync(&folder).map_err(|errno| OpenError::Io(errno.into()))?;
        let files = Self {
            shared: Arc::new(Shared {
                root,
                _lock: lock,
                staging,
                objects,
                folders: Folders::default(),
                buffers: Arc::new(Buffers::default()),
                unnamed_files: AtomicBool::new(true),
                next_staging_name: AtomicU64::new(0),
            }),
        };
        files.sweep_staging().map_err(OpenError::Io)?;
        Ok(files)
    }
}

impl Shared {
    /// A name that nothing in the staging folder has.
    fn staging_name(&self, what: &str) -> String {
        format!("{what}-{}", self.next_staging_name.fetch_add(1, Ordering::Relaxed))
    }
}

/// Runs file-system work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(FileError::Stopping),
        },
    }
}

fn make_root(root: &Path) -> Result<OwnedFd, OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(root)
        .map_err(OpenError::Io)?;
    sys::open(
        root,
        OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(|errno| OpenError::Io(errno.into()))
}

fn take_lock(folder: &OwnedFd) -> Result<OwnedFd, OpenError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let lock =
        sys::openat(folder, "lock", flags, Mode::from_raw_mode(0o600)).map_err(|errno| OpenError::Io(errno.into()))?;
    match sys::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(Errno::WOULDBLOCK) => Err(OpenError::InUse),
        Err(errno) => Err(OpenError::Io(errno.into())),
    }
}

/// Makes the folder if it is not there, and opens it.
fn make_folder(parent: &OwnedFd, name: &str) -> std::io::Result<OwnedFd> {
    ensure_folder(parent, name)?;
    Ok(open_folder(parent, name)?)
}

/// Makes the folder if it is not there.
fn ensure_folder(parent: &OwnedFd, name: &str) -> std::io::Result<()> {
    match sys::mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn open_folder(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    sys::openat(parent, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests;
