//! TLS to a receiver: who vouches for it, how we are known to it, and what went wrong in words.

mod own;
mod verifier;
mod words;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::receiver::{ReceiverSpec, TlsOptions};
use countersign_events::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use own::OwnCertificate;
use own::Shown;
use verifier::{Anchor, Seen, Verifier};

/// One attempt's side of TLS: what is expected of the receiver and what it is shown. Made anew for each connection, so
/// that renewed files need no restart.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    notes: Notes,
}

/// Why there is no secure connection.
#[derive(Debug)]
pub(crate) struct Insecure {
    /// Whether it is about who they and we are, and so does not go away by itself.
    pub(crate) lasts: bool,
    /// For people.
    pub(crate) words: String,
}

/// What was noted of a handshake, to say later why it failed.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    seen: Arc<Seen>,
    shown: Arc<Shown>,
}

/// How long a receiver that asked for our certificate is listened to for its refusal: TLS 1.3 tells it after the
/// handshake (RFC 8446 section 4.4.2.4).
const REFUSAL: Duration = Duration::from_millis(300);

impl Tls {
    /// Puts together what a receiver's options say. Reads files.
    ///
    /// # Errors
    /// For people: certificates that cannot be read or used.
    pub(super) fn prepare(spec: &ReceiverSpec, own: Option<&OwnCertificate>, now: Timestamp) -> Result<Self, String> {
        Self::prepare_for(&spec.options.tls, spec.address.host(), own, now)
    }

    /// The same for any server at this host.
    ///
    /// # Errors
    /// For people: certificates that cannot be read or used.
    pub(crate) fn prepare_for(
        options: &TlsOptions,
        host: &str,
        own: Option<&OwnCertificate>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let shown = if options.client_certificate {
            let own = own.ok_or(
                "this receiver is to see our certificate, but there is none: set events.tls_cert and events.tls_key",
            )?;
            Shown::some(own.read(&provider)?)
        } else {
            Shown::nothing()
        };
        let notes = Notes {
            seen: Arc::default(),
            shown: Arc::new(shown),
        };
        let verifier = Verifier::new(anchor(options, &provider)?, &provider, Arc::clone(&notes.seen));
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(Moment(now)))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::clone(&notes.shown) as _);
        // Each connection stands for itself: a resumed one would not look at the certificate again.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name: name(options, host)?,
            notes,
        })
    }

    /// Makes a connection secure to a server that will answer what it is asked.
    ///
    /// # Errors
    /// Why there is no secure connection.
    pub(crate) async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Insecure> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let connected = connector.connect(self.name.clone(), stream).await;
        connected.map_err(|error| Insecure {
            lasts: error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
            words: self.notes.explain(&error),
        })
    }

    /// Makes a connection secure.
    ///
    /// # Errors
    /// For people: why there is no secure connection.
    pub(super) async fn connect(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Notes), String> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let connected = connector.connect(self.name.clone(), stream).await;
        let mut stream = connected.map_err(|error| self.notes.explain(&error))?;
        let late = stream.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        // A receiver of syslog says nothing of itself, so there is nothing here to be lost.
        if late
            && self.notes.shown.was_asked()
            && let Ok(heard) = timeout(REFUSAL, stream.read(&mut [0; 1])).await
        {
            match heard {
                Ok(0) => return Err(self.notes.explain(&io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(self.notes.explain(&error)),
            }
        }
        Ok((stream, self.notes.clone()))
    }
}

/// Whether the certificates and names in a receiver's options can be used.
///
/// # Errors
/// For people: what cannot.
pub(super) fn check(spec: &ReceiverSpec, own: Option<&OwnCertificate>, now: Timestamp) -> Result<(), String> {
    Tls::prepare(spec, own, now).map(drop)
}

fn anchor(tls: &TlsOptions, provider: &Arc<CryptoProvider>) -> Result<Anchor, String> {
    if let Some(fingerprint) = &tls.fingerprint {
        return Ok(Anchor::Fingerprint(*fingerprint));
    }
    let mut roots = RootCertStore::empty();
    if let Some(given) = &tls.ca {
        for certificate in CertificateDer::pem_slice_iter(given.as_str().as_bytes()) {
            let certificate =
                certificate.map_err(|error| format!("the authority's certificates are no PEM: {error}"))?;
            let added = roots.add(certificate);
            added.map_err(|error| format!("a certificate of the authority cannot be used: {error}"))?;
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(
                "this machine trusts no authority: install its list (ca-certificates), or give the receiver's own (ca) or its fingerprint"
                    .to_owned(),
            );
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map(Anchor::Authorities)
        .map_err(|error| format!("the authority's certificates cannot be used: {error}"))
}

/// The name the certificate must be for.
fn name(options: &TlsOptions, host: &str) -> Result<ServerName<'static>, String> {
    let name = options.server_name.as_ref().map_or(host, |name| name.as_str());
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("no certificate can be for {name}: set the name in it (server_name)"))
}

/// The time of an attempt, handed in.
#[derive(Debug)]
struct Moment(Timestamp);

impl TimeProvider for Moment {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
