//! The reader's own factors: what is asked for first, what each change does, and what is refused.

use countersign_core::recovery::RecoveryCode;
use countersign_core::token::hash_of;
use countersign_core::{Account, Policy};
use countersign_events::{Changes, Event};
use countersign_store::StoreError;
use http::StatusCode;

use super::scene::hidden;
use crate::testing::office::Office;
use crate::testing::people::{Answer, Browser, PASSWORD, TestServer};
use crate::testing::soft::{Kind, SoftKey};

const HERE: &str = "http://localhost:8765";
const PAGE: &str = "/account/security";

/// A server with ann, and her browser at her page, logged on a moment ago.
async fn scene(server: &TestServer) -> (Account, Browser<'_>) {
    let ann = server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    server.clock.advance_seconds(30);
    (ann, browser)
}

async fn csrf(browser: &mut Browser<'_>) -> String {
    browser.get(PAGE).await.csrf()
}

async fn send(browser: &mut Browser<'_>, path: &str, form: &[(&str, &str)]) -> Answer {
    let csrf = csrf(browser).await;
    let form: Vec<_> = [("csrf", &*csrf)].into_iter().chain(form.iter().copied()).collect();
    browser.post(&format!("{PAGE}{path}"), &form).await
}

async fn set_policy(server: &TestServer, policy: Policy) {
    server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
}

async fn four_eyes(server: &TestServer, on: bool) {
    let policy = Policy {
        four_eyes: on,
        ..Policy::default()
    };
    set_policy(server, policy).await;
}

async fn account(server: &TestServer, account: &Account) -> Account {
    let id = account.id;
    let found: Result<_, StoreError> = server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.account(id).await }))
        .await;
    found.unwrap().unwrap()
}

async fn last(server: &TestServer) -> Event {
    server.events().await.pop().unwrap()
}

fn changed(property: &str, after: &str) -> Event {
    Event::GeneralSettingsUpdated {
        changes: Changes::object("UID-1", "ann")
            .attribute("type", "Account")
            .property(property, "String", "", after),
        user_name: "ann".into(),
    }
}

/// Adds a passkey as the page's script does.
async fn add_passkey(browser: &mut Browser<'_>, name: &str) -> (Answer, SoftKey) {
    let asked = send(browser, "/passkeys/challenge", &[]).await;
    assert_eq!(asked.status, StatusCode::OK, "{asked:?}");
    let asked: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(asked["attestation"], "none");
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "preferred");
    let mut key = SoftKey::new(Kind::Es256, name, "localhost", HERE);
    key.user_handle = data_encoding::BASE64URL_NOPAD
        .decode(asked["user"]["id"].as_str().unwrap().as_bytes())
        .unwrap();
    let answer = key.register(asked["challenge"].as_str().unwrap());
    let added = send(browser, "/passkeys", &[("label", name), ("passkey", &answer)]).await;
    (added, key)
}

#[tokio::test]
async fn req_39_a_change_of_factors_asks_for_one_within_five_minutes() {
    let server = TestServer::reached_as(HERE).await;
    let (_, mut browser) = scene(&server).await;
    server.clock.advance_seconds(269);
    assert!(browser.get(PAGE).await.body.contains("Make a new set"));
    server.clock.advance_seconds(1);
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("Confirm") && !page.body.contains("Make a new set"));
    for path in [
        "/password",
        "/passkeys",
        "/passkeys/challenge",
        "/passkeys/1/rename",
        "/passkeys/1/remove",
        "/totp",
        "/totp/confirm",
        "/totp/remove",
        "/recovery-codes",
        "/end-others",
    ] {
        let refused = send(&mut browser, path, &[]).await;
        assert_eq!(refused.location(), "/account/confirm?to=/account/security", "{path}");
    }

    let confirm = "/account/confirm?to=/account/security";
    let page = browser.get(confirm).await;
    let wrong = [("csrf", &*page.csrf()), ("to", PAGE), ("code", "000000")];
    let again = browser.post("/account/confirm", &wrong).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(matches!(last(&server).await, Event::InvalidMfaCode { .. }));
    let before = browser.cookies["countersign"].clone();
    let right = [("csrf", &*page.csrf()), ("to", PAGE), ("code", &*server.code("ann"))];
    assert_eq!(browser.post("/account/confirm", &right).await.location(), PAGE);
    // OWASP ASVS 5.0, 7.2.4: the session's token is another one now, and the old one is dead.
    let after = browser.cookies["countersign"].clone();
    assert_ne!(before, after);
    assert!(browser.get(PAGE).await.body.contains("Make a new set"));
    browser.cookies.insert("countersign".into(), before);
    assert_eq!(browser.get(PAGE).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_confirmation_never_leads_away() {
    let server = TestServer::new().await;
    let (_, mut browser) = scene(&server).await;
    for away in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let csrf = csrf(&mut browser).await;
        let form = [("csrf", &*csrf), ("to", away), ("code", &*server.code("ann"))];
        assert_eq!(browser.post("/account/confirm", &form).await.location(), "/", "{away}");
        server.clock.advance_seconds(30);
    }
}

#[tokio::test]
async fn req_33_a_passkey_is_added_used_renamed_and_removed() {
    let server = TestServer::reached_as(HERE).await;
    let (ann, mut browser) = scene(&server).await;
    let (added, mut key) = add_passkey(&mut browser, "laptop").await;
    assert_eq!(added.location(), "/account/security?done=passkey");
    assert_eq!(last(&server).await, changed("second_factor", "a passkey"));
    // Rule 3: a new second factor starts the cool-off.
    let cooling = account(&server, &ann).await;
    assert_eq!(cooling.eligible_at, Policy::default().eligible(server.now()));
    assert_eq!(cooling.revision, ann.revision, "the session goes on");
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("laptop") && page.body.contains("cannot approve requests until"));

    // It confirms, too.
    server.clock.advance_seconds(300);
    let asked = browser
        .post(
            "/account/passkeys/challenge",
            &[("csrf", &*csrf(&mut browser.clone()).await)],
        )
        .await;
    let asked: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(asked["userVerification"], "required");
    let answer = key.show(asked["challenge"].as_str().unwrap());
    let form = [
        ("csrf", &*csrf(&mut browser).await),
        ("to", PAGE),
        ("passkey", &*answer),
    ];
    assert_eq!(browser.post("/account/confirm", &form).await.location(), PAGE);

    // The same authenticator again.
    let asked = send(&mut browser, "/passkeys/challenge", &[]).await;
    let asked: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(asked["excludeCredentials"].as_array().unwrap().len(), 1);
    let answer = key.register(asked["challenge"].as_str().unwrap());
    let known = send(&mut browser, "/passkeys", &[("label", "again"), ("passkey", &answer)]).await;
    assert_eq!(known.status, StatusCode::CONFLICT);
    assert!(known.body.contains("known here already"), "{}", known.body);
    // The same answer again.
    let again = send(&mut browser, "/passkeys", &[("label", "again"), ("passkey", &answer)]).await;
    assert!(again.body.contains("asked too long ago"), "{}", again.body);

    let renamed = send(&mut browser, "/passkeys/1/rename", &[("label", "desk")]).await;
    assert_eq!(renamed.status, StatusCode::SEE_OTHER);
    assert!(browser.get(PAGE).await.body.contains("desk"));
    assert_eq!(
        send(&mut browser, "/passkeys/9/remove", &[]).await.status,
        StatusCode::CONFLICT
    );
    let removed = send(&mut browser, "/passkeys/1/remove", &[]).await;
    assert_eq!(removed.location(), "/account/security?done=factor-removed");
    let reset = Event::MfaTokenRevoked {
        target: "ann".into(),
        user: ann.user(),
    };
    assert_eq!(last(&server).await, reset);
}

#[tokio::test]
async fn req_35_an_authenticator_app_is_replaced_only_by_one_that_works() {
    let server = TestServer::new().await;
    let (_, mut browser) = scene(&server).await;
    let begun = send(&mut browser, "/totp", &[]).await;
    let page = browser.get(begun.location()).await;
    let (_, rest) = page.body.split_once("translate=\"no\"><span>").unwrap();
    let (secret, _) = rest.split_once("</p>").unwrap();
    let secret = secret.replace("<span>", "").replace("</span>", "");
    let secret = countersign_core::factor::TotpSecret::from_base32(secret.trim()).unwrap();
    let wrong = send(&mut browser, "/totp/confirm", &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let code = secret.code_at(server.now()).unwrap();
    let done = send(&mut browser, "/totp/confirm", &[("code", &code)]).await;
    assert_eq!(done.location(), "/account/security?done=authenticator");
    assert!(matches!(last(&server).await, Event::MfaTokenRevoked { .. }));
    // Shown once: the page has nothing more to show.
    assert_eq!(browser.get("/account/security/totp").await.location(), PAGE);

    server.clock.advance_seconds(300);
    let confirm = [
        ("csrf", &*csrf(&mut browser).await),
        ("to", PAGE),
        ("code", &*server.code("ann")),
    ];
    let old = browser.post("/account/confirm", &confirm).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY, "the old app is void");
    let code = secret.code_at(server.now()).unwrap();
    let confirm = [("csrf", &*csrf(&mut browser).await), ("to", PAGE), ("code", &*code)];
    assert_eq!(browser.post("/account/confirm", &confirm).await.location(), PAGE);
}

#[tokio::test]
async fn req_35_the_only_second_factor_is_not_taken_away_by_its_owner() {
    let server = TestServer::reached_as(HERE).await;
    let (ann, mut browser) = scene(&server).await;
    for name in ["bob", "carol"] {
        server.person(name).await;
    }
    let required = send(&mut browser, "/totp/remove", &[]).await;
    assert_eq!(required.status, StatusCode::CONFLICT);
    assert!(required.body.contains("must have a second factor"), "{}", required.body);

    four_eyes(&server, true).await;
    let refused = send(&mut browser, "/totp/remove", &[]).await;
    assert!(refused.body.contains("a second person approves"), "{}", refused.body);
    send(&mut browser, "/totp", &[]).await;
    let before = server.events().await.len();
    let page = browser.get("/account/security/totp").await;
    let (_, rest) = page.body.split_once("translate=\"no\"><span>").unwrap();
    let (secret, _) = rest.split_once("</p>").unwrap();
    let secret = secret.replace("<span>", "").replace("</span>", "");
    let secret = countersign_core::factor::TotpSecret::from_base32(secret.trim()).unwrap();
    let code = secret.code_at(server.now()).unwrap();
    let replaced = send(&mut browser, "/totp/confirm", &[("code", &code)]).await;
    assert_eq!(replaced.status, StatusCode::CONFLICT, "{}", replaced.body);
    assert_eq!(server.events().await.len(), before);

    // With another one there, it may go: by a factor of the account, and with a cool-off.
    assert_eq!(
        add_passkey(&mut browser, "laptop").await.0.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        send(&mut browser, "/totp/remove", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert!(account(&server, &ann).await.eligible(server.now()).is_err());
}

#[tokio::test]
async fn rule_4_no_cool_off_leaves_fewer_than_two_who_can_approve() {
    let server = TestServer::reached_as(HERE).await;
    let (ann, mut browser) = scene(&server).await;
    server.person("bob").await;
    four_eyes(&server, true).await;
    let (refused, _) = add_passkey(&mut browser, "laptop").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("only bob would be left"), "{}", refused.body);
    assert_eq!(account(&server, &ann).await.eligible(server.now()), Ok(()));
    assert!(browser.get(PAGE).await.body.contains("None. A passkey"));
}

#[tokio::test]
async fn req_32_recovery_codes_are_shown_once_and_a_new_set_voids_the_old() {
    let server = TestServer::new().await;
    let (ann, mut browser) = scene(&server).await;
    let codes = |page: &Answer| -> Vec<String> {
        let lines = page.body.split("<li><code>").skip(1);
        lines
            .map(|rest| rest.split_once("</code>").unwrap().0.to_owned())
            .collect()
    };
    let first = codes(&send(&mut browser, "/recovery-codes", &[]).await);
    assert_eq!(first.len(), 10);
    assert_eq!(last(&server).await, changed("recovery_codes", "a new set"));
    assert!(browser.get(PAGE).await.body.contains("10 are left"));
    assert!(!browser.get(PAGE).await.body.contains(&first[0]));
    let second = codes(&send(&mut browser, "/recovery-codes", &[]).await);
    let id = ann.id;
    let kept = server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.recovery_codes_of(id).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    assert_eq!(kept.unused.len(), 10);
    for (set, known) in [(&first, false), (&second, true)] {
        for code in set {
            let code = RecoveryCode::parse(code).unwrap();
            assert_eq!(code.among(&kept.unused).is_some(), known);
        }
    }
    assert_eq!(
        account(&server, &ann).await.eligible_at,
        ann.eligible_at,
        "they approve nothing"
    );
}

#[tokio::test]
async fn req_24_26_27_the_password_is_changed_by_whoever_knows_it() {
    let server = TestServer::new().await;
    let (_, mut browser) = scene(&server).await;
    let new = "qzvk rwtx mnbj";
    let form = |old, password, repeat| [("old", old), ("password", password), ("repeat", repeat)];
    let wrong = send(&mut browser, "/password", &form("wrong and wrong", new, new)).await;
    assert!(wrong.body.contains("present password is wrong"), "{}", wrong.body);
    for (password, repeat, says) in [
        ("short", "short", "at least 8"),
        (new, "other words here", "differ"),
        (PASSWORD, PASSWORD, "password you have"),
        ("countersign1", "countersign1", "built from"),
    ] {
        let refused = send(&mut browser, "/password", &form(PASSWORD, password, repeat)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(refused.body.contains(says), "{password}: {}", refused.body);
    }
    let done = send(&mut browser, "/password", &form(PASSWORD, new, new)).await;
    assert_eq!(done.location(), "/account/security?done=password");
    assert_eq!(last(&server).await, changed("password", "a new one"));
    for _ in 0..5 {
        send(&mut browser, "/password", &form(PASSWORD, new, new)).await;
    }
    let waits = send(&mut browser, "/password", &form(new, PASSWORD, PASSWORD)).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn req_38_a_change_offers_to_end_the_other_sessions() {
    let server = TestServer::new().await;
    let (_, mut browser) = scene(&server).await;
    let mut other = server.browser();
    other.log_on("ann").await;
    assert_eq!(other.get(PAGE).await.status, StatusCode::OK);
    let ended = send(&mut browser, "/end-others", &[]).await;
    assert_eq!(ended.location(), "/account/security?done=others-ended");
    assert!(matches!(last(&server).await, Event::TokenChainRevoked { .. }));
    assert_eq!(other.get(PAGE).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get(PAGE).await.status, StatusCode::OK);
    assert!(!hash_of(&browser.cookies["countersign"]).to_hex().is_empty());
}

#[tokio::test]
async fn whoever_has_no_second_factor_confirms_by_the_password() {
    let server = TestServer::new().await;
    let (ann, mut browser) = scene(&server).await;
    let policy = Policy {
        mfa_for_all: false,
        ..Policy::default()
    };
    set_policy(&server, policy).await;
    assert_eq!(
        send(&mut browser, "/totp/remove", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    server.clock.advance_seconds(300);
    let page = browser.get("/account/confirm?to=/account/security").await;
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
    let confirm = |password| [("csrf", page.csrf()), ("to", PAGE.to_owned()), ("password", password)];
    for (password, status) in [
        ("wrong", StatusCode::UNPROCESSABLE_ENTITY),
        (PASSWORD, StatusCode::SEE_OTHER),
    ] {
        let form = confirm(password.to_owned());
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post("/account/confirm", &form).await.status, status);
    }
    assert!(
        send(&mut browser, "/recovery-codes", &[])
            .await
            .body
            .contains("no such second factor")
    );
    assert_eq!(ann.name.as_str(), "ann");
}

#[tokio::test]
async fn where_browsers_make_no_passkeys_the_page_says_so() {
    let server = TestServer::new().await;
    let (_, mut browser) = scene(&server).await;
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("none can be made here") && !page.body.contains("Add a passkey"));
    assert_eq!(
        send(&mut browser, "/passkeys/challenge", &[]).await.status,
        StatusCode::NOT_FOUND
    );
}

/// Sends the decision form as its script does.
async fn decide(browser: &mut Browser<'_>, at: &str, answer: &str) -> Answer {
    let page = browser.get(at).await;
    let fields = [
        ("csrf", hidden(&page, "csrf")),
        ("digest", hidden(&page, "digest")),
        ("along", hidden(&page, "along")),
        ("decision", "approve".to_owned()),
        ("code", String::new()),
        ("passkey", answer.to_owned()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(&format!("{at}/decision"), &fields).await
}

async fn asked(browser: &mut Browser<'_>, page: &Answer) -> String {
    let form = [("csrf", &*hidden(page, "csrf"))];
    let asked = browser.post("/account/passkeys/challenge", &form).await;
    let asked: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    asked["challenge"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn req_39_a_decision_is_made_with_a_passkey_shown_to_this_session_for_it() {
    let office = Office::reached_as(HERE).await;
    let at = format!("/requests/{}", office.waiting(&["one"]).await);
    let mut key = office.server.passkey(&office.bob, Kind::Es256).await;
    let mut anns = office.server.passkey(&office.ann, Kind::EdDsa).await;
    let (mut bob, mut elsewhere) = (office.server.browser(), office.server.browser());
    bob.log_on("bob").await;
    office.server.clock.advance_seconds(30);
    elsewhere.log_on("bob").await;
    let page = bob.get(&at).await;
    assert!(page.body.contains("Record it with a passkey"), "{}", page.body);

    // Not asked for; asked of another session; of another account; of nobody who was checked.
    let crossed = {
        let other = elsewhere.get(&at).await;
        let asked = asked(&mut elsewhere, &other).await;
        key.show(&asked)
    };
    let unasked = key.show("AAAA");
    let question = asked(&mut bob, &page).await;
    let of_ann = anns.show(&question);
    for answer in [crossed, unasked, of_ann] {
        let refused = decide(&mut bob, &at, &answer).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert!(refused.body.contains("the passkey was not taken"), "{}", refused.body);
        assert!(matches!(last(&office.server).await, Event::InvalidMfaCode { .. }));
    }
    key.verifies = false;
    let question = asked(&mut bob, &page).await;
    let refused = decide(&mut bob, &at, &key.show(&question)).await;
    assert!(refused.body.contains("did not check who you are"), "{}", refused.body);

    key.verifies = true;
    let question = asked(&mut bob, &page).await;
    let answer = key.show(&question);
    let approved = decide(&mut bob, &at, &answer).await;
    assert_eq!(approved.location(), format!("{at}?done=approved"));
    let approved = |event: &Event| matches!(event, Event::FourEyesRequestApproved { .. });
    assert_eq!(
        office
            .server
            .events()
            .await
            .iter()
            .filter(|event| approved(event))
            .count(),
        1
    );
}

/// Approves requests 1 and 2 as a page of both would.
async fn decide_both(browser: &mut Browser<'_>, page: &Answer, seen: &str, passkey: &str) -> Answer {
    let csrf = hidden(page, "csrf");
    let fields = [
        ("csrf", csrf.as_str()),
        ("seen", seen),
        ("decide-1", "approve"),
        ("decide-2", "approve"),
        ("passkey", passkey),
    ];
    browser.post("/requests/decide", &fields).await
}

#[tokio::test]
async fn req_39_many_are_decided_with_one_passkey_shown_to_this_session_for_them() {
    let office = Office::reached_as(HERE).await;
    let (first, second) = (office.waiting(&["one"]).await, office.waiting(&["two"]).await);
    let mut key = office.server.passkey(&office.bob, Kind::Es256).await;
    let mut bob = office.server.browser();
    bob.log_on("bob").await;
    let page = bob.get(&format!("/requests/decide?id={first}&id={second}")).await;
    assert!(page.body.contains("Record them with a passkey"), "{}", page.body);
    let seen = hidden(&page, "seen");
    let unasked = key.show("AAAA");
    let refused = decide_both(&mut bob, &page, &seen, &unasked).await;
    assert!(refused.body.contains("the passkey was not taken"), "{}", refused.body);
    let question = asked(&mut bob, &page).await;
    let answer = key.show(&question);
    let done = decide_both(&mut bob, &page, &seen, &answer).await;
    assert!(done.body.contains("2 of 2 decided"), "{}", done.body);
    let again = decide_both(&mut bob, &page, &seen, &answer).await;
    assert!(again.body.contains("0 of 2 decided"), "{}", again.body);
    let events = office.server.events().await;
    let approved = |event: &&Event| matches!(event, Event::FourEyesRequestApproved { .. });
    assert_eq!(events.iter().filter(approved).count(), 2);
}

#[tokio::test]
async fn req_39_a_recovery_code_decides_nothing() {
    let office = Office::reached_as(HERE).await;
    let at = format!("/requests/{}", office.waiting(&["one"]).await);
    let (codes, bob) = (RecoveryCode::set(&crate::adapters::SystemEntropy), office.bob.id);
    let kept = codes.clone();
    office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.set_recovery_codes(bob, &kept).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let mut bob = office.server.browser();
    bob.log_on("bob").await;
    let page = bob.get(&at).await;
    let fields = [
        ("csrf", hidden(&page, "csrf")),
        ("digest", hidden(&page, "digest")),
        ("along", hidden(&page, "along")),
        ("decision", "approve".to_owned()),
        ("code", codes[0].grouped()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = bob.post(&format!("{at}/decision"), &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("the code is wrong"), "{}", refused.body);
}
