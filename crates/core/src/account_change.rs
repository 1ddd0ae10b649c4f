//! Changes of accounts: who may ask for which, what an account is after one, and when one would leave too few who can approve.

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::behind::people;
use crate::email::EmailAddress;
use crate::person::Person;
use crate::{Account, AccountId, AccountKind, AccountName, AccountState, Policy, Role, Roles};

/// How many people must be able to approve while four-eyes authorization is on (rule 4).
pub const LEAST_APPROVERS: usize = 2;

/// What is set of an account, as manifests have it.
///
/// Fields stand in the order of their names, which is the canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// Where its person is told of requests.
    ///
    /// None is left out, as with the owner and the person, so that manifests from before they were there keep their form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// From when on it may not act any more, in microseconds since the Unix epoch; none for never.
    pub expires_at: Option<Timestamp>,
    /// Person or service: for good.
    pub kind: AccountKind,
    /// Whether this person must show a second factor also where the policy asks nobody for one.
    pub mfa: bool,
    /// How it is called: for good.
    pub name: AccountName,
    /// Of a service: the person who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountId>,
    /// Of a person: who it is, where one has several accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// What it may do.
    pub roles: Roles,
    /// Where it is in its life.
    pub state: AccountState,
}

/// What of an account's credentials is set anew. Its person does it with a one-time link: nobody else sees or picks a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reset {
    /// The password, with a link on which the second factor is shown. The old password works until then.
    Password,
    /// The second factor, with a link on which the password is shown. The old one ends at once.
    SecondFactor,
    /// Both, as for somebody new. The old ones end at once.
    Both,
    /// The password, by its owner, at the next logon: no link.
    PasswordAtNextLogon,
}

impl Reset {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Password,
        Self::SecondFactor,
        Self::Both,
        Self::PasswordAtNextLogon,
    ];

    /// The word in the API, manifests and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second-factor",
            Self::Both => "both",
            Self::PasswordAtNextLogon => "password-at-next-logon",
        }
    }

    /// What its person is given a link for; none when there is no link.
    pub const fn link(self) -> Option<LinkKind> {
        match self {
            Self::Password => Some(LinkKind::Password),
            Self::SecondFactor => Some(LinkKind::SecondFactor),
            Self::Both => Some(LinkKind::Invitation),
            Self::PasswordAtNextLogon => None,
        }
    }

    /// Whether the second factor that was there ends.
    pub const fn ends_second_factor(self) -> bool {
        matches!(self, Self::SecondFactor | Self::Both)
    }
}

/// The text names no reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is reset is password, second-factor, both or password-at-next-logon")]
pub struct UnknownReset;

impl std::str::FromStr for Reset {
    type Err = UnknownReset;

    fn from_str(text: &str) -> Result<Self, UnknownReset> {
        let found = Self::ALL.into_iter().find(|reset| reset.as_str() == text);
        found.ok_or(UnknownReset)
    }
}

/// What a one-time link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// Choose a password and enrol a second factor.
    Invitation,
    /// Show the second factor, choose another password.
    Password,
    /// Show the password, enrol another second factor.
    SecondFactor,
}

impl LinkKind {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Invitation, Self::Password, Self::SecondFactor];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Password => "password",
            Self::SecondFactor => "second-factor",
        }
    }

    /// Whether the link still leads anywhere for this account: it waits for that, and has neither ended nor been disabled.
    pub fn holds_for(self, account: &Account, now: Timestamp) -> bool {
        let waits = match self {
            Self::Invitation | Self::SecondFactor => AccountState::Invited,
            Self::Password => AccountState::Active,
        };
        account.kind == AccountKind::Person && account.state == waits && !account.is_past(now)
    }
}

/// How long a one-time link works, in seconds: a day.
pub const LINK_SECONDS: i64 = 24 * 3600;

/// How long links can be made after the change that asked for one, in seconds: a week. After that, it is asked for anew.
pub const LINKS_OPEN_SECONDS: i64 = 7 * 24 * 3600;

/// A change that someone asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// A new account.
    Add {
        /// How it is called, for good.
        name: AccountName,
        /// Person or service, for good.
        kind: AccountKind,
        /// What can be set.
        settings: Settings,
    },
    /// Other settings.
    Set(AccountId, Settings),
    /// Enabled or disabled; all else stays.
    Enable(AccountId, bool),
    /// One account less. It is kept for the record, and its name is never given again.
    Delete(AccountId),
    /// Credentials to be set anew.
    Reset(AccountId, Reset),
}

/// What can be set of an account at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where its person is told of requests; `None` leaves it as it is.
    pub email: Option<Option<EmailAddress>>,
    /// From when on it may not act any more; none for never.
    pub expires_at: Option<Timestamp>,
    /// Whether this person must show a second factor also where the policy asks nobody for one.
    pub mfa: bool,
    /// Of a service: who answers for it. Left as it is when nothing is said; of a new one, whoever adds it.
    pub owner: Option<AccountId>,
    /// Of a person: who it is; none leaves it as it is.
    pub person: Option<Option<Person>>,
    /// What it may do.
    pub roles: Roles,
}

/// Why a change of an account is not even asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// Nobody sets their own rights.
    #[error("this is your own account: another security administrator must do that")]
    OwnAccount,
    /// It was deleted.
    #[error("this account was deleted: it is kept for the record and cannot be changed")]
    Deleted,
    /// Services have tokens, no roles and no second factor.
    #[error("a service account has neither roles nor a second factor: what it may do is set for each of its tokens")]
    ServiceRights,
    /// Nobody would answer for it.
    #[error("a service account has an owner: say which person answers for it")]
    NoOwner,
    /// Only services have one.
    #[error("a person answers for themselves: only a service account has an owner")]
    OwnedPerson,
    /// Who is to answer for a service must be there.
    #[error("the owner of a service account is a person whose account is neither disabled nor deleted")]
    BadOwner,
    /// A program is nobody.
    #[error("only a person's account says who its person is")]
    ServicePerson,
    /// Services have no credentials but tokens.
    #[error("a service account has no password: revoke its tokens and make new ones")]
    ServiceReset,
    /// There would be nothing to show on the link's page, or nobody who could log on.
    #[error("that asks for an active account: {0}")]
    NotActive(&'static str),
    /// Programs read no mail.
    #[error("a service account has no e-mail address: its owner is told in its place")]
    ServiceEmail,
    /// An end in the past.
    #[error("the account would have expired already: choose a time to come, or disable it")]
    Expired,
}

impl AccountSpec {
    /// An account as manifests have it.
    pub fn of(account: &Account) -> Self {
        Self {
            email: account.email.clone(),
            expires_at: account.expires_at,
            kind: account.kind,
            mfa: account.mfa,
            name: account.name.clone(),
            owner: account.owner,
            person: account.person.clone(),
            roles: account.roles,
            state: account.state,
        }
    }

    /// A new account. A person is invited; a service is there at once.
    ///
    /// # Errors
    /// The parts do not go together.
    pub fn new(
        name: AccountName,
        kind: AccountKind,
        settings: Settings,
        now: Timestamp,
    ) -> Result<Self, AccountRefusal> {
        let spec = Self {
            email: settings.email.flatten(),
            expires_at: settings.expires_at,
            kind,
            mfa: settings.mfa,
            name,
            owner: settings.owner,
            person: settings.person.flatten(),
            roles: settings.roles,
            state: match kind {
                AccountKind::Person => AccountState::Invited,
                AccountKind::Service => AccountState::Active,
            },
        };
        spec.checked(None, now)
    }

    /// The same with other settings.
    ///
    /// # Errors
    /// It was deleted, or the parts do not go together.
    pub fn set(&self, settings: Settings, now: Timestamp) -> Result<Self, AccountRefusal> {
        let spec = Self {
            email: settings.email.unwrap_or_else(|| self.email.clone()),
            expires_at: settings.expires_at,
            mfa: settings.mfa,
            owner: settings.owner.or(self.owner),
            person: settings.person.unwrap_or_else(|| self.person.clone()),
            roles: settings.roles,
            ..self.clone()
        };
        spec.checked(Some(self), now)
    }

    /// The same, enabled or disabled. Whoever has nothing to log on with (`credentials`) is invited when enabled.
    ///
    /// # Errors
    /// It was deleted, or has expired.
    pub fn enable(&self, enabled: bool, credentials: bool, now: Timestamp) -> Result<Self, AccountRefusal> {
        if enabled && self.expires_at.is_some_and(|end| end <= now) {
            return Err(AccountRefusal::Expired);
        }
        let state = match (enabled, self.state) {
            (true, AccountState::Disabled) if self.kind == AccountKind::Service || credentials => AccountState::Active,
            (true, AccountState::Disabled) => AccountState::Invited,
            (true, as_it_is) => as_it_is,
            (false, _) => AccountState::Disabled,
        };
        Self { state, ..self.clone() }.checked(Some(self), now)
    }

    /// The same, deleted.
    ///
    /// # Errors
    /// It was before.
    pub fn delete(&self, now: Timestamp) -> Result<Self, AccountRefusal> {
        let state = AccountState::Deleted;
        Self { state, ..self.clone() }.checked(Some(self), now)
    }

    /// The same with credentials that are to be set anew.
    ///
    /// # Errors
    /// It has none, or is not in a state in which its person could use a link.
    pub fn reset(&self, reset: Reset, now: Timestamp) -> Result<Self, AccountRefusal> {
        if self.kind == AccountKind::Service {
            return Err(AccountRefusal::ServiceReset);
        }
        let state = match (reset, self.state) {
            (_, AccountState::Deleted) => return Err(AccountRefusal::Deleted),
            (_, AccountState::Disabled) => return Err(AccountRefusal::NotActive("enable it first")),
            (Reset::Both, _) | (Reset::SecondFactor, AccountState::Active) => AccountState::Invited,
            (Reset::Password | Reset::PasswordAtNextLogon, AccountState::Active) => AccountState::Active,
            (_, AccountState::Invited) => {
                return Err(AccountRefusal::NotActive(
                    "this one waits for its person; a new invitation sets everything anew",
                ));
            }
        };
        Self { state, ..self.clone() }.checked(Some(self), now)
    }

    fn checked(self, before: Option<&Self>, now: Timestamp) -> Result<Self, AccountRefusal> {
        if before.is_some_and(|before| before.state == AccountState::Deleted) {
            return Err(AccountRefusal::Deleted);
        }
        if self.kind == AccountKind::Service && (!self.roles.is_empty() || self.mfa) {
            return Err(AccountRefusal::ServiceRights);
        }
        if self.kind == AccountKind::Service && self.email.is_some() {
            return Err(AccountRefusal::ServiceEmail);
        }
        match self.kind {
            AccountKind::Person if self.owner.is_some() => return Err(AccountRefusal::OwnedPerson),
            AccountKind::Service if self.person.is_some() => return Err(AccountRefusal::ServicePerson),
            // Those from before owners were there are changed and deleted without one.
            AccountKind::Service if self.owner.is_none() && before.is_none() => return Err(AccountRefusal::NoOwner),
            AccountKind::Person | AccountKind::Service => {}
        }
        let same_end = before.is_some_and(|before| before.expires_at == self.expires_at);
        if !same_end && self.expires_at.is_some_and(|end| end <= now) {
            return Err(AccountRefusal::Expired);
        }
        Ok(self)
    }

    /// Whether nothing but time and its person stands between this account and approving.
    fn approver(&self, now: Timestamp) -> bool {
        self.kind == AccountKind::Person
            && self.state == AccountState::Active
            && self.expires_at.is_none_or(|end| now < end)
            && self.roles.has(Role::SecurityAdministrator)
    }

    /// What differs from another state of the same account, and is one's own affair to nobody.
    fn rights_differ(&self, other: &Self) -> bool {
        (self.state, self.roles, self.expires_at, &self.person)
            != (other.state, other.roles, other.expires_at, &other.person)
    }

    /// Whether it was one person with other accounts, and would not be any more.
    pub fn unlinks(&self, after: &Self) -> bool {
        self.person.is_some() && self.person != after.person
    }
}

/// Whether an account can answer for a service.
///
/// # Errors
/// [`AccountRefusal::BadOwner`].
pub fn may_own(owner: &Account) -> Result<(), AccountRefusal> {
    match (owner.kind, owner.state) {
        (AccountKind::Person, AccountState::Active | AccountState::Invited) => Ok(()),
        (AccountKind::Person, AccountState::Disabled | AccountState::Deleted) | (AccountKind::Service, _) => {
            Err(AccountRefusal::BadOwner)
        }
    }
}

/// Whether this person may ask for a change of this account: their own rights and credentials are others' to change, and so are
/// those of their other accounts.
///
/// # Errors
/// [`AccountRefusal::OwnAccount`].
pub fn may_ask(
    asker: &Account,
    account: AccountId,
    before: &AccountSpec,
    after: &AccountSpec,
    reset: Option<Reset>,
) -> Result<(), AccountRefusal> {
    let own = asker.id == account
        || (asker.person.is_some() && (asker.person == before.person || asker.person == after.person));
    if own && (reset.is_some() || before.rights_differ(after)) {
        Err(AccountRefusal::OwnAccount)
    } else {
        Ok(())
    }
}

/// The account after a change was made to it now (rule 3: whoever could not approve before and can afterwards cools off first, and
/// so does whoever gets a new second factor, or is no longer one person with another account).
pub fn changed(
    account: &Account,
    after: &AccountSpec,
    reset: Option<Reset>,
    policy: &Policy,
    now: Timestamp,
) -> Account {
    let before = AccountSpec::of(account);
    let gains = after.approver(now) && !before.approver(now);
    let renews = reset.is_some_and(Reset::ends_second_factor);
    let eligible_at = if gains || renews || before.unlinks(after) {
        account.eligible_at.max(policy.eligible(now))
    } else {
        account.eligible_at
    };
    Account {
        roles: after.roles,
        state: after.state,
        expires_at: after.expires_at,
        mfa: after.mfa,
        email: after.email.clone(),
        owner: after.owner,
        person: after.person.clone(),
        eligible_at,
        revision: account.revision.saturating_add(1),
        ..account.clone()
    }
}

/// The account after its person used a link now. Whoever has a new second factor cools off first.
pub fn enrolled(account: &Account, kind: LinkKind, policy: &Policy, now: Timestamp) -> Account {
    let eligible_at = match kind {
        LinkKind::Invitation | LinkKind::SecondFactor => account.eligible_at.max(policy.eligible(now)),
        LinkKind::Password => account.eligible_at,
    };
    Account {
        state: AccountState::Active,
        eligible_at,
        revision: account.revision.saturating_add(1),
        ..account.clone()
    }
}

/// Who would be left to approve, and from when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooFewLeft {
    /// From when on: now, or when an account ends.
    pub at: Timestamp,
    /// Who could still approve then, by name.
    pub left: Vec<String>,
}

/// Whether a change leaves two people who can approve, now and at any time to come (rule 4). Where there are fewer anyway, a change
/// may leave as many as there were.
///
/// # Errors
/// [`TooFewLeft`]: from when on there would be fewer.
pub fn leaves_enough(before: &[Account], after: &[Account], now: Timestamp) -> Result<(), TooFewLeft> {
    let all = || before.iter().chain(after);
    let mut times: Vec<Timestamp> = all()
        .flat_map(|account| [Some(account.eligible_at), account.expires_at])
        .flatten()
        .filter(|time| *time > now)
        .chain([now])
        .collect();
    times.sort_unstable();
    for at in times {
        let approvers = |accounts: &[Account]| -> Vec<String> {
            let eligible = accounts.iter().filter(|account| account.eligible(at).is_ok());
            people(eligible)
                .iter()
                .map(|account| account.name.to_string())
                .collect()
        };
        let (were, left) = (approvers(before).len(), approvers(after));
        if left.len() < LEAST_APPROVERS && left.len() < were {
            return Err(TooFewLeft { at, left });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
