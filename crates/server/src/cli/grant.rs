//! `countersign grant`: what a script asks before it does what was approved.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::grant::CommandGrant;
use countersign_core::{Clock as _, CommandId};
use serde::Deserialize;
use serde_json::json;

use super::remote::failure::{Failure, ended};
use super::remote::{Remote, ServerFlags, keys};
use super::run::variable;
use crate::adapters::SystemClock;

/// For `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  exactly this was approved, and may be done now, this once
  1  failed: the server cannot be reached, the file cannot be read … Do not do it
  2  the arguments are wrong
  3  refused: this is not what was approved, or the grant is over, or was redeemed before. Do not do it";

/// Check and redeem grants.
#[derive(Debug, Subcommand)]
pub enum Grant {
    /// Redeem a grant for exactly this command; once
    Check(Check),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Check {
    /// What this script is called: the audience of the grant
    #[arg(long, value_name = "AUDIENCE")]
    audience: String,
    /// The grant, as `countersign run --grant … --wait` printed it
    #[arg(long, value_name = "FILE")]
    grant_file: PathBuf,
    /// Where it will be run, an absolute path
    #[arg(long, value_name = "DIR", default_value = "/")]
    folder: String,
    /// A variable of its environment that counts
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// The program and its arguments, after `--`
    #[arg(value_name = "COMMAND", required = true, last = true)]
    argv: Vec<String>,
    #[command(flatten)]
    server: ServerFlags,
}

/// A command as the server hands it out.
#[derive(Debug, Deserialize)]
pub struct Handed {
    /// Which one.
    pub id: CommandId,
    /// The server's signed word that it was allowed.
    pub grant: String,
    /// The command's bytes.
    pub command: String,
    /// The manifest's bytes.
    pub manifest: Option<String>,
}

impl Grant {
    /// Checks, and redeems at the server.
    pub fn run(self) -> ExitCode {
        let Self::Check(check) = self;
        ended(|| check.carry_out())
    }
}

impl Check {
    fn carry_out(&self) -> Result<String, Failure> {
        let path = self.grant_file.display().to_string();
        let text = std::fs::read_to_string(&self.grant_file).map_err(|error| Failure::File(path.clone(), error))?;
        let handed: Handed = serde_json::from_str(&text)
            .map_err(|_| Failure::Found(format!("{path} holds no grant as `countersign run --grant` prints it")))?;
        let remote = Remote::anonymous(&self.server)?;
        let refused = |why: &dyn std::fmt::Display| Failure::Refused(why.to_string());
        let issuer = remote.url.to_string();
        let now = SystemClock.now();
        let grant = CommandGrant::read(&handed.grant, &keys(&remote)?, &issuer, &self.audience, now)
            .map_err(|bad| refused(&bad))?;
        let spec = grant
            .opens(&handed.command, handed.manifest.as_deref())
            .map_err(|bad| refused(&bad))?;
        let environment = self.env.iter().cloned().collect();
        if !spec.is_exactly(&self.argv, &environment, &self.folder) {
            return Err(refused(&format_args!(
                "this is not what was approved, which is: {} (in {})",
                spec.line(),
                countersign_core::command::quoted(&spec.folder)
            )));
        }
        // Only the server knows whether it was redeemed before.
        let redemption = json!({
            "grant": handed.grant, "audience": self.audience, "argv": self.argv, "environment": environment, "folder": self.folder,
        });
        remote.post("/api/v1/grants/redeem", &redemption)?;
        Ok(String::new())
    }
}
