//! Unlocking an account.

use countersign_core::Role;
use countersign_core::logon::throttle::Counter;
use countersign_events::{Changes, Event};
use countersign_store::StoreError;
use http::{Method, StatusCode};

use crate::testing::office::Office;

/// Ten wrong tries for bob from all over.
async fn exhaust(office: &Office) {
    for _ in 0..10 {
        assert!(charge(office, Counter::NameFromAnywhere("bob".into())).await);
    }
    assert!(!charge(office, Counter::NameFromAnywhere("BOB".into())).await);
    for _ in 0..5 {
        assert!(charge(office, Counter::Code(office.bob.id)).await);
    }
    assert!(!charge(office, Counter::Code(office.bob.id)).await);
}

/// Whether a try is looked at.
async fn charge(office: &Office, counter: Counter) -> bool {
    let (app, now) = (&office.server.app, office.server.app.clock.now());
    let charged = app
        .store
        .write(move |tx| Box::pin(async move { tx.charge(&counter, now).await }));
    charged
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"))
        .is_ok()
}

#[tokio::test]
async fn req_29_an_administrator_gives_another_their_tries_back() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let path = format!("/accounts/{}/unlock", office.bob.id);
    for _ in 0..5 {
        exhaust(&office).await;
        let unlocked = office.call(&ann, Method::POST, &path, None).await;
        assert_eq!(unlocked.status, StatusCode::NO_CONTENT, "{}", unlocked.body);
    }
    let changes = Changes::object(office.bob.id.to_string(), "bob")
        .attribute("type", "Account")
        .property("wrong_tries", "String", "", "forgotten");
    let reported = Event::GeneralSettingsUpdated {
        changes,
        user_name: "ann".into(),
    };
    assert_eq!(office.server.events().await.last(), Some(&reported));
    assert!(charge(&office, Counter::NameFromAnywhere("bob".into())).await);

    // Not without end: each gives tries to guess with.
    exhaust_codes(&office).await;
    let often = office.call(&ann, Method::POST, &path, None).await;
    assert_eq!(often.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!charge(&office, Counter::Code(office.bob.id)).await);
    office.server.clock.advance_seconds(30);
    let later = office.call(&ann, Method::POST, &path, None).await;
    assert_eq!(later.status, StatusCode::NO_CONTENT);
}

async fn exhaust_codes(office: &Office) {
    while charge(office, Counter::Code(office.bob.id)).await {}
}

#[tokio::test]
async fn nobody_unlocks_themselves_and_only_a_security_administrator_others() {
    let office = Office::open().await;
    let now = office.server.app.clock.now();
    let carl = office.server.colleague("carl", &[Role::BackupAdministrator], now).await;
    let (ann, carl) = (office.token(&office.ann).await, office.token(&carl).await);
    exhaust(&office).await;
    for (token, account, status) in [
        (&carl, office.bob.id.0, StatusCode::FORBIDDEN),
        (&ann, office.ann.id.0, StatusCode::FORBIDDEN),
        (&ann, 4711, StatusCode::NOT_FOUND),
    ] {
        let before = office.server.events().await.len();
        let refused = office
            .call(token, Method::POST, &format!("/accounts/{account}/unlock"), None)
            .await;
        assert_eq!(refused.status, status, "{account} {}", refused.body);
        let told = office.server.events().await.split_off(before);
        if status == StatusCode::FORBIDDEN {
            let name = if account == office.ann.id.0 { "ann" } else { "carl" };
            let failed = Event::UpdateSecurityObjectFailed {
                endpoint: "192.0.2.8:50000".parse().unwrap(),
                user_name: Some(name.into()),
            };
            assert_eq!(told, [failed]);
        } else {
            assert_eq!(told, []);
        }
    }
    assert!(!charge(&office, Counter::Code(office.bob.id)).await);
}
