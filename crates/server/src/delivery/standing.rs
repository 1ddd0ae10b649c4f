//! How each receiver stands, for the metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::ReceiverId;
use countersign_core::receiver::ReceiverSpec;
use countersign_events::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::sync::watch;

/// How each receiver stands.
#[derive(Debug)]
pub(super) struct Standings {
    last_event: watch::Receiver<i64>,
    of: Mutex<BTreeMap<ReceiverId, Standing>>,
}

#[derive(Debug, Clone)]
struct Standing {
    name: String,
    connected: bool,
    handed: i64,
    delivered: u64,
    last_error: Option<Timestamp>,
}

impl Standings {
    pub(super) const fn new(last_event: watch::Receiver<i64>) -> Self {
        Self {
            last_event,
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

    pub(super) fn starts(&self, id: ReceiverId, spec: &ReceiverSpec, handed: i64) {
        let mut all = self.lock();
        let (delivered, last_error) = all.get(&id).map_or((0, None), |old| (old.delivered, old.last_error));
        let name = spec.name.as_str().to_owned();
        all.insert(
            id,
            Standing {
                name,
                connected: false,
                handed,
                delivered,
                last_error,
            },
        );
    }

    pub(super) fn connects(&self, id: ReceiverId) {
        self.change(id, |standing| standing.connected = true);
    }

    pub(super) fn disconnects(&self, id: ReceiverId) {
        self.change(id, |standing| standing.connected = false);
    }

    pub(super) fn is_connected(&self, id: ReceiverId) -> bool {
        self.lock().get(&id).is_some_and(|standing| standing.connected)
    }

    pub(super) fn delivers(&self, id: ReceiverId, count: usize, last: i64) {
        self.change(id, |standing| {
            standing.delivered += count as u64;
            standing.handed = last;
        });
    }

    pub(super) fn acknowledges(&self, id: ReceiverId, last: i64) {
        self.change(id, |standing| standing.handed = last);
    }

    pub(super) fn breaks(&self, id: ReceiverId, handed: i64, now: Timestamp) {
        self.change(id, |standing| {
            standing.connected = false;
            standing.handed = handed;
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
        family(
            "delivery_messages",
            "Messages handed to a receiver",
            None,
            MetricType::Counter,
            &|standing| Some(Number::Count(standing.delivered)),
        )?;
        family(
            "delivery_backlog",
            "Events that wait for a receiver",
            None,
            MetricType::Gauge,
            &|standing| Some(Number::Gauge(last_event.saturating_sub(standing.handed).max(0))),
        )?;
        family(
            "delivery_connected",
            "1 while a receiver is connected; UDP has no connections",
            None,
            MetricType::Gauge,
            &|standing| Some(Number::Gauge(standing.connected.into())),
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
