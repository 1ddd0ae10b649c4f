//! Tries that were wrong, and the sources that are known to be people's own.

use std::net::IpAddr;

use countersign_core::Account;
use countersign_core::logon::throttle::{Attempts, Counter, FORGOTTEN_SECONDS, KNOWN_SECONDS, Throttled, known_source};
use countersign_events::Timestamp;

use crate::{StoreError, Tx, View};

impl View {
    /// Whether somebody of this name has logged on from this source lately.
    pub async fn is_known_source(&mut self, name: &str, source: IpAddr, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM known_sources WHERE source = $1 AND seen_at > $2";
        let source = known_source(name, source);
        let params = params![source.0.as_slice(), now.plus_seconds(-KNOWN_SECONDS).0];
        Ok(self.row(sql, params).await?.is_some())
    }
}

impl Tx {
    /// Charges a try before it is compared.
    pub async fn charge(
        &mut self,
        counter: &Counter,
        now: Timestamp,
    ) -> Result<Result<Attempts, Throttled>, StoreError> {
        let key = counter.key();
        let before = match self
            .row(
                "SELECT failures, last_at FROM attempts WHERE counter = $1",
                params![key.as_str()],
            )
            .await?
        {
            Some(row) => Some(Attempts {
                failures: u32::try_from(row.int(0)?).map_err(|_| StoreError::Unreadable("a count of tries"))?,
                last_at: Timestamp(row.int(1)?),
            }),
            None => None,
        };
        let after = match counter.charge(before, now) {
            Ok(after) => after,
            Err(throttled) => return Ok(Err(throttled)),
        };
        self.execute(
            "INSERT INTO attempts (counter, failures, last_at, whose) VALUES ($1, $2, $3, $4)
             ON CONFLICT (counter) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at, whose = excluded.whose",
            params![key, i64::from(after.failures), after.last_at.0, counter.whose()],
        )
        .await?;
        Ok(Ok(after))
    }

    /// Forgets the failures of a counter: the try was right.
    pub async fn forgive(&mut self, counter: &Counter) -> Result<(), StoreError> {
        let sql = "DELETE FROM attempts WHERE counter = $1";
        self.execute(sql, params![counter.key()]).await.map(drop)
    }

    /// Takes one try back that was charged: it was right, and the failures of others stay.
    pub async fn take_back(&mut self, counter: &Counter) -> Result<(), StoreError> {
        let sql = "UPDATE attempts SET failures = failures - 1 WHERE counter = $1 AND failures > 0";
        self.execute(sql, params![counter.key()]).await.map(drop)
    }

    /// Notes that a person has logged on from a source.
    pub async fn note_known_source(&mut self, name: &str, source: IpAddr, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO known_sources (source, seen_at) VALUES ($1, $2)
             ON CONFLICT (source) DO UPDATE SET seen_at = excluded.seen_at",
            params![known_source(name, source).0.as_slice(), now.0],
        )
        .await
        .map(drop)
    }

    /// Forgets every wrong try for an account, from wherever: its password's and its codes'. How many counters there were.
    pub async fn unlock(&mut self, account: &Account) -> Result<u64, StoreError> {
        let sql = "DELETE FROM attempts WHERE whose = $1 OR whose = $2";
        let params = params![Counter::of_name(account.name.as_str()), Counter::of_account(account.id)];
        self.execute(sql, params).await
    }

    /// Takes counters away that have forgotten what they counted, and sources that are not known any more: this many of each at
    /// most, the oldest first. How many went.
    pub async fn forget_attempts(&mut self, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        let attempts = "DELETE FROM attempts WHERE counter IN
                            (SELECT counter FROM attempts WHERE last_at <= $1 ORDER BY last_at LIMIT $2)";
        let sources = "DELETE FROM known_sources WHERE source IN
                           (SELECT source FROM known_sources WHERE seen_at <= $1 ORDER BY seen_at LIMIT $2)";
        let most = i64::from(most);
        let old = params![now.plus_seconds(-FORGOTTEN_SECONDS).0, most];
        let gone = self.execute(attempts, old).await?;
        let unknown = params![now.plus_seconds(-KNOWN_SECONDS).0, most];
        Ok(gone + self.execute(sources, unknown).await?)
    }
}
