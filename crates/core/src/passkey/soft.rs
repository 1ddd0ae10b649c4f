//! An authenticator in software, for tests: it makes what a real one would, or something wrong on purpose.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;

/// A passkey with its private key.
pub struct SoftKey {
    /// What it calls itself.
    pub credential_id: Vec<u8>,
    /// How often it has signed.
    pub count: u32,
    /// Whether it says that it checked who was there.
    pub verifies: bool,
    /// The domain that it is made for.
    pub party: String,
    /// The origin of the page that asks.
    pub origin: String,
    /// What it files the account under.
    pub user_handle: Vec<u8>,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// Which kind of key.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "not every test that includes this uses every kind")]
pub enum Kind {
    /// ECDSA over P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA of 2048 bits.
    Rs256,
}

impl SoftKey {
    /// A fresh one.
    pub fn new(kind: Kind, name: &str, party: &str, origin: &str) -> Self {
        let pair = match kind {
            Kind::Es256 => Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            Kind::EdDsa => Pair::EdDsa(Ed25519KeyPair::generate().unwrap()),
            Kind::Rs256 => Pair::Rs256(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap()),
        };
        Self {
            credential_id: format!("credential of {name}").into_bytes(),
            count: 0,
            verifies: true,
            party: party.to_owned(),
            origin: origin.to_owned(),
            user_handle: Vec::new(),
            pair,
        }
    }

    /// Its public key as COSE.
    pub fn cose(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let mut out = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
                out.extend(&point[1..33]);
                out.extend([0x22, 0x58, 0x20]);
                out.extend(&point[33..]);
                out
            }
            Pair::EdDsa(pair) => {
                let mut out = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
                out.extend(pair.public_key().as_ref());
                out
            }
            Pair::Rs256(pair) => {
                let modulus = pair.public_key().modulus().big_endian_without_leading_zero();
                let exponent = pair.public_key().exponent().big_endian_without_leading_zero();
                let mut out = vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00];
                out.extend(modulus);
                out.extend([0x21, 0x40 + u8::try_from(exponent.len()).unwrap()]);
                out.extend(exponent);
                out
            }
        }
    }

    /// Authenticator data; `attested` adds the passkey itself.
    pub fn data(&self, attested: bool) -> Vec<u8> {
        let mut out = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.party.as_bytes())
            .as_ref()
            .to_vec();
        let flags = 1 | if self.verifies { 4 } else { 0 } | if attested { 0x40 } else { 0 };
        out.push(flags);
        out.extend(self.count.to_be_bytes());
        if attested {
            out.extend([0; 16]);
            out.extend(u16::try_from(self.credential_id.len()).unwrap().to_be_bytes());
            out.extend(&self.credential_id);
            out.extend(self.cose());
        }
        out
    }

    /// What a browser says of a ceremony.
    pub fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        format!(
            "{{\"type\":\"{kind}\",\"challenge\":\"{challenge}\",\"origin\":\"{}\",\"crossOrigin\":false}}",
            self.origin
        )
        .into_bytes()
    }

    /// The attestation object around authenticator data.
    pub fn attestation(data: &[u8]) -> Vec<u8> {
        let mut out = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        out.extend(data);
        out
    }

    /// The answer to a challenge for a new passkey.
    pub fn register(&self, challenge: &str) -> String {
        format!(
            "{{\"id\":\"{}\",\"type\":\"public-key\",\"response\":{{\"clientDataJSON\":\"{}\",\"attestationObject\":\"{}\"}}}}",
            encoded(&self.credential_id),
            encoded(&self.client_data("webauthn.create", challenge)),
            encoded(&Self::attestation(&self.data(true)))
        )
    }

    /// The answer to a challenge to show it. It counts on.
    pub fn show(&mut self, challenge: &str) -> String {
        self.count += 1;
        let (data, client) = (self.data(false), self.client_data("webauthn.get", challenge));
        let mut signed = data.clone();
        signed.extend(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &client).as_ref());
        format!(
            "{{\"id\":\"{}\",\"type\":\"public-key\",\"response\":{{\"clientDataJSON\":\"{}\",\"authenticatorData\":\"{}\",\
             \"signature\":\"{}\",\"userHandle\":\"{}\"}}}}",
            encoded(&self.credential_id),
            encoded(&client),
            encoded(&data),
            encoded(&self.sign(&signed)),
            encoded(&self.user_handle)
        )
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
