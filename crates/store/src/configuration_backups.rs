//! The list of configuration backups, their schedule, and what they are encrypted with.

use countersign_core::configuration_backup::{LastTry, Occasion, Schedule};
use countersign_core::{ConfigurationBackupId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A configuration backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationBackup {
    /// Never given twice.
    pub id: ConfigurationBackupId,
    /// Of its file.
    pub name: String,
    /// Why it was made.
    pub occasion: Occasion,
    /// When.
    pub made_at: Timestamp,
    /// By whom; none when by the schedule.
    pub made_by: Option<String>,
    /// In bytes.
    pub size: u64,
    /// Of the file.
    pub hash: Sha256,
    /// Which passphrase opens it, by number.
    pub passphrase: i64,
    /// When it was last read to its end.
    pub verified_at: Option<Timestamp>,
    /// What was wrong then.
    pub fault: Option<String>,
}

/// A passphrase that lies sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPassphrase {
    /// Its number.
    pub id: i64,
    /// What was sealed.
    pub sealed: Vec<u8>,
    /// When it was asked for; what it is sealed for.
    pub asked_at: Timestamp,
    /// Since when backups are encrypted with it.
    pub held_since: Option<Timestamp>,
}

impl SealedPassphrase {
    /// What a manifest says of it.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(&self.sealed)
    }
}

/// A file that has to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftoverFile {
    /// Its number.
    pub id: ConfigurationBackupId,
    /// Its name.
    pub name: String,
    /// Whether it was being made, and not deleted.
    pub unfinished: bool,
}

const SCHEDULE: &str = "configuration_schedule";
const LAST_TRY: &str = "configuration_backup_try";

impl View {
    /// Every configuration backup, newest first.
    pub async fn configuration_backups(&mut self) -> Result<Vec<ConfigurationBackup>, StoreError> {
        let sql = "SELECT id, name, occasion, made_at, made_by, size, hash, passphrase_id, verified_at, fault
                   FROM configuration_backups WHERE state = 'kept' ORDER BY id DESC";
        self.rows(sql, params![]).await?.iter().map(backup).collect()
    }

    /// A configuration backup.
    pub async fn configuration_backup(
        &mut self,
        id: ConfigurationBackupId,
    ) -> Result<Option<ConfigurationBackup>, StoreError> {
        let sql = "SELECT id, name, occasion, made_at, made_by, size, hash, passphrase_id, verified_at, fault
                   FROM configuration_backups WHERE state = 'kept' AND id = $1";
        self.row(sql, params![id.0]).await?.as_ref().map(backup).transpose()
    }

    /// The files that have to go: deleted, or of a try that was cut off. Not asked while one is made.
    pub async fn configuration_leftovers(&mut self) -> Result<Vec<LeftoverFile>, StoreError> {
        let sql = "SELECT id, name, state FROM configuration_backups WHERE state <> 'kept' ORDER BY id";
        let rows = self.rows(sql, params![]).await?;
        rows.iter()
            .map(|row| {
                Ok(LeftoverFile {
                    id: ConfigurationBackupId(row.int(0)?),
                    name: row.text(1)?,
                    unfinished: row.text(2)? == "making",
                })
            })
            .collect()
    }

    /// When configuration backups are made; the built-in schedule until it is first changed.
    pub async fn configuration_schedule(&mut self) -> Result<Schedule, StoreError> {
        match self.note(SCHEDULE).await? {
            Some(text) => serde_json::from_str(&text).map_err(|_| StoreError::Unreadable("the configuration schedule")),
            None => Ok(Schedule::default()),
        }
    }

    /// How the schedule's last try went.
    pub async fn configuration_try(&mut self) -> Result<Option<LastTry>, StoreError> {
        let unreadable = |_| StoreError::Unreadable("the last configuration backup");
        let text = self.note(LAST_TRY).await?;
        text.map(|text| serde_json::from_str(&text).map_err(unreadable))
            .transpose()
    }

    /// What backups are encrypted with now.
    pub async fn configuration_passphrase(&mut self) -> Result<Option<SealedPassphrase>, StoreError> {
        let sql = "SELECT id, sealed, asked_at, held_since FROM configuration_passphrases
                   WHERE held_since IS NOT NULL ORDER BY held_since DESC, id DESC LIMIT 1";
        self.row(sql, params![]).await?.as_ref().map(passphrase).transpose()
    }

    /// A passphrase by its number, also one that does not hold any more, or not yet.
    pub async fn sealed_passphrase(&mut self, id: i64) -> Result<Option<SealedPassphrase>, StoreError> {
        let sql = "SELECT id, sealed, asked_at, held_since FROM configuration_passphrases WHERE id = $1";
        self.row(sql, params![id]).await?.as_ref().map(passphrase).transpose()
    }
}

impl Tx {
    /// Begins a configuration backup, before its file: the number it has. `name` makes the file's name of that.
    pub async fn begin_configuration_backup(
        &mut self,
        name: impl FnOnce(ConfigurationBackupId) -> String + Send,
        (occasion, by): (Occasion, Option<&str>),
        passphrase: i64,
        now: Timestamp,
    ) -> Result<(ConfigurationBackupId, String), StoreError> {
        let sql = "INSERT INTO configuration_backups (name, occasion, state, made_at, made_by, size, passphrase_id)
                   VALUES ($1, $2, 'making', $3, $4, 0, $5) RETURNING id";
        // The name is told by the number, so at first it is one that no file has.
        let draft = format!("draft of {}", now.0);
        let id = self
            .insert(sql, params![draft, occasion.as_str(), now.0, by, passphrase])
            .await?;
        let name = name(ConfigurationBackupId(id));
        let sql = "UPDATE configuration_backups SET name = $1 WHERE id = $2";
        self.execute(sql, params![name.as_str(), id]).await?;
        Ok((ConfigurationBackupId(id), name))
    }

    /// The file of a configuration backup is whole and durable; false when it was not being made.
    pub async fn keep_configuration_backup(
        &mut self,
        id: ConfigurationBackupId,
        size: u64,
        hash: Sha256,
    ) -> Result<bool, StoreError> {
        let sql =
            "UPDATE configuration_backups SET state = 'kept', size = $1, hash = $2 WHERE id = $3 AND state = 'making'";
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        Ok(self.execute(sql, params![size, hash.0.as_slice(), id.0]).await? == 1)
    }

    /// None was made, and that was reported: marks what there may be of its file for removal.
    pub async fn give_up_configuration_backup(&mut self, id: ConfigurationBackupId) -> Result<(), StoreError> {
        let sql = "UPDATE configuration_backups SET state = 'deleted' WHERE id = $1 AND state = 'making'";
        self.execute(sql, params![id.0]).await.map(drop)
    }

    /// Marks a configuration backup for the removal of its file, if it is still the one that is meant.
    pub async fn delete_configuration_backup(
        &mut self,
        id: ConfigurationBackupId,
        hash: Sha256,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE configuration_backups SET state = 'deleted' WHERE id = $1 AND state = 'kept' AND hash = $2";
        Ok(self.execute(sql, params![id.0, hash.0.as_slice()]).await? == 1)
    }

    /// Marks those of the schedule beyond the newest `keep` for removal; how many. Those that people asked for stay.
    pub async fn prune_configuration_backups(&mut self, keep: u32) -> Result<u64, StoreError> {
        let sql = "UPDATE configuration_backups SET state = 'deleted'
                   WHERE state = 'kept' AND occasion = 'scheduled' AND id NOT IN
                       (SELECT id FROM configuration_backups WHERE state = 'kept' AND occasion = 'scheduled'
                        ORDER BY id DESC LIMIT $1)";
        self.execute(sql, params![i64::from(keep)]).await
    }

    /// Forgets a configuration backup whose file is gone.
    pub async fn forget_configuration_backup(&mut self, id: ConfigurationBackupId) -> Result<(), StoreError> {
        let sql = "DELETE FROM configuration_backups WHERE id = $1 AND state <> 'kept'";
        self.execute(sql, params![id.0]).await.map(drop)
    }

    /// Records how reading a configuration backup to its end went.
    pub async fn verified_configuration_backup(
        &mut self,
        id: ConfigurationBackupId,
        fault: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE configuration_backups SET verified_at = $1, fault = $2 WHERE id = $3";
        self.execute(sql, params![now.0, fault, id.0]).await.map(drop)
    }

    /// Puts another schedule in the place of the one before.
    pub async fn set_configuration_schedule(&mut self, schedule: &Schedule) -> Result<(), StoreError> {
        self.set_note(SCHEDULE, &json(schedule)?).await
    }

    /// Keeps how the schedule's last try went.
    pub async fn set_configuration_try(&mut self, last: &LastTry) -> Result<(), StoreError> {
        self.set_note(LAST_TRY, &json(last)?).await
    }

    /// Lays a sealed passphrase down; it does not hold yet.
    pub async fn add_sealed_passphrase(&mut self, sealed: &[u8], asked_at: Timestamp) -> Result<i64, StoreError> {
        let sql = "INSERT INTO configuration_passphrases (sealed, asked_at) VALUES ($1, $2) RETURNING id";
        self.insert(sql, params![sealed, asked_at.0]).await
    }

    /// Lets a passphrase hold from now on; false when it does already, or there is none of this number. Those that open no backup, and
    /// were asked for before this one, are forgotten.
    pub async fn hold_passphrase(&mut self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE configuration_passphrases SET held_since = $1 WHERE id = $2 AND held_since IS NULL";
        let held = self.execute(sql, params![now.0, id]).await? == 1;
        let sql = "DELETE FROM configuration_passphrases
                   WHERE id < $1 AND id NOT IN (SELECT passphrase_id FROM configuration_backups)";
        self.execute(sql, params![id]).await?;
        Ok(held)
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Engine(error.to_string()))
}

fn backup(row: &Row) -> Result<ConfigurationBackup, StoreError> {
    let unreadable = StoreError::Unreadable("a configuration backup");
    Ok(ConfigurationBackup {
        id: ConfigurationBackupId(row.int(0)?),
        name: row.text(1)?,
        occasion: row.text(2)?.parse().map_err(|_| unreadable.clone())?,
        made_at: Timestamp(row.int(3)?),
        made_by: row.text_or_null(4)?,
        size: u64::try_from(row.int(5)?).unwrap_or(0),
        hash: Sha256::from_slice(&row.blob(6)?).ok_or(unreadable)?,
        passphrase: row.int(7)?,
        verified_at: row.int_or_null(8)?.map(Timestamp),
        fault: row.text_or_null(9)?,
    })
}

fn passphrase(row: &Row) -> Result<SealedPassphrase, StoreError> {
    Ok(SealedPassphrase {
        id: row.int(0)?,
        sealed: row.blob(1)?,
        asked_at: Timestamp(row.int(2)?),
        held_since: row.int_or_null(3)?.map(Timestamp),
    })
}
