//! Objects: which there are, and which are visible.

use countersign_core::fence::Lock;
use countersign_core::request::KindSum;
use countersign_core::{
    AccountId, BackupId, ManifestObject, Object, ObjectKey, ObjectKind, ObjectName, RequestId, Sha256,
};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// An object's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// The object.
    pub object: Object,
    /// The account that sent it.
    pub account: AccountId,
    /// The request that holds it; it is hidden then.
    pub held_by: Option<RequestId>,
    /// Whether that request is approved and its purge is under way.
    pub claimed: bool,
}

/// How much lies in a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// What clients see, by kind.
    pub visible: Vec<KindSum>,
    /// What is held, by kind.
    pub held: Vec<KindSum>,
    /// When the newest object came.
    pub newest: Option<Timestamp>,
}

impl View {
    /// An object's row, visible or not.
    pub async fn object(&mut self, backup: BackupId, key: ObjectKey) -> Result<Option<StoredObject>, StoreError> {
        let row = self
            .row(
                "SELECT kind, name, size, hash, received_at, received_by, account_id, held_by, claimed FROM objects
                 WHERE backup_id = $1 AND kind = $2 AND name = $3",
                params![backup.0, key.kind.as_str(), key.name.to_string()],
            )
            .await?;
        row.as_ref().map(stored).transpose()
    }

    /// The next objects of a backup, visible or held, by kind and name: at most 1000 after this one.
    pub async fn objects_after(
        &mut self,
        backup: BackupId,
        after: Option<ObjectKey>,
    ) -> Result<Vec<StoredObject>, StoreError> {
        let (kind, name) = after.map_or(("", String::new()), |key| (key.kind.as_str(), key.name.to_string()));
        let rows = self
            .rows(
                "SELECT kind, name, size, hash, received_at, received_by, account_id, held_by, claimed FROM objects
                 WHERE backup_id = $1 AND (kind > $2 OR (kind = $2 AND name > $3)) ORDER BY kind, name LIMIT 1000",
                params![backup.0, kind, name],
            )
            .await?;
        rows.iter().map(stored).collect()
    }

    /// The size of an object that clients see.
    pub async fn visible_size(&mut self, backup: BackupId, key: ObjectKey) -> Result<Option<u64>, StoreError> {
        let row = self
            .row(
                "SELECT size FROM objects WHERE backup_id = $1 AND kind = $2 AND name = $3 AND held_by IS NULL",
                params![backup.0, key.kind.as_str(), key.name.to_string()],
            )
            .await?;
        row.map(|row| row.int(0).map(unsigned)).transpose()
    }

    /// Name and size of every object of a kind that clients see, by name.
    pub async fn visible_objects(
        &mut self,
        backup: BackupId,
        kind: ObjectKind,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = self
            .rows(
                "SELECT name, size FROM objects WHERE backup_id = $1 AND kind = $2 AND held_by IS NULL ORDER BY name",
                params![backup.0, kind.as_str()],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, unsigned(row.int(1)?))))
            .collect()
    }

    /// All that clients see of a backup at one instant but its locks: kind, name, size and hash. A client leaves its
    /// repository whole at every instant, so this is one.
    pub async fn visible_at_once(&mut self, backup: BackupId) -> Result<Vec<(ObjectKey, u64, Sha256)>, StoreError> {
        let rows = self
            .rows(
                "SELECT kind, name, size, hash FROM objects WHERE backup_id = $1 AND held_by IS NULL AND kind <> 'locks'",
                params![backup.0],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let unreadable = StoreError::Unreadable("an object");
                let kind: ObjectKind = row.text(0)?.parse().map_err(|_| unreadable.clone())?;
                let key = ObjectKey::parse(kind, &row.text(1)?).map_err(|_| unreadable.clone())?;
                let hash = Sha256::from_slice(&row.blob(3)?).ok_or(unreadable)?;
                Ok((key, unsigned(row.int(2)?), hash))
            })
            .collect()
    }

    /// The snapshots of a backup, newest first, visible or held.
    pub async fn snapshots(&mut self, backup: BackupId, most: u32) -> Result<Vec<StoredObject>, StoreError> {
        let rows = self
            .rows(
                "SELECT kind, name, size, hash, received_at, received_by, account_id, held_by, claimed FROM objects
                 WHERE backup_id = $1 AND kind = 'snapshots' ORDER BY received_at DESC, name LIMIT $2",
                params![backup.0, i64::from(most)],
            )
            .await?;
        rows.iter().map(stored).collect()
    }

    /// The locks that lie in a backup.
    pub async fn locks(&mut self, backup: BackupId) -> Result<Vec<Lock>, StoreError> {
        let rows = self
            .rows(
                "SELECT received_by, received_at FROM objects WHERE backup_id = $1 AND kind = 'locks' AND held_by IS NULL",
                params![backup.0],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Lock {
                    made_by: row.text(0)?,
                    made_at: Timestamp(row.int(1)?),
                })
            })
            .collect()
    }

    /// Whether an account has a lock in a backup that was made after this time.
    pub async fn has_lock_since(
        &mut self,
        backup: BackupId,
        account: AccountId,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = self
            .row(
                "SELECT 1 FROM objects
                 WHERE backup_id = $1 AND kind = 'locks' AND held_by IS NULL AND account_id = $2 AND received_at > $3 LIMIT 1",
                params![backup.0, account.0, since.0],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The objects that a request holds, by kind and name.
    pub async fn held_objects(&mut self, request: RequestId) -> Result<Vec<StoredObject>, StoreError> {
        let rows = self
            .rows(
                "SELECT kind, name, size, hash, received_at, received_by, account_id, held_by, claimed FROM objects
                 WHERE held_by = $1 ORDER BY kind, name",
                params![request.0],
            )
            .await?;
        rows.iter().map(stored).collect()
    }

    /// The objects whose delete at once was begun and not finished.
    pub async fn claimed_at_once(&mut self) -> Result<Vec<(BackupId, ObjectKey)>, StoreError> {
        let rows = self
            .rows(
                "SELECT backup_id, kind, name FROM objects WHERE held_by = 0 AND claimed = 1",
                params![],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let unreadable = StoreError::Unreadable("an object");
                let kind: ObjectKind = row.text(1)?.parse().map_err(|_| unreadable.clone())?;
                let key = ObjectKey::parse(kind, &row.text(2)?).map_err(|_| unreadable)?;
                Ok((BackupId(row.int(0)?), key))
            })
            .collect()
    }

    /// How many objects a request holds, and their bytes.
    pub async fn held_totals(&mut self, request: RequestId) -> Result<Vec<KindSum>, StoreError> {
        let rows = self
            .rows(
                "SELECT kind, count(*), CAST(sum(size) AS BIGINT) FROM objects WHERE held_by = $1 GROUP BY kind",
                params![request.0],
            )
            .await?;
        rows.iter().map(kind_sum).collect()
    }

    /// How many bytes all requests hold in a backup.
    pub async fn held_bytes(&mut self, backup: BackupId) -> Result<u64, StoreError> {
        let row = self
            .row(
                "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM objects WHERE backup_id = $1 AND held_by IS NOT NULL",
                params![backup.0],
            )
            .await?;
        row.map_or(Ok(0), |row| row.int(0).map(unsigned))
    }

    /// How much lies in a backup.
    pub async fn totals(&mut self, backup: BackupId) -> Result<Totals, StoreError> {
        let rows = self
            .rows(
                "SELECT kind, count(*), CAST(sum(size) AS BIGINT), CASE WHEN held_by IS NULL THEN 0 ELSE 1 END, max(received_at) FROM objects
                 WHERE backup_id = $1 GROUP BY 1, 4",
                params![backup.0],
            )
            .await?;
        let mut totals = Totals::default();
        for row in &rows {
            let side = if row.int(3)? == 0 {
                &mut totals.visible
            } else {
                &mut totals.held
            };
            side.push(kind_sum(row)?);
            totals.newest = totals.newest.max(row.int_or_null(4)?.map(Timestamp));
        }
        Ok(totals)
    }
}

impl Tx {
    /// Makes an object visible: its bytes are verified and durable. [`StoreError::Exists`] when the name is taken.
    pub async fn publish_object(
        &mut self,
        backup: BackupId,
        object: &Object,
        account: AccountId,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO objects (backup_id, kind, name, size, hash, received_at, received_by, account_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![
                backup.0,
                object.key.kind.as_str(),
                object.key.name.to_string(),
                signed(object.size),
                object.hash.0.as_slice(),
                object.received_at.0,
                object.received_by.as_str(),
                account.0
            ],
        )
        .await?;
        self.execute(
            "UPDATE storages SET used_bytes = used_bytes + $1 WHERE id = (SELECT storage_id FROM backups WHERE id = $2)",
            params![signed(object.size), backup.0],
        )
        .await
        .map(drop)
    }

    /// Hides an object on behalf of a request; false when clients did not see it.
    pub async fn hold_object(
        &mut self,
        backup: BackupId,
        key: ObjectKey,
        request: RequestId,
    ) -> Result<bool, StoreError> {
        let sql =
            "UPDATE objects SET held_by = $1 WHERE backup_id = $2 AND kind = $3 AND name = $4 AND held_by IS NULL";
        let params = params![request.0, backup.0, key.kind.as_str(), key.name.to_string()];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Hides everything that clients see of a backup on behalf of a request; how many objects.
    pub async fn hold_all(&mut self, backup: BackupId, request: RequestId) -> Result<u64, StoreError> {
        let sql = "UPDATE objects SET held_by = $1 WHERE backup_id = $2 AND held_by IS NULL";
        self.execute(sql, params![request.0, backup.0]).await
    }

    /// Brings one object back, unless its purge has begun.
    pub async fn release_object(&mut self, backup: BackupId, key: ObjectKey) -> Result<bool, StoreError> {
        let sql = "UPDATE objects SET held_by = NULL WHERE backup_id = $1 AND kind = $2 AND name = $3 AND claimed = 0";
        Ok(self
            .execute(sql, params![backup.0, key.kind.as_str(), key.name.to_string()])
            .await?
            == 1)
    }

    /// Brings all objects of a request back, unless their purge has begun; how many.
    pub async fn release_objects(&mut self, request: RequestId) -> Result<u64, StoreError> {
        self.execute(
            "UPDATE objects SET held_by = NULL WHERE held_by = $1 AND claimed = 0",
            params![request.0],
        )
        .await
    }

    /// Marks all objects of a request for the purge, so that nothing brings them back; how many.
    pub async fn claim_objects(&mut self, request: RequestId) -> Result<u64, StoreError> {
        self.execute("UPDATE objects SET claimed = 1 WHERE held_by = $1", params![request.0])
            .await
    }

    /// Hides an object and marks it for a delete at once: request 0 stands for none. Its row goes after its bytes.
    pub async fn claim_object_at_once(&mut self, backup: BackupId, key: ObjectKey) -> Result<bool, StoreError> {
        let sql = "UPDATE objects SET held_by = 0, claimed = 1 WHERE backup_id = $1 AND kind = $2 AND name = $3 AND held_by IS NULL";
        Ok(self
            .execute(sql, params![backup.0, key.kind.as_str(), key.name.to_string()])
            .await?
            == 1)
    }

    /// Forgets an object whose bytes are gone; false when it was already.
    pub async fn forget_object(&mut self, backup: BackupId, key: ObjectKey) -> Result<bool, StoreError> {
        // Its size leaves the storage's sum while the row still says it.
        self.execute(
            "UPDATE storages SET used_bytes = used_bytes - (SELECT size FROM objects WHERE backup_id = $1 AND kind = $2 AND name = $3)
             WHERE id = (SELECT b.storage_id FROM backups b JOIN objects o ON o.backup_id = b.id
                         WHERE b.id = $1 AND o.kind = $2 AND o.name = $3)",
            params![backup.0, key.kind.as_str(), key.name.to_string()],
        )
        .await?;
        let sql = "DELETE FROM objects WHERE backup_id = $1 AND kind = $2 AND name = $3";
        Ok(self
            .execute(sql, params![backup.0, key.kind.as_str(), key.name.to_string()])
            .await?
            == 1)
    }
}

/// An object as a manifest has it: its kind, name, size and hash, in the first columns.
pub(crate) fn listed_object(row: &Row) -> Result<ManifestObject, StoreError> {
    let unreadable = || StoreError::Unreadable("an object");
    Ok(ManifestObject {
        kind: row.text(0)?.parse().map_err(|_| unreadable())?,
        name: row.text(1)?,
        size: unsigned(row.int(2)?),
        hash: Sha256::from_slice(&row.blob(3)?).ok_or_else(unreadable)?,
    })
}

fn stored(row: &Row) -> Result<StoredObject, StoreError> {
    let unreadable = StoreError::Unreadable("an object");
    let kind: ObjectKind = row.text(0)?.parse().map_err(|_| unreadable.clone())?;
    Ok(StoredObject {
        object: Object {
            key: ObjectKey {
                kind,
                name: ObjectName::parse(kind, &row.text(1)?).map_err(|_| unreadable.clone())?,
            },
            size: unsigned(row.int(2)?),
            hash: Sha256::from_slice(&row.blob(3)?).ok_or(unreadable)?,
            received_at: Timestamp(row.int(4)?),
            received_by: row.text(5)?,
        },
        account: AccountId(row.int(6)?),
        held_by: row.int_or_null(7)?.map(RequestId),
        claimed: row.int(8)? != 0,
    })
}

fn kind_sum(row: &Row) -> Result<KindSum, StoreError> {
    let kind = row
        .text(0)?
        .parse()
        .map_err(|_| StoreError::Unreadable("the kind of an object"))?;
    Ok(KindSum {
        kind,
        objects: unsigned(row.int(1)?),
        bytes: unsigned(row.int(2)?),
    })
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A size as a column has it; no object is larger than 8 EiB.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
