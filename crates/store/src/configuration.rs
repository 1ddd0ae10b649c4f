//! The server's own configuration: what of the database goes into a backup of it, and how it comes back (docs/adr/0069).

use std::path::Path;
use std::sync::mpsc::SyncSender;

use countersign_core::{BackupId, ObjectKey, ObjectKind, StorageId};
use countersign_events::Timestamp;

use crate::clock::SharedClock;
use crate::engine::{Connection, Value};
use crate::{StoreError, Tx, View, migrate};

/// What does not go into a backup: what lives for minutes, what belongs to one browser, program or machine, the record of events and what is
/// still to be told of it, what was allowed once, and the list of the backups themselves. Every other table does, also one that a later
/// version adds.
const LEFT_OUT: &[&str] = &[
    "authorization_codes",
    "clock",
    "commands",
    "configuration_backups",
    "device_logons",
    "event_names",
    "event_names_recent",
    "events",
    "founding_links",
    "idempotency",
    "key_proofs",
    "logon_flows",
    "notices",
    "passkey_challenges",
    "pending_totp",
    "schema_steps",
    "sessions",
    "time_marks",
    "token_chains",
];

/// The requests that go into a backup: those that are not over, since objects are held by them.
const OPEN: &str =
    "state IN ('collecting', 'pending') OR (state = 'approved' AND effect NOT IN ('none', 'done', 'failed', 'vetoed'))";

/// How many rows are handed over at a time.
const ROWS: usize = 256;

/// How far the numbers of things jump at a restoration: further than any server gives between two backups, so that none is given
/// twice.
const JUMP: i64 = 1_000_000;

/// The same for events, of which there are more.
const JUMP_OF_EVENTS: i64 = 1_000_000_000_000;

/// A part of the configuration, in the order in which it is put back.
#[derive(Debug, Clone, PartialEq)]
pub enum Exported {
    /// A table begins: its name, and its columns.
    Table(String, Vec<String>),
    /// Rows of the table that began last, each in the order of the columns.
    Rows(Vec<Vec<Value>>),
    /// That was all.
    End,
}

/// Nobody takes what is read any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever writes has stopped.
    #[error("the configuration is not written any more")]
    Unwanted,
}

impl View {
    /// The last step of the schema that the database has taken.
    pub async fn schema_step(&mut self) -> Result<i64, StoreError> {
        let row = self.row("SELECT max(step) FROM schema_steps", params![]).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// Hands over everything that belongs into a backup of the configuration. Called within [`crate::Store::read`], all of it is of
    /// one instant, and nobody who writes waits.
    ///
    /// # Errors
    /// The database, or nobody takes it any more.
    pub async fn export(&mut self, into: &SyncSender<Exported>) -> Result<(), ExportError> {
        for table in self.tables().await? {
            if LEFT_OUT.contains(&table.as_str()) {
                continue;
            }
            let (columns, question) = self.question(&table).await?;
            send(into, Exported::Table(table, columns))?;
            let (mut rows, mut sent) = (Vec::with_capacity(ROWS), Ok(()));
            self.connection()
                .each(&question, &mut |row| {
                    rows.push(row);
                    if rows.len() == ROWS {
                        sent = send(into, Exported::Rows(std::mem::take(&mut rows)));
                    }
                    sent.is_ok()
                })
                .await?;
            sent?;
            send(into, Exported::Rows(rows))?;
        }
        send(into, Exported::End)
    }

    /// The backups of a storage, held or not.
    pub async fn backups_of_storage(&mut self, storage: StorageId) -> Result<Vec<BackupId>, StoreError> {
        let sql = "SELECT id FROM backups WHERE storage_id = $1 ORDER BY id";
        let rows = self.rows(sql, params![storage.0]).await?;
        rows.iter().map(|row| row.int(0).map(BackupId)).collect()
    }

    /// Every object of a backup, held or not, with its size.
    pub async fn object_sizes(&mut self, backup: BackupId) -> Result<Vec<(ObjectKey, u64)>, StoreError> {
        let sql = "SELECT kind, name, size FROM objects WHERE backup_id = $1";
        let rows = self.rows(sql, params![backup.0]).await?;
        rows.iter()
            .map(|row| {
                let unreadable = StoreError::Unreadable("an object");
                let kind: ObjectKind = row.text(0)?.parse().map_err(|_| unreadable.clone())?;
                let key = ObjectKey::parse(kind, &row.text(1)?).map_err(|_| unreadable)?;
                Ok((key, u64::try_from(row.int(2)?).unwrap_or(0)))
            })
            .collect()
    }

    /// Every table, and last the engine's own one of the numbers that were given.
    async fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM sqlite_master
                   WHERE type = 'table' AND (name NOT LIKE 'sqlite%' OR name = 'sqlite_sequence')
                   ORDER BY CASE name WHEN 'sqlite_sequence' THEN 1 ELSE 0 END, name";
        let rows = self.rows(sql, params![]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    async fn columns(&mut self, table: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
        let rows = self.rows(sql, params![table]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// A table's columns, and the question for those of its rows that belong into a backup.
    async fn question(&mut self, table: &str) -> Result<(Vec<String>, String), StoreError> {
        let columns = self.columns(table).await?;
        let to_requests = r#"SELECT "from" FROM pragma_foreign_key_list($1) WHERE "table" = 'requests'"#;
        let of_request = match self.row(to_requests, params![table]).await? {
            Some(row) => Some(row.text(0)?),
            None => columns.iter().find(|column| *column == "request_id").cloned(),
        };
        let names = columns
            .iter()
            .map(|column| quoted(column))
            .collect::<Result<Vec<_>, _>>()?;
        let mut question = format!("SELECT {} FROM {}", names.join(", "), quoted(table)?);
        match (table, of_request) {
            ("requests", _) => question += &format!(" WHERE {OPEN}"),
            // A lock belongs to a client that is at work now.
            ("objects", _) => question += " WHERE kind <> 'locks'",
            (_, Some(column)) => {
                let column = quoted(&column)?;
                question += &format!(" WHERE {column} IS NULL OR {column} IN (SELECT id FROM requests WHERE {OPEN})");
            }
            _ => {}
        }
        Ok((columns, question))
    }
}

/// Waits for whoever takes it. Rows come on a thread where that keeps no other task waiting.
fn send(into: &SyncSender<Exported>, part: Exported) -> Result<(), ExportError> {
    into.send(part).map_err(|_| ExportError::Unwanted)
}

/// A name of ours within SQL. Names of ours have letters and underscores alone, so there is nothing to escape.
fn quoted(name: &str) -> Result<String, StoreError> {
    let ours = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if ours {
        Ok(format!("\"{name}\""))
    } else {
        Err(StoreError::Unreadable("the name of a table or column"))
    }
}

/// A database into which a configuration comes back. Until [`Import::finish`] nothing of it is there.
pub struct Import {
    tx: Tx,
    insert: Option<(String, usize)>,
}

impl Import {
    /// Begins with an empty database of the schema that the backup was made with.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] when this version does not know that schema.
    pub async fn begin(path: &Path, schema: i64) -> Result<Self, StoreError> {
        let steps = usize::try_from(schema).unwrap_or(usize::MAX);
        if steps > migrate::known() {
            return Err(StoreError::TooNew(schema));
        }
        let mut tx = Tx::over(View::over(Connection::open(path).await?, SharedClock::default()));
        migrate::to_step(&mut tx, steps).await?;
        tx.execute("BEGIN IMMEDIATE", params![]).await?;
        // Tables come in the order of their names, not of their references.
        tx.execute("PRAGMA defer_foreign_keys = ON", params![]).await?;
        Ok(Self { tx, insert: None })
    }

    /// A table begins.
    ///
    /// # Errors
    /// This schema has no such table, or none with these columns.
    pub async fn table(&mut self, name: &str, columns: &[String]) -> Result<(), StoreError> {
        let unreadable = StoreError::Unreadable("a table of the configuration backup");
        let there = self.tx.columns(name).await?;
        let known = self.tx.tables().await?.iter().any(|table| table == name);
        if !known || LEFT_OUT.contains(&name) || there != columns {
            return Err(unreadable);
        }
        let names = columns
            .iter()
            .map(|column| quoted(column))
            .collect::<Result<Vec<_>, _>>()?;
        let values: Vec<_> = (1..=columns.len()).map(|place| format!("${place}")).collect();
        let table = quoted(name)?;
        self.tx
            .execute_composed(format!("DELETE FROM {table}"), params![])
            .await?;
        let insert = format!(
            "INSERT INTO {table} ({}) VALUES ({})",
            names.join(", "),
            values.join(", ")
        );
        self.insert = Some((insert, columns.len()));
        Ok(())
    }

    /// A row of the table that began last.
    ///
    /// # Errors
    /// It does not fit, or none began.
    pub async fn row(&mut self, values: Vec<Value>) -> Result<(), StoreError> {
        match &self.insert {
            Some((insert, columns)) if *columns == values.len() => {
                self.tx.execute_composed(insert.clone(), values).await.map(drop)
            }
            _ => Err(StoreError::Unreadable("a row of the configuration backup")),
        }
    }

    /// All of it was there. Brings the schema up to date, and makes true again what was true when the backup was made and cannot be now.
    ///
    /// # Errors
    /// What was put back does not hang together.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.tx.execute("COMMIT", params![]).await?;
        migrate::migrate(&mut self.tx).await?;
        self.tx.execute("BEGIN IMMEDIATE", params![]).await?;
        self.tx.after_restore().await?;
        self.tx.execute("COMMIT", params![]).await?;
        self.tx.into_view().close().await
    }
}

impl Tx {
    async fn after_restore(&mut self) -> Result<(), StoreError> {
        // Whatever held something is over, also a delete at once that was under way.
        for table in self.tables().await? {
            let columns = self.columns(&table).await?;
            let has = |name: &str| columns.iter().any(|column| column == name);
            if LEFT_OUT.contains(&table.as_str()) || !has("held_by") {
                continue;
            }
            let under_way = ["claimed", "removing"].into_iter().filter(|name| has(name));
            let (sets, wheres): (Vec<_>, Vec<_>) = under_way
                .map(|name| (format!(", {name} = 0"), format!(" OR {name} <> 0")))
                .unzip();
            let (table, sets, wheres) = (quoted(&table)?, sets.concat(), wheres.concat());
            let released = format!("UPDATE {table} SET held_by = NULL{sets} WHERE held_by IS NOT NULL{wheres}");
            self.execute_composed(released, params![]).await?;
        }
        // A link may have been used since; whoever asked for it has another made.
        let sql = "UPDATE account_links SET hash = NULL, made_at = NULL, expires_at = NULL, progress = NULL
                   WHERE used_at IS NULL AND voided_at IS NULL";
        self.execute(sql, params![]).await?;
        let sql = "UPDATE sqlite_sequence SET seq = seq + CASE name WHEN 'events' THEN $1 ELSE $2 END";
        self.execute(sql, params![JUMP_OF_EVENTS, JUMP]).await?;
        // What was before, is not sent again.
        let last = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)";
        self.execute_composed(
            format!("UPDATE receivers SET cursor_seq = {last}, settled_seq = {last}"),
            params![],
        )
        .await?;
        self.index_all_requests().await
    }

    /// Takes every object of a storage off the list: its folder is lost; how many.
    pub async fn forget_objects_of_storage(&mut self, storage: StorageId) -> Result<u64, StoreError> {
        let sql = "DELETE FROM objects WHERE backup_id IN (SELECT id FROM backups WHERE storage_id = $1)";
        self.execute(sql, params![storage.0]).await
    }

    /// Counts anew how many bytes each storage holds.
    pub async fn count_storages(&mut self) -> Result<(), StoreError> {
        let sql = "UPDATE storages SET used_bytes = (SELECT CAST(coalesce(sum(o.size), 0) AS BIGINT)
                   FROM objects o JOIN backups b ON b.id = o.backup_id WHERE b.storage_id = storages.id)";
        self.execute(sql, params![]).await.map(drop)
    }

    /// Lists a backup of which there is a folder alone, by a name of its number; the storage and that name.
    pub async fn adopt_backup(
        &mut self,
        storage: StorageId,
        backup: BackupId,
        by: &str,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let name = format!("found-{backup}");
        let sql = "INSERT INTO backups (id, storage_id, name, created_at, created_by) VALUES ($1, $2, $3, $4, $5)";
        self.execute(sql, params![backup.0, storage.0, name.as_str(), now.0, by])
            .await?;
        let adopted = self.backup(backup).await?.ok_or(StoreError::Unreadable("a backup"))?;
        Ok(adopted.path())
    }

    /// The approved requests whose effect had not ended when the backup was made: it never will.
    pub async fn give_up_effects(&mut self, reason: &str, at: Timestamp) -> Result<u64, StoreError> {
        let sql = "UPDATE requests SET effect = 'failed', effect_at = $1, effect_detail = $2
                   WHERE state = 'approved' AND effect NOT IN ('none', 'done', 'failed', 'vetoed')";
        self.execute(sql, params![at.0, reason]).await
    }

    /// Requests that collected end without a word: their objects are visible again.
    pub async fn close_collecting(&mut self, reason: &str, at: Timestamp) -> Result<u64, StoreError> {
        let sql = "UPDATE requests SET state = 'closed', decided_at = $1, reason = $2 WHERE state = 'collecting'";
        self.execute(sql, params![at.0, reason]).await
    }
}
