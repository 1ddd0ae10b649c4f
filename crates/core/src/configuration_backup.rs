//! Backups of the server's own configuration: when one is made, how many stay, what a passphrase is.

use std::fmt;
use std::str::FromStr;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const DAY: i64 = 86_400;

/// How long after a failed try another is made, in seconds.
pub const RETRY_SECONDS: i64 = 3600;

/// How many backups that people asked for there may be. Only a request takes them away, so they are bounded.
pub const MOST_ASKED: u64 = 100;

/// A minute of the day, in UTC: `02:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    minutes: u16,
}

/// The text is no minute of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time of day has two digits, a colon and two digits, from 00:00 to 23:59")]
pub struct BadTimeOfDay;

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;

    fn from_str(text: &str) -> Result<Self, BadTimeOfDay> {
        let digits = |text: &str| {
            let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            two.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = text.split_once(':').ok_or(BadTimeOfDay)?;
        match (digits(hours), digits(minutes)) {
            (Some(hours @ 0..24), Some(minutes @ 0..60)) => Ok(Self {
                minutes: hours * 60 + minutes,
            }),
            _ => Err(BadTimeOfDay),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// When configuration backups are made by themselves, and how many of those stay. Changing it is an operation (108).
///
/// Fields stand in the order of their names: the schedule is part of manifests, whose form is canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Every day at this time, in UTC; none for never.
    #[serde(deserialize_with = "Option::deserialize")]
    pub at: Option<TimeOfDay>,
    /// How many of the newest that the schedule made stay, 1 to 365. Those that people asked for are not counted, and stay.
    pub keep: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            at: Some(TimeOfDay { minutes: 120 }),
            keep: 30,
        }
    }
}

/// So many cannot stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("keep must be from 1 to 365")]
pub struct BadSchedule;

/// How the last try of the schedule went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTry {
    /// When it began.
    pub at: Timestamp,
    /// What went wrong; none when a backup was made.
    pub fault: Option<String>,
}

impl Schedule {
    /// The same schedule if it is in its range.
    ///
    /// # Errors
    /// It keeps none, or more than a year of them.
    pub fn checked(self) -> Result<Self, BadSchedule> {
        if (1..=365).contains(&self.keep) {
            Ok(self)
        } else {
            Err(BadSchedule)
        }
    }

    /// Whether one is to be made now: none was tried since its time, or the last try failed and was an hour ago.
    pub fn is_due(&self, last: Option<&LastTry>, now: Timestamp) -> bool {
        let Some(at) = self.at else {
            return false;
        };
        let Some(last) = last else {
            return true;
        };
        let since_time = (now.seconds() - i64::from(at.minutes) * 60).rem_euclid(DAY);
        let due = now.seconds() - since_time;
        last.at.seconds() < due || (last.fault.is_some() && now >= last.at.plus_seconds(RETRY_SECONDS))
    }
}

/// Why a configuration backup was made. The schedule takes only its own away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// By the schedule.
    Scheduled,
    /// Because a person asked.
    Asked,
}

impl Occasion {
    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Asked => "asked",
        }
    }
}

/// The text is no occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a configuration backup was made because it was scheduled or asked for")]
pub struct UnknownOccasion;

impl FromStr for Occasion {
    type Err = UnknownOccasion;

    fn from_str(text: &str) -> Result<Self, UnknownOccasion> {
        [Self::Scheduled, Self::Asked]
            .into_iter()
            .find(|occasion| occasion.as_str() == text)
            .ok_or(UnknownOccasion)
    }
}

/// What configuration backups are encrypted with. Whoever has it and a file has every hash and key of the server.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// The text is too easy, or no text that can be typed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the passphrase has 16 to 1024 characters and no line breaks: it is all that protects the backups, \
     so let it be five words or more that nobody can guess"
)]
pub struct BadPassphrase;

impl Passphrase {
    /// The text to make a key of.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Passphrase {
    type Err = BadPassphrase;

    fn from_str(text: &str) -> Result<Self, BadPassphrase> {
        let count = text.chars().count();
        if (16..=1024).contains(&count) && !text.chars().any(char::is_control) && text.trim() == text {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(BadPassphrase)
        }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule(at: &str) -> Schedule {
        Schedule {
            at: Some(at.parse().unwrap()),
            keep: 7,
        }
    }

    fn tried(at: Timestamp, fault: Option<&str>) -> LastTry {
        LastTry {
            at,
            fault: fault.map(Into::into),
        }
    }

    #[test]
    fn times_of_day_are_exact() {
        for good in ["00:00", "02:30", "23:59"] {
            assert_eq!(good.parse::<TimeOfDay>().unwrap().to_string(), good);
        }
        for bad in [
            "", "2:30", "24:00", "12:60", "+1:00", "12.30", "12:3", "012:00", "12:00 ",
        ] {
            assert_eq!(bad.parse::<TimeOfDay>(), Err(BadTimeOfDay), "{bad:?}");
        }
    }

    #[test]
    fn a_schedule_keeps_at_least_one() {
        let of = |keep| Schedule {
            keep,
            ..Schedule::default()
        };
        assert!([0, 366].into_iter().all(|keep| of(keep).checked().is_err()));
        assert!([1, 365].into_iter().all(|keep| of(keep).checked().is_ok()));
        let json = serde_json::to_string(&Schedule::default()).unwrap();
        assert_eq!(json, r#"{"at":"02:00","keep":30}"#);
        assert!(
            serde_json::from_str::<Schedule>(r#"{"keep":30}"#).is_err(),
            "never is said, not left out"
        );
    }

    #[test]
    fn one_is_due_a_day_and_again_an_hour_after_a_failure() {
        let two = Timestamp(20_000 * DAY * 1_000_000).plus_seconds(2 * 3600);
        let daily = schedule("02:00");
        assert!(daily.is_due(None, two.plus_seconds(-1)), "the first is made at once");
        let made = tried(two, None);
        assert!(!daily.is_due(Some(&made), two.plus_seconds(DAY - 1)));
        assert!(daily.is_due(Some(&made), two.plus_seconds(DAY)));
        let failed = tried(two, Some("no room"));
        assert!(!daily.is_due(Some(&failed), two.plus_seconds(RETRY_SECONDS - 1)));
        assert!(daily.is_due(Some(&failed), two.plus_seconds(RETRY_SECONDS)));
        let never = Schedule { at: None, keep: 1 };
        assert!(!never.is_due(None, two) && !never.is_due(Some(&failed), two.plus_seconds(9 * DAY)));
    }

    #[test]
    fn passphrases_are_long_and_of_one_line() {
        for bad in [
            "",
            "short",
            "fifteen letters",
            " sixteen letters or more",
            "sixteen letters\nand more",
        ] {
            assert!(bad.parse::<Passphrase>().is_err(), "{bad:?}");
        }
        let good: Passphrase = "correct horse battery".parse().unwrap();
        assert!(!format!("{good:?}").contains("horse"));
    }

    proptest! {
        /// However the tries fall, in a day there is one that goes well and no second.
        #[test]
        fn one_a_day_however_often_is_looked(minute in 0_u16..1440, start in 0_i64..DAY, step in 1_i64..4000) {
            let schedule = Schedule { at: Some(TimeOfDay { minutes: minute }), keep: 1 };
            let begin = Timestamp((20_000 * DAY + start) * 1_000_000);
            let (mut last, mut made, mut now) = (None, 0, begin);
            while now < begin.plus_seconds(10 * DAY) {
                if schedule.is_due(last.as_ref(), now) {
                    made += 1;
                    last = Some(tried(now, None));
                }
                now = now.plus_seconds(step);
            }
            prop_assert!((10..=11).contains(&made), "{made}");
        }
    }
}
