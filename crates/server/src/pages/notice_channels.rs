use askama::Template;

use super::{Choice, Chrome, Count, Moment, TestNote, assets, filters};

/// `/notices`: by which channels people are told of requests.
#[derive(Template, Debug, Clone)]
#[template(path = "notice_channels.html")]
pub struct ChannelsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// By name.
    pub rows: Vec<ChannelRow>,
    /// Who may approve and has no e-mail address.
    pub without_email: Vec<String>,
    /// Whether the reader may change them.
    pub can_change: bool,
}

/// A channel in the list.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    /// Its number.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// `mail.example:587`, or a webhook's address.
    pub place: String,
    /// `Mail` or `Webhook`.
    pub way: &'static str,
    /// Of what it tells.
    pub notices: String,
    /// How it stands.
    pub standing: ChannelStanding,
}

/// How telling goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelState {
    /// Everybody was told.
    Current,
    /// On the way.
    Sending,
    /// Something is in the way; it is tried again.
    Retrying,
}

impl ChannelState {
    const fn label(self) -> &'static str {
        match self {
            Self::Current => "Up to date",
            Self::Sending => "Sending",
            Self::Retrying => "Retrying",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Current => "ok",
            Self::Sending => "pending",
            Self::Retrying => "error",
        }
    }
}

/// How a channel stands.
#[derive(Debug, Clone)]
pub struct ChannelStanding {
    /// How telling goes.
    pub state: ChannelState,
    /// How many notices wait.
    pub waiting: Count,
    /// How many were given up.
    pub given_up: Count,
    /// When the last one arrived.
    pub last_delivered: Option<Moment>,
    /// What went wrong last, and when.
    pub last_error: Option<(String, Moment)>,
}

/// `/notices/new`, `/notices/new-webhook` and `/notices/{id}`.
#[derive(Template, Debug, Clone)]
#[template(path = "notice_channel.html")]
pub struct ChannelPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// None for a new one.
    pub id: Option<String>,
    /// What it is called now; empty for a new one.
    pub name: String,
    /// How it stands; none for a new one.
    pub standing: Option<ChannelStanding>,
    /// The last test since the server's start.
    pub test: Option<TestNote>,
    /// The signing key just made: the only time it is shown.
    pub fresh: Option<String>,
    /// The request that was just made.
    pub requested: Option<String>,
    /// The form.
    pub form: ChannelForm,
    /// Whether a change waits for a second person.
    pub is_held: bool,
    /// Whether the reader may change it.
    pub can_change: bool,
}

/// Sends `csrf`, `way`, `name`, the words of the notices, `ca`; for mail `host`, `port`, `security`, `user`, `password`, `from`; for a
/// webhook `url`, `format`, `new_secret`.
#[derive(Debug, Clone)]
pub struct ChannelForm {
    /// Whether it is a mail server; a webhook otherwise.
    pub is_mail: bool,
    /// What was typed.
    pub name: String,
    /// Of what it tells.
    pub notices: Vec<Choice>,
    /// What was typed: a mail server's name.
    pub host: String,
    /// What was typed.
    pub port: String,
    /// How its connection is secured.
    pub securities: Vec<Choice>,
    /// What was typed.
    pub user: String,
    /// Whether a password was given before, and stays when none is typed.
    pub has_password: bool,
    /// What was typed: the sender.
    pub from: String,
    /// What was typed: a webhook's address.
    pub url: String,
    /// What a webhook is sent.
    pub formats: Vec<Choice>,
    /// What was typed: PEM.
    pub ca: String,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}
