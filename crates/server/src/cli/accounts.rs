//! `countersign accounts`: look at accounts, add, change and reset them, over the API of a running server.

pub(super) mod document;
mod tokens;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::account_change::Reset;
use countersign_core::{AccountId, AccountName, Role};
use serde_json::{Value, json};

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::{became, said};
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::plain;
use document::{Account, link_said, table};
use tokens::Tokens;

/// Look at accounts, add, change and reset them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Accounts {
    /// List accounts, those that were deleted too
    List(List),
    /// Show an account: everything that is set, and the link that waits
    Show(Named),
    /// Add a person, who is invited by a link, or a service
    Add(Add),
    /// Change what is given, keep the rest
    Change(Change),
    /// Enable an account
    Enable(Asked),
    /// Disable an account and end its sessions
    Disable(Asked),
    /// Forget an account's wrong passwords and codes, so that nobody has to wait
    Unlock(Named),
    /// Delete an account: kept for the record, its name is never given again
    Delete(Asked),
    /// Make the link that waits for an account and print it, this once; the one before ends
    Link(Named),
    /// Invite a person anew: password and second factor end at once
    Invite(Asked),
    /// Let a person choose another password, by a link on which the second factor is shown
    ResetPassword(Asked),
    /// Let a person enrol another second factor, by a link on which the password is shown
    ResetSecondFactor(Asked),
    /// Have a password changed at the next sign-in
    ExpirePassword(Asked),
    /// List, make and revoke the repository tokens of an account
    #[command(subcommand)]
    Tokens(Tokens),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Named {
    /// The account's name or number
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// The same where it may be held.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Asked {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

/// What can be set of an account at any time.
#[derive(Debug, Args)]
pub struct Settings {
    /// What it may do; once for each role: backup-administrator, security-administrator, backup-operator or backup-viewer
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<Role>,
    /// From when on it may not act any more: 2027-01-31T00:00:00Z; `never` for no end
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Whether a second factor is always asked for
    #[arg(long, value_name = "BOOL")]
    mfa: Option<bool>,
    /// Where its person is told of requests; `none` for nowhere
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The name or number of the person who answers for a service, and cannot approve what it asks for [default: you]
    #[arg(long, value_name = "ACCOUNT")]
    owner: Option<String>,
    /// Who a person is, where one has several accounts: they count once; `none` for nobody in particular
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Add {
    /// What to call it, for good
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// A program: it never logs on, and has repository tokens alone
    #[arg(long)]
    service: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Change {
    /// The account's name or number
    #[arg(value_name = "ACCOUNT")]
    account: String,
    #[command(flatten)]
    settings: Settings,
    /// It may do nothing any more but log on
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl Accounts {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) | Self::Unlock(_) | Self::Link(_) | Self::Tokens(_) => None,
            Self::Add(add) => Some((&add.asking, add.json)),
            Self::Change(change) => Some((&change.asking, change.json)),
            Self::Enable(one)
            | Self::Disable(one)
            | Self::Delete(one)
            | Self::Invite(one)
            | Self::ResetPassword(one)
            | Self::ResetSecondFactor(one)
            | Self::ExpirePassword(one) => Some((&one.asking, one.named.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) | Self::Unlock(named) | Self::Link(named) => &named.server,
            Self::Enable(one)
            | Self::Disable(one)
            | Self::Delete(one)
            | Self::Invite(one)
            | Self::ResetPassword(one)
            | Self::ResetSecondFactor(one)
            | Self::ExpirePassword(one) => &one.named.server,
            Self::Add(add) => &add.server,
            Self::Change(change) => &change.server,
            Self::Tokens(tokens) => tokens.server(),
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.show(remote),
            Self::Add(add) => add.carry_out(remote),
            Self::Change(change) => change.carry_out(remote),
            Self::Unlock(named) => named.switch(remote, "unlock", "unlocked"),
            Self::Enable(one) => one.named.switch(remote, "enable", "enabled"),
            Self::Disable(one) => one.named.switch(remote, "disable", "disabled"),
            Self::Delete(one) => one.named.delete(remote),
            Self::Link(named) => named.link(remote),
            Self::Invite(one) => one.named.reset(remote, Reset::Both),
            Self::ResetPassword(one) => one.named.reset(remote, Reset::Password),
            Self::ResetSecondFactor(one) => one.named.reset(remote, Reset::SecondFactor),
            Self::ExpirePassword(one) => one.named.reset(remote, Reset::PasswordAtNextLogon),
            Self::Tokens(tokens) => tokens.carry_out(remote),
        }
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get("/api/v1/accounts")?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let accounts: Vec<Account> = read(remote, answer["accounts"].clone())?;
        Ok(table(&accounts))
    }
}

impl Named {
    fn show(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = named(remote, &self.account)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let account: Account = read(remote, answer)?;
        Ok(account.shown())
    }

    fn switch(&self, remote: &Remote, verb: &str, done: &str) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let answer = remote.post_any(&format!("{}/{verb}", path_of(account.id)), &json!({}))?;
        said(
            remote,
            answer,
            self.json,
            &format!("Account {} is {done}.", account.name),
        )
    }

    fn delete(&self, remote: &Remote) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let answer = remote.delete(&path_of(account.id))?;
        said(
            remote,
            answer,
            self.json,
            &format!("Account {} is deleted.", account.name),
        )
    }

    fn link(&self, remote: &Remote) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let answer = remote.post(&format!("{}/link", path_of(account.id)), &json!({}))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        link_said(remote, &answer)
    }

    fn reset(&self, remote: &Remote, what: Reset) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let answer = remote.post(&format!("{}/reset", path_of(account.id)), &json!({"what": what}))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let done = match what {
            Reset::PasswordAtNextLogon => "The next sign-in asks for a new password.",
            Reset::Password | Reset::SecondFactor | Reset::Both => "It is to be set anew.",
        };
        with_link(remote, &answer, done, &account.name, what.link().is_some())
    }
}

impl Add {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let settings = &self.settings;
        let new = json!({
            "name": self.name,
            "kind": if self.service { "service" } else { "person" },
            "roles": settings.roles,
            "expires_at": settings.end(),
            "mfa": settings.mfa.unwrap_or(false),
            "email": settings.email(),
            "owner": settings.owner(remote)?,
            "person": settings.person(),
        });
        let answer = remote.post("/api/v1/accounts", &new)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let done = format!("Account {} is added.", self.name);
        with_link(remote, &answer, &done, self.name.as_str(), !self.service)
    }
}

impl Change {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let settings = &self.settings;
        let roles = if self.no_roles {
            Vec::new()
        } else if settings.roles.is_empty() {
            account.roles.clone()
        } else {
            settings.roles.clone()
        };
        let expires_at = match &settings.expires {
            Some(_) => settings.end(),
            None => account.expires_at.clone(),
        };
        let email = match &settings.email {
            Some(_) => settings.email(),
            None => account.email.clone(),
        };
        let mut given = json!({
            "email": email,
            "roles": roles,
            "expires_at": expires_at,
            "mfa": settings.mfa.unwrap_or(account.mfa),
        });
        if let Some(owner) = settings.owner(remote)? {
            given["owner"] = json!(owner);
        }
        if settings.person.is_some() {
            given["person"] = json!(settings.person());
        }
        let answer = remote.put(&path_of(account.id), &given)?;
        said(
            remote,
            answer,
            self.json,
            &format!("Account {} is changed.", account.name),
        )
    }
}

impl Settings {
    fn end(&self) -> Option<String> {
        self.expires.clone().filter(|end| end != "never")
    }

    fn email(&self) -> Option<String> {
        self.email.clone().filter(|email| email != "none")
    }

    fn owner(&self, remote: &Remote) -> Result<Option<AccountId>, Failure> {
        let owner = self.owner.as_deref().map(|owner| known(remote, owner));
        Ok(owner.transpose()?.map(|owner| owner.id))
    }

    fn person(&self) -> Option<String> {
        self.person.clone().filter(|person| person != "none")
    }
}

fn path_of(id: AccountId) -> String {
    format!("/api/v1/accounts/{id}")
}

/// The same with the link that goes with it: told now, or how to get it once it is approved.
fn with_link(remote: &Remote, answer: &Value, done: &str, name: &str, linked: bool) -> Result<String, Failure> {
    let mut text = became(remote, Some(answer), done)?;
    if answer["link"].is_object() {
        text += &link_said(remote, &answer["link"])?;
    } else if answer["request"].is_number() && linked {
        text += &format!(
            "When it is approved, make the link for its person: countersign accounts link {}\n",
            plain(name)
        );
    }
    Ok(text)
}

/// The account of this name, in whatever case, or else of this number.
fn named(remote: &Remote, text: &str) -> Result<Value, Failure> {
    let answer = remote.get("/api/v1/accounts")?;
    let all: Vec<Value> = read(remote, answer["accounts"].clone())?;
    let key = text.to_lowercase();
    let by_name = all
        .iter()
        .find(|account| account["name"].as_str().is_some_and(|name| name.to_lowercase() == key));
    let found = by_name.or_else(|| {
        all.iter()
            .find(|account| account["id"].as_i64().is_some_and(|id| id.to_string() == text))
    });
    found
        .cloned()
        .ok_or_else(|| Failure::Refused(format!("there is no account {}", plain(text))))
}

/// The account of this name or number, if there is one.
pub(super) fn known(remote: &Remote, text: &str) -> Result<Account, Failure> {
    read(remote, named(remote, text)?)
}

#[cfg(test)]
mod tests;
