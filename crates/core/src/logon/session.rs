//! How long a session lives (OWASP ASVS 5.0, 7.3).

use countersign_events::Timestamp;

use crate::{Account, AccountId, Policy};

/// A session is noted as used at most this often, in seconds; more often where people are logged off sooner.
const NOTED_SECONDS: i64 = 60;

/// How long an access token lives, in seconds.
pub const ACCESS_TOKEN_SECONDS: i64 = 10 * 60;

/// A session as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who is logged on.
    pub account: AccountId,
    /// The account's revision at the logon.
    pub account_revision: i64,
    /// The token chain it belongs to.
    pub chain: String,
    /// The token against forged forms.
    pub csrf: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When something was last asked, to the minute or better.
    pub seen_at: Timestamp,
    /// When a second factor was last shown in it; none when none was.
    pub factor_at: Option<Timestamp>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnd {
    /// Nothing was asked for too long.
    #[error("the session ended because nothing was asked for {minutes} min: log on again")]
    Idle {
        /// How long nothing may be asked.
        minutes: u32,
    },
    /// It is too old.
    #[error("the session ended after {hours} h: log on again")]
    TooOld {
        /// How long a session lives at most.
        hours: u32,
    },
    /// The account was changed, disabled or deleted.
    #[error("the account has changed since the logon: log on again")]
    AccountChanged,
}

impl Session {
    /// Whether it still holds for this account and under these settings, both re-read now.
    ///
    /// # Errors
    /// It has ended.
    pub fn standing(&self, account: &Account, policy: &Policy, now: Timestamp) -> Result<(), SessionEnd> {
        if now >= self.created_at.plus_seconds(policy.session_seconds()) {
            Err(SessionEnd::TooOld {
                hours: policy.session_hours,
            })
        } else if now >= self.seen_at.plus_seconds(policy.logoff_seconds()) {
            Err(SessionEnd::Idle {
                minutes: policy.logoff_minutes,
            })
        } else if account.id != self.account || account.revision != self.account_revision || !account.lives(now) {
            Err(SessionEnd::AccountChanged)
        } else {
            Ok(())
        }
    }

    /// Whether a use of it now is worth a note: what is not noted must not matter to the automatic logoff.
    pub fn worth_noting(&self, policy: &Policy, now: Timestamp) -> bool {
        let often = NOTED_SECONDS.min(policy.logoff_seconds() / 10);
        now >= self.seen_at.plus_seconds(often)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountKind, AccountState, Roles};

    #[test]
    fn req_37_a_session_ends_idle_old_or_with_its_account() {
        let account = Account {
            id: AccountId(1),
            name: "ann".parse().unwrap(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            state: AccountState::Active,
            created_at: Timestamp(0),
            eligible_at: Timestamp(0),
            expires_at: None,
            mfa: false,
            email: None,
            owner: None,
            person: None,
            revision: 3,
        };
        let start = Timestamp(0);
        let session = |seen: i64| Session {
            account: AccountId(1),
            account_revision: 3,
            chain: "c0ffee".into(),
            csrf: String::new(),
            created_at: start,
            seen_at: start.plus_seconds(seen),
            factor_at: None,
        };
        let policy = Policy::default();
        let at = |seen, now| session(seen).standing(&account, &policy, start.plus_seconds(now));
        assert_eq!(at(0, 30 * 60 - 1), Ok(()));
        assert_eq!(at(0, 30 * 60), Err(SessionEnd::Idle { minutes: 30 }));
        assert_eq!(at(43_000, 43_199), Ok(()));
        assert_eq!(at(43_000, 43_200), Err(SessionEnd::TooOld { hours: 12 }));
        let strict = Policy {
            logoff_minutes: 1,
            session_hours: 1,
            ..Policy::default()
        };
        let at = |seen, now| session(seen).standing(&account, &strict, start.plus_seconds(now));
        assert_eq!(at(0, 59), Ok(()));
        assert_eq!(at(0, 60), Err(SessionEnd::Idle { minutes: 1 }));
        assert_eq!(at(3_590, 3_599), Ok(()));
        assert_eq!(at(3_590, 3_600), Err(SessionEnd::TooOld { hours: 1 }));
        let ended = at(0, 60).unwrap_err().to_string();
        assert_eq!(
            ended,
            "the session ended because nothing was asked for 1 min: log on again"
        );
        for changed in [
            Account {
                revision: 4,
                ..account.clone()
            },
            Account {
                state: AccountState::Disabled,
                ..account.clone()
            },
        ] {
            assert_eq!(
                session(0).standing(&changed, &policy, start),
                Err(SessionEnd::AccountChanged)
            );
        }
        let noted = |policy, seconds| session(0).worth_noting(policy, start.plus_seconds(seconds));
        assert!(!noted(&policy, 59) && noted(&policy, 60));
        assert!(!noted(&strict, 5) && noted(&strict, 6));
    }
}
