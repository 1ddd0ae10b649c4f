//! Backups: which there are, and which are visible.

use countersign_core::{BackupId, BackupKind, Name, RequestId, StorageId};
use countersign_events::Timestamp;

use crate::storages::{terms, waits};
use crate::{Row, StorageTerms, StoreError, Tx, View};

/// A repository of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Never given twice.
    pub id: BackupId,
    /// In which storage.
    pub storage: Name,
    /// How it is called.
    pub name: Name,
    /// When it was made.
    pub created_at: Timestamp,
    /// By which account.
    pub created_by: String,
    /// The request that holds the whole of it.
    pub held_by: Option<RequestId>,
    /// Whether that request is approved and its purge is under way.
    pub claimed: bool,
    /// What it is kept for.
    pub kind: BackupKind,
    /// The id of its storage.
    pub storage_id: StorageId,
    /// What its storage lets be done with it.
    pub terms: StorageTerms,
}

impl Backup {
    /// As people know it: `main/laptop`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.storage, self.name)
    }

    /// Whether clients see it.
    pub const fn visible(&self) -> bool {
        self.held_by.is_none()
    }
}

macro_rules! backups {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, s.name, b.name, b.created_at, b.created_by, b.held_by, b.claimed, b.kind, s.id,
                    s.immutable_days, s.quota_bytes, s.used_bytes,
                    CASE WHEN s.removing = 1 THEN 2 WHEN s.held_by IS NOT NULL AND ",
            waits!(),
            " THEN 1 ELSE 0 END
             FROM backups b JOIN storages s ON s.id = b.storage_id ",
            $rest
        )
    };
}

impl View {
    /// The backup with this id, held or not, also in a storage that is out of service.
    pub async fn backup(&mut self, id: BackupId) -> Result<Option<Backup>, StoreError> {
        let row = self.row(backups!("WHERE b.id = $1"), params![id.0]).await?;
        row.as_ref().map(backup).transpose()
    }

    /// The backup with this name, held or not.
    pub async fn backup_named(&mut self, storage: &Name, name: &Name) -> Result<Option<Backup>, StoreError> {
        let row = self
            .row(
                backups!("WHERE s.name = $1 AND b.name = $2 AND s.removing = 0"),
                params![storage.as_str(), name.as_str()],
            )
            .await?;
        row.as_ref().map(backup).transpose()
    }

    /// Every backup in service, by storage and name.
    pub async fn backups(&mut self) -> Result<Vec<Backup>, StoreError> {
        let rows = self
            .rows(backups!("WHERE s.removing = 0 ORDER BY s.name, b.name"), params![])
            .await?;
        rows.iter().map(backup).collect()
    }
}

impl Tx {
    /// Makes a backup. [`StoreError::Exists`] when the name is taken, also by a held one.
    pub async fn add_backup(
        &mut self,
        storage: StorageId,
        name: &Name,
        by: &str,
        now: Timestamp,
    ) -> Result<BackupId, StoreError> {
        self.insert(
            "INSERT INTO backups (storage_id, name, created_at, created_by) VALUES ($1, $2, $3, $4) RETURNING id",
            params![storage.0, name.as_str(), now.0, by],
        )
        .await
        .map(BackupId)
    }

    /// Says what a backup is kept for.
    pub async fn mark_backup(&mut self, id: BackupId, kind: BackupKind) -> Result<bool, StoreError> {
        let sql = "UPDATE backups SET kind = $1 WHERE id = $2 AND kind <> $1";
        Ok(self.execute(sql, params![kind.as_str(), id.0]).await? == 1)
    }

    /// Hides the backup itself; false when it is hidden already.
    pub async fn hold_backup(&mut self, id: BackupId, request: RequestId) -> Result<bool, StoreError> {
        let sql = "UPDATE backups SET held_by = $1 WHERE id = $2 AND held_by IS NULL";
        Ok(self.execute(sql, params![request.0, id.0]).await? == 1)
    }

    /// Brings the backup itself back, if this request holds it and its purge has not begun.
    pub async fn release_backup(&mut self, request: RequestId) -> Result<bool, StoreError> {
        let sql = "UPDATE backups SET held_by = NULL WHERE held_by = $1 AND claimed = 0";
        Ok(self.execute(sql, params![request.0]).await? == 1)
    }

    /// Marks the backup itself for the purge, if this request holds it.
    pub async fn claim_backup(&mut self, request: RequestId) -> Result<bool, StoreError> {
        Ok(self
            .execute("UPDATE backups SET claimed = 1 WHERE held_by = $1", params![request.0])
            .await?
            == 1)
    }

    /// Hides a backup with all its visible objects and marks them for a delete at once: request 0 stands for none.
    pub async fn claim_backup_at_once(&mut self, id: BackupId) -> Result<(), StoreError> {
        self.execute(
            "UPDATE backups SET held_by = 0, claimed = 1 WHERE id = $1 AND held_by IS NULL",
            params![id.0],
        )
        .await?;
        let sql = "UPDATE objects SET held_by = 0, claimed = 1 WHERE backup_id = $1 AND held_by IS NULL";
        self.execute(sql, params![id.0]).await.map(drop)
    }

    /// Forgets a backup whose objects are all gone; false when it was already.
    pub async fn forget_backup(&mut self, id: BackupId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM backups WHERE id = $1", params![id.0]).await? == 1)
    }
}

fn backup(row: &Row) -> Result<Backup, StoreError> {
    let name = |column| {
        row.text(column)?
            .parse()
            .map_err(|_| StoreError::Unreadable("the name of a backup"))
    };
    Ok(Backup {
        id: BackupId(row.int(0)?),
        storage: name(1)?,
        name: name(2)?,
        created_at: Timestamp(row.int(3)?),
        created_by: row.text(4)?,
        held_by: row.int_or_null(5)?.map(RequestId),
        claimed: row.int(6)? != 0,
        kind: row
            .text(7)?
            .parse()
            .map_err(|_| StoreError::Unreadable("the kind of a backup"))?,
        storage_id: StorageId(row.int(8)?),
        terms: terms(row, 9)?,
    })
}
