//! Reading a backup for a copy elsewhere. It is no visit: a copy takes nothing for granted that a decision moves, so no
//! decision need wait for it, however long it takes.

use countersign_core::{BackupId, ObjectKey, Sha256};
use countersign_store::StoreError;

use crate::files::{ObjectFile, Place};
use crate::{Vault, VaultError};

impl Vault {
    /// All that clients see of a backup at one instant but its locks, with sizes and hashes.
    ///
    /// # Errors
    /// [`VaultError::NoBackup`]: there is none that clients see.
    pub async fn visible_at_once(&self, backup: BackupId) -> Result<Vec<(ObjectKey, u64, Sha256)>, VaultError> {
        self.store
            .read(move |view| {
                Box::pin(async move {
                    let seen = view.backup(backup).await?.is_some_and(|backup| backup.visible());
                    if !seen {
                        return Err(VaultError::NoBackup);
                    }
                    Ok(view.visible_at_once(backup).await?)
                })
            })
            .await
    }

    /// An object's bytes, if clients see it still. What is opened can be read to its end.
    pub async fn open_for_copy(&self, backup: BackupId, key: ObjectKey) -> Result<Option<ObjectFile>, VaultError> {
        let found = self
            .store
            .ask(move |view| {
                Box::pin(async move {
                    let known = view.backup(backup).await?;
                    Ok::<_, StoreError>((known, view.visible_size(backup, key).await?))
                })
            })
            .await?;
        let (Some(known), Some(_)) = found else {
            return Ok(None);
        };
        let files = self.files(known.storage_id)?;
        Ok(files.open_object(&Place { backup, key }).await?)
    }
}
