//! Notices out: people are told of requests, by mail and by webhooks, in order for each channel, at least once.
//!
//! What is to be told is written with the event it tells of (`store/src/notices.rs`); each channel has a durable cursor. What a
//! notice says ([`content`]) is read when it is sent, so nothing of it is kept twice. docs/adr/0076 says why.

pub mod content;
mod course;
mod mail;
mod status;
mod webhook;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_core::ageing::recorded_from;
use countersign_core::{Account, NoticeChannelId};
use countersign_store::{NoticeChannel, StoreError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::AppState;
use crate::delivery::Backoff;
use crate::receivers::{Outcome, Test};
use content::Content;
use course::{Progress, Step};
pub use status::{State, Status, silent_approvers};

/// How often is looked without a hint.
const POLL: Duration = Duration::from_secs(1);

/// How often is looked for reminders, in looks.
const REMINDERS_EVERY: u32 = 10;

/// How often boxes of secrets that nobody waits for are forgotten, in looks: every hour.
const FORGET_EVERY: u32 = 3600;

/// How long the box of a secret is kept that no channel names, in seconds: longer than any request can wait and be undone.
const KEPT_SECONDS: i64 = 90 * 24 * 3600;

/// The shortest and the longest wait before a channel is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a message did not arrive, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It may arrive later.
    Later(String),
    /// This mailbox may take it later; others may take theirs now.
    Mailbox(String),
    /// This one is refused for good, whatever becomes of others.
    Refused(String),
}

impl Trouble {
    /// What is the matter.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Later(text) | Self::Mailbox(text) | Self::Refused(text) => text,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    channel: String,
}

/// What is counted of notices.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    sent: Family<Labels, Counter>,
    failed: Family<Labels, Counter>,
}

impl Counted {
    /// Adds it to what the server counts.
    pub fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        registry.register("notices_sent", "Messages that a channel has taken", self.sent.clone());
        let help = "Tries to send a message that failed";
        registry.register("notices_failed", help, self.failed.clone());
    }
}

struct Course {
    running: bool,
    not_before: Instant,
    backoff: Backoff,
    progress: Progress,
}

/// Tells until it is dropped.
pub async fn run(app: AppState) {
    let mut courses: BTreeMap<NoticeChannelId, Course> = BTreeMap::new();
    let mut under_way: JoinSet<(NoticeChannelId, Progress, bool)> = JoinSet::new();
    let mut recorded = app.store.events();
    let mut looks: u32 = 0;
    loop {
        if looks.is_multiple_of(REMINDERS_EVERY) {
            remind(&app).await;
        }
        if looks.is_multiple_of(FORGET_EVERY) {
            forget(&app).await;
        }
        looks = looks.wrapping_add(1);
        match app.store.ask(|view| Box::pin(view.notice_channels())).await {
            Ok(channels) => begin(&app, &mut courses, &mut under_way, channels),
            Err(error) => tracing::warn!(
                detail = error.detail(),
                "the channels of notices cannot be read: {error}"
            ),
        }
        tokio::select! {
            Some(ended) = under_way.join_next(), if !under_way.is_empty() => {
                if let Ok((id, progress, failed)) = ended
                    && let Some(course) = courses.get_mut(&id)
                {
                    course.running = false;
                    course.progress = progress;
                    course.not_before = if failed {
                        Instant::now() + course.backoff.next(&*app.entropy)
                    } else {
                        course.backoff.reset();
                        Instant::now()
                    };
                }
            }
            _ = recorded.changed() => {}
            () = sleep(POLL) => {}
        }
    }
}

fn begin(
    app: &AppState,
    courses: &mut BTreeMap<NoticeChannelId, Course>,
    under_way: &mut JoinSet<(NoticeChannelId, Progress, bool)>,
    channels: Vec<NoticeChannel>,
) {
    courses.retain(|id, course| course.running || channels.iter().any(|channel| channel.id == *id));
    for channel in channels {
        let course = courses.entry(channel.id).or_insert_with(|| Course {
            running: false,
            not_before: Instant::now(),
            backoff: Backoff::new(BACKOFF),
            progress: Progress::default(),
        });
        if course.running || course.not_before > Instant::now() {
            continue;
        }
        course.running = true;
        let (app, id, mut progress) = (AppState::clone(app), channel.id, std::mem::take(&mut course.progress));
        under_way.spawn(async move {
            loop {
                match course::step(&app, id, &mut progress).await {
                    Ok(Step::Sent | Step::Passed) => {}
                    Ok(Step::Nothing) => return (id, progress, false),
                    Err(()) => return (id, progress, true),
                }
            }
        });
    }
}

/// Records the reminders that are due.
async fn remind(app: &AppState) {
    let now = app.clock.now();
    let due = app
        .store
        .ask(move |view| Box::pin(async move { view.reminders_due(now).await }))
        .await;
    let noted = match due {
        Ok(false) => return,
        Ok(true) => {
            app.store
                .write(move |tx| Box::pin(async move { tx.note_reminders(now).await }))
                .await
        }
        Err(error) => Err(error),
    };
    match noted {
        Ok(count) => tracing::info!(count, "requests are reminded of"),
        Err(error) => tracing::warn!(detail = error.detail(), "reminders could not be recorded: {error}"),
    }
}

async fn forget(app: &AppState) {
    let now = app.clock.now();
    let forgotten: Result<_, StoreError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let before = tx.moment(now).ageing.plus_seconds(-KEPT_SECONDS);
                let before = recorded_from(&tx.clock_corrections().await?, before);
                tx.forget_notice_secrets(before).await
            })
        })
        .await;
    if let Err(error) = forgotten {
        tracing::warn!(
            detail = error.detail(),
            "old secrets of channels could not be forgotten: {error}"
        );
    }
}

/// Sends one test notice to whoever asks, by a channel as it stands: never by one that still waits for a second person, so that
/// nobody alone makes the server connect anywhere while four-eyes authorization is on. Goes past the channel's queue and changes
/// nothing.
pub async fn test(app: &AppState, channel: &NoticeChannel, asker: &Account) -> Test {
    let content = Content::test(app, asker, channel);
    let secret = match channel.spec.way.secret() {
        Some(hash) => app
            .store
            .ask(move |view| Box::pin(async move { view.notice_secret(hash).await }))
            .await
            .unwrap_or_default(),
        None => None,
    };
    let to = asker.email.as_ref().map(|email| (asker.id, email));
    let sent = match &channel.spec.way {
        countersign_core::notice::Way::Mail(_) if to.is_none() => Err(Trouble::Later(
            "your own account has no e-mail address: have one set first".to_owned(),
        )),
        _ => course::send(app, &channel.spec, secret.as_deref(), &content, to).await,
    };
    Test {
        outcome: match sent {
            Ok(()) => Outcome::Arrived,
            Err(trouble) => Outcome::Failed(trouble.text().to_owned()),
        },
        at: app.clock.now(),
    }
}
