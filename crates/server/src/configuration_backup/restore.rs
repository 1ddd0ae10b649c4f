//! A lost server comes back from a configuration backup, into an empty folder, with no server running on it.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_core::configuration_backup::Passphrase;
use countersign_core::request::State;
use countersign_core::{Clock, RequestId};
use countersign_events::{Event, Outcome, Timestamp, User};
use countersign_store::{Import, RequestFilter, Store, StoreError};
use data_encoding::BASE64;

use super::contents::{Begin, Line, Lines, Unread};
use super::reconcile::{ReconcileError, Reconciled, reconcile};
use super::sealed_file::{FileFault, Opener};
use crate::app::{DATABASE, OpenError, RESTORING, STORAGES, lock_data_folder, prepare_data_folder};
use crate::config::FILE_NAME;

/// What the requests that were open are told to have ended by.
const REASON: &str = "the server’s configuration was restored from a backup, so what became of this request is not known: ask for it again";

/// What is to be restored, and where.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The backup's file.
    pub file: &'a Path,
    /// What it was encrypted with.
    pub passphrase: &'a Passphrase,
    /// The folder: empty, or with the folder of the storages alone.
    pub data: &'a Path,
    /// Whether storages whose folder is not there are taken to be lost.
    pub without_storages: bool,
    /// Who restores, for the event.
    pub by: &'a User,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Of which server, when.
    pub begin: Begin,
    /// What the folders of the storages said.
    pub storages: Reconciled,
    /// The requests that were open: nobody can decide them any more.
    pub ended: Vec<RequestId>,
}

/// Why nothing was restored. The folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a server, or something else.
    #[error(
        "the folder {0} is not empty (there is {1}): a configuration is restored into an empty folder only; the folder {STORAGES} of the \
         lost server may be in it"
    )]
    NotEmpty(PathBuf, String),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] crate::app::NoDataFolder),
    /// Another restoration is at work there.
    #[error(transparent)]
    Locked(#[from] OpenError),
    /// The backup.
    #[error("the configuration backup cannot be restored: {0}")]
    Unread(#[from] Unread),
    /// A path in it leads elsewhere.
    #[error("the configuration backup has a file for {0:?}, where none belongs")]
    Path(String),
    /// A file cannot be written.
    #[error("the folder cannot be written to: {0}")]
    Write(#[from] io::Error),
    /// The database.
    #[error("the database cannot be put back: {0}")]
    Store(#[from] StoreError),
    /// The storages.
    #[error(transparent)]
    Storages(#[from] ReconcileError),
}

impl From<FileFault> for RestoreError {
    fn from(fault: FileFault) -> Self {
        Self::Unread(fault.into())
    }
}

/// Restores.
///
/// # Errors
/// Nothing was restored, and what was begun is taken away again.
pub async fn restore(wanted: &Wanted<'_>, clock: &dyn Clock) -> Result<Restored, RestoreError> {
    let file = File::open(wanted.file).map_err(FileFault::from)?;
    // Before anything is made: a wrong passphrase leaves no trace.
    let opener = Opener::begin(BufReader::new(file), wanted.passphrase)?;
    let (begin, lines) = Lines::begin(BufReader::new(opener))?;
    empty_but_storages(wanted.data)?;
    let data = prepare_data_folder(wanted.data)?;
    let _lock = lock_data_folder(&data)?;
    let restored = into_folder(wanted, &data, begin, lines, clock.now()).await;
    if restored.is_err() {
        clear(&data);
    }
    restored
}

/// A folder with anything but the storages in it is a server, or somebody's.
fn empty_but_storages(data: &Path) -> Result<(), RestoreError> {
    let entries = match std::fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let name = entry?.file_name();
        if name != STORAGES {
            let name = name.to_string_lossy().into_owned();
            return Err(RestoreError::NotEmpty(data.to_owned(), name));
        }
    }
    Ok(())
}

/// Takes away what a restoration made that failed.
fn clear(data: &Path) {
    for name in [DATABASE, FILE_NAME, RESTORING, "lock"] {
        for name in [name.to_owned(), format!("{name}-wal"), format!("{name}-shm")] {
            // What is left is named by the next try.
            let _ = std::fs::remove_file(data.join(name));
        }
    }
    for name in ["keys", "tls"] {
        let _ = std::fs::remove_dir_all(data.join(name));
    }
}

async fn into_folder(
    wanted: &Wanted<'_>,
    data: &Path,
    begin: Begin,
    mut lines: Lines<BufReader<Opener<BufReader<File>>>>,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    // As long as this file is there no server starts here: being cut off leaves nothing that looks whole.
    write(data, RESTORING, b"")?;
    let mut import = Import::begin(&data.join(DATABASE), begin.schema).await?;
    while let Some(line) = lines.next_line()? {
        match line {
            Line::File { path, content } => {
                let content = BASE64.decode(content.as_bytes()).map_err(io::Error::other)?;
                write(data, belongs(&path)?, &content)?;
            }
            Line::Table { name, columns } => import.table(&name, &columns).await?,
            Line::Row(cells) => {
                let values: Option<Vec<_>> = cells.into_iter().map(super::contents::Cell::value).collect();
                let values = values.ok_or(StoreError::Unreadable("a value of the configuration backup"))?;
                import.row(values).await?;
            }
            Line::Begin(_) | Line::End { .. } => return Err(Unread::Strange(lines.rows()).into()),
        }
    }
    import.finish().await?;
    let store = Store::open(&data.join(DATABASE)).await?;
    let storages = reconcile(&store, &data.join(STORAGES), wanted.without_storages, now).await?;
    let ended = end_requests(&store, wanted.by.clone(), storages.missing > 0, now).await?;
    drop(store);
    std::fs::remove_file(data.join(RESTORING))?;
    File::open(data)?.sync_all()?;
    Ok(Restored { begin, storages, ended })
}

/// A path within the data folder at which a backup has a file.
fn belongs(path: &str) -> Result<&str, RestoreError> {
    let plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    let ours = match path.split_once('/') {
        None => path == FILE_NAME,
        Some(("keys" | "tls", name)) => plain(name),
        Some(_) => false,
    };
    if ours {
        Ok(path)
    } else {
        Err(RestoreError::Path(path.to_owned()))
    }
}

/// Writes a new file, for this account alone, and makes it durable.
fn write(data: &Path, path: &str, content: &[u8]) -> io::Result<()> {
    let path = data.join(path);
    let folder = path.parent().unwrap_or(data);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(content)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Reports the restoration, then ends what waited for a decision: nobody knows what was decided since.
async fn end_requests(store: &Store, by: User, lacks: bool, now: Timestamp) -> Result<Vec<RequestId>, StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let restored = Event::ConfigurationRestoreFinished {
                    user: Some(by.clone()),
                    outcome: if lacks { Outcome::Warning } else { Outcome::Success },
                };
                tx.report(&restored, now, None, &by.full_name).await?;
                tx.close_collecting(REASON, now).await?;
                tx.give_up_effects(REASON, now).await?;
                let waiting = RequestFilter {
                    states: vec![State::Pending],
                    ..RequestFilter::default()
                };
                let mut ended = Vec::new();
                let waiting = tx.requests(&waiting, None, u32::MAX).await?;
                for pending in waiting.into_iter().rev().filter_map(|record| record.pending()) {
                    let expired = pending.expire_by_restore();
                    let id = expired.request().id;
                    tx.record_expiry(&expired, REASON, now).await?;
                    tx.report(&expired.event(), now, Some(id), "").await?;
                    ended.push(id);
                }
                Ok(ended)
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_at_three_places_alone() {
        for good in ["keys/sealing.key", "tls/cert.pem", "countersign.toml"] {
            assert_eq!(belongs(good).unwrap(), good);
        }
        for bad in [
            "",
            "keys",
            "keys/",
            "keys/../../x",
            "keys/.hidden",
            "/etc/passwd",
            "storages/1/objects",
            "countersign.db",
            "../countersign.toml",
        ] {
            assert!(belongs(bad).is_err(), "{bad:?}");
        }
    }
}
