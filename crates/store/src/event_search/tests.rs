use countersign_core::RequestId;
use countersign_events::{Event, Outcome, Reason, User};
use proptest::prelude::*;

use super::*;
use crate::{Store, StoreError};

const NOON: i64 = 1_800_000_000_000_000;
const MINUTE: i64 = 60_000_000;

const PEOPLE: [&str; 4] = ["ann", "Bob", "TECH\\Carl", "1"];

/// One of a few kinds, by a few people.
fn made(kind: u8, person: usize, other: usize) -> Event {
    let name = |place: usize| PEOPLE[place % PEOPLE.len()].to_owned();
    match kind % 6 {
        0 => Event::FourEyesEnabled {
            initiator: User::local(name(person)),
        },
        1 => Event::FourEyesRequestApproved {
            operation: countersign_events::Operation::DisableFourEyes,
            initiator: User::local(name(person)),
            supervisor: User::local(name(other)),
            request_id: None,
        },
        2 => Event::UserAuthorizationDenied {
            source_ip_address: None,
            client_id: None,
            friendly_name: Some(name(person)),
            subject: Some(name(other)),
            resource_id: None,
            redirect_uri: None,
            reason: Reason::Unauthenticated,
        },
        3 => Event::TokenChainRevoked {
            source_ip_address: None,
            chain_id: None,
        },
        4 => Event::ConfigurationBackupFinished {
            spec: None,
            user: None,
            outcome: if other == 0 { Outcome::Success } else { Outcome::Failed },
        },
        _ => Event::InvalidMfaCode {
            user_name: name(person).to_uppercase(),
            endpoint: None,
            sid: None,
        },
    }
}

/// What is recorded: an event, by how much the clock moved before it, its request, the acting account.
type Step = (Event, i64, Option<RequestId>, &'static str);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let moved = prop_oneof![
        8 => 0..MINUTE,
        3 => -5 * MINUTE..20 * MINUTE,
        // Somebody sets the clock.
        1 => -300 * MINUTE..300 * MINUTE,
    ];
    let request = prop_oneof![3 => Just(None), 1 => (1..3_i64).prop_map(|id| Some(RequestId(id)))];
    let step = (any::<u8>(), 0..4_usize, 0..4_usize, moved, request, 0..4_usize);
    let step = step.prop_map(|(kind, person, other, moved, request, account)| {
        (made(kind, person, other), moved, request, PEOPLE[account])
    });
    proptest::collection::vec(step, 1..60)
}

fn filters() -> impl Strategy<Value = EventFilter> {
    let ids = proptest::collection::vec(prop::sample::select(vec![42400, 42403, 44002, 40700, 40205, 7]), 0..3);
    let severities = proptest::collection::vec(
        prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Error]),
        0..3,
    );
    let time = || proptest::option::of((-400 * MINUTE..800 * MINUTE).prop_map(|from| Timestamp(NOON + from)));
    let user = proptest::option::of(prop::sample::select(vec!["ANN", "bob", " tech\\carl ", "1", "nobody"]));
    let request = prop_oneof![4 => Just(None), 1 => (1..4_i64).prop_map(|id| Some(RequestId(id)))];
    (ids, severities, time(), time(), user, request).prop_map(|(ids, severities, since, until, user, request)| {
        EventFilter {
            ids,
            severities,
            request,
            user: user.map(str::to_owned),
            since,
            until,
        }
    })
}

fn places() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Newest),
        (0..70_i64).prop_map(Place::Before),
        (-1..70_i64).prop_map(Place::After)
    ]
}

async fn recorded(steps: Vec<Step>) -> (tempfile::TempDir, Store, Vec<(RecordedEvent, &'static str)>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("test.db")).await.unwrap();
    let all = store
        .write(move |tx| {
            Box::pin(async move {
                let mut at = NOON;
                let mut all = Vec::new();
                for (event, moved, request, account) in steps {
                    at += moved;
                    let seq = tx.report(&event, Timestamp(at), request, account).await?;
                    let recorded = RecordedEvent {
                        seq,
                        at: Timestamp(at),
                        request,
                        event,
                    };
                    all.push((recorded, account));
                }
                Ok::<_, StoreError>(all)
            })
        })
        .await
        .unwrap();
    (folder, store, all)
}

async fn found(store: &Store, filter: &EventFilter, place: Place, most: u32) -> Vec<RecordedEvent> {
    let filter = filter.clone();
    store
        .read(move |view| Box::pin(async move { view.search_events(&filter, place, most).await }))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}: {}", error.detail()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_search_finds_what_fits_and_nothing_else_whatever_the_clock_did(
        steps in steps(),
        searches in proptest::collection::vec((filters(), places(), 1..80_u32), 1..24),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (_folder, store, all) = recorded(steps).await;
            for (filter, place, most) in searches {
                let mut expected: Vec<_> = all
                    .iter()
                    .filter(|(recorded, account)| {
                        filter.fits(recorded, account)
                            && match place {
                                Place::Newest => true,
                                Place::Before(seq) => recorded.seq < seq,
                                Place::After(seq) => recorded.seq > seq,
                            }
                    })
                    .map(|(recorded, _)| recorded.clone())
                    .collect();
                if !matches!(place, Place::After(_)) {
                    expected.reverse();
                }
                expected.truncate(most as usize);
                assert_eq!(found(&store, &filter, place, most).await, expected, "{filter:?} {place:?} {most}");
            }
        });
    }
}

fn by(user: &str) -> EventFilter {
    EventFilter {
        user: Some(user.to_owned()),
        ..EventFilter::default()
    }
}

#[tokio::test]
async fn a_person_is_found_in_every_part_and_in_any_case() {
    let steps = vec![
        (made(1, 0, 1), 0, None, "ann"),
        (made(2, 1, 3), 0, None, ""),
        (made(3, 0, 0), 0, None, "Bob"),
        (made(5, 0, 0), 0, None, "root"),
    ];
    let (_folder, store, _) = recorded(steps).await;
    for (user, expected) in [
        ("BOB", vec![3, 2, 1]),
        ("ann", vec![4, 1]),
        ("Root", vec![4]),
        ("bo", vec![]),
        ("%", vec![]),
    ] {
        let seqs: Vec<_> = found(&store, &by(user), Place::Newest, 10).await;
        assert_eq!(
            seqs.iter().map(|event| event.seq).collect::<Vec<_>>(),
            expected,
            "{user}"
        );
    }
}

#[tokio::test]
async fn a_page_is_read_off_indexes() {
    let (_folder, store, _) = recorded(vec![(made(0, 0, 0), 0, None, "ann")]).await;
    let day = EventFilter {
        since: Some(Timestamp(NOON)),
        until: Some(Timestamp(NOON + 1)),
        ..EventFilter::default()
    };
    let kind = EventFilter {
        ids: vec![42403, 44002],
        severities: vec![Severity::Warning],
        ..EventFilter::default()
    };
    let whole = EventFilter {
        user: Some("ann".into()),
        ..kind.clone()
    };
    let stretch = Stretch { first: 5, last: 900 };
    for filter in [day, kind, by("ann"), whole] {
        for place in [Place::Before(700), Place::After(7)] {
            let asked = question(&filter, stretch, place, 50).unwrap();
            let (text, params) = asked.into_parts();
            let mut explained = Query::default();
            explained.sql("EXPLAIN QUERY PLAN ").whole(text, params);
            let plan = store
                .ask(|view| Box::pin(async move { view.found(explained).await }))
                .await;
            let plan: Vec<_> = plan
                .unwrap_or_else(|error: StoreError| panic!("{}", error.detail()))
                .iter()
                .map(|row| row.text(3).unwrap())
                .collect();
            for step in plan
                .iter()
                .filter(|step| step.contains(" event") && !step.contains("event_names_recent"))
            {
                assert!(
                    step.contains("USING COVERING INDEX events_by_id (event_id=? AND severity=?")
                        || step.contains("USING PRIMARY KEY (name=? AND event_id=? AND severity=?"),
                    "{step} of {plan:#?}"
                );
            }
            // Only the rows that were found are looked up.
            assert!(
                plan.iter()
                    .any(|step| step.contains("SEARCH e USING INTEGER PRIMARY KEY (rowid=?)")),
                "{plan:#?}"
            );
        }
    }
}

#[tokio::test]
async fn what_was_recorded_before_there_was_searching_is_found_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let mut tx = crate::Tx::over(View::over(
        crate::engine::Connection::open(&path).await.unwrap(),
        crate::clock::SharedClock::default(),
    ));
    crate::migrate::to_step(&mut tx, 3).await.unwrap();
    for minutes in [0, 30, 60] {
        let body = serde_json::to_string(&made(1, 0, 1)).unwrap();
        let sql = "INSERT INTO events (at, event_id, severity, account, body) VALUES ($1, 42403, 'Info', 'ann', $2)";
        tx.execute(sql, params![NOON + minutes * MINUTE, body]).await.unwrap();
    }
    tx.into_view().close().await.unwrap();

    let store = Store::open(&path).await.unwrap();
    assert_eq!(found(&store, &by("bob"), Place::Newest, 10).await.len(), 3);
    let since = EventFilter {
        since: Some(Timestamp(NOON + 30 * MINUTE)),
        ids: vec![42403],
        ..EventFilter::default()
    };
    assert_eq!(found(&store, &since, Place::Newest, 10).await.len(), 2);
}

#[tokio::test]
async fn an_event_whose_time_was_read_before_its_neighbours_is_found_by_its_time() {
    let step = |moved: i64| (made(0, 0, 0), moved * MINUTE, None, "ann");
    // A minute before a slot's end, a minute after it, and two before it once more.
    let (_folder, store, _) = recorded(vec![step(-1), step(2), step(-3), step(10)]).await;
    for user in [None, Some("ann".to_owned())] {
        let until = EventFilter {
            until: Some(Timestamp(NOON)),
            user: user.clone(),
            ..EventFilter::default()
        };
        let seqs = |found: Vec<RecordedEvent>| found.iter().map(|event| event.seq).collect::<Vec<_>>();
        assert_eq!(seqs(found(&store, &until, Place::Newest, 10).await), [3, 1]);
        let since = EventFilter {
            since: until.until,
            until: None,
            user,
            ..EventFilter::default()
        };
        assert_eq!(seqs(found(&store, &since, Place::After(0), 10).await), [2, 4]);
    }
}
