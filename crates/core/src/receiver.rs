//! Receivers of events: where to, how, in which dialect, and which events not.

mod address;
mod filter;
mod options;
mod transport;

use serde::{Deserialize, Serialize};

pub use address::{BadAddress, ReceiverAddress};
pub use filter::{BadFilter, Filter, Severities};
pub use options::{
    AppName, BadOption, Certificates, ConnectSeconds, Fingerprint, Form, ReceiverOptions, ServerName, TlsOptions,
};
pub use transport::{Transport, UnknownTransport};

/// A receiver as an administrator describes it. It stands in manifests, so its fields and those of its parts stand in the
/// order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiverSpec {
    /// Where to.
    pub address: ReceiverAddress,
    /// Which events it does not get.
    #[serde(default, skip_serializing_if = "Filter::is_empty")]
    pub filter: Filter,
    /// What people call it.
    pub name: crate::Name,
    /// In which dialect, and how the connection is made.
    #[serde(default, skip_serializing_if = "ReceiverOptions::is_plain")]
    pub options: ReceiverOptions,
    /// How.
    pub transport: Transport,
}

impl ReceiverSpec {
    /// A receiver that gets every event as the server tells it.
    pub fn plain(name: crate::Name, transport: Transport, address: ReceiverAddress) -> Self {
        Self {
            address,
            name,
            transport,
            options: ReceiverOptions::default(),
            filter: Filter::default(),
        }
    }

    /// Whether its parts go together.
    ///
    /// # Errors
    /// [`BadReceiver`]: what does not go together, for people.
    pub fn check(&self) -> Result<(), BadReceiver> {
        if !self.transport.is_encrypted() && !self.options.tls.is_plain() {
            return Err(BadReceiver::TlsWithoutEncryption);
        }
        if self.options.tls.ca.is_some() && self.options.tls.fingerprint.is_some() {
            return Err(BadReceiver::TwoAnchors);
        }
        Ok(())
    }
}

/// The parts of a receiver do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReceiver {
    /// TLS settings with a transport in the clear.
    #[error("TLS settings need the transport tls or relp-tls")]
    TlsWithoutEncryption,
    /// Both a CA and a fingerprint.
    #[error("give either certificates of an authority or the fingerprint of one certificate, not both")]
    TwoAnchors,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_there_were_options_still_reads() {
        let json = r#"{"address":"siem.example:514","name":"siem","transport":"udp"}"#;
        let spec: ReceiverSpec = serde_json::from_str(json).unwrap();
        assert_eq!(
            spec,
            ReceiverSpec::plain(
                "siem".parse().unwrap(),
                Transport::Udp,
                "siem.example:514".parse().unwrap()
            )
        );
        assert_eq!(serde_json::to_string(&spec).unwrap(), json);
    }

    #[test]
    fn tls_settings_need_tls_and_one_anchor() {
        let mut spec = ReceiverSpec::plain(
            "siem".parse().unwrap(),
            Transport::TcpLf,
            "siem.example:514".parse().unwrap(),
        );
        spec.options.tls.client_certificate = true;
        assert_eq!(spec.check(), Err(BadReceiver::TlsWithoutEncryption));
        spec.transport = Transport::Tls;
        assert_eq!(spec.check(), Ok(()));
        spec.options.tls.fingerprint = Some("00".repeat(32).parse().unwrap());
        assert_eq!(spec.check(), Ok(()));
        spec.options.tls.ca = Some(options::tests::CA.parse().unwrap());
        assert_eq!(spec.check(), Err(BadReceiver::TwoAnchors));
    }
}
