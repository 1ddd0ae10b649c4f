//! Where a person is told of requests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An e-mail address: a local part, `@`, a domain; 254 octets of visible ASCII at most (RFC 5321, section 4.5.3.1). Quoted
/// local parts and addresses of hosts by number are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an e-mail address is like ann@example.org: letters, digits and .!#$%&'*+/=?^_`{{|}}~- before the @, a domain after it"
)]
pub struct BadEmailAddress;

impl EmailAddress {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = BadEmailAddress;

    fn from_str(text: &str) -> Result<Self, BadEmailAddress> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(BadEmailAddress);
        };
        if text.len() <= 254 && local.len() <= 64 && is_dot_atom(local) && domain.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadEmailAddress)
        }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

fn is_dot_atom(text: &str) -> bool {
    let atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext))
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_carry_a_header_or_a_second_address() {
        for good in ["ann@example.org", "a.b+c@localhost", "x@a-b.example"] {
            assert_eq!(good.parse::<EmailAddress>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "a..b@x",
            "ann@x\r\nBcc: b@x",
            "a b@x",
            "ann@x,b@x",
            "\"a\"@x",
            "ann@-x",
            "ann@[127.0.0.1]",
            "<ann@x>",
            "änn@x",
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(BadEmailAddress), "{bad:?}");
        }
        assert!(format!("{}@x", "a".repeat(65)).parse::<EmailAddress>().is_err());
    }
}
