//! How a channel stands.

use countersign_core::Account;
use countersign_events::Timestamp;
use countersign_store::{NoticeChannel, StoreError, View};

/// A channel and how it stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// As the store has it.
    pub channel: NoticeChannel,
    /// How many notices it does not have yet, those that it does not tell among them.
    pub waiting: u64,
}

/// How telling goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has everything.
    Current,
    /// Notices are on their way.
    Sending,
    /// Something is in the way; notices wait and are tried again.
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
    /// Every channel, by name.
    pub async fn all(view: &mut View) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        for channel in view.notice_channels().await? {
            all.push(Self::of(view, channel).await?);
        }
        Ok(all)
    }

    /// One channel.
    pub async fn of(view: &mut View, channel: NoticeChannel) -> Result<Self, StoreError> {
        Ok(Self {
            waiting: view.notices_waiting(channel.cursor).await?,
            channel,
        })
    }

    /// How telling goes.
    pub const fn state(&self) -> State {
        match (&self.channel.failing_since, self.waiting) {
            (Some(_), _) => State::Retrying,
            (None, 0) => State::Current,
            (None, _) => State::Sending,
        }
    }
}

/// The people who may approve and have no e-mail address: mail does not reach them.
pub async fn silent_approvers(view: &mut View, now: Timestamp) -> Result<Vec<Account>, StoreError> {
    let accounts = view.accounts_with_factor().await?;
    let ageing = view.moment(now).ageing;
    let silent = accounts
        .into_iter()
        .filter(|account| account.eligible(ageing).is_ok() && account.email.is_none());
    Ok(silent.collect())
}
