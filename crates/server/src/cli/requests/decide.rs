//! `requests approve`, `requests reject` and `requests veto`: what was shown is what is decided, with a fresh one-time code.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use countersign_core::request::State;
use countersign_core::{RequestId, Sha256};
use serde::Deserialize;
use serde_json::json;

use super::document::{Detail, Sealed, listed};
use super::{EXIT_CODES, path_of};
use crate::cli::remote::failure::{Failure, read};
use crate::cli::remote::{Remote, ServerFlags};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Approve {
    /// The request's number
    #[arg(value_name = "ID")]
    id: RequestId,
    /// Approve the older requests of the same backup along with it
    #[arg(long)]
    with_older: bool,
    #[command(flatten)]
    pub decision: Decision,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Reject {
    /// The request's number
    #[arg(value_name = "ID")]
    id: RequestId,
    #[command(flatten)]
    pub decision: Decision,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Veto {
    /// The request's number
    #[arg(value_name = "ID")]
    id: RequestId,
    #[command(flatten)]
    pub decision: Decision,
}

#[derive(Debug, Args)]
pub struct Decision {
    /// Say why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    comment: String,
    /// A fresh one-time code [default: asked for on the terminal]
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Do not ask to type the word
    #[arg(long)]
    yes: bool,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub server: ServerFlags,
}

/// What was shown, and will be approved.
pub(super) struct Seen {
    id: RequestId,
    digest: Sha256,
}

#[derive(Deserialize)]
struct Decided {
    requests: Vec<RequestId>,
}

impl Approve {
    /// Shows it, asks, and approves exactly what was shown.
    pub fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let decision = &self.decision;
        decision.can_be_made()?;
        let detail = waiting(remote, self.id)?;
        let older = detail.older();
        if !older.is_empty() && !self.with_older {
            return Err(Failure::Refused(format!(
                "{} of the same backup must be approved before: look at them, or approve all together with --with-older",
                listed(&older)
            )));
        }
        let mut older_seen = Vec::new();
        for id in older {
            older_seen.push(show(remote, &waiting(remote, id)?)?);
        }
        let seen = show(remote, &detail)?;
        decision.confirm("approve")?;
        let older: Vec<_> = older_seen
            .iter()
            .map(|seen| json!({"id": seen.id, "digest": seen.digest}))
            .collect();
        let body = json!({
            "digest": seen.digest,
            "code": decision.code()?,
            "comment": decision.comment,
            "older": older,
        });
        let answer = remote.post(&format!("{}/approve", path_of(seen.id)), &body)?;
        decision.done(remote, answer, "Approved")
    }
}

impl Reject {
    /// Shows it, asks, and rejects it.
    pub fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let decision = &self.decision;
        decision.can_be_made()?;
        show(remote, &waiting(remote, self.id)?)?;
        decision.confirm("reject")?;
        let body = json!({"code": decision.code()?, "comment": decision.comment});
        let answer = remote.post(&format!("{}/reject", path_of(self.id)), &body)?;
        decision.done(remote, answer, "Rejected")
    }
}

impl Veto {
    /// Shows it, asks, and vetoes it.
    pub fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let decision = &self.decision;
        decision.can_be_made()?;
        let detail: Detail = read(remote, remote.get(&path_of(self.id))?)?;
        if !detail.request.can_be_vetoed() {
            let standing = detail.request.standing();
            return Err(Failure::Refused(format!(
                "request {} cannot be vetoed: it is {standing}",
                self.id
            )));
        }
        show(remote, &detail)?;
        decision.confirm("veto")?;
        let body = json!({"code": decision.code()?, "comment": decision.comment});
        let answer = remote.post(&format!("{}/veto", path_of(self.id)), &body)?;
        decision.done(remote, answer, "Vetoed")
    }
}

/// A request that waits for a decision.
fn waiting(remote: &Remote, id: RequestId) -> Result<Detail, Failure> {
    let detail: Detail = read(remote, remote.get(&path_of(id))?)?;
    match detail.request.state {
        State::Pending => Ok(detail),
        State::Collecting => Err(Failure::Refused(format!(
            "request {id} is still collecting deletes: it can be decided when the client has finished"
        ))),
        State::Approved | State::Rejected | State::Expired | State::Closed => Err(Failure::Refused(format!(
            "request {id} is already {}",
            detail.request.standing()
        ))),
    }
}

/// Shows it on standard error. The digest is computed here, over the bytes whose content is shown.
pub(super) fn show(remote: &Remote, detail: &Detail) -> Result<Seen, Failure> {
    let id = detail.request.id;
    let sealed = Sealed::fetch(remote, id)?;
    if detail.request.digest != Some(sealed.digest) {
        return Err(Failure::WrongDigest(id));
    }
    eprintln!("{}", detail.shown(Some(&sealed)));
    Ok(Seen {
        id,
        digest: sealed.digest,
    })
}

impl Decision {
    /// Said before anything is asked of the server.
    fn can_be_made(&self) -> Result<(), Failure> {
        if std::io::stdin().is_terminal() {
            return Ok(());
        }
        if !self.yes {
            return Err(Failure::Usage("there is no terminal to ask on: give --yes"));
        }
        if self.code.is_none() {
            return Err(Failure::Usage(
                "there is no terminal to ask for the one-time code: give --code",
            ));
        }
        Ok(())
    }

    fn confirm(&self, word: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        eprint!("Type {word} to {word} this: ");
        std::io::stderr().flush()?;
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed)?;
        if typed.trim() == word {
            Ok(())
        } else {
            Err(Failure::Unconfirmed)
        }
    }

    fn code(&self) -> Result<String, Failure> {
        match &self.code {
            Some(code) => Ok(code.clone()),
            None => Ok(rpassword::prompt_password("One-time code: ")?),
        }
    }

    fn done(&self, remote: &Remote, answer: serde_json::Value, word: &str) -> Result<String, Failure> {
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let decided: Decided = read(remote, answer)?;
        Ok(format!("{word} {}.\n", listed(&decided.requests)))
    }
}
