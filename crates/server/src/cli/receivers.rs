//! `countersign receivers`: look at receivers of events, change, test and filter them, over the API of a running server.

mod description;
mod document;
mod filter;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::receiver::{ReceiverAddress, ReceiverSpec, Transport};
use countersign_core::{Name, ReceiverId};
use serde_json::{Value, json};

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::plain;
use description::Description;
use document::{Receiver, became, table, test_said};
use filter::FilterCommand;

/// Look at receivers of events, change, test and filter them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Receivers {
    /// List receivers and how they stand
    List(List),
    /// Show a receiver: how it stands, everything that is set
    Show(Named),
    /// Add a receiver and send it a test message
    Add(Add),
    /// Change what is given, keep the rest, and send a test message
    Change(Change),
    /// Remove a receiver
    Remove(Asked),
    /// Send a test message and say how it went
    Test(Named),
    /// Export or import which events a receiver does not get
    #[command(subcommand)]
    Filter(FilterCommand),
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
    /// The receiver's name or number
    #[arg(value_name = "RECEIVER")]
    receiver: String,
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
    /// What to call it
    #[arg(value_name = "NAME")]
    name: Name,
    /// Where it listens: host:port
    #[arg(value_name = "ADDRESS")]
    address: ReceiverAddress,
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
    /// The receiver's name or number
    #[arg(value_name = "RECEIVER")]
    receiver: String,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Where it listens: host:port
    #[arg(long, value_name = "ADDRESS")]
    address: Option<ReceiverAddress>,
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

impl Receivers {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) | Self::Test(_) => None,
            Self::Add(add) => Some((&add.asking, add.json)),
            Self::Change(change) => Some((&change.asking, change.json)),
            Self::Remove(remove) => Some((&remove.asking, remove.named.json)),
            Self::Filter(filter) => filter.asking(),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) | Self::Test(named) => &named.server,
            Self::Remove(remove) => &remove.named.server,
            Self::Add(add) => &add.server,
            Self::Change(change) => &change.server,
            Self::Filter(filter) => filter.server(),
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.show(remote),
            Self::Add(add) => add.carry_out(remote),
            Self::Change(change) => change.carry_out(remote),
            Self::Remove(remove) => remove.named.remove(remote),
            Self::Test(named) => named.test(remote),
            Self::Filter(filter) => filter.carry_out(remote),
        }
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get("/api/v1/receivers")?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        table(remote, &answer)
    }
}

impl Named {
    fn show(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = named(remote, &self.receiver)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(Receiver::read(remote, &answer)?.shown())
    }

    fn remove(&self, remote: &Remote) -> Result<String, Failure> {
        let receiver = Receiver::read(remote, &named(remote, &self.receiver)?)?;
        let answer = remote.delete(&path_of(receiver.id))?;
        if self.json {
            return Ok(format!("{}\n", answer.unwrap_or_default()));
        }
        became(remote, answer, &format!("Receiver {} is removed.", receiver.spec.name))
    }

    fn test(&self, remote: &Remote) -> Result<String, Failure> {
        let receiver = Receiver::read(remote, &named(remote, &self.receiver)?)?;
        let answer = remote.post(&format!("{}/test", path_of(receiver.id)), &json!({}))?;
        let text = if self.json {
            format!("{answer}\n")
        } else {
            format!("{}\n", test_said(&answer))
        };
        if answer["outcome"] == "failed" {
            if self.json {
                print!("{text}");
            }
            return Err(Failure::Found(plain(answer["detail"].as_str().unwrap_or_default())));
        }
        Ok(text)
    }
}

impl Add {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let mut spec = ReceiverSpec::plain(self.name.clone(), Transport::Relp, self.address.clone());
        self.description.apply(&mut spec)?;
        let answer = remote.post("/api/v1/receivers", &json!(spec))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let added = format!("Added as receiver {}.", answer["id"]);
        became(remote, Some(answer), &added)
    }
}

impl Change {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let Receiver { id, mut spec, .. } = Receiver::read(remote, &named(remote, &self.receiver)?)?;
        if let Some(name) = &self.name {
            spec.name = name.clone();
        }
        if let Some(address) = &self.address {
            spec.address = address.clone();
        }
        self.description.apply(&mut spec)?;
        let answer = remote.put(&path_of(id), &json!(spec))?;
        if self.json {
            return Ok(format!("{}\n", answer.unwrap_or_default()));
        }
        match answer {
            None => Ok("Nothing differs: it is so already.\n".to_owned()),
            answer => became(remote, answer, &format!("Receiver {} is changed.", spec.name)),
        }
    }
}

fn path_of(id: ReceiverId) -> String {
    format!("/api/v1/receivers/{id}")
}

/// The receiver of this name, or else of this number.
fn named(remote: &Remote, text: &str) -> Result<Value, Failure> {
    let answer = remote.get("/api/v1/receivers")?;
    let all: Vec<Value> = read(remote, answer["receivers"].clone())?;
    let by_name = all.iter().find(|receiver| receiver["name"] == text);
    let found = by_name.or_else(|| {
        all.iter()
            .find(|receiver| receiver["id"].as_i64().is_some_and(|id| id.to_string() == text))
    });
    found
        .cloned()
        .ok_or_else(|| Failure::Refused(format!("there is no receiver {}", plain(text))))
}

#[cfg(test)]
mod tests;
