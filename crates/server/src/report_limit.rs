//! How many events of one kind anybody may cause without being known: a flood of them would bury the others, and cost room.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use countersign_events::Timestamp;
use prometheus_client::metrics::counter::Counter;

/// How many are reported of one source in a minute.
const A_MINUTE: u32 = 20;

/// How many sources are told apart in a minute; the others count as one.
const SOURCES: usize = 4096;

/// Counts by source and minute. What is left out is said in the log once, as a number, when the minute is over.
#[derive(Debug, Default)]
pub struct ReportLimit {
    minute: Mutex<Minute>,
    /// How many were left out since the server started.
    pub unreported: Counter,
}

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    counts: BTreeMap<Option<IpAddr>, u32>,
}

impl ReportLimit {
    /// Whether what happens now is reported by an event of its own.
    pub fn lets(&self, from: IpAddr, now: Timestamp) -> bool {
        let number = now.seconds().div_euclid(60);
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != number {
            for (source, left_out) in minute.left_out() {
                let source = source.map_or_else(|| "others".to_owned(), |source| source.to_string());
                tracing::warn!(%source, left_out, "denials that were not reported one by one");
            }
            *minute = Minute {
                number,
                counts: BTreeMap::new(),
            };
        }
        let source = Some(network(from));
        let source =
            source.filter(|source| minute.counts.contains_key(&Some(*source)) || minute.counts.len() < SOURCES);
        let count = minute.counts.entry(source).or_insert(0);
        *count = count.saturating_add(1);
        let reported = *count <= A_MINUTE;
        if !reported {
            self.unreported.inc();
        }
        reported
    }
}

impl Minute {
    fn left_out(&self) -> Vec<(Option<IpAddr>, u32)> {
        let over = self.counts.iter().filter(|(_, count)| **count > A_MINUTE);
        over.map(|(source, count)| (*source, count - A_MINUTE)).collect()
    }
}

/// Who has a network of IPv6 has its addresses.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_200_000_000);

    #[test]
    fn a_flood_of_one_source_keeps_no_other_from_being_reported() {
        let limit = ReportLimit::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        let reported = (0..100).filter(|_| limit.lets(one, NOW)).count();
        assert_eq!(reported, 20);
        assert!(limit.lets(other, NOW));
        let left_out = limit.minute.lock().unwrap().left_out();
        assert_eq!(left_out, [(Some(one), 80)]);
        assert_eq!(limit.unreported.get(), 80);
        assert!(limit.lets(one, NOW.plus_seconds(60)), "the next minute");
    }

    #[test]
    fn many_sources_at_once_count_as_one_after_the_first_thousands() {
        let limit = ReportLimit::default();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let reported = (0..5000).filter(|number| limit.lets(address(*number), NOW)).count();
        assert_eq!(reported, SOURCES + 20);
        let kept = limit.minute.lock().unwrap().counts.len();
        assert_eq!(kept, SOURCES + 1);
    }
}
