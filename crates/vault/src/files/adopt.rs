//! A folder outside of the data folder: what may become a storage, how it is known again, and how it is left.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_store::StoreError;

use super::{FileError, Files, OpenError, blocking};

/// What a storage's folder says of itself: an empty mount point, or another disk, is not taken for it.
const MARKER: &str = "countersign-storage";

/// What a storage keeps in its folder.
const OURS: [&str; 4] = [MARKER, "lock", "staging", "objects"];

/// Why a folder cannot become a storage. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderRefused {
    /// A link leads elsewhere, now or tomorrow.
    #[error("a part of this path is a link, or is not there: give the folder itself, in a folder that is there")]
    NotPlain,
    /// It is the server's own.
    #[error("this folder is in the data folder, or the data folder in it: choose another, or give none")]
    DataFolder,
    /// Two storages would share bytes.
    #[error("this folder is in a storage, or a storage in it: choose another")]
    InStorage,
    /// Somebody's files are there.
    #[error("this folder is not empty: choose an empty one")]
    NotEmpty,
    /// The system refused.
    #[error("this folder cannot be used: {0}")]
    Io(std::io::ErrorKind),
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The storages that are there cannot be asked for.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<std::io::Error> for FolderRefused {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Whether a folder says that it is this storage. Blocks.
pub fn is_marked(root: &Path, marker: &str) -> bool {
    std::fs::read_to_string(root.join(MARKER)).is_ok_and(|says| says == marker)
}

/// Makes a folder ready to become a storage, and opens it. `others` are the folders of the other storages.
pub(crate) async fn prepare(
    path: PathBuf,
    data: PathBuf,
    others: Vec<PathBuf>,
    marker: String,
) -> Result<Files, FolderRefused> {
    match tokio::task::spawn_blocking(move || prepare_now(&path, &data, &others, &marker)).await {
        Ok(prepared) => prepared,
        Err(_) => Err(FolderRefused::Io(std::io::ErrorKind::Interrupted)),
    }
}

fn prepare_now(path: &Path, data: &Path, others: &[PathBuf], marker: &str) -> Result<Files, FolderRefused> {
    let plain = match std::fs::canonicalize(path) {
        Ok(found) => found == path,
        // It is made, but nothing above it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = path.parent().ok_or(FolderRefused::NotPlain)?;
            std::fs::symlink_metadata(path).is_err() && std::fs::canonicalize(above).is_ok_and(|found| found == above)
        }
        Err(error) => return Err(error.into()),
    };
    if !plain {
        return Err(FolderRefused::NotPlain);
    }
    let data = std::fs::canonicalize(data)?;
    if overlap(path, &data) {
        return Err(FolderRefused::DataFolder);
    }
    if others.iter().any(|other| overlap(path, other)) {
        return Err(FolderRefused::InStorage);
    }
    if !is_free(path)? {
        return Err(FolderRefused::NotEmpty);
    }
    let files = Files::open(path)?;
    write_marker(path, marker)?;
    Ok(files)
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Whether nothing is there but what an earlier try made ready.
fn is_free(path: &Path) -> std::io::Result<bool> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        found.push(entry?.file_name());
    }
    if found.is_empty() {
        return Ok(true);
    }
    let ours = found.iter().all(|name| OURS.iter().any(|ours| name == ours));
    let marked = found.iter().any(|name| name == MARKER);
    let objects = path.join("objects");
    let holds_nothing = !objects.exists() || std::fs::read_dir(objects)?.next().is_none();
    Ok(ours && marked && holds_nothing)
}

fn write_marker(path: &Path, marker: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path.join(MARKER))?;
    file.write_all(marker.as_bytes())?;
    file.sync_all()?;
    std::fs::File::open(path)?.sync_all()
}

impl Files {
    /// Opens a folder only if it says that it is this storage. Blocks.
    pub(crate) fn open_marked(root: &Path, marker: &str) -> Result<Self, OpenError> {
        match std::fs::read_to_string(root.join(MARKER)) {
            Ok(says) if !marker.is_empty() && says == marker => Self::open(root),
            Ok(_) => Err(OpenError::Other),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(OpenError::Other),
            Err(error) => Err(OpenError::Io(error)),
        }
    }

    /// Leaves a storage's folder, whose backups are gone: what the server made in it goes, anything else stays. The folder itself goes
    /// only if it is ours and empty. Can be run again.
    pub(crate) async fn retire(&self, with_folder: bool) -> Result<(), FileError> {
        let files = self.clone();
        blocking(move || {
            let root = &files.shared.root;
            files.sweep_staging().map_err(FileError::when("remove a storage"))?;
            for folder in ["staging", "objects"] {
                match std::fs::remove_dir(root.join(folder)) {
                    Ok(()) => {}
                    Err(error)
                        if matches!(
                            error.kind(),
                            std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty
                        ) => {}
                    Err(error) => return Err(FileError::when("remove a storage")(error)),
                }
            }
            // The lock goes last: until then nobody else begins here.
            for file in [MARKER, "lock"] {
                match std::fs::remove_file(root.join(file)) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(FileError::when("remove a storage")(error)),
                }
            }
            if with_folder {
                // Not empty: somebody put something there, and it is theirs.
                let _ = std::fs::remove_dir(root);
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "0123456789abcdef";

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let all = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(all.path()).unwrap();
        let data = root.join("data");
        std::fs::create_dir_all(data.join("storages")).unwrap();
        (all, root, data)
    }

    #[test]
    fn a_folder_of_somebody_or_of_the_server_is_refused() {
        let (_all, root, data) = folders();
        let refused = |path: PathBuf, others: &[PathBuf]| prepare_now(&path, &data, others, MARK).unwrap_err();
        assert!(matches!(refused(data.join("x"), &[]), FolderRefused::DataFolder));
        assert!(matches!(refused(root.clone(), &[]), FolderRefused::DataFolder));
        let other = root.join("other");
        std::fs::create_dir_all(other.join("deep")).unwrap();
        assert!(matches!(
            refused(other.join("deep"), std::slice::from_ref(&other)),
            FolderRefused::InStorage
        ));
        assert!(matches!(
            refused(other.clone(), &[other.join("deep")]),
            FolderRefused::InStorage
        ));
        assert!(matches!(refused(other, &[]), FolderRefused::NotEmpty));
        assert!(
            matches!(refused(root.join("a/b"), &[]), FolderRefused::NotPlain),
            "nothing above it is made"
        );
        std::os::unix::fs::symlink(&data, root.join("link")).unwrap();
        assert!(matches!(refused(root.join("link"), &[]), FolderRefused::NotPlain));
        assert!(matches!(refused(root.join("link/x"), &[]), FolderRefused::NotPlain));
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("dangling")).unwrap();
        assert!(matches!(refused(root.join("dangling"), &[]), FolderRefused::NotPlain));
    }

    #[test]
    fn a_folder_is_known_by_its_marker_alone() {
        let (_all, root, data) = folders();
        let path = root.join("disk");
        let files = prepare_now(&path, &data, &[], MARK).unwrap();
        assert!(matches!(Files::open_marked(&path, MARK), Err(OpenError::InUse)));
        drop(files);
        drop(Files::open_marked(&path, MARK).unwrap());
        assert!(matches!(Files::open_marked(&path, "other"), Err(OpenError::Other)));
        assert!(matches!(Files::open_marked(&path, ""), Err(OpenError::Other)));
        // Made ready before, and nothing in it yet: it may be tried again.
        drop(prepare_now(&path, &data, &[], "another").unwrap());
        std::fs::create_dir(path.join("objects/1")).unwrap();
        assert!(matches!(
            prepare_now(&path, &data, &[], MARK),
            Err(FolderRefused::NotEmpty)
        ));
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(
            matches!(Files::open_marked(&path, "another"), Err(OpenError::Other)),
            "an empty mount point is not it"
        );
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "nothing was made in it");
    }

    #[tokio::test]
    async fn a_folder_is_left_with_what_is_not_ours() {
        let (_all, root, data) = folders();
        let path = root.join("disk");
        let files = prepare_now(&path, &data, &[], MARK).unwrap();
        std::fs::write(path.join("notes.txt"), "mine").unwrap();
        files.retire(true).await.unwrap();
        files.retire(true).await.unwrap();
        let left: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["notes.txt"]);
    }
}
