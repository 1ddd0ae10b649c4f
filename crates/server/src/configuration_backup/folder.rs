//! The folder of the configuration backups: a file is there whole or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_core::ConfigurationBackupId;
use countersign_events::{ConfigurationBackupSpec, Timestamp};

/// Where a file lies until it is whole.
fn draft(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}"))
}

/// The name of a file: when it was made, and its number.
pub fn name(id: ConfigurationBackupId, made_at: Timestamp) -> String {
    let seconds = made_at.rfc3339(0);
    let seconds: String = seconds.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("countersign-{seconds}Z-{id}.backup")
}

/// What events say about where backups go.
pub fn spec(folder: &Path) -> ConfigurationBackupSpec {
    ConfigurationBackupSpec {
        target: folder.display().to_string(),
        encrypted: true,
    }
}

/// Opens the draft of a file, for this account alone.
pub fn begin(folder: &Path, name: &str) -> io::Result<File> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft(folder, name))
}

/// The draft is whole: makes it durable, gives it its name, which no other file has, and makes that durable.
pub fn publish(folder: &Path, name: &str, mut file: File) -> io::Result<()> {
    file.flush()?;
    file.sync_all()?;
    std::fs::hard_link(draft(folder, name), folder.join(name))?;
    std::fs::remove_file(draft(folder, name))?;
    File::open(folder)?.sync_all()
}

/// Removes a file and its draft, as far as they are there.
pub fn remove(folder: &Path, name: &str) -> io::Result<()> {
    for path in [draft(folder, name), folder.join(name)] {
        match std::fs::remove_file(path) {
            Err(error) if !is_absent(&error) => return Err(error),
            _ => {}
        }
    }
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where there is no folder, or something else in its place, there is no file in it.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Runs work on files where it may block.
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_which() {
        let name = name(ConfigurationBackupId(17), crate::testing::NOW);
        assert_eq!(name, "countersign-20261118T110640Z-17.backup");
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_never_in_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("backups");
        let mut file = begin(&folder, "a").unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!folder.join("a").exists());
        publish(&folder, "a", file).unwrap();
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), b"whole");
        let other = begin(&folder, "a").unwrap();
        assert_eq!(
            publish(&folder, "a", other).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), b"whole");
        remove(&folder, "a").unwrap();
        remove(&folder, "a").unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
