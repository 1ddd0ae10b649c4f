//! Repository tokens: what a backup client shows with every request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::{Entropy, random};
use crate::{Name, Role, Roles, Sha256};

/// What a token may do to the backups in its scope; each right includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// List and get; put and delete its own locks, without which no client reads.
    Read,
    /// Add objects and backups.
    Append,
    /// Ask for deletes: held while four-eyes authorization is on, done at once while it is off.
    Delete,
}

impl Rights {
    /// Every one, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Append, Self::Delete];

    /// The word in the database, the API and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Append => "append",
            Self::Delete => "delete",
        }
    }

    /// The most that a person with these roles may do by a logon of their own.
    pub fn of(roles: Roles) -> Option<Self> {
        let most = Self::ALL.into_iter().rev().find(|rights| rights.within(roles));
        most.or_else(|| roles.has(Role::BackupViewer).then_some(Self::Read))
    }

    /// Whether a person with these roles may make a token with these rights: a token reaches no further than its maker.
    pub fn within(self, roles: Roles) -> bool {
        let most = if roles.has(Role::BackupAdministrator) {
            Some(Self::Delete)
        } else if roles.has(Role::BackupOperator) {
            Some(Self::Append)
        } else {
            None
        };
        most.is_some_and(|most| self <= most)
    }
}

impl FromStr for Rights {
    type Err = UnknownRights;

    fn from_str(text: &str) -> Result<Self, UnknownRights> {
        Self::ALL
            .into_iter()
            .find(|rights| rights.as_str() == text)
            .ok_or(UnknownRights)
    }
}

/// The text names no rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token's rights are read, append or delete")]
pub struct UnknownRights;

/// Which backups a token may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// These; they need not exist yet.
    These(Vec<Place>),
}

/// A backup, or every backup of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of which storage.
    pub storage: Name,
    /// Which one; none for all of them, also those to come.
    pub backup: Option<Name>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backup = self.backup.as_ref().map_or("*", Name::as_str);
        write!(f, "{}/{backup}", self.storage)
    }
}

impl Scope {
    /// Whether the backup is among them.
    pub fn covers(&self, storage: &Name, backup: &Name) -> bool {
        match self {
            Self::All => true,
            Self::These(places) => places
                .iter()
                .any(|place| place.storage == *storage && place.backup.as_ref().is_none_or(|name| name == backup)),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::These(places) => {
                for (at, place) in places.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{place}")?;
                }
                Ok(())
            }
        }
    }
}

/// The text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token's backups are '*' or a list like main/laptop,other/* ('*' for every backup of a storage)")]
pub struct BadScope;

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        if text.trim() == "*" {
            return Ok(Self::All);
        }
        let places: Result<Vec<_>, _> = text
            .split(',')
            .map(|place| {
                let (storage, backup) = place.trim().split_once('/').ok_or(BadScope)?;
                let backup = match backup {
                    "*" => None,
                    name => Some(name.parse().map_err(|_| BadScope)?),
                };
                Ok(Place {
                    storage: storage.parse().map_err(|_| BadScope)?,
                    backup,
                })
            })
            .collect();
        places.map(Self::These)
    }
}

/// A new token's secret: shown once, kept only as its hash. 256 random bits need no slow hash.
pub struct Secret(String);

impl Secret {
    /// A fresh one, 43 letters, digits, `-` and `_`.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(data_encoding::BASE64URL_NOPAD.encode(&random::<32>(entropy)))
    }

    /// One made elsewhere, for a set-up without a screen; at least 32 characters that need no escaping in a URL.
    pub fn given(text: &str) -> Result<Self, WeakSecret> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'));
        if plain && (32..=128).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(WeakSecret)
        }
    }

    /// The text to show, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    pub fn hash(&self) -> Sha256 {
        hash_of(&self.0)
    }
}

/// The secret is too short, or has letters that a URL would escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has 32 to 128 letters, digits, '-', '_', '.' or '~'")]
pub struct WeakSecret;

/// What to look a shown token up by.
pub fn hash_of(shown: &str) -> Sha256 {
    Sha256::of(shown.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reaches_no_further_than_its_maker() {
        let within = |roles: &[Role]| {
            let roles: Roles = roles.iter().copied().collect();
            Rights::ALL.map(|rights| rights.within(roles))
        };
        assert_eq!(within(&[Role::BackupAdministrator]), [true, true, true]);
        assert_eq!(within(&[Role::BackupOperator]), [true, true, false]);
        assert_eq!(within(&[Role::BackupViewer, Role::SecurityAdministrator]), [false; 3]);
    }

    #[test]
    fn a_logon_of_ones_own_reaches_as_far_as_ones_roles_and_viewers_read() {
        let of = |roles: &[Role]| Rights::of(roles.iter().copied().collect());
        assert_eq!(of(&[Role::BackupAdministrator]), Some(Rights::Delete));
        assert_eq!(of(&[Role::BackupOperator, Role::BackupViewer]), Some(Rights::Append));
        assert_eq!(of(&[Role::BackupViewer]), Some(Rights::Read));
        assert_eq!(of(&[Role::SecurityAdministrator]), None);
    }

    #[test]
    fn a_scope_comes_back_from_its_text() {
        for text in ["*", "main/laptop", "main/a,main/b", "main/*,other/a"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for bad in [
            "", "main", "main/", "/x", "main/a,", "main/a/b", "main/..", "*/a", "main/a*",
        ] {
            assert_eq!(bad.parse::<Scope>(), Err(BadScope), "{bad}");
        }
    }

    #[test]
    fn a_scope_covers_what_it_names_and_nothing_else() {
        let scope: Scope = "main/a".parse().unwrap();
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert!(scope.covers(&name("main"), &name("a")));
        assert!(!scope.covers(&name("main"), &name("b")));
        assert!(!scope.covers(&name("other"), &name("a")));
        let whole: Scope = "main/*".parse().unwrap();
        assert!(whole.covers(&name("main"), &name("a")) && whole.covers(&name("main"), &name("b")));
        assert!(!whole.covers(&name("other"), &name("a")));
    }
}
