//! Where a receiver listens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `host:port`; the host is a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ReceiverAddress(String);

/// The text is no address of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is host:port, for example siem.example:514 or [2001:db8::1]:514")]
pub struct BadAddress;

impl ReceiverAddress {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ReceiverAddress {
    /// The host alone: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or(self.0.as_str(), |(host, _)| host);
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }
}

impl FromStr for ReceiverAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(BadAddress)?;
        let port_is_good =
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
        let host_is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host.len() <= 253
                    && host
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
            }
        };
        if port_is_good && host_is_good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadAddress)
        }
    }
}

impl fmt::Display for ReceiverAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReceiverAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:514", "siem.example:6514", "[::1]:514"] {
            assert!(good.parse::<ReceiverAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "siem",
            "siem:",
            "siem:0",
            "siem:70000",
            "::1:514",
            ":514",
            "a b:514",
            "siem:+514",
        ] {
            assert!(bad.parse::<ReceiverAddress>().is_err(), "{bad}");
        }
        let host = |address: &str| address.parse::<ReceiverAddress>().unwrap().host().to_owned();
        assert_eq!(host("siem.example:6514"), "siem.example");
        assert_eq!(host("[2001:db8::1]:514"), "2001:db8::1");
    }
}
