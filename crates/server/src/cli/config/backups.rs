//! `countersign config backup` and `config backups`: configuration backups over the API of a running server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::ConfigurationBackupId;
use countersign_core::configuration_backup::{Schedule, TimeOfDay};
use serde::Deserialize;
use serde_json::{Value, json};

use super::passphrase::PassphraseFlags;
use crate::cli::exit::EXIT_CODES;
use crate::cli::remote::asking::{Asking, asked};
use crate::cli::remote::became::said;
use crate::cli::remote::failure::{Failure, ended, read};
use crate::cli::remote::{Remote, ServerFlags};
use crate::cli::terminal::{columns, date, plain};
use crate::pages::Bytes;

const PATH: &str = "/api/v1/configuration-backups";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Asked {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// Look at backups of the server's configuration, read them to the end, take them out, delete them; set when they are made.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Backups {
    /// List configuration backups, newest first
    List(Asked),
    /// Show a configuration backup
    Show(Named),
    /// Read a configuration backup to its end on the server, as a restoration would
    Verify(Named),
    /// Copy a configuration backup's file, which is encrypted, to here
    Fetch(Fetch),
    /// Delete a configuration backup
    Delete(Delete),
    /// Set when configuration backups are made and how many of those stay, or show it
    Schedule(SetSchedule),
    /// Set what configuration backups made from now on are encrypted with
    Passphrase(SetPassphrase),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Named {
    /// The backup's number
    #[arg(value_name = "NUMBER")]
    backup: ConfigurationBackupId,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Delete {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Fetch {
    /// The backup's number
    #[arg(value_name = "NUMBER")]
    backup: ConfigurationBackupId,
    /// Where to put it; a file that is there is not replaced [default: its name, in this folder]
    #[arg(value_name = "FILE")]
    into: Option<PathBuf>,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct SetSchedule {
    /// Make one every day at this time, in UTC
    #[arg(long, value_name = "HH:MM", conflicts_with = "never")]
    at: Option<TimeOfDay>,
    /// Make none by itself
    #[arg(long)]
    never: bool,
    /// Keep this many of the newest that the schedule made, 1 to 365
    #[arg(long, value_name = "COUNT")]
    keep: Option<u32>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct SetPassphrase {
    #[command(flatten)]
    passphrase: PassphraseFlags,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Deserialize)]
struct Backup {
    id: ConfigurationBackupId,
    name: String,
    occasion: String,
    made_at: String,
    made_by: Option<String>,
    size: u64,
    sha256: String,
    passphrase: i64,
    verified_at: Option<String>,
    fault: Option<String>,
}

impl Asked {
    /// `countersign config backup`: makes one now.
    pub fn make(&self) -> ExitCode {
        ended(|| {
            let remote = Remote::logged_on(&self.server)?;
            self.made(&remote)
        })
    }

    fn made(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.post(PATH, &Value::Object(serde_json::Map::new()))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let made: Backup = read(remote, answer)?;
        let (size, name) = (Bytes(made.size), plain(&made.name));
        Ok(format!("Configuration backup {} is made: {name}, {size}.\n", made.id))
    }
}

impl Backups {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) | Self::Verify(_) | Self::Fetch(_) => None,
            Self::Delete(delete) => Some((&delete.asking, delete.named.asked.json)),
            Self::Schedule(set) => Some((&set.asking, set.asked.json)),
            Self::Passphrase(set) => Some((&set.asking, set.asked.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(asked) => &asked.server,
            Self::Show(named) | Self::Verify(named) => &named.asked.server,
            Self::Delete(delete) => &delete.named.asked.server,
            Self::Fetch(fetch) => &fetch.server,
            Self::Schedule(set) => &set.asked.server,
            Self::Passphrase(set) => &set.asked.server,
        }
    }

    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(asked) => list(remote, asked.json),
            Self::Show(named) => named.shown(remote, remote.get(&named.path())?),
            Self::Verify(named) => named.verify(remote),
            Self::Fetch(fetch) => fetch.carry_out(remote),
            Self::Delete(Delete { named, .. }) => {
                let done = format!("Configuration backup {} is deleted.", named.backup);
                said(remote, remote.delete(&named.path())?, named.asked.json, &done)
            }
            Self::Schedule(set) => set.carry_out(remote),
            Self::Passphrase(set) => set.carry_out(remote),
        }
    }
}

fn list(remote: &Remote, json: bool) -> Result<String, Failure> {
    let answer = remote.get(PATH)?;
    if json {
        return Ok(format!("{answer}\n"));
    }
    let backups: Vec<Backup> = read(remote, answer["configuration_backups"].clone())?;
    let mut text = if backups.is_empty() {
        "No configuration backups.\n".to_owned()
    } else {
        let head = ["NUMBER", "MADE", "BY", "SIZE", "PASSPHRASE", "VERIFIED", "FILE"];
        columns(head, backups.iter().map(row))
    };
    if answer["passphrase"].is_null() {
        text += "There is no passphrase, so none is made: countersign config backups passphrase\n";
    }
    if let Some(fault) = answer["last_try"]["fault"].as_str() {
        text += &format!("The last scheduled one failed: {}\n", plain(fault));
    }
    Ok(text)
}

fn row(backup: &Backup) -> [String; 7] {
    [
        backup.id.to_string(),
        date(&backup.made_at),
        backup.by(),
        Bytes(backup.size).to_string(),
        backup.passphrase.to_string(),
        backup.standing(),
        plain(&backup.name),
    ]
}

impl Backup {
    fn by(&self) -> String {
        plain(self.made_by.as_deref().unwrap_or(&self.occasion))
    }

    fn standing(&self) -> String {
        match (&self.fault, &self.verified_at) {
            (Some(fault), _) => plain(fault),
            (None, Some(at)) => date(at),
            (None, None) => "never".to_owned(),
        }
    }
}

impl Named {
    fn path(&self) -> String {
        format!("{PATH}/{}", self.backup)
    }

    fn shown(&self, remote: &Remote, answer: Value) -> Result<String, Failure> {
        if self.asked.json {
            return Ok(format!("{answer}\n"));
        }
        let backup: Backup = read(remote, answer)?;
        Ok(format!(
            "Configuration backup {}\n  file        {}\n  made        {}, {}\n  size        {}\n  SHA-256     {}\n  \
             passphrase  number {}\n  verified    {}\n",
            backup.id,
            plain(&backup.name),
            date(&backup.made_at),
            backup.by(),
            Bytes(backup.size),
            plain(&backup.sha256),
            backup.passphrase,
            backup.standing()
        ))
    }

    fn verify(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.post(
            &format!("{}/verify", self.path()),
            &Value::Object(serde_json::Map::new()),
        )?;
        if let Some(fault) = answer["fault"].as_str() {
            let (backup, fault) = (self.backup, plain(fault));
            return Err(Failure::Found(format!(
                "configuration backup {backup} cannot be restored: {fault}"
            )));
        }
        if self.asked.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(format!("Configuration backup {} is whole.\n", self.backup))
    }
}

impl Fetch {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let path = format!("{PATH}/{}", self.backup);
        let backup: Backup = read(remote, remote.get(&path)?)?;
        // A name from elsewhere must not lead out of this folder.
        let name = PathBuf::from(backup.name.replace(['/', '\\'], "_"));
        let into = self.into.clone().unwrap_or(name);
        let hash = remote.get_file(&format!("{path}/file"), &into)?;
        if hash.to_hex() != backup.sha256 {
            let into = into.display();
            return Err(Failure::Found(format!(
                "{into} is not what the server has: fetch it again"
            )));
        }
        Ok(format!(
            "Configuration backup {} is in {}.\n",
            backup.id,
            into.display()
        ))
    }
}

impl SetSchedule {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let path = format!("{PATH}/schedule");
        let answer = remote.get(&path)?;
        let before: Schedule = read(remote, answer.clone())?;
        let after = Schedule {
            at: if self.never { None } else { self.at.or(before.at) },
            keep: self.keep.unwrap_or(before.keep),
        };
        let nothing_said = self.at.is_none() && !self.never && self.keep.is_none();
        match (nothing_said, self.asked.json) {
            (true, true) => Ok(format!("{answer}\n")),
            (true, false) => Ok(format!("{}\n", sentence(after))),
            (false, json) => said(remote, remote.put(&path, &json!(after))?, json, &sentence(after)),
        }
    }
}

fn sentence(schedule: Schedule) -> String {
    match schedule.at {
        Some(at) => format!(
            "A configuration backup is made every day at {at} UTC, and the newest {} of those stay.",
            schedule.keep
        ),
        None => "No configuration backup is made by itself.".to_owned(),
    }
}

impl SetPassphrase {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let passphrase = self.passphrase.new_one()?;
        let answer = remote.put(
            &format!("{PATH}/passphrase"),
            &json!({"passphrase": passphrase.reveal()}),
        )?;
        let done = "Configuration backups are encrypted with it from now on. Keep it where this server's loss does not take it, too.";
        said(remote, answer, self.asked.json, done)
    }
}
