//! `requests wait`: until a request is decided, for scripts that go on only then.

use clap::Args;
use countersign_core::RequestId;

use super::EXIT_CODES;
use crate::cli::remote::failure::Failure;
use crate::cli::remote::wait::{Until, outcome, seconds, wait_for};
use crate::cli::remote::{Remote, ServerFlags};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Wait {
    /// The request's number
    #[arg(value_name = "ID")]
    id: RequestId,
    /// For how long at most, like 90s, 15m, 8h or 2d [default: as long as it takes]
    #[arg(long = "for", value_name = "DURATION", value_parser = seconds)]
    most: Option<u64>,
    /// Wait until it has taken effect, also after its undo window
    #[arg(long)]
    effect: bool,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub server: ServerFlags,
}

impl Wait {
    /// Asks until it is so far, or the time is over.
    pub fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let until = if self.effect { Until::Effect } else { Until::Decided };
        let document = wait_for(remote, self.id, until, self.most)?;
        outcome(remote, document, self.json)
    }
}
