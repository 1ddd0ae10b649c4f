//! What is known of the machine's clock, and the time that ages: asked of the clock itself, kept here over restarts.

use std::sync::{Arc, OnceLock};

use countersign_core::ageing::{Ageing, AgeingClock, Correction, Stopped};
use countersign_core::{Boot, Clock, Moment, Reading};
use countersign_events::Timestamp;

use crate::{Store, StoreError, Tx, View};

/// The clock that a store's questions are asked by, once there is one.
pub(crate) type SharedClock = Arc<OnceLock<AgeingClock>>;

/// How old what is kept of the clock may get, in microseconds: a minute.
const KEEP_EVERY: i64 = 60_000_000;

impl Store {
    /// From now on the time that ages is asked of this clock and of what was kept of it. The first one stays.
    pub async fn age_by(&self, clock: Arc<dyn Clock>) -> Result<(), StoreError> {
        if self.clock.get().is_none() {
            let kept: Option<Ageing> = self.ask(|view| Box::pin(view.kept_clock())).await?;
            // Another one was quicker: it is the same machine's.
            let _ = self.clock.set(AgeingClock::new(clock, kept));
            if kept.is_none() {
                self.keep_clock().await?;
            }
        }
        Ok(())
    }

    /// A moment of the wall clock, with the time that ages beside it.
    pub fn moment(&self, now: Timestamp) -> Moment {
        moment(&self.clock, now)
    }

    /// Since which jump of the clock ageing stands still; none while it does not. Looks at the clock.
    pub fn stopped(&self) -> Option<(Stopped, Ageing)> {
        stopped(&self.clock)
    }

    /// Looks at the clock, and keeps what is known of it if it jumped, or if what is kept is a minute old. Run it every second.
    pub async fn look_at_clock(&self) -> Result<(), StoreError> {
        self.resume_ageing().await?;
        let Some(now) = self.clock.get().and_then(AgeingClock::known) else {
            return Ok(());
        };
        let kept: Option<Ageing> = self.ask(|view| Box::pin(view.kept_clock())).await?;
        let jumped = kept.map_or(0, |kept| kept.jumps) != now.jumps;
        let old = kept.is_none_or(|kept| {
            kept.last.boot != now.last.boot || now.last.running.saturating_sub(kept.last.running) >= KEEP_EVERY
        });
        if jumped || old {
            self.keep_clock().await?;
        }
        Ok(())
    }

    /// Keeps what is known of the clock.
    pub async fn keep_clock(&self) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(async move { tx.keep_clock().await })).await
    }

    /// Goes on by what was committed, if a confirmation of the clock was under way.
    pub async fn resume_ageing(&self) -> Result<(), StoreError> {
        let Some(clock) = self.clock.get().filter(|clock| clock.is_confirming()) else {
            return Ok(());
        };
        // After the writer's turn: the confirmation before it is committed by then, or undone.
        let kept: Result<_, StoreError> = self.write(|tx| Box::pin(async move { tx.kept_clock().await })).await;
        if let Some(kept) = kept? {
            clock.resume(kept);
        }
        Ok(())
    }
}

fn stopped(clock: &SharedClock) -> Option<(Stopped, Ageing)> {
    let known = clock.get()?.known()?;
    known.stopped.map(|stopped| (stopped, known))
}

fn moment(clock: &SharedClock, now: Timestamp) -> Moment {
    clock.get().map_or_else(|| Moment::sure(now), |clock| clock.moment(now))
}

impl View {
    /// A moment of the wall clock, with the time that ages beside it. Where no clock is known, it is taken at its word.
    pub fn moment(&self, now: Timestamp) -> Moment {
        moment(self.clock(), now)
    }

    /// Since which jump of the clock ageing stands still; none while it does not. Looks at the clock.
    pub fn stopped(&self) -> Option<(Stopped, Ageing)> {
        stopped(self.clock())
    }

    /// What was kept of the clock; none before the first time.
    pub async fn kept_clock(&mut self) -> Result<Option<Ageing>, StoreError> {
        let sql = "SELECT wall, boot, running, reached, walked, jumps, jumped_from, jumped_to, steady FROM clock WHERE id = 1";
        let Some(row) = self.row(sql, params![]).await? else {
            return Ok(None);
        };
        let boot = row.blob(1)?.try_into();
        let stopped = match (row.int_or_null(6)?, row.int_or_null(7)?, row.int_or_null(8)?) {
            (Some(before), Some(after), Some(steady)) => Some(Stopped {
                before: Timestamp(before),
                after: Timestamp(after),
                steady: Timestamp(steady),
            }),
            _ => None,
        };
        Ok(Some(Ageing {
            last: Reading {
                wall: Timestamp(row.int(0)?),
                boot: Boot(boot.map_err(|_| StoreError::Unreadable("the clock"))?),
                running: row.int(2)?,
            },
            reached: Timestamp(row.int(3)?),
            walked: row.int(4)?,
            jumps: row.int(5)?,
            stopped,
        }))
    }

    /// The clocks that jumped and were confirmed, in their order.
    pub async fn clock_corrections(&mut self) -> Result<Vec<Correction>, StoreError> {
        let sql = "SELECT stood_at, resumed_at FROM clock_corrections ORDER BY id";
        let rows = self.rows(sql, params![]).await?;
        rows.iter()
            .map(|row| {
                Ok(Correction {
                    stood_at: Timestamp(row.int(0)?),
                    resumed_at: Timestamp(row.int(1)?),
                })
            })
            .collect()
    }
}

impl Tx {
    /// Keeps what is known of the clock; nothing while a confirmation is under way, which keeps its own.
    async fn keep_clock(&mut self) -> Result<(), StoreError> {
        match self.clock().get().and_then(AgeingClock::known) {
            Some(known) => self.write_clock(&known).await,
            None => Ok(()),
        }
    }

    /// Lets ageing go on after a jump, if it still is the last one: every deadline moves along, so that what was left of each span is
    /// left of it still. False when the clock jumped again, or was confirmed by somebody else.
    ///
    /// The time that ages is the lesser of both until [`Store::resume_ageing`].
    pub async fn confirm_clock(&mut self, jump: i64, by: &str) -> Result<bool, StoreError> {
        let Some((ageing, correction)) = self.clock().get().and_then(|clock| clock.confirm(jump)) else {
            return Ok(false);
        };
        let shift = correction.shift();
        // All accounts: an approval that waits remembers since when its approver could approve.
        self.execute("UPDATE accounts SET eligible_at = eligible_at + $1", params![shift])
            .await?;
        let sql = "UPDATE requests SET due_at = due_at + $1, approver_eligible_at = approver_eligible_at + $1
                   WHERE effect IN ('waiting', 'postponed')";
        self.execute(sql, params![shift]).await?;
        let sql = "UPDATE requests SET expires_at = expires_at + $1 WHERE state = 'pending'";
        self.execute(sql, params![shift]).await?;
        self.execute("UPDATE former_ties SET until = until + $1", params![shift])
            .await?;
        let sql = "INSERT INTO clock_corrections (stood_at, resumed_at, confirmed_by) VALUES ($1, $2, $3)";
        self.execute(sql, params![correction.stood_at.0, correction.resumed_at.0, by])
            .await?;
        self.write_clock(&ageing).await?;
        Ok(true)
    }

    async fn write_clock(&mut self, ageing: &Ageing) -> Result<(), StoreError> {
        let (before, after, steady) = match ageing.stopped {
            Some(stopped) => (Some(stopped.before.0), Some(stopped.after.0), Some(stopped.steady.0)),
            None => (None, None, None),
        };
        self.execute(
            "INSERT INTO clock (id, wall, boot, running, reached, walked, jumps, jumped_from, jumped_to, steady)
             VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (id) DO UPDATE SET wall = excluded.wall, boot = excluded.boot, running = excluded.running,
                    reached = excluded.reached, walked = excluded.walked, jumps = excluded.jumps, jumped_from = excluded.jumped_from,
                    jumped_to = excluded.jumped_to, steady = excluded.steady",
            params![
                ageing.last.wall.0,
                ageing.last.boot.0.as_slice(),
                ageing.last.running,
                ageing.reached.0,
                ageing.walked,
                ageing.jumps,
                before,
                after,
                steady
            ],
        )
        .await
        .map(drop)
    }
}

#[cfg(test)]
mod tests;
