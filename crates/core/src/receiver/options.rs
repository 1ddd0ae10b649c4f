//! What can be set for each receiver beside its address and transport.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use serde::{Deserialize, Serialize};

/// The dialect of a receiver and how its connection is made. What is `None` is as the server's own settings say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverOptions {
    /// APP-NAME of all events but 440xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<AppName>,
    /// A byte order mark before the message part (RFC 5424 section 6.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_order_mark: Option<bool>,
    /// How long connecting may take.
    #[serde(skip_serializing_if = "ConnectSeconds::is_default")]
    pub connect_seconds: ConnectSeconds,
    /// How the event itself is written.
    #[serde(skip_serializing_if = "Form::is_compatible")]
    pub form: Form,
    /// APP-NAME of 440xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logon_app_name: Option<AppName>,
    /// Each event says its place in the order of all events, so that a repeated one can be told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sequence: bool,
    /// How the receiver is known, with the transports `tls` and `relp-tls`.
    #[serde(skip_serializing_if = "TlsOptions::is_plain")]
    pub tls: TlsOptions,
}

impl ReceiverOptions {
    /// Whether nothing was set.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// How the event itself is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As the family does: a bracket without an SD-ID in MSG, bare quotes inside.
    #[default]
    Compatible,
    /// STRUCTURED-DATA proper (RFC 5424 section 6.3), with an SD-ID and escapes.
    Strict,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Compatible, Self::Strict];

    /// The word in the API and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Strict => "strict",
        }
    }

    const fn is_compatible(&self) -> bool {
        matches!(self, Self::Compatible)
    }
}

impl FromStr for Form {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        Self::ALL
            .into_iter()
            .find(|form| form.as_str() == text)
            .ok_or(BadOption::Form)
    }
}

/// How the receiver is known, and how we are known to it. By default the system's authorities vouch for the host of the
/// receiver's address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsOptions {
    /// The authorities that vouch for it, instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<Certificates>,
    /// Show the receiver our own certificate (`events.tls_cert` and `events.tls_key`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub client_certificate: bool,
    /// The one certificate it has, instead of an authority and a name (RFC 5425 section 5.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The name that the certificate must be for, when it is not the host of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<ServerName>,
}

impl TlsOptions {
    /// Whether nothing was set.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// The text is no value of an option. Says what one looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadOption {
    /// Of [`Form`].
    #[error("the form of messages is compatible or strict")]
    Form,
    /// Of [`AppName`].
    #[error("an APP-NAME has 1 to 48 visible ASCII characters, no spaces (RFC 5424, 6.2.5)")]
    AppName,
    /// Of [`ConnectSeconds`].
    #[error("connecting may take 1 to 60 seconds")]
    ConnectSeconds,
    /// Of [`ServerName`].
    #[error("the name in a certificate is a DNS name or an IP address, for example siem.example")]
    ServerName,
    /// Of [`Certificates`].
    #[error("certificates are PEM text: -----BEGIN CERTIFICATE----- and what follows, at most 64 KiB")]
    Certificates,
    /// Of [`Certificates`], which must not hold a key.
    #[error("this holds a private key: give certificates alone, and treat that key as known to others")]
    PrivateKey,
    /// Of [`Fingerprint`].
    #[error("a fingerprint is the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons")]
    Fingerprint,
}

/// APP-NAME of a message's header (RFC 5424 section 6.2.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName(String);

impl FromStr for AppName {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=48).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadOption::AppName)
        }
    }
}

/// A DNS name or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(String);

impl FromStr for ServerName {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let is_name = !text.is_empty()
            && text.len() <= 253
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            });
        if is_name || text.parse::<std::net::IpAddr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadOption::ServerName)
        }
    }
}

/// Certificates in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Certificates(String);

impl FromStr for Certificates {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let text = text.trim();
        if text.contains("PRIVATE KEY-----") {
            return Err(BadOption::PrivateKey);
        }
        let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
        let ends = text.matches("-----END CERTIFICATE-----").count();
        if begins == 0 || begins != ends || text.len() > 65_536 {
            return Err(BadOption::Certificates);
        }
        // The line's end a browser's form adds is not part of it.
        Ok(Self(text.replace("\r\n", "\n")))
    }
}

/// The SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl FromStr for Fingerprint {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let text = text.trim();
        let text = text.strip_prefix("sha-256:").unwrap_or(text);
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let bytes = HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .map_err(|_| BadOption::Fingerprint)?;
        bytes.try_into().map(Self).map_err(|_| BadOption::Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    /// As `openssl x509 -fingerprint -sha256` prints it: `A1:B2:…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ":" };
            write!(f, "{separator}{}", HEXUPPER.encode(&[*byte]))?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = BadOption;

    fn try_from(text: String) -> Result<Self, BadOption> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// How long connecting may take, 1 to 60 seconds; 5 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct ConnectSeconds(u8);

impl ConnectSeconds {
    /// In seconds.
    pub const fn seconds(self) -> u8 {
        self.0
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ConnectSeconds {
    fn default() -> Self {
        Self(5)
    }
}

impl TryFrom<u8> for ConnectSeconds {
    type Error = BadOption;

    fn try_from(seconds: u8) -> Result<Self, BadOption> {
        if (1..=60).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(BadOption::ConnectSeconds)
        }
    }
}

impl From<ConnectSeconds> for u8 {
    fn from(seconds: ConnectSeconds) -> Self {
        seconds.0
    }
}

impl FromStr for ConnectSeconds {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        text.parse::<u8>()
            .map_err(|_| BadOption::ConnectSeconds)
            .and_then(Self::try_from)
    }
}

/// A checked text: the text itself, and the way in for serde.
macro_rules! text {
    ($($name:ident),+) => {$(
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadOption;

            fn try_from(text: String) -> Result<Self, BadOption> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )+};
}

text!(AppName, ServerName, Certificates);

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::receiver) const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";

    #[test]
    fn options_come_back_from_json_and_what_is_not_set_is_not_written() {
        assert_eq!(serde_json::to_string(&ReceiverOptions::default()).unwrap(), "{}");
        let options = ReceiverOptions {
            form: Form::Strict,
            app_name: Some("Backup".parse().unwrap()),
            logon_app_name: Some("Veeam_Security".parse().unwrap()),
            byte_order_mark: Some(true),
            sequence: true,
            connect_seconds: ConnectSeconds(9),
            tls: TlsOptions {
                server_name: Some("siem.example".parse().unwrap()),
                ca: Some(CA.parse().unwrap()),
                fingerprint: Some("AB:".repeat(32).trim_end_matches(':').parse().unwrap()),
                client_certificate: true,
            },
        };
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<ReceiverOptions>(&json).unwrap(), options);
        assert!(json.contains(&format!("\"{}\"", vec!["AB"; 32].join(":"))), "{json}");
    }

    #[test]
    fn what_is_no_value_is_refused_and_says_what_one_is() {
        for bad in ["", "a b", "é", &"a".repeat(49)] {
            assert_eq!(bad.parse::<AppName>(), Err(BadOption::AppName), "{bad}");
        }
        for bad in ["", "a..b", "siem.example:514", "a b", &"a".repeat(64)] {
            assert_eq!(bad.parse::<ServerName>(), Err(BadOption::ServerName), "{bad}");
        }
        assert!("::1".parse::<ServerName>().is_ok() && "10.0.0.1".parse::<ServerName>().is_ok());
        for bad in ["", "MIIB", "-----BEGIN CERTIFICATE-----\nMIIB"] {
            assert_eq!(bad.parse::<Certificates>(), Err(BadOption::Certificates), "{bad}");
        }
        let with_key = format!("{CA}\n-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----");
        assert_eq!(with_key.parse::<Certificates>(), Err(BadOption::PrivateKey));
        for bad in ["", "ab", &"g".repeat(64), &"ab".repeat(33)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(BadOption::Fingerprint), "{bad}");
        }
        for bad in ["0", "61", "-1", "five", ""] {
            assert_eq!(bad.parse::<ConnectSeconds>(), Err(BadOption::ConnectSeconds), "{bad}");
        }
        assert!(serde_json::from_str::<ReceiverOptions>(r#"{"connect_seconds":0}"#).is_err());
        assert!(serde_json::from_str::<ReceiverOptions>(r#"{"unknown":0}"#).is_err());
    }

    #[test]
    fn certificates_from_a_form_have_plain_line_ends() {
        let typed = format!("\r\n{}\r\n", CA.replace('\n', "\r\n"));
        assert_eq!(typed.parse::<Certificates>().unwrap().as_str(), CA);
    }
}
