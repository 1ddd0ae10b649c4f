//! Backups of the server's own configuration: making them, reading them to their end, taking them away, coming back from one.
//!
//! | step | where |
//! |---|---|
//! | what of the database belongs in, and how it comes back | `countersign_store` (`configuration.rs`) |
//! | the file: encrypted chunks, each with its place | [`sealed_file`] |
//! | what stands in it | [`contents`] |
//! | one is made while the server runs | [`mod@make`] |
//! | a lost server comes back | [`restore`], which looks at the storages' folders in [`reconcile`] |
//!
//! Why it is so: docs/adr/0069 and 0070.

pub mod contents;
mod folder;
pub mod make;
mod reconcile;
pub mod restore;
pub mod sealed_file;
pub mod verify;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_core::configuration_backup::{Occasion, Passphrase};
use countersign_events::{Event, Outcome};
use countersign_store::{SealedPassphrase, StoreError};
use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::seal::Purpose;
use crate::{App, AppState};
use make::{Asked, MakeError, make};
use sealed_file::Work;

/// How often is looked whether one is due, and whether files have to go.
const EVERY: Duration = Duration::from_secs(10);

/// Where configuration backups lie, and whose turn it is to make one.
#[derive(Debug)]
pub struct ConfigurationBackups {
    folder: PathBuf,
    turn: Mutex<()>,
    changed: Notify,
    work: Work,
}

impl ConfigurationBackups {
    /// In this folder, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            turn: Mutex::new(()),
            changed: Notify::new(),
            #[cfg(not(test))]
            work: Work::USUAL,
            #[cfg(test)]
            work: Work::LITTLE,
        }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// After a change was committed: what has to go goes, and what is due is made.
    pub fn changed(&self) {
        self.changed.notify_one();
    }
}

/// Makes what is due and removes what has to go, until it is dropped.
pub async fn run(app: AppState) {
    loop {
        if let Err(error) = step(&app).await {
            tracing::error!("configuration backups: {error}");
        }
        // The wake-up is a hint; the time is the guarantee.
        let _ = tokio::time::timeout(EVERY, app.configuration_backups.changed.notified()).await;
    }
}

/// Does once what has to be done now.
///
/// # Errors
/// The store or the folder. What was to be done is tried again.
pub async fn step(app: &AppState) -> Result<(), MakeError> {
    let turn = app.configuration_backups.turn.lock().await;
    clear(app, &turn).await?;
    drop(turn);
    let now = app.clock.now();
    let (schedule, last, passphrase) = app
        .store
        .read(|view| {
            Box::pin(async move {
                Ok::<_, StoreError>((
                    view.configuration_schedule().await?,
                    view.configuration_try().await?,
                    view.configuration_passphrase().await?,
                ))
            })
        })
        .await?;
    // Without a passphrase none is made: the alerts say so.
    if passphrase.is_some() && schedule.is_due(last.as_ref(), now) {
        make(app, Asked::BySchedule).await?;
    }
    Ok(())
}

/// Removes the files that have to go, then forgets them: cut off in between, the row says what is left to do. Whoever calls has the
/// turn, so that nothing that has to go is being made.
async fn clear(app: &App, _turn: &MutexGuard<'_, ()>) -> Result<(), MakeError> {
    let leftovers = app
        .store
        .ask(|view| Box::pin(async move { view.configuration_leftovers().await }))
        .await?;
    for leftover in leftovers {
        let (folder, name) = (app.configuration_backups.folder.clone(), leftover.name.clone());
        folder::blocking(move || folder::remove(&folder, &name)).await?;
        let now = app.clock.now();
        let cut_off = Event::ConfigurationBackupFinished {
            spec: Some(folder::spec(&app.configuration_backups.folder)),
            user: None,
            outcome: Outcome::Failed,
        };
        app.store
            .write(move |tx| {
                Box::pin(async move {
                    if leftover.unfinished {
                        tx.report(&cut_off, now, None, "").await?;
                    }
                    tx.forget_configuration_backup(leftover.id).await
                })
            })
            .await?;
    }
    Ok(())
}

/// A passphrase as it was before it was sealed.
fn opened(app: &App, sealed: &SealedPassphrase) -> Result<Passphrase, MakeError> {
    let purpose = Purpose::ConfigurationPassphrase(sealed.asked_at.0);
    let text = app.sealing.unseal(purpose, &sealed.sealed)?;
    let text = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| StoreError::Unreadable("a passphrase").into())
}

const fn occasion(asked: &Asked<'_>) -> Occasion {
    match asked {
        Asked::BySchedule => Occasion::Scheduled,
        Asked::By(_) => Occasion::Asked,
    }
}
