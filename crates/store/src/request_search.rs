//! Searching the requests: by time, state, operation and who asked or decided, in both directions, at any depth. It works as
//! [`crate::event_search`] does.

use countersign_core::RequestId;
use countersign_core::request::State;
use countersign_events::Timestamp;

use crate::event_search::Place;
use crate::named::name_key;
use crate::query::Query;
use crate::requests::{RequestRecord, record};
use crate::time_marks::{List, Stretch};
use crate::{StoreError, View};

/// Which requests are asked for. What is empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Only those in one of these states.
    pub states: Vec<State>,
    /// Only those for one of these operations, by their ids.
    pub operations: Vec<u32>,
    /// Only those that this account asked for or decided. In any case.
    pub account: Option<String>,
    /// Made not before.
    pub since: Option<Timestamp>,
    /// Made before.
    pub until: Option<Timestamp>,
}

/// The ids of operations that a request can be for (`OperationId` of the seeds).
const OPERATIONS: [u32; 11] = [100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 10_000];

impl View {
    /// The newest requests that fit, newest first, before an id (for the next page).
    pub async fn requests(
        &mut self,
        filter: &RequestFilter,
        before: Option<RequestId>,
        most: u32,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        let place = before.map_or(Place::Newest, |id| Place::Before(id.0));
        self.search_requests(filter, place, most).await
    }

    /// The requests that fit, from a place on.
    pub async fn search_requests(
        &mut self,
        filter: &RequestFilter,
        place: Place,
        most: u32,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        let stretches = self.stretches(List::Requests, filter.since, filter.until).await?;
        let mut found = Vec::new();
        for stretch in place.ordered(stretches) {
            let stretch = place.within(stretch);
            let wanted = i64::from(most) - i64::try_from(found.len()).unwrap_or(i64::MAX);
            if stretch.first > stretch.last || wanted <= 0 {
                continue;
            }
            let rows = self.found(question(filter, stretch, place, wanted)).await?;
            for row in &rows {
                found.push(record(row)?);
            }
        }
        Ok(found)
    }
}

fn question(filter: &RequestFilter, stretch: Stretch, place: Place, most: i64) -> Query {
    let mut query = Query::default();
    let (first, last) = (query.bind(stretch.first), query.bind(stretch.last));
    let since = filter.since.map(|since| query.bind(since.0));
    let until = filter.until.map(|until| query.bind(until.0));
    let key = filter.account.as_deref().map(|name| query.bind(name_key(name)));
    let most = query.bind(most);
    query.sql(
        "SELECT r.id, r.state, r.operation, r.backup_id, r.target, r.initiator_id, r.initiator, r.initiator_login_type, r.address,
                r.created_at, r.sealed_at, r.expires_at, r.digest, r.summary, r.decided_at, r.decided_by, r.comment, r.reason,
                r.effect, r.effect_at, r.effect_detail, r.behind, r.decided_from, r.due_at, r.decided_by_id, r.approver_eligible_at,
                r.vetoed_by, r.veto_comment
         FROM (SELECT id FROM (",
    );
    for (number, arm) in filter.arms().into_iter().enumerate() {
        // One request may be found by both its names.
        query.sql(if number == 0 { "" } else { " UNION " });
        query.sql("SELECT id FROM (SELECT id FROM requests WHERE id >= ");
        query.param(first).sql(" AND id <= ").param(last);
        match (arm.person, key) {
            (Some(Person::Initiator), Some(key)) => query.sql(" AND initiator_key = ").param(key),
            (Some(Person::Decider), Some(key)) => query.sql(" AND decided_by_key = ").param(key),
            (None, _) | (_, None) => &mut query,
        };
        if let Some(state) = arm.state {
            query.sql(" AND state = ").value(state.as_str());
        }
        if let Some(operation) = arm.operation {
            query.sql(" AND operation_id = ").value(i64::from(operation));
        }
        if let Some(since) = since {
            query.sql(" AND created_at >= ").param(since);
        }
        if let Some(until) = until {
            query.sql(" AND created_at < ").param(until);
        }
        query.sql(" ORDER BY id").sql(place.order()).sql(" LIMIT ").param(most);
        query.sql(") AS arm");
    }
    query
        .sql(") AS arms ORDER BY id")
        .sql(place.order())
        .sql(" LIMIT ")
        .param(most);
    query.sql(") AS found CROSS JOIN requests AS r WHERE r.id = found.id ORDER BY r.id");
    query.sql(place.order());
    query
}

#[derive(Debug, Clone, Copy)]
enum Person {
    Initiator,
    Decider,
}

/// What one index holds in order of numbers.
#[derive(Debug, Clone, Copy)]
struct Arm {
    person: Option<Person>,
    state: Option<State>,
    operation: Option<u32>,
}

impl RequestFilter {
    fn arms(&self) -> Vec<Arm> {
        if *self == Self::default() {
            return vec![Arm {
                person: None,
                state: None,
                operation: None,
            }];
        }
        let states = if self.states.is_empty() {
            State::ALL.to_vec()
        } else {
            self.states.clone()
        };
        let only_states = RequestFilter {
            states: self.states.clone(),
            ..Self::default()
        };
        let operations: Vec<_> = match &*self.operations {
            [] if *self == only_states => vec![None],
            [] => OPERATIONS.into_iter().map(Some).collect(),
            some => some.iter().copied().map(Some).collect(),
        };
        let people: &[Option<Person>] = match self.account {
            Some(_) => &[Some(Person::Initiator), Some(Person::Decider)],
            None => &[None],
        };
        let mut arms = Vec::new();
        for person in people {
            for state in &states {
                arms.extend(operations.iter().map(|operation| Arm {
                    person: *person,
                    state: Some(*state),
                    operation: *operation,
                }));
            }
        }
        arms
    }
}

#[cfg(test)]
mod tests;
