//! A test message to a receiver: sent on demand, and whenever one is added or changed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_core::{NoticeChannelId, ReceiverId, RequestId};
use countersign_events::Timestamp;

use crate::App;
use crate::delivery::{self, Sender};

/// A test of a receiver that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// How it went.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Timestamp,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has acknowledged the message.
    Arrived,
    /// The message was handed over; the transport tells no more.
    Sent,
    /// What was in the way, for people.
    Failed(String),
}

impl Outcome {
    /// The word in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Sent => "sent",
            Self::Failed(_) => "failed",
        }
    }

    /// For people, without a full stop: what is known now.
    pub fn text(&self) -> String {
        match self {
            Self::Arrived => "the receiver has acknowledged the test message".to_owned(),
            Self::Sent => {
                "the test message was sent; this transport does not tell whether it arrived, so look for it there"
                    .to_owned()
            }
            Self::Failed(why) => format!("the test message was not delivered: {why}"),
        }
    }
}

/// How long a test may take at most.
const LONGEST: Duration = Duration::from_secs(45);

impl Test {
    /// Sends a test message as the receiver would get its events, and says how it went. Changes nothing.
    pub async fn send(app: &App, spec: &ReceiverSpec) -> Self {
        let sender = Sender::of(&app.config);
        let sending = delivery::test(spec, &sender, app.clock.now());
        let outcome = match (tokio::time::timeout(LONGEST, sending).await, spec.transport) {
            (Ok(Ok(())), Transport::Relp | Transport::RelpTls) => Outcome::Arrived,
            (Ok(Ok(())), Transport::Udp | Transport::TcpLf | Transport::TcpOctets | Transport::Tls) => Outcome::Sent,
            (Ok(Err(why)), _) => Outcome::Failed(why),
            (Err(_), _) => Outcome::Failed(format!("it took longer than {} seconds", LONGEST.as_secs())),
        };
        Self {
            outcome,
            at: app.clock.now(),
        }
    }
}

/// What a test was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A receiver.
    Receiver(ReceiverId),
    /// The receiver that a request asks for.
    Request(RequestId),
    /// A channel of notices.
    Channel(NoticeChannelId),
}

/// The last test of each receiver and request since the start, for the pages that a form leads to.
#[derive(Debug, Default)]
pub struct Tests(Mutex<BTreeMap<About, Test>>);

/// How many are kept.
const MOST: usize = 1000;

impl Tests {
    /// Keeps the newest one.
    pub fn keep(&self, about: About, test: Test) {
        let mut tests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tests.insert(about, test);
        if tests.len() > MOST
            && let Some(oldest) = tests.iter().min_by_key(|(_, test)| test.at).map(|(about, _)| *about)
        {
            tests.remove(&oldest);
        }
    }

    /// The last one, if there was any.
    pub fn last(&self, about: About) -> Option<Test> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&about)
            .cloned()
    }
}
