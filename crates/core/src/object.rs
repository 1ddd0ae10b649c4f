//! Objects: the files of a backup, as the REST backend protocol names them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// The kinds of objects in a backup (restic REST backend protocol, "type").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// The one file that makes a folder a repository. It has no hash for a name.
    Config,
    /// Packs: the data itself.
    Data,
    /// Which blob lies in which pack.
    Index,
    /// The repository's keys, each sealed with a password.
    Keys,
    /// A client's note that it is at work.
    Locks,
    /// What a client calls a snapshot.
    Snapshots,
}

impl ObjectKind {
    /// Every kind, in the order pages list them.
    pub const ALL: [Self; 6] = [
        Self::Snapshots,
        Self::Data,
        Self::Index,
        Self::Keys,
        Self::Locks,
        Self::Config,
    ];

    /// The word in the protocol's path, in the database and in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Data => "data",
            Self::Index => "index",
            Self::Keys => "keys",
            Self::Locks => "locks",
            Self::Snapshots => "snapshots",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of the six kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of object: it is config, data, index, keys, locks or snapshots")]
pub struct UnknownKind;

impl FromStr for ObjectKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownKind)
    }
}

/// A SHA-256: of an object's bytes, of a manifest, of a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(hash)
    }

    /// Sixty-four lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// The hash in a database column; none when it has another length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an object is its SHA-256: 64 lower-case hexadecimal digits")]
pub struct BadHash;

impl FromStr for Sha256 {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let mut hash = [0; 32];
        if text.len() != 64 {
            return Err(BadHash);
        }
        match data_encoding::HEXLOWER.decode_mut(text.as_bytes(), &mut hash) {
            Ok(32) => Ok(Self(hash)),
            _ => Err(BadHash),
        }
    }
}

impl Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What an object is called: `config` for the config, its SHA-256 for every other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectName {
    /// The config's only name.
    Config,
    /// The SHA-256 of the object's bytes.
    Hash(Sha256),
}

impl ObjectName {
    /// Reads a name as it stands in a path or a column, for an object of this kind.
    pub fn parse(kind: ObjectKind, text: &str) -> Result<Self, BadHash> {
        match (kind, text) {
            (ObjectKind::Config, "config") => Ok(Self::Config),
            (ObjectKind::Config, _) => Err(BadHash),
            _ => text.parse().map(Self::Hash),
        }
    }

    /// The hash that the object's bytes must have; none for the config.
    pub const fn expected_hash(&self) -> Option<Sha256> {
        match self {
            Self::Config => None,
            Self::Hash(hash) => Some(*hash),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Hash(hash) => hash.fmt(f),
        }
    }
}

/// One object within a backup. No path of a client reaches further than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Of which kind.
    pub kind: ObjectKind,
    /// Called what.
    pub name: ObjectName,
}

impl ObjectKey {
    /// The key of an object, from the two words of a path.
    pub fn parse(kind: ObjectKind, name: &str) -> Result<Self, BadHash> {
        Ok(Self {
            kind,
            name: ObjectName::parse(kind, name)?,
        })
    }

    /// The key of the config.
    pub const CONFIG: Self = Self {
        kind: ObjectKind::Config,
        name: ObjectName::Config,
    };
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A stored object: what a manifest says of it and what the vault checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Which one.
    pub key: ObjectKey,
    /// In bytes.
    pub size: u64,
    /// Of its bytes.
    pub hash: Sha256,
    /// When the server had received it whole.
    pub received_at: countersign_events::Timestamp,
    /// The name of the account that sent it.
    pub received_by: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_sixty_four_lower_case_digits() {
        let good = "a".repeat(64);
        assert!(ObjectKey::parse(ObjectKind::Data, &good).is_ok());
        for bad in [
            "",
            "config",
            "..",
            "../../etc/passwd",
            &"A".repeat(64),
            &"a".repeat(63),
            &"g".repeat(64),
            &"a".repeat(65),
        ] {
            assert_eq!(ObjectKey::parse(ObjectKind::Data, bad), Err(BadHash), "{bad}");
        }
    }

    #[test]
    fn only_the_config_is_called_config() {
        assert_eq!(ObjectKey::parse(ObjectKind::Config, "config"), Ok(ObjectKey::CONFIG));
        assert!(ObjectKey::parse(ObjectKind::Config, &"a".repeat(64)).is_err());
    }
}
