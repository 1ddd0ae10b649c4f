use askama::Template;

use super::{Busy, Bytes, Chrome, Count, Moment, Pager, assets, filters};

/// `/pending`: what waits for a second person. Refreshes itself where JavaScript runs.
#[derive(Template, Debug, Clone)]
#[template(path = "pending.html")]
pub struct PendingPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Waiting requests by backup, oldest queue first; settings and receivers are queues without a backup.
    pub queues: Vec<PendingQueue>,
    /// What was approved and can still be vetoed, the next to happen first.
    pub approved: Vec<ApprovedRow>,
    /// Batches that still gather deletes.
    pub collecting: Vec<CollectingRow>,
    /// The way through, when there are many.
    pub pager: Pager,
}

impl PendingPage {
    fn total(&self) -> Count {
        Count(self.chrome.pending_count)
    }

    /// Whether there is anything that the reader may decide.
    fn can_choose(&self) -> bool {
        self.queues
            .iter()
            .flat_map(|queue| &queue.requests)
            .any(|row| row.can_choose)
    }
}

/// The requests of one backup, oldest first: the order in which they can be approved.
#[derive(Debug, Clone)]
pub struct PendingQueue {
    /// `main/laptop`; none for requests that concern no backup.
    pub backup: Option<String>,
    /// Where the backup's page is.
    pub href: String,
    /// Whether decisions wait for a client.
    pub busy: Option<Busy>,
    /// In order.
    pub requests: Vec<PendingRow>,
}

/// One waiting request.
#[derive(Debug, Clone)]
pub struct PendingRow {
    /// Its number.
    pub id: String,
    /// What would be done, as the events say it.
    pub operation: String,
    /// Who asked.
    pub initiator: String,
    /// Whether that is the reader.
    pub yours: bool,
    /// Whether the reader may approve it now.
    pub can_approve: bool,
    /// Whether the reader may decide it, one way or the other.
    pub can_choose: bool,
    /// How many snapshots would go.
    pub snapshots: Count,
    /// How many objects would go.
    pub objects: Count,
    /// Their bytes.
    pub bytes: Bytes,
    /// What is heavy about it, in a few words each.
    pub marks: Vec<String>,
    /// When it was asked for.
    pub created: Moment,
    /// When it expires.
    pub expires: Moment,
}

/// An approval that waits for the end of its undo window.
#[derive(Debug, Clone)]
pub struct ApprovedRow {
    /// Its number.
    pub id: String,
    /// What will be done, as the events say it.
    pub operation: String,
    /// Who asked.
    pub initiator: String,
    /// Who approved.
    pub approver: String,
    /// How many objects go.
    pub objects: Count,
    /// Their bytes.
    pub bytes: Bytes,
    /// When it happens.
    pub due: Moment,
    /// Why it did not happen yet although its time has come.
    pub postponed: Option<String>,
}

/// A batch that still gathers deletes. "End collecting now" posts to `/requests/{id}/seal`.
#[derive(Debug, Clone)]
pub struct CollectingRow {
    /// The number it will have.
    pub id: String,
    /// `main/laptop`.
    pub backup: String,
    /// Whose deletes.
    pub initiator: String,
    /// Whether that is the reader.
    pub yours: bool,
    /// Whether the reader may end it.
    pub can_end: bool,
    /// So far.
    pub snapshots: Count,
    /// So far.
    pub objects: Count,
    /// So far.
    pub bytes: Bytes,
    /// The first delete.
    pub since: Moment,
    /// When it ends at the latest.
    pub ends: Moment,
}
