//! A clock that jumps: whoever sets it gains nothing, and nobody is harmed when it was set right (docs/adr/0062).

use countersign_core::request::{Effect, Refusal};
use countersign_core::token::Rights;
use countersign_core::{AccountId, Name};
use countersign_vault::Deleted;

use super::*;
use crate::flows::effects::carry_out_ripe;

const DAY: i64 = 86_400;

impl People {
    /// As the workers do, each second.
    async fn second(&self) {
        let app = &self.house.app;
        self.house.clock.advance_seconds(1);
        app.store.look_at_clock().await.unwrap();
        app.vault.expire_overdue().await.unwrap();
        carry_out_ripe(app).await.unwrap();
    }

    /// Somebody whose cool-off ends in a day.
    async fn carol(&self) -> Account {
        let (app, now) = (self.house.app.clone(), self.house.clock.now());
        let made = self.house.app.store.write(move |tx| {
            Box::pin(async move {
                let new = NewAccount {
                    name: "carol".parse().unwrap(),
                    kind: AccountKind::Person,
                    roles: Roles::FOUNDING,
                    created_at: now,
                    eligible_at: now.plus_seconds(DAY),
                };
                let account = tx.add_account(&new).await?;
                let sealed = app
                    .sealing
                    .seal(Purpose::Totp(account.id), secret("carol").bytes(), &*app.entropy);
                tx.set_totp(account.id, &sealed.unwrap(), 0, now).await?;
                Ok::<_, StoreError>(account)
            })
        });
        made.await.unwrap()
    }

    /// A backup whose deletion ann has asked for and bob has approved: it can be vetoed for a day.
    async fn approved_deletion(&self) -> RequestRecord {
        let deletes = Actor {
            via: Via::Token(Rights::Delete),
            ..Self::actor(&self.ann)
        };
        let (storage, name): (Name, Name) = ("main".parse().unwrap(), "nas".parse().unwrap());
        let vault = &self.house.app.vault;
        vault.create(&storage, &name, &deletes).await.unwrap();
        let opened = vault.enter(&storage, &name).await.unwrap();
        let Deleted::Held(id) = vault.delete_backup(opened, &deletes).await.unwrap() else {
            panic!("it was not held")
        };
        self.approve(&self.bob, &self.request(id).await).await.unwrap();
        let request = self.request(id).await;
        assert_eq!(request.effect, Effect::Waiting);
        request
    }

    async fn eligible_at(&self, id: AccountId) -> countersign_events::Timestamp {
        let account = self.house.app.store.ask(move |view| Box::pin(view.account(id)));
        let account = account.await.map_err(|error: StoreError| error.to_string());
        account.unwrap().unwrap().eligible_at
    }

    /// Ann asks to confirm the clock, bob approves.
    async fn confirm(&self) -> RequestRecord {
        let (_, ageing) = self.house.app.store.stopped().unwrap();
        let (ann, confirmed) = (Self::actor(&self.ann), Change::ConfirmClock(ageing.jumps));
        let Changed::Requested(id) = change(&self.house.app, &ann, confirmed).await.unwrap() else {
            panic!("four-eyes authorization is on")
        };
        let request = self.request(id).await;
        assert_eq!(request.operation.id(), 108);
        self.approve(&self.bob, &request).await.unwrap();
        request
    }
}

/// Forward, back, or forward and back again: for what waits, time has stood still.
#[tokio::test]
async fn whoever_moves_the_clock_expires_ripens_and_settles_nothing() {
    for (jumps, what) in [
        (&[30 * DAY][..], "forward"),
        (&[-30 * DAY], "back"),
        (&[400 * DAY, -400 * DAY], "forward and back"),
    ] {
        let people = people(Roles::FOUNDING).await;
        people.turn_on().await;
        let carol = people.carol().await;
        let deletion = people.approved_deletion().await;
        let waiting = people.waiting(14).await;
        for jump in jumps {
            people.house.clock.jump_seconds(*jump);
            people.second().await;
        }
        assert!(people.house.app.store.stopped().is_some(), "{what}");
        // Codes work again once the clock is past those that were used.
        people.house.clock.advance_seconds(40 * DAY);
        people.second().await;
        assert_eq!(people.request(waiting.id).await.state, State::Pending, "{what}");
        assert_eq!(people.request(deletion.id).await.effect, Effect::Waiting, "{what}");
        let refused = people.approve(&carol, &waiting).await;
        assert!(
            matches!(
                refused,
                Err(DecideError::Vault(VaultError::Undecided(Refusal::Ineligible(_))))
            ),
            "{what}: {refused:?}"
        );
        // People go on deciding, and by that let time go on.
        let before = people.house.app.vault.moment();
        people.confirm().await;
        assert!(people.house.app.store.stopped().is_none(), "{what}");
        let after = people.house.app.vault.moment();
        assert_eq!(after.ageing, after.now, "{what}");
        let shift = after.ageing.0 - before.ageing.0;
        for (then, now) in [
            (waiting.expires_at, people.request(waiting.id).await.expires_at),
            (deletion.due_at, people.request(deletion.id).await.due_at),
            (Some(carol.eligible_at), Some(people.eligible_at(carol.id).await)),
        ] {
            assert_eq!(now.unwrap().0 - then.unwrap().0, shift, "{what}: all have moved along");
        }
        // What is approved is the manifest, and that has not changed.
        assert_eq!(people.request(waiting.id).await.digest, waiting.digest, "{what}");
        people.second().await;
        assert_eq!(people.request(waiting.id).await.state, State::Pending, "{what}");
        assert_eq!(people.request(deletion.id).await.effect, Effect::Waiting, "{what}");
        // What was left of each span is over, and no earlier.
        people.house.clock.advance_seconds(DAY - 3600);
        people.second().await;
        assert_eq!(people.request(deletion.id).await.effect, Effect::Waiting, "{what}");
        people.house.clock.advance_seconds(3600);
        people.second().await;
        assert_ne!(people.request(deletion.id).await.effect, Effect::Waiting, "{what}");
        assert_ne!(
            people.request(deletion.id).await.effect,
            Effect::Failed,
            "{what}: bob stayed eligible"
        );
        people.house.clock.advance_seconds(7 * DAY);
        people.second().await;
        assert_eq!(people.request(waiting.id).await.state, State::Expired, "{what}");
    }
}

#[tokio::test]
async fn a_confirmation_is_for_the_jump_that_was_seen() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let ask = async |jump| {
        let change = Change::ConfirmClock(jump);
        super::change(&people.house.app, &People::actor(&people.ann), change).await
    };
    assert!(
        matches!(ask(0).await, Err(ChangeError::Clock(_))),
        "nothing is to be confirmed"
    );
    people.house.clock.jump_seconds(DAY);
    assert!(matches!(ask(2).await, Err(ChangeError::Clock(_))));
    let Changed::Requested(id) = ask(1).await.unwrap() else {
        panic!("four-eyes authorization is on")
    };
    let request = people.request(id).await;
    // The second person would say yes to a time that is not the clock's any more.
    people.house.clock.jump_seconds(DAY);
    let refused = people.approve(&people.bob, &request).await;
    assert!(
        matches!(refused, Err(DecideError::Change(ChangeError::Vault(VaultError::Drift)))),
        "{refused:?}"
    );
    assert!(people.house.app.store.stopped().is_some());
    people.confirm().await;
    assert!(people.house.app.store.stopped().is_none());
    assert_eq!(
        people.events().await,
        [42400, 42402, 41810, 42402, 42403, 31000],
        "both times are in the record"
    );
}

#[tokio::test]
async fn a_new_cool_off_and_a_new_request_begin_where_time_stands() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let stood = people.house.app.vault.moment().ageing;
    people.house.clock.jump_seconds(400 * DAY);
    let waiting = people.waiting(14).await;
    assert_eq!(waiting.expires_at, Some(stood.plus_seconds(7 * DAY)));
    people.confirm().await;
    people.house.clock.advance_seconds(6 * DAY);
    people.second().await;
    assert_eq!(people.request(waiting.id).await.state, State::Pending);
    people.house.clock.advance_seconds(DAY);
    people.second().await;
    assert_eq!(
        people.request(waiting.id).await.state,
        State::Expired,
        "not after 400 days more"
    );
}
