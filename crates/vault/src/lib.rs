//! What is protected: the bytes. Accept, serve, hold, release, purge.
//!
//! Which objects are visible is a fact in the store, flipped for a whole batch in one transaction. Bytes leave the disk only
//! in [`purge`], on an order that core made.

mod accept;
mod backup;
mod copying;
mod error;
mod fatigue;
pub mod files;
mod hold;
mod purge;
mod reports;
pub mod retention;
mod seal;
mod serve;
pub mod settle;
mod storages;
mod traffic;
pub mod undo;

pub use accept::{Accepted, Incoming};
pub use backup::OpenBackup;
pub use error::VaultError;
pub use hold::Deleted;
pub use seal::request_change;
pub use storages::{End, Grounds, Prepared, take_out};
pub use traffic::Gate;

use std::path::Path;
use std::sync::Arc;

use countersign_core::{Clock, Entropy, Moment};
use countersign_events::Timestamp;
use countersign_store::{Store, StoreError};
use tokio::sync::{Mutex, Notify};

use backup::Known;
use files::OpenError;
use storages::Shelves;

/// The vault. Share it in an [`Arc`].
pub struct Vault {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    shelves: Arc<Shelves>,
    known: Known,
    started_at: Timestamp,
    purge_due: Notify,
    /// Uploads of one name are published one after the other.
    turns: [Mutex<()>; 64],
}

/// Why the vault cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenVaultError {
    /// Below.
    #[error(transparent)]
    Files(#[from] OpenError),
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Vault {
    /// Opens the folder of every storage: its own, or one below `root` that is named by its number.
    pub async fn open(
        store: Store,
        root: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenVaultError> {
        store.age_by(Arc::clone(&clock)).await?;
        let shelves = Shelves::below(root);
        let (storages, removed) = store
            .read(|view| {
                Box::pin(async move { Ok::<_, StoreError>((view.storages().await?, view.removed_storages().await?)) })
            })
            .await?;
        Self::open_storages(&shelves, &storages, &removed)?;
        let started_at = clock.now();
        Ok(Self {
            store,
            clock,
            entropy,
            shelves: Arc::new(shelves),
            known: Known::default(),
            started_at,
            purge_due: Notify::new(),
            turns: std::array::from_fn(|_| Mutex::new(())),
        })
    }

    /// The store below.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// This moment: the time to record, and the time that ages.
    pub fn moment(&self) -> Moment {
        self.store.moment(self.clock.now())
    }
}

#[cfg(test)]
mod tests;
