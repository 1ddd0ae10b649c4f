//! Who is at work in a backup right now, and the gate that keeps everyone out while a decision moves its objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use countersign_core::Clock;
use countersign_core::fence::{Activity, InUse};
use countersign_events::Timestamp;

use crate::VaultError;

/// What goes on in one backup. It counts from the start of the server: before, there may have been anything.
#[derive(Debug)]
pub(crate) struct Traffic {
    in_flight: AtomicU32,
    last: AtomicI64,
    closed: AtomicBool,
}

impl Traffic {
    pub(crate) const fn since(start: Timestamp) -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            last: AtomicI64::new(start.0),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        Activity {
            in_flight: self.in_flight.load(Ordering::SeqCst),
            last: Timestamp(self.last.load(Ordering::SeqCst)),
        }
    }
}

/// A client's request in a backup, from its first byte to the last of the answer.
pub struct Visit {
    traffic: Arc<Traffic>,
    clock: Arc<dyn Clock>,
}

impl Visit {
    pub(crate) fn enter(traffic: &Arc<Traffic>, clock: &Arc<dyn Clock>) -> Result<Self, VaultError> {
        // Counted first, then asked: the gate closes first, then counts. One of the two sees the other.
        let visit = Self::past_the_gate(traffic, clock);
        if traffic.closed.load(Ordering::SeqCst) {
            Err(VaultError::Moving)
        } else {
            Ok(visit)
        }
    }

    /// For what no decision moves.
    pub(crate) fn past_the_gate(traffic: &Arc<Traffic>, clock: &Arc<dyn Clock>) -> Self {
        traffic.in_flight.fetch_add(1, Ordering::SeqCst);
        Self {
            traffic: Arc::clone(traffic),
            clock: Arc::clone(clock),
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.traffic.last.fetch_max(self.clock.now().0, Ordering::SeqCst);
        self.traffic.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keeps new requests out of a backup until it is dropped.
#[derive(Debug)]
pub struct Gate {
    traffic: Arc<Traffic>,
}

impl Gate {
    pub(crate) fn close(traffic: &Arc<Traffic>) -> Result<Self, InUse> {
        if traffic.closed.swap(true, Ordering::SeqCst) {
            return Err(InUse::NotQuiet { wait_seconds: 1 });
        }
        Ok(Self {
            traffic: Arc::clone(traffic),
        })
    }

    /// What went on until the gate closed.
    pub fn activity(&self) -> Activity {
        self.traffic.activity()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.traffic.closed.store(false, Ordering::SeqCst);
    }
}
