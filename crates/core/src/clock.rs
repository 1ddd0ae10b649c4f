//! Time and randomness, handed in, so that expiry and lockout are tested without sleeping.

use std::sync::atomic::{AtomicI64, Ordering};

use countersign_events::Timestamp;

/// Tells the time. The real one is in the server's `adapters`.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A moment, by the two times that there are: one to record, one that ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock: for the record and for events.
    pub now: Timestamp,
    /// The time that lets requests expire, accounts settle and undo windows end.
    pub ageing: Timestamp,
}

impl Moment {
    /// A moment at which the two are the same.
    pub const fn sure(now: Timestamp) -> Self {
        Self { now, ageing: now }
    }

    /// From when on a span that begins now is counted: the later of the two, so that none gets shorter.
    pub fn counts_from(self) -> Timestamp {
        self.now.max(self.ageing)
    }
}

/// Makes unguessable bytes. The real one is in the server's `adapters`.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A clock that stands until it is moved: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at this time.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock forward (or, with a negative number, back).
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
