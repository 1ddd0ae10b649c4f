//! The same engine with a commit for each: what there would be without one writer that commits many at once.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;

use crate::Failure;

/// One connection, as a writer has.
#[derive(Clone)]
pub struct Engine(Arc<Mutex<Connection>>);

impl Engine {
    /// An empty database, as durable as ours.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE requests (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
             CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// A request and its event, in one transaction of their own.
    pub fn two_rows(&self, client: u32, number: u32) -> Result<(), Failure> {
        let body = format!("{client} {number} {}", "x".repeat(600));
        let mut connection = self.0.lock().map_err(|_| "another client panicked")?;
        let tx = connection.transaction()?;
        for sql in [
            "INSERT INTO requests (body) VALUES ($1)",
            "INSERT INTO events (body) VALUES ($1)",
        ] {
            tx.prepare_cached(sql)?.execute([&body])?;
        }
        Ok(tx.commit()?)
    }
}
