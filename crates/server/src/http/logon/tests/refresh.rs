//! Refresh tokens: rotation, the lost answer, reuse, and what ends a chain.

use countersign_core::{Account, AccountState};
use futures_util::future::join_all;

use super::tokens::{cli_code, json, live, post, redeem};
use super::*;
use crate::flows::chains;

/// What the command line got: access token and refresh token.
pub async fn logged_on(server: &TestServer) -> (String, String) {
    let (code, verifier) = cli_code(server).await;
    let answer = redeem(server, &code, verifier.as_str(), CLI_REDIRECT).await;
    tokens(&answer)
}

fn tokens(answer: &Answer) -> (String, String) {
    let body = json(answer);
    let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

pub async fn refresh(server: &TestServer, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&client_id=cli&refresh_token={token}");
    post(server, "/oauth2/token", form).await
}

fn rejected(reason: Reason) -> Event {
    Event::TokenRequestRejected {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: Some("cli".into()),
        grant_type: Some("refresh_token".into()),
        friendly_name: Some("ann".into()),
        subject: Some("UID-1".into()),
        resource_id: Some("gateway-api".into()),
        reason,
    }
}

fn revoked(events: &[Event]) -> usize {
    let of = |event: &&Event| matches!(event, Event::TokenChainRevoked { .. });
    events.iter().filter(of).count()
}

#[tokio::test]
async fn a_refresh_gives_the_next_tokens_of_the_same_chain_and_is_reported() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (_, first) = logged_on(&server).await;
    server.clock.advance_seconds(3600);
    let answer = refresh(&server, &first).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "req 18");
    let (access, second) = tokens(&answer);
    assert_ne!(first, second);
    assert!(live(&server, &access).await);
    let events = server.events().await;
    let [
        Event::TokenRequestApproved {
            refresh_token_chain_id: begun,
            ..
        },
        Event::TokenRequestApproved {
            grant_type,
            expiration,
            refresh_token_chain_id: chain,
            friendly_name,
            ..
        },
    ] = &events[1..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(begun, chain);
    assert_eq!(
        (grant_type.as_deref(), friendly_name.as_deref()),
        (Some("refresh_token"), Some("ann"))
    );
    assert_eq!(*expiration, Some(server.app.clock.now().plus_seconds(600)));
    server.clock.advance_seconds(600);
    assert!(!live(&server, &access).await, "ten minutes");
}

#[tokio::test]
async fn req_10_a_storm_of_one_token_gives_one_successor_and_a_real_reuse_ends_the_chain() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (_, token) = logged_on(&server).await;
    let answers = join_all((0..64).map(|_| refresh(&server, &token))).await;
    let pairs: Vec<_> = answers.iter().map(tokens).collect();
    let successors: std::collections::BTreeSet<_> = pairs.iter().map(|(_, refresh)| refresh).collect();
    assert_eq!(successors.len(), 1, "never a fork");
    let next = pairs[0].1.clone();
    server.clock.advance_seconds(9);
    assert_eq!(tokens(&refresh(&server, &token).await).1, next, "the answer was lost");
    let (newest, third) = tokens(&refresh(&server, &next).await);
    let before = server.events().await.len();

    let reused = refresh(&server, &token).await;
    assert_eq!(reused.status, StatusCode::BAD_REQUEST);
    assert_eq!(json(&reused)["error"], "invalid_grant");
    let events = server.events().await;
    assert_eq!(events[before], rejected(Reason::Unauthenticated));
    assert!(
        matches!(events[before + 1], Event::TokenChainRevoked { .. }),
        "{events:?}"
    );
    assert_eq!(events.len(), before + 2);
    for (access, _) in &pairs {
        assert!(!live(&server, access).await);
    }
    assert!(!live(&server, &newest).await);
    assert_eq!(refresh(&server, &third).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(last(&server).await, rejected(Reason::Unauthenticated));
    assert_eq!(revoked(&server.events().await), 1, "a chain ends once");
}

#[tokio::test]
async fn req_10_the_token_before_is_a_reuse_once_its_ten_seconds_are_over() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (_, token) = logged_on(&server).await;
    let (access, _) = tokens(&refresh(&server, &token).await);
    server.clock.advance_seconds(10);
    assert!(live(&server, &access).await);
    assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
    assert!(!live(&server, &access).await);
}

#[tokio::test]
async fn req_11_a_chain_ends_after_thirty_days_and_unused_after_seven() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (_, mut token) = logged_on(&server).await;
    for _ in 0..4 {
        server.clock.advance_seconds(7 * 86_400 - 1);
        token = tokens(&refresh(&server, &token).await).1;
    }
    server.clock.advance_seconds(2 * 86_400 + 4);
    assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(last(&server).await, rejected(Reason::Unauthenticated));
    assert_eq!(
        revoked(&server.events().await),
        0,
        "its time was over: nobody revoked it"
    );

    let (_, token) = logged_on(&server).await;
    server.clock.advance_seconds(7 * 86_400);
    let before = server.events().await.len();
    assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
    let events = server.events().await;
    assert_eq!(events[before], rejected(Reason::Unauthenticated));
    assert!(matches!(events[before + 1], Event::TokenChainRevoked { .. }));
}

#[tokio::test]
async fn req_12_a_refresh_never_asks_for_more_than_the_logon_was_for() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (_, token) = logged_on(&server).await;
    for (more, error) in [
        ("resource=restic", "invalid_target"),
        ("resource=https://evil.example", "invalid_target"),
        ("scope=api repositories", "invalid_scope"),
    ] {
        let form = format!("grant_type=refresh_token&client_id=cli&refresh_token={token}&{more}");
        let answer = post(&server, "/oauth2/token", form).await;
        assert_eq!(json(&answer)["error"], error, "{more}");
        let Event::TokenRequestRejected { reason, .. } = last(&server).await else {
            panic!("{more}");
        };
        assert_eq!(reason, Reason::UnauthorizedClient, "{more}");
    }
    let form = format!("grant_type=refresh_token&client_id=cli&refresh_token={token}&resource=gateway-api&scope=api");
    assert_eq!(post(&server, "/oauth2/token", form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn reason_1_what_is_no_refresh_token_is_refused() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let (access, token) = logged_on(&server).await;
    let other = TestServer::new().await;
    let forged = countersign_core::logon::RefreshKey::new(&[1; 32]).token("c0ffee", 0);
    let unknown = other.app.refresh.token("c0ffee", 0);
    for bad in ["x", &access, &forged, &unknown, &token[1..], &format!("{token}AA")] {
        assert_eq!(refresh(&server, bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
        let Event::TokenRequestRejected {
            reason, friendly_name, ..
        } = last(&server).await
        else {
            panic!("{bad}");
        };
        assert_eq!((reason, friendly_name), (Reason::Unauthenticated, None), "{bad}");
    }
    assert!(live(&server, &access).await, "nothing of that ended the chain");
}

/// Changes the account as an administrator would.
async fn change(server: &TestServer, account: &Account, what: fn(&mut Account)) {
    let (seen, mut after) = (account.clone(), account.clone());
    what(&mut after);
    after.revision += 1;
    let changed = server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.change_account(&seen, &after).await }))
        .await
        .map_err(|error: StoreError| error.to_string());
    assert_eq!(changed, Ok(true));
}

#[tokio::test]
async fn req_38_reason_2_a_disabled_or_ended_account_gets_nothing_and_what_it_has_is_dead_at_once() {
    for what in [
        (|account: &mut Account| account.state = AccountState::Disabled) as fn(&mut Account),
        |account| account.state = AccountState::Deleted,
        |account| account.expires_at = Some(crate::testing::NOW),
    ] {
        let server = TestServer::new().await;
        let ann = server.person("ann").await;
        let (access, token) = logged_on(&server).await;
        assert!(live(&server, &access).await);
        change(&server, &ann, what).await;
        assert!(!live(&server, &access).await);
        let before = server.events().await.len();
        assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
        let events = server.events().await;
        assert_eq!(events[before], rejected(Reason::AccountRevalidationFailed));
        assert!(matches!(events[before + 1], Event::TokenChainRevoked { .. }));
        assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(last(&server).await, rejected(Reason::AccountRevalidationFailed));
    }
}

#[tokio::test]
async fn reason_3_a_changed_password_ends_what_came_from_the_old_one() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    let (access, token) = logged_on(&server).await;
    server.clock.advance_seconds(1);
    let (now, account) = (server.app.clock.now(), ann.clone());
    let hash = countersign_core::password::PasswordHash::new("another long password", &SystemEntropy).unwrap();
    server
        .app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.set_password(account.id, &hash, now).await?;
                chains::end_all(tx, &account, None, Some([192, 0, 2, 9].into()), now).await
            })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    assert!(!live(&server, &access).await);
    assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(last(&server).await, rejected(Reason::PasswordRevalidationFailed));
    assert_eq!(revoked(&server.events().await), 1);
}

#[tokio::test]
async fn reason_5_who_lost_every_role_may_not_use_the_resource() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    let (access, token) = logged_on(&server).await;
    change(&server, &ann, |account| {
        account.roles = countersign_core::Roles::default()
    })
    .await;
    assert!(!live(&server, &access).await);
    let before = server.events().await.len();
    assert_eq!(refresh(&server, &token).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        server.events().await[before],
        rejected(Reason::UnauthorizedResourceOwner)
    );
}
