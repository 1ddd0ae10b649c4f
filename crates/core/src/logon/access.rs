//! Access tokens: signed JWTs (RFC 9068) that say who, for what, and of which chain. What they say is checked here with the time
//! handed in; whether the account and the chain still stand is asked of the store with each use.

use countersign_events::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{ACCESS_TOKEN_SECONDS, Chain, ChainEnd, ClientId, Resource, Thumbprint};
use crate::clock::{Entropy, random};
use crate::{Account, AccountId, Sha256};

/// The type of access tokens (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";
/// How far another node's clock may be ahead of ours, in seconds: for the beginning alone, never for the end.
const LEEWAY_SECONDS: i64 = 5;
/// Longer than any token of ours.
const LONGEST: usize = 4096;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it.
    pub iss: String,
    /// Whose it is, as the events say it: `UID-7`.
    pub sub: String,
    /// What it is for: a [`Resource`]'s id.
    pub aud: String,
    /// Whom it was given to.
    pub client_id: ClientId,
    /// When it was made, in seconds.
    pub iat: i64,
    /// From when on it holds, where that is said, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it ends, in seconds.
    pub exp: i64,
    /// No two have the same.
    pub jti: String,
    /// When the person logged on, in seconds.
    pub auth_time: i64,
    /// What may be done with it, in one word.
    pub scope: String,
    /// The account's revision at the logon.
    pub rev: i64,
    /// The token chain.
    pub sid: String,
    /// The key that it is bound to (RFC 9449, section 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// What a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The key's thumbprint.
    pub jkt: Thumbprint,
}

impl AccessClaims {
    /// What the next access token of a chain says.
    pub fn next_of(chain: &Chain, issuer: &str, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let issued = now.seconds();
        // No token outlives its chain.
        let expires = (issued + ACCESS_TOKEN_SECONDS).min(chain.ends_at.seconds());
        Self {
            iss: issuer.to_owned(),
            sub: chain.account.subject(),
            aud: chain.resource.id().to_owned(),
            client_id: chain.client.clone(),
            iat: issued,
            nbf: None,
            exp: expires,
            jti: data_encoding::HEXLOWER.encode(&random::<16>(entropy)),
            auth_time: chain.created_at.seconds(),
            scope: chain.resource.scope().to_owned(),
            rev: chain.account_revision,
            sid: chain.id.clone(),
            cnf: chain.key.clone().map(|jkt| Confirmation { jkt }),
        }
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp(0).plus_seconds(self.exp)
    }

    /// What it is for.
    pub fn resource(&self) -> Option<Resource> {
        Resource::with_id(&self.aud)
    }

    /// Whose it is.
    pub fn account(&self) -> Option<AccountId> {
        self.sub.strip_prefix("UID-")?.parse().ok()
    }

    /// Whether what it says still holds, for its chain and account as they are now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn standing(&self, chain: &Chain, account: &Account, now: Timestamp) -> Result<(), ChainEnd> {
        chain.standing(account, now)?;
        let same = self.sid == chain.id
            && self.account() == Some(account.id)
            && self.rev == account.revision
            && self.resource() == Some(chain.resource)
            && self.client_id == chain.client;
        if same { Ok(()) } else { Err(ChainEnd::AccountChanged) }
    }
}

/// The text is no access token of ours, or none that holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It cannot be read, or its header says what ours never say.
    #[error("this is no access token")]
    Form,
    /// No key of ours signed it.
    #[error("the token's signature does not hold")]
    Signature,
    /// Another issued it.
    #[error("another server issued this token")]
    Issuer,
    /// Its time is over, or has not come.
    #[error("the token has expired")]
    Time,
}

/// A key cannot sign, or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used")]
pub struct BadKey;

/// What signs access tokens: ES256.
pub struct Signer {
    id: String,
    key: EncodingKey,
}

/// A new key: what to seal, and what to tell everybody.
pub struct NewKey {
    /// The private part, as PKCS #8.
    pub private: zeroize::Zeroizing<Vec<u8>>,
    /// The public part: 0x04, x, y.
    pub public: [u8; 65],
}

impl NewKey {
    /// Makes one. Its randomness is the crypto provider's own, like that of every signature.
    ///
    /// # Errors
    /// The provider cannot.
    pub fn make() -> Result<Self, BadKey> {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| BadKey)?;
        let private = pair.to_pkcs8v1().map_err(|_| BadKey)?;
        Ok(Self {
            private: private.as_ref().to_vec().into(),
            public: pair.public_key().as_ref().try_into().map_err(|_| BadKey)?,
        })
    }
}

impl Signer {
    /// With a private key as PKCS #8.
    pub fn new(public: &PublicKey, private: &[u8]) -> Self {
        Self {
            id: public.id.clone(),
            key: EncodingKey::from_ec_der(private),
        }
    }

    /// Signs.
    ///
    /// # Errors
    /// The key is none.
    pub fn sign(&self, claims: &AccessClaims) -> Result<String, BadKey> {
        self.sign_as(TYPE, claims)
    }

    /// Signs claims of another type.
    pub(crate) fn sign_as<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, BadKey> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| BadKey)
    }
}

/// What access tokens are checked with.
#[derive(Clone)]
pub struct PublicKey {
    id: String,
    x: String,
    y: String,
    key: DecodingKey,
}

impl PublicKey {
    /// From the public part: 0x04, x, y.
    ///
    /// # Errors
    /// It is none.
    pub fn new(public: &[u8]) -> Result<Self, BadKey> {
        let (x, y) = match public.split_first() {
            Some((4, rest)) if rest.len() == 64 => rest.split_at(32),
            _ => return Err(BadKey),
        };
        let (x, y) = (
            data_encoding::BASE64URL_NOPAD.encode(x),
            data_encoding::BASE64URL_NOPAD.encode(y),
        );
        // The thumbprint of RFC 7638: the same key has the same id on every node.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = data_encoding::BASE64URL_NOPAD.encode(&Sha256::of(canonical.as_bytes()).0);
        let key = DecodingKey::from_ec_components(&x, &y).map_err(|_| BadKey)?;
        Ok(Self { id, x, y, key })
    }

    /// From what others are told ([`Self::jwk`]).
    ///
    /// # Errors
    /// It is none of ours.
    pub fn from_jwk(jwk: &serde_json::Value) -> Result<Self, BadKey> {
        let part = |name: &str| {
            let text = jwk[name].as_str().ok_or(BadKey)?;
            data_encoding::BASE64URL_NOPAD
                .decode(text.as_bytes())
                .map_err(|_| BadKey)
        };
        if jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
            return Err(BadKey);
        }
        Self::new(&[vec![4], part("x")?, part("y")?].concat())
    }

    /// Its id: the `kid` of tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As others are told (RFC 7517).
    pub fn jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id, "x": self.x, "y": self.y,
        })
    }
}

/// Reads an access token: ES256 by one of these keys alone, of this type and issuer, and now within its time. Which resource it
/// is for is not asked here.
///
/// # Errors
/// Why it is none.
pub fn read_access_token(
    token: &str,
    keys: &[PublicKey],
    issuer: &str,
    now: Timestamp,
) -> Result<AccessClaims, BadToken> {
    let claims: AccessClaims = read_signed(token, TYPE, keys)?;
    if claims.iss != issuer {
        return Err(BadToken::Issuer);
    }
    let begins = claims.iat.max(claims.nbf.unwrap_or(i64::MIN));
    if now.seconds() >= claims.exp || begins > now.seconds().saturating_add(LEEWAY_SECONDS) {
        return Err(BadToken::Time);
    }
    Ok(claims)
}

/// Reads what one of these keys signed as this type, ES256 alone. Neither issuer, audience nor time is asked here.
pub(crate) fn read_signed<T: serde::de::DeserializeOwned>(
    token: &str,
    kind: &str,
    keys: &[PublicKey],
) -> Result<T, BadToken> {
    if token.len() > LONGEST {
        return Err(BadToken::Form);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Form)?;
    let typed = header
        .typ
        .as_deref()
        .map(|typ| typ.strip_prefix("application/").unwrap_or(typ))
        .is_some_and(|typ| typ.eq_ignore_ascii_case(kind));
    // A key or a certificate that comes with a token proves nothing; ours never bring one, and have no critical extensions.
    let brings = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
    if header.alg != Algorithm::ES256 || !typed || brings || header.crit.is_some() {
        return Err(BadToken::Form);
    }
    let Some(key) = keys.iter().find(|key| Some(&key.id) == header.kid.as_ref()) else {
        return Err(BadToken::Signature);
    };
    let mut validation = Validation::new(Algorithm::ES256);
    // Time and audience are looked at below and by the resources: the crate would read the system's clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    match jsonwebtoken::decode::<T>(token, &key.key, &validation) {
        Ok(decoded) => Ok(decoded.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => BadToken::Signature,
            _ => BadToken::Form,
        }),
    }
}

#[cfg(test)]
mod tests;
