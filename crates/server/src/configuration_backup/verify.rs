//! Reading a configuration backup to its end: every chunk, every line.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use countersign_core::configuration_backup::Passphrase;
use countersign_core::{Actor, ConfigurationBackupId, Deed, Sha256, Verdict, decide};
use countersign_store::{ConfigurationBackup, StoreError};

use super::contents::{Begin, Lines, Unread};
use super::make::{MakeError, administrators_alone};
use super::sealed_file::Opener;
use super::{folder, opened};
use crate::app::App;

/// What a file that was read to its end holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which server, when.
    pub begin: Begin,
    /// How many rows of the database.
    pub rows: u64,
}

/// Reads a file to its end, as a restoration would.
///
/// # Errors
/// Why it cannot be restored.
pub fn verify(path: &Path, passphrase: &Passphrase) -> Result<Verified, Unread> {
    let file = File::open(path).map_err(super::sealed_file::FileFault::from)?;
    let opener = Opener::begin(BufReader::new(file), passphrase)?;
    let (begin, mut lines) = Lines::begin(BufReader::new(opener))?;
    while lines.next_line()?.is_some() {}
    Ok(Verified {
        begin,
        rows: lines.rows(),
    })
}

/// Reads a kept one to its end with the passphrase that it was made with, and keeps how that went: the backup as it is after that.
///
/// # Errors
/// The role is missing, there is none of this number, or it was not possible to look. What is wrong with the file is no error but kept as its fault.
pub async fn verify_kept(
    app: &App,
    actor: &Actor,
    id: ConfigurationBackupId,
) -> Result<ConfigurationBackup, MakeError> {
    administrators_alone(actor)?;
    let kept = found(app, id).await?;
    let number = kept.passphrase;
    let sealed = app
        .store
        .ask(move |view| Box::pin(async move { view.sealed_passphrase(number).await }))
        .await?
        .ok_or(StoreError::Unreadable("the passphrase of a configuration backup"))?;
    let (passphrase, path) = (opened(app, &sealed)?, path(app, &kept));
    let expected = (kept.size, kept.hash);
    let fault = folder::blocking(move || Ok::<_, MakeError>(fault(&path, &passphrase, expected))).await?;
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.verified_configuration_backup(id, fault.as_deref(), now).await?;
                tx.configuration_backup(id).await
            })
        })
        .await?
        .ok_or(MakeError::None)
}

fn fault(path: &Path, passphrase: &Passphrase, expected: (u64, Sha256)) -> Option<String> {
    let measured = match measure(path) {
        Ok(measured) => measured,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some("its file is not there".to_owned()),
        Err(error) => return Some(format!("its file cannot be read: {error}")),
    };
    match verify(path, passphrase) {
        Err(unread) => Some(unread.to_string()),
        Ok(_) if measured != expected => Some("its file is another one than was made".to_owned()),
        Ok(_) => None,
    }
}

/// Size and hash of a file.
fn measure(path: &Path) -> std::io::Result<(u64, Sha256)> {
    let mut file = File::open(path)?;
    let (mut context, mut size) = (digest::Context::new(&digest::SHA256), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                context.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok((size, Sha256(hash)))
}

/// A kept one and its open file, to be taken elsewhere. Whoever has it needs only the passphrase for every hash and key of the server, so
/// it is for security administrators alone; nothing is held, since nothing is changed.
///
/// # Errors
/// The role is missing, there is none of this number, or its file cannot be opened.
pub async fn open_kept(
    app: &App,
    actor: &Actor,
    id: ConfigurationBackupId,
) -> Result<(ConfigurationBackup, File), MakeError> {
    let policy = app
        .store
        .ask(|view| Box::pin(async move { view.policy().await }))
        .await
        .map_err(|error: StoreError| MakeError::from(error))?;
    // Whoever may change what the files are encrypted with may also have them.
    if let Verdict::Deny(refusal) = decide(actor, Deed::ChangeConfigurationBackups, &policy, app.clock.now()) {
        return Err(refusal.into());
    }
    let kept = found(app, id).await?;
    let path = path(app, &kept);
    let file = folder::blocking(move || File::open(path)).await?;
    tracing::info!(
        backup = kept.name,
        by = actor.name,
        from = actor.address,
        "a configuration backup was taken out"
    );
    Ok((kept, file))
}

async fn found(app: &App, id: ConfigurationBackupId) -> Result<ConfigurationBackup, MakeError> {
    let found = app
        .store
        .ask(move |view| Box::pin(async move { view.configuration_backup(id).await }))
        .await?;
    found.ok_or(MakeError::None)
}

fn path(app: &App, kept: &ConfigurationBackup) -> PathBuf {
    app.configuration_backups.folder().join(&kept.name)
}
