//! What somebody tries who may delete, or who has got at the folder: docs/threat-model.md, "Attacks on a decision".

use std::{fs, sync::Barrier, thread};

use countersign_core::{
    Sha256,
    request::{Effect, State},
};

use crate::support::{house::House, laptop::Laptop, restic::Restic};

/// Within the undo window the bytes of a held object are changed in the data folder.
#[test]
fn bytes_swapped_in_the_folder_within_the_window_void_the_approval_and_the_rest_comes_back() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(3);
    laptop
        .repository
        .forget(&["--keep-last", "1", "--prune"])
        .expect("forget");
    let request = house.sealed();
    house.undo_hours(1);
    house.approve_only(&house.ann, &[request.id]).unwrap();
    let name = taken[0].id.0.clone();
    let file = house.storage().join(format!("objects/1/snapshots/{name}"));
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, b"something else").unwrap();
    house.pass_seconds(3700);
    house.carry_out_ripe();
    let after = house.request(request.id);
    assert_eq!((after.state, after.effect), (State::Approved, Effect::Failed));
    assert!(house.events().ends_with(&[42402, 42403, 41800]), "{:?}", house.events());
    // What nobody touched is as it was; with its own bytes, so is the one that somebody did.
    fs::write(&file, bytes).unwrap();
    laptop.expect(&taken);
}

/// Whoever may upload sends other bytes under a name that is there, or comes to be there at the same moment.
#[test]
fn of_many_uploads_under_one_name_at_once_one_stands_and_its_bytes_never_change() {
    const AT_ONCE: usize = 24;
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    assert_eq!(raw.create(), 200);
    let start = Barrier::new(AT_ONCE);
    let send = |path: &str, bytes: &[u8]| {
        start.wait();
        house.raw("laptop").put_as(path, bytes)
    };
    let sent: Vec<Vec<u8>> = (0..AT_ONCE)
        .map(|number| format!("config {number}").into_bytes())
        .collect();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sending: Vec<_> = sent.iter().map(|bytes| scope.spawn(|| send("config", bytes))).collect();
        sending.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let stands = raw.get("config").body;
    let taken: Vec<_> = sent
        .iter()
        .zip(&statuses)
        .filter(|(_, status)| **status == 200)
        .collect();
    assert_eq!(taken.len(), 1, "{statuses:?}");
    assert_eq!(*taken[0].0, stands);

    let good = vec![7; 100_000];
    let path = format!("data/{}", Sha256::of(&good).to_hex());
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sending: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let (path, good) = (&path, &good);
                scope.spawn(move || {
                    let other = vec![u8::try_from(number).unwrap(); 100_000];
                    let bytes = if number % 2 == 0 { good } else { &other };
                    (*bytes == *good, send(path, bytes))
                })
            })
            .collect();
        let answers = sending.into_iter().map(|one| one.join().unwrap());
        let answers: Vec<_> = answers.collect();
        for (is_good, status) in &answers {
            assert_eq!(*status == 200, *is_good, "{answers:?}");
        }
        answers.into_iter().map(|(_, status)| status).collect()
    });
    assert_eq!(statuses.len(), AT_ONCE);
    assert_eq!(raw.get(&path).body, good);
}

/// Without its config and keys a repository could be made anew under the same name, with a password of somebody else.
#[test]
fn a_repository_is_not_taken_over_by_whoever_may_delete() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(2);
    let thief = house.raw("desktop");
    assert_eq!(thief.delete("config"), 403);
    for kind in ["snapshots", "index", "keys"] {
        for path in thief.list(kind) {
            assert_eq!(thief.delete(&path), 200, "{path}");
        }
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let theirs = Restic::newest().repository(&elsewhere.path().display().to_string());
    let theirs = theirs.with_password("the thief's own");
    theirs.init();
    let file = |kind: &str| {
        let entry = fs::read_dir(elsewhere.path().join(kind)).unwrap().next().unwrap();
        fs::read(entry.unwrap().path()).unwrap()
    };
    assert_eq!(
        thief.put_as("config", &fs::read(elsewhere.path().join("config")).unwrap()),
        403
    );
    thief.put("keys", &file("keys"));
    let taking_over = Restic::newest()
        .repository(&house.url())
        .with_password("the thief's own");
    assert!(!taking_over.run(&["init"]).succeeded(), "there is a config");
    assert!(
        !taking_over.run(&["snapshots"]).succeeded(),
        "a key of another repository opens nothing"
    );
    let request = house.sealed();
    house.quiet();
    house.reject(&house.bob, request.id).unwrap();
    laptop.expect(&taken);
}

/// A backup is as lost without its keys as without its bytes.
#[test]
fn deleting_every_key_locks_nobody_out() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(1);
    let thief = house.raw("desktop");
    let keys = thief.list("keys");
    for _ in 0..2 {
        for path in &keys {
            assert_eq!(thief.delete(path), 200, "{path}");
        }
    }
    assert_eq!(thief.list("keys"), [""; 0]);
    assert!(!laptop.repository.run(&["snapshots"]).succeeded());
    let request = house.sealed();
    assert_eq!(request.operation.id(), 105);
    house.quiet();
    house.reject(&house.bob, request.id).unwrap();
    laptop.expect(&taken);
}
