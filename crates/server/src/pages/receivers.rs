use askama::Template;

use super::{Choice, Chrome, Count, Moment, assets, filters};

/// `/receivers`: where events go.
#[derive(Template, Debug, Clone)]
#[template(path = "receivers.html")]
pub struct ReceiversPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// By name.
    pub rows: Vec<ReceiverRow>,
    /// Whether the reader may change them.
    pub can_change: bool,
}

/// How delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverState {
    /// Everything was sent.
    Current,
    /// On the way.
    Sending,
    /// It cannot be reached; events wait and are tried again.
    Retrying,
}

impl ReceiverState {
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

/// A receiver in the list.
#[derive(Debug, Clone)]
pub struct ReceiverRow {
    /// Its number.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// `UDP`, `TCP, LF`, `TCP, octet counting`.
    pub transport: String,
    /// `siem.example:514`.
    pub address: String,
    /// How delivery goes.
    pub state: ReceiverState,
    /// How many events wait.
    pub backlog: Count,
    /// When the last one was delivered.
    pub last_delivered: Option<Moment>,
    /// What went wrong last, and when.
    pub last_error: Option<(String, Moment)>,
}

/// `/receivers/new` and `/receivers/{id}`.
#[derive(Template, Debug, Clone)]
#[template(path = "receiver.html")]
pub struct ReceiverPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// None for a new one.
    pub id: Option<String>,
    /// The form.
    pub form: ReceiverForm,
    /// Whether a change waits for a second person.
    pub is_held: bool,
    /// Whether the reader may change it.
    pub can_change: bool,
}

/// Sends `csrf`, `name`, `transport`, `address`.
#[derive(Debug, Clone)]
pub struct ReceiverForm {
    /// What was typed.
    pub name: String,
    /// How.
    pub transports: Vec<Choice>,
    /// What was typed: `host:port`.
    pub address: String,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}
