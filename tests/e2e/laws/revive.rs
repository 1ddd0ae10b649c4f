//! A client that lost the answer to an upload deletes the name and sends it again.

use countersign_core::request::State;

use crate::support::{
    house::House,
    laptop::{Laptop, Taken},
    proxy::{Failure, Proxy},
    restic::Restic,
};

#[test]
fn a_backup_that_lost_an_answer_succeeds_and_asks_nobody() {
    for restic in Restic::all() {
        for kind in ["data", "index", "snapshots"] {
            let house = House::four_eyes();
            let mut laptop = Laptop::of(&house, &restic, 1);
            let mut taken = laptop.days(1);
            let begins = format!("POST /restic/main/laptop/{kind}/");
            let proxy = Proxy::failing(house.address(), &begins, 1, Failure::LoseAnswer);
            let work = laptop.work();
            let unlucky = restic.repository(&house.url_through(proxy.address()));
            unlucky.try_backup(&work, &[]).expect("backup");
            assert!(proxy.hits() > 1, "{restic:?} sent no {kind} again");
            house.quiet();
            assert!(house.waiting().is_empty(), "{:?}", house.waiting());
            assert!(house.events().is_empty());
            let id = laptop.repository.snapshots().pop().expect("the newest");
            taken.push(Taken {
                id,
                tree: laptop.tree().clone(),
            });
            laptop.expect(&taken);
        }
    }
}

#[test]
fn the_same_bytes_bring_a_held_object_back() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    let path = raw.put("data", b"some bytes");
    assert_eq!(raw.delete(&path), 200);
    assert_eq!(raw.get(&path).status, 404);
    raw.put("data", b"some bytes");
    assert_eq!(raw.get(&path).body, b"some bytes");
    house.quiet();
    assert_eq!(house.requests()[0].state, State::Closed);
    assert!(house.events().is_empty());
}

#[test]
fn an_object_that_came_again_is_not_purged_with_its_batch() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    let paths = [raw.put("data", b"one"), raw.put("data", b"two")];
    for path in &paths {
        assert_eq!(raw.delete(path), 200);
    }
    let request = house.sealed();
    raw.put("data", b"one");
    house.approve(&house.ann, &[request.id]).unwrap();
    assert_eq!(raw.get(&paths[0]).body, b"one");
    assert_eq!(raw.get(&paths[1]).status, 404);
    assert_eq!(raw.list("data"), [paths[0].clone()]);
}

#[test]
fn a_request_of_which_everything_came_again_ends_by_itself() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    let path = raw.put("data", b"one");
    assert_eq!(raw.delete(&path), 200);
    let request = house.sealed();
    raw.put("data", b"one");
    assert_eq!(house.request(request.id).state, State::Rejected);
    assert_eq!(house.events(), [42402, 42404]);
    assert_eq!(raw.get(&path).body, b"one");
}

/// The purge claims its objects with the decision: a client that sends one of them again waits until it is gone.
#[test]
fn what_was_approved_does_not_come_back_between_decision_and_purge() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    let path = raw.put("data", b"one");
    assert_eq!(raw.delete(&path), 200);
    let request = house.sealed();
    house.approve_only(&house.ann, &[request.id]).unwrap();
    let early = raw.ask("POST", &path, &[], b"one");
    assert_eq!(
        (early.status, early.headers["retry-after"].to_str().unwrap()),
        (503, "1")
    );
    assert_eq!(raw.get(&path).status, 404);
    house.purge();
    assert_eq!(house.bytes_on_disk(), 0);
    raw.put("data", b"one");
    assert_eq!(raw.get(&path).body, b"one");
    house.purge();
    assert_eq!(raw.get(&path).body, b"one");
}
