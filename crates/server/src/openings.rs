//! The repository passwords that approvers gave for a look: what they open is kept in memory for a quarter of an hour, for that session
//! and that backup alone, and nowhere else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{AccountId, BackupId, Sha256};
use countersign_events::Timestamp;

use crate::repository::MasterKey;

/// How long a key is kept, in seconds.
pub const KEPT_SECONDS: i64 = 15 * 60;

/// How many keys are kept at once. Whoever comes later is asked for the password again.
const MOST_KEPT: usize = 256;

/// How many wrong passwords an account may try before it waits.
const TRIES: u32 = 5;

/// How long it waits then, in seconds.
pub const WAIT_SECONDS: i64 = 15 * 60;

/// What was opened, and who tried in vain.
#[derive(Default)]
pub struct Openings {
    kept: Mutex<HashMap<(Sha256, BackupId), Kept>>,
    tries: Mutex<HashMap<AccountId, Tries>>,
}

struct Kept {
    key: Arc<MasterKey>,
    until: Timestamp,
}

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    until: Timestamp,
}

/// Too many wrong passwords: the next is looked at then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When.
    pub until: Timestamp,
}

impl Openings {
    /// Counts a try, before it is made: many at once must not slip through.
    ///
    /// # Errors
    /// There were too many.
    pub fn charge(&self, account: AccountId, now: Timestamp) -> Result<(), Wait> {
        let mut tries = lock(&self.tries);
        tries.retain(|_, tries| now < tries.until);
        let until = now.plus_seconds(WAIT_SECONDS);
        let counted = tries.entry(account).or_insert(Tries { count: 0, until });
        if counted.count >= TRIES {
            return Err(Wait { until: counted.until });
        }
        *counted = Tries {
            count: counted.count + 1,
            until,
        };
        Ok(())
    }

    /// A try was right.
    pub fn forgive(&self, account: AccountId) {
        lock(&self.tries).remove(&account);
    }

    /// Keeps a key for a session and a backup.
    pub fn keep(&self, session: Sha256, backup: BackupId, key: MasterKey, now: Timestamp) {
        let mut kept = lock(&self.kept);
        if kept.len() >= MOST_KEPT
            && let Some(first) = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(place, _)| *place)
        {
            kept.remove(&first);
        }
        let until = now.plus_seconds(KEPT_SECONDS);
        let key = Arc::new(key);
        kept.insert((session, backup), Kept { key, until });
    }

    /// The key that this session has of a backup, and until when.
    pub fn key(&self, session: Sha256, backup: BackupId, now: Timestamp) -> Option<(Arc<MasterKey>, Timestamp)> {
        let kept = lock(&self.kept);
        let found = kept.get(&(session, backup)).filter(|kept| now < kept.until)?;
        Some((Arc::clone(&found.key), found.until))
    }

    /// Forgets what this session has of a backup.
    pub fn forget(&self, session: Sha256, backup: BackupId) {
        lock(&self.kept).remove(&(session, backup));
    }

    /// Forgets what is too old. Run it every second.
    pub fn forget_old(&self, now: Timestamp) {
        lock(&self.kept).retain(|_, kept| now < kept.until);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::tests::key;

    const NOW: Timestamp = Timestamp(1_760_000_000_000_000);
    const ONE: (Sha256, BackupId) = (Sha256([1; 32]), BackupId(1));

    #[test]
    fn a_key_is_for_its_session_and_backup_and_a_quarter_of_an_hour() {
        let openings = Openings::default();
        openings.keep(ONE.0, ONE.1, key(), NOW);
        let has = |session: u8, backup: i64, now: Timestamp| {
            openings.key(Sha256([session; 32]), BackupId(backup), now).is_some()
        };
        assert!(has(1, 1, NOW.plus_seconds(KEPT_SECONDS - 1)));
        assert!(!has(2, 1, NOW) && !has(1, 2, NOW));
        assert!(!has(1, 1, NOW.plus_seconds(KEPT_SECONDS)));
        // It is gone from memory, too, without anybody asking.
        openings.forget_old(NOW.plus_seconds(KEPT_SECONDS));
        assert!(!has(1, 1, NOW));
        openings.keep(ONE.0, ONE.1, key(), NOW);
        openings.forget(ONE.0, ONE.1);
        assert!(!has(1, 1, NOW));
    }

    #[test]
    fn no_more_keys_are_kept_than_there_is_room_for() {
        let openings = Openings::default();
        for number in 0..300_i64 {
            openings.keep(ONE.0, BackupId(number), key(), NOW.plus_seconds(number));
        }
        assert_eq!(lock(&openings.kept).len(), MOST_KEPT);
        assert!(openings.key(ONE.0, BackupId(0), NOW).is_none());
        assert!(openings.key(ONE.0, BackupId(299), NOW).is_some());
    }

    #[test]
    fn wrong_passwords_make_wait_and_a_right_one_forgives() {
        let openings = Openings::default();
        let account = AccountId(1);
        for _ in 0..TRIES {
            assert_eq!(openings.charge(account, NOW), Ok(()));
        }
        let until = NOW.plus_seconds(WAIT_SECONDS);
        assert_eq!(openings.charge(account, NOW), Err(Wait { until }));
        assert_eq!(openings.charge(AccountId(2), NOW), Ok(()));
        assert_eq!(openings.charge(account, until), Ok(()));
        for _ in 0..20 {
            openings.forgive(account);
            assert_eq!(openings.charge(account, NOW), Ok(()));
        }
    }
}
