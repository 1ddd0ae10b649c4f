//! The fence: a decision moves a backup's objects only while no client is at work in it (rule 7).
//!
//! Objects that come back while a client is between reading the indexes and listing the packs look unused to it, and it
//! deletes them. So a reject waits until no live lock lies there and nothing was asked for a while.

use countersign_events::Timestamp;

use crate::Policy;
use crate::clock::Moment;
use crate::decide::lock_is_dead;

/// A lock that lies in the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The account that made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
}

/// What goes on in a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// How many requests are being answered.
    pub in_flight: u32,
    /// When the last one ended.
    pub last: Timestamp,
}

/// Someone is at work there. The decision changes nothing and can be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InUse {
    /// By a client that holds a lock.
    #[error("the backup is in use since {}, by {by}: nothing was changed; try again when the client has finished", .since.rfc3339(0))]
    Locked {
        /// When the oldest live lock was made or refreshed.
        since: Timestamp,
        /// By whom.
        by: String,
    },
    /// By a client that reads or writes, or did a moment ago.
    #[error("the backup was used until a moment ago: nothing was changed; try again in {wait_seconds} s")]
    NotQuiet {
        /// How long to wait, if nothing else comes.
        wait_seconds: i64,
    },
}

/// Proof that nobody is at work. It is asked for wherever objects come back.
#[derive(Debug)]
pub struct Quiet(());

/// Whether a decision may move objects now: no live lock, nothing asked for the quiet time.
pub fn quiet(locks: &[Lock], activity: &Activity, policy: &Policy, moment: Moment) -> Result<Quiet, InUse> {
    unlocked(locks, moment)?;
    let wait_seconds = seconds_until_quiet(activity, policy, moment.now);
    if wait_seconds > 0 {
        Err(InUse::NotQuiet { wait_seconds })
    } else {
        Ok(Quiet(()))
    }
}

/// Whether hidden objects may be purged now: no live lock, and nobody in the middle of a request.
pub fn idle(locks: &[Lock], activity: &Activity, moment: Moment) -> Result<Quiet, InUse> {
    unlocked(locks, moment)?;
    if activity.in_flight > 0 {
        Err(InUse::NotQuiet { wait_seconds: 1 })
    } else {
        Ok(Quiet(()))
    }
}

/// How long until the backup has been quiet for long enough, in seconds; 0 when it has.
pub fn seconds_until_quiet(activity: &Activity, policy: &Policy, now: Timestamp) -> i64 {
    let quiet_at = activity.last.plus_seconds(i64::from(policy.quiet_seconds));
    let remaining =
        (quiet_at.0 - now.0).div_euclid(1_000_000) + i64::from((quiet_at.0 - now.0).rem_euclid(1_000_000) > 0);
    if activity.in_flight > 0 {
        remaining.max(1)
    } else {
        remaining.max(0)
    }
}

fn unlocked(locks: &[Lock], moment: Moment) -> Result<(), InUse> {
    match locks
        .iter()
        .filter(|lock| !lock_is_dead(lock.made_at, moment.judging()))
        .min_by_key(|lock| lock.made_at)
    {
        Some(lock) => Err(InUse::Locked {
            since: lock.made_at,
            by: lock.made_by.clone(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LOCK_LIFE_SECONDS;

    const NOW: Timestamp = Timestamp(10_000_000_000_000);
    const AT: Moment = Moment::sure(NOW);

    fn lock(age_seconds: i64) -> Lock {
        Lock {
            made_by: "laptop".into(),
            made_at: NOW.plus_seconds(-age_seconds),
        }
    }

    fn activity(age_seconds: i64, in_flight: u32) -> Activity {
        Activity {
            in_flight,
            last: NOW.plus_seconds(-age_seconds),
        }
    }

    #[test]
    fn a_live_lock_postpones_and_a_dead_one_does_not() {
        let policy = Policy::default();
        assert!(matches!(
            quiet(&[lock(10)], &activity(999, 0), &policy, AT),
            Err(InUse::Locked { .. })
        ));
        assert!(matches!(
            quiet(&[lock(LOCK_LIFE_SECONDS - 1)], &activity(999, 0), &policy, AT),
            Err(InUse::Locked { .. })
        ));
        assert!(quiet(&[lock(LOCK_LIFE_SECONDS)], &activity(999, 0), &policy, AT).is_ok());
    }

    #[test]
    fn a_lock_is_not_dead_by_a_clock_that_jumped() {
        let policy = Policy::default();
        let live = [lock(10)];
        let jumped = Moment {
            now: NOW.plus_seconds(30 * 86_400),
            ..AT
        };
        assert!(quiet(&live, &activity(999, 0), &policy, jumped).is_err());
        assert!(idle(&live, &activity(999, 0), jumped).is_err());
        // Made by the clock that was set back.
        let back = Moment {
            steady: NOW.plus_seconds(30 * 86_400),
            ..AT
        };
        assert!(idle(&live, &activity(999, 0), back).is_err());
    }

    #[test]
    fn a_backup_is_quiet_after_the_quiet_time() {
        let policy = Policy {
            quiet_seconds: 15,
            ..Policy::default()
        };
        assert_eq!(
            quiet(&[], &activity(14, 0), &policy, AT).unwrap_err(),
            InUse::NotQuiet { wait_seconds: 1 }
        );
        assert!(quiet(&[], &activity(15, 0), &policy, AT).is_ok());
        assert!(quiet(&[], &activity(15, 1), &policy, AT).is_err());
    }

    #[test]
    fn a_purge_needs_no_quiet_but_nobody_at_work() {
        assert!(idle(&[], &activity(0, 0), AT).is_ok());
        assert!(idle(&[], &activity(0, 1), AT).is_err());
        assert!(idle(&[lock(1)], &activity(0, 0), AT).is_err());
    }
}
