//! Accounts: people and services, their roles, and who may decide.

use std::fmt;
use std::str::FromStr;

use countersign_events::{Timestamp, User};
use serde::{Deserialize, Serialize};

use crate::AccountId;
use crate::email::EmailAddress;
use crate::person::Person;

/// A person logs on and may decide; a service only holds repository tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A human being, with a password and a second factor.
    Person,
    /// A program. It never logs on interactively and never approves.
    Service,
}

impl AccountKind {
    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Backups, storages, receivers; starts requests.
    BackupAdministrator,
    /// Decides requests; security settings.
    SecurityAdministrator,
    /// Backs up and restores.
    BackupOperator,
    /// Looks.
    BackupViewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::BackupAdministrator,
        Self::SecurityAdministrator,
        Self::BackupOperator,
        Self::BackupViewer,
    ];

    /// The word in the database, the API and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BackupAdministrator => "backup-administrator",
            Self::SecurityAdministrator => "security-administrator",
            Self::BackupOperator => "backup-operator",
            Self::BackupViewer => "backup-viewer",
        }
    }

    /// As events and pages call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::BackupAdministrator => "Backup Administrator",
            Self::SecurityAdministrator => "Security Administrator",
            Self::BackupOperator => "Backup Operator",
            Self::BackupViewer => "Backup Viewer",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::BackupAdministrator => 1,
            Self::SecurityAdministrator => 2,
            Self::BackupOperator => 4,
            Self::BackupViewer => 8,
        }
    }
}

/// The text is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is backup-administrator, security-administrator, backup-operator or backup-viewer")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// What the two first administrators have.
    pub const FOUNDING: Self = Self(Role::BackupAdministrator.bit() | Role::SecurityAdministrator.bit());

    /// Whether the role is among them.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every role of the other set is among them.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The roles one by one.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |set, role| set | role.bit()))
    }
}

/// A list of the roles' words, in their own order.
impl Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Role>::deserialize(deserializer).map(Self::from_iter)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Role::as_str).collect();
        f.write_str(&words.join(","))
    }
}

impl FromStr for Roles {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        text.split(',')
            .filter(|word| !word.is_empty())
            .map(str::parse)
            .collect()
    }
}

/// Where an account is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// Waits for its person, who has a one-time link to choose what it is logged on with. Until then nobody is it.
    Invited,
    /// May act.
    Active,
    /// May not, for now.
    Disabled,
    /// Kept for the record alone.
    Deleted,
}

impl AccountState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Invited, Self::Active, Self::Disabled, Self::Deleted];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

/// What an account is called: 1 to 64 letters, digits, `.`, `_`, `-`, `@`, `+`, `\`. Two names that differ in case alone are
/// the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountName(String);

/// The text cannot be the name of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an account's name has 1 to 64 letters, digits, '.', '_', '-', '@', '+' or '\\', and starts with a letter or digit"
)]
pub struct BadAccountName;

impl AccountName {
    /// As it is shown and reported.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is compared.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for AccountName {
    type Err = BadAccountName;

    fn from_str(text: &str) -> Result<Self, BadAccountName> {
        let starts = text.chars().next().is_some_and(char::is_alphanumeric);
        let rest = text
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@' | '+' | '\\'));
        if starts && rest && text.chars().count() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadAccountName)
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An account as the store has it, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Never given twice.
    pub id: AccountId,
    /// How it is called.
    pub name: AccountName,
    /// Person or service.
    pub kind: AccountKind,
    /// What it may do.
    pub roles: Roles,
    /// Where it is in its life.
    pub state: AccountState,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it may approve: the end of the cool-off after it was added, promoted or given a new second factor.
    pub eligible_at: Timestamp,
    /// From when on it may not act any more; none for never.
    pub expires_at: Option<Timestamp>,
    /// Whether this person must show a second factor also where the policy asks nobody for one.
    pub mfa: bool,
    /// Where its person is told of requests.
    pub email: Option<EmailAddress>,
    /// Of a service: the person who answers for it, and cannot approve what it asks for.
    pub owner: Option<AccountId>,
    /// Of a person: who it is, where one has several accounts. They count once.
    pub person: Option<Person>,
    /// Grows with every change, so that what was derived from an older state is known to be old.
    pub revision: i64,
}

/// The number of local and domain accounts in `loginType` (reference/events.md).
pub const LOGIN_TYPE_LOCAL: u32 = 0;

impl Account {
    /// How the events name this account.
    pub fn user(&self) -> User {
        User {
            full_name: self.name.as_str().to_owned(),
            login_type: LOGIN_TYPE_LOCAL,
        }
    }

    /// Whether it may act at all now: active, and not past its end.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.state == AccountState::Active && !self.is_past(now)
    }

    /// Whether its end has come.
    pub fn is_past(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether this account may approve now, whoever asked (rule 3).
    pub fn eligible(&self, now: Timestamp) -> Result<(), Ineligible> {
        match (self.kind, self.lives(now)) {
            (AccountKind::Service, _) => Err(Ineligible::Service),
            (AccountKind::Person, false) => Err(Ineligible::Inactive),
            (AccountKind::Person, true) => {
                if !self.roles.has(Role::SecurityAdministrator) {
                    Err(Ineligible::Role)
                } else if now < self.eligible_at {
                    Err(Ineligible::CoolingOff {
                        until: self.eligible_at,
                    })
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// Why an account may not approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// Services never approve.
    #[error("a service account never approves")]
    Service,
    /// The account is disabled, deleted or past its end.
    #[error("this account is not active")]
    Inactive,
    /// The role is missing.
    #[error("only a security administrator decides requests")]
    Role,
    /// Too new.
    #[error("this account was added, promoted or given a new second factor too recently to approve")]
    CoolingOff {
        /// When it may.
        until: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Account {
        Account {
            id: AccountId(1),
            name: "ann".parse().unwrap(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            state: AccountState::Active,
            created_at: Timestamp(0),
            eligible_at: Timestamp(100),
            expires_at: None,
            mfa: false,
            email: None,
            owner: None,
            person: None,
            revision: 1,
        }
    }

    #[test]
    fn only_an_active_settled_security_administrator_may_approve() {
        let now = Timestamp(100);
        assert_eq!(person().eligible(now), Ok(()));
        assert_eq!(
            person().eligible(Timestamp(99)),
            Err(Ineligible::CoolingOff { until: Timestamp(100) })
        );
        assert_eq!(
            Account {
                kind: AccountKind::Service,
                ..person()
            }
            .eligible(now),
            Err(Ineligible::Service)
        );
        assert_eq!(
            Account {
                state: AccountState::Disabled,
                ..person()
            }
            .eligible(now),
            Err(Ineligible::Inactive)
        );
        for (end, eligible) in [(101, Ok(())), (100, Err(Ineligible::Inactive))] {
            let ending = Account {
                expires_at: Some(Timestamp(end)),
                ..person()
            };
            assert_eq!(ending.eligible(now), eligible);
        }
        let roles = Roles::from_iter([Role::BackupAdministrator]);
        assert_eq!(Account { roles, ..person() }.eligible(now), Err(Ineligible::Role));
    }

    #[test]
    fn roles_come_back_from_their_words() {
        assert_eq!(Roles::FOUNDING.to_string().parse(), Ok(Roles::FOUNDING));
        assert_eq!("".parse(), Ok(Roles::default()));
        assert_eq!("root".parse::<Roles>(), Err(UnknownRole));
    }

    #[test]
    fn a_name_cannot_carry_markup() {
        for bad in ["", " ann", "a:b", "a\"b", "<b>", "a\nb", "a b", "\\a", "\u{202e}ann"] {
            assert_eq!(bad.parse::<AccountName>(), Err(BadAccountName), "{bad:?}");
        }
        assert_eq!("TECH\\user1".parse::<AccountName>().unwrap().key(), "tech\\user1");
    }
}
