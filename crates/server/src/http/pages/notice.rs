//! What was just done, said once on the page that a form leads to. The address carries a word, never a text: a link that
//! someone else made can show nothing else.

use axum::response::{IntoResponse as _, Redirect, Response};

/// What was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A request was approved.
    Approved,
    /// A request was rejected.
    Rejected,
    /// An approval was vetoed.
    Vetoed,
    /// Collecting was ended.
    Sealed,
    /// A setting or a receiver was changed at once.
    Saved,
    /// A receiver was sent a test message.
    Tested,
    /// A receiver was removed at once.
    Removed,
    /// A channel of notices was removed at once.
    ChannelRemoved,
    /// An account was unlocked.
    Unlocked,
    /// A client was removed at once.
    ClientRemoved,
    /// A backup of the configuration was made.
    ConfigurationBackedUp,
    /// A service provider was deleted at once.
    ServiceProviderDeleted,
    /// A backup was deleted at once.
    Deleted,
    /// A snapshot was deleted at once.
    SnapshotDeleted,
    /// A storage was taken out of service at once.
    StorageDeleted,
    /// A token was revoked.
    Revoked,
    /// An account was deleted at once.
    AccountDeleted,
    /// Sessions were ended.
    Ended,
    /// Four-eyes authorization was turned on.
    TurnedOn,
    /// The reader's own password was changed.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// An authenticator app was enrolled.
    TotpEnrolled,
    /// A second factor was removed.
    FactorRemoved,
    /// The reader's other sessions were ended.
    OthersEnded,
    /// The clock was confirmed at once.
    ClockConfirmed,
    /// Nothing differed.
    Unchanged,
}

impl Notice {
    /// The name in the query.
    pub const PARAMETER: &str = "done";

    const ALL: [Self; 26] = [
        Self::Approved,
        Self::Rejected,
        Self::Vetoed,
        Self::Sealed,
        Self::Saved,
        Self::Tested,
        Self::Removed,
        Self::ChannelRemoved,
        Self::Unlocked,
        Self::ClientRemoved,
        Self::ConfigurationBackedUp,
        Self::ServiceProviderDeleted,
        Self::Deleted,
        Self::SnapshotDeleted,
        Self::StorageDeleted,
        Self::Revoked,
        Self::AccountDeleted,
        Self::Ended,
        Self::TurnedOn,
        Self::PasswordChanged,
        Self::PasskeyAdded,
        Self::TotpEnrolled,
        Self::FactorRemoved,
        Self::OthersEnded,
        Self::ClockConfirmed,
        Self::Unchanged,
    ];

    /// The one with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Vetoed => "vetoed",
            Self::Sealed => "sealed",
            Self::Saved => "saved",
            Self::Tested => "tested",
            Self::Removed => "removed",
            Self::ChannelRemoved => "channel-removed",
            Self::Unlocked => "unlocked",
            Self::ClientRemoved => "client-removed",
            Self::ConfigurationBackedUp => "configuration-backed-up",
            Self::ServiceProviderDeleted => "service-provider-deleted",
            Self::Deleted => "deleted",
            Self::SnapshotDeleted => "snapshot-deleted",
            Self::StorageDeleted => "storage-deleted",
            Self::Revoked => "revoked",
            Self::AccountDeleted => "account-deleted",
            Self::Ended => "ended",
            Self::TurnedOn => "on",
            Self::PasswordChanged => "password",
            Self::PasskeyAdded => "passkey",
            Self::TotpEnrolled => "authenticator",
            Self::FactorRemoved => "factor-removed",
            Self::OthersEnded => "others-ended",
            Self::ClockConfirmed => "clock",
            Self::Unchanged => "unchanged",
        }
    }

    /// As the page says it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Approved => "Your approval was recorded.",
            Self::Rejected => "Your rejection was recorded.",
            Self::Vetoed => "Your veto was recorded: everything is back in place.",
            Self::Sealed => "Collecting has ended: the request can be decided now.",
            Self::Saved => "Saved.",
            Self::Tested => "The test is over.",
            Self::Removed => "The receiver was removed.",
            Self::ChannelRemoved => "The channel was removed: nobody is told by it any more.",
            Self::Unlocked => "Wrong passwords and codes of this account are forgotten.",
            Self::ClientRemoved => "The client was removed, and what it was given has ended.",
            Self::ConfigurationBackedUp => "A configuration backup was made.",
            Self::ServiceProviderDeleted => "The service provider was deleted. The copies there stay as they are.",
            Self::Deleted => "The backup was deleted.",
            Self::SnapshotDeleted => "The snapshot was deleted.",
            Self::StorageDeleted => "The storage is out of service.",
            Self::Revoked => "The token was revoked: clients that show it are turned away.",
            Self::AccountDeleted => "The account was deleted.",
            Self::Ended => "What was logged on there has ended.",
            Self::TurnedOn => "Four-eyes authorization is on.",
            Self::PasswordChanged => {
                "Your password was changed. If somebody else may know the old one, end your other sessions below."
            }
            Self::PasskeyAdded => "The passkey was added.",
            Self::TotpEnrolled => "The authenticator app is enrolled.",
            Self::FactorRemoved => "It was removed. If it is in other hands, end your other sessions below.",
            Self::OthersEnded => "Your other sessions have ended.",
            Self::ClockConfirmed => "The clock was confirmed: time goes on from where it stood.",
            Self::Unchanged => "Nothing was changed: it is so already.",
        }
    }

    /// 303 to a page that says it.
    pub fn at(self, path: &str) -> Response {
        Redirect::to(&format!("{path}?{}={}", Self::PARAMETER, self.word())).into_response()
    }
}
