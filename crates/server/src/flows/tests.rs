//! Deciding and changing settings, as the pages and the API do it.

use countersign_core::factor::TotpSecret;
use countersign_core::receiver::ReceiverSpec;
use countersign_core::request::State;
use countersign_core::{Account, AccountKind, Actor, Clock as _, Policy, RequestId, Role, Roles, Sha256, Via};
use countersign_store::{NewAccount, RequestRecord, StoreError};
use countersign_vault::VaultError;

use super::decide::{DecideError, Decider, approve, reject};
use super::settings::{Change, ChangeError, Changed, change};
use crate::listen::ClientAddress;
use crate::seal::Purpose;
use crate::step_up::Shown;
use crate::testing::House;

mod accounts;
mod behind;
mod clock;
mod races;

struct People {
    house: House,
    ann: Account,
    bob: Account,
}

/// A house with two people whose second factors are set up.
async fn people(roles: Roles) -> People {
    let house = House::open().await;
    let now = house.clock.now();
    let mut made = Vec::new();
    for name in ["ann", "bob"] {
        let app = house.app.clone();
        let account = house
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let new = NewAccount {
                        name: name.parse().unwrap(),
                        kind: AccountKind::Person,
                        roles,
                        created_at: now,
                        eligible_at: now,
                    };
                    let account = tx.add_account(&new).await?;
                    let sealed = app
                        .sealing
                        .seal(Purpose::Totp(account.id), secret(name).bytes(), &*app.entropy);
                    tx.set_totp(account.id, &sealed.unwrap(), 0, now).await?;
                    Ok::<_, StoreError>(account)
                })
            })
            .await
            .unwrap();
        made.push(account);
    }
    let bob = made.remove(1);
    let ann = made.remove(0);
    People { house, ann, bob }
}

fn secret(name: &str) -> TotpSecret {
    TotpSecret::from_bytes(Sha256::of(name.as_bytes()).0.to_vec()).unwrap()
}

impl People {
    fn actor(account: &Account) -> Actor {
        Actor {
            account: account.id,
            name: account.name.to_string(),
            login_type: 0,
            via: Via::Session(account.roles),
            address: "127.0.0.1".into(),
            why: None,
            maker: None,
        }
    }

    /// Whoever decides shows the code of the next step: each works once.
    fn decider(&self, account: &Account) -> Decider {
        self.house.clock.advance_seconds(30);
        Decider {
            account: account.id,
            shown: Shown::Code(secret(account.name.as_str()).code_at(self.house.clock.now()).unwrap()),
            comment: "looked at".into(),
            from: ClientAddress {
                ip: [127, 0, 0, 1].into(),
                port: Some(50_000),
                relayed: false,
            },
            agent: "Mozilla/5.0".into(),
            client: None,
        }
    }

    async fn policy(&self) -> Policy {
        self.house
            .app
            .store
            .ask(|view| Box::pin(async move { view.policy().await }))
            .await
            .unwrap()
    }

    async fn change_policy(&self, by: &Account, with: impl FnOnce(Policy) -> Policy) -> Result<Changed, ChangeError> {
        let policy = with(self.policy().await);
        change(&self.house.app, &Self::actor(by), Change::Policy(policy)).await
    }

    async fn turn_on(&self) {
        let on = |policy| Policy {
            four_eyes: true,
            ..policy
        };
        assert_eq!(self.change_policy(&self.ann, on).await.unwrap(), Changed::Done);
    }

    /// A request of ann's that waits.
    async fn waiting(&self, days: u32) -> RequestRecord {
        let other = |policy| Policy {
            expiry_days: days,
            ..policy
        };
        let Changed::Requested(id) = self.change_policy(&self.ann, other).await.unwrap() else {
            panic!("a change while on is a request")
        };
        self.request(id).await
    }

    async fn request(&self, id: RequestId) -> RequestRecord {
        self.house
            .app
            .store
            .ask(move |view| Box::pin(async move { view.request(id).await }))
            .await
            .unwrap()
            .unwrap()
    }

    async fn events(&self) -> Vec<u32> {
        let events = self
            .house
            .app
            .store
            .ask(|view| Box::pin(async move { view.events_after(0, 100).await }))
            .await
            .unwrap();
        events.iter().map(|event| event.event.id()).collect()
    }

    async fn approve(&self, by: &Account, request: &RequestRecord) -> Result<Vec<RequestId>, DecideError> {
        let seen = vec![(request.id, request.digest.unwrap())];
        approve(&self.house.app, self.decider(by), seen).await
    }
}

#[tokio::test]
async fn turning_it_on_needs_two_people_who_can_approve() {
    let alone = people([Role::BackupAdministrator].into_iter().collect()).await;
    let refused = alone
        .change_policy(&alone.ann, |policy| Policy {
            four_eyes: true,
            ..policy
        })
        .await;
    assert!(
        matches!(refused, Err(ChangeError::TooFewEligible(ref who)) if who.is_empty()),
        "{refused:?}"
    );
    let two = people(Roles::FOUNDING).await;
    two.turn_on().await;
    assert!(two.policy().await.four_eyes);
    assert_eq!(two.events().await, [42400]);
}

#[tokio::test]
async fn a_change_of_settings_waits_while_on() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let request = people.waiting(14).await;
    assert_eq!((request.state, request.operation.id()), (State::Pending, 108));
    let spec = ReceiverSpec::plain(
        "siem".parse().unwrap(),
        countersign_core::receiver::Transport::Udp,
        "127.0.0.1:514".parse().unwrap(),
    );
    let added = change(
        &people.house.app,
        &People::actor(&people.bob),
        Change::AddReceiver(spec),
    )
    .await;
    let Ok(Changed::Requested(receiver)) = added else {
        panic!("{added:?}")
    };
    assert_eq!(people.policy().await.expiry_days, 7);
    people.approve(&people.bob, &request).await.unwrap();
    assert_eq!(people.policy().await.expiry_days, 14);
    let receiver = people.request(receiver).await;
    people.approve(&people.ann, &receiver).await.unwrap();
    let receivers = people
        .house
        .app
        .store
        .ask(|view| Box::pin(async move { view.receivers().await }))
        .await
        .unwrap();
    assert_eq!(receivers.len(), 1);
    assert_eq!(people.events().await, [42400, 42402, 42402, 42403, 31000, 42403, 31000]);
}

#[tokio::test]
async fn turning_it_off_is_a_request_and_carries_nothing_along() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let off = |policy| Policy {
        four_eyes: false,
        expiry_days: 30,
        ..policy
    };
    let Ok(Changed::Requested(id)) = people.change_policy(&people.ann, off).await else {
        panic!()
    };
    let request = people.request(id).await;
    assert_eq!(request.operation.id(), 103);
    people.approve(&people.bob, &request).await.unwrap();
    assert_eq!(people.policy().await, Policy::default());
    assert_eq!(people.events().await, [42400, 42402, 42403, 42401]);
}

#[tokio::test]
async fn giving_up_the_second_factor_of_all_waits_and_both_ways_are_reported() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let mfa = |mfa_for_all| move |policy| Policy { mfa_for_all, ..policy };
    let Ok(Changed::Requested(id)) = people.change_policy(&people.ann, mfa(false)).await else {
        panic!()
    };
    assert!(people.policy().await.mfa_for_all);
    let request = people.request(id).await;
    assert_eq!(request.operation.id(), 108);
    people.approve(&people.bob, &request).await.unwrap();
    assert!(!people.policy().await.mfa_for_all);
    // With another setting at once, each is reported as what it is.
    let both = |policy| Policy {
        mfa_for_all: true,
        logoff_minutes: 5,
        ..policy
    };
    let Ok(Changed::Requested(id)) = people.change_policy(&people.bob, both).await else {
        panic!()
    };
    let request = people.request(id).await;
    people.approve(&people.ann, &request).await.unwrap();
    let events = people
        .house
        .app
        .store
        .ask(|view| Box::pin(async move { view.events_after(3, 100).await }));
    let events: Vec<_> = events
        .await
        .unwrap()
        .into_iter()
        .map(|recorded| recorded.event)
        .collect();
    let user = countersign_events::User::local;
    assert_eq!(events[0], countersign_events::Event::MfaDisabled { user: user("ann") });
    assert_eq!(
        events[3..],
        [
            countersign_events::Event::MfaEnabled { user: user("bob") },
            countersign_events::Event::GeneralSettingsUpdated {
                changes: countersign_events::Changes::object("policy", "security settings").property(
                    "logoff_minutes",
                    "String",
                    "30",
                    "5"
                ),
                user_name: "bob".into(),
            },
        ]
    );
}

#[tokio::test]
async fn the_initiator_rejects_but_never_approves() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let request = people.waiting(14).await;
    let own = people.approve(&people.ann, &request).await;
    assert!(
        matches!(own, Err(DecideError::Vault(VaultError::Undecided(_)))),
        "{own:?}"
    );
    assert_eq!(people.request(request.id).await.state, State::Pending);
    reject(&people.house.app, people.decider(&people.ann), request.id)
        .await
        .unwrap();
    let rejected = people.request(request.id).await;
    assert_eq!(
        (rejected.state, rejected.decided_by.as_deref()),
        (State::Rejected, Some("ann"))
    );
}

#[tokio::test]
async fn two_who_decide_at_once_one_wins_and_the_other_is_told() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    for days in 8..16 {
        let request = people.waiting(days).await;
        let seen = vec![(request.id, request.digest.unwrap())];
        let (of_bob, of_ann) = (people.decider(&people.bob), people.decider(&people.ann));
        let (approved, rejected) = tokio::join!(
            approve(&people.house.app, of_bob, seen),
            reject(&people.house.app, of_ann, request.id)
        );
        assert!(approved.is_ok() != rejected.is_ok(), "{approved:?} {rejected:?}");
        let told = approved.err().or(rejected.err());
        assert!(
            matches!(told, Some(DecideError::Vault(VaultError::Decided { .. }))),
            "{told:?}"
        );
    }
    let decisions = people
        .events()
        .await
        .into_iter()
        .filter(|id| [42403, 42404].contains(id))
        .count();
    assert_eq!(decisions, 8);
}

#[tokio::test]
async fn a_setting_that_changed_meanwhile_voids_the_approval() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let (first, second) = (people.waiting(14).await, people.waiting(21).await);
    people.approve(&people.bob, &first).await.unwrap();
    let void = people.approve(&people.bob, &second).await;
    assert!(
        matches!(void, Err(DecideError::Change(ChangeError::Vault(VaultError::Drift)))),
        "{void:?}"
    );
    assert_eq!(people.policy().await.expiry_days, 14);
    assert_eq!(
        people.request(second.id).await.state,
        State::Pending,
        "it can still be rejected"
    );
}

#[tokio::test]
async fn a_wrong_code_decides_nothing_and_is_reported() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let request = people.waiting(14).await;
    let wrong = Decider {
        shown: Shown::Code("000000".into()),
        ..people.decider(&people.bob)
    };
    let refused = approve(&people.house.app, wrong, vec![(request.id, request.digest.unwrap())]).await;
    assert!(matches!(refused, Err(DecideError::Factor(_))), "{refused:?}");
    assert_eq!(people.request(request.id).await.state, State::Pending);
    assert_eq!(people.events().await.last(), Some(&40205));
}
