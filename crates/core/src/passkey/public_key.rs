//! The public key of a passkey: a COSE key (RFC 9052, section 7; RFC 9053; RFC 8230) of one of three kinds.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use super::PasskeyRefusal;
use super::cbor::Map;

/// COSE: the kinds of signatures that are taken, in the order in which they are asked for.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// What a passkey's signatures are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// As its authenticator wrote it.
    cose: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// ECDSA over P-256 with SHA-256: an uncompressed point.
    Es256([u8; 65]),
    /// Ed25519.
    EdDsa([u8; 32]),
    /// RSA, PKCS #1 v1.5 with SHA-256.
    Rs256 { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl PublicKey {
    /// A key that was kept.
    pub fn parse(cose: &[u8]) -> Result<Self, PasskeyRefusal> {
        let key = Self::at_start_of(cose)?;
        if key.cose.len() == cose.len() {
            Ok(key)
        } else {
            Err(PasskeyRefusal::Unreadable)
        }
    }

    /// As it is kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.cose
    }

    /// The key at the start of these bytes; extensions may follow.
    pub(super) fn at_start_of(bytes: &[u8]) -> Result<Self, PasskeyRefusal> {
        let (map, length) = Map::at_start_of(bytes)?;
        let kind = match (map.int(1)?, map.int(3)?) {
            (2, ES256) if map.int(-1)? == 1 => {
                let mut point = [4; 65];
                point[1..33].copy_from_slice(exactly::<32>(map.bytes(-2)?)?);
                point[33..].copy_from_slice(exactly::<32>(map.bytes(-3)?)?);
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| PasskeyRefusal::Unreadable)?;
                Kind::Es256(point)
            }
            (1, EDDSA) if map.int(-1)? == 6 => Kind::EdDsa(*exactly::<32>(map.bytes(-2)?)?),
            (3, RS256) => {
                let (modulus, exponent) = (map.bytes(-1)?, map.bytes(-2)?);
                if !(256..=1024).contains(&modulus.len()) || !(1..=8).contains(&exponent.len()) {
                    return Err(PasskeyRefusal::UnknownAlgorithm);
                }
                Kind::Rs256 {
                    modulus: modulus.to_vec(),
                    exponent: exponent.to_vec(),
                }
            }
            _ => return Err(PasskeyRefusal::UnknownAlgorithm),
        };
        Ok(Self {
            cose: bytes[..length].to_vec(),
            kind,
        })
    }

    /// Checks a signature over a message.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PasskeyRefusal> {
        let verified = match &self.kind {
            Kind::Es256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                .ok()
                .and_then(|key| key.verify_sig(message, signature).ok()),
            Kind::EdDsa(point) => ParsedPublicKey::new(&ED25519, point)
                .ok()
                .and_then(|key| key.verify_sig(message, signature).ok()),
            Kind::Rs256 { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .ok(),
        };
        verified.ok_or(PasskeyRefusal::WrongSignature)
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], PasskeyRefusal> {
    bytes.try_into().map_err(|_| PasskeyRefusal::Unreadable)
}
