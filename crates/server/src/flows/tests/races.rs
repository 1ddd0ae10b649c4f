//! What meets in one instant, on as many threads as there are, over a real store: of two ends of a request one comes about, and a
//! clock that is confirmed in the middle of it ends nothing early. Many who decide at once are in `http/tests/races.rs`.

use std::sync::Arc;

use countersign_core::account_change::AccountChange;
use countersign_core::request::Effect;
use countersign_core::token::Rights;
use countersign_core::{BackupId, Name};
use countersign_vault::Deleted;
use tokio::sync::Barrier;

use super::*;
use crate::flows::effects::carry_out_ripe;

const DAY: i64 = 86_400;
const ROUNDS: u32 = 12;

impl People {
    /// A backup of this name whose deletion ann asks for.
    async fn asked_deletion(&self, name: &str) -> RequestRecord {
        let deletes = Actor {
            via: Via::Token(Rights::Delete),
            ..Self::actor(&self.ann)
        };
        let (storage, name): (Name, Name) = ("main".parse().unwrap(), name.parse().unwrap());
        let vault = &self.house.app.vault;
        vault.create(&storage, &name, &deletes).await.unwrap();
        let opened = vault.enter(&storage, &name).await.unwrap();
        let Deleted::Held(id) = vault.delete_backup(opened, &deletes).await.unwrap() else {
            panic!("it was not held")
        };
        self.request(id).await
    }

    /// Whether clients see a backup.
    async fn is_seen(&self, backup: Option<BackupId>) -> bool {
        let backup = backup.unwrap();
        let found = self.house.app.store.ask(move |view| Box::pin(view.backup(backup)));
        let found = found.await.map_err(|error: StoreError| error.to_string()).unwrap();
        found.is_some_and(|backup| backup.visible())
    }

    async fn count(&self, event: u32) -> usize {
        let events = self.house.app.store.ask(|view| Box::pin(view.events_after(0, 10_000)));
        let events = events.await.map_err(|error: StoreError| error.to_string()).unwrap();
        events.iter().filter(|recorded| recorded.event.id() == event).count()
    }
}

/// Both as soon as both are there, each on a thread of its own.
async fn both<A, B>(
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let start = Arc::new(Barrier::new(2));
    let also = Arc::clone(&start);
    let one = tokio::spawn(async move {
        start.wait().await;
        one.await
    });
    let other = tokio::spawn(async move {
        also.wait().await;
        other.await
    });
    (one.await.unwrap(), other.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_approval_and_the_expiry_never_both_happen() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let (mut approvals, mut expiries) = (0, 0);
    for round in 0..ROUNDS {
        let request = people.asked_deletion(&format!("nas{round}")).await;
        people.house.clock.advance_seconds(7 * DAY - 31);
        let (app, decider) = (people.house.app.clone(), people.decider(&people.bob));
        let seen = vec![(request.id, request.digest.unwrap())];
        let (ours, clock) = (app.clone(), Arc::clone(&people.house.clock));
        let (approved, expired) = both(async move { approve(&app, decider, seen).await }, async move {
            // Its last second ends while somebody approves.
            clock.advance_seconds(1);
            loop {
                match ours.vault.expire_overdue().await {
                    Ok(expired) => return expired,
                    // The gate of the backup is closed for the approval.
                    Err(VaultError::Moving) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .await;
        people.house.app.vault.expire_overdue().await.unwrap();
        let after = people.request(request.id).await;
        match (after.state, approved) {
            (State::Approved, Ok(_)) => {
                approvals += 1;
                assert_eq!((expired, after.effect), (0, Effect::Waiting));
                assert!(!people.is_seen(after.backup).await);
            }
            (State::Expired, Err(told)) => {
                expiries += 1;
                let told_so = matches!(
                    told,
                    DecideError::Vault(
                        VaultError::Decided { .. }
                            | VaultError::Undecided(countersign_core::request::Refusal::Expired)
                            | VaultError::InUse(_)
                            | VaultError::Moving
                    )
                );
                assert!(told_so, "{told}");
                assert!(people.is_seen(after.backup).await, "all is back");
            }
            (state, approved) => panic!("{state:?}, though the approver was told {approved:?}"),
        }
    }
    assert_eq!(people.count(42403).await, approvals);
    assert_eq!(people.count(42405).await, expiries);
    assert_eq!(approvals + expiries, ROUNDS as usize);
}

/// An approver is disabled in the instant in which what they approved takes effect: it began before, or it never does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_approver_who_is_disabled_in_the_instant_of_the_effect_voids_it_or_comes_too_late() {
    for round in 0..ROUNDS {
        let people = people(Roles::FOUNDING).await;
        let carol = people.enrolled("carol", None).await;
        people.turn_on().await;
        let (first, second) = (people.asked_deletion("nas").await, people.asked_deletion("mail").await);
        people.approve(&carol, &first).await.unwrap();
        people.approve(&carol, &second).await.unwrap();
        let disable = AccountChange::Enable(carol.id, false);
        let asked = change(&people.house.app, &People::actor(&people.ann), Change::Account(disable)).await;
        let Ok(Changed::Requested(id)) = asked else {
            panic!("{asked:?}")
        };
        let disabling = people.request(id).await;
        // The first is due, the second is not yet: what comes after the loss never happens.
        let due = people.request(first.id).await.due_at.unwrap();
        let now = people.house.clock.now();
        people.house.clock.advance_seconds((due.0 - now.0) / 1_000_000 - 30);
        let decider = people.decider(&people.bob);
        let (app, ours) = (people.house.app.clone(), people.house.app.clone());
        let seen = vec![(disabling.id, disabling.digest.unwrap())];
        let (disabled, ripe) = both(async move { approve(&app, decider, seen).await }, async move {
            carry_out_ripe(&ours).await
        })
        .await;
        disabled.unwrap();
        ripe.unwrap();
        people.house.clock.advance_seconds(DAY);
        carry_out_ripe(&people.house.app).await.unwrap();
        let (one, other) = (people.request(first.id).await, people.request(second.id).await);
        let void = |record: &RequestRecord| {
            record.effect == Effect::Failed
                && record
                    .effect_detail
                    .as_ref()
                    .is_some_and(|why| why.contains("not active"))
        };
        assert!(void(&other), "{round}: {other:?}");
        assert!(people.is_seen(other.backup).await, "{round}: and it is back");
        let began = matches!(one.effect, Effect::Due | Effect::Done);
        assert!(began != void(&one), "{round}: {one:?}");
        assert_eq!(people.count(41800).await, if began { 1 } else { 2 }, "{round}");
        assert_eq!(people.is_seen(one.backup).await, !began, "{round}");
    }
}

/// Confirming a clock that was set back moves every deadline to an earlier time. Whoever looks in that instant by the time from before
/// would find them all over.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clock_that_is_confirmed_while_everything_looks_at_it_ends_nothing_early() {
    for round in 0..ROUNDS {
        let people = people(Roles::FOUNDING).await;
        // Codes of hers work: she has used none by the clock that ran ahead.
        let carol = people.enrolled("carol", None).await;
        people.turn_on().await;
        let (approved, waiting) = (people.asked_deletion("nas").await, people.asked_deletion("mail").await);
        people.approve(&people.bob, &approved).await.unwrap();
        let setting = people.waiting(14).await;
        people.house.clock.jump_seconds(-60 * DAY);
        let (_, known) = people.house.app.store.stopped().unwrap();
        let confirm = Change::ConfirmClock(known.jumps);
        let asked = change(&people.house.app, &People::actor(&people.ann), confirm).await;
        let Ok(Changed::Requested(id)) = asked else {
            panic!("{asked:?}")
        };
        let confirmation = people.request(id).await;
        let (app, decider) = (people.house.app.clone(), people.decider(&carol));
        let seen = vec![(confirmation.id, confirmation.digest.unwrap())];
        let looking: Vec<_> = (0..4)
            .map(|_| {
                let app = people.house.app.clone();
                tokio::spawn(async move {
                    while app.store.stopped().is_some() {
                        app.vault.expire_overdue().await.unwrap();
                        carry_out_ripe(&app).await.unwrap();
                    }
                    app.vault.expire_overdue().await.unwrap();
                    carry_out_ripe(&app).await.unwrap();
                })
            })
            .collect();
        approve(&app, decider, seen).await.unwrap();
        for look in looking {
            look.await.unwrap();
        }
        assert_eq!(people.request(approved.id).await.effect, Effect::Waiting, "{round}");
        for id in [waiting.id, setting.id] {
            assert_eq!(people.request(id).await.state, State::Pending, "{round}");
        }
        assert_eq!(people.count(42405).await, 0);
    }
}
