//! Immutable ids. They are never given twice, so a renamed or newly made thing is never taken for an old one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not a positive whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a positive whole number")]
pub struct BadId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                match text.parse() {
                    Ok(id) if id > 0 => Ok(Self(id)),
                    _ => Err(BadId),
                }
            }
        }
    };
}

id!(
    /// A person or a service.
    AccountId
);
id!(
    /// A place for backups.
    StorageId
);
id!(
    /// A repository of a client.
    BackupId
);
id!(
    /// A request for a second person's decision, from its first held object on.
    RequestId
);
id!(
    /// A receiver of events.
    ReceiverId
);
id!(
    /// A repository token.
    TokenId
);
id!(
    /// A backup of the server's own configuration.
    ConfigurationBackupId
);
id!(
    /// A registered remote server to which backups are copied.
    ServiceProviderId
);
id!(
    /// A copy of a backup at a service provider: one run, from its asking to its end.
    CopyId
);
id!(
    /// A command that was allowed.
    CommandId
);
id!(
    /// Where notices are sent: a mail server or a webhook.
    NoticeChannelId
);

impl AccountId {
    /// The "user security identifier" of the events (seed 44002, `Subject`).
    pub fn subject(self) -> String {
        format!("UID-{}", self.0)
    }
}

/// A name for a storage or a backup: 1 to 64 letters, digits, `.`, `_`, `-`, not starting with a sign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// The text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or digit")]
pub struct BadName;

impl Name {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let rest = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if starts && rest && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName)
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_climb_or_hide() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            ".hidden",
            "-x",
            "a b",
            "ä",
            "a\0",
            &"a".repeat(65),
        ] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
        }
        assert_eq!(
            "lap-top_1.local".parse::<Name>().map(|name| name.to_string()),
            Ok("lap-top_1.local".into())
        );
    }
}
