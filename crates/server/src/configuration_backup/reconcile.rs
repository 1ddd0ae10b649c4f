//! After a restoration: the list of objects is of the day of the backup, the folders of the storages are of today. What lies there
//! counts (docs/adr/0069).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{AccountId, BackupId, FolderPath, Object, ObjectKey, ObjectKind, ObjectName, StorageId};
use countersign_events::Timestamp;
use countersign_store::{Storage, Store, StoreError};
use countersign_vault::files::{FileError, Files, Found, OpenError, Place};

/// Whom what was found is told to be of.
pub const FOUND_BY: &str = "configuration restore";

/// How many rows are written in one transaction.
const CHUNK: usize = 1000;

/// What the folders said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Objects that are listed and lie there.
    pub there: u64,
    /// Objects that were listed and do not lie there, or with another size: they are not listed any more.
    pub missing: u64,
    /// Objects that lie there and were not listed: they are now.
    pub found: u64,
    /// Backups that lie there and were not listed, by the names that they have now.
    pub backups: Vec<String>,
}

/// Why the folders could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The folder is not where it belongs.
    #[error(
        "storage {0} belongs in {1}, which is not there: put its folder there first and restore again. If it is lost, restore with \
         --without-storages: its backups are empty then"
    )]
    NoFolder(String, PathBuf),
    /// It cannot be used.
    #[error("the folder of a storage cannot be used: {0}")]
    Folder(#[from] OpenError),
    /// A file in it cannot be read.
    #[error("the folder of a storage cannot be read: {0}")]
    File(#[from] FileError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the list of objects what lies in the folders. Where a storage's folder is not there, fails or, `without_storages`, takes all its
/// objects off the list.
pub async fn reconcile(
    store: &Store,
    root: &Path,
    without_storages: bool,
    now: Timestamp,
) -> Result<Reconciled, ReconcileError> {
    let mut all = Reconciled::default();
    let storages = store.ask(|view| Box::pin(async move { view.storages().await })).await?;
    for storage in storages {
        let path = storage.spec.path.as_ref().map(FolderPath::as_str);
        let folder = path.map_or_else(|| root.join(storage.id.to_string()), PathBuf::from);
        if folder.is_dir() {
            // Takes the folder's lock: one that another server uses is not touched.
            let files = Files::open(&folder)?;
            of_storage(store, &files, &storage, now, &mut all).await?;
        } else if without_storages {
            all.missing += forget_all(store, storage.id).await?;
        } else {
            return Err(ReconcileError::NoFolder(storage.spec.name.to_string(), folder));
        }
    }
    store
        .write(|tx| Box::pin(async move { tx.count_storages().await }))
        .await?;
    Ok(all)
}

async fn forget_all(store: &Store, storage: StorageId) -> Result<u64, StoreError> {
    store
        .write(move |tx| Box::pin(async move { tx.forget_objects_of_storage(storage).await }))
        .await
}

async fn of_storage(
    store: &Store,
    files: &Files,
    storage: &Storage,
    now: Timestamp,
    all: &mut Reconciled,
) -> Result<(), ReconcileError> {
    let id = storage.id;
    let listed = store
        .ask(move |view| Box::pin(async move { view.backups_of_storage(id).await }))
        .await?;
    let mut backups: Vec<_> = files.backups().await?;
    backups.extend(&listed);
    backups.sort_unstable();
    backups.dedup();
    for backup in backups {
        let lies = lying(files, backup).await?;
        if !listed.contains(&backup) {
            if lies.is_empty() {
                continue;
            }
            let name = store
                .write(move |tx| Box::pin(async move { tx.adopt_backup(id, backup, FOUND_BY, now).await }))
                .await?;
            all.backups.push(name);
        }
        of_backup(store, files, backup, lies, now, all).await?;
    }
    Ok(())
}

/// What lies in a backup's folder. A lock belongs to a client that was at work when the server was lost.
async fn lying(files: &Files, backup: BackupId) -> Result<BTreeMap<ObjectKey, u64>, FileError> {
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let noted = Arc::clone(&seen);
    files
        .walk(backup, move |found| {
            if let Found::Object { key, size } = found
                && key.kind != ObjectKind::Locks
            {
                noted.lock().unwrap_or_else(PoisonError::into_inner).insert(key, size);
            }
            true
        })
        .await?;
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *seen))
}

async fn of_backup(
    store: &Store,
    files: &Files,
    backup: BackupId,
    mut lies: BTreeMap<ObjectKey, u64>,
    now: Timestamp,
    all: &mut Reconciled,
) -> Result<(), ReconcileError> {
    let listed = store
        .ask(move |view| Box::pin(async move { view.object_sizes(backup).await }))
        .await?;
    let mut gone = Vec::new();
    for (key, size) in listed {
        if lies.get(&key) == Some(&size) {
            lies.remove(&key);
            all.there += 1;
        } else {
            gone.push(key);
        }
    }
    all.missing += gone.len() as u64;
    for chunk in gone.chunks(CHUNK) {
        let chunk = chunk.to_vec();
        store
            .write(move |tx| {
                Box::pin(async move {
                    for key in chunk {
                        tx.forget_object(backup, key).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
    }
    all.found += lies.len() as u64;
    let mut objects = Vec::with_capacity(lies.len());
    for (key, size) in lies {
        let hash = match key.name {
            // A file gets its name only after its bytes were read and found to have this hash.
            ObjectName::Hash(hash) => hash,
            ObjectName::Config => match files.measure(&Place { backup, key }).await? {
                Some(measured) => measured.hash,
                None => continue,
            },
        };
        objects.push(Object {
            key,
            size,
            hash,
            received_at: now,
            received_by: FOUND_BY.to_owned(),
        });
    }
    for chunk in objects.chunks(CHUNK) {
        let chunk = chunk.to_vec();
        store
            .write(move |tx| {
                Box::pin(async move {
                    for object in chunk {
                        tx.publish_object(backup, &object, AccountId(0)).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
    }
    Ok(())
}
