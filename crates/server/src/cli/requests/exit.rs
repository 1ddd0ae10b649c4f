//! How a command about requests ends.

use std::process::ExitCode;

use super::super::fail;
use super::super::remote::{Remote, RemoteError};

/// For `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the server cannot be reached, nobody is logged on, or something else went wrong
  2  the arguments are wrong, or there is no terminal to ask on
  3  refused, and nothing was changed: already decided, your own request, the code is wrong, the backup is in use,
     an older request waits, no such request …; standard error says which";

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server, or the way to it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Seen here already: the server would refuse.
    #[error("{0}")]
    Refused(String),
    /// The arguments do not suffice.
    #[error("{0}")]
    Usage(&'static str),
    /// Somebody did not want it after all.
    #[error("nothing was decided")]
    Unconfirmed,
    /// The terminal.
    #[error("the terminal cannot be read: {0}")]
    Terminal(#[from] std::io::Error),
    /// What is shown would not be what is approved.
    #[error("the manifest of request {0} does not have the digest that the server tells: do not approve it")]
    WrongDigest(countersign_core::RequestId),
}

impl Failure {
    /// The server sent something that is none of its documents.
    pub fn strange(remote: &Remote) -> Self {
        RemoteError::Strange(
            remote.url.to_string(),
            "the document is of another form; update countersign",
        )
        .into()
    }

    /// Says it on standard error; the exit code.
    pub fn said(&self) -> ExitCode {
        fail(self);
        ExitCode::from(self.code())
    }

    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::Remote(RemoteError::Refused { status, .. }) => match status {
                401 => 1,
                400..=499 | 503 => 3,
                _ => 1,
            },
            Self::Refused(_) => 3,
            Self::Usage(_) => 2,
            Self::Remote(_) | Self::Unconfirmed | Self::Terminal(_) | Self::WrongDigest(_) => 1,
        }
    }
}
