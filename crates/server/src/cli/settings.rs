//! The flags that set what holds, the same for every command that needs the configuration.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Complaint, Config, Key, Sources, unknown};

/// The flags that set what holds.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub struct SettingFlags {
    /// Configuration file [default: countersign.toml in the data folder, if there]
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Data folder [default: countersign-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Address to listen on [default: 127.0.0.1:8765]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Address under which people and programs reach the server
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Certificate (PEM, with its intermediates)
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Make a certificate and keep it in the data folder
    #[arg(long)]
    tls_self_signed: bool,
    /// TLS ends at a proxy that speaks from this network (may be repeated)
    #[arg(long, value_name = "CIDR")]
    behind_proxy: Vec<String>,
    /// Any setting of the configuration file (may be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(Key, String)>,
}

impl SettingFlags {
    /// The configuration that follows from file, environment and these flags.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(&self) -> Result<Config, Vec<Complaint>> {
        Config::load(&Sources {
            file: self.config.clone(),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            flags: self.flags(),
            host: host_name(),
        })
    }

    fn flags(&self) -> Vec<(Key, String)> {
        let one = |key, value: &Option<String>| value.clone().map(|value| (key, value));
        let mut flags = self.set.clone();
        flags.extend(one(Key::Data, &self.data));
        flags.extend(one(Key::Listen, &self.listen));
        flags.extend(one(Key::PublicUrl, &self.public_url));
        flags.extend(one(Key::TlsCert, &self.tls_cert));
        flags.extend(one(Key::TlsKey, &self.tls_key));
        flags.extend(self.tls_self_signed.then(|| (Key::TlsSelfSigned, "true".to_owned())));
        flags.extend((!self.behind_proxy.is_empty()).then(|| (Key::BehindProxy, self.behind_proxy.join(","))));
        flags
    }
}

fn setting(text: &str) -> Result<(Key, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    let name = name.trim();
    let key = Key::of(name).ok_or_else(|| unknown(name))?;
    Ok((key, value.to_owned()))
}

/// The machine's name.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// What is wrong, a line each.
pub fn complain(complaints: &[Complaint]) {
    for complaint in complaints {
        eprintln!("countersign: {complaint}");
    }
}
