//! The same engine with a commit for each: what there would be without one writer that commits many at once.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use crate::Failure;

/// One connection, as a writer has.
#[derive(Clone)]
pub struct Engine(Arc<Mutex<SqliteConnection>>);

impl Engine {
    /// An empty database, as durable as ours.
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .connect()
            .await?;
        for table in ["requests", "events"] {
            let sql = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// A request and its event, in one transaction of their own.
    pub async fn two_rows(&self, client: u32, number: u32) -> Result<(), Failure> {
        let body = format!("{client} {number} {}", "x".repeat(600));
        let mut connection = self.0.lock().await;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for sql in [
            "INSERT INTO requests (body) VALUES ($1)",
            "INSERT INTO events (body) VALUES ($1)",
        ] {
            sqlx::query(sql).bind(&body).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
