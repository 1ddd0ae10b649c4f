//! Notices: where people are told of requests, of what, and when they are reminded.

mod mail;
mod webhook;

use std::collections::BTreeSet;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

pub use mail::{BadMail, MailSpec, MailUser, Security};
pub use webhook::{BadWebhook, Format, SIGNING_KEY_OCTETS, WebhookSpec, WebhookUrl, signed_text};

/// A channel as an administrator describes it. It stands in manifests, so its fields and those of its parts stand in the
/// order of their names. Secrets are not in it: it names their boxes by SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// What people call it.
    pub name: crate::Name,
    /// Of what it tells.
    pub notices: NoticeKinds,
    /// How it tells.
    pub way: Way,
}

/// How a channel tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// One message to each person, by a mail server.
    Mail(MailSpec),
    /// One signed call for all, to an address of a chat or a program.
    Webhook(WebhookSpec),
}

impl Way {
    /// The word in the API and forms.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
        }
    }

    /// The SHA-256 of the box with its password or signing key; none where there is none.
    pub const fn secret(&self) -> Option<crate::Sha256> {
        match self {
            Self::Mail(mail) => mail.password,
            Self::Webhook(webhook) => Some(webhook.secret),
        }
    }
}

/// Why people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A request waits: to those who could approve it.
    Created,
    /// A request was approved, rejected or expired: to whoever asked.
    Decided,
    /// What was approved could not be done, or was called off: to whoever asked.
    Failed,
    /// A request will expire soon: to those who could still approve it.
    Reminder,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Created, Self::Decided, Self::Failed, Self::Reminder];

    /// The word in the database, the API and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Decided => "decided",
            Self::Failed => "failed",
            Self::Reminder => "reminder",
        }
    }

    /// The kind that an event asks for; none where nobody is told.
    pub const fn of(event: &countersign_events::Event) -> Option<Self> {
        use countersign_events::Event;
        match event {
            Event::FourEyesRequestCreated { .. } => Some(Self::Created),
            Event::FourEyesRequestApproved { .. }
            | Event::FourEyesRequestRejected { .. }
            | Event::FourEyesRequestExpired { .. } => Some(Self::Decided),
            _ => None,
        }
    }
}

/// The text names no kind of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a notice is created, decided, failed or reminder")]
pub struct UnknownNotice;

impl std::str::FromStr for NoticeKind {
    type Err = UnknownNotice;

    fn from_str(text: &str) -> Result<Self, UnknownNotice> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or(UnknownNotice)
    }
}

/// Of what a channel tells: at least one kind, each once, in their own order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<NoticeKind>")]
pub struct NoticeKinds(BTreeSet<NoticeKind>);

/// A channel that would tell nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a channel tells of something: choose at least one of created, decided, failed, reminder")]
pub struct NoNotices;

impl NoticeKinds {
    /// Of everything.
    pub fn all() -> Self {
        Self(NoticeKind::ALL.into())
    }

    /// Whether it tells of this.
    pub fn has(&self, kind: NoticeKind) -> bool {
        self.0.contains(&kind)
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = NoticeKind> + '_ {
        self.0.iter().copied()
    }
}

impl TryFrom<Vec<NoticeKind>> for NoticeKinds {
    type Error = NoNotices;

    fn try_from(kinds: Vec<NoticeKind>) -> Result<Self, NoNotices> {
        if kinds.is_empty() {
            Err(NoNotices)
        } else {
            Ok(Self(kinds.into_iter().collect()))
        }
    }
}

impl std::fmt::Display for NoticeKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.iter().map(NoticeKind::as_str).collect();
        f.write_str(&words.join(", "))
    }
}

/// The parts of a channel do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadChannel {
    /// Of mail.
    #[error(transparent)]
    Mail(#[from] BadMail),
    /// A kept password would go elsewhere.
    #[error("give the password again: it is not sent to another server, or under another name, than it was given for")]
    PasswordAgain,
}

impl ChannelSpec {
    /// Whether its parts go together.
    ///
    /// # Errors
    /// [`BadChannel`]: what does not, for people.
    pub fn check(&self) -> Result<(), BadChannel> {
        match &self.way {
            Way::Mail(mail) => Ok(mail.check()?),
            // Its address was checked when it was read.
            Way::Webhook(_) => Ok(()),
        }
    }
}

/// How long before its end a request is reminded of, in microseconds: a day.
const REMINDER: i64 = 24 * 3_600_000_000;

/// When those who could approve a request are reminded of it: a day before it expires, or after half of its time when it lives
/// for less than two days.
pub fn remind_at(sealed_at: Timestamp, expires_at: Timestamp) -> Timestamp {
    let life = expires_at.0.saturating_sub(sealed_at.0).max(0);
    Timestamp(expires_at.0.saturating_sub(REMINDER.min(life / 2)))
}

/// Until when a request must expire to be reminded of now at all.
pub const fn reminders_until(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_add(REMINDER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reminder_comes_a_day_before_or_at_half_time() {
        const HOUR: i64 = 3_600_000_000;
        let at = |life: i64| remind_at(Timestamp(7 * HOUR), Timestamp((7 + life) * HOUR)).0 / HOUR - 7;
        assert_eq!((at(168), at(48), at(24), at(2)), (144, 24, 12, 1));
    }

    #[test]
    fn kinds_come_back_from_their_words_and_none_is_no_channel() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("all".parse::<NoticeKind>(), Err(UnknownNotice));
        assert!(serde_json::from_str::<NoticeKinds>("[]").is_err());
        let kinds: NoticeKinds = serde_json::from_str(r#"["reminder","created","created"]"#).unwrap();
        assert_eq!(serde_json::to_string(&kinds).unwrap(), r#"["created","reminder"]"#);
    }

    proptest! {
        /// Nobody is reminded of what is over or has just begun, and what is to be reminded of now is found by its end.
        #[test]
        fn a_reminder_comes_while_the_request_lives(sealed in 0_i64..1 << 50, life in 1_i64..(40 * 24 * 3_600_000_000)) {
            let expires = Timestamp(sealed + life);
            let at = remind_at(Timestamp(sealed), expires);
            prop_assert!(at.0 >= sealed && at <= expires);
            prop_assert!(expires <= reminders_until(at));
        }
    }
}
