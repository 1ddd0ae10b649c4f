//! Searching the events: by time, id, severity, name and request, in both directions, at any depth.
//!
//! A search is a handful of arms, one for each id and severity that may fit: each reads the next events of its own off an index
//! that holds them in order, and the nearest of them all are the page. So a page costs the same wherever it lies. The names of the newest
//! events are one more arm, which is looked through.

use countersign_core::RequestId;
use countersign_events::{CATALOGUE, Severity, Timestamp};

use crate::events::{RecordedEvent, recorded};
use crate::named::{name_key, names};
use crate::query::Query;
use crate::time_marks::{List, Stretch};
use crate::{Row, StoreError, View};

/// Which events are asked for. What is empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those with one of these ids.
    pub ids: Vec<u32>,
    /// Only those of one of these severities.
    pub severities: Vec<Severity>,
    /// Only those of this request.
    pub request: Option<RequestId>,
    /// Only those that name this user (initiator, supervisor, subject, user name), or came about by this account. In any case.
    pub user: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// From where a list is read, and in which direction: by its own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// From the newest on, newest first.
    #[default]
    Newest,
    /// What is older than this one, newest first.
    Before(i64),
    /// What is newer than this one, oldest first.
    After(i64),
}

impl Place {
    /// The part of a stretch that lies in this direction.
    pub(crate) fn within(self, stretch: Stretch) -> Stretch {
        let Stretch { first, last } = stretch;
        match self {
            Self::Newest => stretch,
            Self::Before(number) => Stretch {
                first,
                last: last.min(number.saturating_sub(1)),
            },
            Self::After(number) => Stretch {
                first: first.max(number.saturating_add(1)),
                last,
            },
        }
    }

    /// How SQL says the direction.
    pub(crate) const fn order(self) -> &'static str {
        match self {
            Self::Newest | Self::Before(_) => " DESC",
            Self::After(_) => " ASC",
        }
    }

    /// Stretches that are in order, in the order of this direction.
    pub(crate) fn ordered(self, mut stretches: Vec<Stretch>) -> Vec<Stretch> {
        if !matches!(self, Self::After(_)) {
            stretches.reverse();
        }
        stretches
    }
}

/// How many events of a request are looked at in one go.
const OF_REQUEST: usize = 500;

impl View {
    /// The events that fit, from a place on.
    pub async fn search_events(
        &mut self,
        filter: &EventFilter,
        place: Place,
        most: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let stretches = self.stretches(List::Events, filter.since, filter.until).await?;
        let most = most as usize;
        let mut found = Vec::new();
        for stretch in place.ordered(stretches) {
            let stretch = place.within(stretch);
            let wanted = most - found.len();
            if stretch.first > stretch.last || wanted == 0 {
                continue;
            }
            let more = match filter.request {
                Some(request) => self.of_request(request, filter, stretch, place, wanted).await?,
                None if filter.narrows() => {
                    let rows = self.of_arms(filter, stretch, place, wanted).await?;
                    rows.iter().map(recorded).collect::<Result<_, _>>()?
                }
                None => self.of_all(stretch, place, wanted).await?,
            };
            found.extend(more);
        }
        Ok(found)
    }

    async fn of_all(&mut self, stretch: Stretch, place: Place, most: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut query = Query::default();
        query.sql("SELECT seq, at, request_id, body FROM events WHERE seq >= ");
        query.value(stretch.first).sql(" AND seq <= ").value(stretch.last);
        query
            .sql(" ORDER BY seq")
            .sql(place.order())
            .sql(" LIMIT ")
            .value(limit(most));
        self.found(query).await?.iter().map(recorded).collect()
    }

    /// Rows of `seq, at, request_id, body, account`.
    pub(crate) async fn of_arms(
        &mut self,
        filter: &EventFilter,
        stretch: Stretch,
        place: Place,
        most: usize,
    ) -> Result<Vec<Row>, StoreError> {
        match question(filter, stretch, place, most) {
            Some(query) => self.found(query).await,
            None => Ok(Vec::new()),
        }
    }

    /// A request has few events: they are all looked at.
    async fn of_request(
        &mut self,
        request: RequestId,
        filter: &EventFilter,
        stretch: Stretch,
        place: Place,
        most: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut rest = stretch;
        let mut found = Vec::new();
        loop {
            let mut query = Query::default();
            query.sql("SELECT seq, at, request_id, body, account FROM events WHERE request_id = ");
            query.value(request.0).sql(" AND seq >= ").value(rest.first);
            query.sql(" AND seq <= ").value(rest.last);
            query.sql(" ORDER BY seq").sql(place.order());
            query.sql(" LIMIT ").value(limit(OF_REQUEST));
            let rows = self.found(query).await?;
            for row in &rows {
                let recorded = recorded(row)?;
                rest = match place {
                    Place::Newest | Place::Before(_) => Place::Before(recorded.seq).within(rest),
                    Place::After(_) => Place::After(recorded.seq).within(rest),
                };
                if found.len() < most && filter.fits(&recorded, &row.text_or_null(4)?.unwrap_or_default()) {
                    found.push(recorded);
                }
            }
            if rows.len() < OF_REQUEST || found.len() == most {
                return Ok(found);
            }
        }
    }
}

/// None when no event can fit.
fn question(filter: &EventFilter, stretch: Stretch, place: Place, most: usize) -> Option<Query> {
    let kinds: Vec<_> = filter.kinds().collect();
    if kinds.is_empty() {
        return None;
    }
    let mut query = Query::default();
    let (first, last) = (query.bind(stretch.first), query.bind(stretch.last));
    let since = filter.since.map(|since| query.bind(since.0));
    let until = filter.until.map(|until| query.bind(until.0));
    let name = filter.user.as_deref().map(|name| query.bind(name_key(name)));
    let most = query.bind(limit(most));
    query.sql("SELECT e.seq, e.at, e.request_id, e.body, e.account FROM (SELECT seq FROM (");
    for (number, (id, severity)) in kinds.iter().enumerate() {
        query.sql(if number == 0 { "" } else { " UNION ALL " });
        query.sql("SELECT seq FROM (SELECT seq FROM ");
        match name {
            Some(name) => query.sql("event_names WHERE name = ").param(name).sql(" AND "),
            None => query.sql("events WHERE "),
        };
        query.sql("event_id = ").value(i64::from(*id));
        query.sql(" AND severity = ").value(severity.name());
        query.sql(" AND seq >= ").param(first).sql(" AND seq <= ").param(last);
        if let Some(since) = since {
            query.sql(" AND at >= ").param(since);
        }
        if let Some(until) = until {
            query.sql(" AND at < ").param(until);
        }
        query.sql(" ORDER BY seq").sql(place.order()).sql(" LIMIT ").param(most);
        query.sql(") AS arm");
    }
    if let Some(name) = name {
        query
            .sql(" UNION ALL SELECT seq FROM (SELECT seq FROM event_names_recent WHERE name = ")
            .param(name);
        query.sql(" AND seq >= ").param(first).sql(" AND seq <= ").param(last);
        query.sql(" AND (event_id, severity) IN (VALUES ");
        for (number, (id, severity)) in kinds.iter().enumerate() {
            query.sql(if number == 0 { "(" } else { ", (" }).value(i64::from(*id));
            query.sql(", ").value(severity.name()).sql(")");
        }
        query.sql(")");
        if let Some(since) = since {
            query.sql(" AND at >= ").param(since);
        }
        if let Some(until) = until {
            query.sql(" AND at < ").param(until);
        }
        query.sql(" ORDER BY seq").sql(place.order()).sql(" LIMIT ").param(most);
        query.sql(") AS arm");
    }
    query
        .sql(") AS arms ORDER BY seq")
        .sql(place.order())
        .sql(" LIMIT ")
        .param(most);
    // A cross join: the few that were found come first, then their rows.
    query.sql(") AS found CROSS JOIN events AS e WHERE e.seq = found.seq ORDER BY e.seq");
    query.sql(place.order());
    Some(query)
}

impl EventFilter {
    /// Whether anything is left out.
    pub fn narrows(&self) -> bool {
        *self != Self::default()
    }

    /// The kinds of events that may fit: an id with a severity it can have.
    fn kinds(&self) -> impl Iterator<Item = (u32, Severity)> {
        let entries = CATALOGUE
            .iter()
            .filter(|entry| self.ids.is_empty() || self.ids.contains(&entry.id));
        let kinds = entries.flat_map(|entry| entry.severities.iter().map(|severity| (entry.id, *severity)));
        kinds.filter(|(_, severity)| self.severities.is_empty() || self.severities.contains(severity))
    }

    /// Whether an event is one of those that are asked for; `account` is by whom it came about.
    pub(crate) fn fits(&self, recorded: &RecordedEvent, account: &str) -> bool {
        let RecordedEvent { at, request, event, .. } = recorded;
        (self.ids.is_empty() || self.ids.contains(&event.id()))
            && (self.severities.is_empty() || self.severities.contains(&event.severity()))
            && self.request.is_none_or(|wanted| *request == Some(wanted))
            && self.since.is_none_or(|since| *at >= since)
            && self.until.is_none_or(|until| *at < until)
            && (self.user.as_deref()).is_none_or(|user| names(event, account).contains(&name_key(user)))
    }
}

pub(crate) fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
