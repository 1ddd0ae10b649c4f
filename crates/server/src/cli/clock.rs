//! `countersign clock`: whether time passes for what waits, and the confirmation of a clock that jumped, over the API of a running
//! server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::said;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::date;

/// Look whether time passes for what waits, and confirm a clock that jumped.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Clock {
    /// Show the server's clock, and what it jumped by if it did
    Show(Show),
    /// Confirm that the clock is right now: time goes on for what waits, from where it stood
    Confirm(Confirm),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Show {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Confirm {
    /// Which jump, as `clock show` numbers it
    #[arg(value_name = "JUMP")]
    jump: u32,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Deserialize)]
struct Shown {
    now: String,
    ageing: String,
    jump: Option<Jump>,
}

#[derive(Deserialize)]
struct Jump {
    number: i64,
    before: String,
    after: String,
}

impl Clock {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::Show(_) => None,
            Self::Confirm(confirm) => Some((&confirm.asking, confirm.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::Show(show) => &show.server,
            Self::Confirm(confirm) => &confirm.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::Show(show) => show.carry_out(remote),
            Self::Confirm(confirm) => {
                let body = json!({"jump": confirm.jump});
                let answer = remote.post_any("/api/v1/clock/confirm", &body)?;
                said(
                    remote,
                    answer,
                    confirm.json,
                    "Confirmed: time goes on from where it stood.",
                )
            }
        }
    }
}

impl Show {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get("/api/v1/clock")?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let shown: Shown = read(remote, answer)?;
        Ok(match shown.jump {
            None => format!("The clock shows {}. Time passes as usual.\n", date(&shown.now)),
            Some(jump) => format!(
                "The clock shows {}. It jumped from {} to {} (jump {}).\n\
                 Time stands still at {} for what waits: no request expires, no cool-off, undo window or retention lock ends.\n\
                 See which time is right, set the clock if it is wrong, then: countersign clock confirm {}\n",
                date(&shown.now),
                date(&jump.before),
                date(&jump.after),
                jump.number,
                date(&shown.ageing),
                jump.number
            ),
        })
    }
}

#[cfg(test)]
mod tests;
