//! Reading what a client's repository says of a snapshot, with the repository's password, which an approver was given for this alone
//! (docs/adr/0079). Pure: bytes in, words out; the server does it for a browser, the command line for a terminal.
//!
//! What is read comes from clients, so nothing of it is believed: every size, every cost and every length has a bound.

mod cipher;
mod key_file;
mod snapshot;

pub use cipher::MasterKey;
pub use key_file::{KEYS, KeyFile, Unopened};
pub use snapshot::{Snapshot, Unread};

/// The largest file that is read, in bytes: a key is some hundred, a snapshot of many paths some thousand.
pub const LARGEST_FILE: u64 = 256 * 1024;

#[cfg(test)]
pub(crate) mod tests;
