//! What holds for every answer.

mod forms;
mod no_way_round;
mod races;

use axum::body::Body;
use http::Request;
use insta::assert_snapshot;

use crate::config::Key;
use crate::testing::House;

fn get(path: &str) -> http::request::Builder {
    Request::get(path)
}

#[tokio::test]
async fn it_is_alive_and_ready() {
    let house = House::open().await;
    assert_snapshot!(house.ask(get("/healthz")).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 3
    content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'
    content-type: text/plain; charset=utf-8
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    x-request-id: 0000000000000000

    ok
    "#);
    assert_snapshot!(house.ask(get("/readyz")).await.body, @"ready");
}

#[tokio::test]
async fn it_is_not_ready_when_nothing_can_be_written() {
    let house = House::open().await;
    std::fs::remove_dir_all(house.data()).unwrap();
    assert_snapshot!(house.ask(get("/readyz")).await, @r#"
    503 Service Unavailable
    cache-control: no-store
    content-length: 190
    content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'
    content-type: application/problem+json
    referrer-policy: no-referrer
    retry-after: 5
    x-content-type-options: nosniff
    x-request-id: 0000000000000000

    {"detail":"the data folder cannot be written to: entity not found","request_id":"0000000000000000","status":503,"title":"Not possible right now","type":"urn:countersign:problem:unavailable"}
    "#);
    assert_eq!(house.ask(get("/healthz")).await.head.status, 200);
}

#[tokio::test]
async fn a_problem_has_the_form_its_reader_wants() {
    let house = House::open().await;
    let page = house.ask(get("/nowhere").header("accept", "text/html,*/*;q=0.8")).await;
    assert_eq!(
        (page.head.status.as_u16(), &page.head.headers["content-type"]),
        (404, &"text/html; charset=utf-8".parse().unwrap())
    );
    for part in [
        "<h1>Not found</h1>",
        "There is nothing at this address.",
        "Request 0000000000000000",
    ] {
        assert!(page.body.contains(part), "{part} is missing in {}", page.body);
    }
    assert_snapshot!(house.ask(get("/api/v1/nowhere").header("accept", "text/html")).await, @r#"
    404 Not Found
    cache-control: no-store
    content-length: 154
    content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'
    content-type: application/problem+json
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    x-request-id: 0000000000000001

    {"detail":"There is nothing at this address.","request_id":"0000000000000001","status":404,"title":"Not found","type":"urn:countersign:problem:not-found"}
    "#);
    assert_snapshot!(house.ask(Request::post("/healthz")).await, @r#"
    405 Method Not Allowed
    allow: GET,HEAD
    cache-control: no-store
    content-length: 178
    content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'
    content-type: application/problem+json
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    x-request-id: 0000000000000002

    {"detail":"This address does not take this method.","request_id":"0000000000000002","status":405,"title":"Method not allowed","type":"urn:countersign:problem:method-not-allowed"}
    "#);
    assert_snapshot!(house.ask(get("/restic/main/x/nowhere/")).await, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 102
    content-type: text/plain; charset=utf-8
    www-authenticate: Basic realm="countersign", charset="UTF-8"
    x-content-type-options: nosniff
    x-request-id: 0000000000000003

    Give the account's name and a repository token: rest:http://ACCOUNT:TOKEN@HOST/restic/STORAGE/BACKUP/
    "#);
}

#[tokio::test]
async fn browsers_are_told_to_stay_on_tls_where_it_is_spoken() {
    let house = House::with(&[(Key::PublicUrl, "https://backup.example.com")]).await;
    let answer = house.ask(get("/healthz")).await;
    assert_eq!(answer.head.headers["strict-transport-security"], "max-age=63072000");
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_the_allowed() {
    let house = House::with(&[(Key::MetricsAllow, "192.0.2.0/24"), (Key::BehindProxy, "10.0.0.0/8")]).await;
    let status = async |peer: &str, forwarded: Option<&str>| {
        let mut request = get("/metrics");
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        house
            .ask_from(peer, request.body(Body::empty()).unwrap())
            .await
            .head
            .status
            .as_u16()
    };
    assert_eq!(status("127.0.0.1:1", None).await, 200);
    assert_eq!(status("[::1]:1", None).await, 200);
    assert_eq!(status("[::ffff:127.0.0.1]:1", None).await, 200);
    assert_eq!(status("192.0.2.7:1", None).await, 200);
    assert_eq!(status("10.0.0.1:1", Some("192.0.2.7")).await, 200);
    assert_eq!(status("198.51.100.1:1", None).await, 403);
    assert_eq!(
        status("127.0.0.1:1", Some("198.51.100.1")).await,
        403,
        "by an unknown relay on this machine"
    );
    assert_eq!(status("198.51.100.1:1", Some("127.0.0.1")).await, 403, "spoofed");
    assert_eq!(status("10.0.0.1:1", Some("198.51.100.1")).await, 403);
    assert_eq!(status("10.0.0.1:1", None).await, 403);
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_path() {
    let house = House::open().await;
    house.ask(get("/healthz?secret=1")).await;
    house.ask(get("/some/secret/path")).await;
    house.ask(get("/healthz").method("BREW")).await;
    let metrics = house.ask(get("/metrics")).await.body;
    let counts: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("countersign_http_requests_total"))
        .collect();
    let mut counts = counts;
    counts.sort_unstable();
    assert_snapshot!(counts.join("\n"), @r#"
    countersign_http_requests_total{method="GET",route="/healthz",status="200"} 1
    countersign_http_requests_total{method="GET",route="none",status="404"} 1
    countersign_http_requests_total{method="other",route="/healthz",status="405"} 1
    "#);
    assert!(!metrics.contains("secret"));
    assert!(metrics.ends_with("# EOF\n"));
}
