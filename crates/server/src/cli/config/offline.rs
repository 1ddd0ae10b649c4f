//! `countersign config verify` and `config restore`: a configuration backup's file, with no server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use countersign_events::User;
use serde_json::json;

use super::passphrase::PassphraseFlags;
use crate::adapters::SystemClock;
use crate::cli::remote::failure::{Failure, ended};
use crate::configuration_backup::contents::Begin;
use crate::configuration_backup::restore::{Restored, Wanted, restore};
use crate::configuration_backup::verify::verify;
use crate::pages::{Count, Moment};

/// For `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  not done: standard error says why, and nothing was changed
  2  the arguments are wrong
  3  the passphrase is too short to be one";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Verify {
    /// The configuration backup's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseFlags,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Restore {
    /// The configuration backup's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The new data folder: empty, or with nothing but the lost server's folder "storages" in it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Go on although the folder of a storage is not there: its backups are empty then
    #[arg(long)]
    without_storages: bool,
    #[command(flatten)]
    passphrase: PassphraseFlags,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Reads the file to its end.
    pub fn run(&self) -> ExitCode {
        ended(|| {
            let passphrase = self.passphrase.known()?;
            let name = self.file.display();
            let verified = verify(&self.file, &passphrase)
                .map_err(|unread| Failure::Found(format!("{name} cannot be restored: {unread}")))?;
            if self.json {
                return Ok(format!(
                    "{}\n",
                    json!({"backup": document(&verified.begin), "rows": verified.rows})
                ));
            }
            Ok(format!(
                "{name} is whole: {}, {}.\n",
                of(&verified.begin),
                Count(verified.rows).of("row")
            ))
        })
    }
}

impl Restore {
    /// Restores.
    pub fn run(&self) -> ExitCode {
        ended(|| {
            let passphrase = self.passphrase.known()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let wanted = Wanted {
                file: &self.file,
                passphrase: &passphrase,
                data: &self.data,
                without_storages: self.without_storages,
                by: &whoever_runs_this(),
            };
            let restored = runtime
                .block_on(restore(&wanted, &SystemClock))
                .map_err(|error| Failure::Found(error.to_string()))?;
            Ok(if self.json {
                self::json(&restored)
            } else {
                self.told(&restored)
            })
        })
    }

    fn told(&self, restored: &Restored) -> String {
        let storages = &restored.storages;
        let mut text = format!("Restored into {}: {}.\n", self.data.display(), of(&restored.begin));
        text += &format!("  {} lie where they were listed\n", Count(storages.there).of("object"));
        if storages.found > 0 {
            let found = Count(storages.found).of("object");
            text += &format!("  {found} came after the backup was made: they are listed again\n");
        }
        for backup in &storages.backups {
            text += &format!("  a backup that was made after it is now called {backup}\n");
        }
        if storages.missing > 0 {
            let missing = Count(storages.missing).of("object");
            text += &format!("  {missing} are not there any more: they are not listed now\n");
        }
        if !restored.ended.is_empty() {
            let ended = Count(restored.ended.len() as u64).of("request");
            text += &format!("  {ended} waited for a decision: expired, and what was held is visible again\n");
        }
        text += &format!(
            "Everybody logs on again. What was taken away after the backup was made holds again: accounts, tokens, settings. \
             Look through the events since.\nStart it: countersign serve --data {}\n",
            self.data.display()
        );
        text
    }
}

fn of(begin: &Begin) -> String {
    let made = Moment::new(begin.made_at, begin.made_at).date();
    format!("{} as it was on {made}, by version {}", begin.server, begin.program)
}

fn document(begin: &Begin) -> serde_json::Value {
    json!({"server": begin.server, "made_at": begin.made_at.rfc3339(0), "program": begin.program})
}

fn json(restored: &Restored) -> String {
    let storages = &restored.storages;
    let told = json!({
        "backup": document(&restored.begin),
        "objects": {"there": storages.there, "found": storages.found, "missing": storages.missing},
        "found_backups": storages.backups,
        "expired_requests": restored.ended,
    });
    format!("{told}\n")
}

/// Whoever has the machine: no account of the server is asked.
fn whoever_runs_this() -> User {
    let named = ["LOGNAME", "USER"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    let name = named.into_iter().find(|name| !name.is_empty());
    let id = rustix::process::getuid();
    User::local(name.unwrap_or_else(|| format!("uid {}", id.as_raw())))
}
