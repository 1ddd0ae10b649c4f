//! Room on the database's disk.

use crate::{StoreError, Tx};

/// What is tried to be written, in bytes: some decisions with their events.
const TRIED: usize = 65_536;

impl Tx {
    /// Writes something and takes it away again: it fails where there is no room.
    pub(crate) async fn take_room(&mut self) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO settings (name, value, revision) VALUES ('room', $1, 0)",
            params!["x".repeat(TRIED)],
        )
        .await?;
        self.execute("DELETE FROM settings WHERE name = 'room'", params![])
            .await?;
        Ok(())
    }

    /// Whether the file may grow (SQLite's `max_page_count`; where less is asked for than there is, it takes what there is).
    pub(crate) async fn let_grow(&mut self, may: bool) -> Result<(), StoreError> {
        let sql = if may {
            "PRAGMA max_page_count = 4294967294"
        } else {
            "PRAGMA max_page_count = 1"
        };
        self.rows(sql, params![]).await.map(drop)
    }
}
