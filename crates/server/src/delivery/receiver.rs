//! The task of one receiver: read, send, remember; after trouble, wait and go back to what may be lost.

use std::sync::Arc;

use countersign_core::ReceiverId;
use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_store::{RecordedEvent, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connection::{Connection, Terms};
use super::trouble::{Farewell, Trouble};
use super::window::Window;
use super::{Batch, Shared};

/// Delivers to one receiver until it is told to leave or the server stops.
pub(super) struct Course {
    shared: Arc<Shared>,
    id: ReceiverId,
    spec: ReceiverSpec,
    /// The receiver was changed or removed: end soon.
    leave: CancellationToken,
    events: watch::Receiver<i64>,
    backoff: Backoff,
    window: Window,
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
        let hold = match spec.transport {
            Transport::Udp => pace.hold_datagrams,
            Transport::TcpLf | Transport::TcpOctets | Transport::Tls | Transport::Relp | Transport::RelpTls => {
                pace.hold
            }
        };
        Ok(Some(Self {
            shared: Arc::clone(shared),
            id,
            spec,
            leave,
            events: shared.store.events(),
            backoff: Backoff::new(pace.backoff),
            window: Window::new(row.settled, hold, pace.hold_octets),
            remembered: (row.cursor, row.settled),
            remembered_at: Instant::now(),
            in_error: row.last_error.is_some(),
        }))
    }

    async fn run(mut self) {
        self.shared.standings.starts(self.id, &self.spec, self.window.handed());
        while let Err(trouble) = self.session().await {
            self.window.go_back();
            self.shared
                .standings
                .breaks(self.id, self.window.handed(), self.shared.clock.now());
            self.note(&trouble).await;
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
            if self.in_error {
                self.remember().await;
            }
        }
        let since = Instant::now();
        let mut batch = Batch::new(self.spec.transport);
        while !self.leave.is_cancelled() && !self.shared.is_out_of_time() {
            // Marked as seen before the table is read, so that no event falls between the two.
            self.events.mark_unchanged();
            let events = self.unsent().await?;
            if let Some(last) = events.last() {
                if !self.hand_over(&mut connection, &mut batch, &events, last.seq).await? {
                    return Ok(());
                }
            } else {
                self.remember().await;
                if self.shared.stop.is_cancelled() || !self.wait(&mut connection).await? {
                    break;
                }
            }
            self.window.settle(Instant::now());
            if since.elapsed() >= self.shared.pace.hold {
                self.backoff.reset();
            }
        }
        match connection.close().await {
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

    /// Hands the events to the socket. False when there was no time left for it.
    async fn hand_over(
        &mut self,
        connection: &mut Connection,
        batch: &mut Batch,
        events: &[RecordedEvent],
        last: i64,
    ) -> Result<bool, Trouble> {
        batch.clear();
        for event in events {
            batch.push(event, &self.shared.sender.origin);
        }
        tokio::select! {
            biased;
            sent = connection.send(batch) => sent?,
            () = self.shared.out_of_time() => return Ok(false),
            () = async { self.leave.cancelled().await; sleep(self.shared.pace.farewell).await } => return Ok(false),
        }
        self.window.hand(last, batch.octets().len() as u64, Instant::now());
        self.shared.standings.delivers(self.id, batch.len(), last);
        if self.remembered_at.elapsed() >= self.shared.pace.remember {
            self.remember().await;
        }
        Ok(true)
    }

    /// Waits for something to do. False when the store is closed.
    async fn wait(&mut self, connection: &mut Connection) -> Result<bool, Trouble> {
        let poll = Instant::now() + self.shared.pace.poll;
        let wake = self.window.next().map_or(poll, |next| next.min(poll));
        tokio::select! {
            biased;
            trouble = connection.broken() => Err(trouble),
            () = self.leave.cancelled() => Ok(true),
            () = self.shared.stop.cancelled() => Ok(true),
            changed = self.events.changed() => Ok(changed.is_ok()),
            () = sleep_until(wake) => Ok(true),
        }
    }

    /// Writes down how far it got, unless the store knows. What cannot be written now is sent twice after a restart.
    async fn remember(&mut self) {
        self.remembered_at = Instant::now();
        let settled = self.window.settled();
        let handed = match self.spec.transport {
            // Sent is not handed over while the network may still answer that nobody listens.
            Transport::Udp => settled,
            Transport::TcpLf | Transport::TcpOctets | Transport::Tls | Transport::Relp | Transport::RelpTls => {
                self.window.handed()
            }
        };
        let mark = (self.remembered.0.max(handed), self.remembered.1.max(settled));
        let connected_again = self.in_error && self.shared.standings.is_connected(self.id);
        if mark == self.remembered && !connected_again {
            return;
        }
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
