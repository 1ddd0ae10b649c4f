//! A repository's key file: the master key, sealed with what scrypt makes of a password.

use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::MasterKey;

/// How many key files are tried with one password.
pub const KEYS: usize = 20;

/// The most memory that a derivation may take, in bytes. restic measures what its machine can do and takes 60 MB at most; rustic takes
/// 128 MiB and a little.
const MOST_MEMORY: u64 = 160 << 20;

/// The most work that a derivation may be: N·r·p. restic's usual is 2^18 times p, with a p of some ten.
const MOST_WORK: u64 = 1 << 23;

/// A key file as it lies in a repository.
#[derive(Deserialize)]
pub struct KeyFile {
    kdf: String,
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
    salt: String,
    data: String,
}

/// Why a key file was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is no key file of the form that is known.
    #[error("it is not a key file of a known form")]
    Unreadable,
    /// Somebody made it so that opening it takes this server's memory or time away.
    #[error("opening it would cost more than is allowed")]
    TooCostly,
    /// Of another key file, perhaps.
    #[error("the password is wrong")]
    WrongPassword,
}

/// What is inside.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Inner {
    mac: InnerTag,
    encrypt: String,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct InnerTag {
    k: String,
    r: String,
}

impl KeyFile {
    /// Reads one.
    ///
    /// # Errors
    /// It is none, or opening it would cost too much.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unopened> {
        let file: Self = serde_json::from_slice(bytes).map_err(|_| Unopened::Unreadable)?;
        if file.kdf != "scrypt" || !file.n.is_power_of_two() || file.n < 2 || file.r == 0 || file.p == 0 {
            return Err(Unopened::Unreadable);
        }
        let (r, p) = (u64::from(file.r), u64::from(file.p));
        let block = file.n.checked_mul(r).ok_or(Unopened::TooCostly)?;
        let work = block.checked_mul(p).ok_or(Unopened::TooCostly)?;
        let memory = block
            .checked_add(r.saturating_mul(p))
            .and_then(|blocks| blocks.checked_mul(128));
        if work > MOST_WORK || memory.is_none_or(|memory| memory > MOST_MEMORY) {
            return Err(Unopened::TooCostly);
        }
        Ok(file)
    }

    /// Opens it. Slow on purpose: a fraction of a second, and the memory that the file asks for.
    ///
    /// # Errors
    /// The password is wrong, or what is inside is not what it should be.
    pub fn open(&self, password: &str) -> Result<MasterKey, Unopened> {
        let salt = BASE64.decode(self.salt.as_bytes()).map_err(|_| Unopened::Unreadable)?;
        let data = BASE64.decode(self.data.as_bytes()).map_err(|_| Unopened::Unreadable)?;
        let log_n = u8::try_from(self.n.trailing_zeros()).map_err(|_| Unopened::Unreadable)?;
        let params = scrypt::Params::new(log_n, self.r, self.p).map_err(|_| Unopened::Unreadable)?;
        let mut derived = Zeroizing::new([0; 64]);
        scrypt::scrypt(password.as_bytes(), &salt, &params, derived.as_mut_slice())
            .map_err(|_| Unopened::Unreadable)?;
        let inner = MasterKey::from_bytes(&derived)
            .opened(&data)
            .ok_or(Unopened::WrongPassword)?;
        let inner: Inner = serde_json::from_slice(&inner).map_err(|_| Unopened::Unreadable)?;
        let mut key = Zeroizing::new([0; 64]);
        for (place, part) in [(0..32, &inner.encrypt), (32..48, &inner.mac.k), (48..64, &inner.mac.r)] {
            let part = BASE64.decode(part.as_bytes()).map(Zeroizing::new);
            let part = part.map_err(|_| Unopened::Unreadable)?;
            let room = &mut key[place];
            if part.len() != room.len() {
                return Err(Unopened::Unreadable);
            }
            room.copy_from_slice(&part);
        }
        Ok(MasterKey::from_bytes(&key))
    }

    /// The master key by the first of these files that the password opens.
    ///
    /// # Errors
    /// It opens none: because it is wrong, or, when no file could be tried, why the last one could not.
    pub fn open_any<'f>(files: impl IntoIterator<Item = &'f [u8]>, password: &str) -> Result<MasterKey, Unopened> {
        let mut why = Unopened::Unreadable;
        for file in files.into_iter().take(KEYS) {
            match Self::parse(file).and_then(|file| file.open(password)) {
                Ok(key) => return Ok(key),
                Err(Unopened::WrongPassword) => why = Unopened::WrongPassword,
                Err(other) if why != Unopened::WrongPassword => why = other,
                Err(_) => {}
            }
        }
        Err(why)
    }
}
