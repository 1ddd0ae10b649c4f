//! Copies of backups at service providers: asks for those that are scheduled, makes those that are due, and says how a
//! provider answers.
//!
//! A copy is a row: due, running, done or failed. Whoever makes one notes every second how far it came; when the row is
//! not running any more, since its provider was forgotten or has become another, the copy ends there. A restart begins again
//! what was running: what is there already is not sent twice.

mod line;
mod remote;
mod standing;
#[cfg(test)]
mod tests;
mod transfer;
mod trouble;
mod upload;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::service_provider::retry_after_seconds;
use countersign_core::{CopyId, Name};
use countersign_store::{CopyCourse, CopyRecord, NewCopy, ServiceProvider, StoreError, Tx};

pub use standing::{Standing, standings};
pub use trouble::Trouble;

use crate::AppState;
use crate::app::App;
use crate::seal::Purpose;
use line::{End, Line};
use remote::Remote;
use transfer::{Progress, transfer};

/// How often it is looked what is due, and how often a copy notes how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// How many copies are made at once.
const AT_ONCE: usize = 2;

/// How long a test may take at most.
const LONGEST_TEST: Duration = Duration::from_secs(45);

/// Makes copies.
#[derive(Clone)]
pub struct Copier {
    app: AppState,
    /// Those that are being made by this process.
    under_way: Arc<Mutex<BTreeSet<CopyId>>>,
    /// Whether the end of one could not be recorded, so that its row still says running.
    lost: Arc<AtomicBool>,
}

impl Copier {
    /// Of this server.
    pub fn new(app: AppState) -> Self {
        Self {
            app,
            under_way: Arc::default(),
            // What a process before this one was making.
            lost: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut making = tokio::task::JoinSet::new();
        loop {
            if making.is_empty() && self.lost.load(Ordering::Relaxed) {
                self.resume().await;
            }
            if let Err(error) = self.schedule().await {
                tracing::error!("scheduled copies could not be asked for: {error}");
            }
            while making.try_join_next().is_some() {}
            match self.due(AT_ONCE.saturating_sub(making.len())).await {
                Ok(due) => {
                    for copy in due {
                        let copier = self.clone();
                        making.spawn(async move { copier.make(copy).await });
                    }
                }
                Err(error) => tracing::error!("copies that are due could not be looked for: {error}"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Lets begin again what is running by its row and by nobody.
    async fn resume(&self) {
        match self.app.store.write(|tx| Box::pin(tx.resume_copies())).await {
            Ok(resumed) => {
                self.lost.store(false, Ordering::Relaxed);
                if resumed > 0 {
                    tracing::info!(resumed, "copies go on that were cut off");
                }
            }
            Err(error) => tracing::error!("copies that were cut off cannot go on yet: {error}"),
        }
    }

    /// Does once what is due now, one after the other; how many copies that were.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn step(&self) -> Result<usize, StoreError> {
        self.schedule().await?;
        let due = self.due(usize::MAX).await?;
        let count = due.len();
        for copy in due {
            self.make(copy).await;
        }
        Ok(count)
    }

    /// Asks for what the schedules say.
    async fn schedule(&self) -> Result<(), StoreError> {
        let now = self.app.clock.now();
        let due: Vec<NewCopy> = self
            .app
            .store
            .read(|view| {
                Box::pin(async move {
                    let mut due = Vec::new();
                    for provider in view.service_providers().await? {
                        // Without a password nothing can be copied: that stands on the alert board, not in rows.
                        let copies = provider.password.is_some().then_some(&provider.spec.copies);
                        for copy in copies.into_iter().flatten() {
                            let last = view.last_scheduled_copy(provider.id, copy.backup).await?;
                            let there = view.backup(copy.backup).await?.is_some();
                            if there && copy.is_due(last.map(|last| last.asked_at), now) {
                                due.push(NewCopy {
                                    provider: provider.id,
                                    backup: copy.backup,
                                    backup_name: copy.name.clone(),
                                    to: copy.to.clone(),
                                    asked_by: None,
                                });
                            }
                        }
                    }
                    Ok::<_, StoreError>(due)
                })
            })
            .await?;
        for copy in due {
            self.app
                .store
                .write(move |tx| Box::pin(async move { ask_scheduled(tx, &copy, now).await }))
                .await?;
        }
        Ok(())
    }

    async fn due(&self, most: usize) -> Result<Vec<CopyRecord>, StoreError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let now = self.app.clock.now();
        let mut due = self
            .app
            .store
            .ask(move |view| Box::pin(async move { view.due_copies(now, 64).await }))
            .await?;
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        due.retain(|copy| !under_way.contains(&copy.id));
        due.truncate(most);
        Ok(due)
    }

    /// Makes a copy that is due.
    async fn make(&self, copy: CopyRecord) {
        let (id, now) = (copy.id, self.app.clock.now());
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        let begun = self
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.begin_copy(id, now).await }))
            .await;
        match begun {
            Ok(Some(attempt)) => {
                if let Err(error) = self.attempt(copy, attempt).await {
                    self.lost.store(true, Ordering::Relaxed);
                    tracing::error!(copy = %id, "how a copy went cannot be recorded: {error}");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(copy = %id, "a copy cannot begin: {error}"),
        }
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }

    async fn attempt(&self, copy: CopyRecord, attempt: u32) -> Result<(), StoreError> {
        let progress = Progress::default();
        let ended = {
            let sending = self.send(&copy, &progress);
            tokio::pin!(sending);
            loop {
                match tokio::time::timeout(EVERY, &mut sending).await {
                    Ok(ended) => break ended,
                    // Dropping what is sent breaks its connections off.
                    Err(_) if !self.goes_on(&copy, attempt, &progress).await => return Ok(()),
                    Err(_) => {}
                }
            }
        };
        let now = self.app.clock.now();
        let course = match ended {
            Ok(()) => CopyCourse::Done,
            Err(Trouble::Lasting(detail)) => CopyCourse::Failed { detail },
            Err(trouble) => match retry_after_seconds(attempt) {
                Some(seconds) => CopyCourse::Again {
                    at: now.plus_seconds(seconds),
                    detail: trouble.text(),
                },
                None => CopyCourse::Failed { detail: trouble.text() },
            },
        };
        match &course {
            CopyCourse::Done => tracing::info!(backup = copy.backup_name, copy = %copy.id, "a backup was copied"),
            CopyCourse::Again { detail, .. } => {
                tracing::warn!(backup = copy.backup_name, copy = %copy.id, "a copy waits: {detail}")
            }
            CopyCourse::Failed { detail } => {
                tracing::error!(backup = copy.backup_name, copy = %copy.id, "a copy has failed: {detail}")
            }
        }
        let (id, tally) = (copy.id, progress.tally());
        self.app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    tx.note_copy(id, attempt, tally).await?;
                    tx.end_copy(id, attempt, &course, now).await.map(drop)
                })
            })
            .await
    }

    /// Notes how far it is; whether it is still wanted. A store that does not answer ends no copy.
    async fn goes_on(&self, copy: &CopyRecord, attempt: u32, progress: &Progress) -> bool {
        let (id, tally) = (copy.id, progress.tally());
        let noted = self
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.note_copy(id, attempt, tally).await }));
        noted.await.unwrap_or_else(|error: StoreError| {
            tracing::warn!(copy = %id, "how far a copy is cannot be noted: {error}");
            true
        })
    }

    async fn send(&self, copy: &CopyRecord, progress: &Progress) -> Result<(), Trouble> {
        let id = copy.provider;
        let provider = self
            .app
            .store
            .ask(move |view| Box::pin(async move { view.service_provider(id).await }))
            .await
            .map_err(|error: StoreError| Trouble::Passing(format!("the store does not answer: {error}")))?;
        let provider = provider.ok_or_else(|| Trouble::Lasting("the service provider was deleted".to_owned()))?;
        let remote = reach(&self.app, &provider, copy.to.clone()).await?;
        transfer(&self.app.vault, copy.backup, remote, progress).await
    }
}

/// Asks for a scheduled copy, if its provider is still there.
async fn ask_scheduled(tx: &mut Tx, copy: &NewCopy, now: countersign_events::Timestamp) -> Result<(), StoreError> {
    if tx.service_provider(copy.provider).await?.is_some() {
        tx.ask_copy(copy, now).await?;
    }
    Ok(())
}

/// A repository at a provider, as its description and its password say; nothing is connected yet.
async fn reach(app: &App, provider: &ServiceProvider, to: Name) -> Result<Remote, Trouble> {
    let sealed = provider.password.as_ref();
    let sealed = sealed.ok_or_else(|| Trouble::Lasting("no password is set: give it one".to_owned()))?;
    let password = app.sealing.unseal(Purpose::ServiceProvider(provider.id), sealed);
    let password = password.map_err(|error| Trouble::Lasting(format!("its password cannot be read: {error}")))?;
    let password =
        std::str::from_utf8(&password).map_err(|_| Trouble::Lasting("its password is no text".to_owned()))?;
    let end = End::prepare(&provider.spec, password, app.clock.now()).await?;
    Ok(Remote::new(Line::new(end), to))
}

/// How a provider answers: connects, logs on and asks for one config. Nothing is written there.
///
/// # Errors
/// For people, without a full stop: what is in the way.
pub async fn test(app: &App, provider: &ServiceProvider) -> Result<(), String> {
    // Any name will do: whether something is there is of no importance.
    let first = provider.spec.copies.first().map(|copy| copy.to.clone());
    let Some(to) = first.or_else(|| "countersign-test".parse().ok()) else {
        return Err("nothing can be asked for there".to_owned());
    };
    let asking = async {
        let mut remote = reach(app, provider, to).await?;
        remote.knock().await
    };
    match tokio::time::timeout(LONGEST_TEST, asking).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(trouble)) => Err(trouble.text()),
        Err(_) => Err(format!("it took longer than {} seconds", LONGEST_TEST.as_secs())),
    }
}
