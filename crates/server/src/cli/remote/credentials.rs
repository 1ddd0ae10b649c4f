//! The tokens of the command line's logons: one file, for its user alone.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::PublicUrl;

/// An access token that ends sooner than this is renewed before it is used, in seconds.
const SOON_SECONDS: i64 = 30;

/// Where the tokens are.
#[derive(Debug, Clone)]
pub struct CredentialFile(PathBuf);

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Credentials {
    /// The server that was last logged on to.
    pub last: Option<String>,
    /// What there is of each server.
    tokens: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Entry {
    Kept(Kept),
    /// What earlier versions kept: it cannot be renewed, and has ended.
    Earlier(String),
}

/// The tokens of one logon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Sent with each request.
    pub access: String,
    /// When it ends, in seconds.
    pub expires_at: i64,
    /// Gives the next ones.
    pub refresh: String,
}

impl Kept {
    /// Whether the access token can still be used.
    pub const fn fresh(&self, now: Timestamp) -> bool {
        now.seconds() + SOON_SECONDS < self.expires_at
    }

    /// What a token answer gives, at this time.
    pub fn read(answer: &serde_json::Value, now: Timestamp) -> Option<Self> {
        Some(Self {
            access: answer["access_token"].as_str()?.to_owned(),
            expires_at: now.seconds().saturating_add(answer["expires_in"].as_i64()?),
            refresh: answer["refresh_token"].as_str()?.to_owned(),
        })
    }
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

impl CredentialFile {
    /// `$XDG_CONFIG_HOME/countersign/credentials.json`, else under `~/.config`.
    ///
    /// # Errors
    /// There is no home.
    pub fn usual() -> Result<Self, NoCredentials> {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        let config = config.ok_or(NoCredentials::NoHome)?;
        Ok(Self(config.join("countersign/credentials.json")))
    }

    /// Another place, for tests.
    #[cfg(test)]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Reads the file; nothing when there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self) -> Result<Credentials, NoCredentials> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) => serde_json::from_str(&text).map_err(|_| NoCredentials::Unreadable),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Credentials::default()),
            Err(error) => Err(NoCredentials::File(self.0.clone(), error)),
        }
    }

    /// Keeps every other command from changing the file until it is dropped: two that renew the same tokens at once would look
    /// like a theft.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn lock(&self) -> Result<File, NoCredentials> {
        let path = self.0.with_extension("lock");
        let failed = |error| NoCredentials::File(path.clone(), error);
        self.make_folder()?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Changes the file, whole or not at all; whoever calls holds its [`Self::lock`].
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn change(&self, change: impl FnOnce(&mut Credentials)) -> Result<(), NoCredentials> {
        let mut credentials = self.read()?;
        change(&mut credentials);
        let failed = |error| NoCredentials::File(self.0.clone(), error);
        let text = serde_json::to_string_pretty(&credentials).map_err(|_| NoCredentials::Unreadable)?;
        let draft = self.0.with_extension(format!("{}.draft", std::process::id()));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&draft, &self.0).map_err(failed)
    }

    fn make_folder(&self) -> Result<(), NoCredentials> {
        match self.0.parent() {
            Some(folder) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.map_err(|error| NoCredentials::File(self.0.clone(), error))
            }
            None => Ok(()),
        }
    }
}

impl Credentials {
    /// The tokens of a server.
    pub fn kept(&self, url: &PublicUrl) -> Option<&Kept> {
        match self.tokens.get(&url.to_string())? {
            Entry::Kept(kept) => Some(kept),
            Entry::Earlier(_) => None,
        }
    }

    /// Keeps the tokens of a server.
    pub fn keep(&mut self, url: &PublicUrl, kept: Kept) {
        self.tokens.insert(url.to_string(), Entry::Kept(kept));
    }

    /// Forgets the tokens of a server.
    pub fn forget(&mut self, url: &PublicUrl) {
        self.tokens.remove(&url.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tokens_are_kept_for_their_user_alone_and_old_files_mean_logging_on_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign/credentials.json");
        let file = CredentialFile::at(path.clone());
        let url: PublicUrl = "https://backup.example".parse().unwrap();
        assert!(file.read().unwrap().kept(&url).is_none());
        let kept = Kept {
            access: "a".into(),
            expires_at: 100,
            refresh: "r".into(),
        };
        let lock = file.lock().unwrap();
        file.change(|credentials| credentials.keep(&url, kept.clone())).unwrap();
        drop(lock);
        assert_eq!(file.read().unwrap().kept(&url), Some(&kept));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(kept.fresh(Timestamp(69_000_000)) && !kept.fresh(Timestamp(70_000_000)));

        let earlier = r#"{"last":"https://backup.example","tokens":{"https://backup.example":"opaque"}}"#;
        std::fs::write(&path, earlier).unwrap();
        let read = file.read().unwrap();
        assert_eq!(read.last.as_deref(), Some("https://backup.example"));
        assert!(read.kept(&url).is_none());
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(file.read(), Err(NoCredentials::Unreadable)));
    }
}
