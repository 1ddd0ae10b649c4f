//! A year of a busy site.

use std::path::Path;

use countersign_core::manifest::{Manifest, Subject};
use countersign_core::preview::{Habit, Left, Preview};
use countersign_core::request::{KindSum, Summary};
use countersign_core::token::Rights;
use countersign_core::{AccountId, Actor, BackupId, ObjectKind, Policy, RequestId, Via};
use countersign_events::{Event, Operation, Reason, Timestamp, User};
use countersign_store::{NewRequest, Store, StoreError, Tx};
use rusqlite::Connection;

/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600_000_000;

/// A year, in microseconds.
pub const YEAR: i64 = 365 * 86_400_000_000;

/// How many people there are.
pub const PEOPLE: u32 = 200;

/// How many backups there are.
pub const BACKUPS: u32 = 300;

/// How many steps share a transaction.
const TOGETHER: u32 = 1000;

/// One of the people.
pub fn person(number: u32) -> String {
    format!("TECH\\user{}", number % PEOPLE)
}

/// Fills an empty database: the requests with their events and some traffic by the store's own calls, in a part of the year; then the
/// events once more for the rest of it, twice as many each time, by the engine alone. How many events that makes.
pub async fn fill(store: &Store, path: &Path, requests: u32, events: u32) -> Result<u32, Box<dyn std::error::Error>> {
    // A request is one step and two events.
    let steps = requests * 3;
    let first = requests * 4;
    let doublings = events.div_ceil(first.max(1)).next_power_of_two().ilog2();
    let period = (YEAR >> doublings) / SLOT * SLOT;
    let mut next = 0;
    while next < steps {
        let end = steps.min(next + TOGETHER);
        store
            .write(move |tx| {
                Box::pin(async move {
                    for number in next..end {
                        let at = Timestamp(START + period / i64::from(steps) * i64::from(number));
                        if number % 3 == 0 {
                            request(tx, number / 3, requests, at).await?;
                        } else {
                            tx.report(&traffic(number), at, None, &person(number)).await?;
                        }
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        next = end;
    }
    repeat(path, period, doublings)
}

/// So many clients record events, each so many, one after the other.
pub async fn record(store: &Store, clients: u32, events: u32) -> Result<(), StoreError> {
    let one_client = |client: u32| async move {
        for number in 0..events {
            let at = Timestamp(START + YEAR + i64::from(number));
            store
                .write(move |tx| {
                    Box::pin(async move { tx.report(&traffic(client + number), at, None, &person(client)).await })
                })
                .await?;
        }
        Ok::<_, StoreError>(())
    };
    futures_util::future::try_join_all((0..clients).map(one_client)).await?;
    Ok(())
}

/// Time is told apart in steps of ten minutes: what is moved by whole ones keeps its marks.
const SLOT: i64 = 600_000_000;

/// Doubles the events so many times, each time as long after as they took.
fn repeat(path: &Path, period: i64, doublings: u32) -> Result<u32, Box<dyn std::error::Error>> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let count = "SELECT max(seq) FROM events";
    for sql in [
        "INSERT INTO event_names (name, event_id, severity, seq, at) SELECT name, event_id, severity, seq, at FROM event_names_recent",
        "DELETE FROM event_names_recent",
    ] {
        connection.execute(sql, [])?;
    }
    for doubling in 0..doublings {
        let last: i64 = connection.query_row(count, [], |row| row.get(0))?;
        let later = period << doubling;
        for sql in [
            "INSERT INTO events (seq, at, event_id, severity, request_id, account, body)
             SELECT seq + $1, at + $2, event_id, severity, NULL, account, body FROM events WHERE seq <= $1 ORDER BY seq",
            "INSERT INTO event_names (name, event_id, severity, seq, at)
             SELECT name, event_id, severity, seq + $1, at + $2 FROM event_names WHERE seq <= $1",
            "INSERT INTO time_marks (list, first, slot, latest)
             SELECT list, first + $1, slot + $2 / 600000000, latest + $2 / 600000000 FROM time_marks WHERE list = 'events' AND first <= $1",
        ] {
            connection.execute(sql, [last, later])?;
        }
    }
    let last: i64 = connection.query_row(count, [], |row| row.get(0))?;
    Ok(u32::try_from(last)?)
}

/// A logon, a token, now and then a wrong password or code.
fn traffic(number: u32) -> Event {
    let client_id = Some("web-ui".to_owned());
    let (friendly_name, subject) = (Some(person(number)), Some(format!("UID-{}", number % PEOPLE)));
    let resource_id = Some("countersign-web".to_owned());
    let source_ip_address = Some(std::net::IpAddr::from([198, 51, 100, number.to_le_bytes()[0]]));
    match number / 3 % 50 {
        3 => Event::UserAuthorizationDenied {
            source_ip_address,
            client_id,
            friendly_name,
            subject,
            resource_id,
            redirect_uri: Some("/".to_owned()),
            reason: Reason::Unauthenticated,
        },
        4 => Event::InvalidMfaCode {
            user_name: person(number),
            endpoint: None,
            sid: None,
        },
        0..25 => Event::UserAuthorizationGranted {
            source_ip_address,
            client_id,
            friendly_name,
            subject,
            resource_id,
            redirect_uri: Some("/".to_owned()),
        },
        _ => Event::TokenRequestApproved {
            source_ip_address,
            client_id,
            grant_type: Some("authorization_code".to_owned()),
            friendly_name,
            subject,
            resource_id,
            expiration: Some(Timestamp(START + i64::from(number))),
            refresh_token_chain_id: Some("cae9dcdd85e6fedcd7b62def2d7f2041".to_owned()),
        },
    }
}

/// A request with the events of its life; the last ones wait.
async fn request(tx: &mut Tx, number: u32, requests: u32, at: Timestamp) -> Result<(), StoreError> {
    let operation = Operation::DeleteSnapshot {
        name: format!("main/laptop{}/1f2e3d4c", number % BACKUPS),
    };
    let actor = Actor {
        account: AccountId(i64::from(number % PEOPLE) + 1),
        name: person(number),
        login_type: 0,
        via: Via::Token(Rights::Delete),
        address: "198.51.100.7".to_owned(),
        why: None,
        maker: None,
    };
    let new = NewRequest {
        operation: operation.clone(),
        backup: Some(BackupId(i64::from(number % BACKUPS) + 1)),
        target: format!("main/laptop{}", number % BACKUPS),
        created_at: at,
    };
    let id = tx.begin_request(&new, &actor).await?;
    seal(tx, id, &operation, at).await?;
    let (initiator, supervisor) = (User::local(person(number)), User::local(person(number + 1)));
    let created = Event::FourEyesRequestCreated {
        operation: operation.clone(),
        initiator: initiator.clone(),
        request_id: None,
    };
    tx.report(&created, at, Some(id), &initiator.full_name).await?;
    // The last ones wait: 1000 of many, a tenth of few.
    if number + (requests / 10).min(1000) >= requests {
        return Ok(());
    }
    let record = tx.request(id).await?;
    let Some(pending) = record.and_then(|record| record.pending()) else {
        return Err(StoreError::Unreadable("the request that was just sealed"));
    };
    let over = at.plus_seconds(30 * 86_400);
    match (number % 3, pending.clone().expire(over)) {
        (0, Ok(expired)) => tx.record_expiry(&expired, "its time was over", at).await?,
        _ => {
            let rejected = pending.reject_with_earlier(supervisor.clone());
            let by = Some(AccountId(2));
            tx.record_rejection(&rejected, by, "looked at it", None, at).await?;
        }
    }
    let decided = Event::FourEyesRequestRejected {
        operation,
        initiator,
        supervisor: supervisor.clone(),
        request_id: None,
    };
    tx.report(&decided, at, Some(id), &supervisor.full_name).await.map(drop)
}

async fn seal(tx: &mut Tx, id: RequestId, operation: &Operation, at: Timestamp) -> Result<(), StoreError> {
    let Some(record) = tx.request(id).await? else {
        return Err(StoreError::Unreadable("the request that was just begun"));
    };
    let manifest = Manifest {
        request: id,
        operation: operation.id(),
        initiator: record.initiator,
        version: Manifest::VERSION,
        why: None,
        sealed_at: at,
        expires_at: at.plus_seconds(7 * 86_400),
        nonce: "0123456789abcdef".to_owned(),
        subject: Subject::Policy {
            after: Policy::default(),
            before: Policy::default(),
        },
    };
    let sum = |kind, objects, bytes| KindSum { kind, objects, bytes };
    let summary = Summary {
        kinds: vec![
            sum(ObjectKind::Snapshots, 3, 900),
            sum(ObjectKind::Data, 1200, 20_000_000_000),
            sum(ObjectKind::Index, 9, 4_000_000),
        ],
        backup_objects: 2000,
        backup_bytes: 40_000_000_000,
        backup_snapshots: 200,
        preview: Some(Preview {
            lost: Some((at.plus_seconds(-90 * 86_400), at.plus_seconds(-30 * 86_400))),
            left: Left {
                kinds: vec![
                    sum(ObjectKind::Snapshots, 197, 60_000),
                    sum(ObjectKind::Data, 800, 20_000_000_000),
                ],
                newest: Some(at),
            },
            habit: Some(Habit {
                weeks: 12,
                snapshots: 1,
                bytes: 300_000_000,
            }),
            rhythm_seconds: Some(86_400),
            ..Preview::default()
        }),
    };
    tx.seal_request(&manifest, operation, &summary).await.map(drop)
}
