//! The one question every mutating path asks first: may this be done now, must it be held, or is it refused?

use countersign_events::{Timestamp, User};

use crate::policy::LOCK_LIFE_SECONDS;
use crate::token::Rights;
use crate::{AccountId, ObjectKind, Policy, Role, Roles, Why};

/// Who asks, with what right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Which account.
    pub account: AccountId,
    /// Its name when it asked.
    pub name: String,
    /// Its `loginType` in events.
    pub login_type: u32,
    /// What it may do.
    pub via: Via,
    /// The address it asked from.
    pub address: String,
    /// Why it asks, if it says so: kept with the request that may come of it.
    pub why: Option<Why>,
    /// Who made the token that it came with, where that is another account.
    pub maker: Option<AccountId>,
}

impl Actor {
    /// How the events name it.
    pub fn user(&self) -> User {
        User {
            full_name: self.name.clone(),
            login_type: self.login_type,
        }
    }
}

/// How the actor came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A backup client with a repository token.
    Token(Rights),
    /// A person who logged on.
    Session(Roles),
}

/// What someone is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Take a lock away.
    DeleteLock {
        /// Who made it.
        made_by: AccountId,
        /// When.
        made_at: Timestamp,
    },
    /// Take any other object away.
    DeleteObject(ObjectKind),
    /// Put other bytes in the place of a config.
    ReplaceConfig,
    /// Take a whole backup away.
    DeleteBackup,
    /// Turn four-eyes authorization off.
    DisableFourEyes,
    /// Change a security setting.
    ChangeSettings,
    /// Change which clients may ask for logons.
    ChangeClients,
    /// Change who there is and what they may do.
    ChangeAccounts,
    /// Change when the server's own configuration is backed up, how many backups stay, and what they are encrypted with.
    ChangeConfigurationBackups,
    /// Take a storage out of service, with or without its bytes.
    DeleteStorage,
    /// Let a storage keep less, or for a shorter time.
    WeakenStorage,
    /// Register a remote server, test it, copy backups there: nothing is lost by it.
    UseServiceProvider,
    /// Let copies go elsewhere, or be made less often.
    WeakenServiceProvider,
    /// Forget a remote server to which backups are copied.
    DeleteServiceProvider,
    /// Take a backup of the server's own configuration away.
    DeleteConfigurationBackup,
    /// Run a command that a site has put under four-eyes authorization.
    RunCommand,
}

/// The answer. Whoever gets it must act on each of the three.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a verdict that nobody reads is a way round four-eyes authorization"]
pub enum Verdict {
    /// Do it now, on this warrant.
    Allow(Warrant),
    /// Hold it until a second person approves.
    Hold,
    /// Do not do it; tell why.
    Deny(Refusal),
}

/// Proof that [`decide`] allowed a deed at once. It cannot be made elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Warrant(());

/// Why a deed is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token's rights or the person's roles do not reach so far.
    #[error("this account may not do that: it needs {0}")]
    NotAllowed(&'static str),
    /// A lock that is in use belongs to whoever made it.
    #[error("this lock is in use by another account; it can be removed when it has not been refreshed for 35 minutes")]
    LockInUse,
    /// A config is never held nor replaced.
    #[error(
        "the config of a backup cannot be replaced or deleted while four-eyes authorization is on: \
         delete the whole backup by a request, or ask a second person to turn four-eyes authorization off first"
    )]
    ConfigProtected,
}

/// Decides. Pure: the same question has the same answer.
pub fn decide(actor: &Actor, deed: Deed, policy: &Policy, now: Timestamp) -> Verdict {
    if let Err(refusal) = permitted(actor.via, deed) {
        return Verdict::Deny(refusal);
    }
    match deed {
        Deed::DeleteLock { made_by, made_at } => {
            if made_by == actor.account || lock_is_dead(made_at, now) {
                Verdict::Allow(Warrant(()))
            } else {
                Verdict::Deny(Refusal::LockInUse)
            }
        }
        Deed::DeleteObject(ObjectKind::Config) | Deed::ReplaceConfig if policy.four_eyes => {
            Verdict::Deny(Refusal::ConfigProtected)
        }
        Deed::UseServiceProvider => Verdict::Allow(Warrant(())),
        Deed::DeleteObject(_)
        | Deed::ReplaceConfig
        | Deed::DeleteBackup
        | Deed::DisableFourEyes
        | Deed::ChangeSettings
        | Deed::ChangeClients
        | Deed::ChangeAccounts
        | Deed::ChangeConfigurationBackups
        | Deed::DeleteStorage
        | Deed::WeakenStorage
        | Deed::WeakenServiceProvider
        | Deed::DeleteServiceProvider
        | Deed::DeleteConfigurationBackup
        | Deed::RunCommand => {
            if policy.four_eyes {
                Verdict::Hold
            } else {
                Verdict::Allow(Warrant(()))
            }
        }
    }
}

/// A lock is dead when its client has not refreshed it for [`LOCK_LIFE_SECONDS`].
pub fn lock_is_dead(made_at: Timestamp, now: Timestamp) -> bool {
    now >= made_at.plus_seconds(LOCK_LIFE_SECONDS)
}

fn permitted(via: Via, deed: Deed) -> Result<(), Refusal> {
    let allowed = match (via, deed) {
        // Without its lock no client reads, so every token handles its own.
        (Via::Token(_), Deed::DeleteLock { .. }) => true,
        (Via::Token(rights), Deed::DeleteObject(_) | Deed::ReplaceConfig | Deed::DeleteBackup) => {
            rights >= Rights::Delete
        }
        (
            Via::Token(_),
            Deed::DisableFourEyes
            | Deed::ChangeSettings
            | Deed::ChangeClients
            | Deed::ChangeAccounts
            | Deed::ChangeConfigurationBackups
            | Deed::DeleteStorage
            | Deed::WeakenStorage
            | Deed::UseServiceProvider
            | Deed::WeakenServiceProvider
            | Deed::DeleteServiceProvider
            | Deed::DeleteConfigurationBackup
            | Deed::RunCommand,
        ) => {
            return Err(Refusal::NotAllowed("a person who is logged on"));
        }
        (Via::Session(roles), Deed::DisableFourEyes | Deed::ChangeSettings) => {
            roles.has(Role::SecurityAdministrator) || roles.has(Role::BackupAdministrator)
        }
        (Via::Session(roles), Deed::ChangeClients | Deed::ChangeAccounts | Deed::ChangeConfigurationBackups)
            if !roles.has(Role::SecurityAdministrator) =>
        {
            return Err(Refusal::NotAllowed("the role of a security administrator"));
        }
        (Via::Session(roles), Deed::DeleteConfigurationBackup | Deed::RunCommand) => {
            roles.has(Role::SecurityAdministrator) || roles.has(Role::BackupAdministrator)
        }
        (Via::Session(_), Deed::ChangeClients | Deed::ChangeAccounts | Deed::ChangeConfigurationBackups) => true,
        (Via::Session(roles), _) => roles.has(Role::BackupAdministrator),
    };
    match (allowed, via) {
        (true, _) => Ok(()),
        (false, Via::Token(_)) => Err(Refusal::NotAllowed("a token with the right to delete")),
        (false, Via::Session(_)) => Err(Refusal::NotAllowed("the role of a backup administrator")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn actor(via: Via) -> Actor {
        Actor {
            account: AccountId(1),
            name: "ann".into(),
            login_type: 0,
            via,
            address: "127.0.0.1".into(),
            why: None,
            maker: None,
        }
    }

    fn policy(four_eyes: bool) -> Policy {
        Policy {
            four_eyes,
            ..Policy::default()
        }
    }

    const NOW: Timestamp = Timestamp(10_000_000_000_000);

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            Just(Deed::DeleteObject(ObjectKind::Data)),
            Just(Deed::DeleteObject(ObjectKind::Snapshots)),
            Just(Deed::DeleteObject(ObjectKind::Index)),
            Just(Deed::DeleteObject(ObjectKind::Keys)),
            Just(Deed::DeleteObject(ObjectKind::Config)),
            Just(Deed::ReplaceConfig),
            Just(Deed::DeleteBackup),
            Just(Deed::DisableFourEyes),
            Just(Deed::ChangeSettings),
            Just(Deed::ChangeClients),
            Just(Deed::ChangeAccounts),
            Just(Deed::ChangeConfigurationBackups),
            Just(Deed::DeleteStorage),
            Just(Deed::WeakenStorage),
            Just(Deed::WeakenServiceProvider),
            Just(Deed::DeleteServiceProvider),
            Just(Deed::DeleteConfigurationBackup),
            Just(Deed::RunCommand),
        ]
    }

    fn via() -> impl Strategy<Value = Via> {
        prop_oneof![
            Just(Via::Token(Rights::Read)),
            Just(Via::Token(Rights::Append)),
            Just(Via::Token(Rights::Delete)),
            proptest::collection::vec(proptest::sample::select(Role::ALL.to_vec()), 0..4)
                .prop_map(|roles| Via::Session(roles.into_iter().collect())),
        ]
    }

    proptest! {
        /// Rule 1: whoever asks, while four-eyes authorization is on nothing but a lock is done at once.
        #[test]
        fn nothing_destroys_at_once_while_on(via in via(), deed in deed()) {
            let verdict = decide(&actor(via), deed, &policy(true), NOW);
            prop_assert!(!matches!(verdict, Verdict::Allow(_)), "{verdict:?}");
        }

        /// What is held while on is allowed while off, and nothing else is.
        #[test]
        fn on_only_turns_allow_into_hold(via in via(), deed in deed()) {
            let on = decide(&actor(via), deed, &policy(true), NOW);
            let off = decide(&actor(via), deed, &policy(false), NOW);
            prop_assert_eq!(matches!(on, Verdict::Hold), matches!(off, Verdict::Allow(_)) && !matches!(on, Verdict::Deny(Refusal::ConfigProtected)));
        }
    }

    #[test]
    fn a_fresh_lock_is_its_makers_alone() {
        let made_at = NOW.plus_seconds(-LOCK_LIFE_SECONDS + 1);
        let ask = |made_by, made_at| {
            decide(
                &actor(Via::Token(Rights::Read)),
                Deed::DeleteLock { made_by, made_at },
                &policy(true),
                NOW,
            )
        };
        assert!(matches!(ask(AccountId(1), made_at), Verdict::Allow(_)));
        assert_eq!(ask(AccountId(2), made_at), Verdict::Deny(Refusal::LockInUse));
        assert!(matches!(ask(AccountId(2), made_at.plus_seconds(-1)), Verdict::Allow(_)));
    }

    #[test]
    fn clients_and_accounts_are_changed_by_security_administrators_alone() {
        for (role, deed) in Role::ALL.into_iter().flat_map(|role| {
            let deeds = [
                Deed::ChangeClients,
                Deed::ChangeAccounts,
                Deed::ChangeConfigurationBackups,
            ];
            deeds.map(|deed| (role, deed))
        }) {
            let actor = actor(Via::Session([role].into_iter().collect()));
            let verdict = decide(&actor, deed, &policy(false), NOW);
            let allowed = matches!(verdict, Verdict::Allow(_));
            assert_eq!(allowed, role == Role::SecurityAdministrator, "{verdict:?}");
        }
    }

    #[test]
    fn service_providers_are_a_backup_administrators_alone() {
        for role in Role::ALL {
            let actor = actor(Via::Session([role].into_iter().collect()));
            let ask = |deed| decide(&actor, deed, &policy(true), NOW);
            let may = role == Role::BackupAdministrator;
            assert_eq!(
                matches!(ask(Deed::UseServiceProvider), Verdict::Allow(_)),
                may,
                "{role:?}"
            );
            assert_eq!(ask(Deed::WeakenServiceProvider) == Verdict::Hold, may, "{role:?}");
            assert_eq!(ask(Deed::DeleteServiceProvider) == Verdict::Hold, may, "{role:?}");
        }
        let client = actor(Via::Token(Rights::Delete));
        let verdict = decide(&client, Deed::UseServiceProvider, &policy(false), NOW);
        assert!(matches!(verdict, Verdict::Deny(_)));
    }

    #[test]
    fn a_token_that_only_appends_cannot_even_ask() {
        let verdict = decide(
            &actor(Via::Token(Rights::Append)),
            Deed::DeleteObject(ObjectKind::Data),
            &policy(true),
            NOW,
        );
        assert!(matches!(verdict, Verdict::Deny(Refusal::NotAllowed(_))));
    }
}
