use countersign_core::token::Rights;
use countersign_core::{AccountId, Actor, Via};
use countersign_events::Operation;

use super::*;
use crate::{NewRequest, Store};

const NOON: i64 = 1_800_000_000_000_000;
const MINUTE: i64 = 60_000_000;
const PEOPLE: [&str; 3] = ["ann", "Bob", "carl"];

fn operation(number: i64) -> Operation {
    let name = "main/laptop".to_owned();
    match number % 3 {
        0 => Operation::DeleteSnapshot { name },
        1 => Operation::DisableFourEyes,
        _ => Operation::Other { name },
    }
}

/// Ninety requests, seven minutes apart; after the fortieth the clock is set back by three hours.
async fn store() -> (tempfile::TempDir, Store, Vec<RequestRecord>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("test.db")).await.unwrap();
    let all = store
        .write(|tx| {
            Box::pin(async move {
                let mut all = Vec::new();
                for number in 0..90_i64 {
                    let back = if number > 40 { 180 } else { 0 };
                    let name = PEOPLE[usize::try_from(number % 2).unwrap()];
                    let new = NewRequest {
                        operation: operation(number),
                        backup: None,
                        target: "main/laptop".into(),
                        created_at: Timestamp(NOON + (number * 7 - back) * MINUTE),
                    };
                    let actor = Actor {
                        account: AccountId(1),
                        name: name.into(),
                        login_type: 0,
                        via: Via::Token(Rights::Delete),
                        address: "::1".into(),
                        why: None,
                        maker: None,
                    };
                    let id = tx.begin_request(&new, &actor).await?;
                    let state = State::ALL[usize::try_from(number % 5).unwrap()];
                    let decider = (number % 5 > 1).then(|| PEOPLE[usize::try_from(number % 3).unwrap()]);
                    let sql = "UPDATE requests SET state = $1, decided_by = $2, decided_by_key = $3 WHERE id = $4";
                    let values = params![state.as_str(), decider, decider.map(name_key), id.0];
                    tx.execute(sql, values).await?;
                    all.push(tx.request(id).await?.unwrap());
                }
                Ok::<_, StoreError>(all)
            })
        })
        .await
        .unwrap();
    (folder, store, all)
}

fn fits(filter: &RequestFilter, record: &RequestRecord) -> bool {
    let is = |name: &str| {
        filter
            .account
            .as_deref()
            .is_some_and(|wanted| name_key(wanted) == name_key(name))
    };
    (filter.states.is_empty() || filter.states.contains(&record.state))
        && (filter.operations.is_empty() || filter.operations.contains(&record.operation.id()))
        && (filter.account.is_none() || is(&record.initiator.name) || record.decided_by.as_deref().is_some_and(is))
        && filter.since.is_none_or(|since| record.created_at >= since)
        && filter.until.is_none_or(|until| record.created_at < until)
}

fn filters() -> Vec<RequestFilter> {
    let times = [
        None,
        Some(Timestamp(NOON + 35 * MINUTE)),
        Some(Timestamp(NOON + 203 * MINUTE)),
    ];
    let mut filters = Vec::new();
    for states in [vec![], vec![State::Pending], vec![State::Approved, State::Rejected]] {
        for operations in [vec![], vec![104], vec![103, 10_000], vec![7]] {
            for account in [None, Some("BOB"), Some("carl"), Some("nobody")] {
                for (since, until) in [0, 1, 2]
                    .into_iter()
                    .flat_map(|since| [0, 1, 2].map(|until| (since, until)))
                {
                    filters.push(RequestFilter {
                        states: states.clone(),
                        operations: operations.clone(),
                        account: account.map(str::to_owned),
                        since: times[since],
                        until: times[until],
                    });
                }
            }
        }
    }
    filters
}

#[tokio::test]
async fn a_search_finds_what_fits_and_nothing_else() {
    let (_folder, store, all) = store().await;
    for filter in filters() {
        for (place, most) in [(Place::Newest, 100), (Place::Before(50), 7), (Place::After(20), 9)] {
            let mut expected: Vec<_> = all
                .iter()
                .filter(|record| {
                    fits(&filter, record)
                        && match place {
                            Place::Newest => true,
                            Place::Before(id) => record.id.0 < id,
                            Place::After(id) => record.id.0 > id,
                        }
                })
                .cloned()
                .collect();
            if !matches!(place, Place::After(_)) {
                expected.reverse();
            }
            expected.truncate(most as usize);
            let asked = filter.clone();
            let found: Result<_, StoreError> = store
                .read(move |view| Box::pin(async move { view.search_requests(&asked, place, most).await }))
                .await;
            assert_eq!(found, Ok(expected), "{filter:?} {place:?}");
        }
    }
}

#[tokio::test]
async fn a_page_is_read_off_indexes() {
    let (_folder, store, _) = store().await;
    let stretch = Stretch {
        first: i64::MIN,
        last: 60,
    };
    for filter in filters() {
        let (text, params) = question(&filter, stretch, Place::Newest, 50).into_parts();
        let mut explained = Query::default();
        explained.sql("EXPLAIN QUERY PLAN ").whole(text, params);
        let plan: Result<_, StoreError> = store
            .ask(|view| Box::pin(async move { view.found(explained).await }))
            .await;
        let plan: Vec<_> = plan.unwrap().iter().map(|row| row.text(3).unwrap()).collect();
        let arms: Vec<_> = plan.iter().filter(|step| step.contains(" requests")).collect();
        assert_eq!(arms.len(), filter.arms().len());
        for step in arms {
            let indexed = if filter == RequestFilter::default() {
                "SEARCH requests USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
            } else {
                "SEARCH requests USING COVERING INDEX requests_by_"
            };
            assert!(step.contains(indexed), "{step} for {filter:?}");
            assert!(
                filter.account.is_none() || step.contains("_key=? AND state=? AND operation_id=? AND id>? AND id<?"),
                "{step} for {filter:?}"
            );
        }
    }
}
