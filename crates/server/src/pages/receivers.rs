use askama::Template;

use super::{Choice, Chrome, Count, Moment, Span, assets, filters};

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
    /// How many events its filter names.
    pub filtered: Count,
    /// How it stands.
    pub standing: ReceiverStanding,
}

/// How a receiver stands.
#[derive(Debug, Clone)]
pub struct ReceiverStanding {
    /// How delivery goes.
    pub state: ReceiverState,
    /// Whether a connection is open; none over UDP.
    pub connected: Option<bool>,
    /// How many events wait.
    pub backlog: Count,
    /// How old the oldest of them is; none when nothing waits.
    pub lag: Option<Span>,
    /// The sequence number of the last event that was handed over.
    pub delivered: Count,
    /// When the last one was delivered.
    pub last_delivered: Option<Moment>,
    /// What went wrong last, and when.
    pub last_error: Option<(String, Moment)>,
}

/// How a test message went.
#[derive(Debug, Clone)]
pub struct TestNote {
    /// Whether nothing was wrong.
    pub good: bool,
    /// In a sentence.
    pub text: String,
    /// When.
    pub at: Moment,
}

/// `/receivers/new` and `/receivers/{id}`.
#[derive(Template, Debug, Clone)]
#[template(path = "receiver.html")]
pub struct ReceiverPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// None for a new one.
    pub id: Option<String>,
    /// What it is called now; empty for a new one.
    pub name: String,
    /// How it stands; none for a new one.
    pub standing: Option<ReceiverStanding>,
    /// The last test since the server's start.
    pub test: Option<TestNote>,
    /// How many events its filter names.
    pub filtered: Count,
    /// The form.
    pub form: ReceiverForm,
    /// Whether a change waits for a second person.
    pub is_held: bool,
    /// Whether the reader may change it.
    pub can_change: bool,
}

/// Sends `csrf`, `name`, `address`, `transport`, `server_name`, `ca`, `fingerprint`, `client_certificate`, `form`, `app_name`,
/// `logon_app_name`, `byte_order_mark`, `sequence`, `connect_seconds`.
#[derive(Debug, Clone)]
pub struct ReceiverForm {
    /// What was typed.
    pub name: String,
    /// What was typed: `host:port`.
    pub address: String,
    /// How.
    pub transports: Vec<Choice>,
    /// What was typed: the name in its certificate.
    pub server_name: String,
    /// What was typed: PEM.
    pub ca: String,
    /// What was typed: SHA-256 of its certificate.
    pub fingerprint: String,
    /// Whether it is shown our own certificate.
    pub client_certificate: bool,
    /// How events are written.
    pub forms: Vec<Choice>,
    /// What was typed.
    pub app_name: String,
    /// What was typed.
    pub logon_app_name: String,
    /// What holds where nothing is typed.
    pub server_app_name: String,
    /// What holds where nothing is typed.
    pub server_logon_app_name: String,
    /// A byte order mark: as the server does, always, never.
    pub marks: Vec<Choice>,
    /// Whether events are numbered.
    pub sequence: bool,
    /// What was typed.
    pub connect_seconds: String,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}

/// How long connecting may take where nothing is said ([`countersign_core::receiver::ConnectSeconds`]).
const DEFAULT_SECONDS: &str = "5";

impl ReceiverForm {
    /// Whether anything about TLS is set: then its part is open.
    const fn has_tls(&self) -> bool {
        !self.server_name.is_empty() || !self.ca.is_empty() || !self.fingerprint.is_empty() || self.client_certificate
    }

    /// Whether anything about the dialect is not as it is by itself: then its part is open.
    fn has_dialect(&self) -> bool {
        let first = |choices: &[Choice]| choices.first().is_none_or(|first| first.chosen);
        let typed = !self.app_name.is_empty() || !self.logon_app_name.is_empty();
        typed || self.sequence || !first(&self.forms) || !first(&self.marks) || self.connect_seconds != DEFAULT_SECONDS
    }
}

/// `/receivers/{id}/filter`: which events a receiver does not get.
#[derive(Template, Debug, Clone)]
#[template(path = "receiver_filter.html")]
pub struct ReceiverFilterPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// The receiver's number.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Every event of the catalogue, and what else the filter names, by id.
    pub rows: Vec<FilterRow>,
    /// How many events the filter names.
    pub filtered: Count,
    /// What was typed into the import.
    pub xml: String,
    /// What was wrong with the last try.
    pub problem: Option<String>,
    /// Whether a change waits for a second person.
    pub is_held: bool,
    /// Whether the reader may change it.
    pub can_change: bool,
}

/// One event in a filter's form. Sends `ID-info`, `ID-warning`, `ID-error` for what is not to be sent.
#[derive(Debug, Clone)]
pub struct FilterRow {
    /// The event's id.
    pub id: u32,
    /// Its title; none when this server does not send it.
    pub title: Option<&'static str>,
    /// Info, warning, error: whether it is held back; none where the event cannot have that severity.
    pub severities: [Option<bool>; 3],
}

impl FilterRow {
    const fn named(&self) -> [(&'static str, Option<bool>); 3] {
        let [info, warning, error] = self.severities;
        [("info", info), ("warning", warning), ("error", error)]
    }
}
