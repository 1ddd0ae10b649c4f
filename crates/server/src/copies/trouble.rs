//! What comes between a copy and its end.

use countersign_vault::VaultError;

/// What comes between a copy and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It may go away: try again. For people, without a full stop.
    Passing(String),
    /// It does not go away by itself: somebody must do something. For people, without a full stop.
    Lasting(String),
    /// The backup is not any more as it was when the copy was planned: plan again.
    Moved,
}

impl Trouble {
    /// What is told of it.
    pub fn text(&self) -> String {
        match self {
            Self::Passing(text) | Self::Lasting(text) => text.clone(),
            Self::Moved => "the backup changed again and again while it was copied: it is tried again".to_owned(),
        }
    }
}

impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NoBackup => {
                Self::Lasting("there is no such backup here any more, or its deletion waits for a decision".to_owned())
            }
            error => Self::Passing(format!("the backup cannot be read here: {error}")),
        }
    }
}
