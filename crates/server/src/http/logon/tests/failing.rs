//! Logons while the server itself fails.

use super::*;

/// What a page says to people.
fn says_nothing_else(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
    for word in ["disk", "full", "SQL", "database", "seal", "key", "hash", "ann"] {
        let (_, main) = answer.body.split_once("<main").unwrap();
        assert!(!main.contains(word), "{word} in {main}");
    }
}

async fn let_grow(server: &TestServer, may: bool) {
    server.app.store.let_grow(may).await.unwrap();
}

#[tokio::test]
async fn reason_8_a_full_disk_is_reported_as_soon_as_there_is_room() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let before = server.events().await.len();
    let_grow(&server, false).await;
    // The file has some pages left: use them up, each try from another network so that each has its event.
    let mut refused = None;
    for number in 1..2000_u32 {
        browser.from = format!("{}:40000", std::net::Ipv4Addr::from(0x0A00_0000 + number));
        let form = [
            ("csrf", &*page.csrf()),
            ("name", "ann"),
            ("password", "wrong and wrong"),
        ];
        let answer = browser.post(&at, &form).await;
        if answer.status == StatusCode::INTERNAL_SERVER_ERROR {
            refused = Some((answer, std::net::IpAddr::from((0x0A00_0000 + number).to_be_bytes())));
            break;
        }
    }
    let Some((refused, from)) = refused else {
        panic!("the disk was never full")
    };
    says_nothing_else(&refused);
    assert!(
        server.app.unrecorded.record(&server.app.store).await.is_err(),
        "it is still full"
    );
    let full = server.events().await.len();
    assert!(full >= before);

    let_grow(&server, true).await;
    let at_that_time = server.app.clock.now();
    server.clock.advance_seconds(60);
    assert_eq!(server.app.unrecorded.record(&server.app.store).await, Ok(1));
    assert_eq!(server.app.unrecorded.record(&server.app.store).await, Ok(0), "once");
    let recorded = server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.events_after(i64::try_from(full).unwrap(), 10).await }))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"));
    let [recorded] = &*recorded else { panic!("{recorded:?}") };
    let mut expected = denied(Reason::ServerError, Some("ann"), None);
    if let Event::UserAuthorizationDenied { source_ip_address, .. } = &mut expected {
        *source_ip_address = Some(from);
    }
    assert_eq!(recorded.event, expected);
    assert_eq!(recorded.at, at_that_time);
}

#[tokio::test]
async fn reason_8_a_password_that_cannot_be_compared_is_charged_to_nobody() {
    let server = TestServer::new().await;
    server.person("ann").await;
    server.app.hashing.close();
    for name in ["ann", "eve"] {
        for _ in 0..7 {
            let failed = give_password(&mut server.browser(), name, PASSWORD).await;
            assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        }
        let subject = (name == "ann").then_some("UID-1");
        assert_eq!(last(&server).await, denied(Reason::ServerError, Some(name), subject));
    }
}
