//! Which addresses may be opened: loopback as it is, any other only behind TLS, ours or a proxy's.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::TrustedProxies;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// PEM files that the operator keeps up to date. Read again on SIGHUP.
    Files {
        /// The certificate, followed by its intermediates.
        certificate: PathBuf,
        /// The certificate's private key.
        key: PathBuf,
    },
    /// Made by us once and kept in the data folder.
    SelfSigned,
}

/// An address that may be opened. There is no way to make one that would carry passwords in the clear over a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    address: SocketAddr,
    tls: Option<TlsSource>,
    proxies: TrustedProxies,
}

/// The address is reachable from other machines and nothing would protect what is said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines, so passwords and tokens must not cross it in the clear: give a certificate \
     (--tls-cert FILE --tls-key FILE), let one be made (--tls-self-signed), or, where a proxy ends TLS, name the \
     networks the proxy speaks from (--behind-proxy CIDR)"
)]
pub struct AddressRefused(pub SocketAddr);

impl Listen {
    /// Takes an address together with what protects it.
    ///
    /// # Errors
    /// The address is not loopback and there is neither TLS nor a trusted proxy.
    pub fn new(address: SocketAddr, tls: Option<TlsSource>, proxies: TrustedProxies) -> Result<Self, AddressRefused> {
        let loopback = address.ip().to_canonical().is_loopback();
        if loopback || tls.is_some() || !proxies.networks.is_empty() {
            Ok(Self { address, tls, proxies })
        } else {
            Err(AddressRefused(address))
        }
    }

    /// The address to open. Port 0 lets the system choose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the certificate comes from, if we speak TLS ourselves.
    pub fn tls(&self) -> Option<&TlsSource> {
        self.tls.as_ref()
    }

    /// The proxies whose word about the client is taken.
    pub fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_opened_without_protection() {
        let proxies = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            ..TrustedProxies::default()
        };
        let open = |address: &str, tls: Option<TlsSource>, proxies: &TrustedProxies| {
            Listen::new(address.parse().unwrap(), tls, proxies.clone()).is_ok()
        };
        for loopback in ["127.0.0.1:8765", "127.8.8.8:0", "[::1]:8765", "[::ffff:127.0.0.1]:1"] {
            assert!(open(loopback, None, &TrustedProxies::default()), "{loopback}");
        }
        for reachable in [
            "0.0.0.0:8765",
            "[::]:8765",
            "192.0.2.1:443",
            "[2001:db8::1]:443",
            "[::ffff:0.0.0.0]:1",
        ] {
            assert!(!open(reachable, None, &TrustedProxies::default()), "{reachable}");
            assert!(
                open(reachable, Some(TlsSource::SelfSigned), &TrustedProxies::default()),
                "{reachable}"
            );
            assert!(open(reachable, None, &proxies), "{reachable}");
        }
    }
}
