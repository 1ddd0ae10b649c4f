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
use crate::cli::terminal::plain;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Approve {
    /// The request's number, or several: each is decided by itself, all with one code
    #[arg(value_name = "ID", required = true)]
    ids: Vec<RequestId>,
    /// Approve the older requests of the same backups along with them
    #[arg(long)]
    with_older: bool,
    /// They differ in what they do, who asked, or what they are about, and you have looked at each of them
    #[arg(long)]
    unlike: bool,
    #[command(flatten)]
    pub decision: Decision,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Reject {
    /// The request's number, or several: each is decided by itself, all with one code
    #[arg(value_name = "ID", required = true)]
    ids: Vec<RequestId>,
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

/// What became of each of several.
#[derive(Deserialize)]
struct Results {
    results: Vec<OneResult>,
}

#[derive(Deserialize)]
struct OneResult {
    id: RequestId,
    outcome: String,
    requests: Vec<RequestId>,
    detail: Option<String>,
}

impl Approve {
    /// Shows it, asks, and approves exactly what was shown.
    pub fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let decision = &self.decision;
        decision.can_be_made()?;
        if let [id] = *self.ids {
            return self.one(remote, id);
        }
        let mut all = Vec::new();
        for id in &self.ids {
            let detail = waiting(remote, *id)?;
            let missing: Vec<_> = detail
                .older()
                .into_iter()
                .filter(|older| !self.ids.contains(older))
                .collect();
            if !missing.is_empty() && !self.with_older {
                return Err(Failure::Refused(format!(
                    "{} of the same backup as request {id} must be approved before: name them, too, or approve all together with --with-older",
                    listed(&missing)
                )));
            }
            all.extend(missing.into_iter().chain([*id]));
        }
        decision.several(remote, all, "approve", self.unlike)
    }

    fn one(&self, remote: &Remote, id: RequestId) -> Result<String, Failure> {
        let decision = &self.decision;
        let detail = waiting(remote, id)?;
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
        let [id] = *self.ids else {
            return decision.several(remote, self.ids.clone(), "reject", false);
        };
        show(remote, &waiting(remote, id)?)?;
        decision.confirm("reject")?;
        let body = json!({"code": decision.code()?, "comment": decision.comment});
        let answer = remote.post(&format!("{}/reject", path_of(id)), &body)?;
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

    /// Shows each of several, asks once, and decides exactly what was shown, each by itself.
    fn several(
        &self,
        remote: &Remote,
        mut ids: Vec<RequestId>,
        decision: &str,
        unlike: bool,
    ) -> Result<String, Failure> {
        ids.sort_unstable();
        ids.dedup();
        let mut decisions = Vec::new();
        for id in ids {
            let seen = show(remote, &waiting(remote, id)?)?;
            decisions
                .push(json!({"id": seen.id, "digest": seen.digest, "decision": decision, "comment": self.comment}));
        }
        self.confirm(decision)?;
        let body = json!({"decisions": decisions, "code": self.code()?, "unlike": unlike});
        let answer = remote.post("/api/v1/requests/decide", &body)?;
        let Results { results } = read(remote, answer.clone())?;
        let text = if self.json {
            format!("{answer}\n")
        } else {
            results.iter().map(OneResult::line).collect()
        };
        let not_decided = results.iter().filter(|one| one.requests.is_empty()).count();
        if not_decided == 0 {
            return Ok(text);
        }
        print!("{text}");
        Err(Failure::Refused(format!(
            "{not_decided} of {} were not decided",
            results.len()
        )))
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

impl OneResult {
    fn line(&self) -> String {
        let along: Vec<_> = self
            .requests
            .iter()
            .copied()
            .filter(|other| *other != self.id)
            .collect();
        let said = match &self.detail {
            Some(detail) => format!(": {}", plain(detail)),
            None if along.is_empty() => String::new(),
            None => format!(", with {}", listed(&along)),
        };
        format!("Request {}: {}{said}\n", self.id, plain(&self.outcome))
    }
}
