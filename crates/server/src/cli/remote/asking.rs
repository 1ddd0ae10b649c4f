//! What every command takes whose change may be held, and what it does once it was.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use countersign_core::{RequestId, Why};
use serde_json::Value;

use super::failure::{Failure, ended};
use super::wait::{Until, outcome, seconds, wait_for};
use super::{Remote, ServerFlags};

/// Of a command whose change may be held.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "If a second person must approve it")]
pub struct Asking {
    /// Say why: it is shown to whoever decides, and part of what is decided on
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<Why>,
    /// Wait until it is decided, or so long at most (90s, 15m, 8h, 2d); the exit code says how
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    pub wait: Option<Option<u64>>,
    /// Wait until it has taken effect, also after its undo window, or so long at most
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        value_parser = seconds,
        conflicts_with = "wait"
    )]
    pub wait_effect: Option<Option<u64>>,
}

impl Asking {
    /// What is waited for, and for how many seconds at most; none when nothing is.
    pub fn until(&self) -> Option<(Until, Option<u64>)> {
        let decided = self.wait.map(|most| (Until::Decided, most));
        decided.or(self.wait_effect.map(|most| (Until::Effect, most)))
    }
}

/// What a connection knows of what is asked for over it.
#[derive(Debug, Default)]
pub struct Held {
    pub(super) asking: Asking,
    /// Whether documents are printed.
    json: bool,
    request: Mutex<Option<RequestId>>,
}

impl Held {
    /// Remembers which request an answer is about, where it says that it is held.
    pub(super) fn note(&self, status: u16, answer: &Value) {
        if status == 202
            && let Some(id) = answer["request"].as_i64()
        {
            *self.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(RequestId(id));
        }
    }

    fn request(&self) -> Option<RequestId> {
        *self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs on to a server, does something that may be held, prints what it says, and waits where that was said; the exit code.
pub fn asked(
    server: &ServerFlags,
    asking: Option<(&Asking, bool)>,
    done: impl FnOnce(&Remote) -> Result<String, Failure>,
) -> ExitCode {
    ended(|| {
        let mut remote = Remote::logged_on(server)?;
        if let Some((asking, json)) = asking {
            remote.ask(asking, json);
        }
        let text = done(&remote)?;
        remote.settled(text)
    })
}

impl Remote {
    /// What is asked for from now on, and whether documents are printed.
    pub(in crate::cli) fn ask(&mut self, asking: &Asking, json: bool) {
        self.held = Held {
            asking: asking.clone(),
            json,
            request: Mutex::default(),
        };
    }

    /// What is printed in the end: the text itself, or, where something is held and to be waited for, what became of that.
    ///
    /// # Errors
    /// It was not approved, or not in time.
    pub(in crate::cli) fn settled(&self, text: String) -> Result<String, Failure> {
        let (Some((until, most)), Some(request)) = (self.held.asking.until(), self.held.request()) else {
            return Ok(text);
        };
        // Said at once: somebody has to be told which request waits.
        let mut out = std::io::stdout();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        let document = wait_for(self, request, until, most)?;
        outcome(self, document, self.held.json)
    }
}
