use askama::Template;

use super::{Bytes, Choice, Chrome, Moment, Pager, RequestState, assets, filters};

/// `/history`: what was decided.
#[derive(Template, Debug, Clone)]
#[template(path = "history.html")]
pub struct HistoryPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// What the list is narrowed to.
    pub filter: HistoryFilter,
    /// Newest first.
    pub rows: Vec<HistoryRow>,
    /// The way through.
    pub pager: Pager,
}

/// The filter as it was typed; empty fields narrow nothing.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// From this day on, `2026-11-21`, UTC.
    pub from: String,
    /// From this time of it on, `08:15`.
    pub from_time: String,
    /// Up to this day, included.
    pub to: String,
    /// Up to this time of it, included.
    pub to_time: String,
    /// The number of a request.
    pub id: String,
    /// An initiator's or supervisor's name.
    pub user: String,
    /// `approved`, `rejected`, `expired`, or all.
    pub states: Vec<Choice>,
    /// What was asked for, by its OperationId, or all.
    pub operations: Vec<Choice>,
    /// What could not be understood.
    pub problem: Option<String>,
}

/// A decided request.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    /// Its number.
    pub id: String,
    /// What was asked for.
    pub operation: String,
    /// `main/laptop`; none for settings.
    pub backup: Option<String>,
    /// Its end.
    pub state: RequestState,
    /// What followed an approval, where that is not yet, or not, what was approved: `can still be vetoed`, `vetoed by ann`.
    pub then: Option<String>,
    /// Who asked.
    pub initiator: String,
    /// Who decided; none when it expired.
    pub supervisor: Option<String>,
    /// When it was asked for.
    pub created: Moment,
    /// When it was decided.
    pub decided: Moment,
    /// What it was about.
    pub bytes: Bytes,
}
