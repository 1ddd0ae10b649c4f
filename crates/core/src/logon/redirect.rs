//! Redirect URIs: which may be registered, and which a caller's one is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A redirect URI that is registered for a client. [`super::ClientSpec::redirect`] makes one from what a caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// One that was checked before and kept.
    pub const fn recorded(text: String) -> Self {
        Self(text)
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin, for a page's policy on where its form may lead; none when it is our own. An app's own scheme (RFC 8252,
    /// section 7.1) is told with its colon.
    pub fn foreign_origin(&self) -> Option<&str> {
        if self.0.starts_with('/') {
            return None;
        }
        match self.0.find("://") {
            Some(scheme) => {
                let rest = &self.0[scheme + 3..];
                let host = rest.find(['/', '?']).unwrap_or(rest.len());
                Some(&self.0[..scheme + 3 + host])
            }
            None => self.0.find(':').map(|colon| &self.0[..=colon]),
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A redirect URI as it is registered: an address over TLS, one on a loopback literal (then any port will do: RFC 8252,
/// section 7.3), or one of an app's own scheme, named backwards like a domain (section 7.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RegisteredRedirect(String);

/// The text cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a redirect URI is https://HOST/…, http://127.0.0.1/… or http://[::1]/… (any port will do there), or com.example.app:/…, \
     without '#', '@', '..' and spaces, in at most 512 characters"
)]
pub struct BadRedirect;

const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

impl RegisteredRedirect {
    /// A path of this server.
    pub(super) fn own(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The same path on both loopback literals.
    pub(super) fn loopback(path: &str) -> [Self; 2] {
        LOOPBACK.map(|host| Self(format!("{host}{path}")))
    }

    /// As it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compared as text, character by character (RFC 9700, section 4.1.3), but for the port of a loopback literal.
    pub(super) fn matched(&self, given: &str, origin: Option<&str>) -> Option<RedirectUri> {
        let same = if self.0.starts_with('/') {
            given == self.0 || origin.is_some_and(|origin| given.strip_prefix(origin) == Some(self.0.as_str()))
        } else {
            match self.loopback_parts() {
                Some((host, path)) => given
                    .strip_prefix(host)
                    .and_then(|rest| rest.strip_prefix(':'))
                    .and_then(|rest| rest.strip_suffix(path))
                    .is_some_and(is_port),
                None => given == self.0,
            }
        };
        same.then(|| RedirectUri(given.to_owned()))
    }

    /// Host and path of one on a loopback literal.
    fn loopback_parts(&self) -> Option<(&'static str, &str)> {
        LOOPBACK.iter().find_map(|host| {
            let path = self.0.strip_prefix(host)?;
            path.starts_with('/').then_some((*host, path))
        })
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok_and(|port| port > 0)
}

impl FromStr for RegisteredRedirect {
    type Err = BadRedirect;

    fn from_str(text: &str) -> Result<Self, BadRedirect> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'@' | b'\\' | b'"' | b'<' | b'>' | b'*'));
        if !plain || text.len() > 512 || text.contains("..") {
            return Err(BadRedirect);
        }
        let registered = Self(text.to_owned());
        let good = if let Some(rest) = text.strip_prefix("https://") {
            let host = rest.split(['/', '?']).next().unwrap_or_default();
            // A path must be there, so that what is compared as text is what the browser goes to.
            is_host(host) && rest[host.len()..].starts_with('/')
        } else if text.starts_with("http:") {
            registered.loopback_parts().is_some()
        } else {
            text.split_once(":/").is_some_and(|(scheme, path)| {
                let label = |label: &str| {
                    let mut bytes = label.bytes();
                    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
                        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                };
                scheme.contains('.') && scheme.split('.').all(label) && !path.starts_with('/')
            })
        };
        if good { Ok(registered) } else { Err(BadRedirect) }
    }
}

/// A host name, or an address in its brackets, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                if address.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                ("ipv6", port.strip_prefix(':').or((!port.is_empty()).then_some("")))
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    !host.is_empty() && host.bytes().all(letters) && port.is_none_or(is_port)
}

impl<'de> Deserialize<'de> for RegisteredRedirect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Client, WEB_UI_CALLBACK};
    use super::*;

    #[test]
    fn req_1_a_redirect_uri_is_matched_exactly() {
        let web = |given| {
            let spec = Client::web_ui().spec;
            spec.redirect(given, Some("https://backup.example")).is_some()
        };
        assert!(web("/auth/callback") && web("https://backup.example/auth/callback"));
        for bad in [
            "",
            "/",
            "/auth/callback/",
            "/auth/callback?x=1",
            "/auth/callback#x",
            "//evil.example/auth/callback",
            "/auth/Callback",
            "https://backup.example.evil/auth/callback",
            "https://backup.example@evil.example/auth/callback",
            "https://backup.example/auth/callback/../x",
            "http://backup.example/auth/callback",
            "http://127.0.0.1:5000/callback",
        ] {
            assert!(!web(bad), "{bad}");
        }
        let registered: RegisteredRedirect = "https://portal.example/back?to=1".parse().unwrap();
        let matched = |given| registered.matched(given, Some("https://portal.example")).is_some();
        assert!(matched("https://portal.example/back?to=1"));
        for bad in [
            "https://portal.example/back",
            "https://portal.example/back?to=1&x",
            "https://portal.example:443/back?to=1",
            "https://Portal.example/back?to=1",
            "https://portal.example/back?to=%31",
            "/back?to=1",
        ] {
            assert!(!matched(bad), "{bad}");
        }
    }

    #[test]
    fn req_2_any_port_on_loopback_literals_alone() {
        let cli = |given| Client::cli().spec.redirect(given, None).is_some();
        for good in [
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1:65535/callback",
            "http://[::1]:50123/callback",
        ] {
            assert!(cli(good), "{good}");
        }
        for bad in [
            "http://localhost:5000/callback",
            "https://127.0.0.1:5000/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:05000/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:5000@evil.example/callback",
            "http://127.0.0.1.evil.example:5000/callback",
            "http://127.0.0.2:5000/callback",
            "http://127.0.0.1:5000/callback?x",
            "http://127.0.0.1:5000/",
            "/auth/callback",
        ] {
            assert!(!cli(bad), "{bad}");
        }
    }

    #[test]
    fn only_what_cannot_be_read_twice_is_registered() {
        for good in [
            "https://portal.example/back",
            "https://portal.example:8443/",
            "https://[2001:db8::1]:8443/back",
            "http://127.0.0.1/cb",
            "http://[::1]/",
            "com.example.app:/back",
        ] {
            assert_eq!(good.parse::<RegisteredRedirect>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/back",
            "https://portal.example",
            "https://portal.example?x=/",
            "https:///back",
            "https://a@b.example/",
            "https://portal.example/#",
            "https://portal.example/../x",
            "https://portal.example:/x",
            "https://portal.example:0/x",
            "https://*.example/x",
            "https://Portal.example/x",
            "https://[::1/x",
            "https://[::1]x/",
            "http://portal.example/back",
            "http://localhost/back",
            "http://127.0.0.1:80/back",
            "http://127.0.0.1",
            "javascript:/alert",
            "data:/x",
            "com.example.app://host/x",
            "com.example.App:/x",
            "https://portal.example/a b",
            "https://portal.example/\r\nx",
        ] {
            assert_eq!(bad.parse::<RegisteredRedirect>(), Err(BadRedirect), "{bad}");
        }
    }

    #[test]
    fn the_origin_of_a_foreign_redirect_is_told_alone() {
        let origin = |text: &str| RedirectUri(text.to_owned()).foreign_origin().map(str::to_owned);
        assert_eq!(origin("http://[::1]:50123/callback"), Some("http://[::1]:50123".into()));
        assert_eq!(
            origin("https://portal.example/back?x=/"),
            Some("https://portal.example".into())
        );
        assert_eq!(origin("com.example.app:/back"), Some("com.example.app:".into()));
        assert_eq!(origin(WEB_UI_CALLBACK), None);
    }
}
