//! Time and randomness, handed in, so that expiry and lockout are tested without sleeping.

use std::sync::{Mutex, PoisonError};

use countersign_events::Timestamp;

/// Tells the time. The real one is in the server's `adapters`.
pub trait Clock: Send + Sync {
    /// What the machine's clocks show at this instant.
    fn reading(&self) -> Reading;

    /// Now, by the wall clock.
    fn now(&self) -> Timestamp {
        self.reading().wall
    }
}

/// What the machine's clocks show at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock, which people and programs set.
    pub wall: Timestamp,
    /// Since which boot `running` is counted.
    pub boot: Boot,
    /// Microseconds since then, those while the machine was suspended among them. Nobody sets it.
    pub running: i64,
}

/// One boot of the machine, unlike every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot(pub [u8; 16]);

/// A moment, by the times that there are: one to record, one that ages, one that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock: for the record and for events.
    pub now: Timestamp,
    /// The time that lets requests expire, accounts settle, undo windows and retention locks end. It stands still after the wall
    /// clock jumped ([`crate::ageing`]). Every span that begins now and ends by it is counted from it.
    pub ageing: Timestamp,
    /// The time as it would be if the wall clock had not jumped: it neither stands still nor jumps. Says who is still at work.
    pub steady: Timestamp,
}

impl Moment {
    /// A moment at which all are the same.
    pub const fn sure(now: Timestamp) -> Self {
        Self {
            now,
            ageing: now,
            steady: now,
        }
    }

    /// The time by which a client is judged to be gone: it has been away for as long by the wall clock, and by the clock that nobody
    /// sets.
    pub fn judging(self) -> Timestamp {
        self.now.min(self.steady)
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
pub struct ManualClock(Mutex<Reading>);

impl ManualClock {
    /// A clock that stands at this time.
    pub const fn at(now: Timestamp) -> Self {
        Self(Mutex::new(Reading {
            wall: now,
            boot: Boot([0; 16]),
            running: 0,
        }))
    }

    /// Lets time pass (or, with a negative number, sets the wall clock back).
    pub fn advance_seconds(&self, seconds: i64) {
        self.change(|reading| {
            reading.wall = reading.wall.plus_seconds(seconds);
            reading.running = reading.running.saturating_add(seconds.max(0).saturating_mul(1_000_000));
        });
    }

    /// Sets the wall clock by so many seconds, forward or back, while no time passes.
    pub fn jump_seconds(&self, seconds: i64) {
        self.change(|reading| reading.wall = reading.wall.plus_seconds(seconds));
    }

    /// The machine was off for so many seconds.
    pub fn reboot_after(&self, seconds: i64) {
        self.change(|reading| {
            reading.wall = reading.wall.plus_seconds(seconds);
            reading.running = 0;
            // Wraps after 256 boots: enough for a test.
            reading.boot.0[0] = reading.boot.0[0].wrapping_add(1);
        });
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Clock for ManualClock {
    fn reading(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
