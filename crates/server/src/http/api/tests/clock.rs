//! A clock that jumped, as programs and people see it.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::alerts::{SystemDisk, Watch};
use crate::testing::office::Office;

async fn shown(office: &Office, token: &str) -> Value {
    let shown = office.call(token, Method::GET, "/clock", None).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    serde_json::from_str(&shown.body).unwrap()
}

#[tokio::test]
async fn a_clock_that_jumped_waits_for_two_people_over_the_api_and_the_page() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let start = "2026-11-18T11:06:40.000000+00:00";
    assert_eq!(
        shown(&office, &ann).await,
        json!({"now": start, "ageing": start, "jump": null})
    );
    let none = office
        .call(&ann, Method::POST, "/clock/confirm", Some(json!({"jump": 0})))
        .await;
    assert_eq!(none.status, StatusCode::CONFLICT, "{}", none.body);
    office.server.clock.jump_seconds(3600);
    let later = "2026-11-18T12:06:40.000000+00:00";
    let jump = json!({"number": 1, "before": start, "after": later});
    assert_eq!(
        shown(&office, &ann).await,
        json!({"now": later, "ageing": start, "jump": jump})
    );

    let watch = Watch::new(office.server.app.clone(), Box::new(SystemDisk));
    watch.look().await;
    let alerts = office.call(&ann, Method::GET, "/alerts", None).await;
    assert!(
        alerts
            .body
            .contains("\"kind\":\"clock\",\"name\":\"\",\"level\":\"critical\""),
        "{}",
        alerts.body
    );
    let mut browser = office.server.browser();
    browser.log_on("ann").await;
    let page = browser.get("/settings").await;
    assert!(page.body.contains("class=\"banner alert critical\""));
    assert!(
        page.body.contains(&format!("<dt>It showed</dt><dd>{later}</dd>")),
        "{}",
        page.body
    );
    let other = browser
        .post("/settings/clock/confirm", &[("csrf", &page.csrf()), ("jump", "7")])
        .await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        other.body.contains("The clock jumped again since you looked"),
        "{}",
        other.body
    );
    let asked = browser
        .post("/settings/clock/confirm", &[("csrf", &page.csrf()), ("jump", "1")])
        .await;
    assert_eq!(asked.location(), "/requests/1/recorded", "{}", asked.body);
    let request = browser.get("/requests/1").await;
    assert!(
        request.body.contains(start) && request.body.contains(later),
        "both times are shown: {}",
        request.body
    );
    assert_eq!(
        shown(&office, &ann).await["jump"],
        jump,
        "it stands still until a second person approves"
    );

    office.approved_by_bob("1").await;
    assert_eq!(shown(&office, &ann).await["jump"], Value::Null);
    watch.look().await;
    // The machine's own disk may have one.
    let alerts = office.call(&ann, Method::GET, "/alerts", None).await;
    assert!(!alerts.body.contains("\"kind\":\"clock\""), "{}", alerts.body);
    assert!(!browser.get("/settings").await.body.contains("Time stands still"));
    let late = browser
        .post("/settings/clock/confirm", &[("csrf", &page.csrf()), ("jump", "1")])
        .await;
    assert!(late.body.contains("was confirmed already"), "{}", late.body);
}
