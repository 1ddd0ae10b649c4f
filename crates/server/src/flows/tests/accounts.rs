//! Accounts: held and done, refused and reported, rules 3 and 4 in the transaction that applies.

use countersign_core::account_change::{AccountChange, AccountRefusal, LINKS_OPEN_SECONDS, LinkKind, Reset, Settings};
use countersign_core::{AccountId, AccountState};
use countersign_events::{Changes, Event, User};

use super::*;
use crate::flows::account_links::{self, LinkError};
use crate::flows::accounts;

const FROM: ClientAddress = ClientAddress {
    ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)),
    port: Some(50_123),
    relayed: false,
};

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

fn add(name: &str, kind: AccountKind, roles: Roles) -> AccountChange {
    AccountChange::Add {
        name: name.parse().unwrap(),
        kind,
        settings: settings(roles),
    }
}

impl People {
    async fn ask(&self, by: &Account, asked: AccountChange) -> Result<Changed, ChangeError> {
        accounts::change(&self.house.app, &Self::actor(by), &FROM, asked).await
    }

    async fn held(&self, by: &Account, asked: AccountChange) -> RequestRecord {
        match self.ask(by, asked).await.unwrap() {
            Changed::Requested(id) => self.request(id).await,
            other => panic!("{other:?}"),
        }
    }

    async fn account(&self, name: &str) -> Account {
        let name = name.parse().unwrap();
        let found = self
            .house
            .app
            .store
            .ask(|view| Box::pin(async move { view.account_named(&name).await }));
        found
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .unwrap()
    }

    /// The events from one on, whole.
    async fn told(&self, from: usize) -> Vec<Event> {
        let events = self
            .house
            .app
            .store
            .ask(|view| Box::pin(async move { view.events_after(0, 100).await }))
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        events.into_iter().skip(from).map(|recorded| recorded.event).collect()
    }

    /// Carol, added and set up without anybody's approval, past the cool-off.
    async fn third(&self, name: &str) -> Account {
        let (made, now) = (self.without_factor(name).await, self.house.clock.now());
        let id = made.id;
        let enrolled = self
            .house
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.set_totp(id, b"sealed", 0, now).await }));
        enrolled.await.map_err(|error: StoreError| error.to_string()).unwrap();
        made
    }

    /// The same, but there is nothing that they could decide with.
    async fn without_factor(&self, name: &str) -> Account {
        let now = self.house.clock.now();
        let new = NewAccount {
            name: name.parse().unwrap(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            created_at: now,
            eligible_at: now,
        };
        let made = self
            .house
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.add_account(&new).await }));
        made.await.map_err(|error: StoreError| error.to_string()).unwrap()
    }
}

fn changed_event(name: &str, id: AccountId, property: (&str, &str, &str), by: &str) -> Event {
    Event::GeneralSettingsUpdated {
        changes: Changes::object(id.subject(), name)
            .attribute("type", "Account")
            .property(property.0, "String", property.1, property.2),
        user_name: by.to_owned(),
    }
}

#[tokio::test]
async fn an_account_is_added_by_a_request_and_its_link_made_for_whoever_asked() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let request = people
        .held(&people.ann, add("carol", AccountKind::Person, Roles::FOUNDING))
        .await;
    assert_eq!(
        (request.operation.id(), request.target.as_str()),
        (108, "account carol")
    );
    people.approve(&people.bob, &request).await.unwrap();
    let carol = people.account("carol").await;
    let now = people.house.clock.now();
    assert_eq!(carol.state, AccountState::Invited);
    assert_eq!(carol.eligible_at, people.policy().await.eligible(now));
    assert!(!carol.lives(now), "nobody is carol yet");
    let app = &people.house.app;
    let by_bob = account_links::make(app, &People::actor(&people.bob), carol.id).await;
    assert!(
        matches!(by_bob, Err(LinkError::AskedByOther(ref name)) if name == "ann"),
        "whoever has the link becomes carol"
    );
    let first = account_links::make(app, &People::actor(&people.ann), carol.id)
        .await
        .unwrap();
    assert_eq!(first.kind, LinkKind::Invitation);
    let second = account_links::make(app, &People::actor(&people.ann), carol.id)
        .await
        .unwrap();
    let works = async |hash| {
        let now = people.house.clock.now();
        let found = app
            .store
            .ask(move |view| Box::pin(async move { account_links::working(view, hash, now).await }));
        found
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .is_some()
    };
    assert!(!works(first.secret.hash()).await, "the new one ends the old one");
    assert!(works(second.secret.hash()).await);
    people.house.clock.advance_seconds(24 * 3600);
    assert!(!works(second.secret.hash()).await, "a link works for a day");
    people.house.clock.advance_seconds(LINKS_OPEN_SECONDS - 24 * 3600);
    let late = account_links::make(app, &People::actor(&people.ann), carol.id).await;
    assert!(matches!(late, Err(LinkError::None)));
    let id = carol.id;
    assert_eq!(
        people.told(3).await,
        [
            Event::UserAdded {
                id: Some(id.subject()),
                name: "carol".into(),
                changes: Changes::object(id.subject(), "carol")
                    .attribute("assignedRoleName", "Backup Administrator, Security Administrator"),
                user_name: "ann".into(),
                user: User::local("ann"),
            },
            changed_event("carol", id, ("link", "", "invitation made"), "ann"),
            changed_event("carol", id, ("link", "made", "invitation made"), "ann"),
        ]
    );
}

#[tokio::test]
async fn rule_4_is_asked_when_a_change_is_asked_for_and_again_when_it_is_applied() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let (ann, bob) = (people.ann.clone(), people.bob.clone());
    let refused = people.ask(&ann, AccountChange::Enable(bob.id, false)).await;
    let Err(ChangeError::TooFewLeft(too_few)) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(too_few.left, ["ann"]);
    assert_eq!(
        people.told(1).await,
        [Event::UpdateSecurityObjectFailed {
            endpoint: "192.0.2.7:50123".parse().unwrap(),
            user_name: Some("ann".into()),
        }]
    );
    // Somebody who could not show a factor is nobody who could decide.
    people.without_factor("dora").await;
    let refused = people.ask(&ann, AccountChange::Enable(bob.id, false)).await;
    assert!(matches!(refused, Err(ChangeError::TooFewLeft(_))), "{refused:?}");
    let carol = people.third("carol").await;
    let (of_bob, of_carol) = (
        people.held(&ann, AccountChange::Enable(bob.id, false)).await,
        people.held(&ann, AccountChange::Delete(carol.id)).await,
    );
    people.approve(&bob, &of_carol).await.unwrap();
    let late = people.approve(&bob, &of_bob).await;
    assert!(
        matches!(late, Err(DecideError::Change(ChangeError::TooFewLeft(_)))),
        "{late:?}"
    );
    assert_eq!(people.account("bob").await.state, AccountState::Active);
    assert_eq!(people.request(of_bob.id).await.state, State::Pending);
    // Once it is off, one person alone may be left.
    let off = |policy| Policy {
        four_eyes: false,
        ..policy
    };
    let Ok(Changed::Requested(id)) = people.change_policy(&ann, off).await else {
        panic!()
    };
    let record = people.request(id).await;
    people.approve(&bob, &record).await.unwrap();
    assert_eq!(
        people.ask(&ann, AccountChange::Enable(bob.id, false)).await.unwrap(),
        Changed::Done
    );
}

#[tokio::test]
async fn nobody_changes_their_own_rights_and_only_security_administrators_change_any() {
    let people = people(Roles::FOUNDING).await;
    let (ann, bob) = (people.ann.clone(), people.bob.clone());
    let own = people.ask(&ann, AccountChange::Delete(ann.id)).await;
    assert!(matches!(own, Err(ChangeError::Account(AccountRefusal::OwnAccount))));
    let operator = Account {
        roles: [Role::BackupAdministrator].into_iter().collect(),
        ..bob
    };
    let taken = add("ann", AccountKind::Person, Roles::default());
    let refused = people.ask(&operator, taken.clone()).await;
    assert!(
        matches!(refused, Err(ChangeError::Vault(VaultError::Refused(_)))),
        "{refused:?}"
    );
    let taken = people.ask(&ann, taken).await;
    assert!(matches!(taken, Err(ChangeError::AccountNameTaken)));
    let failed = |name: &str| Event::UpdateSecurityObjectFailed {
        endpoint: "192.0.2.7:50123".parse().unwrap(),
        user_name: Some(name.into()),
    };
    assert_eq!(
        people.told(0).await,
        [
            failed("ann"),
            failed("bob"),
            Event::AddingUserFailed {
                id: None,
                name: "ann".into(),
                changes: Changes::object("", "ann").attribute("assignedRoleName", ""),
                user_name: "ann".into(),
                user: User::local("ann"),
            },
        ]
    );
}

#[tokio::test]
async fn whatever_changes_an_account_makes_a_new_revision_and_its_event() {
    let people = people(Roles::FOUNDING).await;
    let carol = people.third("carol").await;
    let viewer: Roles = [Role::BackupViewer].into_iter().collect();
    let end = people.house.clock.now().plus_seconds(60);
    let with = |change: Settings| AccountChange::Set(carol.id, change);
    let changes = [
        with(settings(viewer)),
        with(Settings {
            email: None,
            mfa: true,
            ..settings(viewer)
        }),
        with(Settings {
            email: None,
            expires_at: Some(end),
            mfa: true,
            owner: None,
            person: None,
            roles: viewer,
        }),
        AccountChange::Enable(carol.id, false),
        AccountChange::Delete(carol.id),
    ];
    for (at, change) in (2_i64..).zip(changes) {
        assert_eq!(people.ask(&people.ann, change.clone()).await.unwrap(), Changed::Done);
        assert_eq!(people.account("carol").await.revision, at, "{change:?}");
    }
    let again = people.ask(&people.ann, add("Carol", AccountKind::Person, viewer)).await;
    assert!(
        matches!(again, Err(ChangeError::AccountNameTaken)),
        "a name is never given again"
    );
    let roles = ("roles", "Backup Administrator, Security Administrator", "Backup Viewer");
    let (id, target, user) = (carol.id, "carol".to_owned(), User::local("ann"));
    assert_eq!(
        people.told(0).await[..5],
        [
            changed_event("carol", id, roles, "ann"),
            Event::MfaForUserEnabled {
                target: target.clone(),
                user: user.clone()
            },
            changed_event(
                "carol",
                id,
                ("expires_at", "", "2026-11-18T11:07:40.000000+00:00"),
                "ann"
            ),
            changed_event("carol", id, ("state", "active", "disabled"), "ann"),
            Event::UserDeleted {
                id: Some(id.subject()),
                name: target,
                changes: Changes::object(id.subject(), "carol").attribute("assignedRoleName", "Backup Viewer"),
                user_name: "ann".into(),
                user,
            },
        ]
    );
}

#[tokio::test]
async fn a_change_that_something_else_came_before_is_void() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    let carol = people.third("carol").await;
    let viewer: Roles = [Role::BackupViewer].into_iter().collect();
    let first = people
        .held(&people.ann, AccountChange::Set(carol.id, settings(viewer)))
        .await;
    let second = people.held(&people.ann, AccountChange::Delete(carol.id)).await;
    people.approve(&people.bob, &first).await.unwrap();
    let void = people.approve(&people.bob, &second).await;
    assert!(
        matches!(void, Err(DecideError::Change(ChangeError::Vault(VaultError::Drift)))),
        "{void:?}"
    );
    assert_eq!(people.account("carol").await.roles, viewer);
}

#[tokio::test]
async fn req_35_a_reset_ends_what_it_resets_and_nothing_else() {
    let people = people(Roles::FOUNDING).await;
    people.turn_on().await;
    people.third("carol").await;
    let dave = people.third("dave").await;
    let has = async |account: &Account| {
        let id = account.id;
        let found = people.house.app.store.ask(move |view| {
            Box::pin(async move {
                Ok::<_, StoreError>((view.password_of(id).await?.is_some(), view.totp_of(id).await?.is_some()))
            })
        });
        found.await.unwrap()
    };
    let hash = countersign_core::password::PasswordHash::new("vjkw tmzb ghxq", &crate::adapters::SystemEntropy);
    let (hash, id, now) = (hash.unwrap(), dave.id, people.house.clock.now());
    people
        .house
        .app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.set_password(id, &hash, now).await?;
                tx.set_totp(id, b"sealed", 0, now).await
            })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let reset = async |reset| {
        let request = people.held(&people.ann, AccountChange::Reset(dave.id, reset)).await;
        people.approve(&people.bob, &request).await.unwrap();
        people.account("dave").await
    };
    let eligible_at = dave.eligible_at;
    let after = reset(Reset::Password).await;
    assert_eq!((after.state, has(&dave).await), (AccountState::Active, (true, true)));
    assert_eq!(after.eligible_at, eligible_at);
    let after = reset(Reset::SecondFactor).await;
    assert_eq!((after.state, has(&dave).await), (AccountState::Invited, (true, false)));
    assert_eq!(
        after.eligible_at,
        people.policy().await.eligible(people.house.clock.now())
    );
    let after = reset(Reset::Both).await;
    assert_eq!((after.state, has(&dave).await), (AccountState::Invited, (false, false)));
    let told = people.told(0).await;
    let resets: Vec<_> = told
        .iter()
        .filter(|event| event.id() == 40202 || event.id() == 31000)
        .cloned()
        .collect();
    let revoked = || Event::MfaTokenRevoked {
        target: "dave".into(),
        user: User::local("ann"),
    };
    let mut both = changed_event("dave", dave.id, ("reset", "", "both"), "ann");
    assert_eq!(
        resets[..3],
        [
            changed_event("dave", dave.id, ("reset", "", "password"), "ann"),
            revoked(),
            std::mem::replace(&mut both, revoked())
        ]
    );
    assert_eq!(resets[3..], [both]);
}
