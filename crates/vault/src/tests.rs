//! The life of an object, from upload to purge.

mod house;
mod undo;

use countersign_core::fence::InUse;
use countersign_core::request::{Effect, State};
use countersign_core::{ObjectKey, ObjectKind, Policy, Sha256};

use crate::{Accepted, Deleted, VaultError};
use house::{House, client, house, key};

#[tokio::test]
async fn a_held_object_is_hidden_and_comes_back_when_rejected() {
    let house = house().await;
    house.make().await;
    assert_eq!(
        house.put(ObjectKind::Snapshots, b"one").await.unwrap(),
        Accepted::Created
    );
    assert_eq!(
        house.put(ObjectKind::Snapshots, b"two").await.unwrap(),
        Accepted::Created
    );
    assert!(matches!(
        house.delete(ObjectKind::Snapshots, b"one").await,
        Ok(Deleted::Held(_))
    ));
    assert!(!house.sees(ObjectKind::Snapshots, b"one").await && house.sees(ObjectKind::Snapshots, b"two").await);
    assert_eq!(
        house.delete(ObjectKind::Snapshots, b"one").await.unwrap(),
        Deleted::Unknown,
        "a repeat does not pile up"
    );
    let request = house.seal().await;
    assert_eq!((request.state, request.operation.id()), (State::Pending, 104));
    assert_eq!(house.requests().await.len(), 1);
    house.clock.advance_seconds(15);
    assert_eq!(house.reject(&house.bob, request.id).await.unwrap(), [request.id]);
    assert!(house.sees(ObjectKind::Snapshots, b"one").await);
    assert_eq!(house.event_ids().await, [42402, 42404]);
}

#[tokio::test]
async fn an_approved_object_is_purged_and_nothing_else() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.put(ObjectKind::Data, b"two").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    let request = house.seal().await;
    assert_eq!(request.operation.id(), 105);
    let before = house.files_on_disk();
    house.approve(&house.ann, &[&request]).await.unwrap();
    assert_eq!(house.files_on_disk(), before, "the decision itself touches no bytes");
    assert_eq!(house.vault.purge_due().await.unwrap(), 1);
    assert_eq!(house.files_on_disk(), before - 1);
    assert!(house.sees(ObjectKind::Data, b"two").await);
    assert_eq!(house.request(request.id).await.effect, Effect::Done);
    assert_eq!(house.vault.purge_due().await.unwrap(), 0, "a purge is done once");
    assert_eq!(
        house.put(ObjectKind::Data, b"one").await.unwrap(),
        Accepted::Created,
        "the name is free again"
    );
    assert_eq!(house.event_ids().await, [42402, 42403]);
}

#[tokio::test]
async fn the_same_bytes_revive_and_a_batch_that_empties_closes() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    assert!(matches!(
        house.put_named(key(ObjectKind::Data, b"one"), b"other").await,
        Err(VaultError::WrongHash)
    ));
    assert!(!house.sees(ObjectKind::Data, b"one").await);
    assert_eq!(house.put(ObjectKind::Data, b"one").await.unwrap(), Accepted::Revived);
    assert!(house.sees(ObjectKind::Data, b"one").await);
    assert_eq!(house.requests().await[0].state, State::Closed);
    assert!(house.event_ids().await.is_empty());
}

#[tokio::test]
async fn a_revived_object_leaves_a_sealed_request_and_voids_what_was_seen() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.put(ObjectKind::Data, b"two").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    house.delete(ObjectKind::Data, b"two").await.unwrap();
    let seen = house.seal().await;
    assert_eq!(house.put(ObjectKind::Data, b"one").await.unwrap(), Accepted::Revived);
    let refused = house.approve(&house.ann, &[&seen]).await;
    assert!(
        matches!(
            refused,
            Err(VaultError::Undecided(countersign_core::request::Refusal::Changed))
        ),
        "{refused:?}"
    );
    let now = house.request(seen.id).await;
    house.approve(&house.ann, &[&now]).await.unwrap();
    house.vault.purge_due().await.unwrap();
    assert!(house.sees(ObjectKind::Data, b"one").await);
    assert_eq!(house.request(seen.id).await.summary.unwrap().objects(), 1);
}

#[tokio::test]
async fn a_sealed_request_that_empties_is_withdrawn() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    let request = house.seal().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    assert_eq!(house.request(request.id).await.state, State::Rejected);
    assert_eq!(house.event_ids().await, [42402, 42404]);
}

#[tokio::test]
async fn the_oldest_is_approved_first_and_a_rejection_takes_the_later_along() {
    let house = house().await;
    house.make().await;
    for bytes in [b"one".as_slice(), b"two", b"three"] {
        house.put(ObjectKind::Data, bytes).await.unwrap();
    }
    let mut requests = Vec::new();
    for bytes in [b"one".as_slice(), b"two", b"three"] {
        house.delete(ObjectKind::Data, bytes).await.unwrap();
        requests.push(house.seal().await);
    }
    let refused = house.approve(&house.ann, &[&requests[1]]).await;
    assert!(matches!(refused, Err(VaultError::OutOfOrder(_))), "{refused:?}");
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    house.clock.advance_seconds(15);
    assert_eq!(
        house.reject(&house.bob, requests[1].id).await.unwrap(),
        [requests[1].id, requests[2].id]
    );
    house.vault.purge_due().await.unwrap();
    assert!(!house.sees(ObjectKind::Data, b"one").await);
    assert!(house.sees(ObjectKind::Data, b"two").await && house.sees(ObjectKind::Data, b"three").await);
    assert!(house.request(requests[2].id).await.reason.unwrap().contains("gone"));
}

#[tokio::test]
async fn a_live_lock_or_a_recent_request_postpones_a_rejection() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    let request = house.seal().await;
    house.sees(ObjectKind::Data, b"one").await;
    assert!(matches!(
        house.reject(&house.bob, request.id).await,
        Err(VaultError::InUse(InUse::NotQuiet { .. }))
    ));
    house.put(ObjectKind::Locks, b"lock").await.unwrap();
    house.clock.advance_seconds(60);
    assert!(matches!(
        house.reject(&house.bob, request.id).await,
        Err(VaultError::InUse(InUse::Locked { .. }))
    ));
    assert!(matches!(
        house.approve(&house.bob, &[&request]).await,
        Err(VaultError::InUse(InUse::Locked { .. }))
    ));
    house.clock.advance_seconds(countersign_core::policy::LOCK_LIFE_SECONDS);
    assert!(house.reject(&house.bob, request.id).await.is_ok());
}

#[tokio::test]
async fn while_a_gate_is_closed_nobody_enters() {
    let house = house().await;
    house.make().await;
    let (storage, name) = House::names();
    let gate = house.vault.close_gate(house.enter_id().await).unwrap();
    assert!(matches!(
        house.vault.enter(&storage, &name).await,
        Err(VaultError::Moving)
    ));
    drop(gate);
    assert!(house.vault.enter(&storage, &name).await.is_ok());
}

#[tokio::test]
async fn the_config_is_neither_held_nor_replaced_while_on() {
    let house = house().await;
    house.make().await;
    let refused = house
        .vault
        .delete(&house.enter().await, ObjectKey::CONFIG, &house.laptop)
        .await;
    assert!(matches!(
        refused,
        Err(VaultError::Refused(countersign_core::Refusal::ConfigProtected))
    ));
    assert!(matches!(
        house.put_named(ObjectKey::CONFIG, b"other").await,
        Err(VaultError::Refused(_))
    ));
    assert_eq!(
        house.put_named(ObjectKey::CONFIG, b"config").await.unwrap(),
        Accepted::Same
    );
}

#[tokio::test]
async fn a_whole_backup_is_held_and_returns() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    let (storage, name) = House::names();
    let held = house
        .vault
        .delete_backup(house.enter().await, &house.laptop)
        .await
        .unwrap();
    let Deleted::Held(id) = held else { panic!("{held:?}") };
    assert!(matches!(
        house.vault.enter(&storage, &name).await,
        Err(VaultError::NoBackup)
    ));
    assert!(matches!(
        house.vault.create(&storage, &name, &house.laptop).await,
        Err(VaultError::AwaitsDecision)
    ));
    assert_eq!(house.request(id).await.operation.id(), 100);
    house.clock.advance_seconds(15);
    house.reject(&house.ann, id).await.unwrap();
    assert!(house.sees(ObjectKind::Data, b"one").await);
    let Deleted::Held(id) = house
        .vault
        .delete_backup(house.enter().await, &house.laptop)
        .await
        .unwrap()
    else {
        panic!()
    };
    house.clock.advance_seconds(15);
    let request = house.request(id).await;
    house.approve(&house.ann, &[&request]).await.unwrap();
    house.vault.purge_due().await.unwrap();
    assert_eq!(house.files_on_disk(), 0);
    house.make().await;
    assert!(!house.sees(ObjectKind::Data, b"one").await);
}

#[tokio::test]
async fn what_nobody_decides_expires_with_what_came_later() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.put(ObjectKind::Data, b"two").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    let first = house.seal().await;
    house.clock.advance_seconds(3600);
    house.delete(ObjectKind::Data, b"two").await.unwrap();
    let second = house.seal().await;
    house.clock.advance_seconds(7 * 86_400 - 3600);
    assert_eq!(house.vault.expire_overdue().await.unwrap(), 2);
    assert_eq!(house.request(first.id).await.state, State::Expired);
    assert_eq!(house.request(second.id).await.state, State::Expired);
    assert!(house.sees(ObjectKind::Data, b"one").await && house.sees(ObjectKind::Data, b"two").await);
    assert_eq!(house.event_ids().await, [42402, 42402, 42405, 42405]);
}

#[tokio::test]
async fn another_accounts_deletes_are_another_request() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.put(ObjectKind::Data, b"two").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    house
        .vault
        .delete(&house.enter().await, key(ObjectKind::Data, b"two"), &client(&house.ann))
        .await
        .unwrap();
    let requests = house.requests().await;
    assert_eq!(
        [requests[0].state, requests[1].state],
        [State::Collecting, State::Pending]
    );
    assert_eq!(requests[1].initiator.name, "laptop");
}

#[tokio::test]
async fn a_changed_file_voids_the_approval_and_nothing_is_destroyed() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Keys, b"one").await.unwrap();
    house.put(ObjectKind::Keys, b"two").await.unwrap();
    house.delete(ObjectKind::Keys, b"one").await.unwrap();
    house.delete(ObjectKind::Keys, b"two").await.unwrap();
    let request = house.seal().await;
    assert!(house.vault.check_files(request.id).await.is_ok());
    house.approve(&house.ann, &[&request]).await.unwrap();
    let name = Sha256::of(b"two").to_hex();
    std::fs::write(
        house.folder.path().join(format!("vault/1/objects/1/keys/{name}")),
        b"changed",
    )
    .unwrap();
    let before = house.files_on_disk();
    house.vault.purge_due().await.unwrap();
    assert_eq!(house.files_on_disk(), before);
    assert_eq!(house.request(request.id).await.effect, Effect::Failed);
}

#[tokio::test]
async fn off_means_at_once_and_a_restart_finishes_what_was_begun() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.put(ObjectKind::Data, b"two").await.unwrap();
    let backup = house.enter_id().await;
    let two = key(ObjectKind::Data, b"two");
    house
        .vault
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.set_policy(&Policy::default()).await?;
                // As if the server had been killed between the claim and the removal.
                tx.claim_object_at_once(backup, two).await
            })
        })
        .await
        .unwrap();
    let before = house.files_on_disk();
    assert_eq!(house.delete(ObjectKind::Data, b"one").await.unwrap(), Deleted::Done);
    assert_eq!(house.files_on_disk(), before - 1);
    house.vault.purge_due().await.unwrap();
    assert_eq!(house.files_on_disk(), before - 2);
    assert!(house.requests().await.is_empty());
}

#[tokio::test]
async fn a_fresh_lock_goes_only_with_its_maker() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Locks, b"lock").await.unwrap();
    let refused = house
        .vault
        .delete(
            &house.enter().await,
            key(ObjectKind::Locks, b"lock"),
            &client(&house.ann),
        )
        .await;
    assert!(matches!(
        refused,
        Err(VaultError::Refused(countersign_core::Refusal::LockInUse))
    ));
    assert_eq!(house.delete(ObjectKind::Locks, b"lock").await.unwrap(), Deleted::Done);
}

#[tokio::test]
async fn a_purge_that_cannot_be_done_yet_says_why_and_keeps_no_other_back() {
    let house = house().await;
    house.make().await;
    for bytes in [b"one".as_slice(), b"two"] {
        house.put(ObjectKind::Keys, bytes).await.unwrap();
        house.delete(ObjectKind::Keys, bytes).await.unwrap();
        let request = house.seal().await;
        house.approve(&house.ann, &[&request]).await.unwrap();
    }
    // A folder lies where the first object's file was.
    let at = house
        .folder
        .path()
        .join(format!("vault/1/objects/1/keys/{}", Sha256::of(b"one").to_hex()));
    std::fs::remove_file(&at).unwrap();
    std::fs::create_dir(&at).unwrap();
    std::fs::write(at.join("in the way"), b"").unwrap();
    let outcome = house.vault.purge_due().await;
    let mut requests = house.requests().await;
    requests.sort_by_key(|request| request.id);
    assert_eq!(requests[1].effect, Effect::Done, "{outcome:?}");
    assert_ne!(requests[0].effect, Effect::Done);
    assert!(requests[0].effect_detail.is_some());
}

#[tokio::test]
async fn past_the_cap_on_held_bytes_a_delete_is_refused() {
    let house = house().await;
    house.make().await;
    house
        .vault
        .store
        .write(|tx| {
            Box::pin(async move {
                let policy = Policy {
                    held_bytes_cap: Some(5),
                    ..tx.policy().await?
                };
                tx.set_policy(&policy).await
            })
        })
        .await
        .unwrap();
    for bytes in [b"one".as_slice(), b"two"] {
        house.put(ObjectKind::Data, bytes).await.unwrap();
    }
    assert!(matches!(
        house.delete(ObjectKind::Data, b"one").await,
        Ok(Deleted::Held(_))
    ));
    assert!(matches!(
        house.delete(ObjectKind::Data, b"two").await,
        Err(VaultError::HeldCap)
    ));
    assert!(house.sees(ObjectKind::Data, b"two").await);
}

#[tokio::test]
async fn a_storage_that_goes_is_finished_by_a_restart() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.off().await;
    house.clock.advance_seconds(60);
    house.take_out(crate::End::Purge).await;
    assert!(house.files_on_disk() > 0, "the transaction itself touches no bytes");
    // A server that was killed here goes on when it starts again.
    let (folder, store) = (house.folder, house.vault.store.clone());
    drop(house.vault);
    let again = house::open(store, &folder, &house.clock).await;
    again.purge_due().await.unwrap();
    assert!(!folder.path().join("vault/1").exists());
    assert!(folder.path().join("vault/2").is_dir(), "the other one stays");
    let left = again
        .store
        .ask(|view| {
            Box::pin(async move {
                Ok::<_, countersign_store::StoreError>((
                    view.storages().await?,
                    view.removed_storages().await?,
                    view.backups().await?,
                ))
            })
        })
        .await
        .unwrap();
    assert_eq!((left.0.len(), left.1.len(), left.2.len()), (1, 0, 0));
    again.purge_due().await.unwrap();
}

#[tokio::test]
async fn what_a_storage_holds_is_counted_through_uploads_holds_and_purges() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"four").await.unwrap();
    assert_eq!(house.used().await, 10);
    house.put(ObjectKind::Data, b"four").await.unwrap();
    assert_eq!(house.used().await, 10, "the same bytes are there once");
    house.delete(ObjectKind::Data, b"four").await.unwrap();
    assert_eq!(house.used().await, 10, "held bytes count");
    let request = house.seal().await;
    house.approve(&house.ann, &[&request]).await.unwrap();
    house.vault.purge_due().await.unwrap();
    house.vault.purge_due().await.unwrap();
    assert_eq!(house.used().await, 6);
}

/// A lock that began after the approval: nothing is destroyed, and the request says why.
#[tokio::test]
async fn a_lock_that_came_after_the_approval_keeps_the_bytes() {
    let house = house().await;
    house.make().await;
    house.put(ObjectKind::Data, b"one").await.unwrap();
    house.delete(ObjectKind::Data, b"one").await.unwrap();
    let request = house.seal().await;
    house.approve(&house.ann, &[&request]).await.unwrap();
    let before = house.files_on_disk();
    house.lock_for(1).await;
    house.vault.purge_due().await.unwrap();
    assert_eq!(house.files_on_disk(), before);
    let record = house.request(request.id).await;
    assert_eq!(record.effect, Effect::Failed);
    assert!(record.effect_detail.unwrap().contains("retention lock"));
}
