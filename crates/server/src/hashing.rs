//! Hashing of passwords, a few at a time: it is slow on purpose and must not take all cores or all memory.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use countersign_core::password::{self, HashingFailed, KnownPassword, PasswordHash};
use countersign_core::{AccountId, Entropy};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{Semaphore, oneshot};
use zeroize::Zeroizing;

/// How many are hashed at once. Each takes 19 MiB.
const AT_ONCE: usize = 2;

type Work = Box<dyn FnOnce() + Send>;

/// The room in which passwords are hashed, on threads of its own: the allocator keeps what a thread once had, so on whichever thread is
/// free the server would grow by 19 MiB for each of them.
pub struct Hashing {
    room: Arc<Semaphore>,
    workers: Sender<Work>,
    /// How many were hashed.
    pub done: Counter,
}

impl Default for Hashing {
    fn default() -> Self {
        let (workers, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..AT_ONCE {
            let queue = Arc::clone(&queue);
            let started = std::thread::Builder::new()
                .name("hashing".to_owned())
                .spawn(move || carry_out(&queue));
            if let Err(error) = started {
                tracing::error!(%error, "a thread for hashing passwords does not start");
            }
        }
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE)),
            workers,
            done: Counter::default(),
        }
    }
}

/// Until nobody can bring any more work.
fn carry_out(queue: &Mutex<Receiver<Work>>) {
    loop {
        let next = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        match next {
            Ok(work) => work(),
            Err(_) => return,
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

    /// Does other work that is slow on purpose, in the same room.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingFailed> {
        self.run(move || Ok(work())).await
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
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move || {
            // Held by the work itself: a caller that goes away does not make room early.
            let _permit = permit;
            let _: Result<(), _> = answer.send(work());
        });
        self.workers.send(work).map_err(|_| HashingFailed)?;
        answered.await.map_err(|_| HashingFailed)?
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn however_many_passwords_are_hashed_it_is_on_two_threads() {
        let hashing = Hashing::default();
        let threads = join_all((0..50).map(|_| hashing.run(|| Ok(std::thread::current().id())))).await;
        let threads: HashSet<_> = threads.into_iter().map(Result::unwrap).collect();
        assert!((1..=AT_ONCE).contains(&threads.len()), "{threads:?}");
        assert!(!threads.contains(&std::thread::current().id()));
    }
}
