//! Hashing of passwords, a few at a time: it is slow on purpose and must not take all cores or all memory.

use std::sync::Arc;

use countersign_core::password::{self, HashingFailed, KnownPassword, PasswordHash};
use countersign_core::{AccountId, Entropy};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// How many are hashed at once. Each takes 19 MiB.
const AT_ONCE: usize = 2;

/// The room in which passwords are hashed.
pub struct Hashing {
    room: Arc<Semaphore>,
    /// How many were hashed.
    pub done: Counter,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE)),
            done: Counter::default(),
        }
    }
}

impl Hashing {
    /// Compares what was typed with what is kept; the same work for nothing kept.
    pub async fn verify(
        &self,
        kept: Option<(AccountId, PasswordHash)>,
        typed: Zeroizing<String>,
    ) -> Result<Option<KnownPassword>, HashingFailed> {
        self.run(move || {
            let kept = kept.as_ref().map(|(account, hash)| (*account, hash));
            password::verify(kept, &typed)
        })
        .await
    }

    /// Hashes a new password.
    pub async fn hash(
        &self,
        password: Zeroizing<String>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<PasswordHash, HashingFailed> {
        self.run(move || PasswordHash::new(&password, &*entropy)).await
    }

    /// Hashes nothing any more. For tests of what is told then.
    #[cfg(test)]
    pub fn close(&self) {
        self.room.close();
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashingFailed> + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let permit = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(|_| HashingFailed)?;
        self.done.inc();
        tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that goes away does not make room early.
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| HashingFailed)?
    }
}
