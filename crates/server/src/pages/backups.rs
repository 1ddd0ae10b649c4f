use askama::Template;

use super::{Bytes, Chrome, Count, Moment, Share, assets, filters};

/// `/backups`: what is there, by storage.
#[derive(Template, Debug, Clone)]
#[template(path = "backups.html")]
pub struct BackupsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Every storage.
    pub storages: Vec<StorageView>,
}

/// A storage.
#[derive(Debug, Clone)]
pub struct StorageView {
    /// Its name.
    pub name: String,
    /// Where its page is.
    pub href: String,
    /// Bytes that clients see.
    pub bytes: Bytes,
    /// Bytes under a hold.
    pub held_bytes: Bytes,
    /// How much may be held per backup; none without a bound.
    pub held_cap: Option<Bytes>,
    /// How a client is pointed at it: `rest:https://ACCOUNT:TOKEN@HOST/restic/main/BACKUP/`.
    pub client_url: String,
    /// Its backups, by name.
    pub backups: Vec<BackupRow>,
}

/// A backup in the list.
#[derive(Debug, Clone)]
pub struct BackupRow {
    /// Its name.
    pub name: String,
    /// Where its page is.
    pub href: String,
    /// Whether it holds transaction logs.
    pub log: bool,
    /// Snapshots that clients see.
    pub snapshots: Count,
    /// Snapshots under a hold.
    pub held_snapshots: Count,
    /// Bytes that clients see.
    pub bytes: Bytes,
    /// Bytes under a hold.
    pub held_bytes: Bytes,
    /// Of all its bytes, how much is held.
    pub held_share: Share,
    /// When it last received an object.
    pub last_received: Option<Moment>,
    /// Live locks.
    pub locks: Vec<LockRow>,
    /// Requests that wait.
    pub pending: Count,
}

/// A client's lock.
#[derive(Debug, Clone)]
pub struct LockRow {
    /// Whose.
    pub by: String,
    /// Since when.
    pub since: Moment,
}
