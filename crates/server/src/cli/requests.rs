//! `countersign requests`: look at requests and decide them, over the API of a running server.

mod decide;
mod document;
mod inside;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::RequestId;
use countersign_core::request::State;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::exit::EXIT_CODES;
use super::remote::failure::{Failure, ended, read};
use super::remote::{Remote, ServerFlags};
use crate::session::QUERY_VALUE;
use decide::{Approve, Reject, Veto};
pub(super) use document::Request;
use document::{Detail, Sealed, table};
use wait::Wait;

/// Look at requests and decide them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Requests {
    /// List requests, newest first
    List(List),
    /// Show a request: what would be lost, what a decision takes along, the digest
    Show(Show),
    /// Approve a request that somebody else asked for
    Approve(Approve),
    /// Reject a request, and with it every later one of the same backup
    Reject(Reject),
    /// Veto an approval that has not taken effect yet, and with it every later request of the same backup
    Veto(Veto),
    /// Wait until a request is decided; the exit code says how
    Wait(Wait),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    /// Only these states, separated by commas: collecting, pending, approved, rejected, expired, closed
    #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = state)]
    state: Vec<State>,
    /// Only what was approved and can still be vetoed, the next to take effect first: waiting
    #[arg(long, value_name = "EFFECT", value_parser = ["waiting"], conflicts_with_all = ["state", "account", "before"])]
    effect: Option<String>,
    /// Only what this account asked for or decided
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Only requests older than this one: the next page
    #[arg(long, value_name = "ID")]
    before: Option<RequestId>,
    /// How many at most, 1 to 500
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Show {
    /// The request's number
    #[arg(value_name = "ID")]
    id: RequestId,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    /// Print the manifest, exactly the bytes whose SHA-256 is the digest
    #[arg(long, conflicts_with = "json")]
    manifest: bool,
    /// Open its snapshots with the repository's password, the first line of this file, and show host, user, paths, tags and sizes.
    /// The password stays on this machine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "manifest"])]
    repository_password_file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerFlags,
}

impl Requests {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        ended(|| self.carry_out(&Remote::logged_on(self.server())?))
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(show) => &show.server,
            Self::Approve(approve) => &approve.decision.server,
            Self::Reject(reject) => &reject.decision.server,
            Self::Veto(veto) => &veto.decision.server,
            Self::Wait(wait) => &wait.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(show) => show.carry_out(remote),
            Self::Approve(approve) => approve.carry_out(remote),
            Self::Reject(reject) => reject.carry_out(remote),
            Self::Veto(veto) => veto.carry_out(remote),
            Self::Wait(wait) => wait.carry_out(remote),
        }
    }
}

/// A page of the list.
#[derive(Deserialize)]
struct Page {
    requests: Vec<Request>,
    next: Option<RequestId>,
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(&self.path())?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let page: Page = read(remote, answer)?;
        if let Some(next) = page.next {
            eprintln!("There are older ones: --before {next}");
        }
        Ok(table(&page.requests))
    }

    fn path(&self) -> String {
        let mut path = format!("/api/v1/requests?limit={}", self.limit);
        if let Some(effect) = &self.effect {
            path += &format!("&effect={effect}");
        }
        if !self.state.is_empty() {
            let states: Vec<_> = self.state.iter().map(|state| state.as_str()).collect();
            path += &format!("&state={}", states.join(","));
        }
        if let Some(account) = &self.account {
            path += &format!("&account={}", utf8_percent_encode(account, QUERY_VALUE));
        }
        if let Some(before) = self.before {
            path += &format!("&before={before}");
        }
        path
    }
}

impl Show {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        if self.manifest {
            return Ok(Sealed::fetch(remote, self.id)?.text);
        }
        let answer = remote.get(&path_of(self.id))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let detail: Detail = read(remote, answer)?;
        let sealed = match detail.request.state {
            State::Pending => Some(Sealed::fetch(remote, self.id)?),
            _ => None,
        };
        let mut shown = detail.shown(sealed.as_ref());
        if let Some(file) = &self.repository_password_file {
            shown += &inside::of(remote, self.id, file)?;
        }
        Ok(shown)
    }
}

fn path_of(id: RequestId) -> String {
    format!("/api/v1/requests/{id}")
}

fn state(text: &str) -> Result<State, String> {
    let known = State::ALL.into_iter().find(|state| state.as_str() == text);
    known.ok_or_else(|| "a state is collecting, pending, approved, rejected, expired or closed".to_owned())
}

#[cfg(test)]
mod tests;
