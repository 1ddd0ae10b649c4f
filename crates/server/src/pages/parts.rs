//! Pieces that several pages show.

use super::{Moment, Span};

/// Where a request is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Deletes are still being gathered; nobody can decide yet.
    Collecting,
    /// Waits for a second person.
    Pending,
    /// A second person said yes.
    Approved,
    /// Someone said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

impl RequestState {
    /// As pages say it; the lower-case form is its CSS class and its word in filters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Collecting => "Collecting",
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
        }
    }

    /// The word in filters and class names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// A backup is in use: decisions wait.
#[derive(Debug, Clone)]
pub enum Busy {
    /// A client holds a lock: nothing can be decided.
    Locked {
        /// Since when.
        since: Moment,
        /// By which account.
        by: String,
    },
    /// A client asks for something, or did a moment ago: a rejection has to wait.
    NotQuiet {
        /// How long, if nothing else is asked.
        wait: Span,
    },
}

/// One of several values in a form.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What people read.
    pub label: String,
    /// What it means, in a few words; may be empty.
    pub hint: String,
    /// Whether it is the current one.
    pub chosen: bool,
}

/// The way through a long list: links without JavaScript.
#[derive(Debug, Clone, Default)]
pub struct Pager {
    /// `1–50 of 1,234`, or what is known.
    pub summary: String,
    /// The address of the first page, from every later one: lists are read onward from where one stands.
    pub first: Option<String>,
    /// The address of the page before.
    pub previous: Option<String>,
    /// The address of the page after.
    pub next: Option<String>,
    /// The address of the last page, from every earlier one.
    pub last: Option<String>,
}
