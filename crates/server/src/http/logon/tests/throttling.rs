//! Who has to wait, and who must not: many sources at once, sources that are a person's own, what is forgotten.

use super::*;

/// A wrong password for this name, from this address.
async fn wrong(server: &TestServer, name: &str, from: u32) -> Answer {
    tried(server, name, "wrong and wrong", from).await
}

async fn tried(server: &TestServer, name: &str, password: &str, from: u32) -> Answer {
    let mut browser = server.browser();
    browser.from = format!("{}:40000", std::net::Ipv4Addr::from(0xCB00_7100 + from));
    give_password(&mut browser, name, password).await
}

#[tokio::test]
async fn reason_6_req_29_many_sources_share_ten_tries_and_hold_up_no_source_of_the_persons_own() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut home = server.browser();
    home.log_on("ann").await;
    server.clock.advance_seconds(3600);
    for name in ["ann", "eve"] {
        for from in 0..10 {
            assert_eq!(wrong(&server, name, from).await.status, StatusCode::FORBIDDEN, "{name}");
        }
        let eleventh = wrong(&server, name, 10).await;
        assert_eq!(eleventh.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert_eq!(eleventh.headers[header::RETRY_AFTER], "960", "{name}");
    }
    let mut expected = denied(Reason::TooManyInvalidRequests, Some("eve"), None);
    if let Event::UserAuthorizationDenied { source_ip_address, .. } = &mut expected {
        *source_ip_address = Some([203, 0, 113, 10].into());
    }
    assert_eq!(last(&server).await, expected);
    // Not even the right password is looked at from a new source, and it is on time from where ann logs on.
    assert_eq!(
        tried(&server, "ann", PASSWORD, 11).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    let at_home = give_password(&mut server.browser(), "ann", PASSWORD).await;
    assert_eq!(at_home.status, StatusCode::SEE_OTHER);

    server.clock.advance_seconds(960);
    assert_eq!(tried(&server, "ann", PASSWORD, 11).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        wrong(&server, "ann", 12).await.status,
        StatusCode::FORBIDDEN,
        "a right one takes no place of a wrong one"
    );
    assert_eq!(wrong(&server, "ann", 13).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn req_29_a_source_is_known_by_a_whole_logon_for_ninety_days() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let exhausted = async || {
        for from in 0..10 {
            wrong(&server, "ann", from).await;
        }
    };
    // The password alone makes no source known.
    assert_eq!(tried(&server, "ann", PASSWORD, 20).await.status, StatusCode::SEE_OTHER);
    exhausted().await;
    assert_eq!(
        tried(&server, "ann", PASSWORD, 20).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    server.clock.advance_seconds(24 * 3600);
    server.browser().log_on("ann").await;
    server.clock.advance_seconds(90 * 24 * 3600 - 1);
    exhausted().await;
    let last_day = give_password(&mut server.browser(), "ann", PASSWORD).await;
    assert_eq!(last_day.status, StatusCode::SEE_OTHER);
    server.clock.advance_seconds(1);
    let after = give_password(&mut server.browser(), "ann", PASSWORD).await;
    assert_eq!(after.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn req_29_wrong_codes_from_elsewhere_do_not_hold_up_a_known_source() {
    let server = TestServer::new().await;
    server.person("ann").await;
    server.browser().log_on("ann").await;
    server.clock.advance_seconds(60);
    // Somebody has the password.
    let mut thief = server.browser();
    thief.from = "203.0.113.9:40000".into();
    let (at, page) = at_code(&mut thief, "ann").await;
    for _ in 0..5 {
        let wrong = thief.post(&at, &[("csrf", &page.csrf()), ("code", "000000")]).await;
        assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    }
    let waits = thief.post(&at, &[("csrf", &page.csrf()), ("code", "000000")]).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    let code = server.code("ann");
    assert_eq!(
        give_code(&mut server.browser(), "ann", &code).await.status,
        StatusCode::SEE_OTHER
    );
    let still = thief.post(&at, &[("csrf", &page.csrf()), ("code", "000000")]).await;
    assert_eq!(
        still.status,
        StatusCode::TOO_MANY_REQUESTS,
        "ann's code forgave only her own"
    );
}

#[tokio::test]
async fn req_30_an_unknown_name_costs_what_a_known_one_costs_at_every_step() {
    let server = TestServer::new().await;
    server.person("ann").await;
    // What the answer says, how many transactions it took, and how many hashes.
    let cost = async |name: &str, from: u32| {
        let mut browser = server.browser();
        browser.from = format!("203.0.113.{from}:40000");
        let (at, page) = at_name(&mut browser).await;
        let (writes, hashes) = (server.app.store.writes(), server.app.hashing.done.get());
        let form = [("csrf", &*page.csrf()), ("name", name), ("password", "wrong and wrong")];
        let answer = browser.post(&at, &form).await;
        let flow = at.rsplit_once('=').unwrap().1.to_owned();
        let shown = answer.body.replace(&page.csrf(), "CSRF").replace(&flow, "FLOW");
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        (
            answer.status,
            format!("{headers:?}"),
            shown.replace(name, "NAME"),
            server.app.store.writes() - writes,
            server.app.hashing.done.get() - hashes,
        )
    };
    for turn in 0..12 {
        // Each name has its sources, so that only what is told of the name differs.
        let (known, unknown) = (cost("ann", turn).await, cost("eve", 100 + turn).await);
        assert_eq!(known, unknown, "{turn}");
        let expected = if turn < 10 {
            (StatusCode::FORBIDDEN, 1)
        } else {
            (StatusCode::TOO_MANY_REQUESTS, 0)
        };
        assert_eq!((known.0, known.4), expected, "{turn}");
        assert!(known.3 > 0);
    }
}

#[tokio::test]
async fn counters_and_sources_are_forgotten_when_their_time_is_over() {
    let server = TestServer::new().await;
    server.person("ann").await;
    server.browser().log_on("ann").await;
    for from in 0..3 {
        wrong(&server, "eve", from).await;
    }
    let forget = async |most| {
        let now = server.app.clock.now();
        let done = server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.forget_attempts(now, most).await }));
        done.await.unwrap_or_else(|error: StoreError| panic!("{error}"))
    };
    assert_eq!(forget(100).await, 0);
    server.clock.advance_seconds(24 * 3600);
    // A counter for each name and source, one for each source, and what all share; those of ann's logon stand at nothing.
    assert_eq!(forget(2).await, 2);
    let rest = forget(100).await;
    assert!(rest >= 5, "{rest}");
    assert_eq!(forget(100).await, 0);
    server.clock.advance_seconds(90 * 24 * 3600);
    assert_eq!(forget(100).await, 1, "from where ann logged on");
}
