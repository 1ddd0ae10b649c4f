//! The event table, which is also the outbox.

use countersign_core::RequestId;
use countersign_core::notice::NoticeKind;
use countersign_events::{Event, Timestamp};

use crate::named::names;
use crate::query::Query;
use crate::time_marks::List;
use crate::{StoreError, Tx, View};

/// After how many events their names move to where each name has its own place. Every search for a name looks through as many; few in
/// tests, so that each sees it happen.
const RECENT: i64 = if cfg!(test) { 16 } else { 2048 };

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

impl Tx {
    /// Records an event in this transaction: it leaves if, and only if, the transaction commits (rule 8). `account` is by whom it
    /// came about; it is found by that name, and by every name it tells.
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
        self.index_event(seq, at, event, account).await?;
        // The one place where requests are told of: nothing that reports can forget its notice.
        if let (Some(kind), Some(request)) = (NoticeKind::of(event), request) {
            self.note(kind, request, at).await?;
        }
        self.note_appended(seq);
        Ok(seq)
    }

    /// Notes what an event is found by, beside its own row.
    async fn index_event(&mut self, seq: i64, at: Timestamp, event: &Event, account: &str) -> Result<(), StoreError> {
        self.mark_time(List::Events, seq, at).await?;
        let names = names(event, account);
        if names.is_empty() {
            return Ok(());
        }
        let mut query = Query::default();
        query.sql("INSERT INTO event_names_recent (name, event_id, severity, seq, at) VALUES ");
        let id = query.bind(i64::from(event.id()));
        let severity = query.bind(event.severity().name());
        let (number, at) = (query.bind(seq), query.bind(at.0));
        for (place, name) in names.into_iter().enumerate() {
            query.sql(if place == 0 { "(" } else { ", (" }).value(name);
            for param in [id, severity, number, at] {
                query.sql(", ").param(param);
            }
            query.sql(")");
        }
        self.done(query).await?;
        if seq % RECENT == 0 {
            self.execute(
                "INSERT INTO event_names (name, event_id, severity, seq, at)
                 SELECT name, event_id, severity, seq, at FROM event_names_recent ORDER BY name, event_id, severity, seq",
                params![],
            )
            .await?;
            self.execute("DELETE FROM event_names_recent", params![]).await?;
        }
        Ok(())
    }

    /// Notes what the events of a database from before searching are found by.
    pub(crate) async fn index_all_events(&mut self) -> Result<(), StoreError> {
        let mut after = i64::MIN;
        loop {
            let sql = "SELECT seq, at, body, account FROM events WHERE seq > $1 ORDER BY seq LIMIT 1000";
            let rows = self.rows(sql, params![after]).await?;
            for row in &rows {
                after = row.int(0)?;
                let event = event(&row.text(2)?)?;
                let account = row.text_or_null(3)?.unwrap_or_default();
                self.index_event(after, Timestamp(row.int(1)?), &event, &account)
                    .await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
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
}

/// A row of `seq, at, request_id, body`.
pub(crate) fn recorded(row: &crate::Row) -> Result<RecordedEvent, StoreError> {
    Ok(RecordedEvent {
        seq: row.int(0)?,
        at: Timestamp(row.int(1)?),
        request: row.int_or_null(2)?.map(RequestId),
        event: event(&row.text(3)?)?,
    })
}

pub(crate) fn event(body: &str) -> Result<Event, StoreError> {
    serde_json::from_str(body).map_err(|_| StoreError::Unreadable("an event"))
}
