//! Serving: lists and bytes of what clients see.

use countersign_core::{BackupId, ObjectKey, ObjectKind};

use crate::files::{ObjectFile, Place};
use crate::{OpenBackup, Vault, VaultError};

impl Vault {
    /// Name and size of every object of a kind, by name.
    pub async fn list(&self, backup: &OpenBackup, kind: ObjectKind) -> Result<Vec<(String, u64)>, VaultError> {
        let id = backup.id;
        Ok(self
            .store
            .ask(move |view| Box::pin(async move { view.visible_objects(id, kind).await }))
            .await?)
    }

    /// The size of an object, if clients see it.
    pub async fn size(&self, backup: &OpenBackup, key: ObjectKey) -> Result<Option<u64>, VaultError> {
        let id = backup.id;
        Ok(self
            .store
            .ask(move |view| Box::pin(async move { view.visible_size(id, key).await }))
            .await?)
    }

    /// An object's bytes, if clients see it.
    pub async fn open_object(&self, backup: &OpenBackup, key: ObjectKey) -> Result<Option<ObjectFile>, VaultError> {
        if self.size(backup, key).await?.is_none() {
            return Ok(None);
        }
        Ok(backup.files.open_object(&Place { backup: backup.id, key }).await?)
    }

    /// The bytes of a small object, held or not: for whoever decides about it, never for clients. None when it is not there, or larger
    /// than `most` bytes.
    pub async fn look_into(&self, backup: BackupId, key: ObjectKey, most: u64) -> Result<Option<Vec<u8>>, VaultError> {
        let files = self.files_of(backup).await?;
        let Some(file) = files.open_object(&Place { backup, key }).await? else {
            return Ok(None);
        };
        if file.size() > most {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let mut stream = file.stream();
        while let Some(chunk) = stream.chunk().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(Some(bytes))
    }
}
