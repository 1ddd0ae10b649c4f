//! An address that takes notices as signed calls (Standard Webhooks).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use super::mail::is_loopback;
use crate::Sha256;
use crate::receiver::Certificates;

/// An address that takes notices, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// The authorities that vouch for it, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Certificates>,
    /// What is sent.
    pub format: Format,
    /// The SHA-256 of the sealed signing key.
    pub secret: Sha256,
    /// Where to.
    pub url: WebhookUrl,
}

/// What a webhook is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Everything that is told, field by field, and a `text` for chats beside it.
    Json,
    /// The `text` alone, for chats that take nothing else (Slack, Mattermost, Rocket.Chat).
    Slack,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Json, Self::Slack];

    /// The word in the API and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
        }
    }
}

impl FromStr for Format {
    type Err = BadWebhook;

    fn from_str(text: &str) -> Result<Self, BadWebhook> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or(BadWebhook::Format)
    }
}

/// Why nothing can be sent so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// Of [`Format`].
    #[error("what is sent is json or slack")]
    Format,
    /// Of [`WebhookUrl`].
    #[error(
        "a webhook's address is like https://chat.example.org/hooks/abc: https (http to this machine alone), a host, no user \
         and no fragment, at most 2000 characters of ASCII"
    )]
    Url,
}

/// Where notices are sent: `https://host[:port]/path?query`, or the same with `http` to this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl {
    text: String,
    secure: bool,
    host: String,
    port: u16,
    /// Path and query, which begins with a slash.
    target: String,
}

impl WebhookUrl {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is `https`.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// A name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// To which port the connection goes.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as a call has them.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Host and port as a call's `Host` has them: as they are written.
    pub fn authority(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }
}

impl FromStr for WebhookUrl {
    type Err = BadWebhook;

    fn from_str(text: &str) -> Result<Self, BadWebhook> {
        let (scheme, rest) = text.split_once("://").ok_or(BadWebhook::Url)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(BadWebhook::Url),
        };
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`');
        if text.len() > 2000 || !text.bytes().all(plain) {
            return Err(BadWebhook::Url);
        }
        let (authority, target) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an address in brackets are its own.
            Some((host, port)) if !port.ends_with(']') => {
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|port| digits && *port > 0);
                (host, port.ok_or(BadWebhook::Url)?)
            }
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) if inner.parse::<std::net::Ipv6Addr>().is_ok() => inner,
            Some(_) => return Err(BadWebhook::Url),
            None if is_host(host) => host,
            None => return Err(BadWebhook::Url),
        };
        if !secure && !is_loopback(host) {
            return Err(BadWebhook::Url);
        }
        Ok(Self {
            text: text.to_owned(),
            secure,
            host: host.to_owned(),
            port,
            target: if target.starts_with('/') {
                target.to_owned()
            } else {
                format!("/{target}")
            },
        })
    }
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(inner)
    };
    host.len() <= 253 && (host.split('.').all(label) || host.parse::<IpAddr>().is_ok())
}

impl TryFrom<String> for WebhookUrl {
    type Error = BadWebhook;

    fn try_from(text: String) -> Result<Self, BadWebhook> {
        text.parse()
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.text
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How many octets a signing key has.
pub const SIGNING_KEY_OCTETS: usize = 32;

/// What a call's signature is over: its id, its time in seconds, and its body (Standard Webhooks, "Signature scheme").
pub fn signed_text(id: &str, at: Timestamp, body: &str) -> String {
    format!("{id}.{}.{body}", at.seconds())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses() {
        let parts = |text: &str| {
            let url: WebhookUrl = text.parse().unwrap();
            (
                url.host().to_owned(),
                url.port(),
                url.target().to_owned(),
                url.authority().to_owned(),
            )
        };
        let expected = |host: &str, port, target: &str, authority: &str| {
            (host.to_owned(), port, target.to_owned(), authority.to_owned())
        };
        assert_eq!(
            parts("https://hooks.example/services/T0/B0?x=1"),
            expected("hooks.example", 443, "/services/T0/B0?x=1", "hooks.example")
        );
        assert_eq!(
            parts("https://[2001:db8::1]:8443"),
            expected("2001:db8::1", 8443, "/", "[2001:db8::1]:8443")
        );
        assert_eq!(parts("https://[::1]"), expected("::1", 443, "/", "[::1]"));
        assert_eq!(
            parts("http://127.0.0.1:9/x"),
            expected("127.0.0.1", 9, "/x", "127.0.0.1:9")
        );
        assert_eq!(
            parts("http://localhost?a"),
            expected("localhost", 80, "/?a", "localhost")
        );
        for bad in [
            "",
            "hooks.example",
            "ftp://hooks.example/",
            "http://hooks.example/",
            "http://127.0.0.1.example/",
            "http://localhost@hooks.example/",
            "https://user:password@hooks.example/",
            "https://hooks.example/#x",
            "https://hooks.example/a b",
            "https://hooks.example/\r\nX: y",
            "https://hooks.example:0/",
            "https://hooks.example:+1/",
            "https://hooks.example:99999/",
            "https:///x",
            "https://[::1/",
            "https://häuser.example/",
            "https://hooks.example\\@evil.example/",
        ] {
            assert_eq!(bad.parse::<WebhookUrl>(), Err(BadWebhook::Url), "{bad:?}");
        }
        assert!(format!("https://a/{}", "x".repeat(2000)).parse::<WebhookUrl>().is_err());
    }

    proptest! {
        /// Whatever is taken, the clear goes to this machine alone, and the call's head is one line of plain ASCII.
        #[test]
        fn whatever_is_taken_is_safe(text in "(http|https)://[a-z0-9.:@\\[\\]/?#\\\\ é\r\n-]{0,40}") {
            if let Ok(url) = text.parse::<WebhookUrl>() {
                prop_assert!(url.is_secure() || is_loopback(url.host()));
                prop_assert!(url.target().starts_with('/') && url.target().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!url.host().contains('@') && !url.authority().contains('@'));
            }
        }
    }
}
