//! Looking at what is there: for `doctor`, for checks before a purge, for the disk's fill level.

use std::sync::Arc;

use aws_lc_rs::digest;
use countersign_core::{BackupId, ObjectKey, ObjectKind, Sha256};
use rustix::fs as sys;
use rustix::io::ReadWriteFlags;

use super::buffers::BUFFER;
use super::{FileError, Files, Place, blocking, upload};

/// A file found in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It lies where an object of this key belongs.
    Object {
        /// Which.
        key: ObjectKey,
        /// In bytes.
        size: u64,
    },
    /// It is none of ours: its path within the backup, for the operator's eyes only.
    Stray(String),
}

/// What an object's bytes are, read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// In bytes.
    pub size: u64,
    /// Of all bytes.
    pub hash: Sha256,
}

/// The file system below the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// All bytes it can hold.
    pub total: u64,
    /// The bytes that this process can still write.
    pub free: u64,
}

impl Files {
    /// The backups that have a folder.
    pub async fn backups(&self) -> Result<Vec<BackupId>, FileError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let mut backups = Vec::new();
            for entry in std::fs::read_dir(shared.root.join("objects")).map_err(FileError::when("list a folder"))? {
                let entry = entry.map_err(FileError::when("list a folder"))?;
                if let Some(backup) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                    backups.push(backup);
                }
            }
            backups.sort_unstable();
            Ok(backups)
        })
        .await
    }

    /// Every file in a backup, folder by folder: `see` is called for each, on a thread where waiting is allowed, and
    /// ends the walk by giving `false`.
    pub async fn walk(
        &self,
        backup: BackupId,
        mut see: impl FnMut(Found) -> bool + Send + 'static,
    ) -> Result<(), FileError> {
        let root = self.shared.root.join("objects").join(backup.to_string());
        blocking(move || {
            let mut folders = vec![root.clone()];
            while let Some(folder) = folders.pop() {
                let entries = match std::fs::read_dir(&folder) {
                    Ok(entries) => entries,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(FileError::when("list a folder")(error)),
                };
                for entry in entries {
                    let entry = entry.map_err(FileError::when("list a folder"))?;
                    let path = entry.path();
                    let metadata = match entry.metadata() {
                        Ok(metadata) => metadata,
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(FileError::when("look at a file")(error)),
                    };
                    if metadata.is_dir() {
                        folders.push(path);
                        continue;
                    }
                    let within = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
                    let found = match key_at(backup, &within) {
                        Some(key) if metadata.is_file() => Found::Object {
                            key,
                            size: metadata.len(),
                        },
                        _ => Found::Stray(within),
                    };
                    if !see(found) {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// The size of the file at this place, if there is one.
    pub async fn size(&self, place: &Place) -> Result<Option<u64>, FileError> {
        Ok(self.open_object(place).await?.map(|object| object.size()))
    }

    /// Reads the whole object and measures it, if there is one.
    pub async fn measure(&self, place: &Place) -> Result<Option<Measured>, FileError> {
        let Some(object) = self.open_object(place).await? else {
            return Ok(None);
        };
        let buffers = Arc::clone(&self.shared.buffers);
        blocking(move || {
            let mut hasher = digest::Context::new(&digest::SHA256);
            let mut buffer = buffers.take();
            let mut size = 0;
            loop {
                let read = object
                    .read(&mut buffer, size, BUFFER, ReadWriteFlags::empty())
                    .map_err(FileError::when("read a file"))?;
                if read == 0 {
                    return Ok(Some(Measured {
                        size,
                        hash: upload::sha256(hasher.finish()),
                    }));
                }
                hasher.update(buffer.as_ref());
                size += read as u64;
            }
        })
        .await
    }

    /// How full the file system is. Never waits long.
    pub fn disk(&self) -> Result<Disk, FileError> {
        let stat = sys::fstatvfs(&self.shared.objects).map_err(FileError::when("ask for free space"))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Disk {
            total: bytes(stat.f_blocks),
            free: bytes(stat.f_bavail),
        })
    }
}

/// Reads the whole object at this place below a storage's folder, also beside a running server; nothing when there is none. Blocks.
///
/// # Errors
/// It cannot be read.
pub fn measure_beside(root: &std::path::Path, place: &Place) -> std::io::Result<Option<Measured>> {
    use std::io::Read as _;
    let path = root.join("objects").join(place.path());
    // A link leads to what is none of ours.
    match std::fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut file = std::fs::File::open(path)?;
    let mut hasher = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Some(Measured {
                size,
                hash: upload::sha256(hasher.finish()),
            }));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

/// The key of the object that belongs at this path within its backup.
fn key_at(backup: BackupId, within: &str) -> Option<ObjectKey> {
    let mut parts = within.split('/');
    let kind: ObjectKind = parts.next()?.parse().ok()?;
    let name = parts.next_back().unwrap_or(ObjectKind::Config.as_str());
    let key = ObjectKey::parse(kind, name).ok()?;
    let expected = Place { backup, key }.path();
    (expected.split_once('/')?.1 == within).then_some(key)
}
