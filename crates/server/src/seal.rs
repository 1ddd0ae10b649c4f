//! Sealing of what must be readable again and must not be read from a stolen database: the secrets of second factors.
//!
//! AES-256-GCM with a key in the data folder, beside the database and not in it. What a box is for is bound to it, so that
//! a box moved to another row does not open.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use countersign_core::clock::{Entropy, random};
use countersign_core::{AccountId, ServiceProviderId, Sha256};
use zeroize::Zeroizing;

/// The first byte of a box, for a day when the algorithm changes.
const FORMAT: u8 = 1;

/// The key that seals.
pub struct SealingKey {
    aead: LessSafeKey,
    root: Prk,
}

/// What a box is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The second factor of an account.
    Totp(AccountId),
    /// The second factor of an account, until it is confirmed.
    PendingTotp(AccountId),
    /// The second factor of a first administrator, until it is confirmed.
    FoundingTotp(i64),
    /// The password or signing key of a channel of notices, which names the box by its SHA-256.
    NoticeSecret,
    /// What signs access tokens, by when it was made.
    SigningKey(i64),
    /// The second factor of a person with a one-time link, until it is confirmed.
    LinkTotp(i64),
    /// What configuration backups are encrypted with, by when it was asked for.
    ConfigurationPassphrase(i64),
    /// The password at a service provider.
    ServiceProvider(ServiceProviderId),
    /// What an account's call with this key, by its SHA-256, was answered.
    KeptAnswer(AccountId, Sha256),
}

impl Purpose {
    fn bound(self) -> Vec<u8> {
        match self {
            Self::NoticeSecret => "notice secret".to_owned(),
            Self::Totp(account) => format!("totp {account}"),
            Self::LinkTotp(link) => format!("link totp {link}"),
            Self::PendingTotp(account) => format!("pending totp {account}"),
            Self::FoundingTotp(link) => format!("founding totp {link}"),
            Self::ConfigurationPassphrase(asked) => format!("configuration passphrase {asked}"),
            Self::ServiceProvider(provider) => format!("service provider {provider}"),
            Self::SigningKey(made) => format!("signing key {made}"),
            Self::KeptAnswer(account, key) => format!("kept answer {account} {key}"),
        }
        .into_bytes()
    }
}

/// The key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The file system refused.
    #[error("the sealing key {0} cannot be read or made: {1}")]
    File(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error(
        "the sealing key {0} does not hold 32 bytes: bring it back from a copy; a new one cannot open what is sealed"
    )]
    Damaged(PathBuf),
}

/// A box does not open: another key, another purpose, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "what was sealed cannot be opened with this sealing key: is the data folder's key the one that it was sealed with?"
)]
pub struct Unopened;

impl SealingKey {
    /// Reads the key from `keys/sealing.key` in the data folder, and makes it when there is none.
    pub fn open(data: &Path, entropy: &dyn Entropy) -> Result<Self, NoKey> {
        let folder = data.join("keys");
        let path = folder.join("sealing.key");
        let failed = |error| NoKey::File(path.clone(), error);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fresh = Zeroizing::new(random::<32>(entropy).to_vec());
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&folder)
                    .map_err(failed)?;
                publish(&folder, &path, &fresh).map_err(failed)?;
                // Another process may have been first: what is in the file counts.
                Zeroizing::new(std::fs::read(&path).map_err(failed)?)
            }
            Err(error) => return Err(failed(error)),
        };
        Self::from_bytes(&bytes).ok_or(NoKey::Damaged(path))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        Some(Self {
            aead: LessSafeKey::new(key),
            root: Salt::new(HKDF_SHA256, b"countersign").extract(bytes),
        })
    }

    /// A key for something else than sealing (HKDF, RFC 5869): the same each time, and of no use for anything other.
    pub fn derived(&self, what_for: &'static str) -> Result<Zeroizing<[u8; 32]>, Unopened> {
        let mut key = Zeroizing::new([0; 32]);
        let info = [what_for.as_bytes()];
        let derived = self.root.expand(&info, HKDF_SHA256).map_err(|_| Unopened)?;
        derived.fill(key.as_mut_slice()).map_err(|_| Unopened)?;
        Ok(key)
    }

    /// Seals.
    pub fn seal(&self, purpose: Purpose, content: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Unopened> {
        let nonce = random::<NONCE_LEN>(entropy);
        let mut sealed = content.to_vec();
        self.aead
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.bound()),
                &mut sealed,
            )
            .map_err(|_| Unopened)?;
        let mut out = vec![FORMAT];
        out.extend(nonce);
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what was sealed for the same purpose.
    pub fn unseal(&self, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let (format, rest) = sealed.split_first().ok_or(Unopened)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or(Unopened)?;
        if *format != FORMAT {
            return Err(Unopened);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened)?;
        let mut content = Zeroizing::new(rest.to_vec());
        let length = self
            .aead
            .open_in_place(nonce, Aad::from(purpose.bound()), &mut content)
            .map_err(|_| Unopened)?
            .len();
        content.truncate(length);
        Ok(content)
    }
}

/// Writes the key whole or not at all, for this account alone, and never over another.
fn publish(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = folder.join(format!(".sealing.key.{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => (),
    }
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::SystemEntropy;

    fn key(folder: &tempfile::TempDir) -> SealingKey {
        SealingKey::open(folder.path(), &SystemEntropy).unwrap()
    }

    const PURPOSE: Purpose = Purpose::Totp(AccountId(7));

    #[test]
    fn what_is_sealed_opens_again_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = key(&folder).seal(PURPOSE, b"secret", &SystemEntropy).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(key(&folder).unseal(PURPOSE, &sealed).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn a_box_opens_for_its_purpose_and_key_alone() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut sealed = key(&folder).seal(PURPOSE, b"secret", &SystemEntropy).unwrap();
        assert_eq!(key(&folder).unseal(Purpose::Totp(AccountId(8)), &sealed), Err(Unopened));
        assert_eq!(key(&folder).unseal(Purpose::FoundingTotp(7), &sealed), Err(Unopened));
        assert_eq!(key(&other).unseal(PURPOSE, &sealed), Err(Unopened));
        for end in 0..sealed.len() {
            assert_eq!(key(&folder).unseal(PURPOSE, &sealed[..end]), Err(Unopened));
        }
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        assert_eq!(key(&folder).unseal(PURPOSE, &sealed), Err(Unopened));
    }

    #[test]
    fn what_is_derived_comes_back_and_differs_by_use_and_key() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key_of_folder = key(&folder);
        let derived = key_of_folder.derived("refresh tokens").unwrap();
        assert_eq!(key(&folder).derived("refresh tokens").unwrap(), derived);
        assert_ne!(key_of_folder.derived("another").unwrap(), derived);
        assert_ne!(key(&other).derived("refresh tokens").unwrap(), derived);
    }

    #[test]
    fn the_key_is_for_its_account_alone_and_is_never_replaced() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        key(&folder);
        let path = folder.path().join("keys/sealing.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").unwrap();
        assert!(matches!(
            SealingKey::open(folder.path(), &SystemEntropy),
            Err(NoKey::Damaged(_))
        ));
    }
}
