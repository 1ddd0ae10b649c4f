//! Real time: the programs under test live in it, so here it is read, and nowhere else in the tests.
#![expect(clippy::disallowed_methods, reason = "real programs are waited for in real time")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Far more than anything here takes, even on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970")
        .as_secs()
}

/// Asks again until there is an answer; gives up loudly after two minutes.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    asked_every(Duration::from_millis(25), what, ask)
}

/// The same, asking so often that the moment is met: a millisecond may be a lot of work for a program.
pub fn at_the_moment<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    asked_every(Duration::from_micros(500), what, ask)
}

fn asked_every<T>(pause: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for: {what}");
        std::thread::sleep(pause);
    }
}
