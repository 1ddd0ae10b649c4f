//! `countersign config`: is it right, what holds, and backups of it.

mod backups;
mod offline;
mod passphrase;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::settings::{SettingFlags, complain};
use crate::config::{Effective, Raw};

/// Look at the configuration, back it up, restore it.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say what is wrong in the configuration; exit code 1 if anything is
    Check(Options),
    /// Print every setting, its value and where it comes from
    Show(Options),
    /// Make a backup of a running server's configuration now
    Backup(backups::Asked),
    /// Look at backups of a running server's configuration, and set when they are made
    #[command(subcommand)]
    Backups(backups::Backups),
    /// Read a configuration backup's file to its end; exit code 1 if it cannot be restored
    Verify(offline::Verify),
    /// Restore a lost server's configuration into an empty data folder
    Restore(offline::Restore),
}

#[derive(Debug, Args)]
pub struct Options {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

impl Config {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Check(options) => options.check(),
            Self::Show(options) => options.show(),
            Self::Backup(asked) => asked.make(),
            Self::Backups(backups) => backups.run(),
            Self::Verify(verify) => verify.run(),
            Self::Restore(restore) => restore.run(),
        }
    }
}

impl Options {
    fn check(&self) -> ExitCode {
        let (right, findings) = match self.settings.load() {
            Ok(config) => (true, config.remarks),
            Err(complaints) => (false, complaints),
        };
        if self.json {
            let findings: Vec<_> = findings
                .iter()
                .map(|finding| json!({"source": finding.source.to_string(), "message": finding.message}))
                .collect();
            println!("{}", json!({"ok": right, "findings": findings}));
        } else {
            complain(&findings);
            if right {
                println!("The configuration is right.");
            }
        }
        if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn show(&self) -> ExitCode {
        let config = match self.settings.load() {
            Ok(config) => config,
            Err(complaints) => {
                complain(&complaints);
                return ExitCode::FAILURE;
            }
        };
        if self.json {
            let settings: Vec<_> = config.effective.iter().map(document).collect();
            println!("{}", serde_json::Value::from(settings));
        } else {
            print!("{}", text(&config.effective));
        }
        ExitCode::SUCCESS
    }
}

fn document(effective: &Effective) -> serde_json::Value {
    let value = effective.value.as_ref().map(|raw| match raw {
        Raw::Text(text) => json!(text),
        Raw::Number(number) => json!(number),
        Raw::Switch(switch) => json!(switch),
        Raw::List(texts) => json!(texts),
    });
    json!({"name": effective.key.name(), "value": value, "source": effective.source.to_string()})
}

/// A file that says the same, with where each value comes from beside it.
fn text(effective: &[Effective]) -> String {
    let mut text = String::new();
    let mut table = "";
    for effective in effective {
        let (in_table, name) = effective.key.path();
        if in_table != table {
            table = in_table;
            text += &format!("\n[{table}]\n");
        }
        text += &match &effective.value {
            Some(value) => format!("{name} = {value}  # {}\n", effective.source),
            None => format!("# {name} is not set\n"),
        };
    }
    text
}
