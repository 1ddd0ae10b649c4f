//! `countersign commands`: what became of commands that were allowed, over the API of a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::command::{CommandSpec, CommandState};
use countersign_core::{CommandId, RequestId};
use serde::Deserialize;

use super::remote::failure::{Failure, ended, read};
use super::remote::{Remote, ServerFlags};
use super::run::pass_on;
use super::terminal::{columns, date, plain};
use crate::flows::commands::facts;

/// Look at commands that were allowed, and at what they wrote.
#[derive(Debug, Subcommand)]
pub enum Commands {
    /// List commands, newest first
    List(List),
    /// Show a command: exactly what it is, and what became of it
    Show(Named),
    /// Print what a command wrote, to standard output and standard error, byte for byte
    Output(Named),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only commands older than this one: the next page
    #[arg(long, value_name = "ID")]
    before: Option<CommandId>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
pub struct Named {
    /// The command's number
    #[arg(value_name = "ID")]
    id: CommandId,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// A command as the API tells it.
#[derive(Debug, Deserialize)]
pub struct Command {
    id: CommandId,
    request: Option<RequestId>,
    /// Where it is in its life.
    pub state: CommandState,
    spec: CommandSpec,
    initiator: String,
    allowed_at: String,
    ended_at: Option<String>,
    /// How its process ended by itself.
    pub exit_code: Option<u8>,
    /// Which signal ended it.
    pub signal: Option<u8>,
    detail: Option<String>,
}

/// What a command wrote.
#[derive(Debug)]
pub struct Written {
    /// To standard output.
    pub output: Vec<u8>,
    /// To standard error.
    pub errors: Vec<u8>,
    cut: bool,
}

impl Commands {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        ended(|| self.carry_out(&Remote::logged_on(self.server())?))
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) | Self::Output(named) => &named.server,
        }
    }

    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => {
                let before = list.before.map(|id| format!("?before={id}")).unwrap_or_default();
                let answer = remote.get(&format!("/api/v1/commands{before}"))?;
                if list.json {
                    return Ok(format!("{answer}\n"));
                }
                let commands: Vec<Command> = read(remote, answer["commands"].clone())?;
                Ok(table(&commands))
            }
            Self::Show(named) => {
                let answer = remote.get(&format!("/api/v1/commands/{}", named.id))?;
                if named.json {
                    return Ok(format!("{answer}\n"));
                }
                let command: Command = read(remote, answer)?;
                Ok(command.shown())
            }
            Self::Output(named) if named.json => Ok(format!(
                "{}\n",
                remote.get(&format!("/api/v1/commands/{}/output", named.id))?
            )),
            Self::Output(named) => {
                Written::fetch(remote, named.id)?.passed_on()?;
                Ok(String::new())
            }
        }
    }
}

impl Written {
    /// Asks for it.
    pub fn fetch(remote: &Remote, id: CommandId) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            output: String,
            errors: String,
            output_cut: bool,
            errors_cut: bool,
        }
        let answer: Answer = read(remote, remote.get(&format!("/api/v1/commands/{id}/output"))?)?;
        let bytes = |text: &str| {
            let decoded = data_encoding::BASE64.decode(text.as_bytes());
            decoded.map_err(|_| Failure::strange(remote))
        };
        Ok(Self {
            output: bytes(&answer.output)?,
            errors: bytes(&answer.errors)?,
            cut: answer.output_cut || answer.errors_cut,
        })
    }

    /// Prints it.
    pub fn passed_on(&self) -> Result<(), Failure> {
        pass_on(self)?;
        if self.cut {
            eprintln!("countersign: it wrote more; what is kept ends here");
        }
        Ok(())
    }
}

impl Command {
    /// What became of it, in words.
    pub fn standing(&self) -> String {
        let how = match (self.exit_code, self.signal) {
            (Some(code), _) => format!(" with exit code {code}"),
            (None, Some(signal)) => format!(" by signal {signal}"),
            (None, None) => String::new(),
        };
        let why = self
            .detail
            .as_deref()
            .map(|why| format!(": {}", plain(why)))
            .unwrap_or_default();
        let state = match self.state {
            CommandState::Waiting => "waits to be taken",
            CommandState::Running => "is running",
            CommandState::Ended => "ended",
            CommandState::Failed => "failed",
            CommandState::Unknown => "was taken by its runner, which never said what became of it",
            CommandState::Redeemed => "was redeemed",
            CommandState::Lapsed => "was not taken in time",
        };
        format!("command {} {state}{how}{why}", self.id)
    }

    fn shown(&self) -> String {
        let mut text = format!("Command {}: {}\n", self.id, plain(&self.spec.name));
        let mut add = |name: &str, value: String| text += &format!("  {name:<13}{value}\n");
        add("state", self.standing());
        add(
            "asked",
            format!("{} by {}", date(&self.allowed_at), plain(&self.initiator)),
        );
        if let Some(request) = self.request {
            add("request", request.to_string());
        }
        for (name, value) in facts(&self.spec) {
            add(&name.to_lowercase(), plain(&value));
        }
        text
    }
}

fn table(commands: &[Command]) -> String {
    if commands.is_empty() {
        return "No commands.\n".to_owned();
    }
    let head = ["ID", "REQUEST", "STATE", "ALLOWED", "ENDED", "BY", "NAME", "COMMAND"];
    columns(
        head,
        commands.iter().map(|command| {
            [
                command.id.to_string(),
                command.request.map(|id| id.to_string()).unwrap_or_default(),
                command.state.as_str().to_owned(),
                date(&command.allowed_at),
                command.ended_at.as_deref().map(date).unwrap_or_default(),
                plain(&command.initiator),
                plain(&command.spec.name),
                command.spec.line(),
            ]
        }),
    )
}
