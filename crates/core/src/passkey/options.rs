//! What a browser is asked (sections 5.4 and 5.5), in the form that `parseCreationOptionsFromJSON` takes.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::public_key::ALGORITHMS;
use super::{CHALLENGE_SECONDS, PasskeyChallenge, RelyingParty, user_handle};
use crate::Account;

/// Whether the authenticator must check who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    Required,
    Preferred,
}

/// Asks for a new passkey of an account, on an authenticator that has none of these.
pub fn creation_options(
    party: &RelyingParty,
    account: &Account,
    existing: &[Vec<u8>],
    challenge: &PasskeyChallenge,
) -> Value {
    let parameters: Vec<_> = ALGORITHMS
        .iter()
        .map(|algorithm| json!({"type": "public-key", "alg": algorithm}))
        .collect();
    json!({
        "rp": {"id": party.id(), "name": "Countersign"},
        "user": {
            "id": BASE64URL_NOPAD.encode(&user_handle(account.id)),
            "name": account.name.as_str(),
            "displayName": account.name.as_str(),
        },
        "challenge": challenge.to_text(),
        "pubKeyCredParams": parameters,
        "timeout": CHALLENGE_SECONDS * 1000,
        "excludeCredentials": credentials(existing),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
        "attestation": "none",
    })
}

/// Asks for a passkey: one of these, or any that the authenticator has for this server when there are none. `alone` says that
/// nothing else is asked for, so that the authenticator must check who is there.
pub fn request_options(party: &RelyingParty, allowed: &[Vec<u8>], alone: bool, challenge: &PasskeyChallenge) -> Value {
    let verification = if alone {
        Verification::Required
    } else {
        Verification::Preferred
    };
    json!({
        "rpId": party.id(),
        "challenge": challenge.to_text(),
        "timeout": CHALLENGE_SECONDS * 1000,
        "allowCredentials": credentials(allowed),
        "userVerification": match verification {
            Verification::Required => "required",
            Verification::Preferred => "preferred",
        },
    })
}

fn credentials(ids: &[Vec<u8>]) -> Vec<Value> {
    ids.iter()
        .map(|id| json!({"type": "public-key", "id": BASE64URL_NOPAD.encode(id)}))
        .collect()
}
