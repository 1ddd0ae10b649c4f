use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::Entropy;
use crate::logon::CHAIN_SECONDS;
use crate::{AccountKind, AccountState, Roles};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
const ISSUER: &str = "https://backup.example";

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(9);
    }
}

struct Keys {
    public: PublicKey,
    private: Vec<u8>,
    signer: Signer,
}

/// The server's, made once for all tests.
fn keys() -> &'static Keys {
    static KEYS: std::sync::LazyLock<Keys> = std::sync::LazyLock::new(keys_of_a_stranger);
    &KEYS
}

fn keys_of_a_stranger() -> Keys {
    let new = NewKey::make().unwrap();
    let public = PublicKey::new(&new.public).unwrap();
    let signer = Signer::new(&public, &new.private);
    Keys {
        public,
        private: new.private.to_vec(),
        signer,
    }
}

fn chain() -> Chain {
    Chain {
        id: "c0ffee".into(),
        client: ClientId::cli(),
        resource: Resource::Api,
        account: AccountId(7),
        account_revision: 3,
        address: "192.0.2.7".into(),
        key: None,
        generation: 0,
        rotated_at: NOW,
        created_at: NOW,
        ends_at: NOW.plus_seconds(CHAIN_SECONDS),
        ended_at: None,
    }
}

fn claims() -> AccessClaims {
    AccessClaims::next_of(&chain(), ISSUER, NOW, &Fixed)
}

fn read(keys: &Keys, token: &str) -> Result<AccessClaims, BadToken> {
    read_access_token(token, std::slice::from_ref(&keys.public), ISSUER, NOW)
}

/// A token of this header and these claims, signed with our own key as ES256 whatever the header says.
fn forged(keys: &Keys, header: &Value, claims: &Value) -> String {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let encode = |value: &Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &keys.private).unwrap();
    let signature = pair
        .sign(&aws_lc_rs::rand::SystemRandom::new(), message.as_bytes())
        .unwrap();
    format!(
        "{message}.{}",
        data_encoding::BASE64URL_NOPAD.encode(signature.as_ref())
    )
}

fn header(keys: &Keys) -> Value {
    json!({"typ": "at+jwt", "alg": "ES256", "kid": keys.public.id()})
}

#[test]
fn a_token_says_what_its_chain_is_and_lives_ten_minutes() {
    let keys = keys();
    let token = keys.signer.sign(&claims()).unwrap();
    let read_back = read(keys, &token).unwrap();
    assert_eq!(read_back, claims());
    let said = json!({
        "iss": ISSUER, "sub": "UID-7", "aud": "gateway-api", "client_id": "cli", "iat": 1_795_000_000, "exp": 1_795_000_600,
        "jti": "09".repeat(16), "auth_time": 1_795_000_000, "scope": "api", "rev": 3, "sid": "c0ffee",
    });
    assert_eq!(serde_json::to_value(&read_back).unwrap(), said);
    let parts: Vec<_> = token.split('.').collect();
    let head = data_encoding::BASE64URL_NOPAD.decode(parts[0].as_bytes()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&head).unwrap(), header(keys));
}

#[test]
fn no_token_outlives_its_chain() {
    let short = Chain {
        ends_at: NOW.plus_seconds(60),
        ..chain()
    };
    assert_eq!(
        AccessClaims::next_of(&short, ISSUER, NOW, &Fixed).expires_at(),
        NOW.plus_seconds(60)
    );
}

#[test]
fn req_22_no_algorithm_but_ours_and_no_key_that_a_token_brings() {
    let (keys, other) = (keys(), keys_of_a_stranger());
    let good = serde_json::to_value(claims()).unwrap();
    assert!(
        read(keys, &forged(keys, &header(keys), &good)).is_ok(),
        "the forge itself"
    );

    let with = |name: &str, value: Value| {
        let mut header = header(keys);
        header[name] = value;
        forged(keys, &header, &good)
    };
    let jwk = other.public.jwk();
    for token in [
        with("alg", json!("none")),
        with("alg", json!("None")),
        with("alg", json!("HS256")),
        with("alg", json!("ES384")),
        with("alg", json!("RS256")),
        with("alg", Value::Null),
        with("typ", json!("JWT")),
        with("typ", json!("dpop+jwt")),
        with("typ", Value::Null),
        with("crit", json!(["exp"])),
        with("jku", json!("https://evil.example/jwks")),
        with("x5u", json!("https://evil.example/cert")),
        with("x5c", json!(["MIIB"])),
        with("jwk", jwk.clone()),
    ] {
        assert_eq!(read(keys, &token), Err(BadToken::Form), "{token}");
    }
    for kid in [
        json!("../../dev/null"),
        json!("' OR 1=1"),
        json!(""),
        Value::Null,
        json!(other.public.id()),
    ] {
        assert_eq!(read(keys, &with("kid", kid)), Err(BadToken::Signature));
    }

    // Unsigned, and signed with the public key as if it were a secret.
    let unsigned = with("alg", json!("none"));
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    assert_eq!(read(keys, &format!("{unsigned}.")), Err(BadToken::Form));
    for secret in [jwk.to_string().into_bytes(), keys.public.x.clone().into_bytes()] {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.into());
        header.kid = Some(keys.public.id().into());
        let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(read(keys, &token), Err(BadToken::Form));
    }

    // The right header by the wrong key.
    assert_eq!(
        read(keys, &forged(&other, &header(keys), &good)),
        Err(BadToken::Signature)
    );
}

#[test]
fn req_23_time_type_and_issuer_are_checked() {
    let keys = keys();
    let with = |name: &str, value: Value| {
        let mut claims = serde_json::to_value(claims()).unwrap();
        claims[name] = value;
        read(keys, &forged(keys, &header(keys), &claims))
    };
    let now = NOW.seconds();
    assert!(with("exp", json!(now + 1)).is_ok());
    for exp in [now, now - 1, 0] {
        assert_eq!(
            with("exp", json!(exp)),
            Err(BadToken::Time),
            "no leeway at the end: {exp}"
        );
    }
    for name in ["nbf", "iat"] {
        assert!(with(name, json!(now + 5)).is_ok());
        assert_eq!(with(name, json!(now + 6)), Err(BadToken::Time), "{name}");
        assert_eq!(with(name, json!(i64::MAX)), Err(BadToken::Time), "{name}");
    }
    for (name, value) in [
        ("exp", Value::Null),
        ("exp", json!(-1)),
        ("exp", json!("soon")),
        ("exp", json!(1e300)),
        ("aud", json!(["gateway-api", "restic"])),
        ("sub", Value::Null),
        ("client_id", json!("a b")),
    ] {
        assert_eq!(with(name, value.clone()), Err(BadToken::Form), "{name} {value}");
    }
    assert_eq!(with("iss", json!("https://evil.example")), Err(BadToken::Issuer));
    assert_eq!(with("iss", json!("https://backup.example/")), Err(BadToken::Issuer));
}

#[test]
fn a_token_holds_no_longer_than_its_chain_and_account() {
    let account = Account {
        id: AccountId(7),
        name: "ann".parse().unwrap(),
        kind: AccountKind::Person,
        roles: Roles::FOUNDING,
        state: AccountState::Active,
        created_at: Timestamp(0),
        eligible_at: Timestamp(0),
        expires_at: None,
        mfa: false,
        email: None,
        owner: None,
        person: None,
        revision: 3,
    };
    let (claims, chain) = (claims(), chain());
    assert_eq!(claims.standing(&chain, &account, NOW), Ok(()));
    let ended = Chain {
        ended_at: Some(NOW),
        ..chain.clone()
    };
    assert_eq!(claims.standing(&ended, &account, NOW), Err(ChainEnd::Ended));
    for changed in [
        Account {
            revision: 4,
            ..account.clone()
        },
        Account {
            state: AccountState::Disabled,
            ..account.clone()
        },
        Account {
            expires_at: Some(NOW),
            ..account.clone()
        },
        Account {
            id: AccountId(8),
            ..account.clone()
        },
    ] {
        assert_eq!(claims.standing(&chain, &changed, NOW), Err(ChainEnd::AccountChanged));
    }
    let of_another = Chain {
        id: "decade".into(),
        ..chain
    };
    assert_eq!(
        claims.standing(&of_another, &account, NOW),
        Err(ChainEnd::AccountChanged)
    );
}

proptest! {
    #[test]
    fn no_text_is_a_token_by_chance_and_none_makes_the_reader_fall_over(
        text in "\\PC{0,300}",
        header in "[ -~]{0,60}",
        payload in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let keys = keys();
        prop_assert!(read(keys, &text).is_err());
        let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        let token = format!("{}.{}.{}", encode(header.as_bytes()), encode(&payload), encode(&payload));
        prop_assert!(read(keys, &token).is_err());
    }

    #[test]
    fn no_changed_letter_leaves_a_token_whole(at in 0.0_f64..1.0, letter in "[A-Za-z0-9_.-]") {
        let keys = keys();
        let token = keys.signer.sign(&claims()).unwrap();
        // The last letter of a part has bits that say nothing.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
        let at = (at * (token.len() - 1) as f64) as usize;
        let mut changed = token.clone();
        changed.replace_range(at..=at, &letter);
        prop_assume!(changed != token);
        prop_assert!(read(keys, &changed).is_err());
    }
}
