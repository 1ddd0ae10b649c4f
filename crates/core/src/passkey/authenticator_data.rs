//! What the authenticator says (section 6.1).

use super::{LARGEST, LARGEST_ID, PasskeyRefusal, PublicKey, RelyingParty};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

/// The part that every answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    party: [u8; 32],
    flags: u8,
    /// How often the passkey has signed; zero where it does not count.
    pub sign_count: u32,
    /// What follows: the new passkey of a registration, extensions.
    rest: &'a [u8],
}

/// The new passkey of a registration (section 6.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// What its authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What its signatures are checked with.
    pub public_key: PublicKey,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyRefusal> {
        if bytes.len() > LARGEST {
            return Err(PasskeyRefusal::Unreadable);
        }
        let (party, rest) = bytes.split_first_chunk::<32>().ok_or(PasskeyRefusal::Unreadable)?;
        let (flags, rest) = rest.split_first().ok_or(PasskeyRefusal::Unreadable)?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or(PasskeyRefusal::Unreadable)?;
        let data = Self {
            party: *party,
            flags: *flags,
            sign_count: u32::from_be_bytes(*count),
            rest,
        };
        // A key that says it is copied although it cannot be (section 6.1.3).
        if data.has(BACKED_UP) && !data.has(BACKUP_ELIGIBLE) {
            return Err(PasskeyRefusal::Unreadable);
        }
        Ok(data)
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether it checked who was there: by a PIN, a finger, a face.
    pub const fn user_verified(&self) -> bool {
        self.has(USER_VERIFIED)
    }

    /// Checks that it is for this server and that somebody was there.
    pub fn check(&self, party: &RelyingParty) -> Result<(), PasskeyRefusal> {
        if self.party != party.hash().0 {
            Err(PasskeyRefusal::OtherCeremony)
        } else if !self.has(USER_PRESENT) {
            Err(PasskeyRefusal::NotPresent)
        } else {
            Ok(())
        }
    }

    /// The new passkey of a registration.
    pub fn attested(&self) -> Result<Attested, PasskeyRefusal> {
        if !self.has(ATTESTED) {
            return Err(PasskeyRefusal::Unreadable);
        }
        // Sixteen bytes say which model it is: not asked for.
        let (_, rest) = self.rest.split_at_checked(16).ok_or(PasskeyRefusal::Unreadable)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(PasskeyRefusal::Unreadable)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).ok_or(PasskeyRefusal::Unreadable)?;
        if id.is_empty() || id.len() > LARGEST_ID {
            return Err(PasskeyRefusal::Unreadable);
        }
        Ok(Attested {
            credential_id: id.to_vec(),
            public_key: PublicKey::at_start_of(rest)?,
        })
    }
}
