//! `countersign runner`: runs commands that a second person approved, on the host that has the right to.

mod execute;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use countersign_core::Clock as _;
use countersign_core::command::{AllowList, CommandSpec};
use countersign_core::grant::{BadGrant, CommandGrant};
use countersign_core::logon::{BadToken, PublicKey};
use serde_json::{Value, json};

use super::grant::Handed;
use super::remote::failure::Failure;
use super::remote::{Remote, RemoteError, ServerFlags, keys};
use super::serve::log_to_standard_error;
use crate::adapters::SystemClock;
use execute::{Carried, carry_out};

/// How long one question waits for a command, in seconds.
const WAIT_SECONDS: u64 = 45;

/// After how long is tried again what did not work.
const AGAIN: Duration = Duration::from_secs(5);

/// How often a report is tried: for longer than the server waits for it.
const REPORT_TRIES: u32 = 60;

/// Run commands that a second person approved, those that are addressed to this runner's account alone
#[derive(Debug, Args)]
pub struct Runner {
    /// The file with the runner's token, for its user alone
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The commands that this host agrees to: each line a JSON list of the words that a command begins with. Without it, all
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
    /// End after one command, or when there is none
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl Runner {
    /// Runs until it is ended, or its token holds no more.
    pub fn run(self) -> ExitCode {
        log_to_standard_error("info");
        match self.carry_out() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.said(),
        }
    }

    fn carry_out(&self) -> Result<(), Failure> {
        let file = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|error| Failure::File(path.display().to_string(), error))
        };
        let token = file(&self.token_file)?.trim().to_owned();
        let (account, _) = token
            .split_once('.')
            .ok_or_else(|| Failure::Found(format!("{} holds no runner's token", self.token_file.display())))?;
        let allow = match &self.allow {
            Some(path) => {
                let list = AllowList::parse(&file(path)?);
                Some(list.map_err(|bad| Failure::Found(format!("{}: {bad}", path.display())))?)
            }
            None => None,
        };
        let mut remote = Remote::anonymous(&self.server)?;
        remote.token = Some(token.clone().into());
        let mut worker = Worker {
            keys: keys(&remote)?,
            account: account.to_owned(),
            allow,
            remote,
        };
        tracing::info!(server = %worker.remote.url, account = worker.account, "waits for commands");
        loop {
            match worker.next(if self.once { 0 } else { WAIT_SECONDS }) {
                Ok(Some(handed)) => worker.work(&handed)?,
                Ok(None) => {}
                Err(Failure::Remote(RemoteError::Refused { status: 401, detail })) => {
                    return Err(Failure::Found(detail));
                }
                Err(failure) if self.once => return Err(failure),
                Err(failure) => {
                    tracing::warn!("no commands can be had: {failure}");
                    std::thread::sleep(AGAIN);
                }
            }
            if self.once {
                return Ok(());
            }
        }
    }
}

struct Worker {
    remote: Remote,
    account: String,
    keys: Vec<PublicKey>,
    allow: Option<AllowList>,
}

impl Worker {
    fn next(&self, wait: u64) -> Result<Option<Handed>, Failure> {
        match self.remote.post_any("/api/v1/runner/take", &json!({ "wait": wait }))? {
            None => Ok(None),
            Some(handed) => super::remote::failure::read(&self.remote, handed).map(Some),
        }
    }

    /// Checks a command, runs it, and says what became of it. It was taken, so it is never run again, whatever happens here.
    fn work(&mut self, handed: &Handed) -> Result<(), Failure> {
        let carried = match self.checked(handed) {
            Ok(spec) => {
                tracing::info!(command = %handed.id, "runs {}", spec.line());
                carry_out(&spec)
            }
            Err(why) => {
                tracing::error!(command = %handed.id, "not run: {why}");
                Carried::not_run(why)
            }
        };
        self.report(handed, &carried.document())
    }

    /// What the server's word is for, when it holds and this host agrees.
    fn checked(&mut self, handed: &Handed) -> Result<CommandSpec, String> {
        let issuer = self.remote.url.to_string();
        let now = SystemClock.now();
        let mut read = CommandGrant::read(&handed.grant, &self.keys, &issuer, &self.account, now);
        if read == Err(BadGrant::Token(BadToken::Signature)) {
            // The server may have made a key since.
            self.keys = keys(&self.remote).map_err(|failure| failure.to_string())?;
            read = CommandGrant::read(&handed.grant, &self.keys, &issuer, &self.account, now);
        }
        let grant = read.map_err(|bad| bad.to_string())?;
        if grant.command() != Some(handed.id) {
            return Err(BadGrant::Command.to_string());
        }
        let spec = grant
            .opens(&handed.command, handed.manifest.as_deref())
            .and_then(|spec| spec.checked().map_err(|_| BadGrant::Command))
            .map_err(|bad| bad.to_string())?;
        match &self.allow {
            Some(list) if !list.allows(&spec.argv) => {
                Err("the runner's own host does not agree to this command: it is not on its list".to_owned())
            }
            _ => Ok(spec),
        }
    }

    fn report(&self, handed: &Handed, report: &Value) -> Result<(), Failure> {
        let path = format!("/api/v1/runner/commands/{}/report", handed.id);
        for _ in 0..REPORT_TRIES {
            match self.remote.post_any(&path, report) {
                Ok(_) => return Ok(()),
                // An answer that was lost: it is reported already.
                Err(RemoteError::Refused { status: 409, .. }) => return Ok(()),
                Err(error @ RemoteError::Refused { status: 400..=499, .. }) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(command = %handed.id, "its end cannot be reported yet: {error}");
                    std::thread::sleep(AGAIN);
                }
            }
        }
        tracing::error!(command = %handed.id, "its end could not be reported");
        Ok(())
    }
}
