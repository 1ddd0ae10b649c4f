use countersign_events::{Event, User};
use proptest::prelude::*;

use super::*;
use crate::{RecordedEvent, Store};

const NOON: i64 = 1_800_000_000_000_000;
const HOUR: i64 = 3_600_000_000;

fn event(traffic: bool, person: u8) -> Event {
    let name = format!("person{person}");
    if traffic {
        Event::InvalidMfaCode {
            user_name: name,
            endpoint: None,
            sid: None,
        }
    } else {
        Event::FourEyesEnabled {
            initiator: User::local(name),
        }
    }
}

/// Whether it is traffic, whom it names, how far the clock moved, in minutes.
fn steps() -> impl Strategy<Value = Vec<(bool, u8, i64)>> {
    let moved = prop_oneof![9 => 0..30_i64, 1 => -300..300_i64];
    proptest::collection::vec((any::<bool>(), 0..3_u8, moved), 1..60)
}

async fn kept(store: &Store, user: Option<&str>) -> Vec<RecordedEvent> {
    let filter = EventFilter {
        user: user.map(str::to_owned),
        ..EventFilter::default()
    };
    store
        .read(move |view| Box::pin(async move { view.search_events(&filter, Place::After(0), 1000).await }))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn only_old_settled_traffic_goes_and_never_the_newest(
        steps in steps(),
        settled in proptest::collection::vec(0..70_i64, 0..3),
        cutoff in -300..900_i64,
        most in 1..20_u32,
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("test.db")).await.unwrap();
            let receivers = settled.clone();
            store.write(move |tx| Box::pin(async move {
                let mut at = NOON;
                for (traffic, person, moved) in steps {
                    at += moved * HOUR / 60;
                    tx.report(&event(traffic, person), Timestamp(at), None, "").await?;
                }
                for (number, settled) in (0_i64..).zip(receivers) {
                    tx.execute(
                        "INSERT INTO receivers (name, transport, address, created_at, cursor_seq, settled_seq) VALUES ($1, 'udp', 'a:1', 0, $2, $2)",
                        params![format!("r{number}"), settled],
                    ).await?;
                }
                Ok::<_, StoreError>(())
            })).await.unwrap();

            let cutoff = Timestamp(NOON + cutoff * HOUR / 60);
            let all = kept(&store, None).await;
            let newest = all.last().unwrap().seq;
            let may_go = |event: &RecordedEvent| {
                event.event.id() == 40205
                    && event.at < cutoff
                    && event.seq < newest
                    && settled.iter().all(|settled| event.seq <= *settled)
            };
            let (go, stay): (Vec<_>, Vec<_>) = all.into_iter().partition(|event| may_go(event));
            let mut removed = 0;
            loop {
                let step = store
                    .write(move |tx| Box::pin(async move { tx.remove_events(&[40205], cutoff, most).await }))
                    .await
                    .unwrap_or_else(|error: StoreError| panic!("{error}: {}", error.detail()));
                assert!(step <= most);
                removed += step as usize;
                if step < most {
                    break;
                }
            }
            assert_eq!(removed, go.len());
            assert_eq!(kept(&store, None).await, stay);
            // Nothing is left behind that would lead to what is gone.
            let names = store.ask(|view| Box::pin(async move { view.rows("SELECT seq FROM event_names UNION ALL SELECT seq FROM event_names_recent ORDER BY seq", params![]).await })).await;
            let names: Vec<_> = names.unwrap_or_else(|error: StoreError| panic!("{error}")).iter().map(|row| row.int(0).unwrap()).collect();
            assert_eq!(names, stay.iter().map(|event| event.seq).collect::<Vec<_>>());
            let by_name: usize = {
                let mut sum = 0;
                for person in 0..3 {
                    sum += kept(&store, Some(&format!("person{person}"))).await.len();
                }
                sum
            };
            assert_eq!(by_name, stay.len());
        });
    }
}

#[tokio::test]
async fn a_number_is_never_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    for round in 1..=3 {
        let store = Store::open(&path).await.unwrap();
        let seq = store
            .write(|tx| {
                Box::pin(async move {
                    let seq = tx.report(&event(true, 0), Timestamp(NOON), None, "").await?;
                    tx.remove_events(&[40205], Timestamp(NOON + HOUR), 100).await?;
                    Ok::<_, StoreError>(seq)
                })
            })
            .await;
        assert_eq!(seq, Ok(round));
        let left = kept(&store, None).await;
        assert_eq!(left.iter().map(|event| event.seq).collect::<Vec<_>>(), [round]);
    }
}
