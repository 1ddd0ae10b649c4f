//! The task of one receiver: read, send, remember; after trouble, wait and go back to what may be lost.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_core::ReceiverId;
use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_events::Timestamp;
use countersign_store::{RecordedEvent, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connection::{Connection, Terms};
use super::trouble::{Farewell, Trouble};
use super::window::Window;
use super::{Batch, Dialect, Shared};

/// Delivers to one receiver until it is told to leave or the server stops.
pub(super) struct Course {
    shared: Arc<Shared>,
    id: ReceiverId,
    spec: ReceiverSpec,
    dialect: Dialect,
    /// The receiver was changed or removed: end soon.
    leave: CancellationToken,
    events: watch::Receiver<i64>,
    backoff: Backoff,
    window: Window,
    /// What was read and is not delivered: up to which event, and when the first of it was recorded.
    waiting: VecDeque<(i64, Timestamp)>,
    /// Cursor and settled mark as the store has them.
    remembered: (i64, i64),
    remembered_at: Instant,
    /// The store holds an error that the next success clears.
    in_error: bool,
}

/// Starts the task. It begins after `before`, which delivered to the same receiver, has ended.
pub(super) fn spawn(
    shared: &Arc<Shared>,
    id: ReceiverId,
    spec: ReceiverSpec,
    leave: CancellationToken,
    before: Option<JoinHandle<()>>,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if let Some(before) = before
            && before.await.is_err()
        {
            tracing::error!(
                receiver = spec.name.as_str(),
                "delivering ended unexpectedly: it starts again"
            );
        }
        match Course::begin(&shared, id, spec, leave).await {
            Ok(Some(course)) => course.run().await,
            Ok(None) => {}
            // The supervisor sees that the task has ended and starts it again.
            Err(error) => tracing::warn!(detail = error.detail(), "a receiver cannot be read: {error}"),
        }
    })
}

impl Course {
    async fn begin(
        shared: &Arc<Shared>,
        id: ReceiverId,
        spec: ReceiverSpec,
        leave: CancellationToken,
    ) -> Result<Option<Self>, StoreError> {
        let row = shared
            .store
            .ask(move |view| Box::pin(async move { view.receiver(id).await }))
            .await?;
        let Some(row) = row else { return Ok(None) };
        let pace = &shared.pace;
        Ok(Some(Self {
            shared: Arc::clone(shared),
            id,
            dialect: Dialect::new(&shared.sender.origin, &spec.options),
            window: Window::new(spec.transport, row.settled, pace),
            spec,
            leave,
            events: shared.store.events(),
            waiting: VecDeque::new(),
            backoff: Backoff::new(pace.backoff),
            remembered: (row.cursor, row.settled),
            remembered_at: Instant::now(),
            in_error: row.last_error.is_some(),
        }))
    }

    async fn run(mut self) {
        self.shared
            .standings
            .starts(self.id, &self.spec, self.window.delivered());
        while let Err(trouble) = self.session().await {
            self.window.go_back();
            self.shared.standings.breaks(self.id, self.window.delivered());
            // What arrived before it broke comes first: writing that down clears the error.
            self.remember().await;
            self.note(&trouble).await;
            self.look_what_waits().await;
            let wait = self.backoff.next(&*self.shared.entropy);
            tokio::select! {
                () = self.leave.cancelled() => break,
                () = self.shared.stop.cancelled() => break,
                () = sleep(wait) => {}
            }
        }
        self.remember().await;
        self.shared.standings.disconnects(self.id);
    }

    /// One connection, from its start to its end. `Ok` when the task is to end.
    async fn session(&mut self) -> Result<(), Trouble> {
        let terms = Terms {
            pace: &self.shared.pace,
            own_certificate: self.shared.sender.own_certificate.as_ref(),
            now: self.shared.clock.now(),
            attempt: self.backoff.failures(),
        };
        let mut connection = tokio::select! {
            biased;
            () = self.leave.cancelled() => return Ok(()),
            () = self.shared.stop.cancelled() => return Ok(()),
            opened = Connection::open(&self.spec, terms) => opened?,
        };
        // Over UDP nothing is known before something was sent.
        if self.spec.transport != Transport::Udp {
            self.shared.standings.connects(self.id);
        }
        let since = Instant::now();
        let mut batch = Batch::new(self.spec.transport);
        while !self.leave.is_cancelled() && !self.shared.is_out_of_time() {
            // Marked as seen before the table is read, so that no event falls between the two.
            self.events.mark_unchanged();
            let events = self.unsent().await?;
            if events.is_empty() {
                if self.shared.stop.is_cancelled() || !self.wait(&mut connection).await? {
                    break;
                }
            } else if !self.hand_over(&mut connection, &mut batch, &events).await? {
                return Ok(());
            }
            self.window.settle(Instant::now());
            self.show();
            if self.is_due() {
                self.remember().await;
            }
            if since.elapsed() >= self.shared.pace.hold {
                self.backoff.reset();
            }
        }
        let farewell = connection.close().await;
        self.acknowledge(&mut connection);
        match farewell {
            Farewell::Taken => self.window.settle_all(),
            Farewell::Unknown | Farewell::Broken(_) => {}
        }
        Ok(())
    }

    async fn unsent(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        let (after, most) = (self.window.handed(), self.shared.pace.batch);
        self.shared
            .store
            .ask(move |view| Box::pin(async move { view.events_after(after, most).await }))
            .await
    }

    /// Hands the events that pass the filter to the connection, and moves on over the others. False when there was no
    /// time left for it.
    async fn hand_over(
        &mut self,
        connection: &mut Connection,
        batch: &mut Batch,
        events: &[RecordedEvent],
    ) -> Result<bool, Trouble> {
        batch.clear();
        let filter = &self.spec.filter;
        for event in events {
            if filter.is_empty() || filter.passes(event.event.id(), event.event.severity()) {
                batch.push(event, &self.dialect);
            }
        }
        let sent = tokio::select! {
            biased;
            sent = connection.send(batch) => Some(sent),
            () = self.shared.out_of_time() => None,
            () = async { self.leave.cancelled().await; sleep(self.shared.pace.farewell).await } => None,
        };
        let (first, last) = match (events.first(), events.last()) {
            (Some(first), Some(last)) => (first, last),
            // There are some: an empty read is not handed over.
            _ => return Ok(true),
        };
        self.waiting.push_back((last.seq, first.at));
        // Also when it broke in the middle: the first ones may have been acknowledged.
        self.window
            .hand(batch.events(), batch.octets().len() as u64, Instant::now());
        self.acknowledge(connection);
        match sent {
            Some(sent) => sent?,
            None => {
                self.window.go_back();
                return Ok(false);
            }
        }
        self.window.skip(last.seq);
        self.shared.standings.sends(self.id, batch.len());
        Ok(true)
    }

    /// Shows how far it got.
    fn show(&mut self) {
        let delivered = self.window.delivered();
        while self.waiting.front().is_some_and(|(last, _)| *last <= delivered) {
            self.waiting.pop_front();
        }
        let waits_since = self.waiting.front().map(|(_, at)| *at);
        self.shared.standings.delivers(self.id, delivered, waits_since);
    }

    /// Shows, while nothing can be read and sent, since when what is there waits.
    async fn look_what_waits(&mut self) {
        self.waiting.clear();
        let delivered = self.window.delivered();
        let found: Result<_, StoreError> = self
            .shared
            .store
            .ask(move |view| Box::pin(async move { view.waits_since(delivered).await }))
            .await;
        if let Ok(waits_since) = found {
            self.shared.standings.delivers(self.id, delivered, waits_since);
        }
    }

    /// Notes what was acknowledged.
    fn acknowledge(&mut self, connection: &mut Connection) {
        match connection.acknowledged() {
            0 => {}
            count => {
                self.window.acknowledge(count);
                self.shared.standings.acknowledges(self.id);
            }
        }
    }

    /// Waits for something to do. False when the store is closed.
    async fn wait(&mut self, connection: &mut Connection) -> Result<bool, Trouble> {
        let mut wake = Instant::now() + self.shared.pace.poll;
        if let Some(next) = self.window.next() {
            wake = wake.min(next);
        }
        if self.owes() {
            wake = wake.min(self.remembered_at + self.shared.pace.remember);
        }
        let waited = tokio::select! {
            biased;
            heard = connection.listen() => heard.map(|()| true),
            () = self.leave.cancelled() => Ok(true),
            () = self.shared.stop.cancelled() => Ok(true),
            changed = self.events.changed() => Ok(changed.is_ok()),
            () = sleep_until(wake) => Ok(true),
        };
        self.acknowledge(connection);
        waited
    }

    /// How far it got, as the store should have it: the last event that was delivered, and the last that need not be
    /// sent again.
    fn mark(&self) -> (i64, i64) {
        let (cursor, settled) = self.remembered;
        (cursor.max(self.window.delivered()), settled.max(self.window.settled()))
    }

    /// Whether the receiver is well again and the store says otherwise.
    fn has_recovered(&self) -> bool {
        self.in_error && self.window.trusts_a_connection() && self.shared.standings.is_connected(self.id)
    }

    /// Whether the store knows less than it should.
    fn owes(&self) -> bool {
        self.mark() != self.remembered || self.has_recovered()
    }

    fn is_due(&self) -> bool {
        self.owes() && self.remembered_at.elapsed() >= self.shared.pace.remember
    }

    /// Writes down how far it got, unless the store knows. What cannot be written now is sent twice after a restart.
    async fn remember(&mut self) {
        if !self.owes() {
            return;
        }
        self.remembered_at = Instant::now();
        let mark = self.mark();
        let (id, now) = (self.id, self.shared.clock.now());
        let written: Result<(), StoreError> = self
            .shared
            .store
            .write(move |tx| Box::pin(async move { tx.advance_cursor(id, mark.0, mark.1, now).await }))
            .await;
        match written {
            Ok(()) => (self.remembered, self.in_error) = (mark, false),
            Err(error) => tracing::warn!(
                receiver = self.spec.name.as_str(),
                detail = error.detail(),
                "how far a receiver got cannot be written down: {error}"
            ),
        }
    }

    async fn note(&mut self, trouble: &Trouble) {
        if !self.in_error {
            tracing::warn!(receiver = self.spec.name.as_str(), "events wait: {trouble}");
        }
        let (id, text, now) = (self.id, trouble.to_string(), self.shared.clock.now());
        let written: Result<(), StoreError> = self
            .shared
            .store
            .write(move |tx| Box::pin(async move { tx.note_receiver_error(id, &text, now).await }))
            .await;
        match written {
            Ok(()) => self.in_error = true,
            Err(error) => tracing::debug!(
                detail = error.detail(),
                "a receiver's error is not written down: {error}"
            ),
        }
    }
}

/// Waits for a task that was told to end; ends it by force when it takes too long.
pub(super) async fn join(mut task: JoinHandle<()>, until: Instant) {
    let patience = until.saturating_duration_since(Instant::now());
    if timeout(patience, &mut task).await.is_err() {
        task.abort();
    }
}
