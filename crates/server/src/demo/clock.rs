//! The machine's clock, set back while the past comes about.

use std::sync::atomic::{AtomicI64, Ordering};

use countersign_core::{Clock, Reading};

use crate::adapters::SystemClock;

/// The machine's clock, a while ago.
pub struct SetBack {
    seconds: AtomicI64,
}

impl SetBack {
    /// Set back by so many seconds.
    pub const fn by(seconds: i64) -> Self {
        Self {
            seconds: AtomicI64::new(seconds),
        }
    }

    /// Goes on to a later time: set back by fewer seconds, in the end by none.
    pub fn go_on(&self, seconds: i64) {
        self.seconds.fetch_min(seconds, Ordering::SeqCst);
    }
}

impl Clock for SetBack {
    /// What the past skips passes on both clocks: nobody has set one of them.
    fn reading(&self) -> Reading {
        let back = self.seconds.load(Ordering::SeqCst);
        let present = SystemClock.reading();
        Reading {
            wall: present.wall.plus_seconds(-back),
            running: present.running.saturating_sub(back.saturating_mul(1_000_000)),
            ..present
        }
    }
}
