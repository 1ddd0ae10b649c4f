//! How long to wait before the next try.

use std::time::Duration;

use countersign_core::Entropy;

/// Grows from try to try, with jitter, so that many senders do not come back at the same instant.
#[derive(Debug)]
pub(crate) struct Backoff {
    least: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) const fn new((least, most): (Duration, Duration)) -> Self {
        Self {
            least,
            most,
            failures: 0,
        }
    }

    /// It went well for a while.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many tries have failed in a row.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// The wait after one more failure: anything from the shortest to twice the shortest, then four times, … up to the
    /// longest.
    pub(crate) fn next(&mut self, entropy: &dyn Entropy) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let ceiling = self
            .least
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(self.most);
        let share = f64::from(u32::from_le_bytes(countersign_core::clock::random::<4>(entropy))) / f64::from(u32::MAX);
        self.least + ceiling.saturating_sub(self.least).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Entropy for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn waits_grow_stay_within_bounds_and_start_again() {
        let bounds = (Duration::from_secs(1), Duration::from_secs(30));
        let mut longest = Backoff::new(bounds);
        let waits: Vec<u64> = (0..40).map(|_| longest.next(&Always(255)).as_secs()).collect();
        assert_eq!(waits[..6], [2, 4, 8, 16, 30, 30]);
        assert!(waits[6..].iter().all(|wait| *wait == 30));
        longest.reset();
        assert_eq!(longest.next(&Always(255)).as_secs(), 2);
        let mut shortest = Backoff::new(bounds);
        assert!((0..40).all(|_| shortest.next(&Always(0)) == bounds.0));
    }
}
