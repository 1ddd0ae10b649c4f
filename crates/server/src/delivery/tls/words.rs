//! What went wrong with TLS, for people.

use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

use super::Notes;

/// How many of a certificate's names are told.
const NAMED: usize = 5;

impl Notes {
    /// Says what failed in a handshake.
    pub(super) fn explain(&self, error: &io::Error) -> String {
        match self.about(error) {
            Some(words) => words,
            None if error.kind() == io::ErrorKind::UnexpectedEof => match self.refusal() {
                Some(refusal) => refusal.to_owned(),
                None => "it hung up instead of answering: does it speak TLS on this port?".to_owned(),
            },
            None => error.kind().to_string(),
        }
    }

    /// Says what failed later, if TLS has a word on it: a receiver tells only then that it refuses our certificate.
    pub(in crate::delivery) fn about(&self, error: &io::Error) -> Option<String> {
        let error = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match error {
            Error::InvalidCertificate(reason) => self.certificate(reason),
            Error::AlertReceived(alert) => self.alert(*alert),
            Error::InvalidMessage(_) => "what it answers is no TLS: does it speak TLS on this port?".to_owned(),
            Error::PeerIncompatible(reason) => {
                format!("it has no way of TLS 1.2 or 1.3 in common with us ({reason:?})")
            }
            other => other.to_string(),
        })
    }

    fn certificate(&self, reason: &CertificateError) -> String {
        match reason {
            CertificateError::UnknownIssuer => self.with_fingerprint(
                "nobody we know vouches for its certificate: give the certificates of its authority (ca), or its fingerprint",
            ),
            CertificateError::ApplicationVerificationFailure => {
                self.with_fingerprint("its certificate is not the one whose fingerprint is set")
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("its certificate has expired on {}: renew it there", day(*not_after))
            }
            CertificateError::NotValidYetContext { not_before, .. } => format!(
                "its certificate is not valid before {}: check both clocks",
                day(*not_before)
            ),
            CertificateError::NotValidForNameContext { expected, presented } => {
                let names: Vec<&str> = presented.iter().take(NAMED).map(|name| plain(name)).collect();
                let names = match presented.len().saturating_sub(NAMED) {
                    0 if names.is_empty() => "no name at all".to_owned(),
                    0 => names.join(", "),
                    more => format!("{} and {more} more", names.join(", ")),
                };
                format!(
                    "its certificate is for {names}, not for {}: set the name in it (server_name) if that is the right one",
                    expected.to_str()
                )
            }
            CertificateError::BadSignature => {
                "what its certificate's key, or that of its authority, should have signed is not signed by it".to_owned()
            }
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                self.with_fingerprint("its certificate is an authority's own: give its fingerprint instead of ca")
            }
            other => format!("its certificate is not good: {other}"),
        }
    }

    fn with_fingerprint(&self, words: &str) -> String {
        match self.seen.fingerprint() {
            Some(fingerprint) => format!("{words}. It showed SHA-256 {fingerprint}"),
            None => words.to_owned(),
        }
    }

    fn alert(&self, alert: AlertDescription) -> String {
        use AlertDescription as A;
        match alert {
            A::CertificateRequired
            | A::NoCertificate
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError
            | A::HandshakeFailure => match self.refusal() {
                Some(refusal) => format!("{refusal} ({alert:?})"),
                None => format!("it refuses ({alert:?})"),
            },
            A::ProtocolVersion => "it speaks neither TLS 1.2 nor 1.3".to_owned(),
            other => format!("it broke off ({other:?})"),
        }
    }

    /// What a receiver that asked for our certificate and hung up is likely to mean.
    fn refusal(&self) -> Option<&'static str> {
        match (self.shown.was_asked(), self.shown.is_something()) {
            (false, _) => None,
            (true, true) => Some("it does not accept our certificate (events.tls_cert)"),
            (true, false) => Some("it asks for our certificate: let it see one (client_certificate)"),
        }
    }
}

/// `DnsName("a.example")` as `a.example`.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "a day far away".to_owned(), |time| time.to_string())
}
