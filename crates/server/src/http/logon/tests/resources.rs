//! Tokens at resources: each for its own, and what is reported of the others.

use countersign_core::logon::Resource;
use countersign_core::token::{Rights, Scope, Secret};
use countersign_core::{Account, AccountState, Role};
use countersign_store::NewToken;

use super::*;
use crate::testing::office::Office;

async fn ask(server: &TestServer, method: &str, path: &str, authorization: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, authorization);
    server
        .send(request.body(Body::empty()).unwrap(), "192.0.2.7:50000")
        .await
}

fn basic(name: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes())
    )
}

fn denied_at(client: Option<&str>, of: Resource, at: Resource) -> Event {
    Event::ResourceAccessDenied {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: client.map(str::to_owned),
        friendly_name: Some("ann".into()),
        subject: Some("UID-1".into()),
        resource_id: Some(of.id().into()),
        expected_resource_ids: vec![at.id().into()],
    }
}

async fn repository_token(office: &Office, account: &Account) -> String {
    let (secret, now, account) = (Secret::new(&SystemEntropy), office.server.app.clock.now(), account.id);
    let hash = secret.hash();
    office
        .server
        .app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.add_token(&NewToken {
                    account,
                    hash,
                    label: "laptop".into(),
                    rights: Rights::Read,
                    scope: Scope::All,
                    created_at: now,
                    expires_at: None,
                    made_by: None,
                })
                .await
            })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    secret.reveal().to_owned()
}

#[tokio::test]
async fn req_17_a_token_for_one_resource_is_refused_by_another_and_reported() {
    let office = Office::open().await;
    let (api, restic) = (
        office.token_for(&office.ann, Resource::Api).await,
        office.token_for(&office.ann, Resource::Repositories).await,
    );
    let repository = repository_token(&office, &office.ann).await;
    let config = "/restic/main/laptop/config";
    for (method, path, authorization, event) in [
        (
            "GET",
            "/api/v1/requests",
            format!("Bearer {restic}"),
            denied_at(Some("cli"), Resource::Repositories, Resource::Api),
        ),
        (
            "GET",
            "/api/v1/requests",
            format!("Bearer {repository}"),
            denied_at(None, Resource::Repositories, Resource::Api),
        ),
        (
            "HEAD",
            config,
            format!("Bearer {api}"),
            denied_at(Some("cli"), Resource::Api, Resource::Repositories),
        ),
        (
            "HEAD",
            config,
            basic("ann", &api),
            denied_at(Some("cli"), Resource::Api, Resource::Repositories),
        ),
    ] {
        let before = office.server.events().await.len();
        let answer = ask(&office.server, method, path, &authorization).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {authorization}");
        let challenge = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(
            challenge.starts_with("Bearer error=\"insufficient_scope\""),
            "{challenge}"
        );
        assert_eq!(office.server.events().await[before..], [event]);
    }
    let good = [
        ask(&office.server, "GET", "/api/v1/requests", &format!("Bearer {api}")).await,
        ask(&office.server, "HEAD", config, &format!("Bearer {restic}")).await,
        ask(&office.server, "HEAD", config, &basic("Ann", &restic)).await,
        ask(&office.server, "HEAD", config, &basic("ann", &repository)).await,
    ];
    assert!(good.iter().all(|answer| answer.status == StatusCode::OK), "{good:?}");
    let as_another = ask(&office.server, "HEAD", config, &basic("bob", &restic)).await;
    assert_eq!(as_another.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_no_token_is_challenged_as_rfc_6750_says() {
    let office = Office::open().await;
    let challenges = |answer: &Answer| {
        let lines = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let with = async |authorization: &str| ask(&office.server, "GET", "/api/v1/requests", authorization).await;
    for authorization in ["Basic eDp5", "Bearer", "Negotiate x"] {
        let answer = with(authorization).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(challenges(&answer), ["Bearer", "DPoP algs=\"ES256 EdDSA\""]);
    }
    let expired = office.token(&office.ann).await;
    office.server.clock.advance_seconds(86_400);
    for token in ["x", "a.b.c", &expired] {
        let answer = with(&format!("Bearer {token}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            challenges(&answer),
            [
                "Bearer error=\"invalid_token\"",
                "DPoP algs=\"ES256 EdDSA\", error=\"invalid_token\""
            ]
        );
    }
    assert_eq!(
        office.server.events().await.len(),
        0,
        "nobody who is known was denied anything"
    );
}

#[tokio::test]
async fn with_a_logon_of_ones_own_one_reaches_the_repositories_as_far_as_ones_roles() {
    let office = Office::open().await;
    let now = office.server.app.clock.now();
    let key = office.snapshot("one").await;
    let object = format!("/restic/main/laptop/snapshots/{}", key.name);
    for (name, role, delete) in [
        ("vic", Role::BackupViewer, StatusCode::FORBIDDEN),
        ("olga", Role::BackupOperator, StatusCode::FORBIDDEN),
        ("adam", Role::BackupAdministrator, StatusCode::OK),
    ] {
        let account = office.server.colleague(name, &[role], now).await;
        let token = office.token_for(&account, Resource::Repositories).await;
        let read = ask(&office.server, "GET", &object, &basic(name, &token)).await;
        assert_eq!((read.status, &*read.body), (StatusCode::OK, "one"), "{name}");
        let deleted = ask(&office.server, "DELETE", &object, &basic(name, &token)).await;
        assert_eq!(deleted.status, delete, "{name} {deleted:?}");
    }
}

#[tokio::test]
async fn reason_1_2_a_wrong_repository_token_is_reported_and_one_whose_account_lives_no_more() {
    let office = Office::open().await;
    let token = repository_token(&office, &office.ann).await;
    let config = "/restic/main/laptop/config";
    let denied = |reason, name: &str, subject: Option<&str>| Event::UserAuthorizationDenied {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: None,
        friendly_name: Some(name.into()),
        subject: subject.map(str::to_owned),
        resource_id: Some("restic".into()),
        redirect_uri: None,
        reason,
    };
    let wrong = ask(&office.server, "HEAD", config, &basic("ann", "wrong")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(last(&office.server).await, denied(Reason::Unauthenticated, "ann", None));
    let of_another = ask(&office.server, "HEAD", config, &basic("bob", &token)).await;
    assert_eq!(of_another.status, StatusCode::UNAUTHORIZED);
    assert_eq!(last(&office.server).await, denied(Reason::Unauthenticated, "bob", None));

    assert_eq!(
        ask(&office.server, "HEAD", config, &basic("ann", &token)).await.status,
        StatusCode::OK
    );
    let seen = office.ann.clone();
    let gone = Account {
        state: AccountState::Disabled,
        revision: seen.revision + 1,
        ..seen.clone()
    };
    let changed = office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.change_account(&seen, &gone).await }));
    assert_eq!(changed.await.map_err(|error: StoreError| error.to_string()), Ok(true));
    office.server.clock.advance_seconds(1);
    let dead = ask(&office.server, "HEAD", config, &basic("ann", &token)).await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
    let expected = denied(Reason::AccountRevalidationFailed, "ann", Some("UID-1"));
    assert_eq!(last(&office.server).await, expected);
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_writes_a_bounded_number_of_events() {
    let office = Office::open().await;
    for number in 0..50 {
        let wrong = basic("ann", &format!("wrong{number}"));
        let answer = ask(&office.server, "HEAD", "/restic/main/laptop/config", &wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(office.server.events().await.len(), 20);
    office.server.clock.advance_seconds(60);
    ask(&office.server, "HEAD", "/restic/main/laptop/config", &basic("ann", "x")).await;
    assert_eq!(office.server.events().await.len(), 21);
}
