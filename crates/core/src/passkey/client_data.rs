//! What the browser says about the ceremony (section 5.8.1).

use serde::Deserialize;

use super::{LARGEST, PasskeyChallenge, PasskeyRefusal, RelyingParty};

/// Which ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// A new passkey.
    Create,
    /// One is shown.
    Get,
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

/// Checks that a browser's own words are of this ceremony, challenge and site.
pub fn check(
    bytes: &[u8],
    ceremony: Ceremony,
    challenge: &PasskeyChallenge,
    party: &RelyingParty,
) -> Result<(), PasskeyRefusal> {
    if bytes.len() > LARGEST {
        return Err(PasskeyRefusal::Unreadable);
    }
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| PasskeyRefusal::Unreadable)?;
    let kind = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if data.kind == kind && challenge.is(&data.challenge) && data.origin == party.origin() && !data.cross_origin {
        Ok(())
    } else {
        Err(PasskeyRefusal::OtherCeremony)
    }
}
