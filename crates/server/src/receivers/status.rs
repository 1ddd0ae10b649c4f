//! How a receiver stands.

use countersign_core::receiver::Transport;
use countersign_events::Timestamp;
use countersign_store::{Receiver, StoreError, View};

use crate::App;

/// A receiver and how it stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// As the store has it.
    pub receiver: Receiver,
    /// How many events it does not have yet.
    pub backlog: u64,
    /// How old the oldest of them is, in seconds; 0 when it has all.
    pub lag_seconds: u64,
}

/// How delivery to a receiver goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has everything.
    Current,
    /// Events are on their way.
    Sending,
    /// It could not be reached; events wait and it is tried again.
    Retrying,
}

impl State {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
        }
    }
}

impl Status {
    /// Every receiver, by name.
    pub async fn all(view: &mut View, now: Timestamp) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        for receiver in view.receivers().await? {
            all.push(Self::of(view, receiver, now).await?);
        }
        Ok(all)
    }

    /// One receiver.
    pub async fn of(view: &mut View, receiver: Receiver, now: Timestamp) -> Result<Self, StoreError> {
        let last = view.last_event().await?;
        let waits_since = view.waits_since(receiver.cursor).await?;
        let lag = waits_since.map_or(0, |since| now.0.saturating_sub(since.0) / 1_000_000);
        Ok(Self {
            backlog: u64::try_from(last - receiver.cursor).unwrap_or(0),
            lag_seconds: u64::try_from(lag).unwrap_or(0),
            receiver,
        })
    }

    /// How delivery goes.
    pub const fn state(&self) -> State {
        match (&self.receiver.last_error, self.backlog) {
            (Some(_), _) => State::Retrying,
            (None, 0) => State::Current,
            (None, _) => State::Sending,
        }
    }

    /// Whether this server holds a connection to it now; none over UDP, which has no connections.
    pub fn connected(&self, app: &App) -> Option<bool> {
        match self.receiver.spec.transport {
            Transport::Udp => None,
            Transport::TcpLf | Transport::TcpOctets | Transport::Tls | Transport::Relp | Transport::RelpTls => {
                let delivery = app.delivery.get();
                Some(delivery.is_some_and(|delivery| delivery.is_connected(self.receiver.id)))
            }
        }
    }
}
