//! Events out: every recorded event to every receiver, in order, at least once.
//!
//! The event table is the outbox. A supervisor ([`supervisor`]) follows the table of receivers and runs one task for
//! each ([`receiver`]); a task reads the events after its durable cursor, sends them ([`connection`]) and remembers how
//! far it got. What each transport can promise stands in docs/operations.md, "Events out".

mod backoff;
mod batch;
mod connection;
mod datagrams;
mod dialect;
mod pace;
mod receiver;
mod relp;
mod sender;
mod standing;
mod stream;
mod supervisor;
pub(crate) mod tls;
mod trouble;
mod window;
mod zone;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::receiver::{BadAddress, Certificates, ReceiverSpec, Transport};
use countersign_core::{Clock, Entropy, ReceiverId};
use countersign_events::Timestamp;
use countersign_store::Store;
use prometheus_client::registry::Registry;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::App;
pub(crate) use backoff::Backoff;
use batch::Batch;
use connection::{Connection, Terms};
use dialect::Dialect;
use pace::Pace;
pub use sender::Sender;
use standing::Standings;
pub use tls::OwnCertificate;
use trouble::{Farewell, Trouble};
pub use zone::local_offset;

/// The text of the message that tests a receiver. It is no event: nothing in it looks like an event's id.
pub const TEST_TEXT: &str = "This is a test message from Countersign. Events will arrive here from now on.";

/// How long a receiver of a test message is listened to, whether it hangs up.
const SECOND_THOUGHTS: Duration = Duration::from_millis(500);

/// Delivers events until it is stopped. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    shared: Arc<Shared>,
    supervisor: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// What all tasks share.
struct Shared {
    store: Store,
    sender: Sender,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pace: Pace,
    standings: Arc<Standings>,
    changed: Arc<Notify>,
    stop: CancellationToken,
    /// Until when what is left may still be sent; set before `stop`.
    deadline: Mutex<Option<Instant>>,
}

impl Delivery {
    /// Starts to deliver what the store records, told as the configuration's origin says, and to count it. Must be called
    /// inside a tokio runtime.
    pub fn start(app: &App) -> Self {
        let delivery = Self::start_at(
            Pace::default(),
            app.store.clone(),
            Sender::of(&app.config),
            Arc::clone(&app.clock),
            Arc::clone(&app.entropy),
            Arc::clone(&app.delivery_changed),
        );
        app.metrics.register(|registry| delivery.register(registry));
        // It is started once for each server.
        let _ = app.delivery.set(delivery.clone());
        delivery
    }

    fn start_at(
        pace: Pace,
        store: Store,
        sender: Sender,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        changed: Arc<Notify>,
    ) -> Self {
        let shared = Arc::new(Shared {
            standings: Arc::new(Standings::new(store.events(), Arc::clone(&clock))),
            store,
            sender,
            clock,
            entropy,
            pace,
            changed,
            stop: CancellationToken::new(),
            deadline: Mutex::new(None),
        });
        let supervisor = tokio::spawn(supervisor::run(Arc::clone(&shared)));
        Self {
            shared,
            supervisor: Arc::new(Mutex::new(Some(supervisor))),
        }
    }

    /// The receivers have changed: look at once. Without it, a change is seen within two seconds.
    pub fn changed(&self) {
        self.shared.changed.notify_one();
    }

    /// Whether a connection to a receiver is open now.
    pub fn is_connected(&self, id: ReceiverId) -> bool {
        self.shared.standings.is_connected(id)
    }

    /// Adds what is counted for each receiver: messages sent, backlog, whether it is connected, the last error's time.
    fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Arc::clone(&self.shared.standings)));
    }

    /// Sends what can be sent within a few seconds, says goodbye to every receiver and ends. What is left is sent after
    /// the next start.
    pub async fn stop(&self) {
        let deadline = Instant::now() + self.shared.pace.flush;
        *self.shared.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
        self.shared.stop.cancel();
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(supervisor) = supervisor
            && supervisor.await.is_err()
        {
            tracing::error!("the delivery of events did not end in good order");
        }
    }
}

/// Whether a receiver's description can be delivered to as far as can be told from here: its parts go together, and
/// certificates and names can be used. Reads files.
///
/// # Errors
/// What is wrong, for people.
pub fn check(spec: &ReceiverSpec, sender: &Sender, now: Timestamp) -> Result<(), String> {
    spec.check().map_err(|error| error.to_string())?;
    if spec.transport.is_encrypted() {
        tls::check(spec, sender.own_certificate.as_ref(), now)?;
    }
    Ok(())
}

/// Sends one test message ([`TEST_TEXT`]) as the receiver would get its events. It goes past the receiver's queue and
/// changes nothing.
///
/// # Errors
/// What is wrong, for people: the name does not resolve, nobody listens, the certificate is not good, the connection is
/// closed at once, the message is not acknowledged (RELP). Over UDP, only what the network answers within half a second; silence is no proof that it arrived.
pub async fn test(spec: &ReceiverSpec, sender: &Sender, now: Timestamp) -> Result<(), String> {
    test_at(&Pace::default(), spec, sender, now).await
}

/// Makes a connection secure, as it is to a receiver; for calls that are no events.
///
/// # Errors
/// For people: why there is no secure connection.
pub(crate) async fn secured(
    (host, port): (&str, u16),
    ca: Option<Certificates>,
    now: Timestamp,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let address = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let address = address.parse().map_err(|error: BadAddress| error.to_string())?;
    let name = "call"
        .parse()
        .map_err(|error: countersign_core::id::BadName| error.to_string())?;
    let mut spec = ReceiverSpec::plain(name, Transport::Tls, address);
    spec.options.tls.ca = ca;
    // Reads files, so beside the tasks.
    let prepared = tokio::task::spawn_blocking(move || tls::Tls::prepare(&spec, None, now)).await;
    let tls = prepared.map_err(|_| "TLS cannot be set up".to_owned())??;
    tls.connect(stream).await.map(|(stream, _)| stream)
}

async fn test_at(pace: &Pace, spec: &ReceiverSpec, sender: &Sender, now: Timestamp) -> Result<(), String> {
    let mut batch = Batch::new(spec.transport);
    batch.push_text(TEST_TEXT, now, &Dialect::new(&sender.origin, &spec.options));
    let terms = Terms {
        pace,
        own_certificate: sender.own_certificate.as_ref(),
        now,
        attempt: 0,
    };
    let sent = async {
        let mut connection = Connection::open(spec, terms).await?;
        connection.send(&batch).await?;
        connection.confirm().await?;
        // Who takes what was sent for nonsense hangs up on it; who waits for more says nothing.
        if let Ok(Err(trouble)) = timeout(SECOND_THOUGHTS, connection.listen()).await {
            return Err(trouble);
        }
        match connection.close().await {
            Farewell::Broken(trouble) => Err(trouble),
            Farewell::Taken | Farewell::Unknown => Ok(()),
        }
    };
    sent.await.map_err(|trouble: Trouble| trouble.to_string())
}

impl Shared {
    /// Waits until the server stops and the time to send what is left is over.
    async fn out_of_time(&self) {
        self.stop.cancelled().await;
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(deadline) = deadline {
            tokio::time::sleep_until(deadline).await;
        }
    }

    fn is_out_of_time(&self) -> bool {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.is_cancelled() && deadline.is_none_or(|deadline| deadline <= Instant::now())
    }
}

#[cfg(test)]
mod tests;
