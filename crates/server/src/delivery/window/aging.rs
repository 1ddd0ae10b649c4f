//! For transports that tell nothing about what has arrived.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A message counts as settled when its connection has lived on for a while after it, or when more octets followed it
/// than sockets can hold.
#[derive(Debug)]
pub(in crate::delivery) struct Aging {
    hold: Duration,
    most_octets: u64,
    handed: i64,
    settled: i64,
    open: VecDeque<Part>,
    octets: u64,
}

#[derive(Debug)]
struct Part {
    last: i64,
    octets: u64,
    at: Instant,
}

impl Aging {
    /// Everything up to `settled` has long arrived.
    pub(super) const fn new(settled: i64, hold: Duration, most_octets: u64) -> Self {
        Self {
            hold,
            most_octets,
            handed: settled,
            settled,
            open: VecDeque::new(),
            octets: 0,
        }
    }

    /// The last event that was handed to the socket.
    pub(super) const fn handed(&self) -> i64 {
        self.handed
    }

    /// The last event that need not be sent again.
    pub(super) const fn settled(&self) -> i64 {
        self.settled
    }

    /// Events up to `last`, together so many octets, were handed over.
    pub(super) fn hand(&mut self, last: i64, octets: u64, now: Instant) {
        self.handed = last;
        self.octets += octets;
        self.open.push_back(Part { last, octets, at: now });
    }

    /// What follows, up to `last`, is not for this receiver.
    pub(super) fn skip(&mut self, last: i64) {
        self.handed = self.handed.max(last);
        match self.open.back_mut() {
            Some(part) => part.last = self.handed,
            None => self.settled = self.handed,
        }
    }

    /// The connection lives: what is old enough, or far enough back, is settled.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(part) = self.open.front() {
            let old = now.saturating_duration_since(part.at) >= self.hold;
            if !old && self.octets - part.octets < self.most_octets {
                break;
            }
            self.settled = part.last;
            self.octets -= part.octets;
            self.open.pop_front();
        }
    }

    /// The receiver has confirmed everything.
    pub(super) fn settle_all(&mut self) {
        self.settled = self.handed;
        self.open.clear();
        self.octets = 0;
    }

    /// The connection broke: what is not settled must be sent again.
    pub(super) fn go_back(&mut self) {
        self.handed = self.settled;
        self.open.clear();
        self.octets = 0;
    }

    /// When something will be settled, if the connection lives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.open.front().map(|part| part.at + self.hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLD: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn time_or_octets_settle_and_a_broken_connection_goes_back() {
        let start = Instant::now();
        let mut window = Aging::new(10, HOLD, 100);
        window.hand(20, 60, start);
        window.hand(30, 60, start + Duration::from_secs(1));
        window.settle(start + Duration::from_secs(2));
        assert_eq!((window.settled(), window.handed()), (10, 30));
        window.hand(40, 60, start + Duration::from_secs(3));
        window.settle(start + Duration::from_secs(3));
        assert_eq!(window.settled(), 20, "a hundred octets followed the first part");
        assert_eq!(window.next(), Some(start + Duration::from_secs(31)));
        window.settle(start + Duration::from_secs(31));
        assert_eq!(window.settled(), 30);
        window.go_back();
        assert_eq!((window.settled(), window.handed(), window.next()), (30, 30, None));
        window.skip(33);
        assert_eq!((window.settled(), window.handed()), (33, 33), "nothing is on its way");
        window.hand(40, 60, start);
        window.skip(44);
        assert_eq!((window.settled(), window.handed()), (33, 44));
        window.settle(start + HOLD);
        assert_eq!(window.settled(), 44);
    }

    proptest! {
        /// Whatever happens in whatever order: settled is what is old or far enough back on its own connection, and a
        /// broken connection goes back exactly there.
        #[test]
        fn settles_what_is_safe_and_nothing_else(
            steps in proptest::collection::vec((1_i64..50, 1_u64..80, 0_u64..20, 0..5), 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let mut now = runtime.block_on(async { Instant::now() });
            let mut window = Aging::new(0, HOLD, 100);
            // The parts of this connection, and what is safe since.
            let mut sent: Vec<(i64, u64, Instant)> = Vec::new();
            let mut safe = 0;
            for (events, octets, seconds, dice) in steps {
                now += Duration::from_secs(seconds);
                if dice == 0 {
                    window.go_back();
                    sent.clear();
                    prop_assert_eq!(window.handed(), safe);
                } else {
                    let last = window.handed() + events;
                    window.hand(last, octets, now);
                    sent.push((last, octets, now));
                    window.settle(now);
                }
                for (at, (last, _, when)) in sent.iter().enumerate() {
                    let followed: u64 = sent[at + 1..].iter().map(|(_, octets, _)| octets).sum();
                    if now - *when >= HOLD || followed >= 100 {
                        safe = safe.max(*last);
                    }
                }
                prop_assert_eq!(window.settled(), safe);
            }
        }
    }
}
