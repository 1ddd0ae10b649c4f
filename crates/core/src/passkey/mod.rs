//! Passkeys (W3C Web Authentication, Level 3): registration and assertion, checked without any input or output.
//!
//! | step | here |
//! |---|---|
//! | who we are to an authenticator | [`RelyingParty`] |
//! | what a browser is asked | [`creation_options`], [`request_options`] |
//! | a new passkey | [`Registration::verify`] |
//! | a passkey is shown | [`Assertion::verify`], which alone makes a [`ShownPasskey`] |
//!
//! Which authenticator it is does not matter here, so attestation is neither asked for nor looked at. Section numbers are those
//! of the recommendation.

mod assertion;
mod authenticator_data;
mod cbor;
mod client_data;
mod options;
mod public_key;
mod registration;
mod relying_party;
#[cfg(test)]
mod soft;
#[cfg(test)]
mod tests;

pub use assertion::{Assertion, ShownPasskey};
pub use options::{creation_options, request_options};
pub use public_key::PublicKey;
pub use registration::{NewPasskey, Registration};
pub use relying_party::RelyingParty;

use subtle::ConstantTimeEq as _;

use crate::AccountId;
use crate::clock::{Entropy, random};

/// The largest part of an answer that is read, in bytes.
const LARGEST: usize = 16 * 1024;
/// The largest id of a credential, in bytes (section 4, "Credential ID").
const LARGEST_ID: usize = 1023;

/// How long a challenge may be answered, in seconds.
pub const CHALLENGE_SECONDS: i64 = 300;

/// What an authenticator signs, so that an answer is good once: 32 random bytes (section 13.4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyChallenge([u8; 32]);

impl PasskeyChallenge {
    /// A fresh one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// One that was kept.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be kept.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As options and client data have it: base64url.
    pub fn to_text(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }

    fn is(&self, text: &str) -> bool {
        self.to_text().as_bytes().ct_eq(text.as_bytes()).into()
    }
}

/// A passkey as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its number, which nothing outside knows.
    pub id: i64,
    /// Whose.
    pub account: AccountId,
    /// What its authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What its signatures are checked with.
    pub public_key: PublicKey,
    /// How often it has signed, as far as it counts; zero where it does not.
    pub sign_count: u32,
}

/// What an authenticator files an account's passkeys under, and gives back with them.
pub fn user_handle(account: AccountId) -> Vec<u8> {
    account.subject().into_bytes()
}

/// Why a passkey, or its signature, is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    /// It cannot be read.
    #[error("the browser's answer cannot be read")]
    Unreadable,
    /// It is of another ceremony, challenge or site.
    #[error("the browser's answer is not to this question: try again")]
    OtherCeremony,
    /// Nobody touched the authenticator.
    #[error("the authenticator did not say that somebody was there")]
    NotPresent,
    /// The authenticator did not ask for a PIN, finger or face.
    #[error("the authenticator did not check who you are: set a PIN on it, then try again")]
    NotVerified,
    /// It signs in a way that is not known here.
    #[error("this authenticator's kind of key is not taken here")]
    UnknownAlgorithm,
    /// The signature is wrong.
    #[error("the passkey's signature is wrong")]
    WrongSignature,
    /// It is another account's.
    #[error("this passkey belongs to another account")]
    OtherAccount,
    /// It has signed less often than before: there are two of it.
    #[error("this passkey counts backwards: it may have been copied. Remove it and make a new one")]
    CountsBackwards,
}

/// Base64url without padding, as browsers write it.
fn bytes_of(text: &str) -> Result<Vec<u8>, PasskeyRefusal> {
    if text.len() > LARGEST.div_ceil(3) * 4 {
        return Err(PasskeyRefusal::Unreadable);
    }
    data_encoding::BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| PasskeyRefusal::Unreadable)
}
