//! Why nothing can be delivered now.

use std::io;

use countersign_store::StoreError;

/// Why nothing can be delivered now. The text is for people.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the name in {0} does not resolve: check the name and the DNS settings of this machine")]
    Name(String),
    #[error("no connection to {0}: {1}")]
    Connect(String, io::ErrorKind),
    #[error("no secure connection to {0}: {1}")]
    Tls(String, String),
    #[error("{0} has closed the connection")]
    Closed(String),
    #[error("{0} and we do not understand each other in RELP: {1}")]
    Relp(String, String),
    #[error("{0} has refused a message, which stays first in line: {1}")]
    Refused(String, String),
    #[error("{0} has acknowledged nothing for {1} seconds")]
    Unanswered(String, u64),
    #[error("{0} has taken nothing for {1} seconds")]
    Stalled(String, u64),
    #[error("the connection to {0} broke: {1}")]
    Broken(String, io::ErrorKind),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Farewell {
    /// The receiver has everything, and has said so.
    Taken,
    /// It said nothing in time.
    Unknown,
    /// It broke.
    Broken(Trouble),
}
