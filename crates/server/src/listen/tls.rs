//! TLS by rustls: certificate files that can be renewed while running, or a certificate made here once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_events::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::TlsSource;

/// What speaks TLS on accepted connections. Cheap to clone; all clones follow a [`Tls::reload`].
#[derive(Debug, Clone)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file is unreadable or holds none.
    #[error("no certificate can be read from {0} (PEM is expected): {1}")]
    Certificate(PathBuf, rustls::pki_types::pem::Error),
    /// The key file is unreadable or holds none.
    #[error("no private key can be read from {0} (PEM is expected): {1}")]
    Key(PathBuf, rustls::pki_types::pem::Error),
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A self-signed certificate could not be made.
    #[error("a self-signed certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A self-signed certificate could not be kept.
    #[error("a self-signed certificate cannot be kept in {0}: {1}")]
    Keep(PathBuf, io::Error),
}

impl Tls {
    /// Reads the certificate, and makes a self-signed one first where it was asked for and there is none yet.
    /// `names` are the host names and addresses that a new certificate is for.
    ///
    /// # Errors
    /// The certificate cannot be read, used, made or kept.
    pub fn open(source: &TlsSource, data: &Path, names: &[String], now: Timestamp) -> Result<Self, TlsError> {
        let (certificate, key) = match source {
            TlsSource::Files { certificate, key } => (certificate.clone(), key.clone()),
            TlsSource::SelfSigned => self_signed(&data.join("tls"), names, now)?,
        };
        let current = Arc::new(RwLock::new(read(&certificate, &key)?));
        Ok(Self {
            certificate,
            key,
            current,
        })
    }

    /// Reads the files again: for connections from now on. On an error the certificate in use stays.
    ///
    /// # Errors
    /// The certificate cannot be read or used.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The certificate's SHA-256 fingerprint, as browsers show it: `AB:CD:…`.
    ///
    /// # Errors
    /// The certificate cannot be read.
    pub fn fingerprint(&self) -> Result<String, TlsError> {
        let der = CertificateDer::from_pem_file(&self.certificate)
            .map_err(|error| TlsError::Certificate(self.certificate.clone(), error))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let bytes: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(bytes.join(":"))
    }

    /// The certificate's file, to be handed to clients that cannot know it otherwise.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(current).accept(stream).await
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let bad_certificate = |error| TlsError::Certificate(certificate.into(), error);
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(bad_certificate)?;
    if chain.is_empty() {
        return Err(bad_certificate(rustls::pki_types::pem::Error::NoItemsFound));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Key(key.into(), error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// How long a self-signed certificate lasts, in years. Its clients trust it by its fingerprint, so an early end would
/// only break them.
const YEARS: i32 = 10;

/// The kept certificate and key, made first where there are none.
fn self_signed(folder: &Path, names: &[String], now: Timestamp) -> Result<(PathBuf, PathBuf), TlsError> {
    let (certificate, key) = (folder.join("self-signed.crt"), folder.join("self-signed.key"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let mut parameters = rcgen::CertificateParams::new(names)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Countersign");
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let (year, month, day) = civil_date(now);
    parameters.not_before = rcgen::date_time_ymd(year, month, day);
    parameters.not_after = rcgen::date_time_ymd(year + YEARS, month, day.min(28));
    let pair = rcgen::KeyPair::generate()?;
    let signed = parameters.self_signed(&pair)?;
    let keep = |error| TlsError::Keep(folder.into(), error);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(keep)?;
    // The key first: a certificate without its key is made anew, the reverse would leave a key nobody uses.
    write_private(&key, &pair.serialize_pem()).map_err(keep)?;
    write_private(&certificate, &signed.pem()).map_err(keep)?;
    Ok((certificate, key))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Year, month and day (UTC).
fn civil_date(now: Timestamp) -> (i32, u8, u8) {
    let date = jiff::Timestamp::from_microsecond(now.0)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    (
        i32::from(date.year()),
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    )
}
