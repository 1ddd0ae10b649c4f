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
    /// How long [`TRAFFIC`] is kept, in days, 30 to 3650; none for ever.
    ///
    /// None is left out, so that manifests from before there was this setting keep their form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_retention_days: Option<u32>,
    /// How long a request waits for a decision, in days, 1 to 30.
    pub expiry_days: u32,
    /// Whether whatever destroys needs a second person.
    pub four_eyes: bool,
    /// How many held bytes a backup may have at most; none for no bound. Past it, deletes are refused.
    ///
    /// Must be said: left out, no bound would be set by mistake.
    #[serde(deserialize_with = "Option::deserialize")]
    pub held_bytes_cap: Option<u64>,
    /// After how long without a question a person is logged off, in minutes, 1 to 1440 (automatic logoff).
    ///
    /// Left out where it is the built-in one, as are the next two, so that manifests from before they were there keep their form.
    #[serde(default = "logoff_minutes", skip_serializing_if = "is_logoff_minutes")]
    pub logoff_minutes: u32,
    /// Whether every person must show a second factor (multi-factor authentication for all).
    #[serde(default = "on", skip_serializing_if = "Clone::clone")]
    pub mfa_for_all: bool,
    /// How many requests of one account may wait at a time, 1 to 10000. Past it, what would be another request is refused.
    #[serde(default = "open_requests", skip_serializing_if = "is_open_requests")]
    pub open_requests: u32,
    /// How long nothing may be asked of a backup before its collected deletes become a request, in seconds, 1 to 3600.
    pub quiet_seconds: u32,
    /// How long after the logon a session ends whatever happens, in hours, 1 to 168.
    #[serde(default = "session_hours", skip_serializing_if = "is_session_hours")]
    pub session_hours: u32,
    /// How long after an approval bytes stay held, so that it can be vetoed, in hours, 0 to 720 (the undo window).
    #[serde(default = "undo_hours", skip_serializing_if = "is_undo_hours")]
    pub undo_hours: u32,
}

const fn logoff_minutes() -> u32 {
    30
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_logoff_minutes(minutes: &u32) -> bool {
    *minutes == logoff_minutes()
}

const fn on() -> bool {
    true
}

const fn session_hours() -> u32 {
    12
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_session_hours(hours: &u32) -> bool {
    *hours == session_hours()
}

const fn open_requests() -> u32 {
    100
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_open_requests(most: &u32) -> bool {
    *most == open_requests()
}

const fn undo_hours() -> u32 {
    24
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_undo_hours(hours: &u32) -> bool {
    *hours == undo_hours()
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            four_eyes: false,
            expiry_days: 7,
            quiet_seconds: 15,
            collect_seconds: 3600,
            cool_off_hours: 24,
            event_retention_days: None,
            held_bytes_cap: None,
            logoff_minutes: logoff_minutes(),
            mfa_for_all: true,
            open_requests: open_requests(),
            session_hours: session_hours(),
            undo_hours: undo_hours(),
        }
    }
}

/// The events that may be removed when they are old: tokens and logons (44000 to 44006) and one-time codes (40205 to 40207). All
/// others are the audit record and stay.
pub const TRAFFIC: [u32; 10] = [
    40_205, 40_206, 40_207, 44_000, 44_001, 44_002, 44_003, 44_004, 44_005, 44_006,
];

/// How often the same thing may be asked for again by the same account, within [`REPEAT_SECONDS`] of its rejections.
pub const MOST_REPEATS: u32 = 2;

/// How long a rejection counts against asking again for the same thing, in seconds: a day.
pub const REPEAT_SECONDS: i64 = 24 * 3600;

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
    /// The longest that [`Self::session_hours`] may be.
    pub const LONGEST_SESSION_HOURS: u32 = 168;

    /// The same settings if each is in its range.
    pub fn checked(self) -> Result<Self, OutOfRange> {
        let bounds = [
            ("expiry_days", self.expiry_days, 1, 30),
            ("quiet_seconds", self.quiet_seconds, 1, 3600),
            ("collect_seconds", self.collect_seconds, 60, 86_400),
            ("cool_off_hours", self.cool_off_hours, 0, 720),
            ("logoff_minutes", self.logoff_minutes, 1, 1440),
            ("open_requests", self.open_requests, 1, 10_000),
            ("undo_hours", self.undo_hours, 0, 720),
            ("session_hours", self.session_hours, 1, Self::LONGEST_SESSION_HOURS),
        ];
        let retention = self
            .event_retention_days
            .map(|days| ("event_retention_days", days, 30, 3650));
        for (name, value, least, most) in bounds.into_iter().chain(retention) {
            if !(least..=most).contains(&value) {
                return Err(OutOfRange { name, least, most });
            }
        }
        Ok(self)
    }

    /// After how many seconds without a question a person is logged off.
    pub fn logoff_seconds(&self) -> i64 {
        i64::from(self.logoff_minutes) * 60
    }

    /// How many seconds after the logon a session ends whatever happens.
    pub fn session_seconds(&self) -> i64 {
        i64::from(self.session_hours) * 3600
    }

    /// When a request made now expires.
    pub fn expires(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::from(self.expiry_days) * 86_400)
    }

    /// How many seconds after an approval bytes stay held.
    pub fn undo_seconds(&self) -> i64 {
        i64::from(self.undo_hours) * 3600
    }

    /// From when on [`TRAFFIC`] is kept; none when all of it is.
    pub fn traffic_kept_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.event_retention_days
            .map(|days| now.plus_seconds(-i64::from(days) * 86_400))
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

    #[test]
    fn people_are_logged_off_within_a_day_and_a_week() {
        for (minutes, hours, good) in [
            (0, 12, false),
            (1, 1, true),
            (1440, 168, true),
            (1441, 12, false),
            (30, 0, false),
            (30, 169, false),
        ] {
            let policy = Policy {
                logoff_minutes: minutes,
                session_hours: hours,
                ..Policy::default()
            };
            assert_eq!(policy.checked().is_ok(), good, "{minutes} {hours}");
        }
    }

    #[test]
    fn traffic_is_kept_for_ever_or_thirty_days_to_ten_years() {
        for (days, good) in [
            (None, true),
            (Some(29), false),
            (Some(30), true),
            (Some(3650), true),
            (Some(3651), false),
        ] {
            let policy = Policy {
                event_retention_days: days,
                ..Policy::default()
            };
            assert_eq!(policy.clone().checked().is_ok(), good, "{days:?}");
            let now = Timestamp(4_000 * 86_400_000_000);
            let from = policy
                .traffic_kept_from(now)
                .map(|from| (now.0 - from.0) / 86_400_000_000);
            assert_eq!(from, days.map(i64::from));
        }
    }

    #[test]
    fn what_may_be_removed_is_logon_traffic_alone() {
        for entry in countersign_events::CATALOGUE {
            let traffic = entry.id / 1000 == 44 || (40_205..=40_207).contains(&entry.id);
            assert_eq!(TRAFFIC.contains(&entry.id), traffic, "{}", entry.id);
        }
    }

    #[test]
    fn settings_from_before_a_setting_read_and_write_as_they_did() {
        let before = r#"{"collect_seconds":3600,"cool_off_hours":24,"expiry_days":7,"four_eyes":true,"held_bytes_cap":null,"quiet_seconds":15}"#;
        let policy: Policy = serde_json::from_str(before).unwrap();
        assert_eq!(policy.event_retention_days, None);
        assert!(policy.mfa_for_all);
        assert_eq!((policy.logoff_minutes, policy.session_hours), (30, 12));
        assert_eq!((policy.open_requests, policy.undo_hours), (100, 24));
        assert_eq!(serde_json::to_string(&policy).unwrap(), before);
    }
}
