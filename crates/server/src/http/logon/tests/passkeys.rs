//! Passkeys in a logon: alone, as the second factor, and everything that is none.

use countersign_core::AccountState;

use super::*;
use crate::testing::soft::{Kind, SoftKey};

const HERE: &str = "http://localhost:8765";

/// What the page's script gets when its button is pressed.
async fn asked(browser: &mut Browser<'_>, at: &str, page: &Answer) -> serde_json::Value {
    let (_, flow) = at.split_once('?').unwrap();
    let challenge = browser
        .post(&format!("/logon/passkey/challenge?{flow}"), &[("csrf", &page.csrf())])
        .await;
    assert_eq!(challenge.status, StatusCode::OK, "{challenge:?}");
    serde_json::from_str(&challenge.body).unwrap()
}

async fn give(browser: &mut Browser<'_>, at: &str, page: &Answer, answer: &str) -> Answer {
    let (_, flow) = at.split_once('?').unwrap();
    let form = [("csrf", &*page.csrf()), ("passkey", answer)];
    browser.post(&format!("/logon/passkey?{flow}"), &form).await
}

/// Presses the button of a page and shows the passkey.
async fn show(browser: &mut Browser<'_>, at: &str, page: &Answer, key: &mut SoftKey) -> Answer {
    let asked = asked(browser, at, page).await;
    let answer = key.show(asked["challenge"].as_str().unwrap());
    give(browser, at, page, &answer).await
}

fn invalid(name: &str, subject: &str) -> Event {
    Event::InvalidMfaCode {
        user_name: name.into(),
        endpoint: Some("192.0.2.7:50000".parse().unwrap()),
        sid: Some(subject.into()),
    }
}

#[tokio::test]
async fn req_33_a_passkey_alone_is_both_factors_and_needs_no_name() {
    let server = TestServer::reached_as(HERE).await;
    let ann = server.person("ann").await;
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        let bob = server.person(&format!("bob-{kind:?}").to_lowercase()).await;
        let mut key = server.passkey(&bob, kind).await;
        let mut browser = server.browser();
        let (at, page) = at_name(&mut browser).await;
        assert!(page.body.contains("Sign in with a passkey"));
        let asked = asked(&mut browser, &at, &page).await;
        assert_eq!(asked["rpId"], "localhost");
        assert_eq!(asked["userVerification"], "required");
        assert_eq!(
            asked["allowCredentials"],
            serde_json::json!([]),
            "tells nothing about who is here"
        );
        let answer = key.show(asked["challenge"].as_str().unwrap());
        let granted = give(&mut browser, &at, &page, &answer).await;
        let event = Event::UserAuthorizationGranted {
            source_ip_address: Some([192, 0, 2, 7].into()),
            client_id: Some("web-ui".into()),
            friendly_name: Some(bob.name.to_string()),
            subject: Some(bob.id.subject()),
            resource_id: Some("countersign-web".into()),
            redirect_uri: Some("/auth/callback".into()),
        };
        assert_eq!(last(&server).await, event);
        assert_eq!(browser.open(granted.location()).await.0, "/healthz");
        let cookie = hash_of(&browser.cookies["countersign"]);
        let (session, account) = session(&server, cookie).await.unwrap();
        assert_eq!((account.id, session.factor_at), (bob.id, Some(server.now())));
        assert_ne!(account.id, ann.id);
    }
}

#[tokio::test]
async fn req_33_a_passkey_is_a_second_factor_for_the_account_of_the_password_alone() {
    let server = TestServer::reached_as(HERE).await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let mut key = server.passkey(&ann, Kind::Es256).await;
    let mut other = server.passkey(&bob, Kind::Es256).await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    assert!(page.body.contains("Use a passkey"));
    let asked = asked(&mut browser, &at, &page).await;
    let ids: Vec<_> = asked["allowCredentials"].as_array().unwrap().iter().collect();
    assert_eq!(ids.len(), 1, "hers alone");
    let refused = give(
        &mut browser,
        &at,
        &page,
        &other.show(asked["challenge"].as_str().unwrap()),
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("passkey was not taken"), "{}", refused.body);
    assert_eq!(
        last(&server).await,
        denied(Reason::Unauthenticated, Some("ann"), Some("UID-1"))
    );
    // As a second factor it is enough that somebody was there.
    key.verifies = false;
    let granted = show(&mut browser, &at, &page, &mut key).await;
    assert_eq!(browser.open(granted.location()).await.0, "/healthz");
}

#[tokio::test]
async fn reason_1_req_33_an_answer_is_good_once_for_its_own_question() {
    let server = TestServer::reached_as(HERE).await;
    let ann = server.person("ann").await;
    let mut key = server.passkey(&ann, Kind::Es256).await;
    let wrong = denied(Reason::Unauthenticated, None, None);
    let (mut browser, mut other) = (server.browser(), server.browser());
    let (at, page) = at_name(&mut browser).await;
    let (at_other, page_other) = at_name(&mut other).await;

    // Nobody was asked.
    let unasked = give(&mut browser, &at, &page, &key.show("AAAA")).await;
    assert_eq!(unasked.status, StatusCode::FORBIDDEN);
    assert_eq!(server.events().await, [invalid("ann", "UID-1"), wrong.clone()]);

    // The answer to another browser's question.
    let question = asked(&mut browser, &at, &page).await;
    asked(&mut other, &at_other, &page_other).await;
    let answer = key.show(question["challenge"].as_str().unwrap());
    let before = server.events().await.len();
    let crossed = give(&mut other, &at_other, &page_other, &answer).await;
    assert_eq!(crossed.status, StatusCode::FORBIDDEN);
    assert_eq!(
        server.events().await[before..],
        [invalid("ann", "UID-1"), wrong.clone()]
    );

    // A question that was asked too long ago.
    server.clock.advance_seconds(300);
    assert_eq!(
        give(&mut browser, &at, &page, &answer).await.status,
        StatusCode::FORBIDDEN
    );

    // Garbage, and a passkey that nobody has.
    let mut stranger = SoftKey::new(Kind::Es256, "eve", "localhost", HERE);
    for answer in ["".to_owned(), "{}".into(), stranger.show("AAAA")] {
        let question = asked(&mut browser, &at, &page).await;
        assert!(question["challenge"].is_string());
        let before = server.events().await.len();
        let refused = give(&mut browser, &at, &page, &answer).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{answer}");
        assert_eq!(
            server.events().await[before..],
            *std::slice::from_ref(&wrong),
            "{answer}"
        );
    }

    // And the right one still works, once.
    let question = asked(&mut browser, &at, &page).await;
    let answer = key.show(question["challenge"].as_str().unwrap());
    let mut twin = browser.clone();
    assert_eq!(
        give(&mut browser, &at, &page, &answer).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        give(&mut twin, &at, &page, &answer).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn reason_1_a_passkey_alone_must_check_who_is_there_and_be_of_a_living_account() {
    let server = TestServer::reached_as(HERE).await;
    let ann = server.person("ann").await;
    let mut key = server.passkey(&ann, Kind::EdDsa).await;
    key.verifies = false;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let refused = show(&mut browser, &at, &page, &mut key).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let expected = denied(Reason::Unauthenticated, Some("ann"), Some("UID-1"));
    assert_eq!(last(&server).await, expected);

    key.verifies = true;
    let after = countersign_core::Account {
        state: AccountState::Disabled,
        revision: ann.revision + 1,
        ..ann.clone()
    };
    server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.change_account(&ann, &after).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let refused = show(&mut browser, &at, &page, &mut key).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(last(&server).await, expected);
}

#[tokio::test]
async fn req_33_a_passkey_that_counts_backwards_is_refused() {
    let server = TestServer::reached_as(HERE).await;
    let ann = server.person("ann").await;
    let mut key = server.passkey(&ann, Kind::Es256).await;
    key.count = 7;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    assert_eq!(
        show(&mut browser, &at, &page, &mut key).await.status,
        StatusCode::SEE_OTHER
    );
    key.count = 6;
    let (at, page) = at_name(&mut browser).await;
    assert_eq!(
        show(&mut browser, &at, &page, &mut key).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn reason_6_wrong_passkeys_wait_like_wrong_codes() {
    let server = TestServer::reached_as(HERE).await;
    let ann = server.person("ann").await;
    let mut key = server.passkey(&ann, Kind::Es256).await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    for _ in 0..5 {
        assert_eq!(give(&mut browser, &at, &page, "{}").await.status, StatusCode::FORBIDDEN);
    }
    let right = show(&mut browser, &at, &page, &mut key).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        last(&server).await,
        denied(Reason::TooManyInvalidRequests, Some("ann"), Some("UID-1"))
    );
}

#[tokio::test]
async fn where_browsers_make_no_passkeys_none_are_offered() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    assert!(!page.body.contains("passkey"), "{}", page.body);
    let (_, flow) = at.split_once('?').unwrap();
    let challenge = browser
        .post(&format!("/logon/passkey/challenge?{flow}"), &[("csrf", &page.csrf())])
        .await;
    assert_eq!(challenge.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_question_is_asked_for_this_logon_s_own_form_alone() {
    let server = TestServer::reached_as(HERE).await;
    let mut browser = server.browser();
    let (at, _) = at_name(&mut browser).await;
    let (_, flow) = at.split_once('?').unwrap();
    let path = format!("/logon/passkey/challenge?{flow}");
    assert_eq!(
        browser.post(&path, &[("csrf", "forged")]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        server.browser().post(&path, &[("csrf", "forged")]).await.status,
        StatusCode::FORBIDDEN
    );
}
