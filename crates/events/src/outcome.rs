use crate::Severity;
use serde::{Deserialize, Serialize};

/// How something ended: the result of a session (40700, 40800), and of an effect (the parameter `Result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was done.
    Success,
    /// Done, with something to look at.
    Warning,
    /// Not done.
    Failed,
}

impl Outcome {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Success, Self::Warning, Self::Failed];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Warning => "Warning",
            Self::Failed => "Failed",
        }
    }

    /// The severity of an event that tells this outcome.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Success => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Failed => Severity::Error,
        }
    }
}
