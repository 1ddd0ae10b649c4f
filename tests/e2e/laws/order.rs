//! Per backup, a later request was computed as if the objects of the earlier ones were gone.

use countersign_core::{RequestId, queue::OutOfOrder, request::State};
use countersign_vault::VaultError;

use crate::support::{
    house::House,
    laptop::{Laptop, Taken},
    restic::Restic,
};

/// A snapshot is forgotten, then another and what both needed is pruned: two requests, of which the later is unsafe alone.
fn two_requests(house: &House) -> (Laptop, Vec<Taken>, [RequestId; 2]) {
    let mut laptop = Laptop::of(house, &Restic::newest(), 1);
    let taken = laptop.days(4);
    laptop.repository.forget(&[&taken[0].id.0]).expect("forget");
    let first = house.sealed();
    laptop
        .repository
        .forget(&["--keep-last", "1", "--prune"])
        .expect("forget");
    let second = house.sealed();
    (laptop, taken, [first.id, second.id])
}

#[test]
fn a_later_request_is_not_approved_before_an_earlier_one() {
    let house = House::four_eyes();
    let (laptop, taken, [first, second]) = two_requests(&house);
    house.quiet();
    for wrong in [vec![second], vec![second, first]] {
        let refused = house.approve(&house.ann, &wrong);
        assert!(
            matches!(refused, Err(VaultError::OutOfOrder(OutOfOrder::OlderWaits(older))) if older == first),
            "{refused:?}"
        );
    }
    let before = house.bytes_on_disk();
    house.approve(&house.ann, &[first]).unwrap();
    laptop.expect(&taken[3..]);
    house.quiet();
    house.approve(&house.bob, &[second]).unwrap();
    assert!(house.bytes_on_disk() < before);
    laptop.expect(&taken[3..]);
}

#[test]
fn the_oldest_requests_are_approved_together() {
    let house = House::four_eyes();
    let (laptop, taken, [first, second]) = two_requests(&house);
    house.approve(&house.ann, &[first, second]).unwrap();
    assert!(house.waiting().is_empty());
    laptop.expect(&taken[3..]);
}

#[test]
fn rejecting_an_earlier_request_rejects_the_later_ones_with_it() {
    let house = House::four_eyes();
    let (laptop, taken, [first, second]) = two_requests(&house);
    house.quiet();
    assert_eq!(house.reject(&house.bob, first).unwrap(), [first, second]);
    assert_eq!(house.events(), [42402, 42402, 42404, 42404]);
    let reason = house.request(second).reason.expect("a reason");
    assert!(reason.contains(&first.to_string()), "{reason}");
    laptop.expect(&taken);
}

#[test]
fn rejecting_the_newest_request_leaves_the_earlier_ones() {
    let house = House::four_eyes();
    let (laptop, taken, [first, second]) = two_requests(&house);
    house.quiet();
    assert_eq!(house.reject(&house.bob, second).unwrap(), [second]);
    laptop.expect(&taken[1..]);
    house.quiet();
    house.approve(&house.ann, &[first]).unwrap();
    laptop.expect(&taken[1..]);
}

/// Not even the deletes that are still coming in stay behind.
#[test]
fn a_rejection_takes_along_what_is_still_collected() {
    let house = House::four_eyes();
    let (laptop, taken, [first, second]) = two_requests(&house);
    laptop.repository.forget(&[&taken[3].id.0]).expect("forget");
    house.pass_seconds(15);
    let rejected = house.reject(&house.bob, first).unwrap();
    assert_eq!(rejected[..2], [first, second]);
    assert_eq!(rejected.len(), 3);
    laptop.expect(&taken);
}

#[test]
fn an_expiry_takes_the_later_ones_along() {
    let house = House::four_eyes();
    let (laptop, taken, [first, second]) = two_requests(&house);
    assert_eq!(house.expire_overdue(), 0);
    house.pass_seconds(7 * 86_400 - 10);
    assert_eq!(house.expire_overdue(), 2);
    assert_eq!([first, second].map(|id| house.request(id).state), [State::Expired; 2]);
    assert_eq!(house.events(), [42402, 42402, 42405, 42405]);
    laptop.expect(&taken);
}
