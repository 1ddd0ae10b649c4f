//! Storages come and go while the server runs: which are open, which folder may become one, and the end of one with its bytes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_core::manifest::Subject;
use countersign_core::purge::{DecidedDigest, PurgeOrder};
use countersign_core::request::State;
use countersign_core::{FolderPath, RequestId, StorageId};
use countersign_events::{Changes, Event, Timestamp, User};
use countersign_store::{RemovedStorage, Storage, StoreError, Tx};

use crate::files::{Files, FolderRefused, OpenError};
use crate::reports::{self, By};
use crate::retention;
use crate::{Vault, VaultError};

/// The folders that are open. A storage whose folder cannot be opened is known to the store alone, and nothing enters it.
pub(crate) struct Shelves {
    root: PathBuf,
    open: RwLock<HashMap<StorageId, Files>>,
}

/// A folder that was made ready to become a storage.
#[derive(Debug)]
pub struct Prepared {
    /// What the folder says of itself.
    pub marker: String,
    files: Files,
}

impl Shelves {
    pub(crate) fn below(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            open: RwLock::default(),
        }
    }

    fn files(&self, id: StorageId) -> Option<Files> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&id).cloned()
    }

    fn insert(&self, id: StorageId, files: Files) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(id, files);
    }

    fn take(&self, id: StorageId) -> Option<Files> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(&id)
    }

    fn ids(&self) -> Vec<StorageId> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.keys().copied().collect()
    }

    /// Opens a folder: one below the data folder is made if it is missing, any other must say that it is the one.
    fn open(&self, id: StorageId, place: Option<(&FolderPath, Option<&str>)>) -> Result<(), OpenError> {
        let files = match place {
            None => Files::open(self.root.join(id.to_string()))?,
            Some((path, marker)) => Files::open_marked(Path::new(path.as_str()), marker.unwrap_or_default())?,
        };
        self.insert(id, files);
        Ok(())
    }
}

/// How a storage ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The folder is left as it is, and the server forgets it.
    Forget,
    /// Its bytes go.
    Purge,
}

/// On what a storage goes.
#[derive(Debug, Clone, Copy)]
pub enum Grounds<'a> {
    /// On a warrant, while four-eyes authorization is off.
    AtOnce(&'a PurgeOrder),
    /// On a request that a second person approved.
    Approved(RequestId),
}

/// Takes a storage out of service in this transaction and reports it: 41402, 28200 for each of its backups, and 10050 for each snapshot
/// whose bytes go. What is to be done with its files is done after the commit, by [`Vault::decided`], and again after a restart. The
/// caller has made sure that this may be done.
///
/// # Errors
/// The retention lock keeps an object, or a client has a lock there. Nothing was changed then.
pub async fn take_out(
    tx: &mut Tx,
    id: StorageId,
    end: End,
    by: &User,
    grounds: Grounds<'_>,
    now: Timestamp,
) -> Result<(), VaultError> {
    let request = match grounds {
        Grounds::AtOnce(order) if order.whole_storage() == Some(id) => None,
        Grounds::AtOnce(_) => return Err(VaultError::Drift),
        Grounds::Approved(request) => Some(request),
    };
    let storage = tx.storage(id).await?.ok_or(VaultError::Drift)?;
    retention::storage_unlocked(tx, id, now).await?;
    let by = By {
        name: by.full_name.clone(),
        login_type: by.login_type,
        request,
    };
    let backups = tx.backups_of(id).await?;
    for backup in &backups {
        countersign_core::fence::idle(&tx.locks(*backup).await?, &Default::default(), tx.moment(now))?;
    }
    for id in &backups {
        let Some(backup) = tx.backup(*id).await? else { continue };
        if end == End::Purge {
            for snapshot in tx.snapshots(*id, u32::MAX).await? {
                reports::snapshot_deleted(tx, &backup, &snapshot, &by, now).await?;
            }
        }
        reports::backup_deleted(tx, &backup, &by, now).await?;
    }
    match end {
        End::Purge => {
            if !tx.remove_storage(id, request.unwrap_or(RequestId(0))).await? {
                return Err(VaultError::Drift);
            }
        }
        End::Forget => {
            for backup in backups {
                tx.forget_whole_backup(backup).await?;
            }
            tx.forget_storage(id).await?;
        }
    }
    let event = Event::StorageDeleted {
        storage_id: Some(id.to_string()),
        storage_type: Some("FileSystem".to_owned()),
        name: storage.spec.name.to_string(),
        changes: storage_facts(
            Changes::object(id.to_string(), storage.spec.name.to_string()),
            &storage,
            end,
        ),
        user_name: by.name.clone(),
        request_id: request.map(|request| request.to_string()),
        result: None,
    };
    tx.report(&event, now, request, &by.name).await?;
    Ok(())
}

fn storage_facts(changes: Changes, storage: &Storage, end: End) -> Changes {
    let path = storage.spec.path.as_ref().map_or("", FolderPath::as_str);
    let bytes = match end {
        End::Forget => storage.used_bytes,
        End::Purge => 0,
    };
    changes
        .attribute("type", "Storage")
        .property("path", "String", path, "")
        .property("bytes", "Int64", storage.used_bytes.to_string(), bytes.to_string())
}

impl Vault {
    /// Opens every storage's folder. One outside of the data folder that cannot be opened, a disk that is not there for instance, stays
    /// out of service, and the log says so: the others work.
    pub(crate) fn open_storages(
        shelves: &Shelves,
        storages: &[Storage],
        removed: &[RemovedStorage],
    ) -> Result<(), OpenError> {
        let places = storages
            .iter()
            .map(|storage| (storage.id, storage.spec.path.as_ref(), storage.marker.as_deref()));
        let going = removed
            .iter()
            .map(|storage| (storage.id, storage.path.as_ref(), storage.marker.as_deref()));
        for (id, path, marker) in places.chain(going) {
            match shelves.open(id, path.map(|path| (path, marker))) {
                Err(error) if path.is_some() => {
                    tracing::error!("storage {id} is out of service: {error}");
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Whether a storage's folder is open.
    pub fn is_open(&self, storage: StorageId) -> bool {
        self.shelves.files(storage).is_some()
    }

    /// The files of a storage, if its folder is open: for its space.
    pub fn storage_files(&self, storage: StorageId) -> Option<Files> {
        self.shelves.files(storage)
    }

    pub(crate) fn files(&self, storage: StorageId) -> Result<Files, VaultError> {
        self.shelves.files(storage).ok_or(VaultError::StorageAway)
    }

    /// Makes a folder outside of the data folder ready to become a storage: an empty one, or one that was made ready before. Nothing in
    /// it counts until [`Vault::opened`].
    ///
    /// # Errors
    /// Why this folder cannot become one.
    pub async fn prepare_folder(&self, path: &FolderPath) -> Result<Prepared, FolderRefused> {
        let folders: Vec<PathBuf> = self
            .store
            .ask(|view| {
                Box::pin(async move {
                    let there = view
                        .storages()
                        .await?
                        .into_iter()
                        .filter_map(|storage| storage.spec.path);
                    let going = view
                        .removed_storages()
                        .await?
                        .into_iter()
                        .filter_map(|storage| storage.path);
                    Ok::<_, StoreError>(there.chain(going).map(|path| path.as_str().into()).collect())
                })
            })
            .await?;
        // The storages below the data folder are part of it.
        let data = self.shelves.root.parent().unwrap_or(&self.shelves.root).to_owned();
        let (path, marker) = (PathBuf::from(path.as_str()), self.nonce());
        let says = marker.clone();
        let files = crate::files::prepare(path, data, folders, says).await?;
        Ok(Prepared { marker, files })
    }

    /// Takes a storage that was just recorded into service.
    ///
    /// # Errors
    /// Its folder below the data folder cannot be made.
    pub async fn opened(&self, id: StorageId, prepared: Option<Prepared>) -> Result<(), OpenError> {
        match prepared {
            Some(prepared) => {
                self.shelves.insert(id, prepared.files);
                Ok(())
            }
            None => {
                let shelves = Arc::clone(&self.shelves);
                match tokio::task::spawn_blocking(move || shelves.open(id, None)).await {
                    Ok(opened) => opened,
                    Err(_) => Err(OpenError::Io(std::io::ErrorKind::Interrupted.into())),
                }
            }
        }
    }

    /// Who is at work in a storage right now, if anybody: asked before it goes out of service.
    ///
    /// # Errors
    /// A client reads or writes there.
    pub async fn storage_idle(&self, storage: StorageId) -> Result<(), VaultError> {
        let backups = self
            .store
            .ask(move |view| Box::pin(async move { view.backups_of(storage).await }))
            .await?;
        let moment = self.moment();
        for backup in backups {
            countersign_core::fence::idle(&[], &self.activity(backup), moment)?;
        }
        Ok(())
    }

    /// Ends what was taken out of service: purges the bytes that are to go, and closes the folders that the server forgot. Can be cut off
    /// anywhere and run again.
    pub(crate) async fn settle_storages(&self) -> Result<(), VaultError> {
        // Asked in this order: a storage that is opened in between is in neither.
        let open = self.shelves.ids();
        let (there, removed) = self
            .store
            .read(|view| {
                Box::pin(async move { Ok::<_, StoreError>((view.storages().await?, view.removed_storages().await?)) })
            })
            .await?;
        let mut outcome = Ok(());
        for storage in &removed {
            if let Err(error) = self.purge_storage(storage).await {
                outcome = Err(error);
            }
        }
        for id in open {
            let known = there.iter().any(|storage| storage.id == id) || removed.iter().any(|storage| storage.id == id);
            if !known {
                self.shelves.take(id);
                self.known.forget_names();
            }
        }
        outcome
    }

    async fn purge_storage(&self, storage: &RemovedStorage) -> Result<(), VaultError> {
        self.verify_order(storage).await?;
        let files = self.files(storage.id)?;
        let id = storage.id;
        let backups = self
            .store
            .ask(move |view| Box::pin(async move { view.backups_of(id).await }))
            .await?;
        for backup in backups {
            // First the bytes, then the rows: cut off in between, the rows say what is left to do.
            files.remove_backup(backup).await?;
            self.store
                .write(move |tx| Box::pin(async move { tx.forget_whole_backup(backup).await }))
                .await?;
        }
        files.retire(storage.path.is_none()).await?;
        self.store
            .write(move |tx| Box::pin(async move { tx.forget_storage(id).await }))
            .await?;
        self.shelves.take(id);
        self.known.forget_names();
        Ok(())
    }

    /// Bytes go on an order alone. What a second person approved is verified against the manifest (rule 5); what was done at once,
    /// on request 0, was warranted when it was taken out of service.
    async fn verify_order(&self, storage: &RemovedStorage) -> Result<(), VaultError> {
        if storage.by == RequestId(0) {
            return Ok(());
        }
        let by = storage.by;
        let (record, manifest) = self
            .store
            .read(move |view| {
                Box::pin(async move { Ok::<_, StoreError>((view.request(by).await?, view.manifest(by).await?)) })
            })
            .await?;
        let record = record
            .filter(|record| record.state == State::Approved)
            .ok_or(VaultError::Drift)?;
        let manifest = manifest.ok_or(VaultError::Drift)?;
        let order = PurgeOrder::resumed(&DecidedDigest {
            request: by,
            digest: record.digest.ok_or(VaultError::Drift)?,
        });
        order.verify(&manifest)?;
        match manifest.subject {
            Subject::Storage { storage: listed, .. } if listed == storage.id => Ok(()),
            _ => Err(VaultError::Drift),
        }
    }
}
