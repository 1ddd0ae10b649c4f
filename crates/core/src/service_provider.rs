//! Service providers: remote servers to which backups are copied. What one is, what a change of one weakens, and when a
//! copy is due, late or tried again.

mod schedule;
mod url;

use serde::{Deserialize, Serialize};

use crate::Name;
use crate::receiver::{Certificates, Fingerprint, ServerName, TlsOptions};

pub use schedule::{BadSchedule, EveryHours, ScheduledCopy, retry_after_seconds};
pub use url::{BadUrl, ProviderUrl};

/// A service provider as an administrator describes it; its password is kept apart. It stands in manifests, so its fields
/// and those of its parts stand in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceProviderSpec {
    /// The authorities that vouch for it, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Certificates>,
    /// What is copied there again and again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<ScheduledCopy>,
    /// The one certificate it has, instead of an authority and a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// What people call it.
    pub name: Name,
    /// The name that its certificate must be for, when it is not the host of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<ServerName>,
    /// Whether password and copies may cross a network in the clear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unencrypted: bool,
    /// Where its repositories are: each copy is a folder below.
    pub url: ProviderUrl,
    /// As whom we log on there.
    pub user: ProviderUser,
}

impl ServiceProviderSpec {
    /// How many scheduled copies one may have.
    pub const MOST_COPIES: usize = 1000;

    /// Whether its parts go together.
    ///
    /// # Errors
    /// What does not, for people.
    pub fn check(&self) -> Result<(), BadServiceProvider> {
        let has_tls = self.ca.is_some() || self.fingerprint.is_some() || self.server_name.is_some();
        if self.url.is_encrypted() {
            if self.unencrypted {
                return Err(BadServiceProvider::EncryptedAndNot);
            }
        } else if has_tls {
            return Err(BadServiceProvider::TlsWithoutEncryption);
        } else if !self.unencrypted && !self.url.is_loopback() {
            return Err(BadServiceProvider::Unencrypted);
        }
        if self.ca.is_some() && self.fingerprint.is_some() {
            return Err(BadServiceProvider::TwoAnchors);
        }
        if self.copies.len() > Self::MOST_COPIES {
            return Err(BadServiceProvider::TooManyCopies);
        }
        for (place, copy) in self.copies.iter().enumerate() {
            for other in self.copies.iter().take(place) {
                if other.backup == copy.backup {
                    return Err(BadServiceProvider::Twice(copy.name.clone()));
                }
                if other.to == copy.to {
                    return Err(BadServiceProvider::SamePlace(copy.to.clone()));
                }
            }
        }
        Ok(())
    }

    /// Whether a second person must agree to this change: anything but more copies, or copies more often.
    pub fn weakens(&self, after: &Self) -> bool {
        let copies = |spec: &Self| Self {
            copies: Vec::new(),
            ..spec.clone()
        };
        let kept = |before: &ScheduledCopy| {
            let stays = |after: &&ScheduledCopy| {
                (after.backup, &after.name, &after.to) == (before.backup, &before.name, &before.to)
            };
            let after = after.copies.iter().find(stays);
            after.is_some_and(|after| after.every_hours <= before.every_hours)
        };
        copies(self) != copies(after) || !self.copies.iter().all(kept)
    }

    /// Whether after this change somebody else may be at the other end. The password was given for whoever is there now.
    pub fn redirects(&self, after: &Self) -> bool {
        let end = |spec: &Self| {
            let authority = (spec.ca.clone(), spec.fingerprint, spec.server_name.clone());
            (authority, spec.unencrypted, spec.url.clone(), spec.user.clone())
        };
        end(self) != end(after)
    }

    /// How it is known when a connection is made.
    pub fn tls(&self) -> TlsOptions {
        TlsOptions {
            ca: self.ca.clone(),
            client_certificate: false,
            fingerprint: self.fingerprint,
            server_name: self.server_name.clone(),
        }
    }
}

/// The parts of a service provider do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadServiceProvider {
    /// In the clear, over a network.
    #[error(
        "over http the password and every copy can be read on the way: give an https address, or allow it with unencrypted"
    )]
    Unencrypted,
    /// Both.
    #[error("the address is encrypted (https): leave unencrypted out")]
    EncryptedAndNot,
    /// Nothing is verified in the clear.
    #[error("ca, fingerprint and server_name need an https address")]
    TlsWithoutEncryption,
    /// Both a CA and a fingerprint.
    #[error("give either certificates of an authority (ca) or the fingerprint of one certificate, not both")]
    TwoAnchors,
    /// More than [`ServiceProviderSpec::MOST_COPIES`].
    #[error(
        "a service provider has at most {} scheduled copies",
        ServiceProviderSpec::MOST_COPIES
    )]
    TooManyCopies,
    /// One backup is scheduled twice.
    #[error("backup {0} is scheduled twice")]
    Twice(String),
    /// Two backups would go to one place.
    #[error("two backups would be copied to {0}: give each a place of its own")]
    SamePlace(Name),
}

/// As whom we log on at a service provider: 1 to 128 characters, none of them a colon (RFC 7617) or invisible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderUser(String);

/// The text cannot be a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user has 1 to 128 characters, and no colon")]
pub struct BadUser;

impl ProviderUser {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ProviderUser {
    type Err = BadUser;

    fn from_str(text: &str) -> Result<Self, BadUser> {
        let good = text.chars().all(|char| char != ':' && !char.is_control());
        if good && (1..=128).contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadUser)
        }
    }
}

impl TryFrom<String> for ProviderUser {
    type Error = BadUser;

    fn try_from(text: String) -> Result<Self, BadUser> {
        text.parse()
    }
}

impl From<ProviderUser> for String {
    fn from(user: ProviderUser) -> Self {
        user.0
    }
}

impl std::fmt::Display for ProviderUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::BackupId;

    fn spec(url: &str) -> ServiceProviderSpec {
        ServiceProviderSpec {
            ca: None,
            copies: Vec::new(),
            fingerprint: None,
            name: "cellar".parse().unwrap(),
            server_name: None,
            unencrypted: false,
            url: url.parse().unwrap(),
            user: "office".parse().unwrap(),
        }
    }

    fn copy(backup: i64, to: &str, hours: u16) -> ScheduledCopy {
        ScheduledCopy {
            backup: BackupId(backup),
            every_hours: hours.try_into().unwrap(),
            name: format!("main/{backup}"),
            to: to.parse().unwrap(),
        }
    }

    #[test]
    fn only_the_loopback_is_reached_in_the_clear_without_saying_so() {
        assert_eq!(spec("https://cellar.example/").check(), Ok(()));
        assert_eq!(spec("http://127.0.0.1:8000/").check(), Ok(()));
        let mut plain = spec("http://cellar.example/");
        assert_eq!(plain.check(), Err(BadServiceProvider::Unencrypted));
        plain.unencrypted = true;
        assert_eq!(plain.check(), Ok(()));
        plain.server_name = Some("cellar".parse().unwrap());
        assert_eq!(plain.check(), Err(BadServiceProvider::TlsWithoutEncryption));
        let both = ServiceProviderSpec {
            unencrypted: true,
            ..spec("https://cellar.example/")
        };
        assert_eq!(both.check(), Err(BadServiceProvider::EncryptedAndNot));
    }

    #[test]
    fn one_backup_goes_to_one_place() {
        let mut spec = spec("https://cellar.example/");
        spec.copies = vec![copy(1, "a", 24), copy(2, "a", 24)];
        assert_eq!(spec.check(), Err(BadServiceProvider::SamePlace("a".parse().unwrap())));
        spec.copies = vec![copy(1, "a", 24), copy(1, "b", 24)];
        assert_eq!(spec.check(), Err(BadServiceProvider::Twice("main/1".into())));
    }

    #[test]
    fn only_more_copies_or_more_often_weaken_nothing() {
        let mut before = spec("https://cellar.example/");
        before.copies = vec![copy(1, "a", 24)];
        let with = |copies: Vec<ScheduledCopy>| ServiceProviderSpec {
            copies,
            ..before.clone()
        };
        assert!(!before.weakens(&before));
        assert!(!before.weakens(&with(vec![copy(2, "b", 24), copy(1, "a", 12)])));
        assert!(before.weakens(&with(vec![])));
        assert!(before.weakens(&with(vec![copy(1, "a", 25)])));
        assert!(before.weakens(&with(vec![copy(1, "b", 24)])));
        let elsewhere = ServiceProviderSpec {
            url: "https://attic.example/".parse().unwrap(),
            ..before.clone()
        };
        assert!(before.weakens(&elsewhere) && before.redirects(&elsewhere));
        let renamed = ServiceProviderSpec {
            name: "other".parse().unwrap(),
            ..before.clone()
        };
        assert!(before.weakens(&renamed) && !before.redirects(&renamed));
    }

    proptest! {
        /// Two changes that weaken nothing weaken nothing together: nobody goes round a second person in small steps.
        #[test]
        fn small_steps_lead_nowhere(hours in proptest::collection::vec(proptest::collection::btree_map(1_i64..5, 1_u16..50, 0..4), 3)) {
            let at = |step: usize| ServiceProviderSpec {
                copies: hours[step].iter().map(|(backup, hours)| copy(*backup, &backup.to_string(), *hours)).collect(),
                ..spec("https://cellar.example/")
            };
            if !at(0).weakens(&at(1)) && !at(1).weakens(&at(2)) {
                prop_assert!(!at(0).weakens(&at(2)));
            }
        }
    }
}
