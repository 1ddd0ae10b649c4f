//! Whether a receiver is who it should be.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use countersign_core::receiver::Fingerprint;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Who vouches for a receiver.
#[derive(Debug)]
pub(super) enum Anchor {
    /// Authorities, for the name and for now.
    Authorities(Arc<WebPkiServerVerifier>),
    /// Whoever set this fingerprint (RFC 5425 section 5.1). It stands for itself: name and dates do not matter.
    Fingerprint(Fingerprint),
}

/// The SHA-256 of the certificate that the receiver showed.
#[derive(Debug, Default)]
pub(super) struct Seen(OnceLock<[u8; 32]>);

impl Seen {
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.0.get().copied().map(Fingerprint::from)
    }
}

/// Asks the anchor, and always wants the handshake signed by the certificate's key.
#[derive(Debug)]
pub(super) struct Verifier {
    anchor: Anchor,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Arc<Seen>,
}

impl Verifier {
    pub(super) fn new(anchor: Anchor, provider: &CryptoProvider, seen: Arc<Seen>) -> Self {
        Self {
            anchor,
            algorithms: provider.signature_verification_algorithms,
            seen,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut hash = [0; 32];
        // SHA-256 is as long as that.
        hash.copy_from_slice(digest(&SHA256, end_entity).as_ref());
        let _ = self.seen.0.set(hash);
        match &self.anchor {
            Anchor::Authorities(authorities) => {
                authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Anchor::Fingerprint(pinned) if *pinned.as_bytes() == hash => Ok(ServerCertVerified::assertion()),
            Anchor::Fingerprint(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
