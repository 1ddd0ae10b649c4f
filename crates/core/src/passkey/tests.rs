use proptest::prelude::*;

use super::authenticator_data::AuthenticatorData;
use super::cbor::Map;
use super::client_data::{self, Ceremony};
use super::soft::{Kind, SoftKey};
use super::*;

const PARTY: &str = "backup.example";
const ORIGIN: &str = "https://backup.example";
const ACCOUNT: AccountId = AccountId(7);

fn party() -> RelyingParty {
    RelyingParty::at(true, PARTY, None).unwrap()
}

fn challenge(byte: u8) -> PasskeyChallenge {
    PasskeyChallenge([byte; 32])
}

fn key(kind: Kind) -> SoftKey {
    let mut key = SoftKey::new(kind, "ann", PARTY, ORIGIN);
    key.user_handle = user_handle(ACCOUNT);
    key
}

fn kept(key: &SoftKey) -> Passkey {
    let asked = challenge(1);
    let new = Registration::parse(&key.register(&asked.to_text()))
        .unwrap()
        .verify(&party(), &asked)
        .unwrap();
    Passkey {
        id: 3,
        account: ACCOUNT,
        credential_id: new.credential_id().to_vec(),
        public_key: PublicKey::parse(new.public_key().as_bytes()).unwrap(),
        sign_count: new.sign_count(),
    }
}

fn shown(key: &mut SoftKey, kept: &Passkey) -> Result<ShownPasskey, PasskeyRefusal> {
    let asked = challenge(2);
    Assertion::parse(&key.show(&asked.to_text()))?.verify(&party(), &asked, kept)
}

#[test]
fn req_33_a_passkey_of_each_kind_is_made_and_shown() {
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        let mut key = key(kind);
        let kept = kept(&key);
        let shown = shown(&mut key, &kept).unwrap();
        assert_eq!((shown.account(), shown.id(), shown.sign_count()), (ACCOUNT, 3, 1));
        assert!(shown.user_verified() && shown.fresh().is_ok(), "{kind:?}");
    }
}

#[test]
fn a_passkey_whose_authenticator_checked_nobody_is_no_fresh_factor() {
    let mut key = key(Kind::Es256);
    key.verifies = false;
    let kept = kept(&key);
    let shown = shown(&mut key, &kept).unwrap();
    assert_eq!(shown.fresh().unwrap_err(), PasskeyRefusal::NotVerified);
}

#[test]
fn req_33_an_answer_of_another_site_challenge_or_ceremony_is_refused() {
    let mut key = key(Kind::Es256);
    let kept = kept(&key);
    let asked = challenge(2);
    let verified = |answer: &str| {
        Assertion::parse(answer)
            .unwrap()
            .verify(&party(), &asked, &kept)
            .map(drop)
    };
    assert_eq!(verified(&key.show(&asked.to_text())), Ok(()));
    assert_eq!(
        verified(&key.show(&challenge(3).to_text())),
        Err(PasskeyRefusal::OtherCeremony)
    );

    for origin in [
        "https://evil.example",
        "http://backup.example",
        "https://backup.example:444",
        "",
    ] {
        let mut phished = self::key(Kind::Es256);
        let kept = self::kept(&phished);
        phished.origin = origin.into();
        assert_eq!(
            shown(&mut phished, &kept).unwrap_err(),
            PasskeyRefusal::OtherCeremony,
            "{origin}"
        );
    }
    let mut elsewhere = self::key(Kind::Es256);
    let kept = self::kept(&elsewhere);
    elsewhere.party = "evil.example".into();
    assert_eq!(shown(&mut elsewhere, &kept).unwrap_err(), PasskeyRefusal::OtherCeremony);

    let created = self::key(Kind::Es256);
    let asked = challenge(1);
    let get = created.client_data("webauthn.get", &asked.to_text());
    assert_eq!(
        client_data::check(&get, Ceremony::Create, &asked, &party()),
        Err(PasskeyRefusal::OtherCeremony)
    );
    let framed = get.as_slice().strip_suffix(b"false}").unwrap();
    let framed = [framed, b"true}"].concat();
    assert_eq!(
        client_data::check(&framed, Ceremony::Get, &asked, &party()),
        Err(PasskeyRefusal::OtherCeremony)
    );
}

#[test]
fn a_signature_of_another_key_account_or_copy_is_refused() {
    let mut own = key(Kind::Es256);
    let mut other = key(Kind::Es256);
    let kept = kept(&own);
    assert_eq!(shown(&mut other, &kept).unwrap_err(), PasskeyRefusal::WrongSignature);

    own.user_handle = user_handle(AccountId(8));
    assert_eq!(shown(&mut own, &kept).unwrap_err(), PasskeyRefusal::OtherAccount);
    own.user_handle = Vec::new();
    let ahead = Passkey {
        sign_count: own.count + 1,
        ..kept.clone()
    };
    assert_eq!(shown(&mut own, &ahead).unwrap_err(), PasskeyRefusal::CountsBackwards);
    own.credential_id = b"another".to_vec();
    assert_eq!(shown(&mut own, &kept).unwrap_err(), PasskeyRefusal::OtherAccount);
}

#[test]
fn nobody_there_and_a_backup_that_cannot_be_are_refused() {
    let data = key(Kind::Es256).data(false);
    let with = |flags: u8| {
        let mut data = data.clone();
        data[32] = flags;
        AuthenticatorData::parse(&data).and_then(|data| data.check(&party()))
    };
    assert_eq!(with(0x01), Ok(()));
    assert_eq!(with(0x19), Ok(()));
    assert_eq!(with(0x04), Err(PasskeyRefusal::NotPresent));
    assert_eq!(with(0x11), Err(PasskeyRefusal::Unreadable));
}

#[test]
fn keys_of_other_kinds_and_damaged_ones_are_refused() {
    let cose = key(Kind::Es256).cose();
    assert!(PublicKey::parse(&cose).is_ok());
    let with = |at: usize, byte: u8| {
        let mut cose = cose.clone();
        cose[at] = byte;
        PublicKey::parse(&cose).unwrap_err()
    };
    assert_eq!(with(4, 0x38), PasskeyRefusal::Unreadable, "cut off by a longer number");
    assert_eq!(
        with(4, 0x27),
        PasskeyRefusal::UnknownAlgorithm,
        "EC2 does not go with EdDSA"
    );
    assert_eq!(with(6, 0x02), PasskeyRefusal::UnknownAlgorithm, "P-384");
    assert_eq!(with(12, cose[12] ^ 1), PasskeyRefusal::Unreadable, "not on the curve");
    let mut longer = cose.clone();
    longer.push(0);
    assert_eq!(PublicKey::parse(&longer).unwrap_err(), PasskeyRefusal::Unreadable);
    // The same key under two names: which one counts?
    let twice = [b"\xa6\x01\x02\x01\x02", &cose[3..]].concat();
    assert_eq!(PublicKey::parse(&twice).unwrap_err(), PasskeyRefusal::Unreadable);
}

#[test]
fn deep_and_large_cbor_is_not_read() {
    assert!(Map::of(&[0xa1; 4096]).is_err(), "maps in maps");
    assert!(
        Map::of(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff").is_err(),
        "says it is huge"
    );
    assert!(Map::of(&[&b"\xa1\x00\x59\x40\x00"[..], &[0; 16_384]].concat()).is_err());
}

/// Every octet sequence of interest: noise, and true answers cut off or changed in one place.
fn damaged(whole: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = whole.len();
    let (cut, changed) = (whole.clone(), whole);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (0..length).prop_map(move |end| cut[..end].to_vec()),
        (0..length, any::<u8>()).prop_map(move |(at, byte)| {
            let mut bytes = changed.clone();
            bytes[at] = byte;
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn no_octets_make_a_parser_panic(
        cose in damaged(key(Kind::Es256).cose()),
        data in damaged(key(Kind::EdDsa).data(true)),
        attestation in damaged(SoftKey::attestation(&key(Kind::Es256).data(true))),
        client in damaged(key(Kind::Es256).client_data("webauthn.get", "abc")),
    ) {
        let _: Result<_, _> = PublicKey::parse(&cose);
        let _: Result<_, _> = AuthenticatorData::parse(&data).and_then(|data| data.attested());
        let _: Result<_, _> = Map::of(&attestation);
        let _: Result<_, _> = client_data::check(&client, Ceremony::Get, &challenge(1), &party());
    }

    /// Whatever one octet of an answer is changed to: it is refused.
    #[test]
    fn req_33_a_changed_answer_is_refused(at in 0usize..37, bit in 0u8..8) {
        let mut key = key(Kind::Es256);
        let kept = kept(&key);
        let asked = challenge(2);
        let answer = Assertion::parse(&key.show(&asked.to_text())).unwrap();
        prop_assert!(answer.verify(&party(), &asked, &kept).is_ok());
        prop_assert!(answer.with_data(at, 1 << bit).verify(&party(), &asked, &kept).is_err());
    }

    #[test]
    fn no_text_makes_an_answer_panic(text in ".{0,200}") {
        let _: Result<_, _> = Registration::parse(&text);
        let _: Result<_, _> = Assertion::parse(&text);
    }
}
