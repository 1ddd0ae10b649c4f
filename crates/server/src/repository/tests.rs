use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;

/// A master key that nobody uses.
pub fn key() -> MasterKey {
    MasterKey::from_bytes(&Zeroizing::new(std::array::from_fn(|at| at as u8)))
}

fn cheap() -> Value {
    json!({"kdf": "scrypt", "N": 2, "r": 1, "p": 1, "salt": BASE64.encode(&[7; 64]), "data": ""})
}

fn parsed(change: &[(&str, Value)]) -> Result<(), Unopened> {
    let mut file = cheap();
    for (name, value) in change {
        file[*name] = value.clone();
    }
    KeyFile::parse(file.to_string().as_bytes()).map(drop)
}

/// A key file that holds [`key`], sealed with a password as restic does it.
pub fn key_file(password: &str) -> Vec<u8> {
    let part = |range: std::ops::Range<u8>| BASE64.encode(&range.collect::<Vec<_>>());
    let inner = json!({"mac": {"k": part(32..48), "r": part(48..64)}, "encrypt": part(0..32)});
    let mut derived = Zeroizing::new([0; 64]);
    let params = scrypt::Params::new(1, 1, 1).unwrap();
    scrypt::scrypt(password.as_bytes(), &[7; 64], &params, derived.as_mut_slice()).unwrap();
    let sealed = MasterKey::from_bytes(&derived).sealed(inner.to_string().as_bytes(), [9; 16]);
    let mut file = cheap();
    file["data"] = BASE64.encode(&sealed).into();
    file.to_string().into_bytes()
}

#[test]
fn a_snapshot_opens_with_the_password_of_any_key() {
    let files = [b"nonsense".to_vec(), key_file("other"), key_file("correct horse")];
    let files = || files.iter().map(Vec::as_slice);
    let key = KeyFile::open_any(files(), "correct horse").unwrap();
    let text = json!({"time": "2026-11-21T08:15:00Z", "hostname": "laptop", "username": "ann", "paths": ["/home"], "tree": "00"});
    let sealed = key.sealed(text.to_string().as_bytes(), [3; 16]);
    let read = Snapshot::open(&key, &sealed).unwrap();
    assert_eq!(
        (&*read.host, &*read.user, &*read.paths),
        ("laptop", "ann", ["/home".to_owned()].as_slice())
    );
    assert_eq!((read.bytes, read.files), (None, None));
    let wrong = KeyFile::open_any(files(), "correct horses").unwrap_err();
    assert_eq!(wrong, Unopened::WrongPassword);
    let none = KeyFile::open_any([b"nonsense".as_slice()], "correct horse").unwrap_err();
    assert_eq!(none, Unopened::Unreadable);
}

#[test]
fn a_key_file_that_costs_too_much_is_not_opened() {
    assert_eq!(parsed(&[]), Ok(()));
    // What restic writes.
    assert_eq!(
        parsed(&[("N", 32_768.into()), ("r", 8.into()), ("p", 12.into())]),
        Ok(())
    );
    let costly = [
        [("N", json!(1_u64 << 40)), ("r", json!(8))],
        [("N", json!(1_u64 << 63)), ("r", json!(u32::MAX))],
        [("p", json!(u32::MAX)), ("r", json!(1))],
        [("p", json!(1 << 22)), ("r", json!(4))],
        [("r", json!(u32::MAX)), ("p", json!(u32::MAX))],
    ];
    for change in costly {
        assert_eq!(parsed(&change), Err(Unopened::TooCostly), "{change:?}");
    }
    let strange = [
        ("kdf", json!("argon2")),
        ("N", json!(3)),
        ("N", json!(0)),
        ("N", json!(1)),
        ("r", json!(0)),
        ("p", json!(0)),
        ("p", json!(-1)),
        ("salt", Value::Null),
    ];
    for (name, value) in strange {
        assert_eq!(
            parsed(&[(name, value.clone())]),
            Err(Unopened::Unreadable),
            "{name} {value}"
        );
    }
}

#[test]
fn a_snapshot_says_no_more_than_there_is_room_for() {
    let long = "x".repeat(10_000);
    let text = json!({"hostname": long, "paths": vec![long.clone(); 100], "tags": vec!["t"; 100], "time": 7});
    let open = |text: &Value| Snapshot::open(&key(), &key().sealed(text.to_string().as_bytes(), [1; 16]));
    assert_eq!(open(&text), Err(Unread::NotUnderstood));
    let mut text = text;
    text["time"] = "yesterday".into();
    let read = open(&text).unwrap();
    assert_eq!((read.paths.len(), read.more_paths, read.tags.len()), (32, 68, 32));
    assert!(read.host.chars().count() < 600 && read.paths_told().ends_with(" and 68 more"));
    // null is how an empty list is written, too.
    assert_eq!(
        open(&json!({"paths": null, "tags": null, "summary": null})),
        Ok(Snapshot::default())
    );
}

#[test]
fn what_unpacks_to_too_much_is_not_read() {
    // Version 2, a frame of one run: 128 KiB of one byte in four, again and again.
    let mut packed = vec![2, 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for last in [false; 63].into_iter().chain([true]) {
        let header = (0x2_0000_u32 << 3) | (1 << 1) | u32::from(last);
        packed.extend(&header.to_le_bytes()[..3]);
        packed.push(b' ');
    }
    assert!(packed.len() < 300);
    let sealed = key().sealed(&packed, [1; 16]);
    assert_eq!(Snapshot::open(&key(), &sealed), Err(Unread::NotUnderstood));
    // The same with something in it that is small enough is read.
    let mut packed = vec![2, 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    packed.extend(&((22_u32 << 3) | 1).to_le_bytes()[..3]);
    packed.extend(br#"{"hostname":"laptop"} "#);
    let sealed = key().sealed(&packed, [1; 16]);
    assert_eq!(Snapshot::open(&key(), &sealed).unwrap().host, "laptop");
}

proptest! {
    /// Whatever bytes come, nothing panics; and one changed bit opens nothing.
    #[test]
    fn strange_bytes_open_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        prop_assert_eq!(Snapshot::open(&key(), &bytes), Err(Unread::NotSealed));
        let _ = KeyFile::parse(&bytes);
        let _ = Snapshot::open(&key(), &key().sealed(&bytes, [5; 16]));
        let packed: Vec<_> = [2_u8].into_iter().chain(bytes.iter().copied()).collect();
        let mut sealed = key().sealed(&packed, [5; 16]);
        prop_assert_ne!(Snapshot::open(&key(), &sealed), Err(Unread::NotSealed));
        let at = at.index(sealed.len());
        sealed[at] ^= 1;
        prop_assert_eq!(Snapshot::open(&key(), &sealed), Err(Unread::NotSealed));
    }
}
