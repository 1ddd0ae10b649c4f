//! The form of an account: as it was typed, and what it says.

use countersign_core::account_change::{AccountChange, AccountSpec, Settings, may_own};
use countersign_core::email::BadEmailAddress;
use countersign_core::person::BadPerson;
use countersign_core::{Account, AccountKind, Role};
use countersign_events::Timestamp;
use serde::Deserialize;

use super::words;
use crate::pages::{AccountForm, Choice};

/// The form of an account, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedAccount {
    /// How to call a new one.
    pub name: String,
    /// What a new one is.
    pub kind: String,
    #[serde(rename = "backup-administrator")]
    backup_administrator: String,
    #[serde(rename = "security-administrator")]
    security_administrator: String,
    #[serde(rename = "backup-operator")]
    backup_operator: String,
    #[serde(rename = "backup-viewer")]
    backup_viewer: String,
    expires: String,
    mfa: String,
    email: String,
    /// Of a service: the number of its owner.
    owner: String,
    /// Of a person: who it is. Not sent by the form of a service.
    person: Option<String>,
}

const ON: &str = "on";

/// As browsers send a checkbox.
fn ticked(on: bool) -> String {
    if on { ON.to_owned() } else { String::new() }
}

impl TypedAccount {
    /// As an account is.
    pub fn of(spec: &AccountSpec) -> Self {
        let role = |role| ticked(spec.roles.has(role));
        Self {
            name: spec.name.to_string(),
            kind: spec.kind.as_str().to_owned(),
            backup_administrator: role(Role::BackupAdministrator),
            security_administrator: role(Role::SecurityAdministrator),
            backup_operator: role(Role::BackupOperator),
            backup_viewer: role(Role::BackupViewer),
            expires: spec.expires_at.map(local).unwrap_or_default(),
            mfa: ticked(spec.mfa),
            email: spec.email.as_ref().map(ToString::to_string).unwrap_or_default(),
            owner: spec.owner.map(|owner| owner.to_string()).unwrap_or_default(),
            person: spec.person.as_ref().map(ToString::to_string),
        }
    }

    fn tick(&self, role: Role) -> bool {
        let tick = match role {
            Role::BackupAdministrator => &self.backup_administrator,
            Role::SecurityAdministrator => &self.security_administrator,
            Role::BackupOperator => &self.backup_operator,
            Role::BackupViewer => &self.backup_viewer,
        };
        tick == ON
    }

    /// What can be set.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn settings(&self) -> Result<Settings, String> {
        let email = match self.email.trim() {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|bad: BadEmailAddress| words::sentence(&bad.to_string()))?,
            ),
        };
        let owner = match self.owner.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| "Choose who owns it.".to_owned())?),
        };
        let person = match self.person.as_deref().map(str::trim) {
            None => None,
            Some("") => Some(None),
            Some(name) => Some(Some(
                name.parse()
                    .map_err(|bad: BadPerson| words::sentence(&bad.to_string()))?,
            )),
        };
        Ok(Settings {
            email: Some(email),
            expires_at: end(&self.expires)?,
            mfa: self.mfa == ON,
            owner,
            person,
            roles: Role::ALL.into_iter().filter(|role| self.tick(*role)).collect(),
        })
    }

    /// A new account.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn addition(&self) -> Result<AccountChange, String> {
        let kinds = [AccountKind::Person, AccountKind::Service];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == self.kind);
        let name = self.name.trim().parse();
        Ok(AccountChange::Add {
            name: name.map_err(|bad: countersign_core::account::BadAccountName| words::sentence(&bad.to_string()))?,
            kind: kind.ok_or_else(|| "Choose what it is.".to_owned())?,
            settings: self.settings()?,
        })
    }

    /// The form, perhaps once more.
    ///
    /// `people` can own services.
    pub fn form(&self, people: &[Account], problem: Option<String>) -> AccountForm {
        let role = |role: Role| Choice {
            value: role.as_str().to_owned(),
            label: role.title().to_owned(),
            hint: match role {
                Role::BackupAdministrator => "Backups, receivers, tokens of services; asks for deletes.",
                Role::SecurityAdministrator => "Approves requests; accounts, clients and settings.",
                Role::BackupOperator => "Backs up and restores.",
                Role::BackupViewer => "Looks.",
            }
            .to_owned(),
            chosen: self.tick(role),
        };
        let owner = |person: &Account| Choice {
            value: person.id.to_string(),
            label: person.name.to_string(),
            hint: String::new(),
            chosen: person.id.to_string() == self.owner,
        };
        AccountForm {
            roles: Role::ALL.into_iter().map(role).collect(),
            expires: self.expires.clone(),
            mfa: self.mfa == ON,
            email: self.email.clone(),
            owners: people
                .iter()
                .filter(|person| may_own(person).is_ok())
                .map(owner)
                .collect(),
            person: self.person.clone().unwrap_or_default(),
            problem,
        }
    }

    /// What a new account can be.
    pub fn kinds(&self) -> Vec<Choice> {
        let kind = |kind: AccountKind, label: &str, hint: &str| Choice {
            value: kind.as_str().to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
            chosen: self.kind == kind.as_str() || (self.kind.is_empty() && kind == AccountKind::Person),
        };
        vec![
            kind(
                AccountKind::Person,
                "A person",
                "Gets a one-time link, chooses a password and enrols a second factor.",
            ),
            kind(
                AccountKind::Service,
                "A service",
                "A program with repository tokens. It never logs on, never approves, and has no roles.",
            ),
        ]
    }
}

/// A time as browsers write it into a form, in UTC.
fn local(at: Timestamp) -> String {
    let text = at.rfc3339(0);
    let (day_and_minute, rest) = text.split_at_checked(16).unwrap_or((&text, ""));
    if rest.starts_with(":00.000000") {
        day_and_minute.to_owned()
    } else {
        text.get(..19).unwrap_or(&text).to_owned()
    }
}

/// An end as browsers send it, in UTC; none for never.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn end(text: &str) -> Result<Option<Timestamp>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = if text.len() == 16 { ":00" } else { "" };
    let read = Timestamp::parse_rfc3339(&format!("{text}{seconds}Z"));
    let read = read.ok_or_else(|| "Give the end as day and time, like 2027-01-31T00:00, in UTC.".to_owned())?;
    Ok(Some(read.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_the_account_is() {
        for end in [None, Some(1_801_440_000_000_000), Some(1_801_440_007_000_000)] {
            let spec = AccountSpec {
                email: Some("carol@example.org".parse().unwrap()),
                owner: None,
                person: Some("E-17".parse().unwrap()),
                expires_at: end.map(Timestamp),
                kind: AccountKind::Person,
                mfa: true,
                name: "carol".parse().unwrap(),
                roles: [Role::SecurityAdministrator, Role::BackupViewer].into_iter().collect(),
                state: countersign_core::AccountState::Active,
            };
            let settings = TypedAccount::of(&spec).settings().unwrap();
            assert_eq!(
                (settings.email, settings.expires_at, settings.mfa, settings.roles),
                (Some(spec.email), spec.expires_at, spec.mfa, spec.roles)
            );
            assert_eq!(settings.person, Some(spec.person));
        }
        assert!(end("tomorrow").is_err());
    }
}
