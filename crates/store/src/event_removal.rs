//! Removing old events, a few at a time.

use countersign_events::Timestamp;

use crate::event_search::{EventFilter, Place};
use crate::events::recorded;
use crate::named::names;
use crate::query::Query;
use crate::time_marks::{List, Stretch};
use crate::{StoreError, Tx};

impl Tx {
    /// Removes the oldest events that have one of these ids and are from before this time, at most so many; how many it removed.
    /// Fewer than `most`: nothing is left that may go.
    ///
    /// An event that some receiver has not settled stays, and so does the newest of all: its number is never given again.
    pub async fn remove_events(&mut self, ids: &[u32], before: Timestamp, most: u32) -> Result<u32, StoreError> {
        let filter = EventFilter {
            ids: ids.to_vec(),
            until: Some(before),
            ..EventFilter::default()
        };
        if ids.is_empty() {
            return Ok(0);
        }
        let settled = match self.row("SELECT min(settled_seq) FROM receivers", params![]).await? {
            Some(row) => row.int_or_null(0)?.unwrap_or(i64::MAX),
            None => i64::MAX,
        };
        let end = settled.min(self.last_event().await? - 1);
        let mut removed = 0;
        for Stretch { first, last } in self.stretches(List::Events, None, Some(before)).await? {
            let stretch = Stretch {
                first,
                last: last.min(end),
            };
            let wanted = (most - removed) as usize;
            let rows = self.of_arms(&filter, stretch, Place::After(i64::MIN), wanted).await?;
            for row in rows {
                let event = recorded(&row)?;
                let account = row.text_or_null(4)?.unwrap_or_default();
                for name in names(&event.event, &account) {
                    let mut query = Query::default();
                    query.sql("DELETE FROM event_names WHERE name = ").value(name);
                    query.sql(" AND event_id = ").value(i64::from(event.event.id()));
                    query.sql(" AND severity = ").value(event.event.severity().name());
                    query.sql(" AND seq = ").value(event.seq);
                    self.done(query).await?;
                }
                for sql in [
                    "DELETE FROM event_names_recent WHERE seq = $1",
                    "DELETE FROM events WHERE seq = $1",
                ] {
                    self.execute(sql, params![event.seq]).await?;
                }
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests;
