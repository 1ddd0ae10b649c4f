//! How long a session lives (OWASP ASVS 5.0, 7.3).

use countersign_events::Timestamp;

use crate::{Account, AccountId};

/// A session ends when nothing was asked for this long, in seconds.
pub const IDLE_SECONDS: i64 = 30 * 60;
/// A session ends this long after the logon whatever happens, in seconds.
pub const ABSOLUTE_SECONDS: i64 = 12 * 3600;
/// How long an access token lives, in seconds: a working day.
pub const ACCESS_TOKEN_SECONDS: i64 = 8 * 3600;

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
    /// When something was last asked, to the minute.
    pub seen_at: Timestamp,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnd {
    /// Nothing was asked for too long.
    #[error("the session ended because nothing was asked for 30 minutes: log on again")]
    Idle,
    /// It is too old.
    #[error("the session ended after 12 hours: log on again")]
    TooOld,
    /// The account was changed, disabled or deleted.
    #[error("the account has changed since the logon: log on again")]
    AccountChanged,
}

impl Session {
    /// Whether it still holds for this account, re-read now.
    pub fn standing(&self, account: &Account, now: Timestamp) -> Result<(), SessionEnd> {
        if now >= self.created_at.plus_seconds(ABSOLUTE_SECONDS) {
            Err(SessionEnd::TooOld)
        } else if now >= self.seen_at.plus_seconds(IDLE_SECONDS) {
            Err(SessionEnd::Idle)
        } else if account.id != self.account || account.revision != self.account_revision || !account.lives(now) {
            Err(SessionEnd::AccountChanged)
        } else {
            Ok(())
        }
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
        };
        let at = |seen, now| session(seen).standing(&account, start.plus_seconds(now));
        assert_eq!(at(0, 30 * 60 - 1), Ok(()));
        assert_eq!(at(0, 30 * 60), Err(SessionEnd::Idle));
        assert_eq!(at(43_000, 43_199), Ok(()));
        assert_eq!(at(43_000, 43_200), Err(SessionEnd::TooOld));
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
            assert_eq!(session(0).standing(&changed, start), Err(SessionEnd::AccountChanged));
        }
    }
}
