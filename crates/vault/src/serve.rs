//! Serving: lists and bytes of what clients see.

use countersign_core::{ObjectKey, ObjectKind};

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
}
