//! Recovery codes: ten on paper, each once, for the day on which the second factor is lost (look-up secrets, NIST
//! SP 800-63B-4, section 3.1.2).

use crate::Sha256;
use crate::clock::{Entropy, random};

/// How many codes a set has.
pub const CODES: usize = 10;

/// Letters of a code: five bits each, 120 together, so that a plain hash may be kept.
const LETTERS: usize = 24;

/// A recovery code, as it is typed or printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

/// The text cannot be a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recovery code has four groups of six letters and digits")]
pub struct BadRecoveryCode;

/// Proof that somebody has just shown a recovery code that is kept for their account. Only [`RecoveryCode::among`] makes one.
#[derive(Debug)]
pub struct ShownRecoveryCode(());

impl RecoveryCode {
    /// A fresh one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut text = data_encoding::BASE32_NOPAD.encode(&random::<15>(entropy));
        text.make_ascii_lowercase();
        Self(text)
    }

    /// A fresh set, to be shown once.
    pub fn set(entropy: &dyn Entropy) -> Vec<Self> {
        (0..CODES).map(|_| Self::new(entropy)).collect()
    }

    /// One that was typed: spaces, dashes and case do not count, and digits that the codes do not have stand for the letters that
    /// look like them.
    pub fn parse(text: &str) -> Result<Self, BadRecoveryCode> {
        let code: String = text
            .chars()
            .filter(|letter| !letter.is_whitespace() && *letter != '-')
            .map(|letter| match letter.to_ascii_lowercase() {
                '0' => 'o',
                '1' => 'i',
                '8' => 'b',
                other => other,
            })
            .collect();
        let known = |letter: u8| letter.is_ascii_lowercase() || matches!(letter, b'2'..=b'7');
        if code.len() == LETTERS && code.bytes().all(known) {
            Ok(Self(code))
        } else {
            Err(BadRecoveryCode)
        }
    }

    /// In groups, to be printed.
    pub fn grouped(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        let groups: Vec<String> = letters.chunks(6).map(|group| group.iter().collect()).collect();
        groups.join("-")
    }

    /// What the store keeps.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(format!("recovery {}", self.0).as_bytes())
    }

    /// Looks for the code among those that are kept and were not used; the caller marks it used in the same transaction.
    pub fn among(&self, kept: &[Sha256]) -> Option<ShownRecoveryCode> {
        kept.contains(&self.hash()).then_some(ShownRecoveryCode(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn req_32_a_set_has_ten_codes_which_come_back_as_they_are_typed() {
        let set = RecoveryCode::set(&Counting(7.into()));
        let kept: Vec<_> = set.iter().map(RecoveryCode::hash).collect();
        assert_eq!(set.len(), 10);
        for code in &set {
            let typed = code
                .grouped()
                .to_uppercase()
                .replace('-', " ")
                .replace('O', "0")
                .replace('I', "1");
            assert!(RecoveryCode::parse(&typed).unwrap() == *code, "{typed}");
            assert!(code.among(&kept).is_some());
            assert_eq!(kept.iter().filter(|hash| **hash == code.hash()).count(), 1);
        }
        assert!(RecoveryCode::new(&Counting(8.into())).among(&kept).is_none());
    }

    #[test]
    fn what_is_no_code_is_not_read() {
        for bad in [
            "",
            "123456",
            "abcdef-abcdef-abcdef-abcde",
            "abcdef-abcdef-abcdef-abcdefg",
            "äbcdef-abcdef-abcdef-abcdef",
        ] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }
}
