//! The real clock and the real entropy: the one place that reads them.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use countersign_core::clock::random;
use countersign_core::{Boot, Clock, Entropy, Reading};
use countersign_events::Timestamp;

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// How far apart two looks at the clock may be, in microseconds, for what was read between them to be of one instant.
const ONE_INSTANT: i64 = 1000;

/// How often it is tried to read both clocks at one instant.
const TRIES: u32 = 5;

impl Clock for SystemClock {
    fn reading(&self) -> Reading {
        // Suspended or held up in between, the two would be of different times.
        let mut tries = 0;
        loop {
            let before = since_boot();
            let wall = self.now();
            let running = since_boot();
            tries += 1;
            if running - before <= ONE_INSTANT || tries == TRIES {
                return Reading {
                    wall,
                    boot: boot(),
                    running,
                };
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the real clock")]
    fn now(&self) -> Timestamp {
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        })
    }
}

/// Microseconds since the machine was started, suspended or not.
fn since_boot() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(time.tv_nsec / 1000)
}

/// Which boot this is. Where the system does not tell, every start of the server counts as one.
fn boot() -> Boot {
    static BOOT: OnceLock<Boot> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let told = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let told = told.map(|id| id.trim().replace('-', ""));
        let id = told.and_then(|id| data_encoding::HEXLOWER.decode(id.as_bytes()).ok());
        let id = id.and_then(|id| <[u8; 16]>::try_from(id).ok());
        Boot(id.unwrap_or_else(|| random(&SystemEntropy)))
    })
}

/// The operating system's random number generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the real entropy")]
    #[expect(
        clippy::panic,
        reason = "a system without random numbers cannot make a single secret: stop at once"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random numbers: {error}");
        }
    }
}

/// A stopwatch for metrics. Policy never asks it.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "durations for metrics, never for policy")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
