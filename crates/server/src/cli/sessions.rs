//! `countersign sessions`: what is logged on, over the API of a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::exit::EXIT_CODES;
use super::remote::failure::{Failure, ended, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::{columns, date, plain};

/// Look at what is logged on, and end it.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Sessions {
    /// List your sessions, or those of an account
    List(List),
    /// End a session, or all but the one of this command
    End(End),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    /// Of this account, by its number, in place of your own: for security administrators
    #[arg(long, value_name = "NUMBER")]
    account: Option<u32>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct End {
    /// Which one, as the list names it
    #[arg(value_name = "SESSION", required_unless_present = "all", conflicts_with = "all")]
    session: Option<String>,
    /// All of them; of your own, all but the one of this command
    #[arg(long)]
    all: bool,
    /// Of this account, by its number, in place of your own: for security administrators
    #[arg(long, value_name = "NUMBER")]
    account: Option<u32>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    client: String,
    address: String,
    created_at: String,
    seen_at: String,
    ends_at: String,
    current: bool,
}

impl Sessions {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        ended(|| self.carry_out(&Remote::logged_on(self.server())?))
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::End(end) => &end.server,
        }
    }

    /// What standard output gets.
    pub(super) fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::End(end) => end.carry_out(remote),
        }
    }
}

fn path(account: Option<u32>) -> String {
    match account {
        Some(account) => format!("/api/v1/accounts/{account}/sessions"),
        None => "/api/v1/sessions".to_owned(),
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(&path(self.account))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let sessions: Vec<Session> = read(remote, answer["sessions"].clone())?;
        if sessions.is_empty() {
            return Ok("No sessions.\n".to_owned());
        }
        let head = ["SESSION", "CLIENT", "ADDRESS", "SINCE", "LAST SEEN", "ENDS", ""];
        Ok(columns(
            head,
            sessions.iter().map(|session| {
                [
                    plain(&session.id),
                    plain(&session.client),
                    plain(&session.address),
                    date(&session.created_at),
                    date(&session.seen_at),
                    date(&session.ends_at),
                    if session.current { "this one" } else { "" }.to_owned(),
                ]
            }),
        ))
    }
}

impl End {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let path = match &self.session {
            Some(session) => {
                let escaped = percent_encoding::utf8_percent_encode(session, percent_encoding::NON_ALPHANUMERIC);
                format!("{}/{escaped}", path(self.account))
            }
            None => path(self.account),
        };
        let answer = remote.delete(&path)?.unwrap_or_default();
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(match answer["ended"].as_u64() {
            Some(ended) => format!("Ended: {ended}.\n"),
            None => "The session has ended.\n".to_owned(),
        })
    }
}
