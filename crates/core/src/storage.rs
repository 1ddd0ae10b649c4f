//! Storages: where backups lie, how much of them there may be, and for how long nothing of them is destroyed.

use std::fmt;
use std::str::FromStr;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Name, ObjectKind};

/// The longest retention lock, in days: a hundred years.
pub const LONGEST_LOCK_DAYS: u32 = 36_500;

const DAY_SECONDS: i64 = 86_400;

/// A storage as an administrator describes it. It stands in manifests, so its fields stand in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSpec {
    /// For so many days after it was received, no object is destroyed by anybody; none without a retention lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable_days: Option<u32>,
    /// What clients and people call it.
    pub name: Name,
    /// Its folder; none below the data folder. It stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<FolderPath>,
    /// How many bytes it takes at most, held ones among them; none without a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
}

/// The parts of a storage do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStorage {
    /// Out of its range.
    #[error("a retention lock holds for 1 to {LONGEST_LOCK_DAYS} days; leave it out for none")]
    ImmutableDays,
    /// Nothing would fit, or more than can be counted.
    #[error("a quota is from 1 byte to 8 EiB; leave it out for none")]
    Quota,
    /// Bytes do not move.
    #[error("a storage keeps its folder: add another one, and copy what is in this")]
    Path,
}

impl StorageSpec {
    /// One below the data folder, without bounds.
    pub const fn plain(name: Name) -> Self {
        Self {
            immutable_days: None,
            name,
            path: None,
            quota_bytes: None,
        }
    }

    /// Itself, if its parts go together.
    ///
    /// # Errors
    /// What does not.
    pub fn checked(self) -> Result<Self, BadStorage> {
        if self
            .immutable_days
            .is_some_and(|days| days == 0 || days > LONGEST_LOCK_DAYS)
        {
            return Err(BadStorage::ImmutableDays);
        }
        if self
            .quota_bytes
            .is_some_and(|bytes| bytes == 0 || i64::try_from(bytes).is_err())
        {
            return Err(BadStorage::Quota);
        }
        Ok(self)
    }

    /// What of a change lets the storage keep less, for a shorter time, or from fewer clients. A new name is among it: addresses and
    /// tokens say the name, so clients no longer find their backups, or find others under it. Nothing when the change only strengthens.
    pub fn weakened_by(&self, after: &Self) -> Vec<Weakening> {
        let lower = |before: Option<u64>, after: Option<u64>| match (before, after) {
            (None, Some(_)) => true,
            (Some(before), Some(after)) => after < before,
            (_, None) => false,
        };
        let days = |spec: &Self| spec.immutable_days.unwrap_or(0);
        let mut weakened = Vec::new();
        if after.name != self.name {
            weakened.push(Weakening::Renamed);
        }
        if days(after) < days(self) {
            weakened.push(Weakening::LockShorter);
        }
        if lower(self.quota_bytes, after.quota_bytes) {
            weakened.push(Weakening::QuotaLower);
        }
        weakened
    }
}

/// What makes a storage weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakening {
    /// Clients know it by its name.
    Renamed,
    /// What was to be kept can be deleted sooner.
    LockShorter,
    /// Backups find less room.
    QuotaLower,
}

/// Until when a retention lock keeps an object from everybody; none when it does not, or no more. Locks of clients are no backups.
pub fn locked_until(
    kind: ObjectKind,
    received_at: Timestamp,
    immutable_days: Option<u32>,
    now: Timestamp,
) -> Option<Timestamp> {
    if kind == ObjectKind::Locks {
        return None;
    }
    let until = received_at.plus_seconds(i64::from(immutable_days?) * DAY_SECONDS);
    (now < until).then_some(until)
}

/// An absolute folder without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FolderPath(String);

/// The text is no such folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a storage's folder is an absolute path without '.', '..' and control characters, such as /srv/backups")]
pub struct BadFolder;

impl FolderPath {
    /// Its text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FolderPath {
    type Err = BadFolder;

    fn from_str(text: &str) -> Result<Self, BadFolder> {
        let parts = text.strip_prefix('/').ok_or(BadFolder)?.trim_end_matches('/');
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if text.len() > 1024 || text.chars().any(char::is_control) || !parts.split('/').all(plain) {
            return Err(BadFolder);
        }
        Ok(Self(format!("/{parts}")))
    }
}

impl<'de> Deserialize<'de> for FolderPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(immutable_days: Option<u32>, quota_bytes: Option<u64>) -> StorageSpec {
        StorageSpec {
            immutable_days,
            name: "main".parse().unwrap(),
            path: None,
            quota_bytes,
        }
    }

    #[test]
    fn folders_cannot_climb() {
        for bad in [
            "",
            "/",
            "srv",
            "/srv/..",
            "/srv/./a",
            "/a//b",
            "/a\0",
            "/a\nb",
            &format!("/{}", "a".repeat(1024)),
        ] {
            assert_eq!(bad.parse::<FolderPath>(), Err(BadFolder), "{bad:?}");
        }
        assert_eq!("/srv/backups/".parse::<FolderPath>().unwrap().as_str(), "/srv/backups");
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        assert_eq!(spec(Some(0), None).checked(), Err(BadStorage::ImmutableDays));
        assert_eq!(
            spec(Some(LONGEST_LOCK_DAYS + 1), None).checked(),
            Err(BadStorage::ImmutableDays)
        );
        assert_eq!(spec(None, Some(0)).checked(), Err(BadStorage::Quota));
        assert_eq!(spec(None, Some(u64::MAX)).checked(), Err(BadStorage::Quota));
        assert!(spec(Some(1), Some(1)).checked().is_ok());
    }

    #[test]
    fn another_name_a_shorter_lock_and_a_lower_quota_weaken() {
        let before = spec(Some(7), Some(100));
        let renamed = StorageSpec {
            name: "old".parse().unwrap(),
            ..before.clone()
        };
        assert_eq!(before.weakened_by(&renamed), [Weakening::Renamed]);
        assert_eq!(
            before.weakened_by(&spec(Some(6), Some(99))),
            [Weakening::LockShorter, Weakening::QuotaLower]
        );
        assert_eq!(before.weakened_by(&spec(None, None)), [Weakening::LockShorter]);
        assert_eq!(before.weakened_by(&spec(Some(8), None)), []);
        assert_eq!(
            spec(None, None).weakened_by(&spec(Some(1), Some(1))),
            [Weakening::QuotaLower]
        );
    }

    proptest! {
        /// Of two different descriptions, at least one way weakens: nobody comes back for free to where it was weaker.
        #[test]
        fn there_and_back_is_never_free(a in proptest::option::of(1_u32..9), b in proptest::option::of(1_u32..9),
                                        c in proptest::option::of(1_u64..9), d in proptest::option::of(1_u64..9)) {
            let (one, other) = (spec(a, c), spec(b, d));
            let free = one.weakened_by(&other).is_empty() && other.weakened_by(&one).is_empty();
            prop_assert_eq!(free, one == other);
        }

        /// A lock ends once, at its time, and never comes back.
        #[test]
        fn a_lock_ends_once(days in 1_u32..100, received in 0_i64..1_000_000, after in 0_i64..20_000_000) {
            let (received, now) = (Timestamp(received), Timestamp(received).plus_seconds(after));
            let locked = locked_until(ObjectKind::Data, received, Some(days), now);
            prop_assert_eq!(locked.is_some(), after < i64::from(days) * DAY_SECONDS);
            prop_assert_eq!(locked_until(ObjectKind::Locks, received, Some(days), now), None);
            prop_assert_eq!(locked_until(ObjectKind::Data, received, None, now), None);
        }
    }
}
