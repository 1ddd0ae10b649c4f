//! The order of a backup's waiting requests.
//!
//! Each later request was computed by its client as if the objects of the earlier ones were gone. So the oldest are approved
//! first, and whatever is rejected takes every later one along; the other way round destroys data that a client still uses.

use crate::RequestId;

/// Why a decision does not fit the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfOrder {
    /// An older one still waits.
    #[error("request {0} of the same backup is older and still waits: decide it first, or approve both together")]
    OlderWaits(RequestId),
    /// It is not there, or decided.
    #[error("request {0} does not wait in this backup's queue")]
    NotWaiting(RequestId),
    /// Nothing was named.
    #[error("name at least one request")]
    Nothing,
}

/// Whether exactly the oldest of the queue (oldest first) were asked for, in order.
pub fn approvable(queue: &[RequestId], asked: &[RequestId]) -> Result<(), OutOfOrder> {
    if asked.is_empty() {
        return Err(OutOfOrder::Nothing);
    }
    for (position, id) in asked.iter().enumerate() {
        match queue.get(position) {
            Some(oldest) if oldest == id => {}
            Some(oldest) if queue.contains(id) => return Err(OutOfOrder::OlderWaits(*oldest)),
            _ => return Err(OutOfOrder::NotWaiting(*id)),
        }
    }
    Ok(())
}

/// What approving this one approves: it and all older ones.
pub fn with_older(queue: &[RequestId], id: RequestId) -> Result<&[RequestId], OutOfOrder> {
    let position = queue
        .iter()
        .position(|waiting| *waiting == id)
        .ok_or(OutOfOrder::NotWaiting(id))?;
    Ok(&queue[..=position])
}

/// What rejecting this one rejects: it and all later ones.
pub fn with_later(queue: &[RequestId], id: RequestId) -> Result<&[RequestId], OutOfOrder> {
    let position = queue
        .iter()
        .position(|waiting| *waiting == id)
        .ok_or(OutOfOrder::NotWaiting(id))?;
    Ok(&queue[position..])
}

/// What vetoing an approved one, or finding that it does not hold, takes along: every later one of the backup, of those that wait
/// for their time (`approved`) and those that wait for a decision (`pending`), both oldest first.
pub fn with_all_later<'a>(
    approved: &'a [RequestId],
    pending: &'a [RequestId],
    id: RequestId,
) -> Result<(&'a [RequestId], &'a [RequestId]), OutOfOrder> {
    // Only the oldest of those that wait for a decision are approved, so each of them is later than any approved one.
    Ok((&with_later(approved, id)?[1..], pending))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn queue(length: usize) -> Vec<RequestId> {
        (1..).map(RequestId).take(length).collect()
    }

    proptest! {
        /// Only prefixes are approvable, whatever is asked for.
        #[test]
        fn only_prefixes(length in 0_usize..6, asked in proptest::collection::vec(0_i64..8, 0..6)) {
            let queue = queue(length);
            let asked: Vec<_> = asked.into_iter().map(RequestId).collect();
            prop_assert_eq!(approvable(&queue, &asked).is_ok(), !asked.is_empty() && queue.starts_with(&asked));
        }

        /// A rejection leaves exactly the older ones.
        #[test]
        fn a_rejection_leaves_a_prefix(length in 1_usize..6, at in 0_usize..6) {
            let queue = queue(length);
            let id = RequestId(at as i64 + 1);
            match with_later(&queue, id) {
                Ok(gone) => {
                    let left: Vec<_> = queue.iter().filter(|waiting| !gone.contains(waiting)).copied().collect();
                    prop_assert!(queue.starts_with(&left) && gone.contains(&id));
                }
                Err(refusal) => prop_assert_eq!(refusal, OutOfOrder::NotWaiting(id)),
            }
        }
    }

    #[test]
    fn the_refusal_names_what_to_do() {
        let queue = queue(3);
        assert_eq!(
            approvable(&queue, &[RequestId(2)]),
            Err(OutOfOrder::OlderWaits(RequestId(1)))
        );
        assert_eq!(
            approvable(&queue, &[RequestId(9)]),
            Err(OutOfOrder::NotWaiting(RequestId(9)))
        );
        assert_eq!(approvable(&queue, &[]), Err(OutOfOrder::Nothing));
    }
}
