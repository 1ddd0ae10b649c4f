//! One-time links as people meet them, over the router: from the change that asks for one to the first logon.

use countersign_core::account_change::{AccountChange, Reset, Settings};
use countersign_core::factor::TotpSecret;
use countersign_core::{Account, AccountKind, AccountState, Actor, Policy, Roles, Via};
use countersign_events::{Changes, Event};
use countersign_store::StoreError;
use http::StatusCode;

use crate::flows::settings::Changed;
use crate::flows::{account_links, accounts};
use crate::listen::ClientAddress;
use crate::testing::people::{Answer, Browser, PASSWORD, TestServer};

/// Ann, who asks, and Bob; four-eyes authorization is off, so that what she asks for is done.
struct House {
    server: TestServer,
    ann: Account,
}

/// What Carol chooses.
const CHOSEN: &str = "quorl pevt mixzab";

impl House {
    async fn open() -> Self {
        let server = TestServer::new().await;
        let ann = server.person("ann").await;
        server.person("bob").await;
        Self { server, ann }
    }

    fn actor(&self) -> Actor {
        Actor {
            account: self.ann.id,
            name: "ann".into(),
            login_type: 0,
            via: Via::Session(self.ann.roles),
            address: "192.0.2.7".into(),
            why: None,
            maker: None,
        }
    }

    async fn ask(&self, change: AccountChange) -> Changed {
        let from = ClientAddress {
            ip: [192, 0, 2, 7].into(),
            port: Some(50_000),
            relayed: false,
        };
        accounts::change(&self.server.app, &self.actor(), &from, change)
            .await
            .unwrap()
    }

    /// The path of the link that waits for an account, made anew.
    async fn link(&self, name: &str) -> String {
        let id = self.account(name).await.id;
        let made = account_links::make(&self.server.app, &self.actor(), id).await;
        made.unwrap_or_else(|error| panic!("{error}")).path()
    }

    async fn account(&self, name: &str) -> Account {
        let name = name.parse().unwrap();
        let found = self
            .server
            .app
            .store
            .ask(|view| Box::pin(async move { view.account_named(&name).await }));
        found
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .unwrap()
    }

    /// Carol is invited; the path of her link.
    async fn invited(&self) -> String {
        let change = AccountChange::Add {
            name: "carol".parse().unwrap(),
            kind: AccountKind::Person,
            settings: Settings {
                email: None,
                expires_at: None,
                mfa: false,
                owner: None,
                person: None,
                roles: Roles::FOUNDING,
            },
        };
        assert!(matches!(self.ask(change).await, Changed::AddedAccount(_)));
        self.link("carol").await
    }

    async fn reset(&self, name: &str, reset: Reset) {
        let id = self.account(name).await.id;
        assert_eq!(self.ask(AccountChange::Reset(id, reset)).await, Changed::Done);
    }

    /// The code of the secret that a page shows.
    fn code(&self, page: &Answer) -> String {
        let (_, rest) = page.body.split_once("class=\"secret\"").expect("a secret");
        let (shown, _) = rest.split_once("</p>").unwrap();
        let letters: String = shown
            .split("<span>")
            .skip(1)
            .map(|group| group.split('<').next().unwrap())
            .collect();
        let totp = TotpSecret::from_base32(&letters).unwrap();
        totp.code_at(self.server.app.clock.now()).unwrap()
    }

    /// Whether somebody gets in with these.
    async fn logs_on(&self, name: &str, password: &str, code: &str) -> bool {
        let mut browser = self.server.browser();
        let (at, page) = browser.open("/auth/login?to=/healthz").await;
        let fields = [("csrf", &*page.csrf()), ("name", name), ("password", password)];
        let asked = browser.post(&at, &fields).await;
        if asked.status != StatusCode::SEE_OTHER {
            return false;
        }
        let (at, page) = browser.open(asked.location()).await;
        let granted = browser.post(&at, &[("csrf", &page.csrf()), ("code", code)]).await;
        granted.status == StatusCode::SEE_OTHER
    }
}

/// Carol opens her invitation and chooses; the page of the second factor.
async fn choose(browser: &mut Browser<'_>, link: &str) -> Answer {
    let page = browser.get(link).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let fields = [("csrf", &*page.csrf()), ("password", CHOSEN), ("repeat", CHOSEN)];
    let next = browser.post(link, &fields).await;
    assert_eq!(next.status, StatusCode::SEE_OTHER, "{}", next.body);
    browser.get(link).await
}

async fn confirm(browser: &mut Browser<'_>, link: &str, page: &Answer, code: &str) -> Answer {
    let proof = page.body.split_once("name=\"proof\" value=\"");
    let proof = proof
        .map(|(_, rest)| rest.split('"').next().unwrap())
        .unwrap_or_default();
    let fields = [("csrf", &*page.csrf()), ("code", code), ("proof", proof)];
    browser.post(&format!("{link}/second-factor"), &fields).await
}

#[tokio::test]
async fn an_invited_person_chooses_password_and_second_factor_and_gets_in() {
    let house = House::open().await;
    let link = house.invited().await;
    assert!(!house.logs_on("carol", CHOSEN, "000000").await);
    let mut browser = house.server.browser();
    let page = choose(&mut browser, &link).await;
    assert_eq!(
        house.account("carol").await.state,
        AccountState::Invited,
        "a password alone sets nothing"
    );
    let wrong = confirm(&mut browser, &link, &page, "000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let code = house.code(&wrong);
    let done = confirm(&mut browser, &link, &wrong, &code).await;
    assert!(done.body.contains("Your account is ready"), "{}", done.body);
    let carol = house.account("carol").await;
    assert_eq!(carol.state, AccountState::Active);
    let policy = Policy::default();
    assert_eq!(carol.eligible_at, policy.eligible(house.server.app.clock.now()));
    let again = browser.get(&link).await;
    assert_eq!(again.status, StatusCode::GONE, "a link works once");
    let events = house.server.events().await;
    assert_eq!(
        events.last().unwrap(),
        &Event::GeneralSettingsUpdated {
            changes: Changes::object(carol.id.subject(), "carol")
                .attribute("type", "Account")
                .property("credentials", "String", "", "password, second factor"),
            user_name: "carol".into(),
        }
    );
    assert!(!house.logs_on("carol", CHOSEN, &code).await, "that code was used");
    house.server.clock.advance_seconds(30);
    let code = house.code(&page);
    assert!(house.logs_on("carol", CHOSEN, &code).await);
}

#[tokio::test]
async fn a_link_ends_with_a_newer_one_with_time_and_with_its_account() {
    let house = House::open().await;
    let first = house.invited().await;
    let second = house.link("carol").await;
    let mut browser = house.server.browser();
    assert_eq!(browser.get(&first).await.status, StatusCode::GONE);
    assert_eq!(browser.get(&second).await.status, StatusCode::OK);
    let carol = house.account("carol").await.id;
    house.ask(AccountChange::Enable(carol, false)).await;
    assert_eq!(browser.get(&second).await.status, StatusCode::GONE, "she is disabled");
    house.ask(AccountChange::Enable(carol, true)).await;
    assert_eq!(
        browser.get(&second).await.status,
        StatusCode::GONE,
        "it does not come back"
    );
    let third = house.link("carol").await;
    let page = choose(&mut browser, &third).await;
    house.server.clock.advance_seconds(24 * 3600);
    let late = confirm(&mut browser, &third, &page, &house.code(&page)).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert_eq!(house.account("carol").await.state, AccountState::Invited);
}

#[tokio::test]
async fn req_35_a_password_reset_asks_for_the_second_factor() {
    let house = House::open().await;
    house.reset("bob", Reset::Password).await;
    house.server.clock.advance_seconds(30);
    assert!(
        house.logs_on("bob", PASSWORD, &house.server.code("bob")).await,
        "the old one works until then"
    );
    let link = house.link("bob").await;
    let mut browser = house.server.browser();
    let page = browser.get(&link).await;
    let set = async |browser: &mut Browser<'_>, code: &str| {
        let fields = [
            ("csrf", &*page.csrf()),
            ("password", CHOSEN),
            ("repeat", CHOSEN),
            ("code", code),
        ];
        browser.post(&link, &fields).await
    };
    for wrong in ["", "000000"] {
        let refused = set(&mut browser, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains("That code is wrong"), "{}", refused.body);
    }
    let before = house.account("bob").await;
    house.server.clock.advance_seconds(30);
    let done = set(&mut browser, &house.server.code("bob")).await;
    assert!(done.body.contains("Your password is set"), "{}", done.body);
    let after = house.account("bob").await;
    assert_eq!(
        after.eligible_at, before.eligible_at,
        "the same person, who can approve"
    );
    assert_eq!(browser.get(&link).await.status, StatusCode::GONE);
    house.server.clock.advance_seconds(30);
    assert!(!house.logs_on("bob", PASSWORD, &house.server.code("bob")).await);
    assert!(house.logs_on("bob", CHOSEN, &house.server.code("bob")).await);
    let ids: Vec<_> = house.server.events().await.iter().map(Event::id).collect();
    assert_eq!(ids.iter().filter(|id| **id == 40205).count(), 2, "{ids:?}");
}

#[tokio::test]
async fn req_35_a_reset_second_factor_asks_for_the_password_and_starts_the_cool_off() {
    let house = House::open().await;
    house.reset("bob", Reset::SecondFactor).await;
    let link = house.link("bob").await;
    let (mut bob, mut thief) = (house.server.browser(), house.server.browser());
    let page = bob.get(&link).await;
    assert!(!page.body.contains("class=\"secret\""));
    let wrong = bob
        .post(&link, &[("csrf", &page.csrf()), ("password", "wrong horse battery")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = bob.post(&link, &[("csrf", &page.csrf()), ("password", PASSWORD)]).await;
    let code = house.code(&shown);
    // Whoever has only the link sees no secret, and cannot confirm one.
    let stolen = thief.get(&link).await;
    assert!(!stolen.body.contains("class=\"secret\""), "{}", stolen.body);
    let refused = confirm(&mut thief, &link, &stolen, &code).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert_eq!(house.account("bob").await.state, AccountState::Invited);
    let done = confirm(&mut bob, &link, &shown, &code).await;
    assert!(done.body.contains("Your second factor is set"), "{}", done.body);
    let after = house.account("bob").await;
    let now = house.server.app.clock.now();
    assert_eq!(
        (after.state, after.eligible_at),
        (AccountState::Active, Policy::default().eligible(now))
    );
    house.server.clock.advance_seconds(30);
    let code = house.code(&shown);
    assert!(
        !house.logs_on("bob", PASSWORD, &house.server.code("bob")).await,
        "the old one is gone"
    );
    assert!(house.logs_on("bob", PASSWORD, &code).await);
}

#[tokio::test]
async fn links_that_do_not_work_are_not_tried_without_end() {
    let house = House::open().await;
    let mut browser = house.server.browser();
    for _ in 0..20 {
        assert_eq!(browser.get("/link/nothing").await.status, StatusCode::GONE);
    }
    let waits = browser.get("/link/nothing").await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    let link = house.invited().await;
    assert_eq!(browser.get(&link).await.status, StatusCode::OK, "one that works does");
}
