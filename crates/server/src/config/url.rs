//! The address under which people and programs reach the server.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// An `http` or `https` address of a server: no path, no query, no user. Written without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    authority: http::uri::Authority,
}

/// The text is no address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address looks like https://backup.example.com or http://127.0.0.1:8765: a scheme, a name, perhaps a port")]
pub struct BadUrl;

impl PublicUrl {
    /// Whether browsers reach it by TLS, so that cookies may be Secure.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host, without a port and without the brackets of IPv6.
    pub fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    /// The port, if the address says one.
    pub fn port(&self) -> Option<u16> {
        self.authority.port_u16()
    }

    /// Name and port as in the `Host` header.
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// An address on this server; the path starts with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl FromStr for PublicUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let parts = text.parse::<Uri>().map_err(|_| BadUrl)?.into_parts();
        let https = match parts.scheme.as_ref().map(http::uri::Scheme::as_str) {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadUrl),
        };
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        match parts.authority {
            Some(authority) if bare && !authority.as_str().contains('@') && !authority.host().is_empty() => {
                Ok(Self { https, authority })
            }
            _ => Err(BadUrl),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_name() {
        for good in [
            "https://backup.example.com",
            "http://127.0.0.1:8765",
            "https://[2001:db8::1]:8765",
        ] {
            assert_eq!(
                good.parse::<PublicUrl>().map(|url| url.to_string()),
                Ok(good.to_owned())
            );
        }
        assert_eq!(
            "https://a/".parse::<PublicUrl>().map(|url| url.join("/x")),
            Ok("https://a/x".to_owned())
        );
        for bad in [
            "",
            "backup",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a/path",
            "https://a/?q",
            "/x",
        ] {
            assert_eq!(bad.parse::<PublicUrl>(), Err(BadUrl), "{bad}");
        }
    }
}
