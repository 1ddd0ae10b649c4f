//! Our own certificate, for receivers that ask who we are.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_events::Timestamp;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, RootCertStore, SignatureScheme};

/// Where our certificate for receivers lies (settings `events.tls_cert` and `events.tls_key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// The certificate with its intermediates, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl OwnCertificate {
    /// Reads both files.
    pub(super) fn read(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<_, _>>)
            .map_err(|error| {
                format!(
                    "events.tls_cert: {} cannot be read: {error}",
                    self.certificate.display()
                )
            })?;
        if chain.is_empty() {
            return Err(format!(
                "events.tls_cert: {} holds no certificate (PEM is expected)",
                self.certificate.display()
            ));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| format!("events.tls_key: {} cannot be read: {error}", self.key.display()))?;
        let certified = CertifiedKey::from_der(chain, key, provider)
            .map_err(|error| format!("events.tls_cert and events.tls_key do not go together: {error}"))?;
        Ok(Arc::new(certified))
    }
}

impl OwnCertificate {
    /// What keeps receivers from taking it now, if anything.
    pub fn fault(&self, now: Timestamp) -> Option<String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certified = match self.read(&provider) {
            Ok(certified) => certified,
            Err(fault) => return Some(fault),
        };
        let [leaf, intermediates @ ..] = certified.cert.as_slice() else {
            return Some("events.tls_cert holds no certificate".to_owned());
        };
        // Whom a receiver trusts is not known here; its time is looked at before that.
        let mut roots = RootCertStore::empty();
        roots.add(leaf.clone()).ok()?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        match verifier.ok()?.verify_client_cert(leaf, intermediates, at) {
            Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
                Some("it has expired: renew the certificate of events.tls_cert".to_owned())
            }
            Err(Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => Some("it is not valid yet: look at the clock and at events.tls_cert".to_owned()),
            _ => None,
        }
    }
}

/// What a receiver gets to see when it asks, and whether it asked.
#[derive(Debug)]
pub(super) struct Shown {
    certified: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl Shown {
    pub(super) const fn nothing() -> Self {
        Self {
            certified: None,
            asked: AtomicBool::new(false),
        }
    }

    pub(super) const fn some(certified: Arc<CertifiedKey>) -> Self {
        Self {
            certified: Some(certified),
            asked: AtomicBool::new(false),
        }
    }

    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) const fn is_something(&self) -> bool {
        self.certified.is_some()
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _authorities: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certified.clone()
    }

    /// Always, so that a receiver that asks is noticed also where it sees none.
    fn has_certs(&self) -> bool {
        true
    }
}
