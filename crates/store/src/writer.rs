//! The one writer: many pieces of work in one commit, a savepoint each, answered after the commit.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;

use countersign_core::RequestId;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::StoreError;
use crate::view::{Tx, View};

/// How many pieces of work share a commit at most.
const GROUP: usize = 256;

/// A piece of work with its answer, without its types.
pub(crate) trait Job: Send {
    /// Runs the work and keeps its result; true when its changes are to stay.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// The work did not end by itself, or the database failed around it.
    fn fail(&mut self, error: StoreError);
    /// Sends the answer.
    fn answer(self: Box<Self>);
}

pub(crate) struct Work<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Work<T, E, F> {
    pub(crate) const fn new(work: F, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            work: Some(work),
            result: None,
            answer,
        }
    }
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        let work = self.work.take();
        let result = &mut self.result;
        Box::pin(async move {
            let Some(work) = work else { return false };
            let outcome = work(tx).await;
            let keep = outcome.is_ok();
            *result = Some(outcome);
            keep
        })
    }

    fn fail(&mut self, error: StoreError) {
        // An error that the work itself gave says more than the rollback that followed it.
        if !matches!(self.result, Some(Err(_))) {
            self.result = Some(Err(error.into()));
        }
    }

    fn answer(self: Box<Self>) {
        let result = self.result.unwrap_or_else(|| Err(StoreError::Closed.into()));
        // Nobody waits any more: the work is done all the same.
        let _ = self.answer.send(result);
    }
}

/// Whom the writer tells after a commit.
pub(crate) struct Announce {
    /// The number of the last event.
    pub events: watch::Sender<i64>,
    /// Requests of which something was decided or done.
    pub requests: broadcast::Sender<RequestId>,
}

/// Gives the writer a thread of its own: commits wait for the disk, and no other task is to wait with them.
pub(crate) fn start(view: View, jobs: mpsc::Receiver<Box<dyn Job>>, announce: Announce) -> Result<(), StoreError> {
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || runtime.block_on(run(view, jobs, announce)))
        .map(drop)
        .map_err(|error| StoreError::Engine(format!("no thread for the writer: {error}")))
}

/// Runs until every [`crate::Store`] is gone.
async fn run(view: View, mut jobs: mpsc::Receiver<Box<dyn Job>>, announce: Announce) {
    let full = view.full();
    let mut tx = Tx::over(view);
    let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP);
    while jobs.recv_many(&mut group, GROUP).await > 0 {
        let was_full = full.swap(false, Ordering::AcqRel);
        let committed = commit_group(&mut tx, &mut group, &mut jobs).await;
        let found_no_room = full.fetch_or(was_full, Ordering::AcqRel);
        if let Err(error) = committed {
            let error = if found_no_room { StoreError::Full } else { error };
            tracing::error!(detail = error.detail(), "{error}");
            // The whole group is undone, so each of it is told so.
            for job in &mut group {
                job.fail(error.clone());
            }
            if let Err(error) = tx.execute("ROLLBACK", params![]).await {
                tracing::debug!(detail = error.detail(), "no transaction was left to roll back");
            }
            tx.restore_appended(None);
            tx.restore_turns(0);
        }
        if let Some(last) = tx.take_appended() {
            announce.events.send_replace(last);
        }
        for turned in tx.take_turned() {
            // Nobody may be waiting.
            let _ = announce.requests.send(turned);
        }
        for job in group.drain(..) {
            job.answer();
        }
    }
    if let Err(error) = tx.into_view().close().await {
        tracing::error!(detail = error.detail(), "{error}");
    }
}

async fn commit_group(
    tx: &mut Tx,
    group: &mut Vec<Box<dyn Job>>,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<(), StoreError> {
    tx.execute("BEGIN IMMEDIATE", params![]).await?;
    let mut next = 0;
    while next < group.len() {
        run_one(tx, &mut group[next]).await?;
        next += 1;
        // What arrived meanwhile shares this commit.
        while group.len() < GROUP {
            match jobs.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
    }
    tx.execute("COMMIT", params![]).await?;
    Ok(())
}

async fn run_one(tx: &mut Tx, job: &mut Box<dyn Job>) -> Result<(), StoreError> {
    tx.execute("SAVEPOINT work", params![]).await?;
    let (appended, turns) = (tx.appended(), tx.turns());
    // A panic in one piece of work must not end the writer for all others.
    let keep = match AssertUnwindSafe(job.run(tx)).catch_unwind().await {
        Ok(keep) => keep,
        Err(_) => {
            job.fail(StoreError::Engine("a piece of work panicked".into()));
            false
        }
    };
    if !keep {
        tx.execute("ROLLBACK TO SAVEPOINT work", params![]).await?;
        tx.restore_appended(appended);
        tx.restore_turns(turns);
    }
    tx.execute("RELEASE SAVEPOINT work", params![]).await?;
    Ok(())
}
