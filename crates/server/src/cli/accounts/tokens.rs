//! `countersign accounts tokens`: the repository tokens of an account.

use clap::{Args, Subcommand};
use countersign_core::TokenId;
use countersign_core::token::{Rights, Scope};
use serde::Deserialize;
use serde_json::json;

use super::{EXIT_CODES, known, path_of};
use crate::cli::remote::failure::{Failure, read};
use crate::cli::remote::{Remote, ServerFlags};
use crate::cli::terminal::{columns, date, plain};

/// The repository tokens of an account.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Tokens {
    /// List them, newest first
    List(ListTokens),
    /// Make one for a service account and print it, this once
    Make(MakeToken),
    /// Revoke one: clients that show it are turned away
    Revoke(RevokeToken),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ListTokens {
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
pub struct MakeToken {
    /// The account's name or number
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// So that people know it again: the machine, the job
    #[arg(value_name = "LABEL")]
    label: String,
    /// What it may do: read, append or delete
    #[arg(long)]
    rights: Rights,
    /// Which backups: main/laptop, main/* for a whole storage, * for all; several with commas
    #[arg(long, value_name = "LIST")]
    backups: Scope,
    /// From when on it does not hold any more: 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct RevokeToken {
    /// The account's name or number
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// The token's number
    #[arg(value_name = "TOKEN")]
    token: TokenId,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Deserialize)]
struct Token {
    id: TokenId,
    label: String,
    rights: String,
    backups: String,
    used_at: Option<String>,
    revoked_at: Option<String>,
    expires_at: Option<String>,
}

impl Tokens {
    /// How the server is reached.
    pub const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Make(make) => &make.server,
            Self::Revoke(revoke) => &revoke.server,
        }
    }

    /// What standard output gets.
    pub fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Make(make) => make.carry_out(remote),
            Self::Revoke(revoke) => revoke.carry_out(remote),
        }
    }
}

impl ListTokens {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let answer = remote.get(&format!("{}/tokens", path_of(account.id)))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let tokens: Vec<Token> = read(remote, answer["tokens"].clone())?;
        if tokens.is_empty() {
            return Ok("No tokens.\n".to_owned());
        }
        let head = ["ID", "LABEL", "RIGHTS", "BACKUPS", "LAST USE", "EXPIRES", "REVOKED"];
        let or = |at: &Option<String>, none: &str| at.as_deref().map_or_else(|| none.to_owned(), date);
        Ok(columns(
            head,
            tokens.iter().map(|token| {
                [
                    token.id.to_string(),
                    plain(&token.label),
                    plain(&token.rights),
                    plain(&token.backups),
                    or(&token.used_at, "never"),
                    or(&token.expires_at, "never"),
                    or(&token.revoked_at, ""),
                ]
            }),
        ))
    }
}

impl MakeToken {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let wanted = json!({
            "label": self.label,
            "rights": self.rights,
            "backups": self.backups.to_string(),
            "expires_at": self.expires,
        });
        let answer = remote.post(&format!("{}/tokens", path_of(account.id)), &wanted)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let token = answer["token"].as_str().ok_or_else(|| Failure::strange(remote))?;
        Ok(format!("{}\n", plain(token)))
    }
}

impl RevokeToken {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let account = known(remote, &self.account)?;
        let answer = remote.delete(&format!("{}/tokens/{}", path_of(account.id), self.token))?;
        super::said(remote, answer, self.json, &format!("Token {} is revoked.", self.token))
    }
}
