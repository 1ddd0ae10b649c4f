//! Looks for what needs an administrator.

use std::time::Duration;

use countersign_core::AccountKind;
use countersign_events::Timestamp;
use countersign_store::{NoticeChannel, StoreError, View};

use super::{Disk, Found, Kind, Level};
use crate::AppState;
use crate::config::AlertLimits;
use crate::copies::standings;
use crate::flows::clock::standing_still;
use crate::pages::{Bytes, Count, Span};
use crate::receivers::Status;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(10);

/// Looks for what needs an administrator.
pub struct Watch {
    app: AppState,
    disk: Box<dyn Disk>,
}

impl Watch {
    /// Over this server.
    pub fn new(app: AppState, disk: Box<dyn Disk>) -> Self {
        Self { app, disk }
    }

    /// Runs until it is dropped.
    pub async fn run(self) {
        loop {
            self.look().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Looks once.
    pub async fn look(&self) {
        let (app, now) = (&self.app, self.app.clock.now());
        let mut found = Vec::new();
        let read = app
            .store
            .read(move |view| {
                Box::pin(async move {
                    let receivers = Status::all(view, now).await?;
                    Ok::<_, StoreError>((receivers, view.notice_channels().await?, copies(view, now).await?))
                })
            })
            .await;
        let database = match read {
            Ok((receivers, channels, copies)) => {
                found.extend(channels.iter().filter_map(|channel| silent(channel, now)));
                found.extend(copies);
                for status in &receivers {
                    found.extend(waiting(status, &app.config.alerts));
                }
                found.extend(self.certificate(&receivers));
                self.takes_writes().await
            }
            Err(error) => Err(error),
        };
        found.extend(database.err().map(|error| refuses(&error)));
        found.extend(self.configuration_backup().await);
        found.extend(self.room());
        found.extend(self.clock());
        app.alerts.replace(found, now);
    }

    /// Whether the database takes writes. One that was full is tried with a small one.
    async fn takes_writes(&self) -> Result<(), StoreError> {
        let store = &self.app.store;
        if store.is_full() {
            store.try_room().await
        } else {
            store.write(|_| Box::pin(async { Ok(()) })).await
        }
    }

    /// Whether the server could be set up again if it were lost. Where the database does not answer, that is told already.
    async fn configuration_backup(&self) -> Option<Found> {
        let read = self.app.store.read(|view| {
            Box::pin(async move {
                let people = view.accounts().await?;
                let people = people.iter().any(|account| account.kind == AccountKind::Person);
                let schedule = view.configuration_schedule().await?;
                let passphrase = view.configuration_passphrase().await?;
                let fault = view.configuration_try().await?.and_then(|last| last.fault);
                Ok::<_, StoreError>((people && schedule.at.is_some(), passphrase.is_some(), fault))
            })
        });
        let text = match read.await.ok()? {
            (false, ..) => return None,
            (true, false, _) => {
                "no backup of the server’s configuration is made, since there is no passphrase: set one under Settings, Configuration backups"
                    .to_owned()
            }
            (true, true, Some(fault)) => {
                format!("the last backup of the server’s configuration failed, and is tried again every hour: {fault}")
            }
            (true, true, None) => return None,
        };
        Some(Found {
            kind: Kind::ConfigurationBackup,
            name: String::new(),
            level: Level::Warning,
            text,
        })
    }

    fn room(&self) -> Option<Found> {
        let room = self.disk.room(&self.app.config.data)?;
        let level = room.level(&self.app.config.alerts)?;
        Some(Found {
            kind: Kind::DiskSpace,
            name: String::new(),
            level,
            text: format!(
                "the data folder’s disk has {} of {} left: make room; when it is full, uploads, deletes and decisions are refused",
                Bytes(room.free),
                Bytes(room.total)
            ),
        })
    }

    fn clock(&self) -> Option<Found> {
        let (stopped, _) = self.app.store.stopped()?;
        Some(Found {
            kind: Kind::Clock,
            name: String::new(),
            level: Level::Critical,
            text: standing_still(&stopped),
        })
    }

    /// What receivers would say to our own certificate, where they are to be shown it.
    fn certificate(&self, receivers: &[Status]) -> Option<Found> {
        let shown = |status: &&Status| status.receiver.spec.options.tls.client_certificate;
        let first = receivers.iter().find(shown)?;
        let (level, wrong) = match &self.app.config.own_certificate {
            None => (
                Level::Critical,
                "none is configured: set events.tls_cert and events.tls_key".to_owned(),
            ),
            Some(own) => own.fault(self.app.clock.now()).map(|fault| (Level::Critical, fault))?,
        };
        Some(Found {
            kind: Kind::ClientCertificate,
            name: String::new(),
            level,
            text: format!(
                "receiver {} is to be shown our own certificate, but {wrong}",
                first.receiver.spec.name
            ),
        })
    }
}

/// The scheduled copies that failed or are too old.
async fn copies(view: &mut View, now: Timestamp) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for provider in view.service_providers().await? {
        for standing in standings(view, &provider, now).await? {
            if let Some(text) = standing.trouble(&provider) {
                found.push(Found {
                    kind: Kind::Copy,
                    name: format!("{}: {}", provider.spec.name, standing.copy.name),
                    level: Level::Warning,
                    text,
                });
            }
        }
    }
    Ok(found)
}

fn waiting(status: &Status, limits: &AlertLimits) -> Vec<Found> {
    let name = status.receiver.spec.name.to_string();
    let because = match &status.receiver.last_error {
        Some((error, _)) => format!(": {error}"),
        None => String::new(),
    };
    let found = |kind, text: String| Found {
        kind,
        name: name.clone(),
        level: Level::Warning,
        text: format!("{text}; they are kept{because}"),
    };
    let mut all = Vec::new();
    if status.backlog > limits.backlog_events {
        let count = Count(status.backlog).of("event");
        all.push(found(
            Kind::ReceiverBacklog,
            format!("{count} wait for receiver {name}"),
        ));
    }
    if status.lag_seconds > limits.lag_seconds {
        let text = format!("events wait for receiver {name} since {}", Span(status.lag_seconds));
        all.push(found(Kind::ReceiverLag, text));
    }
    all
}

/// How long a channel of notices may take nothing before somebody is told, in seconds.
const SILENT_SECONDS: i64 = 3600;

fn silent(channel: &NoticeChannel, now: Timestamp) -> Option<Found> {
    let since = channel.failing_since?;
    let seconds = now.0.saturating_sub(since.0) / 1_000_000;
    let because = match &channel.last_error {
        Some((error, _)) => format!(": {error}"),
        None => String::new(),
    };
    (seconds >= SILENT_SECONDS).then(|| Found {
        kind: Kind::NoticeChannel,
        name: channel.spec.name.to_string(),
        level: Level::Warning,
        text: format!(
            "nobody is told of requests by channel {} since {}{because}",
            channel.spec.name,
            Span(seconds.unsigned_abs())
        ),
    })
}

fn refuses(error: &StoreError) -> Found {
    Found {
        kind: Kind::Database,
        name: String::new(),
        level: Level::Critical,
        text: format!("nothing can be recorded, so uploads, deletes and decisions are refused: {error}"),
    }
}

#[cfg(test)]
mod tests;
