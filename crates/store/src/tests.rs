//! What every engine must do.

use countersign_core::token::Rights;
use countersign_core::{
    AccountId, AccountKind, Actor, BackupId, Name, Object, ObjectKey, ObjectKind, RequestId, Roles, Sha256,
    StorageSpec, Via,
};
use countersign_events::{Event, Operation, Timestamp, User};

use crate::engine::Connection;
use crate::{NewAccount, NewRequest, Store, StoreError, Tx, View};

const NOW: Timestamp = Timestamp(1_000_000_000_000_000);

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("test.db")).await.unwrap();
    (folder, store)
}

fn object(seed: u8) -> Object {
    let hash = Sha256([seed; 32]);
    Object {
        key: ObjectKey::parse(ObjectKind::Data, &hash.to_hex()).unwrap(),
        size: 10,
        hash,
        received_at: NOW,
        received_by: "laptop".into(),
    }
}

fn actor() -> Actor {
    Actor {
        account: AccountId(1),
        name: "laptop".into(),
        login_type: 0,
        via: Via::Token(Rights::Delete),
        address: "::1".into(),
        why: None,
        maker: None,
    }
}

async fn with_backup(store: &Store) -> BackupId {
    store
        .write(|tx| {
            Box::pin(async move {
                let main: Name = "main".parse().unwrap();
                let storage = tx.add_storage(&StorageSpec::plain(main), None, NOW).await?;
                let backup = tx
                    .add_backup(storage, &"laptop".parse().unwrap(), "laptop", NOW)
                    .await?;
                for seed in 0..3 {
                    tx.publish_object(backup, &object(seed), AccountId(1)).await?;
                }
                Ok::<_, StoreError>(backup)
            })
        })
        .await
        .unwrap()
}

fn event() -> Event {
    Event::FourEyesEnabled {
        initiator: User::local("ann"),
    }
}

#[tokio::test]
async fn what_fails_leaves_nothing_and_what_succeeds_stays() {
    let (_folder, store) = store().await;
    let failed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.report(&event(), NOW, None, "ann").await?;
                Err(StoreError::Busy)
            })
        })
        .await;
    assert_eq!(failed, Err(StoreError::Busy));
    let seq = store
        .write(|tx| Box::pin(async move { tx.report(&event(), NOW, None, "ann").await }))
        .await
        .unwrap();
    let events = store
        .read(|view| Box::pin(async move { view.events_after(0, 10).await }))
        .await
        .unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].seq, &events[0].event), (seq, &event()));
    assert_eq!(*store.events().borrow(), seq);
}

#[tokio::test]
async fn a_panic_in_one_piece_of_work_ends_neither_the_writer_nor_the_others() {
    let (_folder, store) = store().await;
    let panicked: Result<(), StoreError> = store.write(|_| Box::pin(async { panic!("on purpose") })).await;
    assert!(matches!(panicked, Err(StoreError::Engine(_))));
    assert!(
        store
            .write(|tx| Box::pin(async move { tx.report(&event(), NOW, None, "ann").await }))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn many_at_once_are_all_answered_and_all_kept() {
    let (folder, store) = store().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let store = store.clone();
        tasks.spawn(async move {
            store
                .write(|tx| Box::pin(async move { tx.report(&event(), NOW, None, "ann").await }))
                .await
        });
    }
    let mut seen: Vec<i64> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 500);
    drop(store);
    let again = Store::open(&folder.path().join("test.db")).await.unwrap();
    assert_eq!(
        again
            .read(|view| Box::pin(async move { view.last_event().await }))
            .await,
        Ok(seen[499])
    );
}

#[tokio::test]
async fn names_of_accounts_differ_in_more_than_case() {
    let (_folder, store) = store().await;
    let add = |name: &'static str| {
        store.write(move |tx| {
            Box::pin(async move {
                let new = NewAccount {
                    name: name.parse().unwrap(),
                    kind: AccountKind::Person,
                    roles: Roles::FOUNDING,
                    created_at: NOW,
                    eligible_at: NOW,
                };
                tx.add_account(&new).await
            })
        })
    };
    let ann = add("Ann").await.unwrap();
    assert_eq!(add("aNN").await, Err(StoreError::Exists));
    let found = store
        .ask(|view| Box::pin(async move { view.account_named(&"ANN".parse().unwrap()).await }))
        .await;
    assert_eq!(found, Ok(Some(ann)));
}

#[tokio::test]
async fn held_objects_vanish_for_clients_and_come_back_together() {
    let (_folder, store) = store().await;
    let backup = with_backup(&store).await;
    let visible =
        || store.ask(move |view| Box::pin(async move { view.visible_objects(backup, ObjectKind::Data).await }));
    assert_eq!(visible().await.unwrap().len(), 3);
    let request: RequestId = store
        .write(move |tx| {
            Box::pin(async move {
                let new = NewRequest {
                    operation: Operation::DeleteObject {
                        name: "main/laptop".into(),
                    },
                    backup: Some(backup),
                    target: "main/laptop".into(),
                    created_at: NOW,
                };
                let request = tx.begin_request(&new, &actor()).await?;
                assert!(tx.hold_object(backup, object(0).key, request).await?);
                assert!(!tx.hold_object(backup, object(0).key, request).await?);
                assert!(tx.hold_object(backup, object(1).key, request).await?);
                Ok::<_, StoreError>(request)
            })
        })
        .await
        .unwrap();
    assert_eq!(visible().await.unwrap().len(), 1);
    let hidden = store
        .ask(move |view| Box::pin(async move { view.visible_size(backup, object(0).key).await }))
        .await;
    assert_eq!(hidden, Ok(None));
    assert_eq!(
        store
            .write(move |tx| Box::pin(async move { tx.release_objects(request).await }))
            .await,
        Ok(2)
    );
    assert_eq!(visible().await.unwrap().len(), 3);
}

#[tokio::test]
async fn nothing_brings_a_claimed_object_back() {
    let (_folder, store) = store().await;
    let backup = with_backup(&store).await;
    let outcome = store
        .write(move |tx| {
            Box::pin(async move {
                let new = NewRequest {
                    operation: Operation::DeleteObject { name: "x".into() },
                    backup: Some(backup),
                    target: "x".into(),
                    created_at: NOW,
                };
                let request = tx.begin_request(&new, &actor()).await?;
                tx.hold_object(backup, object(0).key, request).await?;
                tx.claim_objects(request).await?;
                Ok::<_, StoreError>((
                    tx.release_object(backup, object(0).key).await?,
                    tx.release_objects(request).await?,
                ))
            })
        })
        .await;
    assert_eq!(outcome, Ok((false, 0)));
}

#[tokio::test]
async fn a_receiver_never_goes_back_and_forgets_its_error_when_it_goes_on() {
    let (_folder, store) = store().await;
    let mut spec = countersign_core::receiver::ReceiverSpec::plain(
        "siem".parse().unwrap(),
        countersign_core::receiver::Transport::TcpLf,
        "siem.example:514".parse().unwrap(),
    );
    spec.options.sequence = true;
    spec.filter.set(40_700, countersign_core::receiver::Severities::ALL);
    let expected = spec.clone();
    let receiver = store
        .write(|tx| {
            Box::pin(async move {
                let id = tx.add_receiver(&spec, NOW).await?;
                tx.advance_cursor(id, 7, 5, NOW.plus_seconds(1)).await?;
                tx.note_receiver_error(id, "refused", NOW).await?;
                tx.advance_cursor(id, 6, 6, NOW.plus_seconds(2)).await?;
                tx.receiver(id).await
            })
        })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(receiver.spec, expected);
    assert_eq!((receiver.cursor, receiver.settled), (7, 6));
    assert_eq!(receiver.delivered_at, Some(NOW.plus_seconds(1)));
    assert_eq!(receiver.last_error, None);
}

/// SQLite undoes more than the statement when it finds no room: everyone in the commit is told, and what was there stays.
#[tokio::test]
async fn without_room_nothing_changes_and_with_room_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("test.db")).await.unwrap();
    let event = countersign_events::Event::examples().swap_remove(0);
    let report = || {
        let event = event.clone();
        store.write(move |tx| Box::pin(async move { tx.report(&event, Timestamp(1), None, &"a".repeat(20_000)).await }))
    };
    report().await.unwrap();
    assert!(!store.is_full());
    store.let_grow(false).await.unwrap();
    let all: Vec<Result<i64, StoreError>> = futures_util::future::join_all((0..20).map(|_| report())).await;
    assert!(all.iter().all(|one| *one == Err(StoreError::Full)), "{all:?}");
    assert!(store.is_full());
    assert_eq!(store.try_room().await, Err(StoreError::Full));
    let nothing = store.write(|_| Box::pin(async { Ok::<_, StoreError>(()) })).await;
    assert_eq!(
        (nothing, store.is_full()),
        (Ok(()), true),
        "a write of nothing needs no room"
    );
    assert_eq!(store.ask(|view| Box::pin(view.last_event())).await, Ok(1));

    store.let_grow(true).await.unwrap();
    assert_eq!(store.try_room().await, Ok(()));
    assert!(!store.is_full());
    assert_eq!(report().await, Ok(2), "no number was lost");
    assert_eq!(*store.events().borrow(), 2);
}

#[tokio::test]
async fn people_from_before_there_were_chains_stay_and_log_on_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let mut tx = Tx::over(View::over(
        Connection::open(&path).await.unwrap(),
        crate::clock::SharedClock::default(),
    ));
    crate::migrate::to_step(&mut tx, 4).await.unwrap();
    for sql in [
        "INSERT INTO accounts (name, name_key, kind, roles, state, created_at, eligible_at, revision)
         VALUES ('ann', 'ann', 'person', 'security-administrator', 'active', 1, 1, 1)",
        "INSERT INTO tokens (account_id, hash, label, rights, backups, created_at) VALUES (1, x'00', 'laptop', 'delete', '*', 1)",
        "INSERT INTO sessions (cookie_hash, chain, account_id, account_revision, csrf, address, created_at, seen_at)
         VALUES (x'01', 'chain', 1, 1, 'csrf', '::1', 1, 1)",
        "INSERT INTO authorization_codes (hash, chain, client, redirect, challenge, account_id, account_revision, expires_at)
         VALUES (x'02', 'chain', 'cli', '', x'03', 1, 1, 1)",
        "INSERT INTO access_tokens (hash, chain, client, account_id, account_revision, created_at, expires_at)
         VALUES (x'04', 'chain', 'cli', 1, 1, 1, 1)",
    ] {
        tx.execute(sql, params![]).await.unwrap();
    }
    tx.into_view().close().await.unwrap();

    let store = Store::open(&path).await.unwrap();
    let (ann, tokens, chains, sessions) = store
        .ask(|view| {
            Box::pin(async move {
                let ann = view.account(AccountId(1)).await?.unwrap();
                let tokens = view.tokens_of(ann.id).await?;
                let chains = view.chains_of(ann.id, Timestamp(0)).await?;
                let sessions = view.row("SELECT count(*) FROM sessions", params![]).await?;
                Ok::<_, StoreError>((ann, tokens, chains, sessions.unwrap().int(0)?))
            })
        })
        .await
        .unwrap();
    assert!(ann.lives(Timestamp(i64::MAX)) && ann.eligible(Timestamp(1)).is_ok() && !ann.mfa);
    assert_eq!((tokens.len(), tokens[0].expires_at), (1, None));
    assert!(chains.is_empty());
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn a_turn_of_a_request_is_told_after_its_commit_and_not_when_it_is_undone() {
    let (_folder, store) = store().await;
    let mut turned = store.turned();
    let undone: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.note_turn(RequestId(1));
                Err(StoreError::Exists)
            })
        })
        .await;
    assert!(undone.is_err());
    for id in [2, 3] {
        let done = store.write(move |tx| {
            Box::pin(async move {
                tx.note_turn(RequestId(id));
                Ok::<_, StoreError>(())
            })
        });
        done.await.unwrap();
    }
    assert_eq!(turned.try_recv().unwrap(), RequestId(2));
    assert_eq!(turned.try_recv().unwrap(), RequestId(3));
    assert!(turned.try_recv().is_err());
}
