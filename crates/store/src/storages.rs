//! Storages: where they are, what they keep, how much lies in them, and what waits for them.

use countersign_core::manifest::{ListDigest, ManifestBackup, ManifestObject};
use countersign_core::{BackupId, FolderPath, Name, RequestId, StorageId, StorageSpec};
use countersign_events::Timestamp;

use crate::objects::{listed_object, unsigned};
use crate::{Row, StoreError, Tx, View};

/// A place for backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Never given twice.
    pub id: StorageId,
    /// As an administrator describes it.
    pub spec: StorageSpec,
    /// What its folder says of itself; none in a folder below the data folder.
    pub marker: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Option<Timestamp>,
    /// The bytes of its objects, held ones among them.
    pub used_bytes: u64,
    /// The request to delete it, while that waits: it is closed for writing.
    pub held_by: Option<RequestId>,
}

/// A storage that is out of service, with its bytes on their way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedStorage {
    /// Which.
    pub id: StorageId,
    /// Its folder; none below the data folder.
    pub path: Option<FolderPath>,
    /// What its folder says of itself.
    pub marker: Option<String>,
    /// On which request; 0 stands for none.
    pub by: RequestId,
}

/// What a storage lets be done with its backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageTerms {
    /// For how long nothing of it is destroyed.
    pub immutable_days: Option<u32>,
    /// How many bytes more it takes; none without a bound.
    pub room: Option<u64>,
    /// A request to delete it waits.
    pub closed: bool,
    /// It is out of service.
    pub removing: bool,
}

/// Whether the request in `held_by` of a storage `s` still waits, for a decision or for its effect.
macro_rules! waits {
    () => {
        "EXISTS (SELECT 1 FROM requests r WHERE r.id = s.held_by
                 AND (r.state IN ('collecting', 'pending') OR (r.state = 'approved' AND r.effect NOT IN ('none', 'done', 'failed', 'vetoed'))))"
    };
}
pub(crate) use waits;

macro_rules! storages {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.name, s.path, s.marker, s.quota_bytes, s.immutable_days, s.created_at, s.changed_at, s.used_bytes,
                    CASE WHEN ",
            waits!(),
            " THEN s.held_by END FROM storages s WHERE s.removing = 0 ",
            $rest
        )
    };
}

impl View {
    /// Every storage in service, by name.
    pub async fn storages(&mut self) -> Result<Vec<Storage>, StoreError> {
        let rows = self.rows(storages!("ORDER BY s.name"), params![]).await?;
        rows.iter().map(storage).collect()
    }

    /// The storage in service with this name.
    pub async fn storage_named(&mut self, name: &Name) -> Result<Option<Storage>, StoreError> {
        let row = self.row(storages!("AND s.name = $1"), params![name.as_str()]).await?;
        row.as_ref().map(storage).transpose()
    }

    /// The storage in service with this id.
    pub async fn storage(&mut self, id: StorageId) -> Result<Option<Storage>, StoreError> {
        let row = self.row(storages!("AND s.id = $1"), params![id.0]).await?;
        row.as_ref().map(storage).transpose()
    }

    /// The storages that are out of service, with their bytes on their way out.
    pub async fn removed_storages(&mut self) -> Result<Vec<RemovedStorage>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, path, marker, held_by FROM storages WHERE removing = 1 ORDER BY id",
                params![],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RemovedStorage {
                    id: StorageId(row.int(0)?),
                    path: path(row, 1)?,
                    marker: row.text_or_null(2)?,
                    by: RequestId(row.int_or_null(3)?.unwrap_or(0)),
                })
            })
            .collect()
    }

    /// Whether a request about a backup of a storage, or about a part of one, waits for a decision or for its effect.
    pub async fn requests_wait_in(&mut self, storage: StorageId) -> Result<bool, StoreError> {
        let row = self
            .row(
                "SELECT 1 FROM backups b WHERE b.storage_id = $1 AND (
                     b.held_by IS NOT NULL
                     OR EXISTS (SELECT 1 FROM objects o WHERE o.backup_id = b.id AND o.held_by IS NOT NULL)
                     OR EXISTS (SELECT 1 FROM requests r WHERE r.backup_id = b.id AND r.state IN ('collecting', 'pending'))
                 ) LIMIT 1",
                params![storage.0],
            )
            .await?;
        Ok(row.is_some())
    }

    /// When the newest object of a backup came, locks left out: until when a retention lock keeps the backup.
    pub async fn newest_kept(&mut self, backup: BackupId) -> Result<Option<Timestamp>, StoreError> {
        let row = self
            .row(
                "SELECT max(received_at) FROM objects WHERE backup_id = $1 AND kind <> 'locks'",
                params![backup.0],
            )
            .await?;
        row.map_or(Ok(None), |row| Ok(row.int_or_null(0)?.map(Timestamp)))
    }

    /// When the newest object that a request holds came, locks left out.
    pub async fn newest_held(&mut self, request: RequestId) -> Result<Option<Timestamp>, StoreError> {
        let row = self
            .row(
                "SELECT max(received_at) FROM objects WHERE held_by = $1 AND kind <> 'locks'",
                params![request.0],
            )
            .await?;
        row.map_or(Ok(None), |row| Ok(row.int_or_null(0)?.map(Timestamp)))
    }

    /// The backups of a storage as a manifest has them, in the order of their ids. Reads every row of every object.
    pub async fn manifest_backups(&mut self, storage: StorageId) -> Result<Vec<ManifestBackup>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, name FROM backups WHERE storage_id = $1 ORDER BY id",
                params![storage.0],
            )
            .await?;
        let mut backups = Vec::new();
        for row in &rows {
            let id = BackupId(row.int(0)?);
            let name = name(row, 1, "the name of a backup")?;
            backups.push(self.manifest_backup(id, name).await?);
        }
        Ok(backups)
    }

    async fn manifest_backup(&mut self, backup: BackupId, name: Name) -> Result<ManifestBackup, StoreError> {
        const PAGE: usize = 4096;
        let (mut bytes, mut objects, mut list) = (0_u64, 0, ListDigest::default());
        let mut after = (String::new(), String::new());
        loop {
            // A page at a time, so that a large backup is never whole in memory.
            let rows = self
                .rows(
                    "SELECT kind, name, size, hash FROM objects
                     WHERE backup_id = $1 AND kind <> 'locks' AND (kind > $2 OR (kind = $2 AND name > $3))
                     ORDER BY kind, name LIMIT 4096",
                    params![backup.0, after.0.as_str(), after.1.as_str()],
                )
                .await?;
            for row in &rows {
                let object: ManifestObject = listed_object(row)?;
                bytes = bytes.saturating_add(object.size);
                objects += 1;
                list.add(&object)
                    .map_err(|error| StoreError::Engine(error.to_string()))?;
                after = (object.kind.as_str().to_owned(), object.name);
            }
            if rows.len() < PAGE {
                return Ok(ManifestBackup {
                    backup,
                    bytes,
                    list: list.finish(),
                    name,
                    objects,
                });
            }
        }
    }

    /// The backups of a storage, in service or not.
    pub async fn backups_of(&mut self, storage: StorageId) -> Result<Vec<BackupId>, StoreError> {
        let rows = self
            .rows(
                "SELECT id FROM backups WHERE storage_id = $1 ORDER BY id",
                params![storage.0],
            )
            .await?;
        rows.iter().map(|row| row.int(0).map(BackupId)).collect()
    }
}

impl Tx {
    /// Adds a storage. [`StoreError::Exists`] when the name is taken.
    pub async fn add_storage(
        &mut self,
        spec: &StorageSpec,
        marker: Option<&str>,
        now: Timestamp,
    ) -> Result<StorageId, StoreError> {
        self.insert(
            "INSERT INTO storages (name, kind, path, marker, quota_bytes, immutable_days, created_at)
             VALUES ($1, 'files', $2, $3, $4, $5, $6) RETURNING id",
            params![
                spec.name.as_str(),
                spec.path.as_ref().map(FolderPath::as_str),
                marker,
                quota(spec),
                spec.immutable_days.map(i64::from),
                now.0
            ],
        )
        .await
        .map(StorageId)
    }

    /// Describes a storage anew; its folder stays. [`StoreError::Exists`] when the name is taken.
    pub async fn change_storage(
        &mut self,
        id: StorageId,
        after: &StorageSpec,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE storages SET name = $1, quota_bytes = $2, immutable_days = $3, changed_at = $4 WHERE id = $5 AND removing = 0";
        let params = params![
            after.name.as_str(),
            quota(after),
            after.immutable_days.map(i64::from),
            now.0,
            id.0
        ];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Closes a storage for writing for as long as this request waits.
    pub async fn hold_storage(&mut self, id: StorageId, request: RequestId) -> Result<bool, StoreError> {
        let sql = "UPDATE storages SET held_by = $1 WHERE id = $2 AND removing = 0";
        Ok(self.execute(sql, params![request.0, id.0]).await? == 1)
    }

    /// Takes a storage out of service; its bytes are to go, on the order of this request (0 stands for none).
    pub async fn remove_storage(&mut self, id: StorageId, request: RequestId) -> Result<bool, StoreError> {
        let sql = "UPDATE storages SET removing = 1, held_by = $1 WHERE id = $2 AND removing = 0";
        Ok(self.execute(sql, params![request.0, id.0]).await? == 1)
    }

    /// Forgets a backup and all its objects; the bytes are gone, or stay where they are.
    pub async fn forget_whole_backup(&mut self, id: BackupId) -> Result<(), StoreError> {
        self.execute("DELETE FROM objects WHERE backup_id = $1", params![id.0])
            .await?;
        self.execute("DELETE FROM backups WHERE id = $1", params![id.0])
            .await
            .map(drop)
    }

    /// Forgets a storage whose backups are all forgotten; false when it was already.
    pub async fn forget_storage(&mut self, id: StorageId) -> Result<bool, StoreError> {
        Ok(self
            .execute("DELETE FROM storages WHERE id = $1", params![id.0])
            .await?
            == 1)
    }
}

fn quota(spec: &StorageSpec) -> Option<i64> {
    spec.quota_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn storage(row: &Row) -> Result<Storage, StoreError> {
    Ok(Storage {
        id: StorageId(row.int(0)?),
        spec: StorageSpec {
            name: name(row, 1, "the name of a storage")?,
            path: path(row, 2)?,
            quota_bytes: row.int_or_null(4)?.map(unsigned),
            immutable_days: days(row, 5)?,
        },
        marker: row.text_or_null(3)?,
        created_at: Timestamp(row.int(6)?),
        changed_at: row.int_or_null(7)?.map(Timestamp),
        used_bytes: unsigned(row.int(8)?),
        held_by: row.int_or_null(9)?.map(RequestId),
    })
}

/// The terms in four columns: days, quota, used, and how it stands (0 in service, 1 closed, 2 out of service).
pub(crate) fn terms(row: &Row, first: usize) -> Result<StorageTerms, StoreError> {
    let used = unsigned(row.int(first + 2)?);
    let standing = row.int(first + 3)?;
    Ok(StorageTerms {
        immutable_days: days(row, first)?,
        room: row
            .int_or_null(first + 1)?
            .map(|quota| unsigned(quota).saturating_sub(used)),
        closed: standing != 0,
        removing: standing == 2,
    })
}

fn days(row: &Row, column: usize) -> Result<Option<u32>, StoreError> {
    row.int_or_null(column)?
        .map(|days| u32::try_from(days).map_err(|_| StoreError::Unreadable("the retention lock of a storage")))
        .transpose()
}

fn path(row: &Row, column: usize) -> Result<Option<FolderPath>, StoreError> {
    row.text_or_null(column)?
        .map(|path| {
            path.parse()
                .map_err(|_| StoreError::Unreadable("the folder of a storage"))
        })
        .transpose()
}

fn name(row: &Row, column: usize, what: &'static str) -> Result<Name, StoreError> {
    row.text(column)?.parse().map_err(|_| StoreError::Unreadable(what))
}
