use askama::Template;

use super::{Bytes, Chrome, Count, LockRow, Moment, Pager, PendingRow, Share, assets, filters};

/// `/backups/{storage}/{backup}`: one backup.
#[derive(Template, Debug, Clone)]
#[template(path = "backup.html")]
pub struct BackupPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// The storage's name.
    pub storage: String,
    /// The backup's name.
    pub name: String,
    /// Where its storage's page is.
    pub storage_href: String,
    /// Whether it holds transaction logs.
    pub log: bool,
    /// This page's address.
    pub href: String,
    /// How a client is pointed at it.
    pub client_url: String,
    /// When it was made.
    pub created: Moment,
    /// When it last received an object.
    pub last_received: Option<Moment>,
    /// Bytes that clients see.
    pub bytes: Bytes,
    /// Bytes under a hold.
    pub held_bytes: Bytes,
    /// Of all its bytes, how much is held.
    pub held_share: Share,
    /// By kind.
    pub kinds: Vec<KindTotals>,
    /// Live locks.
    pub locks: Vec<LockRow>,
    /// Waiting requests in order.
    pub queue: Vec<PendingRow>,
    /// Newest received first.
    pub snapshots: Vec<SnapshotRow>,
    /// The way through the snapshots.
    pub pager: Pager,
    /// Whether the reader may ask to delete the backup. The form sends `csrf`, `name` (typed again).
    pub can_delete: bool,
    /// Whether the reader may say what it is kept for. The form sends `csrf`, `kind` (`ordinary`, `log`).
    pub can_mark: bool,
    /// What was wrong with the last try to delete one snapshot. The form sends `csrf`, `snapshot` (the beginning of its name).
    pub snapshot_problem: Option<String>,
    /// What was wrong with the last try.
    pub delete_problem: Option<String>,
}

/// The objects of one kind.
#[derive(Debug, Clone)]
pub struct KindTotals {
    /// `snapshots`, `data`, `index`, `keys`, `locks`, `config`.
    pub kind: String,
    /// That clients see.
    pub objects: Count,
    /// Their bytes.
    pub bytes: Bytes,
    /// Under a hold.
    pub held_objects: Count,
    /// Their bytes.
    pub held_bytes: Bytes,
}

/// A snapshot of the backup.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    /// Its name, 64 hexadecimal digits.
    pub name: String,
    /// When it was received.
    pub received: Moment,
    /// From which account.
    pub by: String,
    /// The request that holds it, if any.
    pub held_by: Option<HeldBy>,
}

impl BackupPage {
    /// Whether there is anything that the reader may decide.
    fn can_choose(&self) -> bool {
        self.queue.iter().any(|row| row.can_choose)
    }
}

impl SnapshotRow {
    fn short(&self) -> &str {
        self.name.get(..8).unwrap_or(&self.name)
    }
}

/// The request that holds an object.
#[derive(Debug, Clone)]
pub struct HeldBy {
    /// Its number.
    pub request: String,
}
