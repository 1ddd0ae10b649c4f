//! For transports that tell what has arrived.

use std::collections::VecDeque;

/// What was acknowledged is settled, in order.
#[derive(Debug)]
pub(in crate::delivery) struct Acknowledged {
    settled: i64,
    handed: i64,
    /// For each message that is not acknowledged: up to which event it stands for, those after it that were skipped
    /// included.
    open: VecDeque<i64>,
}

impl Acknowledged {
    /// Everything up to `settled` has arrived.
    pub(super) const fn new(settled: i64) -> Self {
        Self {
            settled,
            handed: settled,
            open: VecDeque::new(),
        }
    }

    /// The last event that was handed over or skipped.
    pub(super) const fn handed(&self) -> i64 {
        self.handed
    }

    /// The last event that has arrived, or was not to.
    pub(super) const fn settled(&self) -> i64 {
        self.settled
    }

    /// These events were handed over, a message each.
    pub(super) fn hand(&mut self, events: &[i64]) {
        let Some((first, last)) = events.first().zip(events.last()) else {
            return;
        };
        // What was skipped before the first is settled with the message before it.
        self.skip(first - 1);
        let through = events.iter().skip(1).map(|next| next - 1);
        self.open.extend(through.chain(std::iter::once(*last)));
        self.handed = *last;
    }

    /// The events up to this one are not for this receiver.
    pub(super) fn skip(&mut self, last: i64) {
        self.handed = self.handed.max(last);
        match self.open.back_mut() {
            Some(through) => *through = self.handed,
            None => self.settled = self.handed,
        }
    }

    /// So many more have arrived.
    pub(super) fn acknowledge(&mut self, count: usize) {
        let count = count.min(self.open.len());
        if let Some(last) = self.open.drain(..count).next_back() {
            self.settled = last;
        }
    }

    /// The connection broke.
    pub(super) fn go_back(&mut self) {
        self.handed = self.settled;
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn acknowledgements_settle_at_once_and_a_broken_connection_goes_back_to_the_first_without_one() {
        let mut window = Acknowledged::new(10);
        window.hand(&[11, 13, 14]);
        assert_eq!((window.settled(), window.handed()), (10, 14));
        window.acknowledge(1);
        assert_eq!(window.settled(), 12, "12 was not for this receiver");
        window.skip(20);
        window.acknowledge(1);
        assert_eq!((window.settled(), window.handed()), (13, 20));
        window.go_back();
        assert_eq!((window.settled(), window.handed()), (13, 13));
        window.skip(15);
        assert_eq!(window.settled(), 15, "nothing is on its way");
        window.hand(&[18]);
        assert_eq!(window.settled(), 17);
        window.acknowledge(1);
        assert_eq!(window.settled(), 18);
    }

    proptest! {
        /// Whatever happens: settled is just before the first event that is for this receiver and not acknowledged.
        #[test]
        fn nothing_is_settled_that_has_not_arrived(
            steps in proptest::collection::vec((0_u8..4, proptest::collection::vec(any::<bool>(), 1..9), 0_usize..9), 1..60),
        ) {
            let mut window = Acknowledged::new(0);
            // Which events this receiver wants; whether each has arrived. Event numbers are from 1.
            let mut wanted: Vec<bool> = Vec::new();
            let mut unacknowledged: VecDeque<i64> = VecDeque::new();
            for (what, wants, count) in steps {
                match what {
                    0 => {
                        window.go_back();
                        wanted.truncate(usize::try_from(window.settled()).unwrap());
                        unacknowledged.clear();
                    }
                    1 => {
                        window.acknowledge(count);
                        unacknowledged.drain(..count.min(unacknowledged.len()));
                    }
                    _ => {
                        let from = window.handed() + 1;
                        wanted.extend(&wants);
                        let events: Vec<i64> = (from..).zip(&wants).filter(|(_, wants)| **wants).map(|(seq, _)| seq).collect();
                        window.hand(&events);
                        window.skip(from + wants.len() as i64 - 1);
                        unacknowledged.extend(events);
                    }
                }
                let before_first = unacknowledged.front().map_or(wanted.len() as i64, |first| first - 1);
                prop_assert_eq!(window.settled(), before_first);
                prop_assert_eq!(window.handed(), wanted.len() as i64);
            }
        }
    }
}
