//! How long and how much: every bound of delivery in one place.

use std::time::Duration;

/// The bounds of delivery. Tests run with smaller ones.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// How many events are read at once.
    pub(super) batch: u32,
    /// How long a receiver may take nothing before the connection counts as broken.
    pub(super) stall: Duration,
    /// How long what was sent over TCP may still be lost with the connection. Longer than `stall`, so that a receiver
    /// that vanished without a word is noticed first.
    pub(super) hold: Duration,
    /// The same for UDP: how long the network may take to answer that nobody listens.
    pub(super) hold_datagrams: Duration,
    /// How many octets may still be lost with the connection: more than both systems' socket buffers hold.
    pub(super) hold_octets: u64,
    /// How many messages may be on their way unacknowledged, where there are acknowledgements.
    pub(super) relp_window: usize,
    /// The shortest and the longest wait before the next try.
    pub(super) backoff: (Duration, Duration),
    /// How often the tables are looked at without a hint.
    pub(super) poll: Duration,
    /// How often the cursor is written while much is sent.
    pub(super) remember: Duration,
    /// How long a stopping server goes on sending.
    pub(super) flush: Duration,
    /// How long a receiver may take to answer the end of a connection.
    pub(super) farewell: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch: 500,
            stall: Duration::from_secs(20),
            hold: Duration::from_secs(30),
            hold_datagrams: Duration::from_secs(1),
            hold_octets: 16 << 20,
            relp_window: 10_000,
            backoff: (Duration::from_secs(1), Duration::from_secs(30)),
            poll: Duration::from_secs(2),
            remember: Duration::from_millis(250),
            flush: Duration::from_secs(5),
            farewell: Duration::from_secs(2),
        }
    }
}
