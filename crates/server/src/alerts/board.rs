//! The alerts that there are now.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use countersign_events::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// More events wait for a receiver than `alerts.backlog_events`.
    ReceiverBacklog,
    /// The oldest event that a receiver does not have is older than `alerts.lag_seconds`.
    ReceiverLag,
    /// A channel of notices has taken nothing for an hour.
    NoticeChannel,
    /// The disk of the data folder is nearly full.
    DiskSpace,
    /// The database takes no writes: what would be recorded is refused.
    Database,
    /// Receivers are to be shown a certificate of ours that is not there or not good.
    ClientCertificate,
    /// The wall clock jumped, and nothing ages until somebody confirms it.
    Clock,
    /// No backup of the server's own configuration is made, or the last one failed.
    ConfigurationBackup,
    /// A scheduled copy of a backup failed, or is too old.
    Copy,
}

impl Kind {
    /// The word in the API and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReceiverBacklog => "receiver-backlog",
            Self::ReceiverLag => "receiver-lag",
            Self::NoticeChannel => "notice-channel",
            Self::DiskSpace => "disk-space",
            Self::Database => "database",
            Self::ClientCertificate => "client-certificate",
            Self::Clock => "clock",
            Self::ConfigurationBackup => "configuration-backup",
            Self::Copy => "copy",
        }
    }
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Soon something will not work.
    Warning,
    /// Something does not work.
    Critical,
}

impl Level {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is about.
    pub kind: Kind,
    /// Which one, where there are several: a receiver's name. Else empty.
    pub name: String,
    /// How much it matters.
    pub level: Level,
    /// What is the matter and what to do, as a sentence without its full stop.
    pub text: String,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// As it was found last.
    pub found: Found,
    /// Since when.
    pub since: Timestamp,
}

/// The alerts that there are now.
#[derive(Debug, Default)]
pub struct Alerts(Mutex<BTreeMap<(Kind, String), Alert>>);

impl Alerts {
    /// Puts what was found now in the place of what was found before. The log hears of each once when it begins, once
    /// when it becomes critical, and once when it ends.
    pub fn replace(&self, found: Vec<Found>, now: Timestamp) {
        let mut alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *alerts);
        for found in found {
            let key = (found.kind, found.name.clone());
            let known = before.remove(&key);
            if known.as_ref().is_none_or(|known| known.found.level < found.level) {
                let (kind, name) = (found.kind.as_str(), found.name.as_str());
                match found.level {
                    Level::Warning => tracing::warn!(alert = kind, name, "{}", found.text),
                    Level::Critical => tracing::error!(alert = kind, name, "{}", found.text),
                }
            }
            let since = known.map_or(now, |known| known.since);
            alerts.insert(key, Alert { found, since });
        }
        for (kind, name) in before.into_keys() {
            tracing::info!(alert = kind.as_str(), name, "the alert is over");
        }
    }

    /// All of them, what matters most first.
    pub fn current(&self) -> Vec<Alert> {
        let alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = alerts.values().cloned().collect();
        all.sort_by_key(|alert| std::cmp::Reverse(alert.found.level));
        all
    }
}

impl Collector for Alerts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "1 for each alert that there is now";
        let mut metric = encoder.encode_descriptor("alert", help, None, MetricType::Gauge)?;
        for alert in self.current() {
            let labels = [("kind", alert.found.kind.as_str()), ("name", alert.found.name.as_str())];
            ConstGauge::new(1).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, level: Level) -> Found {
        Found {
            kind: Kind::ReceiverBacklog,
            name: name.to_owned(),
            level,
            text: format!("{name} waits"),
        }
    }

    #[test]
    fn an_alert_keeps_its_beginning_and_goes_with_its_cause() {
        let alerts = Alerts::default();
        alerts.replace(
            vec![found("a", Level::Warning), found("b", Level::Warning)],
            Timestamp(1),
        );
        alerts.replace(
            vec![found("b", Level::Critical), found("a", Level::Warning)],
            Timestamp(2),
        );
        let current = alerts.current();
        assert_eq!(
            current
                .iter()
                .map(|alert| alert.found.name.as_str())
                .collect::<Vec<_>>(),
            ["b", "a"]
        );
        assert!(current.iter().all(|alert| alert.since == Timestamp(1)));
        alerts.replace(vec![found("a", Level::Warning)], Timestamp(3));
        alerts.replace(
            vec![found("a", Level::Warning), found("b", Level::Warning)],
            Timestamp(4),
        );
        assert_eq!(alerts.current()[1].since, Timestamp(4));
        alerts.replace(Vec::new(), Timestamp(5));
        assert_eq!(alerts.current(), []);
    }
}
