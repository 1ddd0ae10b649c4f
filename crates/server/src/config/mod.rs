//! What holds on this server: one typed configuration out of file, environment and flags.

mod alerts;
mod key;
mod limits;
mod names;
mod read;
mod source;
mod url;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use countersign_events::Origin;
use ipnet::IpNet;

pub use alerts::AlertLimits;
pub use key::{Key, Shape, unknown};
pub use limits::Limits;
use names::ListenAddress;
use read::Reader;
pub use source::{Complaint, Raw, Settings, Source};
pub use url::{BadUrl, PublicUrl};

use crate::delivery::OwnCertificate;
use crate::listen::{ForwardedHeader, Listen, TrustedProxies};

/// The name of the file that is read from the data folder when no other is named.
pub const FILE_NAME: &str = "countersign.toml";

/// The folder in the data folder for backups of the configuration, when no other is named.
const CONFIGURATION_BACKUPS: &str = "configuration-backups";

const DEFAULT_DATA: &str = "countersign-data";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8765);

/// What holds on this server. Every value is parsed: whoever has a `Config` need not check it again.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen and what protects it.
    pub listen: Listen,
    /// The address under which people and programs reach the server.
    pub public_url: PublicUrl,
    /// Who else than this machine may read `/metrics`.
    pub metrics_allow: Vec<IpNet>,
    /// What events say about their sender.
    pub origin: Origin,
    /// What we show to receivers of events that ask who we are.
    pub own_certificate: Option<OwnCertificate>,
    /// From when on an administrator is alerted.
    pub alerts: AlertLimits,
    /// Where backups of the configuration lie.
    pub configuration_backups: PathBuf,
    /// Bounds on what clients may take.
    pub limits: Limits,
    /// Every setting with its effective value and where it comes from.
    pub effective: Vec<Effective>,
    /// What is odd, but not wrong.
    pub remarks: Vec<Complaint>,
}

/// A setting's value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The setting.
    pub key: Key,
    /// Its value; none where it is not set and has no default.
    pub value: Option<Raw>,
    /// Where it comes from.
    pub source: Source,
}

/// Where to look for settings.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that was named. Without one, [`FILE_NAME`] in the data folder is read if it is there.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The command line.
    pub flags: Vec<(Key, String)>,
    /// The machine's name, for defaults.
    pub host: String,
}

impl Config {
    /// Reads the sources; flags win over the environment, that over the file.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn load(sources: &Sources) -> Result<Self, Vec<Complaint>> {
        let mut settings = Settings::default();
        settings.environment(sources.environment.iter().cloned());
        for (key, text) in &sources.flags {
            settings.text(*key, text, Source::Flag);
        }
        let data = match settings.of(Key::Data) {
            Some((Raw::Text(data), _)) => PathBuf::from(data),
            _ => PathBuf::from(DEFAULT_DATA),
        };
        let (path, named) = match &sources.file {
            Some(path) => (path.clone(), true),
            None => (data.join(FILE_NAME), false),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => settings.file(&path, &text),
            Err(error) if !named && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                settings.complain(
                    Source::Flag,
                    format!("the configuration file {} cannot be read: {error}", path.display()),
                );
            }
        }
        Self::from_settings(settings, &sources.host)
    }

    /// Gives what was said its meaning.
    fn from_settings(settings: Settings, host: &str) -> Result<Self, Vec<Complaint>> {
        let mut read = Reader::new(settings);
        let data = read.path(Key::Data, Some(DEFAULT_DATA));
        let ListenAddress(address) = read.parsed(Key::Listen, ListenAddress(DEFAULT_LISTEN));
        let networks = read.list(Key::BehindProxy);
        let header = read.parsed(Key::ProxyHeader, ForwardedHeader::default());
        let tls = read.tls();
        let listen = read.listen(address, tls, TrustedProxies { networks, header });
        let public_url = read.public_url(listen.as_ref(), host);
        let metrics_allow = read.list(Key::MetricsAllow);
        let origin = read.origin(host);
        let own_certificate = read.own_certificate();
        let alerts = read.alerts();
        let configuration_backups = read.path(Key::ConfigurationBackupsFolder, None);
        let limits = read.limits();
        let (effective, remarks) = read.finish()?;
        match (data, listen, public_url) {
            (Some(data), Some(listen), Some(public_url)) => Ok(Self {
                configuration_backups: configuration_backups.unwrap_or_else(|| data.join(CONFIGURATION_BACKUPS)),
                data,
                listen,
                public_url,
                metrics_allow,
                origin,
                own_certificate,
                alerts,
                limits,
                effective,
                remarks,
            }),
            // What is missing was complained about, so `finish` has already said no.
            _ => Err(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
