//! Proof Key for Code Exchange (RFC 7636), method S256 alone.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Sha256;
use crate::clock::{Entropy, random};

/// The text is no S256 challenge, or no verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPkce {
    /// Not 32 bytes in base64url without padding.
    #[error("code_challenge must be a SHA-256 in base64url without padding (RFC 7636, section 4.2)")]
    Challenge,
    /// Another length or other letters.
    #[error("code_verifier must be 43 to 128 letters, digits, '-', '.', '_' or '~' (RFC 7636, section 4.1)")]
    Verifier,
}

/// What the client sends first: the hash of its verifier (section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge(pub [u8; 32]);

impl Challenge {
    /// Reads `code_challenge`.
    pub fn parse(text: &str) -> Result<Self, BadPkce> {
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| BadPkce::Challenge)?;
        bytes.try_into().map(Self).map_err(|_| BadPkce::Challenge)
    }

    /// As it is sent.
    pub fn to_text(self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }

    /// Whether the verifier is the one that this challenge was made of (section 4.6).
    pub fn answered_by(self, verifier: &Verifier) -> bool {
        self.0.ct_eq(&verifier.challenge().0).into()
    }
}

/// What the client shows last.
pub struct Verifier(Zeroizing<String>);

impl Verifier {
    /// A fresh one of 256 bits.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(
            data_encoding::BASE64URL_NOPAD.encode(&random::<32>(entropy)),
        ))
    }

    /// Reads `code_verifier`.
    pub fn parse(text: &str) -> Result<Self, BadPkce> {
        let unreserved = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
        if unreserved && (43..=128).contains(&text.len()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(BadPkce::Verifier)
        }
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its challenge.
    pub fn challenge(&self) -> Challenge {
        Challenge(Sha256::of(self.0.as_bytes()).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn req_4_the_vector_of_rfc_7636_appendix_b() {
        let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert_eq!(verifier.challenge(), challenge);
        assert!(challenge.answered_by(&verifier));
        let other = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl").unwrap();
        assert!(!challenge.answered_by(&other));
    }

    #[test]
    fn what_is_no_challenge_or_verifier_is_refused() {
        for bad in [
            "",
            "plain",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            assert_eq!(Challenge::parse(bad), Err(BadPkce::Challenge), "{bad}");
        }
        for bad in [
            &"a".repeat(42),
            &"a".repeat(129),
            &format!("{}é", "a".repeat(43)),
            &" ".repeat(43),
        ] {
            assert!(Verifier::parse(bad).is_err(), "{bad}");
        }
    }
}
