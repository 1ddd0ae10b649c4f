//! Bounds on what clients may take of the server.

use std::time::Duration;

/// Bounds on what clients may take of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait in the system's backlog.
    pub connections: usize,
    /// How long a client may take to send a request's head, and how long an idle connection is kept.
    pub header: Duration,
    /// The largest head of an HTTP/2 request, in bytes.
    pub header_bytes: usize,
    /// How long running requests may take to finish when the server stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header: Duration::from_secs(60),
            header_bytes: 64 * 1024,
            stop: Duration::from_secs(30),
        }
    }
}
