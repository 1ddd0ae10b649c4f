//! A backup that is in use: found by its name once, kept at hand while clients see it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::fence::Activity;
use countersign_core::token::Rights;
use countersign_core::{Actor, BackupId, Clock, Name, StorageId, Via};
use countersign_store::{Backup, StoreError};

use crate::files::Files;
use crate::traffic::{Gate, Traffic, Visit};
use crate::{Vault, VaultError};

/// A backup that clients see, with a visit that keeps decisions away as long as it lasts.
pub struct OpenBackup {
    pub(crate) id: BackupId,
    pub(crate) files: Files,
    /// Dropped when the answer's last byte is sent.
    _visit: Visit,
}

impl OpenBackup {
    /// Its immutable id.
    pub const fn id(&self) -> BackupId {
        self.id
    }
}

/// What is kept at hand.
#[derive(Default)]
pub(crate) struct Known {
    by_name: Mutex<HashMap<(Name, Name), (BackupId, StorageId)>>,
    traffic: Mutex<HashMap<BackupId, Arc<Traffic>>>,
}

impl Known {
    fn id(&self, storage: &Name, name: &Name) -> Option<(BackupId, StorageId)> {
        lock(&self.by_name).get(&(storage.clone(), name.clone())).copied()
    }

    fn learn(&self, storage: &Name, name: &Name, id: (BackupId, StorageId)) {
        lock(&self.by_name).insert((storage.clone(), name.clone()), id);
    }

    /// Forgets every name: after a decision that hid a backup or brought one back.
    pub(crate) fn forget_names(&self) {
        lock(&self.by_name).clear();
    }
}

impl Vault {
    /// Enters a backup that clients see.
    pub async fn enter(&self, storage: &Name, name: &Name) -> Result<OpenBackup, VaultError> {
        self.enter_by(Visit::enter, storage, name).await
    }

    /// Enters a backup that clients see, only to read its config, which no decision moves. A gate does not keep out: restic
    /// asks for the config before it is ready to ask anything twice.
    pub async fn enter_for_config(&self, storage: &Name, name: &Name) -> Result<OpenBackup, VaultError> {
        self.enter_by(|traffic, clock| Ok(Visit::past_the_gate(traffic, clock)), storage, name)
            .await
    }

    async fn enter_by(
        &self,
        visit: impl Fn(&Arc<Traffic>, &Arc<dyn Clock>) -> Result<Visit, VaultError>,
        storage: &Name,
        name: &Name,
    ) -> Result<OpenBackup, VaultError> {
        if let Some((id, of)) = self.known.id(storage, name) {
            let entered = visit(&self.traffic(id), &self.clock)?;
            // The name may have been forgotten between the two looks.
            if self.known.id(storage, name) == Some((id, of)) {
                return Ok(OpenBackup {
                    id,
                    files: self.files(of)?,
                    _visit: entered,
                });
            }
        }
        let backup = match self.named(storage, name).await? {
            Some(backup) => backup,
            None => return Err(self.no_backup(storage).await?),
        };
        let entered = visit(&self.traffic(backup.id), &self.clock)?;
        // Asked again inside the visit: no decision can hide it from here on.
        let backup = self.named(storage, name).await?.ok_or(VaultError::NoBackup)?;
        if !backup.visible() {
            return Err(VaultError::NoBackup);
        }
        let files = self.files(backup.storage_id)?;
        self.known.learn(storage, name, (backup.id, backup.storage_id));
        Ok(OpenBackup {
            id: backup.id,
            files,
            _visit: entered,
        })
    }

    /// What is missing: the backup, or already the storage.
    async fn no_backup(&self, storage: &Name) -> Result<VaultError, StoreError> {
        let storage = storage.clone();
        let there = self
            .store
            .ask(move |view| Box::pin(async move { view.storage_named(&storage).await }))
            .await?;
        Ok(there.map_or(VaultError::NoStorage, |_| VaultError::NoBackup))
    }

    /// Makes a backup; an existing one is left as it is.
    pub async fn create(&self, storage: &Name, name: &Name, actor: &Actor) -> Result<BackupId, VaultError> {
        if let Via::Token(Rights::Read) = actor.via {
            return Err(VaultError::ReadOnly);
        }
        let (storage, name, by, now) = (storage.clone(), name.clone(), actor.name.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    match tx.backup_named(&storage, &name).await? {
                        Some(backup) if backup.visible() => Ok(backup.id),
                        Some(_) => Err(VaultError::AwaitsDecision),
                        None => {
                            let storage = tx.storage_named(&storage).await?.ok_or(VaultError::NoStorage)?;
                            if storage.held_by.is_some() {
                                return Err(VaultError::StorageCloses);
                            }
                            Ok(tx.add_backup(storage.id, &name, &by, now).await?)
                        }
                    }
                })
            })
            .await
    }

    /// What goes on in a backup right now, as far as a decision asks: to tell people before they try.
    pub fn activity(&self, backup: BackupId) -> Activity {
        self.traffic(backup).activity()
    }

    /// Keeps every client out of a backup, if nobody is there, until the gate is dropped.
    pub fn close_gate(&self, backup: BackupId) -> Result<Gate, VaultError> {
        Ok(Gate::close(&self.traffic(backup))?)
    }

    pub(crate) fn traffic(&self, id: BackupId) -> Arc<Traffic> {
        let start = self.started_at;
        Arc::clone(
            lock(&self.known.traffic)
                .entry(id)
                .or_insert_with(|| Arc::new(Traffic::since(start))),
        )
    }

    async fn named(&self, storage: &Name, name: &Name) -> Result<Option<Backup>, StoreError> {
        let (storage, name) = (storage.clone(), name.clone());
        self.store
            .ask(move |view| Box::pin(async move { view.backup_named(&storage, &name).await }))
            .await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
