//! The settings that decisions are made by.

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

/// The security settings. Changing one is an operation (108) while four-eyes authorization is on.
///
/// Fields stand in the order of their names: the settings are part of manifests, whose form is canonical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How long deletes are collected at most, in seconds, 60 to 86400.
    pub collect_seconds: u32,
    /// How long after it was added, promoted or given a new second factor an account cannot approve, in hours, 0 to 720.
    pub cool_off_hours: u32,
    /// How long a request waits for a decision, in days, 1 to 30.
    pub expiry_days: u32,
    /// Whether whatever destroys needs a second person.
    pub four_eyes: bool,
    /// How many held bytes a backup may have at most; none for no bound. Past it, deletes are refused.
    ///
    /// Must be said: left out, no bound would be set by mistake.
    #[serde(deserialize_with = "Option::deserialize")]
    pub held_bytes_cap: Option<u64>,
    /// How long nothing may be asked of a backup before its collected deletes become a request, in seconds, 1 to 3600.
    pub quiet_seconds: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            four_eyes: false,
            expiry_days: 7,
            quiet_seconds: 15,
            collect_seconds: 3600,
            cool_off_hours: 24,
            held_bytes_cap: None,
        }
    }
}

/// A client refreshes its lock every five minutes; one this old, in seconds, is dead.
pub const LOCK_LIFE_SECONDS: i64 = 35 * 60;

/// A setting is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be from {least} to {most}")]
pub struct OutOfRange {
    name: &'static str,
    least: u32,
    most: u32,
}

impl Policy {
    /// The same settings if each is in its range.
    pub fn checked(self) -> Result<Self, OutOfRange> {
        let bounds = [
            ("expiry_days", self.expiry_days, 1, 30),
            ("quiet_seconds", self.quiet_seconds, 1, 3600),
            ("collect_seconds", self.collect_seconds, 60, 86_400),
            ("cool_off_hours", self.cool_off_hours, 0, 720),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(OutOfRange { name, least, most });
            }
        }
        Ok(self)
    }

    /// When a request made now expires.
    pub fn expires(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::from(self.expiry_days) * 86_400)
    }

    /// When an account changed now may approve.
    pub fn eligible(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::from(self.cool_off_hours) * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_one_to_thirty_days() {
        for (days, good) in [(0, false), (1, true), (30, true), (31, false)] {
            assert_eq!(
                Policy {
                    expiry_days: days,
                    ..Policy::default()
                }
                .checked()
                .is_ok(),
                good,
                "{days}"
            );
        }
    }
}
