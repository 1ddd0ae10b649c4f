//! The certificates that a receiver is known by: are they any, and which.

use countersign_core::Sha256;
use countersign_core::receiver::Certificates;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Nothing can be trusted by them. Says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("certificate {0} of the authorities cannot be used: {1}")]
pub struct BadCertificates(usize, String);

/// Whether each can be an authority.
///
/// # Errors
/// [`BadCertificates`]: which one cannot, counted from 1.
pub fn check(certificates: &Certificates) -> Result<(), BadCertificates> {
    let mut roots = RootCertStore::empty();
    for (at, certificate) in (1..).zip(CertificateDer::pem_slice_iter(certificates.as_str().as_bytes())) {
        let certificate = certificate.map_err(|error| BadCertificates(at, error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|_| BadCertificates(at, "it is no X.509 certificate".to_owned()))?;
    }
    if roots.is_empty() {
        return Err(BadCertificates(1, "it is not there".to_owned()));
    }
    Ok(())
}

/// How many are named one by one.
const NAMED: usize = 3;

/// The SHA-256 of each, so that two people can compare them.
pub fn told(certificates: &Certificates) -> String {
    let read = CertificateDer::pem_slice_iter(certificates.as_str().as_bytes());
    let digests: Vec<_> = read
        .map(|certificate| match certificate {
            Ok(certificate) => format!("SHA-256 {}", Sha256::of(&certificate).to_hex()),
            Err(_) => "one that cannot be read".to_owned(),
        })
        .collect();
    let mut told = digests.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if digests.len() > NAMED {
        told += &format!(" and {} more", digests.len() - NAMED);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_known_by_their_digests_and_what_is_none_is_found() {
        let one = rcgen::generate_simple_self_signed(["siem.example".to_owned()])
            .unwrap()
            .cert;
        let good: Certificates = one.pem().parse().unwrap();
        assert_eq!(check(&good), Ok(()));
        assert_eq!(told(&good), format!("SHA-256 {}", Sha256::of(one.der()).to_hex()));
        let many: Certificates = one.pem().repeat(5).parse().unwrap();
        assert!(told(&many).ends_with(" and 2 more"), "{}", told(&many));
        let bad: Certificates = format!(
            "{}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            one.pem()
        )
        .parse()
        .unwrap();
        let refused = check(&bad).unwrap_err().to_string();
        assert!(
            refused.starts_with("certificate 2 of the authorities cannot be used: "),
            "{refused}"
        );
    }
}
