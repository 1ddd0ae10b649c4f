//! Accounts as the API tells them, and as a terminal shows them.

use std::fmt::Write as _;

use countersign_core::{AccountId, Role};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::remote::Remote;
use crate::cli::remote::failure::{Failure, read};
use crate::cli::terminal::{columns, date, plain};

/// An account.
#[derive(Debug, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// How it is called.
    pub name: String,
    kind: String,
    /// What it may do.
    pub roles: Vec<Role>,
    state: String,
    /// From when on it may not act any more, as the API says it.
    pub expires_at: Option<String>,
    /// Whether a second factor is always asked for.
    pub mfa: bool,
    /// Where its person is told of requests.
    pub email: Option<String>,
    owner: Option<AccountId>,
    person: Option<String>,
    created_at: String,
    eligible_at: String,
    can_approve: bool,
    link: Option<Waiting>,
}

#[derive(Debug, Deserialize)]
struct Waiting {
    kind: String,
    asked_by: String,
    open_until: String,
    expires_at: Option<String>,
}

impl Account {
    fn roles(&self) -> String {
        let words: Vec<_> = self.roles.iter().map(|role| role.as_str()).collect();
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        }
    }

    fn approves(&self) -> String {
        if self.can_approve {
            "yes".to_owned()
        } else if self.state == "active" && self.roles.contains(&Role::SecurityAdministrator) {
            format!("from {}", date(&self.eligible_at))
        } else {
            "no".to_owned()
        }
    }

    /// For a terminal.
    pub fn shown(&self) -> String {
        let mut text = format!("Account {}: {}\n", self.id, plain(&self.name));
        let mut add = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<16}{}", plain(value));
        };
        add("kind", &self.kind);
        add("roles", &self.roles());
        add("state", &self.state);
        add("approves", &self.approves());
        add(
            "expires",
            &self.expires_at.as_deref().map_or_else(|| "never".to_owned(), date),
        );
        add(
            "second factor",
            if self.mfa {
                "always asked for"
            } else {
                "as the settings say"
            },
        );
        if let Some(email) = &self.email {
            add("e-mail", email);
        }
        if self.kind == "service" {
            let owner = self.owner.map(|owner| format!("account {owner}"));
            add("owner", owner.as_deref().unwrap_or("nobody: name one with --owner"));
        }
        if let Some(person) = &self.person {
            add("person", person);
        }
        add("added", &date(&self.created_at));
        if let Some(link) = &self.link {
            let made = link.expires_at.as_deref().map_or_else(
                || "not made yet".to_owned(),
                |ends| format!("the one made works until {}", date(ends)),
            );
            add(
                "link",
                &format!(
                    "{}, asked for by {}, can be made until {}; {made}",
                    link.kind,
                    link.asked_by,
                    date(&link.open_until)
                ),
            );
        }
        text
    }
}

/// Accounts as a table with a head.
pub fn table(accounts: &[Account]) -> String {
    let head = ["ID", "NAME", "KIND", "STATE", "APPROVES", "EXPIRES", "E-MAIL", "ROLES"];
    columns(
        head,
        accounts.iter().map(|account| {
            [
                account.id.to_string(),
                plain(&account.name),
                plain(&account.kind),
                plain(&account.state),
                account.approves(),
                account.expires_at.as_deref().map_or_else(|| "never".to_owned(), date),
                account.email.as_deref().map_or_else(|| "none".to_owned(), plain),
                account.roles(),
            ]
        }),
    )
}

#[derive(Deserialize)]
struct Link {
    kind: String,
    url: String,
    expires_at: String,
}

/// A link that was just made.
pub fn link_said(remote: &Remote, answer: &Value) -> Result<String, Failure> {
    let link: Link = read(remote, answer.clone())?;
    Ok(format!(
        "Give this link ({}) to the person and nobody else; it works once, until {}, and is shown this once:\n{}\n",
        plain(&link.kind),
        date(&link.expires_at),
        plain(&link.url)
    ))
}
