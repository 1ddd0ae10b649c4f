//! Purging: the one place where bytes leave the disk, on an order that core made.
//!
//! A purge is journaled by its rows: they are claimed in the transaction that decides, and each is forgotten after its bytes
//! are gone. So it can be cut off anywhere and run again.

use std::collections::HashMap;

use countersign_core::manifest::{Manifest, ManifestObject, Subject};
use countersign_core::purge::{DecidedDigest, PurgeOrder};
use countersign_core::request::Effect;
use countersign_core::{BackupId, ObjectKey, ObjectKind, RequestId};
use countersign_store::{StoreError, StoredObject};

use crate::files::{Files, Place};
use crate::reports::{self, By};
use crate::{Vault, VaultError, retention};

/// How many objects share one commit.
const CHUNK: usize = 256;

impl Vault {
    /// Carries out what was approved, for as long as the server runs; begins with what an earlier run left.
    pub async fn run_purges(&self) {
        loop {
            if let Err(error) = self.purge_due().await {
                tracing::error!("a purge could not be carried out and is tried again: {error}");
            }
            // The wake-up is a hint; the time is the guarantee.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(30), self.purge_due.notified()).await;
        }
    }

    /// Carries out every purge that is due, once; how many requests. One that cannot be carried out now keeps no other back.
    ///
    /// # Errors
    /// The last thing that went wrong. What was due and could not be done stays due, and its request says why.
    pub async fn purge_due(&self) -> Result<usize, VaultError> {
        let mut outcome = self.finish_at_once().await;
        if let Err(error) = self.settle_storages().await {
            outcome = Err(error);
        }
        let due = self.store.ask(|view| Box::pin(async move { view.due().await })).await?;
        for decided in &due {
            if let Err(error) = self.purge_approved(decided).await {
                outcome = Err(error);
            }
        }
        outcome.map(|()| due.len())
    }

    async fn purge_approved(&self, decided: &DecidedDigest) -> Result<(), VaultError> {
        let id = decided.request;
        let order = PurgeOrder::resumed(decided);
        let (effect, detail) = match self.purge(&order, id).await {
            Ok((objects, bytes)) => (Effect::Done, format!("{objects} objects, {bytes} bytes purged")),
            Err(error @ (VaultError::Drift | VaultError::Immutable { .. })) => (Effect::Failed, error.to_string()),
            Err(error) => {
                self.record_effect(id, Effect::Due, format!("not yet: {error}")).await?;
                return Err(error);
            }
        };
        self.record_effect(id, effect, detail).await?;
        self.known.forget_names();
        Ok(())
    }

    async fn record_effect(&self, id: RequestId, effect: Effect, detail: String) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store
            .write(move |tx| Box::pin(async move { tx.record_effect(id, effect, &detail, now).await }))
            .await
    }

    async fn purge(&self, order: &PurgeOrder, id: RequestId) -> Result<(usize, u64), VaultError> {
        let (manifest, record, claimed) = self
            .store
            .read(move |view| {
                Box::pin(async move {
                    let manifest = view.manifest(id).await?;
                    Ok::<_, StoreError>((manifest, view.request(id).await?, view.held_objects(id).await?))
                })
            })
            .await?;
        let manifest = manifest.ok_or(StoreError::Unreadable("a manifest"))?;
        let by = record.map(|record| By {
            name: record.initiator.name,
            login_type: record.initiator.login_type,
            request: Some(id),
        });
        order.verify(&manifest)?;
        let Manifest {
            subject: Subject::Objects {
                backup, objects, whole, ..
            },
            ..
        } = manifest
        else {
            return Err(VaultError::Drift);
        };
        let files = match self.files_of(backup).await {
            Ok(files) => files,
            // An earlier run had come as far as the backup itself.
            Err(VaultError::NoBackup) if whole => {
                return Ok((objects.len(), objects.iter().map(|object| object.size).sum()));
            }
            Err(error) => return Err(error),
        };
        let now = self.clock.now();
        self.store
            .read(move |view| Box::pin(retention::request_unlocked(view, backup, id, now)))
            .await?;
        self.check_before_purge(&files, backup, &objects, &claimed).await?;
        let keys = claimed.iter().map(|claimed| claimed.object.key).collect();
        self.remove(&files, backup, keys, by.as_ref()).await?;
        if whole {
            self.remove_backup(&files, backup, by.as_ref()).await?;
        }
        Ok((objects.len(), objects.iter().map(|object| object.size).sum()))
    }

    /// Nothing is destroyed unless everything that lies there is exactly as listed (rule 5). What is missing was purged by an
    /// earlier run of the same order.
    async fn check_before_purge(
        &self,
        files: &Files,
        backup: BackupId,
        listed: &[ManifestObject],
        claimed: &[StoredObject],
    ) -> Result<(), VaultError> {
        let listed: HashMap<_, _> = listed
            .iter()
            .map(|object| ((object.kind, object.name.as_str()), object))
            .collect();
        for stored in claimed {
            let object = &stored.object;
            let name = object.key.name.to_string();
            let same = listed
                .get(&(object.key.kind, name.as_str()))
                .is_some_and(|listed| listed.hash == object.hash && listed.size == object.size);
            let size = files
                .size(&Place {
                    backup,
                    key: object.key,
                })
                .await?;
            if !same || size.is_some_and(|size| size != object.size) {
                return Err(VaultError::Drift);
            }
        }
        Ok(())
    }

    /// Carries out an order that a warrant made.
    pub(crate) async fn purge_at_once(&self, files: &Files, order: &PurgeOrder) -> Result<(), VaultError> {
        match order.single() {
            Some((backup, Some(key))) => self.remove(files, backup, vec![key], None).await,
            Some((backup, None)) => {
                self.remove_claimed(files, backup).await?;
                self.remove_backup(files, backup, None).await
            }
            None => Err(VaultError::Drift),
        }
    }

    /// Ends the deletes at once that an earlier run had claimed and not finished.
    async fn finish_at_once(&self) -> Result<(), VaultError> {
        let (objects, backups) = self
            .store
            .read(|view| {
                Box::pin(async move { Ok::<_, StoreError>((view.claimed_at_once().await?, view.backups().await?)) })
            })
            .await?;
        for (backup, key) in objects {
            let files = self.files_of(backup).await?;
            self.remove(&files, backup, vec![key], None).await?;
        }
        for backup in backups
            .into_iter()
            .filter(|backup| backup.claimed && backup.held_by == Some(RequestId(0)))
        {
            let files = self.files(backup.storage_id)?;
            self.remove_claimed(&files, backup.id).await?;
            self.remove_backup(&files, backup.id, None).await?;
        }
        Ok(())
    }

    async fn remove_claimed(&self, files: &Files, backup: BackupId) -> Result<(), VaultError> {
        let claimed = self
            .store
            .ask(|view| Box::pin(async move { view.claimed_at_once().await }))
            .await?;
        let keys = claimed
            .into_iter()
            .filter(|(of, _)| *of == backup)
            .map(|(_, key)| key)
            .collect();
        self.remove(files, backup, keys, None).await
    }

    /// First the bytes, then the row: cut off in between, the row says what is left to do. Whoever did it at once was reported then;
    /// on a request (`by`), each snapshot is reported where its row goes, once.
    async fn remove(
        &self,
        files: &Files,
        backup: BackupId,
        keys: Vec<ObjectKey>,
        by: Option<&By>,
    ) -> Result<(), VaultError> {
        for chunk in keys.chunks(CHUNK) {
            files
                .remove_all(chunk.iter().map(|key| Place { backup, key: *key }).collect())
                .await?;
            let (chunk, by, now) = (chunk.to_vec(), by.cloned(), self.clock.now());
            self.store
                .write(move |tx| {
                    Box::pin(async move {
                        for key in chunk {
                            if let Some(by) = by.as_ref().filter(|_| key.kind == ObjectKind::Snapshots)
                                && let (Some(of), Some(stored)) =
                                    (tx.backup(backup).await?, tx.object(backup, key).await?)
                            {
                                reports::snapshot_deleted(tx, &of, &stored, by, now).await?;
                            }
                            tx.forget_object(backup, key).await?;
                        }
                        Ok::<_, StoreError>(())
                    })
                })
                .await?;
        }
        Ok(())
    }

    async fn remove_backup(&self, files: &Files, backup: BackupId, by: Option<&By>) -> Result<(), VaultError> {
        files.remove_backup(backup).await?;
        let (by, now) = (by.cloned(), self.clock.now());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let of = tx.backup(backup).await?;
                    if let (true, Some(of), Some(by)) = (tx.forget_backup(backup).await?, of, by) {
                        reports::backup_deleted(tx, &of, &by, now).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        self.known.forget_names();
        Ok(())
    }

    pub(crate) async fn files_of(&self, backup: BackupId) -> Result<Files, VaultError> {
        let backup = self
            .store
            .ask(move |view| Box::pin(async move { view.backup(backup).await }))
            .await?;
        self.files(backup.ok_or(VaultError::NoBackup)?.storage_id)
    }
}
