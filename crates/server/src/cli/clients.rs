//! `countersign clients`: look at what may ask for logons, register, change and remove it, over the API of a running server.

mod description;
mod document;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::logon::{Authentication, ClientId, ClientSpec, Grant, Resource};
use serde_json::json;

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::{became, said};
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::plain;
use description::Description;
use document::{Client, table};

/// Look at clients that may ask for logons (OAuth), register, change and remove them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Clients {
    /// List clients
    List(List),
    /// Show a client: everything that is set
    Show(Named),
    /// Register a client; one that keeps a secret is told it, this once
    Add(Add),
    /// Change what is given, keep the rest
    Change(Change),
    /// Let a client ask again
    Enable(Asked),
    /// Let a client ask no more, and end what it was given
    Disable(Asked),
    /// Remove a client, and end what it was given
    Remove(Asked),
    /// Make a client's secret and print it, this once; one that there is holds no more
    NewSecret(Asked),
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
    /// The client's id
    #[arg(value_name = "CLIENT")]
    client: ClientId,
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

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Add {
    /// What it calls itself: its client_id
    #[arg(value_name = "CLIENT")]
    client: ClientId,
    #[command(flatten)]
    description: Description,
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
    /// The client's id
    #[arg(value_name = "CLIENT")]
    client: ClientId,
    #[command(flatten)]
    description: Description,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl Clients {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) => None,
            Self::Add(add) => Some((&add.asking, add.json)),
            Self::Change(change) => Some((&change.asking, change.json)),
            Self::Enable(one) | Self::Disable(one) | Self::Remove(one) | Self::NewSecret(one) => {
                Some((&one.asking, one.named.json))
            }
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) => &named.server,
            Self::Enable(one) | Self::Disable(one) | Self::Remove(one) | Self::NewSecret(one) => &one.named.server,
            Self::Add(add) => &add.server,
            Self::Change(change) => &change.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.show(remote),
            Self::Add(add) => add.carry_out(remote),
            Self::Change(change) => put(remote, &change.client, change.json, |spec| {
                change.description.apply(spec)
            }),
            Self::Enable(one) => put(remote, &one.named.client, one.named.json, |spec| spec.enabled = true),
            Self::Disable(one) => put(remote, &one.named.client, one.named.json, |spec| spec.enabled = false),
            Self::Remove(one) => one.named.remove(remote),
            Self::NewSecret(one) => one.named.new_secret(remote),
        }
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get("/api/v1/clients")?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let clients: Vec<Client> = read(remote, answer["clients"].clone())?;
        Ok(table(&clients))
    }
}

impl Named {
    fn show(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(&path_of(&self.client))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let client: Client = read(remote, answer)?;
        Ok(client.shown())
    }

    fn remove(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.delete(&path_of(&self.client))?;
        said(
            remote,
            answer,
            self.json,
            &format!("Client {} is removed.", self.client),
        )
    }

    fn new_secret(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.post(&format!("{}/secret", path_of(&self.client)), &json!({}))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        match answer["secret"].as_str() {
            Some(secret) => Ok(format!("{}\n", plain(secret))),
            None => {
                let held = became(remote, Some(&answer), "")?;
                Ok(format!(
                    "{held}When it is approved, the secret there is holds no more: ask again.\n"
                ))
            }
        }
    }
}

impl Add {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let mut spec = ClientSpec {
            authentication: Authentication::Secret,
            enabled: true,
            grants: [Grant::AuthorizationCode, Grant::RefreshToken].into(),
            id: self.client.clone(),
            name: self.client.to_string(),
            redirect_uris: Vec::new(),
            resources: [Resource::Api].into(),
        };
        self.description.apply(&mut spec);
        let answer = remote.post("/api/v1/clients", &json!(spec))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let mut text = became(remote, Some(&answer), &format!("Client {} is registered.", self.client))?;
        if let Some(secret) = answer["secret"].as_str() {
            text += &format!("Its secret, shown this once: {}\n", plain(secret));
        } else if answer["request"].is_number() && spec.authentication == Authentication::Secret {
            text += &format!("Then make its secret: countersign clients new-secret {}\n", self.client);
        }
        Ok(text)
    }
}

/// Reads a client, changes its description, and puts it back.
fn put(remote: &Remote, id: &ClientId, json: bool, change: impl FnOnce(&mut ClientSpec)) -> Result<String, Failure> {
    let client: Client = read(remote, remote.get(&path_of(id))?)?;
    let before = client.spec();
    let mut spec = before.clone();
    change(&mut spec);
    if spec == before && !json {
        return Ok("Nothing differs: it is so already.\n".to_owned());
    }
    let answer = remote.put(&path_of(id), &json!(spec))?;
    said(remote, answer, json, &format!("Client {id} is changed."))
}

fn path_of(id: &ClientId) -> String {
    format!("/api/v1/clients/{id}")
}

#[cfg(test)]
mod tests;
