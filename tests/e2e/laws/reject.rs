//! What is rejected comes back whole: every snapshot, old and new, restores to the same bytes, whatever its owner did meanwhile.

use countersign_core::RequestId;

use crate::support::{
    clock::eventually,
    house::House,
    laptop::{Laptop, Taken},
    proxy::{Failure, Proxy},
    restic::Restic,
};

/// For each restic: some days, `forget --prune` of all but the last, and what comes between that and the rejection.
fn pruned_then(meanwhile: impl Fn(&House, &mut Laptop, &mut Vec<Taken>)) {
    for restic in Restic::all() {
        let house = House::four_eyes();
        let mut laptop = Laptop::of(&house, &restic, 1);
        let mut taken = laptop.days(4);
        laptop
            .repository
            .forget(&["--keep-last", "1", "--prune"])
            .expect("forget");
        let request = house.sealed();
        assert_eq!(request.operation.id(), 104);
        laptop.expect(&taken[3..]);
        meanwhile(&house, &mut laptop, &mut taken);
        house.quiet();
        reject(&house, request.id);
        laptop.expect(&taken);
    }
}

fn reject(house: &House, id: RequestId) {
    let rejected = house.reject(&house.bob, id).unwrap();
    assert_eq!(rejected[0], id);
    assert!(house.waiting().is_empty());
}

#[test]
fn a_rejected_prune_gives_back_every_snapshot() {
    pruned_then(|_, _, _| ());
}

#[test]
fn a_rejected_prune_gives_back_every_snapshot_after_a_newer_backup() {
    pruned_then(|_, laptop, taken| taken.push(laptop.work_and_back_up()));
}

#[test]
fn a_rejected_prune_gives_back_every_snapshot_after_the_index_was_repaired() {
    pruned_then(|_, laptop, taken| {
        taken.push(laptop.work_and_back_up());
        laptop.repository.repair_index().expect("repair index");
        taken.push(laptop.work_and_back_up());
    });
}

#[test]
fn a_rejected_prune_gives_back_every_snapshot_after_another_prune() {
    pruned_then(|house, laptop, taken| {
        taken.push(laptop.work_and_back_up());
        house.quiet();
        laptop
            .repository
            .forget(&["--keep-last", "1", "--prune"])
            .expect("forget");
        house.quiet();
    });
}

/// Killed before each of its kinds of deletes, unlocked, and run again.
#[test]
fn a_rejected_prune_gives_back_every_snapshot_though_it_was_killed_and_run_again() {
    for restic in Restic::all() {
        for kind in ["index", "data", "locks"] {
            let house = House::four_eyes();
            let mut laptop = Laptop::of(&house, &restic, 1);
            let mut taken = laptop.days(4);
            laptop.repository.forget(&["--keep-last", "1"]).expect("forget");
            let request = house.sealed();

            let begins = format!("DELETE /restic/main/laptop/{kind}/");
            let proxy = Proxy::failing(house.address(), &begins, 1, Failure::Hang);
            let cut_off = restic.repository(&house.url_through(proxy.address()));
            let mut prune = cut_off.spawn(&["prune", "--max-unused", "0"]);
            eventually("prune to delete", || (proxy.hits() > 0).then_some(()));
            prune.kill().unwrap();
            prune.wait().unwrap();

            laptop.repository.unlock(true).expect("unlock");
            laptop.repository.prune().expect("prune");
            taken.push(laptop.work_and_back_up());
            house.quiet();
            laptop.expect(&taken[3..]);
            house.quiet();
            reject(&house, request.id);
            laptop.expect(&taken);
        }
    }
}

/// The sums are right after it, too: what was given back can be taken away again, and then it is gone.
#[test]
fn what_was_given_back_can_be_pruned_again_and_approved() {
    for restic in Restic::all() {
        let house = House::four_eyes();
        let mut laptop = Laptop::of(&house, &restic, 1);
        let taken = laptop.days(4);
        laptop
            .repository
            .forget(&["--keep-last", "1", "--prune"])
            .expect("forget");
        let request = house.sealed();
        house.quiet();
        reject(&house, request.id);
        laptop.expect(&taken);
        house.quiet();
        laptop
            .repository
            .forget(&["--keep-last", "1", "--prune"])
            .expect("forget");
        let again = house.sealed();
        let before = house.bytes_on_disk();
        house.approve(&house.ann, &[again.id]).unwrap();
        assert!(house.bytes_on_disk() < before);
        laptop.expect(&taken[3..]);
    }
}

/// cron does not know of the rejection and forgets again every night.
#[test]
fn forgetting_again_does_not_pile_up() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(3);
    for _ in 0..3 {
        laptop.repository.forget(&["--keep-last", "1"]).expect("forget");
        house.quiet();
    }
    let [request] = &house.requests()[..] else {
        panic!("{:?}", house.requests());
    };
    house.quiet();
    reject(&house, request.id);
    for _ in 0..3 {
        laptop.repository.forget(&["--keep-last", "1"]).expect("forget");
        house.quiet();
    }
    assert_eq!(house.waiting().len(), 1);
    assert_eq!(house.requests().len(), 2);
    house.quiet();
    reject(&house, house.waiting()[0].id);
    laptop.expect(&taken);
}

#[test]
fn a_rejected_key_removal_gives_back_the_password() {
    for restic in Restic::all() {
        let house = House::four_eyes();
        let mut laptop = Laptop::of(&house, &restic, 1);
        let taken = laptop.days(1);
        laptop.repository.key_add("another one").expect("key add");
        let [another, own] = &laptop.repository.keys()[..] else {
            panic!("two keys");
        };
        let changed = laptop.repository.with_password("another one");
        changed.key_remove(own).expect("key remove");
        assert!(!laptop.repository.run(&["snapshots"]).succeeded());
        let request = house.sealed();
        assert_eq!(request.operation.id(), 105);
        house.quiet();
        reject(&house, request.id);
        laptop.expect(&taken);
        laptop.repository.key_remove(another).expect("key remove");
    }
}

/// A stolen token and a loop is all that an intruder needs elsewhere.
#[test]
fn deleting_everything_by_hand_and_rejected_loses_nothing() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(3);
    let thief = house.raw("desktop");
    for kind in ["snapshots", "index", "data", "keys"] {
        for path in thief.list(kind) {
            assert_eq!(thief.delete(&path), 200, "{path}");
        }
        assert_eq!(thief.list(kind), [""; 0], "{kind}");
    }
    assert!(!laptop.repository.run(&["snapshots"]).succeeded());
    let request = house.sealed();
    assert_eq!(request.initiator.name, "desktop");
    assert_eq!(
        request
            .summary
            .expect("sealed")
            .of(countersign_core::ObjectKind::Snapshots),
        3
    );
    reject(&house, request.id);
    laptop.expect(&taken);
}

#[test]
fn deleting_the_whole_backup_and_rejected_loses_nothing() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(2);
    let thief = house.raw("desktop");
    assert_eq!(thief.delete(""), 200);
    assert_eq!(thief.get("config").status, 404);
    assert!(!laptop.repository.run(&["init"]).succeeded(), "its name is not free");
    house.quiet();
    let [request] = &house.waiting()[..] else {
        panic!("{:?}", house.requests());
    };
    assert_eq!(request.operation.id(), 100);
    reject(&house, request.id);
    laptop.expect(&taken);
}
