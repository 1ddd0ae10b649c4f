//! Denials that could not be recorded because the store did not answer. They are recorded as soon as it does (44002, reason 8).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use countersign_events::{Reason, Timestamp};
use countersign_store::{Store, StoreError};

use crate::http::LogonKnown;

/// How many wait at most: the oldest go first. Each is a few hundred bytes.
const MOST: usize = 1000;

/// What waits. It is in memory alone: nothing can be kept while nothing can be written, so a stop of the server forgets it, as its log says.
#[derive(Debug, Default)]
pub struct Unrecorded(Mutex<VecDeque<(LogonKnown, Timestamp)>>);

impl Unrecorded {
    /// Keeps what is known of a logon that failed.
    pub fn keep(&self, known: LogonKnown, at: Timestamp) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            waiting.pop_front();
            tracing::warn!("a denied logon is in the log alone: too many wait for the store");
        }
        waiting.push_back((known, at));
    }

    /// Records all that waits, in order and at once; how many that were. What could not be recorded still waits.
    ///
    /// # Errors
    /// The store does not answer yet.
    pub async fn record(&self, store: &Store) -> Result<usize, StoreError> {
        let waiting: Vec<_> = {
            let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.iter().cloned().collect()
        };
        if waiting.is_empty() {
            return Ok(0);
        }
        let count = waiting.len();
        store
            .write(move |tx| {
                Box::pin(async move {
                    for (known, at) in waiting {
                        known.denied(tx, Reason::ServerError, at).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Some of them may have gone to make room meanwhile.
        let done = count.min(left.len());
        left.drain(..done);
        Ok(count)
    }
}
