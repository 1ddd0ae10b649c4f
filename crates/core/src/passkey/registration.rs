use serde::Deserialize;

use super::authenticator_data::AuthenticatorData;
use super::cbor::Map;
use super::client_data::{self, Ceremony};
use super::{PasskeyChallenge, PasskeyRefusal, PublicKey, RelyingParty, bytes_of};

/// A browser's answer to [`super::creation_options`], read but not believed (section 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    id: Vec<u8>,
    client_data: Vec<u8>,
    attestation: Vec<u8>,
}

/// A passkey that may be kept. Only [`Registration::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasskey {
    credential_id: Vec<u8>,
    public_key: PublicKey,
    sign_count: u32,
}

/// `RegistrationResponseJSON` (section 5.1), as much of it as is used.
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
    attestation_object: String,
}

impl Registration {
    /// Reads what a browser sent.
    pub fn parse(json: &str) -> Result<Self, PasskeyRefusal> {
        let sent: Sent = serde_json::from_str(json).map_err(|_| PasskeyRefusal::Unreadable)?;
        Ok(Self {
            id: bytes_of(&sent.id)?,
            client_data: bytes_of(&sent.response.client_data)?,
            attestation: bytes_of(&sent.response.attestation_object)?,
        })
    }

    /// Checks it against the challenge that was kept for it. The caller uses the challenge up in the same transaction, and keeps the
    /// passkey only if no account has one of its id.
    pub fn verify(&self, party: &RelyingParty, challenge: &PasskeyChallenge) -> Result<NewPasskey, PasskeyRefusal> {
        client_data::check(&self.client_data, Ceremony::Create, challenge, party)?;
        let attestation = Map::of(&self.attestation)?;
        let data = AuthenticatorData::parse(attestation.named_bytes("authData")?)?;
        data.check(party)?;
        let attested = data.attested()?;
        if attested.credential_id != self.id {
            return Err(PasskeyRefusal::Unreadable);
        }
        Ok(NewPasskey {
            credential_id: attested.credential_id,
            public_key: attested.public_key,
            sign_count: data.sign_count,
        })
    }
}

impl NewPasskey {
    /// What its authenticator calls it.
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// What its signatures are checked with.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// How often it has signed, as far as it counts.
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }
}
