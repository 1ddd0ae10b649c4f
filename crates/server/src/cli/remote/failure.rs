//! How a command that asks a server ends when it was not done.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use serde_json::Value;

use super::{Remote, RemoteError};
use crate::cli::exit::Exit;
use crate::cli::fail;

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
    /// A file.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// It was done, and what it found is no good.
    #[error("{0}")]
    Found(String),
    /// It was waited for, and somebody said no.
    #[error("{0}")]
    Rejected(String),
    /// It was waited for, and nobody decided in time.
    #[error("{0}")]
    Expired(String),
    /// It was waited for as long as was said.
    #[error("request {0} still waits")]
    StillWaits(countersign_core::RequestId),
    /// Its end was waited for as long as was said.
    #[error("command {0} has not ended yet: countersign commands show {0}")]
    StillRuns(countersign_core::CommandId),
    /// It was waited for, and nothing came of it.
    #[error("{0}")]
    Void(String),
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

    /// The exit code.
    pub const fn code(&self) -> u8 {
        self.exit().code()
    }

    /// How the command ends.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Remote(RemoteError::Refused { status, .. }) => match status {
                401 => Exit::Failed,
                400..=499 | 503 => Exit::Refused,
                _ => Exit::Failed,
            },
            Self::Refused(_) => Exit::Refused,
            Self::Rejected(_) => Exit::Rejected,
            Self::Expired(_) => Exit::Expired,
            Self::StillWaits(_) | Self::StillRuns(_) => Exit::StillWaits,
            Self::Void(_) => Exit::Void,
            Self::Usage(_) => Exit::Usage,
            Self::Remote(_)
            | Self::Unconfirmed
            | Self::Terminal(_)
            | Self::File(..)
            | Self::Found(_)
            | Self::WrongDigest(_) => Exit::Failed,
        }
    }
}

/// Does something and prints what it says on standard output; the exit code.
pub fn ended(done: impl FnOnce() -> Result<String, Failure>) -> ExitCode {
    let printed = done().and_then(|text| match std::io::stdout().write_all(text.as_bytes()) {
        // Nobody reads on: `requests list | head`.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.said(),
    }
}

/// What the server sent, in its types.
///
/// # Errors
/// It is of another form.
pub fn read<T: serde::de::DeserializeOwned>(remote: &Remote, answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|_| Failure::strange(remote))
}
