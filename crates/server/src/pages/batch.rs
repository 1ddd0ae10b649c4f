use askama::Template;

use super::{
    Busy, Chrome, Count, DecideError, Moment, NotAllowed, RequestState, Subject, WarningLine, assets, filters,
};

/// `/requests/decide`: many requests, each with what it takes away, and one factor for all of them.
#[derive(Template, Debug, Clone)]
#[template(path = "batch.html")]
pub struct BatchPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// How long after an approval somebody can still veto that bytes go.
    pub undo_hours: Count,
    /// Those that still wait, in the order in which they can be approved.
    pub items: Vec<BatchItem>,
    /// In what they differ, in words; none when they are alike.
    pub differ: Option<String>,
    /// What was typed before.
    pub comment: String,
    /// Why the last try decided nothing.
    pub error: Option<DecideError>,
    /// Whether the reader has an authenticator app.
    pub totp: bool,
    /// Where the page's script asks for a passkey; none if the reader has none, or there are none here.
    pub passkey: Option<String>,
    /// This page with those chosen for approval that are alike, and with all chosen for rejection.
    pub approve_href: String,
    /// The same the other way.
    pub reject_href: String,
}

impl BatchPage {
    /// What the form says it saw: `ID:DIGEST`, comma-separated.
    fn seen(&self) -> String {
        let pairs: Vec<_> = self
            .items
            .iter()
            .map(|item| format!("{}:{}", item.id, item.digest))
            .collect();
        pairs.join(",")
    }

    fn alike(&self) -> usize {
        self.items.iter().filter(|item| !item.unlike).count()
    }

    fn can_decide(&self) -> bool {
        self.items
            .iter()
            .any(|item| item.cannot_approve.is_none() || item.cannot_reject.is_none())
    }
}

/// One of the requests. Sends `decide-ID` (`approve`, `reject` or `leave`) and `along-ID`.
#[derive(Debug, Clone)]
pub struct BatchItem {
    /// Its number.
    pub id: String,
    /// SHA-256 of its manifest.
    pub digest: String,
    /// What would be done, as the events say it.
    pub operation: String,
    /// Who asked.
    pub initiator: String,
    /// Whether that is the reader.
    pub yours: bool,
    /// When it was asked for.
    pub created: Moment,
    /// When it expires.
    pub expires: Moment,
    /// Why, in the initiator's words.
    pub why: Option<String>,
    /// What must not be overlooked, the heaviest first.
    pub warnings: Vec<WarningLine>,
    /// What it would change, without lists.
    pub subject: Subject,
    /// Whether it is not like most of the others, and has to be chosen by itself.
    pub unlike: bool,
    /// A client uses the backup.
    pub busy: Option<Busy>,
    /// Why approving is closed to the reader.
    pub cannot_approve: Option<NotAllowed>,
    /// Why rejecting is closed to the reader.
    pub cannot_reject: Option<NotAllowed>,
    /// Older requests of its backup that are not on this page: they have to be approved before.
    pub older: Vec<String>,
    /// This page with them.
    pub older_href: String,
    /// Later requests of its backup that are not on this page: rejecting takes them along.
    pub later: Vec<String>,
    /// What the page shows of everything that rejecting takes along, as a digest.
    pub along: String,
    /// `approve`, `reject` or `leave`.
    pub chosen: String,
}

impl BatchItem {
    fn may_approve(&self) -> bool {
        self.cannot_approve.is_none() && self.older.is_empty()
    }

    /// The first few, and how many more.
    fn listed(ids: &[String]) -> String {
        const SHOWN: usize = 8;
        let first: Vec<_> = ids.iter().take(SHOWN).map(|id| format!("#{id}")).collect();
        match ids.len().saturating_sub(SHOWN) {
            0 => first.join(", "),
            more => format!("{} and {more} more", first.join(", ")),
        }
    }
}

/// What became of a batch.
#[derive(Template, Debug, Clone)]
#[template(path = "batch_done.html")]
pub struct BatchDonePage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Each of them.
    pub rows: Vec<BatchDone>,
    /// Where those can be decided that still wait; none when there are none.
    pub again: Option<String>,
}

impl BatchDonePage {
    fn decided(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome.is_ok()).count()
    }
}

/// What became of one request of a batch.
#[derive(Debug, Clone)]
pub struct BatchDone {
    /// Its number.
    pub id: String,
    /// What would be done, as the events say it.
    pub operation: String,
    /// What it is now, and others that went along; or why nothing was decided.
    pub outcome: Result<(RequestState, Vec<String>), DecideError>,
}
