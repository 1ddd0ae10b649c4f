//! When a copy is due, late, or tried again.

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{BackupId, Name};

/// A backup that is copied again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledCopy {
    /// The backup's immutable id.
    pub backup: BackupId,
    /// How often.
    pub every_hours: EveryHours,
    /// Its name when it was scheduled, as people know it: `main/laptop`.
    pub name: String,
    /// The folder below the provider's address that becomes the copy.
    pub to: Name,
}

impl ScheduledCopy {
    /// Whether the next one is due. `asked_at` is when the last one was asked for; the first is due at once.
    pub fn is_due(&self, asked_at: Option<Timestamp>, now: Timestamp) -> bool {
        asked_at.is_none_or(|asked_at| now >= asked_at.plus_seconds(self.every_hours.seconds()))
    }

    /// Whether the copy is older than two intervals. `begun_at` is when the last good one began, or, where there is none
    /// yet, when the first was asked for.
    pub fn is_late(&self, begun_at: Timestamp, now: Timestamp) -> bool {
        now >= begun_at.plus_seconds(2 * self.every_hours.seconds())
    }
}

/// 1 hour to 31 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct EveryHours(u16);

/// The number is no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a backup is copied every 1 to 744 hours")]
pub struct BadSchedule;

impl EveryHours {
    /// Each day.
    pub const DAILY: Self = Self(24);

    /// In hours.
    pub const fn hours(self) -> u16 {
        self.0
    }

    const fn seconds(self) -> i64 {
        self.0 as i64 * 3600
    }
}

impl TryFrom<u16> for EveryHours {
    type Error = BadSchedule;

    fn try_from(hours: u16) -> Result<Self, BadSchedule> {
        if (1..=744).contains(&hours) {
            Ok(Self(hours))
        } else {
            Err(BadSchedule)
        }
    }
}

impl From<EveryHours> for u16 {
    fn from(every: EveryHours) -> Self {
        every.0
    }
}

impl std::str::FromStr for EveryHours {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Self, BadSchedule> {
        text.trim().parse::<u16>().map_err(|_| BadSchedule)?.try_into()
    }
}

/// How often a copy that something came between is tried, in all.
const MOST_ATTEMPTS: u32 = 12;

/// How long to wait after this many attempts that something came between, in seconds: half a minute, then twice as long each
/// time up to an hour. None when it was tried often enough, which is after about seven hours.
pub fn retry_after_seconds(attempts: u32) -> Option<i64> {
    let doubled = attempts.saturating_sub(1).min(7);
    (attempts < MOST_ATTEMPTS).then(|| (30_i64 << doubled).min(3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn due_after_one_interval_and_late_after_two() {
        let daily = ScheduledCopy {
            backup: BackupId(1),
            every_hours: EveryHours::DAILY,
            name: "main/laptop".into(),
            to: "laptop".parse().unwrap(),
        };
        let at = |hours: i64| Timestamp(hours * HOUR);
        assert!(daily.is_due(None, at(0)));
        assert!(!daily.is_due(Some(at(0)), Timestamp(24 * HOUR - 1)));
        assert!(daily.is_due(Some(at(0)), at(24)));
        assert!(!daily.is_late(at(0), Timestamp(48 * HOUR - 1)));
        assert!(daily.is_late(at(0), at(48)));
    }

    #[test]
    fn waits_grow_to_an_hour_and_end() {
        let waits: Vec<_> = (1..=12).map(retry_after_seconds).collect();
        let hour = Some(3600);
        assert_eq!(
            waits,
            [
                Some(30),
                Some(60),
                Some(120),
                Some(240),
                Some(480),
                Some(960),
                Some(1920),
                hour,
                hour,
                hour,
                hour,
                None
            ]
        );
    }

    #[test]
    fn intervals() {
        assert_eq!("24".parse(), Ok(EveryHours::DAILY));
        for bad in ["", "0", "745", "-1", "1.5"] {
            assert_eq!(bad.parse::<EveryHours>(), Err(BadSchedule), "{bad}");
        }
    }
}
