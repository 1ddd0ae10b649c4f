//! Every alert, from its cause to its end, where people and programs see it.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use countersign_core::Policy;
use countersign_core::configuration_backup::Schedule;
use countersign_core::receiver::ReceiverSpec;
use http::{Method, Request};
use serde_json::{Value, json};

use super::*;
use crate::alerts::Room;
use crate::config::Key;
use crate::testing::House;
use crate::testing::office::Office;

/// A disk that has as much room as it is told.
#[derive(Clone)]
struct Told(Arc<Mutex<Room>>);

impl Disk for Told {
    fn room(&self, _: &Path) -> Option<Room> {
        Some(*self.0.lock().unwrap())
    }
}

const PLENTY: Room = Room {
    free: 1 << 40,
    total: 1 << 41,
};

fn plenty() -> Told {
    Told(Arc::new(Mutex::new(PLENTY)))
}

async fn add(app: &AppState, spec: Value) {
    let spec: ReceiverSpec = serde_json::from_value(spec).unwrap();
    let now = app.clock.now();
    app.store
        .write(move |tx| Box::pin(async move { tx.add_receiver(&spec, now).await }))
        .await
        .unwrap();
}

/// Has no configuration backups made, of which an alert would tell that they lack a passphrase.
async fn no_configuration_backups(app: &AppState) {
    let never = Schedule {
        at: None,
        ..Schedule::default()
    };
    app.store
        .write(move |tx| Box::pin(async move { tx.set_configuration_schedule(&never).await }))
        .await
        .unwrap();
}

/// Records so many events.
async fn happen(app: &AppState, count: usize) {
    let now = app.clock.now();
    let event = countersign_events::Event::examples().swap_remove(0);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                for _ in 0..count {
                    tx.report(&event, now, None, "ann").await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await
        .unwrap();
}

fn kinds(app: &AppState) -> Vec<(&'static str, String)> {
    let alerts = app.alerts.current();
    alerts
        .into_iter()
        .map(|alert| (alert.found.kind.as_str(), alert.found.name))
        .collect()
}

#[tokio::test]
async fn what_waits_too_long_is_an_alert_until_it_is_delivered() {
    let house = House::with(&[(Key::AlertsBacklogEvents, "3"), (Key::AlertsLagSeconds, "60")]).await;
    let app = &house.app;
    add(
        app,
        json!({"name": "siem", "transport": "tcp-lf", "address": "127.0.0.1:1"}),
    )
    .await;
    let watch = Watch::new(app.clone(), Box::new(plenty()));
    happen(app, 3).await;
    house.clock.advance_seconds(60);
    watch.look().await;
    assert_eq!(kinds(app), [], "the limit itself is no alert");
    happen(app, 1).await;
    house.clock.advance_seconds(1);
    watch.look().await;
    let siem = "siem".to_owned();
    assert_eq!(kinds(app), [("receiver-backlog", siem.clone()), ("receiver-lag", siem)]);
    let texts: Vec<_> = app.alerts.current().into_iter().map(|alert| alert.found.text).collect();
    assert_eq!(
        texts,
        [
            "4 events wait for receiver siem; they are kept",
            "events wait for receiver siem since 1 min; they are kept"
        ]
    );
    let metrics = house.ask(Request::get("/metrics")).await.body;
    let line = "countersign_alert{kind=\"receiver-backlog\",name=\"siem\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let last = tx.last_event().await?;
                let id = tx.receivers().await?[0].id;
                tx.advance_cursor(id, last, last, now).await
            })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    watch.look().await;
    assert_eq!(kinds(app), []);
    let metrics = house.ask(Request::get("/metrics")).await.body;
    assert!(!metrics.contains("countersign_alert{"), "{metrics}");
}

#[tokio::test]
async fn administrators_see_alerts_on_every_page_and_programs_over_the_api() {
    let office = Office::open().await;
    let app = office.server.app.clone();
    no_configuration_backups(&app).await;
    let disk = plenty();
    let watch = Watch::new(app.clone(), Box::new(disk.clone()));
    *disk.0.lock().unwrap() = Room {
        free: 200 << 20,
        total: 10 << 30,
    };
    watch.look().await;
    let token = office.token(&office.ann).await;
    let told = office.call(&token, Method::GET, "/alerts", None).await;
    let told: Value = serde_json::from_str(&told.body).unwrap();
    let text = "the data folder’s disk has 200 MiB of 10.0 GiB left: make room; when it is full, uploads, deletes and decisions are refused";
    assert_eq!(
        told,
        json!({"alerts": [{
            "kind": "disk-space", "name": "", "level": "critical", "text": text, "since": "2026-11-18T11:06:40.000000+00:00",
        }]})
    );
    let mut ann = office.server.browser();
    ann.log_on("ann").await;
    let page = ann.get("/pending").await;
    assert!(page.body.contains("class=\"banner alert critical\""), "{}", page.body);
    assert!(
        page.body
            .contains("The data folder’s disk has 200 MiB of 10.0 GiB left"),
        "{}",
        page.body
    );
    office.server.clock.advance_seconds(30);
    office
        .server
        .colleague("carol", &[countersign_core::Role::BackupViewer], app.clock.now())
        .await;
    let mut carol = office.server.browser();
    carol.log_on("carol").await;
    let page = carol.get("/pending").await;
    assert!(
        !page.body.contains("banner alert"),
        "it is for administrators: {}",
        page.body
    );
    *disk.0.lock().unwrap() = PLENTY;
    watch.look().await;
    let told = office.call(&token, Method::GET, "/alerts", None).await;
    assert_eq!(told.body, "{\"alerts\":[]}");
    assert!(!ann.get("/pending").await.body.contains("banner alert"));
}

#[tokio::test]
async fn a_certificate_that_is_to_be_shown_must_be_there_and_good() {
    let house = House::open().await;
    let to_show = json!({
        "name": "siem", "transport": "tls", "address": "127.0.0.1:1", "options": {"tls": {"client_certificate": true}},
    });
    let said = |house: &House| {
        let alerts = house.app.alerts.current();
        alerts
            .into_iter()
            .map(|alert| alert.found.text)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let look = async |house: &House| Watch::new(house.app.clone(), Box::new(plenty())).look().await;
    look(&house).await;
    assert_eq!(said(&house), "");
    add(&house.app, to_show.clone()).await;
    look(&house).await;
    assert!(
        said(&house).contains("but none is configured: set events.tls_cert"),
        "{}",
        said(&house)
    );

    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
    let settings = [
        (Key::EventsTlsCert, certificate.to_str().unwrap()),
        (Key::EventsTlsKey, key.to_str().unwrap()),
    ];
    let house = House::with(&settings).await;
    add(&house.app, to_show).await;
    look(&house).await;
    assert!(said(&house).contains("a.crt cannot be read"), "{}", said(&house));
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new(["vbrsrv01".to_owned()]).unwrap();
    wanted.not_after = rcgen::date_time_ymd(2026, 11, 20);
    std::fs::write(&certificate, wanted.self_signed(&pair).unwrap().pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    look(&house).await;
    assert_eq!(said(&house), "", "it is good until the twentieth");
    house.clock.advance_seconds(2 * 86_400);
    look(&house).await;
    assert!(said(&house).contains("it has expired"), "{}", said(&house));
}

/// The first thing that is refused for want of room makes the alert, and the first write that finds room again ends it.
#[tokio::test]
async fn a_database_without_room_refuses_says_so_and_goes_on_when_there_is_room() {
    let office = Office::open().await;
    office.turn_off().await;
    let app = office.server.app.clone();
    no_configuration_backups(&app).await;
    let watch = Watch::new(app.clone(), Box::new(plenty()));
    let ann = office.token(&office.ann).await;
    let mut browser = office.server.browser();
    browser.log_on("ann").await;
    let events = office.server.events().await.len();
    app.store.let_grow(false).await.unwrap();

    let new = json!({"label": "x", "rights": "read", "backups": "*"});
    let mut refused = 0;
    for _ in 0..1000 {
        let answer = office.call(&ann, Method::POST, "/tokens", Some(new.clone())).await;
        match answer.status.as_u16() {
            201 => {}
            507 => {
                refused += 1;
                assert!(answer.body.contains("disk is full: make room"), "{}", answer.body);
                break;
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert_eq!(refused, 1, "it never was full");
    watch.look().await;
    assert_eq!(kinds(&app), [("database", String::new())]);
    assert_eq!(office.server.house.ask(Request::get("/readyz")).await.head.status, 503);
    assert_eq!(office.server.house.ask(Request::get("/healthz")).await.head.status, 200);
    office.server.clock.advance_seconds(90);
    let page = browser.get("/pending").await;
    assert_eq!(page.status, 200, "who looks is served: {}", page.body);
    assert!(page.body.contains("nothing can be recorded") || page.body.contains("Nothing can be recorded"));
    assert_eq!(office.server.events().await.len(), events, "nothing was lost");

    app.store.let_grow(true).await.unwrap();
    watch.look().await;
    assert_eq!(kinds(&app), []);
    assert_eq!(office.server.house.ask(Request::get("/readyz")).await.head.status, 200);
    let made = office.call(&ann, Method::POST, "/tokens", Some(new)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let policy = Policy {
        expiry_days: 9,
        ..Policy::default()
    };
    let changed = office.call(&ann, Method::PUT, "/settings", Some(json!(policy))).await;
    assert_eq!(changed.status, 204, "{}", changed.body);
    assert_eq!(office.server.events().await.len(), events + 1);
}
