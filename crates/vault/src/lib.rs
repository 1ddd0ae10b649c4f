//! What is protected: the bytes. Accept, serve, hold, release, purge.
//!
//! Which objects are visible is a fact in the store, flipped for a whole batch in one transaction. Bytes leave the disk only
//! in [`purge`], on an order that core made.

mod accept;
mod backup;
mod error;
pub mod files;
mod hold;
mod purge;
mod seal;
mod serve;
pub mod settle;
mod traffic;

pub use accept::{Accepted, Incoming};
pub use backup::OpenBackup;
pub use error::VaultError;
pub use hold::Deleted;
pub use seal::request_change;
pub use traffic::Gate;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use countersign_core::{Clock, Entropy, Name};
use countersign_events::Timestamp;
use countersign_store::Store;
use tokio::sync::{Mutex, Notify};

use backup::Known;
use files::{Files, OpenError};

/// The vault. Share it in an [`Arc`].
pub struct Vault {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    storages: HashMap<Name, Files>,
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
    Store(#[from] countersign_store::StoreError),
}

impl Vault {
    /// Opens the folder of every storage below `root`; each storage has one, named by its number.
    pub async fn open(
        store: Store,
        root: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenVaultError> {
        let mut storages = HashMap::new();
        for storage in store.ask(|view| Box::pin(async move { view.storages().await })).await? {
            storages.insert(storage.name, Files::open(root.join(storage.id.to_string()))?);
        }
        let started_at = clock.now();
        Ok(Self {
            store,
            clock,
            entropy,
            storages,
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

    /// The storages and their files, for space and checks.
    pub fn storages(&self) -> impl Iterator<Item = (&Name, &Files)> {
        self.storages.iter()
    }
}

#[cfg(test)]
mod tests;
