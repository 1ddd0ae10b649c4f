//! Who is at the other end: the peer of the connection, or whom a trusted proxy speaks for.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// The other end of the connection, as the socket tells it. A request extension, set by the accept loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Where a request comes from: the peer, or the address that a trusted proxy forwarded. A request extension and an
/// extractor; this is the `SourceIpAddress` of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// The client's address. IPv4 is never written as IPv4-mapped IPv6.
    pub ip: IpAddr,
    /// The client's port, where it is known: not behind a proxy.
    pub port: Option<u16>,
    /// Whether the request came over another machine or program that we were not told to trust.
    pub relayed: bool,
}

impl std::fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.ip.fmt(f)
    }
}

impl ClientAddress {
    /// Whether the request was made on this machine, without a relay in between.
    pub fn is_local(&self) -> bool {
        self.ip.is_loopback() && !self.relayed
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    /// Never fails: a request that came by no socket (a test) counts as relayed from the unspecified address.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let unknown = Self {
            ip: IpAddr::from([0, 0, 0, 0]),
            port: None,
            relayed: true,
        };
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(unknown))
    }
}

/// The header in which the trusted proxies say whom they speak for. Only one is believed: a proxy that sets one of
/// them passes the other on as the client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: client, proxy`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy` (RFC 7239).
    Forwarded,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl ForwardedHeader {
    /// The name as it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl std::fmt::Display for ForwardedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ForwardedHeader {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("the header is x-forwarded-for or forwarded"),
        }
    }
}

/// The proxies whose word about the client is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    /// Where they are.
    pub networks: Vec<IpNet>,
    /// How they tell.
    pub header: ForwardedHeader,
}

impl TrustedProxies {
    /// Resolves where a request comes from. The header is read from its end, where our own proxies wrote: the first
    /// address that is none of them is the client. What stands before it can be forged by the client and is not read.
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> ClientAddress {
        let ip = peer.0.ip().to_canonical();
        if !self.trusts(ip) {
            let relayed = headers.contains_key(&X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
            return ClientAddress {
                ip,
                port: Some(peer.0.port()),
                relayed,
            };
        }
        let mut client = ClientAddress {
            ip,
            port: None,
            relayed: true,
        };
        for hop in self.hops(headers).into_iter().rev() {
            // An entry that is no address ("unknown", "_hidden") ends what we can know.
            let Some(hop) = hop else { return client };
            client = ClientAddress {
                ip: hop,
                port: None,
                relayed: false,
            };
            if !self.trusts(hop) {
                return client;
            }
        }
        client
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match self.header {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => header::FORWARDED,
        };
        let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or(""));
        let entries = lines.flat_map(|line| line.split(','));
        match self.header {
            ForwardedHeader::XForwardedFor => entries.map(|entry| node(entry.trim())).collect(),
            ForwardedHeader::Forwarded => entries.map(forwarded_for).collect(),
        }
    }
}

/// The `for` of one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| node(value.trim().trim_matches('"')))?
    })
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse::<IpAddr>()
        .ok()
        .or_else(bracketed)
        .or_else(with_port)
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "::1/128", "2001:db8:ffff::/48"];
        TrustedProxies {
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            header,
        }
    }

    fn client(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let client = proxies(header).client(Peer(peer.parse().unwrap()), &headers);
        format!("{client}{}", if client.relayed { " relayed" } else { "" })
    }

    #[test]
    fn a_stranger_is_who_the_socket_says_whatever_it_writes() {
        let x = ForwardedHeader::XForwardedFor;
        assert_eq!(client(x, "192.0.2.9:1000", &[]), "192.0.2.9");
        assert_eq!(
            client(x, "192.0.2.9:1000", &[("x-forwarded-for", "127.0.0.1")]),
            "192.0.2.9 relayed"
        );
        assert_eq!(
            client(x, "127.0.0.1:1000", &[("forwarded", "for=127.0.0.1")]),
            "127.0.0.1 relayed"
        );
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        let x = ForwardedHeader::XForwardedFor;
        assert_eq!(client(x, "[::ffff:192.0.2.9]:1000", &[]), "192.0.2.9");
        assert_eq!(
            client(x, "[::ffff:10.1.1.1]:1000", &[("x-forwarded-for", "::ffff:192.0.2.7")]),
            "192.0.2.7"
        );
    }

    #[test]
    fn the_last_address_that_is_no_proxy_of_ours_is_the_client() {
        let x = ForwardedHeader::XForwardedFor;
        let spoofed = &[("x-forwarded-for", "127.0.0.1, 198.51.100.7, 10.2.2.2")];
        assert_eq!(client(x, "10.1.1.1:1000", spoofed), "198.51.100.7");
        let two_lines = &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(client(x, "10.1.1.1:1000", two_lines), "198.51.100.7");
        assert_eq!(
            client(x, "10.1.1.1:1000", &[("x-forwarded-for", "[2001:db8::7]:443")]),
            "2001:db8::7"
        );
        assert_eq!(client(x, "[::1]:1000", &[("x-forwarded-for", "10.3.3.3")]), "10.3.3.3");
    }

    #[test]
    fn a_proxy_that_says_nothing_usable_is_itself_the_client_and_never_local() {
        let x = ForwardedHeader::XForwardedFor;
        assert_eq!(client(x, "[::1]:1000", &[]), "::1 relayed");
        assert_eq!(
            client(x, "10.1.1.1:1000", &[("x-forwarded-for", "127.0.0.1, unknown")]),
            "10.1.1.1 relayed"
        );
    }

    #[test]
    fn only_the_configured_header_is_believed() {
        let both = &[
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", r#"for=127.0.0.2, for="[2001:db8::7]:80";by=x"#),
        ];
        assert_eq!(
            client(ForwardedHeader::XForwardedFor, "10.1.1.1:1000", both),
            "127.0.0.1"
        );
        assert_eq!(client(ForwardedHeader::Forwarded, "10.1.1.1:1000", both), "2001:db8::7");
        assert_eq!(
            client(
                ForwardedHeader::Forwarded,
                "10.1.1.1:1",
                &[("forwarded", "for=_hidden")]
            ),
            "10.1.1.1 relayed"
        );
    }
}
