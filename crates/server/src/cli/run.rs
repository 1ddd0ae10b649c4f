//! `countersign run`: ask for a command, and wait for it, over the API of a running server.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use countersign_core::command::CommandState;
use countersign_core::request::State;
use countersign_core::{CommandId, RequestId, Why};
use serde::Deserialize;
use serde_json::{Value, json};

use super::commands::{Command, Written};
use super::fail;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};

/// For `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  allowed; with --wait for a grant: it is on standard output
  1  failed: the server cannot be reached, nobody is logged on …
  2  the arguments are wrong
  3  held: a second person must approve it; or refused, standard error says which
With --wait:
  4    rejected
  5    expired
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
    /// Why: shown to whoever decides
    #[arg(long, value_name = "TEXT", visible_alias = "why")]
    reason: Option<Why>,
    /// End it after this many seconds, 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    seconds: u32,
    /// How long after it was allowed it can be begun, in minutes, 1 to 1440
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    valid_minutes: u32,
    /// Wait until it is decided and has ended
    #[arg(long)]
    wait: bool,
    /// Print the server's answer as JSON
    #[arg(long, conflicts_with = "wait")]
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
        remote.because(&self.server, self.reason.as_ref())?;
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
        match (became, self.wait) {
            (Became::Held { .. }, false) => Ok(3),
            (Became::Allowed { .. }, false) => Ok(0),
            (Became::Held { request }, true) => match decided(&remote, request)? {
                Decided::Command(command) => self.result(&remote, command),
                Decided::Not(code) => Ok(code),
            },
            (Became::Allowed { command }, true) => self.result(&remote, command),
        }
    }

    /// What became of a command that was allowed.
    fn result(&self, remote: &Remote, id: CommandId) -> Result<u8, Failure> {
        let path = format!("/api/v1/commands/{id}");
        if self.grant.is_some() {
            let grant = remote.get(&format!("{path}/grant"))?;
            println!("{grant}");
            return Ok(0);
        }
        loop {
            let command: Command = read(remote, remote.get(&path)?)?;
            if command.state.is_over() {
                Written::fetch(remote, id)?.passed_on()?;
                return Ok(command.exit_code_of_ours());
            }
            std::thread::sleep(EVERY);
        }
    }
}

/// What the server made of it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Became {
    Held { request: RequestId },
    Allowed { command: CommandId },
}

enum Decided {
    Command(CommandId),
    /// With this exit code.
    Not(u8),
}

fn decided(remote: &Remote, request: RequestId) -> Result<Decided, Failure> {
    loop {
        let shown = remote.get(&format!("/api/v1/requests/{request}"))?;
        let state: State = read(remote, shown["state"].clone())?;
        let by = shown["decided_by"].as_str().unwrap_or("nobody");
        match state {
            State::Collecting | State::Pending => std::thread::sleep(EVERY),
            State::Rejected => {
                fail(format_args!(
                    "request {request} was rejected by {}",
                    super::terminal::plain(by)
                ));
                return Ok(Decided::Not(4));
            }
            State::Expired | State::Closed => {
                fail(format_args!("request {request} has expired: nobody decided it in time"));
                return Ok(Decided::Not(5));
            }
            _ => match &shown["command"] {
                Value::Null => std::thread::sleep(EVERY),
                command => return Ok(Decided::Command(read(remote, command.clone())?)),
            },
        }
    }
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
