//! Proof of possession (RFC 9449): a client may bind its tokens to a key that never leaves it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A key, by the hash of its parts (RFC 7638): 43 letters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

/// The text is no SHA-256 in base64url without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's thumbprint is a SHA-256 in base64url without padding")]
pub struct BadThumbprint;

impl Thumbprint {
    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = BadThumbprint;

    fn from_str(text: &str) -> Result<Self, BadThumbprint> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
        match bytes {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(BadThumbprint),
        }
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
