//! How each receiver stands, for the metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::receiver::ReceiverSpec;
use countersign_core::{Clock, ReceiverId};
use countersign_events::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::sync::watch;

/// How each receiver stands.
pub(super) struct Standings {
    last_event: watch::Receiver<i64>,
    clock: Arc<dyn Clock>,
    of: Mutex<BTreeMap<ReceiverId, Standing>>,
}

#[derive(Debug, Clone)]
struct Standing {
    name: String,
    /// Since when it is connected now.
    connected: Option<Timestamp>,
    /// The last event that counts as delivered.
    delivered: i64,
    /// When the oldest event that is not delivered was recorded, as far as it is known.
    waits_since: Option<Timestamp>,
    /// How many messages were sent.
    messages: u64,
    /// When it last acknowledged something.
    acknowledged: Option<Timestamp>,
    last_error: Option<Timestamp>,
}

impl fmt::Debug for Standings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standings")
            .field("of", &self.of)
            .finish_non_exhaustive()
    }
}

impl Standings {
    pub(super) const fn new(last_event: watch::Receiver<i64>, clock: Arc<dyn Clock>) -> Self {
        Self {
            last_event,
            clock,
            of: Mutex::new(BTreeMap::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ReceiverId, Standing>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: ReceiverId, change: impl FnOnce(&mut Standing)) {
        if let Some(standing) = self.lock().get_mut(&id) {
            change(standing);
        }
    }

    /// A task for it starts; what was counted before stays.
    pub(super) fn starts(&self, id: ReceiverId, spec: &ReceiverSpec, delivered: i64) {
        let mut all = self.lock();
        let old = all.get(&id);
        let standing = Standing {
            name: spec.name.as_str().to_owned(),
            connected: None,
            delivered,
            waits_since: old.and_then(|old| old.waits_since),
            messages: old.map_or(0, |old| old.messages),
            acknowledged: old.and_then(|old| old.acknowledged),
            last_error: old.and_then(|old| old.last_error),
        };
        all.insert(id, standing);
    }

    pub(super) fn connects(&self, id: ReceiverId) {
        let now = self.clock.now();
        self.change(id, |standing| standing.connected = Some(now));
    }

    pub(super) fn disconnects(&self, id: ReceiverId) {
        self.change(id, |standing| standing.connected = None);
    }

    pub(super) fn is_connected(&self, id: ReceiverId) -> bool {
        self.lock()
            .get(&id)
            .is_some_and(|standing| standing.connected.is_some())
    }

    pub(super) fn sends(&self, id: ReceiverId, messages: usize) {
        self.change(id, |standing| standing.messages += messages as u64);
    }

    /// How far it got, and since when what comes next waits.
    pub(super) fn delivers(&self, id: ReceiverId, delivered: i64, waits_since: Option<Timestamp>) {
        self.change(id, |standing| {
            standing.delivered = delivered;
            standing.waits_since = waits_since;
        });
    }

    pub(super) fn acknowledges(&self, id: ReceiverId) {
        let now = self.clock.now();
        self.change(id, |standing| standing.acknowledged = Some(now));
    }

    pub(super) fn breaks(&self, id: ReceiverId, delivered: i64) {
        let now = self.clock.now();
        self.change(id, |standing| {
            standing.connected = None;
            standing.delivered = delivered;
            standing.last_error = Some(now);
        });
    }

    pub(super) fn goes(&self, id: ReceiverId) {
        self.lock().remove(&id);
    }
}

impl Collector for Standings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let last_event = *self.last_event.borrow();
        let all: Vec<Standing> = self.lock().values().cloned().collect();
        let mut family = |name, help, unit: Option<&Unit>, kind, value: &dyn Fn(&Standing) -> Option<Number>| {
            let mut metric = encoder.encode_descriptor(name, help, unit, kind)?;
            for standing in &all {
                if let Some(value) = value(standing) {
                    value.encode(metric.encode_family(&[("receiver", standing.name.as_str())])?)?;
                }
            }
            Ok::<_, fmt::Error>(())
        };
        let now = self.clock.now();
        family(
            "delivery_messages",
            "Messages sent to a receiver, repeats included",
            None,
            MetricType::Counter,
            &|standing| Some(Number::Count(standing.messages)),
        )?;
        family(
            "delivery_sequence",
            "The sequence number of the last event that a receiver has",
            None,
            MetricType::Gauge,
            &|standing| Some(Number::Gauge(standing.delivered)),
        )?;
        family(
            "delivery_backlog",
            "Events that wait for a receiver",
            None,
            MetricType::Gauge,
            &|standing| Some(Number::Gauge(last_event.saturating_sub(standing.delivered).max(0))),
        )?;
        family(
            "delivery_lag",
            "How old the oldest event is that waits for a receiver; 0 when none does",
            Some(&Unit::Seconds),
            MetricType::Gauge,
            &|standing| {
                let waits = standing.waits_since.filter(|_| standing.delivered < last_event);
                let lag = waits.map_or(0, |since| now.seconds().saturating_sub(since.seconds()));
                Some(Number::Gauge(lag.max(0)))
            },
        )?;
        family(
            "delivery_connected",
            "1 while a receiver is connected; UDP has no connections",
            None,
            MetricType::Gauge,
            &|standing| Some(Number::Gauge(standing.connected.is_some().into())),
        )?;
        family(
            "delivery_connected_since_timestamp",
            "Since when a receiver is connected",
            Some(&Unit::Seconds),
            MetricType::Gauge,
            &|standing| standing.connected.map(|at| Number::Gauge(at.seconds())),
        )?;
        family(
            "delivery_last_acknowledgement_timestamp",
            "When a receiver acknowledged a message last, since the start; RELP alone has acknowledgements",
            Some(&Unit::Seconds),
            MetricType::Gauge,
            &|standing| standing.acknowledged.map(|at| Number::Gauge(at.seconds())),
        )?;
        family(
            "delivery_last_error_timestamp",
            "When delivery to a receiver failed last, since the start",
            Some(&Unit::Seconds),
            MetricType::Gauge,
            &|standing| standing.last_error.map(|at| Number::Gauge(at.seconds())),
        )
    }
}

enum Number {
    Count(u64),
    Gauge(i64),
}

impl Number {
    fn encode(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Self::Count(count) => ConstCounter::new(*count).encode(encoder),
            Self::Gauge(value) => ConstGauge::new(*value).encode(encoder),
        }
    }
}
