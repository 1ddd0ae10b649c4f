//! Accounts in a few bits, and as the code under test has them.

use countersign_core::account_change::{AccountSpec, Settings};
use countersign_core::person::Person;
use countersign_core::{Account, AccountId, AccountKind, AccountState, Policy, Role, Roles};
use countersign_events::Timestamp;

/// How many people there are; the service comes after them.
pub const PEOPLE: usize = 4;

/// The service, owned by the first person.
pub const SERVICE: u8 = PEOPLE as u8;

/// How many steps of time the cool-off, the undo window, and the life of a request are.
pub const COOL_OFF: u8 = 1;
pub const WINDOW: u8 = 1;
pub const LIFE: u8 = 2;

/// What can differ between two states of a person's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// A security administrator.
    pub decides: bool,
    /// Neither disabled nor deleted.
    pub active: bool,
    /// Known to be the same person as the others who are.
    pub linked: bool,
    /// From which step on it may approve, as the code under test says.
    pub eligible: u8,
    /// Written down: from which step on it may approve, by the words of rule 3.
    pub settled: u8,
}

/// A step of time: twelve hours.
pub fn time(step: u8) -> Timestamp {
    Timestamp(1_800_000_000_000_000).plus_seconds(i64::from(step) * 12 * 3600)
}

/// The first step at which this time has come.
pub fn step_of(time_of: Timestamp) -> u8 {
    (0..=u8::MAX)
        .find(|step| time(*step) >= time_of)
        .expect("a time of the walk")
}

/// The settings of the walk: an undo window and a cool-off of a step, a life of two.
pub fn policy(four_eyes: bool) -> Policy {
    Policy {
        four_eyes,
        expiry_days: 1,
        cool_off_hours: 12,
        undo_hours: 12,
        ..Policy::default()
    }
}

impl Who {
    /// The account as the code under test has it.
    pub fn account(self, number: u8) -> Account {
        let role = if self.decides {
            Role::SecurityAdministrator
        } else {
            Role::BackupAdministrator
        };
        Account {
            id: AccountId(i64::from(number) + 1),
            name: format!("p{number}").parse().unwrap(),
            kind: AccountKind::Person,
            // Whoever decides also asks: what an account may ask for is not what is walked here.
            roles: Roles::from_iter([role, Role::BackupAdministrator]),
            state: if self.active {
                AccountState::Active
            } else {
                AccountState::Disabled
            },
            created_at: time(0),
            eligible_at: time(self.eligible),
            expires_at: None,
            mfa: false,
            email: None,
            owner: None,
            person: self.linked.then(person),
            revision: 1,
        }
    }

    /// What became of an account by the code under test at this step; by what was written down before, when it has settled.
    pub fn after(self, account: &Account, now: u8) -> Self {
        let after = Self {
            decides: account.roles.has(Role::SecurityAdministrator),
            active: account.state == AccountState::Active,
            linked: account.person.is_some(),
            eligible: step_of(account.eligible_at),
            settled: self.settled,
        };
        let gains = after.decides && after.active && !(self.decides && self.active);
        let settled = if gains || self.linked && !after.linked {
            self.settled.max(now + COOL_OFF)
        } else {
            self.settled
        };
        Self { settled, ..after }
    }
}

/// The service's account.
pub fn service() -> Account {
    Account {
        id: AccountId(i64::from(SERVICE) + 1),
        name: "service".parse().unwrap(),
        kind: AccountKind::Service,
        roles: Roles::default(),
        owner: Some(AccountId(1)),
        ..Who {
            decides: false,
            active: true,
            linked: false,
            eligible: 0,
            settled: 0,
        }
        .account(SERVICE)
    }
}

fn person() -> Person {
    "E-1".parse().unwrap()
}

/// What is asked to become of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// A security administrator, or none.
    Deciding(bool),
    /// Enabled or disabled.
    Active(bool),
    /// Known to be the same person as the other, or not.
    Linked(bool),
}

impl Becomes {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Deciding(true),
        Self::Deciding(false),
        Self::Active(true),
        Self::Active(false),
        Self::Linked(true),
        Self::Linked(false),
    ];

    /// In one octet.
    pub const fn packed(self) -> u8 {
        match self {
            Self::Deciding(is) => is as u8,
            Self::Active(is) => 2 + is as u8,
            Self::Linked(is) => 4 + is as u8,
        }
    }

    /// The account after it, by the code under test.
    pub fn of(self, account: &Account, now: Timestamp) -> Option<AccountSpec> {
        let before = AccountSpec::of(account);
        let settings = |roles, person| Settings {
            expires_at: None,
            mfa: false,
            roles,
            email: None,
            owner: None,
            person,
        };
        let after = match self {
            Self::Deciding(decides) => {
                let role = decides.then_some(Role::SecurityAdministrator);
                before.set(
                    settings(role.into_iter().chain([Role::BackupAdministrator]).collect(), None),
                    now,
                )
            }
            Self::Active(active) => before.enable(active, true, now),
            Self::Linked(linked) => before.set(settings(account.roles, Some(linked.then(person))), now),
        };
        after.ok().filter(|after| *after != before)
    }
}
