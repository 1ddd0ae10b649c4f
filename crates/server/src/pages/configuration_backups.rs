use askama::Template;

use super::{Bytes, Chrome, Moment, assets, filters};

/// `/configuration-backups`: backups of the server's own configuration, and how they are made.
#[derive(Template, Debug, Clone)]
#[template(path = "configuration_backups.html")]
pub struct ConfigurationBackupsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Newest first.
    pub rows: Vec<ConfigurationBackupRow>,
    /// Where they lie on the server.
    pub folder: String,
    /// The number of the passphrase that holds, if one does.
    pub passphrase: Option<i64>,
    /// What the last scheduled try met.
    pub fault: Option<String>,
    /// Why what was asked for was not done.
    pub problem: Option<String>,
    /// When one is made, as typed; empty for never.
    pub at: String,
    /// How many of those stay, as typed.
    pub keep: String,
    /// Whether changes become requests.
    pub is_held: bool,
    /// Whether the reader may make, verify and delete.
    pub can_make: bool,
    /// Whether the reader may set passphrase and schedule, and take files out.
    pub can_change: bool,
}

/// A configuration backup in the list.
#[derive(Debug, Clone)]
pub struct ConfigurationBackupRow {
    /// Its number.
    pub id: String,
    /// Of its file.
    pub name: String,
    /// When it was made.
    pub made: Moment,
    /// By whom; none when by the schedule.
    pub by: Option<String>,
    /// In bytes.
    pub size: Bytes,
    /// Which passphrase opens it.
    pub passphrase: i64,
    /// When it was last read to its end.
    pub verified: Option<Moment>,
    /// What was wrong then.
    pub fault: Option<String>,
}
