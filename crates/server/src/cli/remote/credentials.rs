//! The tokens of the command line's logons: one file, for its user alone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::PublicUrl;

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Credentials {
    /// The server that was last logged on to.
    pub last: Option<String>,
    /// The token of each server.
    tokens: BTreeMap<String, String>,
}

/// The file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoCredentials {
    /// No home.
    #[error("where to keep the token is not known: set HOME or XDG_CONFIG_HOME")]
    NoHome,
    /// The file system.
    #[error("the token file {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// Something else is in it.
    #[error("the token file cannot be read: remove it and log on again")]
    Unreadable,
}

/// `$XDG_CONFIG_HOME/countersign/credentials.json`, else under `~/.config`.
fn path() -> Result<PathBuf, NoCredentials> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    Ok(config
        .ok_or(NoCredentials::NoHome)?
        .join("countersign/credentials.json"))
}

impl Credentials {
    /// Reads the file; nothing when there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read() -> Result<Self, NoCredentials> {
        let path = path()?;
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|_| NoCredentials::Unreadable),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(NoCredentials::File(path, error)),
        }
    }

    /// The token of a server.
    pub fn token(&self, url: &PublicUrl) -> Option<String> {
        self.tokens.get(&url.to_string()).cloned()
    }

    /// Keeps a token.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(mut self, url: &PublicUrl, token: &str) -> Result<(), NoCredentials> {
        self.last = Some(url.to_string());
        self.tokens.insert(url.to_string(), token.to_owned());
        self.write()
    }

    /// Forgets a token.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(mut self, url: &PublicUrl) -> Result<(), NoCredentials> {
        self.tokens.remove(&url.to_string());
        self.write()
    }

    /// Whole or not at all, readable by its user alone.
    fn write(&self) -> Result<(), NoCredentials> {
        let path = path()?;
        let failed = |error| NoCredentials::File(path.clone(), error);
        let text = serde_json::to_string_pretty(self).map_err(|_| NoCredentials::Unreadable)?;
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        if let Some(folder) = path.parent() {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(failed)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        std::fs::rename(&draft, &path).map_err(failed)
    }
}
