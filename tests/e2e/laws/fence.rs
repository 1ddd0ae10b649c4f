//! Objects that come back while a client is between reading the indexes and the packs look unused to it, and it deletes
//! them: so nothing is moved while anyone is at work.

use std::{
    io::Write as _,
    process::{Child, Stdio},
    thread,
};

use countersign_core::{RequestId, fence::InUse};
use countersign_vault::VaultError;

use crate::support::{
    clock::eventually,
    house::House,
    laptop::{Laptop, Taken},
    proxy::{Failure, Proxy},
    restic::Restic,
};

/// A prune that waits for a decision.
fn pruned(house: &House, restic: &Restic) -> (Laptop, Vec<Taken>, RequestId) {
    let mut laptop = Laptop::of(house, restic, 1);
    let taken = laptop.days(3);
    laptop
        .repository
        .forget(&["--keep-last", "1", "--prune"])
        .expect("forget");
    let request = house.sealed();
    (laptop, taken, request.id)
}

/// A backup of what comes down a pipe: it lasts as long as the pipe is open.
fn endless_backup(house: &House, laptop: &Laptop) -> Child {
    let mut backup = laptop
        .repository
        .command(["backup", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    backup.stdin.as_mut().unwrap().write_all(b"a beginning").unwrap();
    let raw = house.raw("laptop");
    eventually("the backup to lock", || (raw.list("locks").len() == 1).then_some(()));
    backup
}

/// Refused because a client's lock lies there; nothing is changed.
#[track_caller]
fn expect_locked(house: &House, id: RequestId) {
    let before = house.request(id);
    for refused in [house.reject(&house.bob, id).map(drop), house.approve(&house.bob, &[id])] {
        let Err(VaultError::InUse(InUse::Locked { by, .. })) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(by, "laptop");
    }
    assert_eq!(house.request(id), before);
}

#[test]
fn a_rejection_waits_for_a_running_backup() {
    for restic in Restic::all() {
        let house = House::four_eyes();
        let (laptop, taken, id) = pruned(&house, &restic);
        let mut backup = endless_backup(&house, &laptop);
        house.pass_seconds(60);
        expect_locked(&house, id);
        drop(backup.stdin.take());
        assert!(backup.wait().unwrap().success());
        house.quiet();
        house.reject(&house.bob, id).unwrap();
        let streamed = laptop.repository.snapshots().pop().expect("the newest");
        assert_eq!(
            laptop.repository.run(&["dump", &streamed.0, "stdin"]).stdout,
            "a beginning"
        );
        laptop.repository.forget(&[&streamed.0]).expect("forget");
        laptop.expect(&taken);
    }
}

#[test]
fn the_lock_of_a_client_that_died_is_dead_after_35_minutes() {
    let house = House::four_eyes();
    let (laptop, taken, id) = pruned(&house, &Restic::newest());
    let mut backup = endless_backup(&house, &laptop);
    backup.kill().unwrap();
    backup.wait().unwrap();
    house.pass_seconds(34 * 60);
    expect_locked(&house, id);
    house.pass_seconds(60 + 1);
    house.reject(&house.bob, id).unwrap();
    laptop.repository.unlock(true).expect("unlock");
    laptop.expect(&taken);
}

#[test]
fn an_expiry_waits_for_a_running_backup() {
    let house = House::four_eyes();
    let (laptop, _, id) = pruned(&house, &Restic::newest());
    house.pass_seconds(7 * 86_400);
    let mut backup = endless_backup(&house, &laptop);
    assert_eq!(house.expire_overdue(), 0);
    drop(backup.stdin.take());
    assert!(backup.wait().unwrap().success());
    assert_eq!(house.expire_overdue(), 0, "it is not quiet yet");
    house.quiet();
    assert_eq!(house.expire_overdue(), 1);
    assert_eq!(house.request(id).state, countersign_core::request::State::Expired);
    laptop.repository.check().expect("check");
}

/// rustic takes no locks: whoever asked a moment ago may be at work.
#[test]
fn a_rejection_waits_until_it_has_been_quiet() {
    let house = House::four_eyes();
    let (laptop, taken, id) = pruned(&house, &Restic::newest());
    assert_eq!(house.raw("laptop").get("config").status, 200);
    let refused = house.reject(&house.bob, id);
    assert!(
        matches!(refused, Err(VaultError::InUse(InUse::NotQuiet { .. }))),
        "{refused:?}"
    );
    house.pass_seconds(15);
    house.reject(&house.bob, id).unwrap();
    laptop.expect(&taken);
}

#[test]
fn whoever_comes_in_the_instant_of_a_decision_is_told_to_wait_and_does() {
    for restic in Restic::all() {
        let house = House::four_eyes();
        let (_, taken, _) = pruned(&house, &restic);
        let raw = house.raw("laptop");
        // Nothing fails; it counts.
        let proxy = Proxy::failing(house.address(), "GET ", usize::MAX, Failure::Hang);
        let repository = restic.repository(&house.url_through(proxy.address()));
        let gate = house.close_gate();
        let answer = raw.get("snapshots/");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(
            raw.put_as(
                "locks/0000000000000000000000000000000000000000000000000000000000000000",
                b"x"
            ),
            503
        );
        thread::scope(|scope| {
            let listing = scope.spawn(|| repository.snapshots());
            // It asks again: so it was told to wait.
            eventually("restic to ask again", || (proxy.hits() >= 2).then_some(()));
            drop(gate);
            assert_eq!(listing.join().unwrap(), [taken[2].id.clone()]);
        });
    }
}

/// A prune is collected until its client has gone, though it rests between its deletes for longer than the quiet time.
#[test]
fn nothing_is_sealed_while_the_client_holds_its_lock() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(2);
    let mut backup = endless_backup(&house, &laptop);
    let raw = house.raw("laptop");
    assert_eq!(raw.delete(&format!("snapshots/{}", taken[0].id.0)), 200);
    house.pass_seconds(600);
    assert_eq!(house.quiet(), 0);
    drop(backup.stdin.take());
    assert!(backup.wait().unwrap().success());
    assert_eq!(house.sealed().operation.id(), 104);
}
