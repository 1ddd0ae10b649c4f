//! The second factor: one-time codes (RFC 6238), each step once.

use countersign_events::Timestamp;
use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

use crate::clock::{Entropy, random};

/// How long a step is, in seconds (RFC 6238, section 5.2).
pub const STEP_SECONDS: i64 = 30;

/// How many steps before and after the present one are taken, for clocks that differ (RFC 6238, section 6).
const SKEW: i64 = 1;

/// Proof that a person has just shown a fresh second factor. Only [`TotpSecret::verify`] and
/// [`crate::passkey::ShownPasskey::fresh`] make one.
#[derive(Debug)]
pub struct FreshFactor(());

impl FreshFactor {
    /// For passkeys, which check for themselves.
    pub(crate) const fn shown() -> Self {
        Self(())
    }
}

/// What an account can show beside its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Factors {
    /// Whether an authenticator app is enrolled.
    pub totp: bool,
    /// How many passkeys are.
    pub passkeys: u32,
    /// How many recovery codes are left. They stand in for a lost factor and are none by themselves.
    pub recovery_codes: u32,
}

impl Factors {
    /// Whether there is a second factor: one that a logon then always asks for, and that a decision can be made with.
    pub const fn enrolled(self) -> bool {
        self.totp || self.passkeys > 0
    }

    /// How many second factors there are; an authenticator app is one, each passkey is one.
    pub fn count(self) -> u32 {
        self.passkeys.saturating_add(u32::from(self.totp))
    }
}

/// The secret of a one-time code.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

/// Why a code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// It is not the code of now.
    #[error("the one-time code is wrong")]
    Wrong,
    /// It, or a later one, was used before.
    #[error("this one-time code was already used: wait for the next one")]
    AlreadyUsed,
}

/// The secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a second-factor secret is 16 to 64 bytes in base32")]
pub struct BadSecret;

impl TotpSecret {
    /// A fresh secret of 160 bits (RFC 4226, section 4, R6).
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random::<20>(entropy).to_vec()))
    }

    /// A secret made elsewhere, or unsealed.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, BadSecret> {
        if (16..=64).contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes)))
        } else {
            Err(BadSecret)
        }
    }

    /// A secret in base32, with or without padding, spaces and lower case.
    pub fn from_base32(text: &str) -> Result<Self, BadSecret> {
        let plain: String = text
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '-' | '='))
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let bytes = data_encoding::BASE32_NOPAD
            .decode(plain.as_bytes())
            .map_err(|_| BadSecret)?;
        Self::from_bytes(bytes)
    }

    /// The bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In base32, to be typed into an authenticator.
    pub fn to_base32(&self) -> String {
        data_encoding::BASE32_NOPAD.encode(&self.0)
    }

    /// The address that an authenticator reads from a QR code.
    pub fn otpauth(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (escaped(issuer), escaped(account));
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            self.to_base32()
        )
    }

    /// Checks a code. `last_step` is the last accepted one; the caller stores the new one in the same transaction.
    pub fn verify(
        &self,
        code: &str,
        last_step: Option<i64>,
        now: Timestamp,
    ) -> Result<(FreshFactor, i64), CodeRefusal> {
        let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
        if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CodeRefusal::Wrong);
        }
        let present = now.0.div_euclid(1_000_000 * STEP_SECONDS);
        let mut matched = None;
        // Every step is compared, so that the time tells nothing.
        for step in present - SKEW..=present + SKEW {
            let right = self.code(step).ok_or(CodeRefusal::Wrong)?;
            if subtle::ConstantTimeEq::ct_eq(right.as_bytes(), code.as_bytes()).into() {
                matched = Some(step);
            }
        }
        match matched {
            None => Err(CodeRefusal::Wrong),
            Some(step) if last_step.is_some_and(|last| step <= last) => Err(CodeRefusal::AlreadyUsed),
            Some(step) => Ok((FreshFactor(()), step)),
        }
    }

    /// The code of the step in which this time lies: for a demonstration and for tests.
    pub fn code_at(&self, now: Timestamp) -> Option<String> {
        self.code(now.0.div_euclid(1_000_000 * STEP_SECONDS))
    }

    fn code(&self, step: i64) -> Option<String> {
        let time = u64::try_from(step.checked_mul(STEP_SECONDS)?).ok()?;
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_secret(self.0.to_vec())
            .build()
            .ok()?;
        Some(totp.generate(time).to_string())
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890".to_vec()).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp(seconds * 1_000_000);
            assert_eq!(secret().code_at(now).unwrap(), code);
            assert!(secret().verify(code, None, now).is_ok());
        }
    }

    #[test]
    fn a_step_works_once() {
        let now = Timestamp(1_111_111_109_000_000);
        let (_, step) = secret().verify("081804", None, now).unwrap();
        assert_eq!(
            secret().verify("081804", Some(step), now).unwrap_err(),
            CodeRefusal::AlreadyUsed
        );
        assert_eq!(
            secret().verify("081804", Some(step + 1), now).unwrap_err(),
            CodeRefusal::AlreadyUsed
        );
        assert!(secret().verify("081804", Some(step - 1), now).is_ok());
    }

    #[test]
    fn a_code_is_good_for_its_step_and_its_neighbours() {
        let at = |seconds: i64| secret().verify("081804", None, Timestamp(seconds * 1_000_000)).is_ok();
        assert!(at(1_111_111_109) && at(1_111_111_109 + 30) && at(1_111_111_109 - 30));
        assert!(!at(1_111_111_109 + 90) && !at(1_111_111_109 - 90));
    }

    #[test]
    fn what_is_no_code_is_wrong() {
        for bad in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(
                secret().verify(bad, None, Timestamp(0)).unwrap_err(),
                CodeRefusal::Wrong
            );
        }
    }

    #[test]
    fn a_secret_comes_back_from_base32() {
        let text = secret().to_base32();
        assert_eq!(
            TotpSecret::from_base32(&text.to_lowercase()).unwrap().bytes(),
            secret().bytes()
        );
        assert!(TotpSecret::from_base32("short").is_err());
        assert_eq!(
            secret().otpauth("Counter sign", "TECH\\user1"),
            "otpauth://totp/Counter%20sign:TECH%5Cuser1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Counter%20sign&algorithm=SHA1&digits=6&period=30"
        );
    }
}
