//! Which factors a logon asks for, what may change meanwhile, recovery codes, and the new password that some end with.

use countersign_core::password::PasswordHash;
use countersign_core::recovery::RecoveryCode;
use countersign_core::{Account, AccountState, Policy, Role};
use countersign_store::Tx;

use super::*;

/// Fifteen characters and more: good alone.
const LONG: &str = "vjkw tmzb ghxq pfnd";
/// Good beside a second factor.
const SHORT: &str = "gr7#kLm0";
const NEW: &str = "qzvk rwtx mnbj hg";

type Write<'t> = std::pin::Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 't>>;

async fn write(server: &TestServer, work: impl for<'t> FnOnce(&'t mut Tx) -> Write<'t> + Send + 'static) {
    server.app.store.write(work).await.unwrap();
}

async fn asks_nobody(server: &TestServer) {
    write(server, |tx| {
        Box::pin(async move {
            let policy = Policy {
                mfa_for_all: false,
                ..tx.policy().await?
            };
            tx.set_policy(&policy).await
        })
    })
    .await;
}

/// Somebody with this password and no second factor.
async fn plain(server: &TestServer, name: &str, password: &str) -> Account {
    let account = server.colleague(name, &[Role::BackupViewer], server.now()).await;
    let (id, now) = (account.id, server.now());
    let hash = PasswordHash::new(password, &SystemEntropy).unwrap();
    write(server, move |tx| {
        Box::pin(async move {
            tx.remove_factors(id).await?;
            tx.set_password(id, &hash, now).await
        })
    })
    .await;
    account
}

fn required(name: &str, subject: &str) -> Event {
    Event::PasswordChangeRequired {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("web-ui".into()),
        friendly_name: name.into(),
        subject: Some(subject.into()),
        resource_id: Some("countersign-web".into()),
        redirect_uri: Some("/auth/callback".into()),
    }
}

#[tokio::test]
async fn req_24_a_long_password_alone_is_enough_where_nobody_asks_for_more() {
    let server = TestServer::new().await;
    asks_nobody(&server).await;
    plain(&server, "ann", LONG).await;
    let mut browser = server.browser();
    let granted = give_password(&mut browser, "ann", LONG).await;
    assert!(granted.location().starts_with("/auth/callback?code="));
    assert_eq!(browser.open(granted.location()).await.0, "/healthz");
    let cookie = hash_of(&browser.cookies["countersign"]);
    assert_eq!(session(&server, cookie).await.unwrap().0.factor_at, None);
}

#[tokio::test]
async fn req_34_a_session_knows_when_its_second_factor_was_shown() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let cookie = hash_of(&browser.cookies["countersign"]);
    let session = session(&server, cookie).await.unwrap().0;
    assert_eq!(session.factor_at, Some(server.now()));
}

#[tokio::test]
async fn req_24_a_short_password_alone_is_changed_before_anything_is_granted() {
    let server = TestServer::new().await;
    asks_nobody(&server).await;
    plain(&server, "ann", SHORT).await;
    let mut browser = server.browser();
    let asked = give_password(&mut browser, "ann", SHORT).await;
    let (at, page) = browser.open(asked.location()).await;
    assert!(at.starts_with("/logon/password?flow="), "{at}");
    assert!(page.body.contains("At least 15 characters"));
    assert_eq!(last(&server).await, required("ann", "UID-1"));

    let csrf = page.csrf();
    for (password, repeat, says) in [
        ("gr7#kLm0vQxZ9p", "gr7#kLm0vQxZ9p", "at least 15 characters"),
        (NEW, "another one, quite", "differ"),
        ("countersign countersign", "countersign countersign", "built from"),
        ("passwordpassword1", "passwordpassword1", "attackers try"),
    ] {
        let form = [("csrf", &*csrf), ("password", password), ("repeat", repeat)];
        let again = browser.post(&at, &form).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(again.body.contains(says), "{password}: {}", again.body);
    }
    let form = [("csrf", &*csrf), ("password", NEW), ("repeat", NEW)];
    let granted = browser.post(&at, &form).await;
    assert_eq!(browser.open(granted.location()).await.0, "/healthz");

    let old = give_password(&mut server.browser(), "ann", SHORT).await;
    assert_eq!(old.status, StatusCode::FORBIDDEN);
    let new = give_password(&mut server.browser(), "ann", NEW).await;
    assert!(new.location().starts_with("/auth/callback?code="));
}

#[tokio::test]
async fn a_password_that_is_due_is_changed_after_both_factors_and_ends_other_sessions() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    let mut elsewhere = server.browser();
    elsewhere.log_on("ann").await;
    server.clock.advance_seconds(30);
    write(&server, move |tx| {
        Box::pin(async move { tx.require_password_change(ann.id).await.map(drop) })
    })
    .await;
    let mut browser = server.browser();
    let asked = give_code(&mut browser, "ann", &server.code("ann")).await;
    assert_eq!(last(&server).await, required("ann", "UID-1"));
    let (at, page) = browser.open(asked.location()).await;
    assert!(at.starts_with("/logon/password?flow="), "{at}");
    assert!(page.body.contains("At least 8 characters"));
    assert_eq!(elsewhere.get("/pending").await.status, StatusCode::OK);

    let csrf = page.csrf();
    let same = [("csrf", &*csrf), ("password", PASSWORD), ("repeat", PASSWORD)];
    let refused = browser.post(&at, &same).await;
    assert!(refused.body.contains("That is the password you have"), "{refused:?}");
    let form = [("csrf", &*csrf), ("password", NEW), ("repeat", NEW)];
    let granted = browser.post(&at, &form).await;
    assert_eq!(browser.open(granted.location()).await.0, "/healthz");
    assert_eq!(elsewhere.get("/pending").await.status, StatusCode::SEE_OTHER, "ended");
    let granted = |event: &Event| matches!(event, Event::UserAuthorizationGranted { .. });
    assert_eq!(server.events().await.iter().filter(|event| granted(event)).count(), 2);
}

#[tokio::test]
async fn a_new_password_is_taken_only_where_one_is_due() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    let at = at.replace("/logon/code", "/logon/password");
    let form = [("csrf", &*page.csrf()), ("password", NEW), ("repeat", NEW)];
    assert_eq!(browser.post(&at, &form).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(last(&server).await, denied(Reason::MalformedRequest, None, None));
    assert_eq!(
        give_password(&mut server.browser(), "ann", NEW).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn reason_2_an_account_that_is_disabled_or_expires_in_the_middle() {
    let server = TestServer::new().await;
    for (name, subject, disabled) in [("ann", "UID-1", true), ("bob", "UID-2", false)] {
        let account = server.person(name).await;
        let mut browser = server.browser();
        let (at, page) = at_code(&mut browser, name).await;
        let after = Account {
            state: if disabled {
                AccountState::Disabled
            } else {
                AccountState::Active
            },
            expires_at: (!disabled).then_some(server.now()),
            ..account.clone()
        };
        write(&server, move |tx| {
            Box::pin(async move { tx.change_account(&account, &after).await.map(drop) })
        })
        .await;
        let code = server.code(name);
        let over = browser.post(&at, &[("csrf", &page.csrf()), ("code", &code)]).await;
        assert_eq!(over.status, StatusCode::FORBIDDEN);
        assert!(over.body.contains("account has changed"), "{}", over.body);
        let expected = denied(Reason::AccountRevalidationFailed, Some(name), Some(subject));
        assert_eq!(last(&server).await, expected);
        assert!(
            browser.cookies.keys().all(|name| !name.starts_with("logon-")),
            "it is over"
        );

        // From now on its right password is a wrong one.
        let right = give_password(&mut server.browser(), name, PASSWORD).await;
        assert_eq!(right.status, StatusCode::FORBIDDEN);
        assert_eq!(
            last(&server).await,
            denied(Reason::Unauthenticated, Some(name), Some(subject))
        );
    }
}

#[tokio::test]
async fn reason_3_a_password_that_changes_in_the_middle() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    server.clock.advance_seconds(1);
    let now = server.now();
    let hash = PasswordHash::new(NEW, &SystemEntropy).unwrap();
    write(&server, move |tx| {
        Box::pin(async move { tx.set_password(ann.id, &hash, now).await })
    })
    .await;
    let code = server.code("ann");
    let over = browser.post(&at, &[("csrf", &page.csrf()), ("code", &code)]).await;
    assert_eq!(over.status, StatusCode::FORBIDDEN);
    assert!(over.body.contains("password has changed"), "{}", over.body);
    assert_eq!(
        last(&server).await,
        denied(Reason::PasswordRevalidationFailed, Some("ann"), Some("UID-1"))
    );
}

#[tokio::test]
async fn reason_5_a_person_without_a_role_is_known_and_goes_no_further() {
    let server = TestServer::new().await;
    server.colleague("eve", &[], server.now()).await;
    let wrong = give_code(&mut server.browser(), "eve", "000000").await;
    assert!(!wrong.body.contains("no role"), "not before every factor is right");
    let over = give_code(&mut server.browser(), "eve", &server.code("eve")).await;
    assert_eq!(over.status, StatusCode::FORBIDDEN);
    assert!(over.body.contains("no role"), "{}", over.body);
    assert_eq!(
        last(&server).await,
        denied(Reason::UnauthorizedResourceOwner, Some("eve"), Some("UID-1"))
    );
}

#[tokio::test]
async fn reason_7_a_person_who_must_have_a_second_factor_and_has_none() {
    let server = TestServer::new().await;
    plain(&server, "ann", LONG).await;
    let over = give_password(&mut server.browser(), "ann", LONG).await;
    assert_eq!(over.status, StatusCode::FORBIDDEN);
    assert!(over.body.contains("second factor is required"), "{}", over.body);
    assert_eq!(
        last(&server).await,
        denied(Reason::MfaRequired, Some("ann"), Some("UID-1"))
    );
}

#[tokio::test]
async fn req_32_a_recovery_code_stands_in_once_for_a_lost_factor() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    let set = RecoveryCode::set(&SystemEntropy);
    let kept = set.clone();
    write(&server, move |tx| {
        Box::pin(async move { tx.set_recovery_codes(ann.id, &kept).await })
    })
    .await;
    let mut browser = server.browser();
    let (at, page) = at_code(&mut browser, "ann").await;
    assert!(page.body.contains("10 are left"), "{}", page.body);
    let typed = set[3].grouped().to_uppercase();
    let granted = browser.post(&at, &[("csrf", &page.csrf()), ("recovery", &typed)]).await;
    assert_eq!(browser.open(granted.location()).await.0, "/healthz");

    let mut again = server.browser();
    let (at, page) = at_code(&mut again, "ann").await;
    assert!(page.body.contains("9 are left"), "{}", page.body);
    let endpoint = Some("192.0.2.7:50000".parse().unwrap());
    let reused = Event::MfaCodeReused {
        user_name: "ann".into(),
        endpoint,
        sid: Some("UID-1".into()),
    };
    let invalid = Event::InvalidMfaCode {
        user_name: "ann".into(),
        endpoint,
        sid: Some("UID-1".into()),
    };
    for (code, event) in [(&*typed, reused), ("abcdef-abcdef-abcdef-abcdef", invalid)] {
        let before = server.events().await.len();
        let refused = again.post(&at, &[("csrf", &page.csrf()), ("recovery", code)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.body.contains("recovery code is wrong"), "{}", refused.body);
        let unauthenticated = denied(Reason::Unauthenticated, Some("ann"), Some("UID-1"));
        assert_eq!(server.events().await[before..], [event, unauthenticated]);
    }
    // Charged together with one-time codes: the third and fourth wrong try are followed by the fifth and a wait.
    for _ in 0..3 {
        let form = [("csrf", &*page.csrf()), ("code", "000000")];
        assert_eq!(again.post(&at, &form).await.status, StatusCode::FORBIDDEN);
    }
    let right = [("csrf", &*page.csrf()), ("recovery", &*set[4].grouped())];
    assert_eq!(again.post(&at, &right).await.status, StatusCode::TOO_MANY_REQUESTS);
}
