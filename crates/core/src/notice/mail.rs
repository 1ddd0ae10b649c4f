//! A mail server that takes notices.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Sha256;
use crate::email::EmailAddress;
use crate::receiver::{Certificates, ServerName};

/// A mail server, and who the mail is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSpec {
    /// The authorities that vouch for it, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Certificates>,
    /// The sender.
    pub from: EmailAddress,
    /// Its name or address.
    pub host: ServerName,
    /// The SHA-256 of the sealed password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Sha256>,
    /// 587 for STARTTLS, 465 for TLS from the start, as a rule.
    pub port: u16,
    /// Whether, and when, the connection is made secure.
    pub security: Security,
    /// Who we log on as; nobody where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<MailUser>,
}

/// Whether, and when, the connection to a mail server is made secure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the start (RFC 8314).
    Implicit,
    /// In the clear: to this machine alone.
    None,
    /// STARTTLS (RFC 3207), or no mail at all.
    Starttls,
}

impl Security {
    /// Every one, the most usual first.
    pub const ALL: [Self; 3] = [Self::Starttls, Self::Implicit, Self::None];

    /// The word in the API and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::None => "none",
            Self::Starttls => "starttls",
        }
    }

    /// The usual port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::None => 25,
            Self::Starttls => 587,
        }
    }
}

impl FromStr for Security {
    type Err = BadMail;

    fn from_str(text: &str) -> Result<Self, BadMail> {
        let found = Self::ALL.into_iter().find(|security| security.as_str() == text);
        found.ok_or(BadMail::Security)
    }
}

/// Who we log on as at a mail server: 1 to 255 characters, none of which controls anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailUser(String);

impl MailUser {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailUser {
    type Err = BadMail;

    fn from_str(text: &str) -> Result<Self, BadMail> {
        if (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadMail::User)
        }
    }
}

impl TryFrom<String> for MailUser {
    type Error = BadMail;

    fn try_from(text: String) -> Result<Self, BadMail> {
        text.parse()
    }
}

impl From<MailUser> for String {
    fn from(user: MailUser) -> Self {
        user.0
    }
}

impl fmt::Display for MailUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why mail cannot be sent so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMail {
    /// Of [`Security`].
    #[error("the connection's security is starttls, implicit or none")]
    Security,
    /// Of [`MailUser`].
    #[error("a mail server's user has 1 to 255 characters, no line ends")]
    User,
    /// The clear is for this machine alone.
    #[error("mail goes in the clear to this machine alone (localhost, 127.0.0.1, ::1): choose starttls or implicit")]
    Clear,
    /// One without the other.
    #[error("a user and a password go together: give both or neither")]
    HalfALogon,
    /// There is none.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl MailSpec {
    pub(super) fn check(&self) -> Result<(), BadMail> {
        if self.port == 0 {
            return Err(BadMail::Port);
        }
        if self.security == Security::None && !is_loopback(self.host.as_str()) {
            return Err(BadMail::Clear);
        }
        if self.user.is_some() != self.password.is_some() {
            return Err(BadMail::HalfALogon);
        }
        Ok(())
    }

    /// Whether a password that was given for the other may be sent to this one, too.
    pub fn keeps_password_of(&self, other: &Self) -> bool {
        (&self.host, self.port, self.security, &self.user) == (&other.host, other.port, other.security, &other.user)
            && self.ca == other.ca
    }
}

/// Whether a host is this machine, whoever resolves its name.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> MailSpec {
        serde_json::from_str(
            r#"{"from":"backup@example.org","host":"mail.example.org","port":587,"security":"starttls"}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_clear_is_for_this_machine_and_a_user_has_a_password() {
        assert_eq!(spec().check(), Ok(()));
        let with = |host: &str| MailSpec {
            host: host.parse().unwrap(),
            security: Security::None,
            ..spec()
        };
        for near in ["localhost", "LOCALHOST", "127.9.0.1", "::1"] {
            assert_eq!(with(near).check(), Ok(()), "{near}");
        }
        for far in [
            "mail.example.org",
            "10.0.0.1",
            "localhost.example.org",
            "127.0.0.1.example.org",
        ] {
            assert_eq!(with(far).check(), Err(BadMail::Clear), "{far}");
        }
        let half = MailSpec {
            user: Some("u".parse().unwrap()),
            ..spec()
        };
        assert_eq!(half.check(), Err(BadMail::HalfALogon));
        assert_eq!(MailSpec { port: 0, ..spec() }.check(), Err(BadMail::Port));
        assert_eq!("a\r\nb".parse::<MailUser>(), Err(BadMail::User));
    }

    #[test]
    fn a_password_stays_with_the_server_and_the_user_it_was_given_for() {
        let sender = MailSpec {
            from: "other@example.org".parse().unwrap(),
            ..spec()
        };
        assert!(sender.keeps_password_of(&spec()));
        let others = [
            MailSpec {
                host: "evil.example".parse().unwrap(),
                ..spec()
            },
            MailSpec { port: 25, ..spec() },
            MailSpec {
                security: Security::Implicit,
                ..spec()
            },
            MailSpec {
                user: Some("u".parse().unwrap()),
                ..spec()
            },
            MailSpec {
                ca: Some(
                    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
                        .parse()
                        .unwrap(),
                ),
                ..spec()
            },
        ];
        assert!(others.iter().all(|other| !other.keeps_password_of(&spec())));
    }
}
