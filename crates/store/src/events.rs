//! The event table, which is also the outbox.

use countersign_core::RequestId;
use countersign_events::{Event, Timestamp};

use crate::{StoreError, Tx, View};

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Its place in the order of all events.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// To which request it belongs.
    pub request: Option<RequestId>,
    /// What happened, whole.
    pub event: Event,
}

/// Which events a page asks for.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only those with this id.
    pub event_id: Option<u32>,
    /// Only those of this request.
    pub request: Option<RequestId>,
    /// Only those that name this account.
    pub account: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl Tx {
    /// Records an event in this transaction: it leaves if, and only if, the transaction commits (rule 8).
    pub async fn report(
        &mut self,
        event: &Event,
        at: Timestamp,
        request: Option<RequestId>,
        account: &str,
    ) -> Result<i64, StoreError> {
        let body = serde_json::to_string(event).map_err(|error| StoreError::Engine(error.to_string()))?;
        let seq = self
            .insert(
                "INSERT INTO events (at, event_id, severity, request_id, account, body) VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq",
                params![
                    at.0,
                    i64::from(event.id()),
                    event.severity().name(),
                    request.map(|request| request.0),
                    account,
                    body
                ],
            )
            .await?;
        self.note_appended(seq);
        Ok(seq)
    }
}

impl View {
    /// The last event's sequence number; 0 when there is none.
    pub async fn last_event(&mut self) -> Result<i64, StoreError> {
        match self.row("SELECT max(seq) FROM events", params![]).await? {
            Some(row) => Ok(row.int_or_null(0)?.unwrap_or(0)),
            None => Ok(0),
        }
    }

    /// The events after a sequence number, in order.
    pub async fn events_after(&mut self, seq: i64, most: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows = self
            .rows(
                "SELECT seq, at, request_id, body FROM events WHERE seq > $1 ORDER BY seq LIMIT $2",
                params![seq, i64::from(most)],
            )
            .await?;
        rows.iter().map(recorded).collect()
    }

    /// The newest events that fit, newest first, before a sequence number (for the next page).
    pub async fn events_matching(
        &mut self,
        filter: &EventFilter,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows = self
            .rows(
                "SELECT seq, at, request_id, body FROM events
                 WHERE seq < $1 AND ($2 IS NULL OR event_id = $2) AND ($3 IS NULL OR request_id = $3)
                   AND ($4 IS NULL OR account = $4) AND at >= $5 AND at < $6
                 ORDER BY seq DESC LIMIT $7",
                params![
                    before.unwrap_or(i64::MAX),
                    filter.event_id.map(i64::from),
                    filter.request.map(|request| request.0),
                    filter.account.as_deref(),
                    filter.since.map_or(i64::MIN, |time| time.0),
                    filter.until.map_or(i64::MAX, |time| time.0),
                    i64::from(most)
                ],
            )
            .await?;
        rows.iter().map(recorded).collect()
    }
}

fn recorded(row: &crate::Row) -> Result<RecordedEvent, StoreError> {
    Ok(RecordedEvent {
        seq: row.int(0)?,
        at: Timestamp(row.int(1)?),
        request: row.int_or_null(2)?.map(RequestId),
        event: serde_json::from_str(&row.text(3)?).map_err(|_| StoreError::Unreadable("an event"))?,
    })
}
