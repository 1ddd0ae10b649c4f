//! Who is no second person: attacks by people with more than one account, or with a service in between (rules 1, 3 and 4).

use countersign_core::account_change::{AccountChange, AccountRefusal, Settings};
use countersign_core::behind::{Part, Party};
use countersign_core::request::Refusal;
use countersign_core::token::Rights;
use countersign_core::{AccountId, Name};
use countersign_vault::Deleted;

use super::*;

fn settings(roles: Roles) -> Settings {
    Settings {
        email: None,
        expires_at: None,
        mfa: false,
        owner: None,
        person: None,
        roles,
    }
}

const fn party(account: AccountId, part: Part) -> Party {
    Party { account, part }
}

impl People {
    /// An account that is there, with a code that works; it could approve.
    pub(super) async fn enrolled(&self, name: &'static str, person: Option<&str>) -> Account {
        let (app, now) = (self.house.app.clone(), self.house.clock.now());
        let person = person.map(|person| person.parse().unwrap());
        let made = self.house.app.store.write(move |tx| {
            Box::pin(async move {
                let new = NewAccount {
                    name: name.parse().unwrap(),
                    kind: AccountKind::Person,
                    roles: Roles::FOUNDING,
                    created_at: now,
                    eligible_at: now,
                };
                let account = tx.add_account(&new).await?;
                let sealed = app
                    .sealing
                    .seal(Purpose::Totp(account.id), secret(name).bytes(), &*app.entropy);
                tx.set_totp(account.id, &sealed.unwrap(), 0, now).await?;
                let after = Account {
                    person,
                    ..account.clone()
                };
                assert!(tx.change_account(&account, &after).await?);
                Ok::<_, StoreError>(after)
            })
        });
        made.await.unwrap()
    }

    async fn set(&self, by: &Account, target: AccountId, with: Settings) -> Result<Changed, ChangeError> {
        let change = Change::Account(AccountChange::Set(target, with));
        super::change(&self.house.app, &Self::actor(by), change).await
    }

    /// The number of a service that this person owns.
    async fn service(&self, name: &str, owner: &Account) -> Account {
        let change = Change::Account(AccountChange::Add {
            name: name.parse().unwrap(),
            kind: AccountKind::Service,
            settings: Settings {
                owner: Some(owner.id),
                ..settings(Roles::default())
            },
        });
        let added = super::change(&self.house.app, &Self::actor(&self.ann), change).await;
        let Changed::AddedAccount(id) = added.unwrap() else {
            panic!("four-eyes authorization is on")
        };
        self.account_of(id).await
    }

    async fn account_of(&self, id: AccountId) -> Account {
        let found = self
            .house
            .app
            .store
            .ask(move |view| Box::pin(async move { view.account(id).await }));
        found
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .unwrap()
    }

    /// A service asks, with a token that somebody made, for the deletion of a backup of its own.
    async fn service_asks(&self, service: &Account, maker: Option<&Account>, backup: &str) -> RequestRecord {
        let actor = Actor {
            via: Via::Token(Rights::Delete),
            maker: maker.map(|maker| maker.id),
            ..Self::actor(service)
        };
        let (storage, name): (Name, Name) = ("main".parse().unwrap(), backup.parse().unwrap());
        let vault = &self.house.app.vault;
        vault.create(&storage, &name, &actor).await.unwrap();
        let opened = vault.enter(&storage, &name).await.unwrap();
        let Deleted::Held(id) = vault.delete_backup(opened, &actor).await.unwrap() else {
            panic!("it was not held")
        };
        self.request(id).await
    }
}

fn part(refused: Result<Vec<RequestId>, DecideError>) -> Option<Part> {
    match refused {
        Err(DecideError::Vault(VaultError::Undecided(Refusal::Behind(part)))) => Some(part),
        Ok(_) => None,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn neither_the_owner_of_a_service_nor_the_maker_of_its_token_approves_what_it_asks_for() {
    let people = people(Roles::FOUNDING).await;
    let carol = people.enrolled("carol", Some("E-3")).await;
    let second_carol = people.enrolled("carol-admin", Some("e-3")).await;
    let service = people.service("nas", &people.ann).await;
    people.turn_on().await;
    let request = people.service_asks(&service, Some(&carol), "nas").await;
    assert_eq!(
        request.initiator.behind,
        [
            party(people.ann.id, Part::Owner),
            party(carol.id, Part::Maker),
            party(second_carol.id, Part::Linked)
        ]
    );
    // It is part of what is approved.
    let id = request.id;
    let manifest = people
        .house
        .app
        .store
        .ask(move |view| Box::pin(async move { view.manifest(id).await }));
    let manifest = manifest.await.map_err(|error: StoreError| error.to_string());
    let manifest = manifest.unwrap().unwrap();
    assert_eq!(manifest.initiator.behind, request.initiator.behind);
    assert_eq!(manifest.digest().ok(), request.digest);
    for (account, refused) in [
        (&people.ann, Part::Owner),
        (&carol, Part::Maker),
        (&second_carol, Part::Linked),
    ] {
        assert_eq!(part(people.approve(account, &request).await), Some(refused));
    }
    assert_eq!(people.request(id).await.state, State::Pending);
    assert_eq!(part(people.approve(&people.bob, &request).await), None);
    assert_eq!(people.request(id).await.state, State::Approved);
}

#[tokio::test]
async fn an_owner_that_was_changed_in_between_opens_no_way() {
    let people = people(Roles::FOUNDING).await;
    let carol = people.enrolled("carol", None).await;
    let dora = people.enrolled("dora", None).await;
    let service = people.service("nas", &people.ann).await;
    people.turn_on().await;
    let before = people.service_asks(&service, None, "before").await;
    let owned_by = |owner: &Account| Settings {
        owner: Some(owner.id),
        ..settings(Roles::default())
    };
    let Changed::Requested(handing_over) = people.set(&carol, service.id, owned_by(&people.bob)).await.unwrap() else {
        panic!("it was not held")
    };
    let handing_over = people.request(handing_over).await;
    people.approve(&dora, &handing_over).await.unwrap();
    assert_eq!(people.account_of(service.id).await.owner, Some(people.bob.id));
    // Who owned it when it asked, and who owns it now.
    assert_eq!(part(people.approve(&people.ann, &before).await), Some(Part::Owner));
    assert_eq!(part(people.approve(&people.bob, &before).await), Some(Part::Owner));
    // For a cool-off, also what it asks for after that is not for its former owner to approve.
    let after = people.service_asks(&service, None, "after").await;
    assert_eq!(part(people.approve(&people.ann, &after).await), Some(Part::Owner));
    people.house.clock.advance_seconds(24 * 3600);
    let late = people.service_asks(&service, None, "late").await;
    assert_eq!(late.initiator.behind, [party(people.bob.id, Part::Owner)]);
    assert_eq!(part(people.approve(&people.ann, &late).await), None);
    assert_eq!(part(people.approve(&people.ann, &after).await), Some(Part::Owner));
}

#[tokio::test]
async fn the_accounts_of_one_person_neither_approve_each_others_requests_nor_count_as_two() {
    let people = people(Roles::FOUNDING).await;
    let one = people.enrolled("eve", Some("E-5")).await;
    let other = people.enrolled("eve-admin", Some("E-5")).await;
    people.turn_on().await;
    let days = |days| {
        move |policy| Policy {
            expiry_days: days,
            ..policy
        }
    };
    let asked = people.change_policy(&one, days(9)).await.unwrap();
    let Changed::Requested(id) = asked else {
        panic!("{asked:?}")
    };
    let request = people.request(id).await;
    assert_eq!(request.initiator.behind, [party(other.id, Part::Linked)]);
    assert_eq!(part(people.approve(&other, &request).await), Some(Part::Linked));
    // Rule 4: of ann, bob and eve, two may go; eve's second account is nobody more.
    let gone = |account: &Account| Change::Account(AccountChange::Delete(account.id));
    let ask = |by: Account, change| {
        let app = people.house.app.clone();
        async move { super::change(&app, &People::actor(&by), change).await }
    };
    let held = ask(people.ann.clone(), gone(&people.bob)).await.unwrap();
    let Changed::Requested(held) = held else {
        panic!("{held:?}")
    };
    people.approve(&one, &people.request(held).await).await.unwrap();
    let refused = ask(one.clone(), gone(&people.ann)).await;
    assert!(matches!(refused, Err(ChangeError::TooFewLeft(_))), "{refused:?}");
}

#[tokio::test]
async fn whoever_is_unlinked_cools_off_and_stays_linked_for_what_was_asked_before_and_shortly_after() {
    let people = people(Roles::FOUNDING).await;
    let one = people.enrolled("eve", Some("E-5")).await;
    let other = people.enrolled("eve-admin", Some("E-5")).await;
    people.turn_on().await;
    let days = |days| {
        move |policy| Policy {
            expiry_days: days,
            ..policy
        }
    };
    let waiting = |by: Account, to| {
        let people = &people;
        async move {
            match people.change_policy(&by, days(to)).await.unwrap() {
                Changed::Requested(id) => people.request(id).await,
                other => panic!("{other:?}"),
            }
        }
    };
    let before = waiting(one.clone(), 9).await;
    let unlink = || Settings {
        person: Some(None),
        ..settings(Roles::FOUNDING)
    };
    // Not by themselves, under either name.
    for by in [&one, &other] {
        let own = people.set(by, other.id, unlink()).await;
        assert!(
            matches!(own, Err(ChangeError::Account(AccountRefusal::OwnAccount))),
            "{own:?}"
        );
    }
    let Changed::Requested(unlinking) = people.set(&people.ann, other.id, unlink()).await.unwrap() else {
        panic!("it was not held")
    };
    people
        .approve(&people.bob, &people.request(unlinking).await)
        .await
        .unwrap();
    let unlinked = people.account_of(other.id).await;
    let now = people.house.clock.now();
    assert_eq!(unlinked.person, None);
    assert_eq!(unlinked.eligible_at, people.policy().await.eligible(now));
    let shortly_after = waiting(unlinked.clone(), 10).await;
    assert_eq!(part(people.approve(&one, &shortly_after).await), Some(Part::Linked));
    people.house.clock.advance_seconds(24 * 3600);
    assert_eq!(part(people.approve(&other, &before).await), Some(Part::Linked));
    assert_eq!(part(people.approve(&one, &shortly_after).await), Some(Part::Linked));
    let late = waiting(unlinked, 11).await;
    assert_eq!(late.initiator.behind, []);
    assert_eq!(part(people.approve(&one, &late).await), None);
}

#[tokio::test]
async fn a_sock_puppet_made_in_a_hurry_approves_nothing() {
    let people = people(Roles::FOUNDING).await;
    // While it is off, ann makes herself a second administrator, and turns it on.
    let change = Change::Account(AccountChange::Add {
        name: "puppet".parse().unwrap(),
        kind: AccountKind::Person,
        settings: settings(Roles::FOUNDING),
    });
    let added = super::change(&people.house.app, &People::actor(&people.ann), change).await;
    let Changed::AddedAccount(id) = added.unwrap() else {
        panic!("four-eyes authorization is on")
    };
    let (app, now) = (people.house.app.clone(), people.house.clock.now());
    let enrolled = people.house.app.store.write(move |tx| {
        Box::pin(async move {
            let account = tx.account(id).await?.unwrap();
            let sealed = app
                .sealing
                .seal(Purpose::Totp(id), secret("puppet").bytes(), &*app.entropy);
            tx.set_totp(id, &sealed.unwrap(), 0, now).await?;
            let policy = tx.policy().await?;
            let kind = countersign_core::account_change::LinkKind::Invitation;
            let after = countersign_core::account_change::enrolled(&account, kind, &policy, now);
            assert!(tx.change_account(&account, &after).await?);
            Ok::<_, StoreError>(after)
        })
    });
    let puppet = enrolled.await.unwrap();
    people.turn_on().await;
    let request = people.waiting(14).await;
    let refused = people.approve(&puppet, &request).await;
    assert!(
        matches!(
            refused,
            Err(DecideError::Vault(VaultError::Undecided(Refusal::Ineligible(_))))
        ),
        "{refused:?}"
    );
    assert_eq!(people.request(request.id).await.state, State::Pending);
}

#[tokio::test]
async fn an_approval_that_is_replayed_on_another_request_approves_nothing() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let (first, second) = (people.waiting(14).await, people.waiting(15).await);
    let decider = people.decider(&people.bob);
    let app = &people.house.app;
    let seen = |request: &RequestRecord| (request.id, first.digest.unwrap());
    approve(app, decider.clone(), vec![seen(&first)]).await.unwrap();
    // The same code with the same digest, then with the right one.
    for asked in [seen(&second), (second.id, second.digest.unwrap())] {
        let replayed = approve(app, decider.clone(), vec![asked]).await;
        assert!(matches!(replayed, Err(DecideError::Factor(_))), "{replayed:?}");
    }
    // The digest of another request with a fresh code.
    let mixed = approve(app, people.decider(&people.bob), vec![seen(&second)]).await;
    assert!(
        matches!(mixed, Err(DecideError::Vault(VaultError::Undecided(Refusal::Changed)))),
        "{mixed:?}"
    );
    assert_eq!(people.request(second.id).await.state, State::Pending);
}

#[tokio::test]
async fn a_stolen_session_without_the_factor_decides_nothing() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let request = people.waiting(14).await;
    for code in ["", "000000", "not a code"] {
        let stolen = Decider {
            shown: Shown::Code(code.into()),
            ..people.decider(&people.bob)
        };
        let refused = approve(
            &people.house.app,
            stolen.clone(),
            vec![(request.id, request.digest.unwrap())],
        )
        .await;
        assert!(matches!(refused, Err(DecideError::Factor(_))), "{refused:?}");
        let refused = reject(&people.house.app, stolen, request.id).await;
        assert!(matches!(refused, Err(DecideError::Factor(_))), "{refused:?}");
    }
    assert_eq!(people.request(request.id).await.state, State::Pending);
}

#[tokio::test]
async fn whoever_decides_is_not_worn_out() {
    let people = people(Roles::FOUNDING).await;
    let few = |policy| Policy {
        open_requests: 3,
        ..policy
    };
    people.change_policy(&people.ann, few).await.unwrap();
    people.turn_on().await;
    // Three may wait, whatever they are for; others are not hindered, and there is room again when one is decided.
    let mut waiting = Vec::new();
    for days in [8, 9, 10] {
        waiting.push(people.waiting(days).await);
    }
    let days = |days| {
        move |policy| Policy {
            expiry_days: days,
            ..policy
        }
    };
    let refused = people.change_policy(&people.ann, days(11)).await;
    assert!(
        matches!(refused, Err(ChangeError::Vault(VaultError::TooManyOpen(3)))),
        "{refused:?}"
    );
    let by_bob = people.change_policy(&people.bob, days(11)).await.unwrap();
    assert!(matches!(by_bob, Changed::Requested(_)));
    let no = |request: RequestRecord| {
        let people = &people;
        async move {
            reject(&people.house.app, people.decider(&people.bob), request.id)
                .await
                .unwrap()
        }
    };
    no(waiting.remove(0)).await;
    // Asked for again twice after that; then not until the first rejection is a day old.
    for _ in 0..2 {
        no(people.waiting(8).await).await;
    }
    let refused = people.change_policy(&people.ann, days(8)).await;
    assert!(
        matches!(refused, Err(ChangeError::Vault(VaultError::AskedTooOften(3)))),
        "{refused:?}"
    );
    // Another thing is another thing.
    no(people.waiting(12).await).await;
    people.house.clock.advance_seconds(24 * 3600);
    assert_eq!(people.waiting(8).await.state, State::Pending);
}

#[tokio::test]
async fn a_decision_says_how_and_from_where_it_was_made() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let request = people.waiting(14).await;
    assert_eq!(request.decided_from, None);
    people.approve(&people.bob, &request).await.unwrap();
    let from = people.request(request.id).await.decided_from.unwrap();
    assert_eq!(
        (from.factor.as_str(), from.agent.as_str(), from.client),
        ("one-time code", "Mozilla/5.0", None)
    );
    assert!(from.address.starts_with("127.0.0.1"), "{}", from.address);
}
