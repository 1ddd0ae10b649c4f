//! `countersign run`: ask for a command, and wait for it, over the API of a running server.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use countersign_core::command::CommandState;
use countersign_core::{CommandId, RequestId};
use serde::Deserialize;
use serde_json::json;

use super::commands::{Command, Written};
use super::fail;
use super::remote::asking::Asking;
use super::remote::failure::{Failure, read};
use super::remote::wait::{Until, outcome, wait_for};
use super::remote::{Remote, ServerFlags};
use crate::adapters::Stopwatch;

/// For `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done; without --wait also: held as a request that a second person must approve
  1  failed: the server cannot be reached, nobody is logged on …
  2  the arguments are wrong
  3  refused; standard error says which
  4  waited for: rejected
  5  waited for: expired
  6  waited for: the time ran out, and it still waits
  7  waited for: void; nothing was done
With --wait-effect and a runner:
  125  it was approved, and not run, or nobody knows what became of it
  else the command's own exit code, or 128 and the number of the signal that ended it";

/// How often is asked whether something happened.
const EVERY: Duration = Duration::from_secs(1);

/// Ask for a command: held until a second person approves it, then run by a runner, or allowed by a grant that a script shows
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Run {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// The runner that is to run it
    #[arg(long, value_name = "RUNNER", required_unless_present = "grant")]
    on: Option<String>,
    /// In place of a runner: what a script is called that may carry it out once, when it shows the grant
    #[arg(long, value_name = "AUDIENCE", conflicts_with = "on")]
    grant: Option<String>,
    /// Where it is run, an absolute path
    #[arg(long, value_name = "DIR", default_value = "/")]
    folder: String,
    /// A variable of its environment; it gets no others but a fixed PATH
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// End it after this many seconds, 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    seconds: u32,
    /// How long after it was allowed it can be begun, in minutes, 1 to 1440
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    valid_minutes: u32,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long, conflicts_with_all = ["wait", "wait_effect"])]
    json: bool,
    /// The program and its arguments, after `--`
    #[arg(value_name = "COMMAND", required = true, last = true)]
    argv: Vec<String>,
    #[command(flatten)]
    server: ServerFlags,
}

/// `NAME=VALUE`.
pub fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is given as NAME=VALUE".to_owned()),
    }
}

impl Run {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        match self.carry_out() {
            Ok(code) => ExitCode::from(code),
            Err(failure) => failure.said(),
        }
    }

    fn carry_out(&self) -> Result<u8, Failure> {
        let mut remote = Remote::logged_on(&self.server)?;
        remote.ask(&self.asking, self.json);
        let environment: BTreeMap<_, _> = self.env.iter().cloned().collect();
        let mut asking = json!({
            "operation": 10_000, "name": self.name, "argv": self.argv, "environment": environment, "folder": self.folder,
            "seconds": self.seconds, "valid_minutes": self.valid_minutes,
        });
        match (&self.on, &self.grant) {
            (Some(runner), _) => asking["runner"] = json!(runner),
            (None, audience) => asking["audience"] = json!(audience),
        }
        let answer = remote.post("/api/v1/requests", &asking)?;
        let became: Became = read(&remote, answer.clone())?;
        if self.json {
            println!("{answer}");
        } else {
            match became {
                Became::Held { request } => eprintln!(
                    "Held: a second person must approve request {request}: {}",
                    remote.url.join(&format!("/requests/{request}"))
                ),
                Became::Allowed { command } => {
                    eprintln!("Four-eyes authorization is off: command {command} is allowed at once.");
                }
            }
        }
        let Some((until, most)) = self.asking.until() else {
            return Ok(0);
        };
        let since = Stopwatch::start();
        let command = match became {
            Became::Allowed { command } => command,
            Became::Held { request } => {
                let document = wait_for(&remote, request, Until::Decided, most)?;
                let command = document["command"].clone();
                eprint!("{}", outcome(&remote, document, false)?);
                read(&remote, command)?
            }
        };
        match until {
            _ if self.grant.is_some() => grant(&remote, command),
            Until::Decided => Ok(0),
            Until::Effect => {
                let spent = Duration::from_secs_f64(since.seconds());
                ended(
                    &remote,
                    command,
                    most.map(|most| Duration::from_secs(most).saturating_sub(spent)),
                )
            }
        }
    }
}

/// Prints the grant of a command that was allowed.
fn grant(remote: &Remote, id: CommandId) -> Result<u8, Failure> {
    println!("{}", remote.get(&format!("/api/v1/commands/{id}/grant"))?);
    Ok(0)
}

/// Waits until a command that was allowed has ended, and passes on what it wrote.
fn ended(remote: &Remote, id: CommandId, most: Option<Duration>) -> Result<u8, Failure> {
    let since = Stopwatch::start();
    loop {
        let command: Command = read(remote, remote.get(&format!("/api/v1/commands/{id}"))?)?;
        if command.state.is_over() {
            Written::fetch(remote, id)?.passed_on()?;
            return Ok(command.exit_code_of_ours());
        }
        if most.is_some_and(|most| since.seconds() >= most.as_secs_f64()) {
            return Err(Failure::StillRuns(id));
        }
        std::thread::sleep(EVERY);
    }
}

/// What the server made of it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Became {
    Held { request: RequestId },
    Allowed { command: CommandId },
}

/// Prints what a command wrote where it wrote it, byte for byte.
pub fn pass_on(written: &Written) -> std::io::Result<()> {
    std::io::stdout().write_all(&written.output)?;
    std::io::stderr().write_all(&written.errors)?;
    std::io::stdout().flush()
}

impl Command {
    /// As `run --wait` ends.
    fn exit_code_of_ours(&self) -> u8 {
        match (self.state, self.exit_code, self.signal) {
            (CommandState::Ended, Some(code), _) => code,
            (CommandState::Ended, None, Some(signal)) => 128_u8.saturating_add(signal),
            _ => {
                fail(self.standing());
                125
            }
        }
    }
}
