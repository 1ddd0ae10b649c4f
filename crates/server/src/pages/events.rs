use askama::Template;

use super::{Choice, Chrome, Moment, Pager, assets, filters};

/// `/events`: what was reported, as receivers got it.
#[derive(Template, Debug, Clone)]
#[template(path = "events.html")]
pub struct EventsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// What the list is narrowed to.
    pub filter: EventFilter,
    /// Newest first.
    pub rows: Vec<EventRow>,
    /// The way through.
    pub pager: Pager,
}

/// The filter as it was typed; empty fields narrow nothing.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// From this day on, `2026-11-21`, UTC.
    pub from: String,
    /// From this time of it on, `08:15`.
    pub from_time: String,
    /// Up to this day, included.
    pub to: String,
    /// Up to this time of it, included.
    pub to_time: String,
    /// Ids of events, such as `42402, 42403`.
    pub id: String,
    /// All, or some.
    pub severities: Vec<Choice>,
    /// The name of anybody the event names.
    pub user: String,
    /// The number of a request.
    pub request: String,
    /// What could not be understood.
    pub problem: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Info,
    /// Worth a look.
    Warning,
    /// Broken.
    Error,
}

impl Severity {
    const fn label(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its place in the order.
    pub sequence: u64,
    /// When.
    pub at: Moment,
    /// Its number in the catalogue.
    pub id: u32,
    /// How bad it is.
    pub severity: Severity,
    /// Its title in the catalogue.
    pub title: String,
    /// Its Description.
    pub description: String,
    /// The number of the request that it belongs to.
    pub request: Option<String>,
    /// Every parameter that is sent, in order, whole.
    pub parameters: Vec<(String, String)>,
    /// The line as it leaves.
    pub line: String,
}
