//! What is remembered. One transaction is the decision and its events.
//!
//! Callers hand [`Store::write`] a piece of work over a [`Tx`]; it runs on the one writer, which commits many pieces at
//! once, and is answered only after the commit. [`Store::read`] gives a consistent [`View`]. No caller sees SQL.

#[macro_use]
mod engine;
mod account_links;
mod accounts;
mod attempts;
mod backups;
mod behind;
mod chains;
mod clients;
mod clock;
mod commands;
mod configuration;
mod configuration_backups;
mod copies;
mod decisions;
mod devices;
mod effects;
mod error;
mod event_removal;
mod event_search;
mod events;
mod factors;
mod fatigue;
mod founding;
mod idempotency;
mod inspect;
mod logon;
mod manifests;
mod migrate;
mod named;
mod notices;
mod objects;
mod passkeys;
mod previews;
mod query;
mod receivers;
mod request_search;
mod requests;
mod room;
mod runners;
mod service_providers;
mod settings;
mod signing_keys;
mod storages;
mod time_marks;
mod view;
mod writer;

pub use account_links::{AccountLink, LinkProgress};
pub use accounts::{NewAccount, NewToken, Token};
pub use backups::Backup;
pub use commands::{CommandRecord, Ended, NewCommand, Output, Report};
pub use configuration::{ExportError, Exported, Import};
pub use configuration_backups::{ConfigurationBackup, LeftoverFile, SealedPassphrase};
pub use copies::{CopyCourse, CopyRecord, CopyState, NewCopy, Tally};
pub use engine::{Row, Value};
pub use error::StoreError;
pub use event_search::{EventFilter, Place};
pub use events::RecordedEvent;
pub use factors::RecoveryHashes;
pub use founding::{Founding, FoundingLink};
pub use inspect::{Inspection, inspect};
pub use logon::{LogonFlow, SealedTotp};
pub use manifests::ListedObject;
pub use notices::{NoticeChannel, RecordedNotice};
pub use objects::{StoredObject, Totals};
pub use passkeys::KeptPasskey;
pub use receivers::Receiver;
pub use request_search::RequestFilter;
pub use requests::{NewRequest, RequestRecord};
pub use runners::Runner;
pub use service_providers::ServiceProvider;
pub use signing_keys::SigningKeyRecord;
pub use storages::{RemovedStorage, Storage, StorageTerms};
pub use view::{Tx, View};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_core::RequestId;
use futures_util::future::BoxFuture;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use engine::Connection;
use view::Readers;
use writer::{Announce, Job};

/// How many turns of requests are kept for those who wait and have not looked yet.
const TURNS: usize = 1024;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: mpsc::Sender<Box<dyn Job>>,
    readers: Arc<Readers>,
    events: watch::Receiver<i64>,
    requests: broadcast::Sender<RequestId>,
    full: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    clock: clock::SharedClock,
}

impl Store {
    /// Opens the database file, makes it if it is not there, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let clock = clock::SharedClock::default();
        let mut tx = Tx::over(View::over(Connection::open(path).await?, Arc::clone(&clock)));
        migrate::migrate(&mut tx).await?;
        let mut view = tx.into_view();
        let last = view.last_event().await?;
        let full = view.full();
        let (announce, events) = watch::channel(last);
        let (requests, _) = broadcast::channel(TURNS);
        let (writer, jobs) = mpsc::channel(1024);
        let announce = Announce {
            events: announce,
            requests: requests.clone(),
        };
        writer::start(view, jobs, announce)?;
        Ok(Self {
            writer,
            readers: Arc::new(Readers::new(path, Arc::clone(&clock))),
            events,
            requests,
            full,
            writes: Arc::default(),
            clock,
        })
    }

    /// Does the work in a transaction and answers after it is durable. An error of the work undoes all of it.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = writer::Work::new(work, answer);
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.writer.send(Box::new(job)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Reads in one consistent snapshot.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut View) -> BoxFuture<'t, Result<T, E>>,
    {
        let mut reader = self.readers.take().await?;
        reader.view().begin().await?;
        let result = work(reader.view()).await;
        reader.view().end().await?;
        reader.give_back();
        result
    }

    /// Asks one question, without the cost of a snapshot.
    pub async fn ask<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut View) -> BoxFuture<'t, Result<T, E>>,
    {
        let mut reader = self.readers.take().await?;
        let result = work(reader.view()).await;
        reader.give_back();
        result
    }

    /// How many transactions were asked for. For tests of what an answer costs.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Whether a write found no room, and none has found any since [`Store::try_room`].
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Tries whether there is room for a few decisions again. If there is, the store is not full any more.
    ///
    /// # Errors
    /// [`StoreError::Full`]: there is none yet.
    pub async fn try_room(&self) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(tx.take_room())).await?;
        self.full.store(false, Ordering::Release);
        Ok(())
    }

    /// Whether the database's file may grow. For tests of what a full disk does.
    pub async fn let_grow(&self, may: bool) -> Result<(), StoreError> {
        self.write(move |tx| Box::pin(tx.let_grow(may))).await
    }

    /// Tells each request of which something was decided or done, after the commit. Whoever falls behind has missed some.
    pub fn turned(&self) -> broadcast::Receiver<RequestId> {
        self.requests.subscribe()
    }

    /// Tells the last event's sequence number, again whenever it grows. A hint: whoever waits also looks by himself.
    pub fn events(&self) -> watch::Receiver<i64> {
        self.events.clone()
    }
}

#[cfg(test)]
mod tests;
