//! The address of a service provider.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `https://HOST[:PORT]/PATH/` or `http://…`, with a slash at its end and neither password nor query in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ProviderUrl(String);

/// The text is no address of a service provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// In general.
    #[error(
        "the address of a service provider is https://HOST[:PORT]/PATH/, for example https://cellar.example:8000/ of a \
         rest-server or https://other.example/restic/main/ of a countersign"
    )]
    Form,
    /// It holds a user or a password, which would be shown.
    #[error("leave user and password out of the address: they have fields of their own")]
    Credentials,
}

const HTTP: &str = "http://";
const HTTPS: &str = "https://";
const LONGEST: usize = 1024;

impl ProviderUrl {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is https.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with(HTTPS)
    }

    /// Host and port as they stand in it: what the header Host says.
    pub fn authority(&self) -> &str {
        split(&self.0).map_or("", |(authority, _)| authority)
    }

    /// The path, from its first slash to its last.
    pub fn path(&self) -> &str {
        split(&self.0).map_or("/", |(_, path)| path)
    }

    /// The host alone: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        host_and_port(self.authority()).map_or("", |(host, _)| host)
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        let said = host_and_port(self.authority()).and_then(|(_, port)| port);
        said.unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    /// Whether it is this machine itself.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(HTTPS).or_else(|| text.strip_prefix(HTTP))?;
    Some(rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash)))
}

/// None when it is no authority.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            match rest {
                "" => (host, None),
                rest => (host, Some(rest.strip_prefix(':')?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let named = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if host.is_empty() || host.len() > 253 || !(named || authority.starts_with('[')) {
        return None;
    }
    match port {
        None => Some((host, None)),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = port.parse().ok().filter(|port| *port > 0)?;
            Some((host, Some(port)))
        }
        Some(_) => None,
    }
}

/// What needs no escaping (RFC 3986 section 2.3), and does not climb.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

impl FromStr for ProviderUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let text = text.trim();
        let (authority, path) = split(text).ok_or(BadUrl::Form)?;
        if authority.contains('@') {
            return Err(BadUrl::Credentials);
        }
        host_and_port(authority).ok_or(BadUrl::Form)?;
        let inner = path.trim_start_matches('/').trim_end_matches('/');
        if text.len() > LONGEST || !(inner.is_empty() || inner.split('/').all(is_segment)) {
            return Err(BadUrl::Form);
        }
        let scheme = if text.starts_with(HTTPS) { HTTPS } else { HTTP };
        Ok(Self(match inner {
            "" => format!("{scheme}{authority}/"),
            inner => format!("{scheme}{authority}/{inner}/"),
        }))
    }
}

impl fmt::Display for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProviderUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, u16, String) {
        let url: ProviderUrl = text.parse().unwrap();
        (
            url.to_string(),
            url.host().to_owned(),
            url.port(),
            url.path().to_owned(),
        )
    }

    #[test]
    fn addresses() {
        let expected = |url: &str, host: &str, port, path: &str| (url.into(), host.into(), port, path.into());
        assert_eq!(
            parts("https://a.example"),
            expected("https://a.example/", "a.example", 443, "/")
        );
        assert_eq!(
            parts(" https://a.example:8000/restic/main "),
            expected(
                "https://a.example:8000/restic/main/",
                "a.example",
                8000,
                "/restic/main/"
            )
        );
        assert_eq!(parts("http://[::1]:9/"), expected("http://[::1]:9/", "::1", 9, "/"));
        for bad in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https:///x",
            "https://a:0/",
            "https://a:70000/",
            "https://a/../b",
            "https://a/?b",
            "https://a/#b",
            "https://a b/",
            "https://a/b//c",
            "https://a/%2e",
            "https://[zz]/",
            "https://a\r\nX: y/",
            "https://::1/",
        ] {
            assert_eq!(bad.parse::<ProviderUrl>(), Err(BadUrl::Form), "{bad:?}");
        }
        assert_eq!("https://u:p@a/".parse::<ProviderUrl>(), Err(BadUrl::Credentials));
    }

    #[test]
    fn the_loopback_is_known() {
        for (url, is) in [
            ("http://127.0.0.1/", true),
            ("http://localhost:1/", true),
            ("http://[::1]/", true),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(url.parse::<ProviderUrl>().unwrap().is_loopback(), is, "{url}");
        }
    }
}
