//! The undo window: what was approved and can still be vetoed.

use countersign_core::request::{Effect, State};
use countersign_core::{AccountState, ObjectKind, Sha256};

use super::house::{House, house, key};
use crate::{Accepted, VaultError};

const HOUR: i64 = 3600;

/// A house with an undo window and one request per name, all held, sealed and waiting for a decision.
async fn with(names: &[&'static [u8]]) -> (House, Vec<countersign_store::RequestRecord>) {
    let house = house().await;
    house.undo_hours(24).await;
    house.make().await;
    let mut requests = Vec::new();
    for bytes in names {
        house.put(ObjectKind::Data, bytes).await.unwrap();
    }
    for bytes in names {
        house.delete(ObjectKind::Data, bytes).await.unwrap();
        requests.push(house.seal().await);
    }
    (house, requests)
}

impl House {
    async fn effect(&self, request: &countersign_store::RequestRecord) -> Effect {
        self.request(request.id).await.effect
    }

    /// Lets the quiet time pass, then does what is due.
    async fn worker(&self) {
        self.clock.advance_seconds(15);
        self.vault.begin_ripe().await.unwrap();
        self.vault.purge_due().await.unwrap();
    }
}

#[tokio::test]
async fn an_approval_waits_for_the_end_of_the_undo_window() {
    let (house, requests) = with(&[b"one"]).await;
    let before = house.files_on_disk();
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    let approved = house.request(requests[0].id).await;
    assert_eq!((approved.state, approved.effect), (State::Approved, Effect::Waiting));
    assert_eq!(
        approved.due_at,
        approved.decided_at.map(|at| at.plus_seconds(24 * HOUR))
    );
    house.clock.advance_seconds(24 * HOUR - 16);
    house.worker().await;
    assert_eq!(house.files_on_disk(), before);
    assert!(!house.sees(ObjectKind::Data, b"one").await, "it stays held");
    house.worker().await;
    assert_eq!(house.files_on_disk(), before - 1);
    assert_eq!(house.effect(&requests[0]).await, Effect::Done);
    assert_eq!(house.event_ids().await, [42402, 42403]);
}

/// Whoever moves the clock forward and confirms it gains no day of the lock.
#[tokio::test]
async fn a_clock_that_was_moved_ends_no_retention_lock() {
    let (house, _) = with(&[]).await;
    house.put(ObjectKind::Data, b"kept").await.unwrap();
    house.lock_for(30).await;
    let locked = async || {
        let deleted = house.delete(ObjectKind::Data, b"kept").await;
        matches!(deleted, Err(VaultError::Immutable { .. }))
    };
    house.clock.advance_seconds(24 * HOUR);
    house.clock.jump_seconds(40 * 24 * HOUR);
    assert!(locked().await);
    house.put(ObjectKind::Data, b"while it stood still").await.unwrap();
    let (_, known) = house.vault.store.stopped().unwrap();
    let confirmed = house
        .vault
        .store
        .write(move |tx| Box::pin(async move { tx.confirm_clock(known.jumps, "ann").await }))
        .await;
    assert!(
        confirmed
            .map_err(|error: countersign_store::StoreError| error.to_string())
            .unwrap()
    );
    house.vault.store.resume_ageing().await.unwrap();
    house.clock.advance_seconds(29 * 24 * HOUR - 1);
    assert!(locked().await, "a second is left of it");
    house.clock.advance_seconds(1);
    assert!(!locked().await);
    let younger = house.delete(ObjectKind::Data, b"while it stood still").await;
    assert!(matches!(younger, Err(VaultError::Immutable { .. })), "{younger:?}");
    house.clock.advance_seconds(24 * HOUR);
    assert!(house.delete(ObjectKind::Data, b"while it stood still").await.is_ok());
}

#[tokio::test]
async fn a_veto_brings_it_and_every_later_one_back() {
    let (house, requests) = with(&[b"one", b"two", b"three"]).await;
    house.approve(&house.ann, &[&requests[0], &requests[1]]).await.unwrap();
    let before = house.files_on_disk();
    let pending = house.veto(&house.bob, requests[2].id).await;
    assert!(matches!(pending, Err(VaultError::NotWaiting { .. })), "{pending:?}");
    let ids = house.veto(&house.bob, requests[0].id).await.unwrap();
    assert_eq!(ids, requests.iter().map(|request| request.id).collect::<Vec<_>>());
    for bytes in [b"one".as_slice(), b"two", b"three"] {
        assert!(house.sees(ObjectKind::Data, bytes).await);
    }
    let first = house.request(requests[0].id).await;
    assert_eq!((first.state, first.effect), (State::Approved, Effect::Vetoed));
    assert_eq!(
        (
            first.decided_by.as_deref(),
            first.vetoed_by.as_deref(),
            first.veto_comment.as_deref()
        ),
        (Some("ann"), Some("bob"), Some("not this"))
    );
    let (second, third) = (house.request(requests[1].id).await, house.request(requests[2].id).await);
    assert_eq!((second.effect, third.state), (Effect::Vetoed, State::Rejected));
    assert!(second.effect_detail.is_some_and(|why| why.contains("vetoed")));
    house.clock.advance_seconds(48 * HOUR);
    house.worker().await;
    assert_eq!(house.files_on_disk(), before, "and nothing comes of it later");
    assert_eq!(
        house.event_ids().await,
        [42402, 42402, 42402, 42403, 42403, 42404, 42404, 42404]
    );
    let again = house.veto(&house.bob, requests[0].id).await;
    assert!(matches!(again, Err(VaultError::NotWaiting { .. })), "{again:?}");
}

#[tokio::test]
async fn a_veto_of_a_later_one_and_a_rejection_leave_the_earlier_ones() {
    let (house, requests) = with(&[b"one", b"two", b"three"]).await;
    house.approve(&house.ann, &[&requests[0], &requests[1]]).await.unwrap();
    house.clock.advance_seconds(15);
    house.reject(&house.bob, requests[2].id).await.unwrap();
    assert_eq!(house.effect(&requests[1]).await, Effect::Waiting);
    house.clock.advance_seconds(15);
    assert_eq!(house.veto(&house.bob, requests[1].id).await.unwrap(), [requests[1].id]);
    assert_eq!(house.effect(&requests[0]).await, Effect::Waiting);
    assert!(!house.sees(ObjectKind::Data, b"one").await && house.sees(ObjectKind::Data, b"two").await);
    house.clock.advance_seconds(24 * HOUR);
    house.worker().await;
    assert_eq!(house.effect(&requests[0]).await, Effect::Done);
}

#[tokio::test]
async fn a_later_one_never_takes_effect_before_an_earlier_one() {
    let (house, requests) = with(&[b"one", b"two"]).await;
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    house.undo_hours(0).await;
    house.approve(&house.ann, &[&requests[1]]).await.unwrap();
    let (first, second) = (house.request(requests[0].id).await, house.request(requests[1].id).await);
    assert_eq!(second.effect, Effect::Waiting);
    assert_eq!(second.due_at, first.due_at);
    // While the first is in use, the second does not overtake it.
    house.clock.advance_seconds(24 * HOUR);
    house.put(ObjectKind::Locks, b"lock").await.unwrap();
    house.worker().await;
    let first = house.request(requests[0].id).await;
    assert_eq!(first.effect, Effect::Postponed);
    assert!(first.effect_detail.is_some_and(|why| why.contains("in use")));
    assert_eq!(house.effect(&requests[1]).await, Effect::Waiting);
    house.delete(ObjectKind::Locks, b"lock").await.unwrap();
    house.worker().await;
    house.worker().await;
    assert_eq!(house.effect(&requests[0]).await, Effect::Done);
    assert_eq!(house.effect(&requests[1]).await, Effect::Done);
}

#[tokio::test]
async fn what_is_postponed_can_still_be_vetoed() {
    let (house, requests) = with(&[b"one"]).await;
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    house.clock.advance_seconds(24 * HOUR);
    house.put(ObjectKind::Locks, b"lock").await.unwrap();
    house.worker().await;
    assert_eq!(house.effect(&requests[0]).await, Effect::Postponed);
    let busy = house.veto(&house.bob, requests[0].id).await;
    assert!(matches!(busy, Err(VaultError::InUse(_))), "{busy:?}");
    house.delete(ObjectKind::Locks, b"lock").await.unwrap();
    house.clock.advance_seconds(15);
    house.veto(&house.bob, requests[0].id).await.unwrap();
    assert!(house.sees(ObjectKind::Data, b"one").await);
}

#[tokio::test]
async fn a_name_that_is_uploaded_again_meanwhile_voids_the_approval() {
    let (house, requests) = with(&[b"one", b"two", b"three"]).await;
    // One request over two objects, and a later one that waits.
    house.approve(&house.ann, &[&requests[0], &requests[1]]).await.unwrap();
    let before = house.files_on_disk();
    assert_eq!(house.put(ObjectKind::Data, b"one").await.unwrap(), Accepted::Revived);
    let approved = house.request(requests[0].id).await;
    assert_eq!(
        approved.digest, requests[0].digest,
        "what was approved stays what it was"
    );
    house.worker().await;
    let (first, second) = (house.request(requests[0].id).await, house.request(requests[1].id).await);
    assert_eq!((first.effect, second.effect), (Effect::Failed, Effect::Failed));
    assert!(first.effect_detail.is_some_and(|why| why.starts_with("void: ")));
    assert_eq!(house.request(requests[2].id).await.state, State::Expired);
    for bytes in [b"one".as_slice(), b"two", b"three"] {
        assert!(house.sees(ObjectKind::Data, bytes).await);
    }
    assert_eq!(house.files_on_disk(), before);
    assert_eq!(house.event_ids().await[5..], [41800, 41800, 42405]);
}

#[tokio::test]
async fn a_file_that_changed_within_the_window_voids_the_approval() {
    let (house, requests) = with(&[b"one", b"two"]).await;
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    let before = house.files_on_disk();
    let name = Sha256::of(b"one").to_hex();
    let path = house
        .folder
        .path()
        .join(format!("vault/1/objects/1/data/{}/{name}", &name[..2]));
    std::fs::write(path, b"changed").unwrap();
    house.clock.advance_seconds(24 * HOUR);
    house.worker().await;
    assert_eq!(house.effect(&requests[0]).await, Effect::Failed);
    assert_eq!(house.files_on_disk(), before);
    assert!(house.sees(ObjectKind::Data, b"one").await && house.sees(ObjectKind::Data, b"two").await);
}

#[tokio::test]
async fn an_approver_who_lost_the_role_within_the_window_voids_the_approval() {
    let (house, requests) = with(&[b"one"]).await;
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    let ann = house.ann.id;
    house
        .vault
        .store
        .write(move |tx| {
            Box::pin(async move {
                let ann = tx.account(ann).await?.unwrap();
                let disabled = countersign_core::Account {
                    state: AccountState::Disabled,
                    revision: ann.revision + 1,
                    ..ann.clone()
                };
                tx.change_account(&ann, &disabled).await
            })
        })
        .await
        .unwrap();
    house.clock.advance_seconds(24 * HOUR);
    house.worker().await;
    let request = house.request(requests[0].id).await;
    assert_eq!(request.effect, Effect::Failed);
    assert!(request.effect_detail.is_some_and(|why| why.contains("not active")));
    assert!(house.sees(ObjectKind::Data, b"one").await);
    assert_eq!(house.event_ids().await, [42402, 42403, 41800]);
}

#[tokio::test]
async fn while_an_approval_waits_the_backup_is_not_deleted_at_once() {
    let (house, requests) = with(&[b"one"]).await;
    house.approve(&house.ann, &[&requests[0]]).await.unwrap();
    house
        .vault
        .store
        .write(|tx| Box::pin(async move { tx.set_policy(&countersign_core::Policy::default()).await }))
        .await
        .unwrap();
    let deleted = house.vault.delete_backup(house.enter().await, &house.laptop).await;
    assert!(matches!(deleted, Err(VaultError::RequestsWait)), "{deleted:?}");
    let object = house
        .vault
        .store
        .ask({
            let backup = house.enter_id().await;
            move |view| Box::pin(async move { view.object(backup, key(ObjectKind::Data, b"one")).await })
        })
        .await
        .unwrap();
    assert!(object.is_some_and(|object| object.held_by == Some(requests[0].id) && !object.claimed));
}
