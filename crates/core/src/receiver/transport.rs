//! How messages travel.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// One message a datagram (RFC 5426).
    Udp,
    /// A message ends with LF (RFC 6587 section 3.4.2, non-transparent framing).
    TcpLf,
    /// A message follows its length (RFC 6587 section 3.4.1, octet counting).
    TcpOctets,
    /// Octet counting inside TLS (RFC 5425).
    Tls,
    /// RELP: the receiver acknowledges each message. The transport that loses nothing.
    Relp,
    /// RELP inside TLS.
    RelpTls,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 6] = [
        Self::Udp,
        Self::TcpLf,
        Self::TcpOctets,
        Self::Tls,
        Self::Relp,
        Self::RelpTls,
    ];

    /// The word in the database, the API and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::TcpLf => "tcp-lf",
            Self::TcpOctets => "tcp-octets",
            Self::Tls => "tls",
            Self::Relp => "relp",
            Self::RelpTls => "relp-tls",
        }
    }

    /// Whether the connection is encrypted, and [`super::TlsOptions`] mean something.
    pub const fn is_encrypted(self) -> bool {
        match self {
            Self::Tls | Self::RelpTls => true,
            Self::Udp | Self::TcpLf | Self::TcpOctets | Self::Relp => false,
        }
    }
}

/// The text is no transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a transport is udp, tcp-lf, tcp-octets, tls, relp or relp-tls")]
pub struct UnknownTransport;

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(text: &str) -> Result<Self, UnknownTransport> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.as_str() == text)
            .ok_or(UnknownTransport)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_comes_back_from_its_word() {
        for transport in Transport::ALL {
            assert_eq!(transport.as_str().parse(), Ok(transport));
            let json = serde_json::to_value(transport).unwrap();
            assert_eq!(json, transport.as_str(), "the API says the same word");
        }
        assert_eq!("tcp".parse::<Transport>(), Err(UnknownTransport));
    }
}
