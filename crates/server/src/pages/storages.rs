use askama::Template;

use super::{Bytes, Chrome, Count, Moment, assets, filters};

/// `/storages`: where backups lie.
#[derive(Template, Debug, Clone)]
#[template(path = "storages.html")]
pub struct StoragesPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// By name.
    pub rows: Vec<StorageRow>,
    /// Whether the reader may add one.
    pub can_change: bool,
}

/// A storage in the list.
#[derive(Debug, Clone)]
pub struct StorageRow {
    /// Its number.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How it stands.
    pub standing: StorageStanding,
    /// The bytes of its objects, held ones among them.
    pub used: Bytes,
    /// How many it takes at most.
    pub quota: Option<Bytes>,
    /// Free on its file system; none while it cannot be opened.
    pub free: Option<Bytes>,
    /// The days of its retention lock.
    pub locked_days: Option<u32>,
    /// How many backups it has.
    pub backups: Count,
}

/// How a storage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageStanding {
    /// Clients use it.
    InService,
    /// Its folder cannot be opened.
    Away,
    /// This request to delete it waits: it can only be read.
    Closes {
        /// The request's number.
        request: String,
    },
}

impl StorageStanding {
    const fn label(&self) -> &'static str {
        match self {
            Self::InService => "In service",
            Self::Away => "Out of service",
            Self::Closes { .. } => "Read only",
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::InService => "ok",
            Self::Away => "error",
            Self::Closes { .. } => "pending",
        }
    }
}

/// `/storages/new` and `/storages/{id}`: a storage and its form.
#[derive(Template, Debug, Clone)]
#[template(path = "storage.html")]
pub struct StoragePage {
    /// What stands around it.
    pub chrome: Chrome,
    /// What is known of it; none for a new one.
    pub known: Option<KnownStorage>,
    /// What is set.
    pub form: StorageForm,
    /// Whether the reader may change it.
    pub can_change: bool,
    /// What was wrong with the last try to delete it.
    pub delete_problem: Option<String>,
}

/// A storage that is there.
#[derive(Debug, Clone)]
pub struct KnownStorage {
    /// As in the list.
    pub row: StorageRow,
    /// Where it is, for people.
    pub place: String,
    /// The size of its file system.
    pub disk: Option<Bytes>,
    /// When it was added.
    pub added: Moment,
    /// When it was changed last.
    pub changed: Option<Moment>,
}

/// The form of a storage. Sends `csrf`, `name`, `path` (of a new one), `quota_gib`, `immutable_days`; to delete it `csrf`, `name` (typed
/// again), `bytes` (`keep` or `purge`).
#[derive(Debug, Clone, Default)]
pub struct StorageForm {
    /// What was typed.
    pub name: String,
    /// What was typed.
    pub path: String,
    /// In GiB; empty without a bound.
    pub quota_gib: String,
    /// Empty for none.
    pub immutable_days: String,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}
