//! What people may do to their own second factors, by themselves.
//!
//! Each change starts the cool-off again (rule 3). The last one is not taken away by its owner while four-eyes authorization is on:
//! whoever sits at an open session could put their own in its place. That is a reset, which a second person approves.

use crate::factor::Factors;
use crate::{Account, Policy};

/// What becomes of a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnDeed {
    /// One more.
    Add,
    /// Another one in its place.
    Replace,
    /// One less.
    Remove,
}

/// Why it may not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OwnRefusal {
    /// It is the last one.
    #[error(
        "while four-eyes authorization is on, your only second factor is not removed or replaced by yourself: add another one \
         first, or ask an administrator to reset it, which a second person approves"
    )]
    LastWhileOn,
    /// It is the last one, and one is required.
    #[error("you must have a second factor: add another one first")]
    Required,
}

/// Whether the owner may do it. `factors` are those that there are before.
///
/// # Errors
/// Why not.
pub fn may(deed: OwnDeed, factors: Factors, account: &Account, policy: &Policy) -> Result<(), OwnRefusal> {
    match (deed, factors.count() <= 1) {
        (OwnDeed::Add, _) | (OwnDeed::Replace | OwnDeed::Remove, false) => Ok(()),
        (OwnDeed::Replace | OwnDeed::Remove, true) if policy.four_eyes => Err(OwnRefusal::LastWhileOn),
        (OwnDeed::Remove, true) if policy.mfa_for_all || account.mfa => Err(OwnRefusal::Required),
        (OwnDeed::Replace | OwnDeed::Remove, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use countersign_events::Timestamp;

    use super::*;
    use crate::{AccountId, AccountKind, AccountState, Roles};

    #[test]
    fn req_35_the_last_second_factor_stays_while_four_eyes_is_on_and_where_one_is_required() {
        let account = |mfa| Account {
            id: AccountId(1),
            name: "ann".parse().unwrap(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            state: AccountState::Active,
            created_at: Timestamp(0),
            eligible_at: Timestamp(0),
            expires_at: None,
            mfa,
            email: None,
            owner: None,
            person: None,
            revision: 1,
        };
        let asked = |deed, count: u32, four_eyes, mfa_for_all, mfa| {
            let factors = Factors {
                totp: count > 0,
                passkeys: count.saturating_sub(1),
                recovery_codes: 10,
            };
            let policy = Policy {
                four_eyes,
                mfa_for_all,
                ..Policy::default()
            };
            may(deed, factors, &account(mfa), &policy)
        };
        use OwnDeed::{Add, Remove, Replace};
        for on in [true, false] {
            assert_eq!(asked(Add, 0, on, true, true), Ok(()));
            assert_eq!(asked(Remove, 2, on, true, true), Ok(()));
            assert_eq!(asked(Replace, 2, on, true, true), Ok(()));
        }
        assert_eq!(asked(Remove, 1, true, false, false), Err(OwnRefusal::LastWhileOn));
        assert_eq!(asked(Replace, 1, true, false, false), Err(OwnRefusal::LastWhileOn));
        assert_eq!(asked(Replace, 1, false, true, true), Ok(()));
        assert_eq!(asked(Remove, 1, false, true, false), Err(OwnRefusal::Required));
        assert_eq!(asked(Remove, 1, false, false, true), Err(OwnRefusal::Required));
        assert_eq!(asked(Remove, 1, false, false, false), Ok(()));
    }
}
