//! What a backup is kept for: it says by which operation it is deleted, and nothing else.

use std::fmt;
use std::str::FromStr;

use countersign_events::Operation;
use serde::{Deserialize, Serialize};

/// What a backup holds. Both kinds are held and decided alike, so marking one is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupKind {
    /// Files, machines, databases.
    Ordinary,
    /// Transaction logs of a database, a WAL archive for instance.
    Log,
}

/// The text is no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a backup is ordinary or log")]
pub struct BadBackupKind;

impl BackupKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ordinary, Self::Log];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Log => "log",
        }
    }

    /// The operation that deletes a backup of this kind: 100 or 101.
    pub fn deletion(self, name: String) -> Operation {
        match self {
            Self::Ordinary => Operation::DeleteBackup { name },
            Self::Log => Operation::DeleteLogBackup { name },
        }
    }
}

impl FromStr for BackupKind {
    type Err = BadBackupKind;

    fn from_str(text: &str) -> Result<Self, BadBackupKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(BadBackupKind)
    }
}

impl fmt::Display for BackupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_comes_back_from_its_word_and_has_an_operation() {
        for (kind, operation) in BackupKind::ALL.into_iter().zip([100, 101]) {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.deletion("main/a".into()).id(), operation);
        }
        assert_eq!("wal".parse::<BackupKind>(), Err(BadBackupKind));
    }
}
