//! Which numbers of a list belong to a span of time, so that a search by time reads a stretch of the list and not all of it.
//!
//! Numbers are given in the order of commits, times by a clock that may be set back, and that was read a little earlier. So
//! time and number only mostly go together. A mark stands where the time leaves the slot of the mark before it; what lies between two
//! marks is in the first one's slot or the one before that. The stretches are never too short; a search still compares times.

use countersign_events::Timestamp;

use crate::{StoreError, Tx, View};

/// A list whose rows have numbers and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Events,
    Requests,
}

impl List {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Requests => "requests",
        }
    }
}

/// The last mark of each list, as the open transaction knows them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastMarks {
    events: Option<Mark>,
    requests: Option<Mark>,
}

impl LastMarks {
    /// Nothing is known yet.
    pub(crate) const NONE: Self = Self {
        events: None,
        requests: None,
    };

    const fn of(&mut self, list: List) -> &mut Option<Mark> {
        match list {
            List::Events => &mut self.events,
            List::Requests => &mut self.requests,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    slot: i64,
    latest: i64,
}

/// Ten minutes, in microseconds.
const SLOT: i64 = 600_000_000;

const fn slot(at: i64) -> i64 {
    at.div_euclid(SLOT)
}

/// Numbers from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

const FIRST_FROM: &str = "SELECT first FROM time_marks WHERE list = $1 AND latest >= $2 ORDER BY latest, first LIMIT 1";

/// The plus keeps the engine from reading every later mark: few were set back, and they have an index of their own.
const SET_BACK: &str = "SELECT min(first), max(first) FROM time_marks
                        WHERE list = $1 AND slot < latest AND slot >= $2 AND slot <= $3 AND +first >= $4";

impl Tx {
    /// Notes the time of a new row, the last of its list.
    pub(crate) async fn mark_time(&mut self, list: List, number: i64, at: Timestamp) -> Result<(), StoreError> {
        let slot = slot(at.0);
        let last = match *self.marks().of(list) {
            Some(last) => Some(last),
            None => self.last_mark(list).await?,
        };
        let mark = match last {
            Some(last) if slot == last.slot || slot == last.slot - 1 => last,
            _ => {
                let latest = last.map_or(slot, |last| last.latest.max(slot));
                let sql = "INSERT INTO time_marks (list, first, slot, latest) VALUES ($1, $2, $3, $4)";
                self.execute(sql, params![list.as_str(), number, slot, latest]).await?;
                Mark { slot, latest }
            }
        };
        *self.marks().of(list) = Some(mark);
        Ok(())
    }
}

impl View {
    async fn last_mark(&mut self, list: List) -> Result<Option<Mark>, StoreError> {
        let sql = "SELECT slot, latest FROM time_marks WHERE list = $1 ORDER BY first DESC LIMIT 1";
        match self.row(sql, params![list.as_str()]).await? {
            Some(row) => Ok(Some(Mark {
                slot: row.int(0)?,
                latest: row.int(1)?,
            })),
            None => Ok(None),
        }
    }

    /// Outside of these stretches nothing is of this time (from `since` on, before `until`). In order; mostly there is one, and
    /// a second where the clock was set back.
    pub(crate) async fn stretches(
        &mut self,
        list: List,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Vec<Stretch>, StoreError> {
        let lowest = since.map_or(i64::MIN, |since| slot(since.0));
        // One more: a row may be of the slot before its mark's.
        let highest = until.map_or(i64::MAX, |until| slot(until.0.saturating_sub(1)).saturating_add(1));
        let first = match since {
            Some(_) => self.first_mark_from(list, lowest).await?,
            None => Some(i64::MIN),
        };
        let Some(first) = first else {
            return Ok(Vec::new());
        };
        let end = match until {
            Some(_) => self.first_mark_from(list, highest.saturating_add(1)).await?,
            None => None,
        };
        let Some(end) = end else {
            return Ok(vec![Stretch { first, last: i64::MAX }]);
        };
        let mut stretches = vec![Stretch { first, last: end - 1 }];
        stretches.extend(self.set_back(list, lowest, highest, end).await?);
        stretches.retain(|stretch| stretch.first <= stretch.last);
        Ok(stretches)
    }

    /// The first number since this slot was reached.
    async fn first_mark_from(&mut self, list: List, slot: i64) -> Result<Option<i64>, StoreError> {
        let row = self.row(FIRST_FROM, params![list.as_str(), slot]).await?;
        row.map(|row| row.int(0)).transpose()
    }

    /// What lies from `end` on and is of these slots all the same, as one stretch.
    async fn set_back(
        &mut self,
        list: List,
        lowest: i64,
        highest: i64,
        end: i64,
    ) -> Result<Option<Stretch>, StoreError> {
        let row = self.row(SET_BACK, params![list.as_str(), lowest, highest, end]).await?;
        let bounds = row.map(|row| Ok::<_, StoreError>(row.int_or_null(0)?.zip(row.int_or_null(1)?)));
        let Some((first, last)) = bounds.transpose()?.flatten() else {
            return Ok(None);
        };
        let sql = "SELECT min(first) FROM time_marks WHERE list = $1 AND first > $2";
        let next = self.row(sql, params![list.as_str(), last]).await?;
        let next = next.map(|row| row.int_or_null(0)).transpose()?.flatten();
        Ok(Some(Stretch {
            first,
            last: next.map_or(i64::MAX, |next| next - 1),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn a_span_of_time_is_found_by_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("test.db")).await.unwrap();
        for (sql, parameters, index) in [
            (
                SET_BACK,
                4,
                "USING INDEX time_marks_set_back (list=? AND slot>? AND slot<?)",
            ),
            (
                FIRST_FROM,
                2,
                "USING COVERING INDEX time_marks_by_latest (list=? AND latest>?)",
            ),
        ] {
            let plan = store
                .ask(move |view| {
                    Box::pin(async move {
                        let mut query = crate::query::Query::default();
                        let params = params!["events", 1_i64, 2_i64, 3_i64];
                        let params = params.into_iter().take(parameters).collect();
                        query.sql("EXPLAIN QUERY PLAN ").whole(sql.to_owned(), params);
                        view.found(query).await
                    })
                })
                .await;
            let plan: Vec<_> = plan
                .unwrap_or_else(|error: StoreError| panic!("{}", error.detail()))
                .iter()
                .map(|row| row.text(3).unwrap())
                .collect();
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
        }
    }
}
