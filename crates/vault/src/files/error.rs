//! What can go wrong below the vault.

use std::io;

use rustix::io::Errno;

/// The storage's folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock.
    #[error("the storage folder is in use by another server: stop that one, or give this one a folder of its own")]
    InUse,
    /// It does not say that it is this storage.
    #[error("the storage folder is not the one that was added: is its disk there?")]
    Other,
    /// The file system refused.
    #[error("the storage folder cannot be opened: {0}")]
    Io(#[source] io::Error),
}

/// Work on a file of the storage failed. Nothing half done is left behind.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No space, or no quota, is left.
    #[error("the storage is full: free space or enlarge it")]
    StorageFull,
    /// The file system refused.
    #[error("the storage cannot {doing}: {source}")]
    Io {
        /// What was being done, without names.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The process is shutting down.
    #[error("the server is stopping")]
    Stopping,
}

impl FileError {
    /// For `map_err`: says what was being done when the system refused.
    pub(super) fn when<E: Into<io::Error>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |error| {
            let source = error.into();
            let full = [Errno::NOSPC, Errno::DQUOT]
                .iter()
                .any(|errno| source.raw_os_error() == Some(errno.raw_os_error()));
            if full {
                Self::StorageFull
            } else {
                Self::Io { doing, source }
            }
        }
    }
}
