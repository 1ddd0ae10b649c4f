use serde::Deserialize;

use super::authenticator_data::AuthenticatorData;
use super::client_data::{self, Ceremony};
use super::{Passkey, PasskeyChallenge, PasskeyRefusal, RelyingParty, bytes_of, user_handle};
use crate::factor::FreshFactor;
use crate::{AccountId, Sha256};

/// A browser's answer to [`super::request_options`], read but not believed (section 7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

/// Proof that somebody has just shown a passkey of an account. Only [`Assertion::verify`] makes one.
#[derive(Debug)]
pub struct ShownPasskey {
    account: AccountId,
    id: i64,
    user_verified: bool,
    sign_count: u32,
}

/// `AuthenticationResponseJSON` (section 5.1), as much of it as is used.
#[derive(Deserialize)]
struct Sent {
    id: String,
    response: SentResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

impl Assertion {
    /// Reads what a browser sent.
    pub fn parse(json: &str) -> Result<Self, PasskeyRefusal> {
        let sent: Sent = serde_json::from_str(json).map_err(|_| PasskeyRefusal::Unreadable)?;
        let handle = sent.response.user_handle.filter(|handle| !handle.is_empty());
        Ok(Self {
            id: bytes_of(&sent.id)?,
            client_data: bytes_of(&sent.response.client_data)?,
            authenticator_data: bytes_of(&sent.response.authenticator_data)?,
            signature: bytes_of(&sent.response.signature)?,
            user_handle: handle.map(|handle| bytes_of(&handle)).transpose()?,
        })
    }

    /// By which the store finds the passkey.
    pub fn credential_id(&self) -> &[u8] {
        &self.id
    }

    /// Checks it against the passkey of its id and the challenge that was kept for it. The caller uses the challenge up and keeps the
    /// new count in the same transaction.
    pub fn verify(
        &self,
        party: &RelyingParty,
        challenge: &PasskeyChallenge,
        kept: &Passkey,
    ) -> Result<ShownPasskey, PasskeyRefusal> {
        if self.id != kept.credential_id {
            return Err(PasskeyRefusal::OtherAccount);
        }
        if self
            .user_handle
            .as_ref()
            .is_some_and(|handle| *handle != user_handle(kept.account))
        {
            return Err(PasskeyRefusal::OtherAccount);
        }
        client_data::check(&self.client_data, Ceremony::Get, challenge, party)?;
        let data = AuthenticatorData::parse(&self.authenticator_data)?;
        data.check(party)?;
        let mut signed = self.authenticator_data.clone();
        signed.extend(Sha256::of(&self.client_data).0);
        kept.public_key.verify(&signed, &self.signature)?;
        // Authenticators that do not count stay at zero (section 7.2, step 22).
        if (data.sign_count, kept.sign_count) != (0, 0) && data.sign_count <= kept.sign_count {
            return Err(PasskeyRefusal::CountsBackwards);
        }
        Ok(ShownPasskey {
            account: kept.account,
            id: kept.id,
            user_verified: data.user_verified(),
            sign_count: data.sign_count,
        })
    }
}

#[cfg(test)]
impl ShownPasskey {
    /// As if it had been verified, for the tests of what it leads to.
    pub(crate) const fn unchecked(account: AccountId, user_verified: bool) -> Self {
        Self {
            account,
            id: 1,
            user_verified,
            sign_count: 1,
        }
    }
}

#[cfg(test)]
impl Assertion {
    /// The same with one octet of the authenticator's data changed.
    pub(super) fn with_data(&self, at: usize, change: u8) -> Self {
        let mut changed = self.clone();
        changed.authenticator_data[at] ^= change;
        changed
    }
}

impl ShownPasskey {
    /// Whose.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The passkey's number in the store.
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// How often it has signed now.
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Whether its authenticator checked who was there: then it is two factors at once.
    pub const fn user_verified(&self) -> bool {
        self.user_verified
    }

    /// The fresh factor that it is, if its authenticator checked who was there.
    ///
    /// # Errors
    /// It did not.
    pub const fn fresh(self) -> Result<FreshFactor, PasskeyRefusal> {
        if self.user_verified {
            Ok(FreshFactor::shown())
        } else {
            Err(PasskeyRefusal::NotVerified)
        }
    }
}
