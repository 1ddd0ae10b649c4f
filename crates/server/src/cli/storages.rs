//! `countersign storages`: look at storages, add, change and delete them, over the API of a running server.

mod document;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::{FolderPath, Name, StorageSpec};
use serde_json::json;

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::said;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use document::{Storage, table};

/// Look at storages, add, change and delete them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Storages {
    /// List storages
    List(List),
    /// Show a storage: everything that is set, and its room
    Show(Named),
    /// Add a storage
    Add(Add),
    /// Change what is given, keep the rest; what weakens becomes a request
    Change(Change),
    /// Take a storage out of service: by a request while four-eyes authorization is on
    Delete(Delete),
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
    /// The storage's name
    #[arg(value_name = "STORAGE")]
    storage: Name,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Add {
    /// What clients and people call it
    #[arg(value_name = "STORAGE")]
    storage: Name,
    /// An empty folder on the server, absolute and without links [default: one below the data folder]
    #[arg(long, value_name = "FOLDER")]
    path: Option<FolderPath>,
    #[command(flatten)]
    bounds: Bounds,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Change {
    /// The storage's name
    #[arg(value_name = "STORAGE")]
    storage: Name,
    /// What it is called from now on
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    #[command(flatten)]
    bounds: Bounds,
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
pub struct Delete {
    /// The storage's name
    #[arg(value_name = "STORAGE")]
    storage: Name,
    /// Destroy its bytes, too; without, they are left in its folder
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// What is not given stays as it is.
#[derive(Debug, Default, Args)]
pub struct Bounds {
    /// How many bytes it takes at most, held ones among them
    #[arg(long, value_name = "BYTES")]
    quota_bytes: Option<u64>,
    /// It has no quota
    #[arg(long, conflicts_with = "quota_bytes")]
    no_quota: bool,
    /// For so many days nobody deletes an object, with or without an approval
    #[arg(long, value_name = "DAYS")]
    immutable_days: Option<u32>,
    /// It has no retention lock
    #[arg(long, conflicts_with = "immutable_days")]
    no_lock: bool,
}

impl Bounds {
    fn apply(&self, spec: &mut StorageSpec) {
        if self.quota_bytes.is_some() || self.no_quota {
            spec.quota_bytes = self.quota_bytes;
        }
        if self.immutable_days.is_some() || self.no_lock {
            spec.immutable_days = self.immutable_days;
        }
    }
}

impl Storages {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) | Self::Add(_) => None,
            Self::Change(change) => Some((&change.asking, change.json)),
            Self::Delete(delete) => Some((&delete.asking, delete.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) => &named.server,
            Self::Add(add) => &add.server,
            Self::Change(change) => &change.server,
            Self::Delete(delete) => &delete.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.carry_out(remote),
            Self::Add(add) => add.carry_out(remote),
            Self::Change(change) => change.carry_out(remote),
            Self::Delete(delete) => delete.carry_out(remote),
        }
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(PATH)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let storages: Vec<Storage> = read(remote, answer["storages"].clone())?;
        Ok(table(&storages))
    }
}

impl Named {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let storage = named(remote, &self.storage)?;
        if self.json {
            return Ok(format!("{}\n", remote.get(&storage.path_of())?));
        }
        Ok(storage.shown())
    }
}

impl Add {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let mut spec = StorageSpec {
            path: self.path.clone(),
            ..StorageSpec::plain(self.storage.clone())
        };
        self.bounds.apply(&mut spec);
        let answer = remote.post(PATH, &json!(spec))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(format!("Storage {} is added.\n", self.storage))
    }
}

impl Change {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let storage = named(remote, &self.storage)?;
        let before = storage.spec();
        let mut spec = before.clone();
        self.bounds.apply(&mut spec);
        if let Some(name) = &self.name {
            spec.name = name.clone();
        }
        if spec == before && !self.json {
            return Ok("Nothing differs: it is so already.\n".to_owned());
        }
        let answer = remote.put(&storage.path_of(), &json!(spec))?;
        said(
            remote,
            answer,
            self.json,
            &format!("Storage {} is changed.", self.storage),
        )
    }
}

impl Delete {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let storage = named(remote, &self.storage)?;
        let answer = remote.delete(&format!("{}?purge={}", storage.path_of(), self.purge))?;
        said(
            remote,
            answer,
            self.json,
            &format!("Storage {} is out of service.", self.storage),
        )
    }
}

const PATH: &str = "/api/v1/storages";

/// The storage of this name.
fn named(remote: &Remote, name: &Name) -> Result<Storage, Failure> {
    let answer = remote.get(PATH)?;
    let storages: Vec<Storage> = read(remote, answer["storages"].clone())?;
    let found = storages.into_iter().find(|storage| storage.is_called(name));
    found.ok_or_else(|| Failure::Refused(format!("there is no storage {name}")))
}

#[cfg(test)]
mod tests;
