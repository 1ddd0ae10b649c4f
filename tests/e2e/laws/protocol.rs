//! What the repository protocol refuses, and what it answers to the letter, because its clients take nothing else.

use countersign_core::Sha256;

use crate::support::{
    house::House,
    laptop::{Laptop, init_cheaply},
    restic::Restic,
};

const KINDS: [&str; 5] = ["data", "index", "keys", "locks", "snapshots"];

#[test]
fn garbage_over_live_and_hidden_names_is_refused() {
    let house = House::four_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    let taken = laptop.days(2);
    let raw = house.raw("laptop");
    let live: Vec<_> = ["data", "index", "keys", "snapshots"]
        .iter()
        .flat_map(|kind| raw.list(kind))
        .collect();
    laptop
        .repository
        .forget(&["--keep-last", "1", "--prune"])
        .expect("forget");
    for path in &live {
        assert_eq!(raw.put_as(path, b"garbage"), 400, "{path}");
        assert_eq!(raw.put_as(path, b""), 400, "{path}");
    }
    let request = house.sealed();
    for path in &live {
        assert_eq!(raw.put_as(path, b"garbage"), 400, "{path}");
    }
    house.quiet();
    house.reject(&house.bob, request.id).unwrap();
    laptop.expect(&taken);
}

#[test]
fn bytes_that_do_not_have_their_names_hash_are_neither_kept_nor_listed() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    for kind in KINDS {
        let path = format!("{kind}/{}", Sha256::of(b"expected").to_hex());
        assert_eq!(raw.put_as(&path, b"sent"), 400, "{kind}");
        assert_eq!(raw.get(&path).status, 404);
        assert_eq!(raw.list(kind), [""; 0]);
    }
    assert_eq!(house.bytes_on_disk(), 0);
}

#[test]
fn a_name_that_exists_is_never_overwritten() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    for kind in KINDS {
        let path = raw.put(kind, b"the same bytes");
        assert_eq!(raw.put_as(&path, b"the same bytes"), 200, "{kind}");
        assert_eq!(raw.put_as(&path, b"other bytes"), 400, "{kind}");
        assert_eq!(raw.get(&path).body, b"the same bytes");
    }
}

#[test]
fn the_config_is_neither_replaced_nor_deleted() {
    let house = House::four_eyes();
    init_cheaply(&house.raw("laptop"));
    let raw = house.raw("laptop");
    let config = raw.get("config").body;
    assert_eq!(raw.delete("config"), 403);
    let refused = raw.ask("POST", "config", &[], b"another config");
    assert_eq!(refused.status, 403);
    let words = String::from_utf8(refused.body).unwrap();
    assert!(words.contains("four-eyes") && words.contains("request"), "{words}");
    assert_eq!(raw.put_as("config", &config), 200);
    assert_eq!(raw.get("config").body, config);
    assert!(house.requests().is_empty());
    // A lost config would let init take the repository over.
    assert!(!Restic::oldest().repository(&house.url()).run(&["init"]).succeeded());
}

#[test]
fn an_unknown_name_is_deleted_without_a_word() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    for kind in KINDS {
        assert_eq!(
            raw.delete(&format!("{kind}/{}", Sha256::of(b"nothing").to_hex())),
            200,
            "{kind}"
        );
    }
    house.quiet();
    assert!(house.requests().is_empty());
}

#[test]
fn a_fresh_lock_goes_only_with_the_account_that_made_it() {
    let house = House::four_eyes();
    let (laptop, desktop) = (house.raw("laptop"), house.raw("desktop"));
    laptop.create();
    let path = laptop.put("locks", b"a lock");
    assert_eq!(desktop.delete(&path), 403);
    assert_eq!(laptop.list("locks"), std::slice::from_ref(&path));
    house.pass_a_locks_life();
    assert_eq!(desktop.delete(&path), 200);
    assert_eq!(laptop.list("locks"), [""; 0]);
    let path = laptop.put("locks", b"another lock");
    assert_eq!(laptop.delete(&path), 200);
    assert!(house.requests().is_empty(), "locks ask nobody");
}

#[test]
fn lists_are_of_the_version_that_was_asked_for() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    raw.put("data", b"12345");
    let name = Sha256::of(b"12345").to_hex();
    let second = "application/vnd.x.restic.rest.v2";
    for (accept, media_type, body) in [
        ("*/*", "application/vnd.x.restic.rest.v1", format!(r#"["{name}"]"#)),
        (second, second, format!(r#"[{{"name":"{name}","size":5}}]"#)),
    ] {
        let answer = raw.ask("GET", "data/", &[("accept", accept)], b"");
        assert_eq!(answer.headers["content-type"], media_type);
        assert_eq!(String::from_utf8(answer.body).unwrap(), body);
    }
}

#[test]
fn a_part_is_given_and_a_range_past_the_end_is_416() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    let path = raw.put("data", b"0123456789");
    let part = |range| raw.ask("GET", &path, &[("range", range)], b"");
    let middle = part("bytes=3-5");
    assert_eq!((middle.status, &middle.body[..]), (206, &b"345"[..]));
    assert_eq!(middle.headers["content-range"], "bytes 3-5/10");
    let over = part("bytes=8-20");
    assert_eq!((over.status, &over.body[..]), (206, &b"89"[..]));
    let past = part("bytes=10-12");
    assert_eq!(past.status, 416);
    assert_eq!(past.headers["content-range"], "bytes */10");
    let head = raw.ask("HEAD", &path, &[], b"");
    assert_eq!(
        (head.status, head.headers["content-length"].to_str().unwrap()),
        (200, "10")
    );
}

#[test]
fn what_is_held_is_hidden_from_every_way_of_asking() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    let path = raw.put("snapshots", b"a snapshot");
    assert_eq!(raw.delete(&path), 200);
    assert_eq!(raw.get(&path).status, 404);
    assert_eq!(raw.ask("HEAD", &path, &[], b"").status, 404);
    assert_eq!(raw.ask("GET", &path, &[("range", "bytes=0-1")], b"").status, 404);
    assert_eq!(raw.list("snapshots"), [""; 0]);
    assert_eq!(house.bytes_on_disk(), b"a snapshot".len());
}

/// Otherwise it would be acknowledged, hidden, and purged with a backup whose manifest does not list it.
#[test]
fn an_upload_that_was_under_way_when_its_backup_was_deleted_is_not_acknowledged() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    raw.put("data", b"earlier");
    let mut upload = raw.begin_put("data", b"in two parts");
    upload.send_half();
    assert_eq!(house.raw("desktop").delete(""), 200);
    assert_eq!(upload.finish(), 404);
    let request = house.waiting().remove(0);
    assert_eq!(request.summary.expect("sealed").objects(), 1);
    house.quiet();
    house.reject(&house.bob, request.id).unwrap();
    assert_eq!(raw.list("data").len(), 1);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let house = House::four_eyes();
    let raw = house.raw("laptop");
    raw.create();
    raw.put("data", b"x");
    let hash = Sha256::of(b"x").to_hex();
    for path in [
        "data/..%2f..%2f..%2fcountersign.db".to_owned(),
        "data/%2e%2e".to_owned(),
        format!("data/{}", &hash[..63]),
        format!("data/{}", hash.to_uppercase()),
        format!("data/{hash}%00"),
        format!("tmp/{hash}"),
        format!("config/{hash}"),
    ] {
        assert!(matches!(raw.get(&path).status, 400 | 404), "{path}");
        assert!(matches!(raw.put_as(&path, b"x"), 400 | 404 | 405), "{path}");
        assert!(matches!(raw.delete(&path), 400 | 404 | 405), "{path}");
    }
    assert_eq!(house.bytes_on_disk(), 1);
}
