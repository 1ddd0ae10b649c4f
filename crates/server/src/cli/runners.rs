//! `countersign runners`: which service accounts get commands, and their tokens, over the API of a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::accounts;
use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::said;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::{columns, date, plain};

/// Look at runners, add and remove them, and make their tokens.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Runners {
    /// List runners, with when each last asked for a command
    List(List),
    /// Let a service account be a runner
    Add(Add),
    /// Make the token of a runner that has none, and print it, this once
    Token(Named),
    /// Let an account be no runner any more; what waits for it is not run
    Remove(Named),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Named {
    /// The account's name or number
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Add {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Deserialize)]
struct Runner {
    name: String,
    active: bool,
    added_at: String,
    token_at: Option<String>,
    seen_at: Option<String>,
    seen_from: Option<String>,
}

impl Runners {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        let (server, asking) = match &self {
            Self::List(list) => (&list.server, None),
            Self::Add(add) => (&add.named.server, Some((&add.asking, add.named.json))),
            Self::Token(named) | Self::Remove(named) => (&named.server, None),
        };
        asked(server, asking, |remote| self.carry_out(remote))
    }

    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => {
                let answer = remote.get("/api/v1/runners")?;
                if list.json {
                    return Ok(format!("{answer}\n"));
                }
                let runners: Vec<Runner> = read(remote, answer["runners"].clone())?;
                Ok(table(&runners))
            }
            Self::Add(Add { named, .. }) => {
                let account = accounts::known(remote, &named.account)?;
                let answer = remote.post_any("/api/v1/runners", &json!({"account": account.id}))?;
                let done = format!(
                    "{0} is a runner. Make its token: countersign runners token {0}",
                    account.name
                );
                said(remote, answer, named.json, &done)
            }
            Self::Token(named) => {
                let account = accounts::known(remote, &named.account)?;
                let answer = remote.post(&format!("/api/v1/runners/{}/token", account.id), &json!({}))?;
                if named.json {
                    return Ok(format!("{answer}\n"));
                }
                let token = answer["token"].as_str().ok_or_else(|| Failure::strange(remote))?;
                Ok(format!("{}\n", plain(token)))
            }
            Self::Remove(named) => {
                let account = accounts::known(remote, &named.account)?;
                let answer = remote.delete(&format!("/api/v1/runners/{}", account.id))?;
                let done = format!("{} is no runner any more.", account.name);
                said(remote, answer, named.json, &done)
            }
        }
    }
}

fn table(runners: &[Runner]) -> String {
    if runners.is_empty() {
        return "No runners.\n".to_owned();
    }
    let when = |at: &Option<String>| at.as_deref().map_or_else(|| "never".to_owned(), date);
    columns(
        ["RUNNER", "ACTIVE", "ADDED", "TOKEN MADE", "LAST SEEN", "FROM"],
        runners.iter().map(|runner| {
            [
                plain(&runner.name),
                if runner.active { "yes" } else { "no" }.to_owned(),
                date(&runner.added_at),
                when(&runner.token_at),
                when(&runner.seen_at),
                runner.seen_from.as_deref().map(plain).unwrap_or_default(),
            ]
        }),
    )
}
