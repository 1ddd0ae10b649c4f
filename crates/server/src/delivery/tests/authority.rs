//! Certificates for the tests.

use std::path::Path;
use std::sync::Arc;

use countersign_core::receiver::{Certificates, Fingerprint};
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use super::NOW;
use crate::delivery::OwnCertificate;

const DAY: i64 = 86_400;

/// An authority that vouches for receivers and senders.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(super) struct Identity {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut parameters = dated(&[], -DAY, DAY);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Each has a name of its own, as in life.
        let name = data_encoding::HEXLOWER.encode(key.public_key_raw());
        parameters.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    /// As a receiver's options hold it.
    pub(super) fn pem(&self) -> Certificates {
        self.0.pem().parse().unwrap()
    }

    /// Vouches for names and addresses for today.
    pub(super) fn certify(&self, names: &[&str]) -> Identity {
        self.certify_dated(names, -DAY, DAY)
    }

    /// Vouches from and until so many seconds from now.
    pub(super) fn certify_dated(&self, names: &[&str], from: i64, until: i64) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = dated(names, from, until).signed_by(&key, &self.0).unwrap();
        Identity { certificate, key }
    }
}

impl Identity {
    /// Nobody vouches for it but itself.
    pub(super) fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = dated(names, -DAY, DAY).self_signed(&key).unwrap();
        Self { certificate, key }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.certificate.der());
        <[u8; 32]>::try_from(digest.as_ref()).unwrap().into()
    }

    /// A receiver that shows this, and wants to see a certificate of `clients` where that is given.
    pub(super) fn server(&self, clients: Option<&Authority>) -> Arc<ServerConfig> {
        self.server_speaking(clients, rustls::DEFAULT_VERSIONS)
    }

    pub(super) fn server_speaking(
        &self,
        clients: Option<&Authority>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(Moment))
            .with_protocol_versions(versions)
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                config.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der()).into();
        let config = config.with_single_cert(vec![self.certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }

    /// A receiver that shows this certificate, but has another's key.
    pub(super) fn server_with_key_of(&self, other: &Self) -> Arc<ServerConfig> {
        #[derive(Debug)]
        struct Shows(Arc<CertifiedKey>);

        impl ResolvesServerCert for Shows {
            fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
                Some(Arc::clone(&self.0))
            }
        }

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivatePkcs8KeyDer::from(other.key.serialize_der()).into();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let shown = Arc::new(CertifiedKey::new(vec![self.certificate.der().clone()], key));
        let config = ServerConfig::builder_with_details(provider, Arc::new(Moment))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Shows(shown)));
        Arc::new(config)
    }

    /// As our own certificate, in files.
    pub(super) fn keep(&self, folder: &Path) -> OwnCertificate {
        let own = OwnCertificate {
            certificate: folder.join("events.crt"),
            key: folder.join("events.key"),
        };
        std::fs::write(&own.certificate, self.certificate.pem()).unwrap();
        std::fs::write(&own.key, self.key.serialize_pem()).unwrap();
        own
    }
}

fn dated(names: &[&str], from: i64, until: i64) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    let ((year, month, date), (last_year, last_month, last_date)) = (day(from), day(until));
    parameters.not_before = rcgen::date_time_ymd(year, month, date);
    parameters.not_after = rcgen::date_time_ymd(last_year, last_month, last_date);
    parameters
}

/// The day that many seconds from the tests' now (UTC).
fn day(seconds: i64) -> (i32, u8, u8) {
    let at = jiff::Timestamp::from_microsecond(NOW.0 + seconds * 1_000_000).unwrap();
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    (
        date.year().into(),
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    )
}

/// The tests' now, also for receivers.
#[derive(Debug)]
struct Moment;

impl rustls::time_provider::TimeProvider for Moment {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let seconds = u64::try_from(NOW.seconds()).unwrap();
        Some(rustls::pki_types::UnixTime::since_unix_epoch(
            std::time::Duration::from_secs(seconds),
        ))
    }
}
