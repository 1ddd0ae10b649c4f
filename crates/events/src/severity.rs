use serde::{Deserialize, Serialize};

/// How much an event matters: the three levels of the family (the seeds' "Severity").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Syslog severity 6, PRI 14.
    Info,
    /// Syslog severity 4, PRI 12.
    Warning,
    /// Syslog severity 3, PRI 11.
    Error,
}

impl Severity {
    /// Every one, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// The level that a word names, in any case: `info`, `Warning`.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(word))
    }

    /// The PRI value (RFC 5424 section 6.2.1) with the family's facility, user (1).
    #[must_use]
    pub const fn pri(self) -> u8 {
        match self {
            Self::Info => 14,
            Self::Warning => 12,
            Self::Error => 11,
        }
    }

    /// The level that a PRI of any facility stands for: 0–3 are errors, 4 a warning, 5–7 information.
    #[must_use]
    pub const fn from_pri(pri: u8) -> Self {
        match pri % 8 {
            0..=3 => Self::Error,
            4 => Self::Warning,
            _ => Self::Info,
        }
    }

    /// The word the seeds use: `Info`, `Warning`, `Error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }

    /// The token that some senders put into the line: `[INF]`, `[WRN]`, `[ERR]`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Info => "[INF]",
            Self::Warning => "[WRN]",
            Self::Error => "[ERR]",
        }
    }
}
