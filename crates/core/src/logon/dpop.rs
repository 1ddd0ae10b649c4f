//! Proof of possession (RFC 9449): a client may bind its tokens to a key that never leaves it.

use std::fmt;
use std::str::FromStr;

use countersign_events::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Sha256;

/// The algorithms that proofs may be signed by.
pub const PROOF_ALGORITHMS: [&str; 2] = ["ES256", "EdDSA"];

/// How far the time of a proof may be from ours, in seconds.
pub const PROOF_SECONDS: i64 = 60;

/// Longer than any proof.
const LONGEST: usize = 4096;

/// A proof that holds for one request, if it was not shown before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The key that signed it.
    pub key: Thumbprint,
    /// No two proofs of a key have the same.
    pub id: Sha256,
    /// From when on it is refused for its age.
    pub ends_at: Timestamp,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    /// It is no proof, or its key is none that is taken.
    #[error("the DPoP header is no proof: a JWT of type dpop+jwt, signed by ES256 or EdDSA, with its public key")]
    Form,
    /// Its key did not sign it.
    #[error("the proof's signature does not hold")]
    Signature,
    /// It is for another request or token.
    #[error("the proof is for another request or token")]
    Other,
    /// It is too old, or of a time to come.
    #[error("the proof's time is not now: is the clock right?")]
    Time,
}

#[derive(Deserialize)]
struct Head {
    typ: String,
    alg: String,
    jwk: Value,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
}

impl Proof {
    /// Reads the proof of a request to this address; at a resource also of its access token. The key in its header counts, here
    /// alone: it says which key the tokens are bound to.
    ///
    /// # Errors
    /// Why it does not hold.
    pub fn read(
        proof: &str,
        method: &str,
        address: &str,
        access_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, BadProof> {
        let head = proof.split('.').next().filter(|_| proof.len() <= LONGEST);
        let head = head.ok_or(BadProof::Form)?;
        let head = data_encoding::BASE64URL_NOPAD.decode(head.as_bytes());
        let head: Head = serde_json::from_slice(&head.map_err(|_| BadProof::Form)?).map_err(|_| BadProof::Form)?;
        if head.typ != "dpop+jwt" || head.crit.is_some() {
            return Err(BadProof::Form);
        }
        let (algorithm, key, thumbprint) = key(&head)?;
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = match jsonwebtoken::decode::<Claims>(proof, &key, &validation) {
            Ok(decoded) => decoded.claims,
            Err(error) => {
                return Err(match error.kind() {
                    jsonwebtoken::errors::ErrorKind::InvalidSignature => BadProof::Signature,
                    _ => BadProof::Form,
                });
            }
        };
        if claims.jti.is_empty() || claims.jti.len() > 512 {
            return Err(BadProof::Form);
        }
        let of_token = access_token.map(|token| data_encoding::BASE64URL_NOPAD.encode(&Sha256::of(token.as_bytes()).0));
        let same_token = of_token.is_none() || of_token == claims.ath;
        if claims.htm != method || normal(&claims.htu) != normal(address) || !same_token {
            return Err(BadProof::Other);
        }
        if claims.iat.abs_diff(now.seconds()) > PROOF_SECONDS.unsigned_abs() {
            return Err(BadProof::Time);
        }
        Ok(Self {
            id: Sha256::of(format!("{thumbprint} {}", claims.jti).as_bytes()),
            key: thumbprint,
            ends_at: Timestamp(0).plus_seconds(claims.iat + PROOF_SECONDS + 1),
        })
    }
}

/// The public key of a proof, and its thumbprint (RFC 7638, section 3).
fn key(head: &Head) -> Result<(Algorithm, DecodingKey, Thumbprint), BadProof> {
    let member = |name: &str| head.jwk[name].as_str();
    // Whoever sends a private key along has none any more.
    if head.jwk.get("d").is_some() {
        return Err(BadProof::Form);
    }
    let coordinate = |name: &str| {
        let text = member(name)?;
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        (bytes.len() == 32).then_some(text)
    };
    let known = match (head.alg.as_str(), member("kty"), member("crv")) {
        ("ES256", Some("EC"), Some("P-256")) => coordinate("x").zip(coordinate("y")).and_then(|(x, y)| {
            let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
            let key = DecodingKey::from_ec_components(x, y).ok()?;
            Some((Algorithm::ES256, key, canonical))
        }),
        ("EdDSA", Some("OKP"), Some("Ed25519")) => coordinate("x").and_then(|x| {
            let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
            let key = DecodingKey::from_ed_components(x).ok()?;
            Some((Algorithm::EdDSA, key, canonical))
        }),
        _ => None,
    };
    let (algorithm, key, canonical) = known.ok_or(BadProof::Form)?;
    let thumbprint = data_encoding::BASE64URL_NOPAD.encode(&Sha256::of(canonical.as_bytes()).0);
    Ok((algorithm, key, Thumbprint(thumbprint)))
}

/// An address as it is compared: without query and fragment, the scheme and the host in small letters, no port where it is the
/// scheme's own (RFC 9449, section 4.3).
fn normal(address: &str) -> String {
    let bare = address.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else {
        return bare.to_owned();
    };
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let authority = authority.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "https" => ":443",
        _ => ":80",
    };
    let authority = authority.strip_suffix(own_port).unwrap_or(&authority);
    format!("{scheme}://{authority}{path}")
}

/// A key, by the hash of its parts (RFC 7638): 43 letters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

/// The text is no SHA-256 in base64url without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's thumbprint is a SHA-256 in base64url without padding")]
pub struct BadThumbprint;

impl Thumbprint {
    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = BadThumbprint;

    fn from_str(text: &str) -> Result<Self, BadThumbprint> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
        match bytes {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(BadThumbprint),
        }
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
    const HERE: &str = "https://backup.example/oauth2/token";

    /// A key of a client, with the proofs that it signs.
    fn signed(head: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        let message = format!(
            "{}.{}",
            encode(head.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let signature = encode(&sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn pair() -> &'static EcdsaKeyPair {
        static PAIR: std::sync::LazyLock<EcdsaKeyPair> =
            std::sync::LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        &PAIR
    }

    fn head() -> Value {
        let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        let public = pair().public_key().as_ref();
        json!({
            "typ": "dpop+jwt", "alg": "ES256",
            "jwk": {"kty": "EC", "crv": "P-256", "x": encode(&public[1..33]), "y": encode(&public[33..])},
        })
    }

    fn claims() -> Value {
        json!({"jti": "one", "htm": "POST", "htu": HERE, "iat": NOW.seconds()})
    }

    fn es256(head: &Value, claims: &Value) -> String {
        signed(head, claims, |message| {
            pair().sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
        })
    }

    fn read(proof: &str) -> Result<Proof, BadProof> {
        Proof::read(proof, "POST", HERE, None, NOW)
    }

    #[test]
    fn req_16_a_proof_holds_for_its_request_and_names_its_key() {
        let proof = read(&es256(&head(), &claims())).unwrap();
        assert_eq!(proof.ends_at, NOW.plus_seconds(61));
        let again = read(&es256(&head(), &claims())).unwrap();
        assert_eq!(again, proof, "the same id, so that it counts once");
        let mut other = claims();
        other["jti"] = "two".into();
        let other = read(&es256(&head(), &other)).unwrap();
        assert!(other.key == proof.key && other.id != proof.id);
    }

    #[test]
    fn the_thumbprint_of_rfc_9449_section_6_1() {
        let head = Head {
            typ: String::new(),
            alg: "ES256".into(),
            jwk: json!({
                "kty": "EC", "crv": "P-256",
                "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
            }),
            crit: None,
        };
        let (_, _, thumbprint) = key(&head).unwrap();
        assert_eq!(thumbprint.as_str(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn ed25519_keys_sign_too() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = data_encoding::BASE64URL_NOPAD.encode(pair.public_key().as_ref());
        let head = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}});
        let proof = signed(&head, &claims(), |message| pair.sign(message).as_ref().to_vec());
        assert!(read(&proof).is_ok());
        let wrong = signed(&head, &claims(), |_| vec![0; 64]);
        assert_eq!(read(&wrong), Err(BadProof::Signature));
    }

    #[test]
    fn req_16_22_what_is_no_proof_of_this_request_is_refused() {
        let with = |change: &dyn Fn(&mut Value, &mut Value)| {
            let (mut head, mut claims) = (head(), claims());
            change(&mut head, &mut claims);
            read(&es256(&head, &claims))
        };
        for (name, value) in [
            ("typ", json!("JWT")),
            ("typ", Value::Null),
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("EdDSA")),
            ("jwk", Value::Null),
            ("jwk", json!({"kty": "oct", "k": "AAAA"})),
            ("crit", json!(["jwk"])),
        ] {
            let refused = with(&|head, _| head[name] = value.clone());
            assert_eq!(refused, Err(BadProof::Form), "{name} {value}");
        }
        for (name, value) in [
            ("d", json!("AAAA")),
            ("crv", json!("P-384")),
            ("x", json!("AAAA")),
            ("y", Value::Null),
        ] {
            let refused = with(&|head, _| head["jwk"][name] = value.clone());
            assert_eq!(refused, Err(BadProof::Form), "{name} {value}");
        }
        for (name, value, why) in [
            ("htm", json!("GET"), BadProof::Other),
            ("htu", json!("https://backup.example/oauth2/revoke"), BadProof::Other),
            ("htu", json!("https://evil.example/oauth2/token"), BadProof::Other),
            ("htu", json!("http://backup.example/oauth2/token"), BadProof::Other),
            ("iat", json!(NOW.seconds() - 61), BadProof::Time),
            ("iat", json!(NOW.seconds() + 61), BadProof::Time),
            ("iat", json!(i64::MIN), BadProof::Time),
            ("iat", json!(i64::MAX), BadProof::Time),
            ("iat", Value::Null, BadProof::Form),
            ("jti", json!(""), BadProof::Form),
            ("jti", Value::Null, BadProof::Form),
        ] {
            let refused = with(&|_, claims| claims[name] = value.clone());
            assert_eq!(refused, Err(why), "{name} {value}");
        }
        for good in [
            "HTTPS://BACKUP.example:443/oauth2/token",
            "https://backup.example/oauth2/token?a=b#c",
        ] {
            assert!(with(&|_, claims| claims["htu"] = good.into()).is_ok(), "{good}");
        }
        let mut stranger = head();
        let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        stranger["jwk"]["x"] = data_encoding::BASE64URL_NOPAD
            .encode(&other.public_key().as_ref()[1..33])
            .into();
        stranger["jwk"]["y"] = data_encoding::BASE64URL_NOPAD
            .encode(&other.public_key().as_ref()[33..])
            .into();
        assert_eq!(read(&es256(&stranger, &claims())), Err(BadProof::Signature));
    }

    #[test]
    fn at_a_resource_a_proof_is_of_one_access_token() {
        let mut claims = claims();
        claims["ath"] = data_encoding::BASE64URL_NOPAD.encode(&Sha256::of(b"token").0).into();
        let proof = es256(&head(), &claims);
        let with = |token| Proof::read(&proof, "POST", HERE, Some(token), NOW);
        assert!(with("token").is_ok());
        assert_eq!(with("another"), Err(BadProof::Other));
        let without = es256(&head(), &self::claims());
        assert_eq!(
            Proof::read(&without, "POST", HERE, Some("token"), NOW),
            Err(BadProof::Other)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(text in "\\PC{0,200}", head in "[ -~]{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
            let made = |head: &[u8]| format!("{}.{}.{}", encode(head), encode(&bytes), encode(&bytes));
            prop_assert!(read(&text).is_err());
            prop_assert!(read(&made(head.as_bytes())).is_err());
            let mut jwk = self::head();
            jwk["jwk"]["x"] = head.into();
            prop_assert!(read(&made(jwk.to_string().as_bytes())).is_err());
            normal(&text);
        }
    }
}
