//! Storages as the API tells them, and as a terminal shows them.

use std::fmt::Write as _;

use countersign_core::{FolderPath, Name, StorageId, StorageSpec};
use serde::Deserialize;

use crate::cli::terminal::{columns, date, plain};
use crate::pages::{Bytes, Count};

/// A storage.
#[derive(Debug, Deserialize)]
pub struct Storage {
    id: StorageId,
    name: Name,
    path: Option<FolderPath>,
    quota_bytes: Option<u64>,
    immutable_days: Option<u32>,
    created_at: String,
    used_bytes: u64,
    disk_free_bytes: Option<u64>,
    in_service: bool,
    held_by: Option<i64>,
    backups: u64,
}

impl Storage {
    /// Whether this is its name.
    pub fn is_called(&self, name: &Name) -> bool {
        self.name == *name
    }

    /// Its address.
    pub fn path_of(&self) -> String {
        format!("/api/v1/storages/{}", self.id)
    }

    /// As it is described.
    pub fn spec(&self) -> StorageSpec {
        StorageSpec {
            immutable_days: self.immutable_days,
            name: self.name.clone(),
            path: self.path.clone(),
            quota_bytes: self.quota_bytes,
        }
    }

    /// Everything, a line each.
    pub fn shown(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &str| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name:<16}{value}");
        };
        add("storage", self.name.as_str());
        add("state", &self.state());
        let place = self.path.as_ref().map_or("below the data folder", FolderPath::as_str);
        add("folder", &plain(place));
        add("backups", &Count(self.backups).to_string());
        add("used", &Bytes(self.used_bytes).to_string());
        add("quota", &self.quota());
        add("free on disk", &self.free());
        add("retention lock", &self.lock());
        add("added", &date(&self.created_at));
        text
    }

    fn state(&self) -> String {
        match (self.held_by, self.in_service) {
            (Some(request), _) => format!("read only: request {request} to delete it waits"),
            (None, true) => "in service".to_owned(),
            (None, false) => "out of service: its folder cannot be opened".to_owned(),
        }
    }

    fn quota(&self) -> String {
        self.quota_bytes
            .map_or_else(|| "none".to_owned(), |bytes| Bytes(bytes).to_string())
    }

    fn free(&self) -> String {
        self.disk_free_bytes
            .map_or_else(String::new, |bytes| Bytes(bytes).to_string())
    }

    fn lock(&self) -> String {
        self.immutable_days
            .map_or_else(|| "none".to_owned(), |days| format!("{days} days"))
    }
}

/// Storages as a table with a head.
pub fn table(storages: &[Storage]) -> String {
    let head = ["STORAGE", "BACKUPS", "USED", "QUOTA", "FREE", "LOCK", "STATE"];
    columns(head, storages.iter().map(row))
}

fn row(storage: &Storage) -> [String; 7] {
    [
        storage.name.to_string(),
        Count(storage.backups).to_string(),
        Bytes(storage.used_bytes).to_string(),
        storage.quota(),
        storage.free(),
        storage.lock(),
        storage.state(),
    ]
}
