//! Receivers over the API: at once and by a request, tested, filtered.

use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::told;
use crate::delivery::TEST_TEXT;
use crate::testing::office::Office;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

fn spec(address: &str) -> Value {
    json!({"name": "siem", "transport": "tcp-octets", "address": address})
}

/// Takes one connection and reads it to its end.
async fn listener() -> (String, JoinHandle<String>) {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let reading = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    });
    (address, reading)
}

#[tokio::test]
async fn receivers_come_change_and_go_by_requests() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let held = office.call(&ann, Method::POST, "/receivers", Some(spec(NOBODY))).await;
    insta::assert_snapshot!(told(&held), @r#"
    202 Accepted
    content-type: application/json
    location: /api/v1/requests/1

    {
      "href": "/api/v1/requests/1",
      "request": 1,
      "test": {
        "at": "2026-11-18T11:06:40.000000+00:00",
        "detail": "the test message was not delivered: no connection to 127.0.0.1:1: connection refused",
        "outcome": "failed"
      }
    }
    "#);
    office.approved_by_bob("1").await;
    let list = office.call(&ann, Method::GET, "/receivers", None).await;
    insta::assert_snapshot!(told(&list), @r#"
    200 OK
    content-type: application/json

    {
      "receivers": [
        {
          "address": "127.0.0.1:1",
          "backlog": 1,
          "connected": false,
          "created_at": "2026-11-18T11:07:10.000000+00:00",
          "delivered_at": null,
          "delivered_seq": 2,
          "id": 1,
          "lag_seconds": 0,
          "last_error": null,
          "last_error_at": null,
          "name": "siem",
          "settled_seq": 2,
          "state": "sending",
          "transport": "tcp-octets"
        }
      ]
    }
    "#);
    office.server.clock.advance_seconds(90);
    let shown = office.call(&ann, Method::GET, "/receivers/1", None).await;
    assert_eq!(body(&shown.body)["lag_seconds"], 90, "the addition itself still waits");
    let unknown = office.call(&ann, Method::GET, "/receivers/99", None).await;
    assert!(unknown.body.contains("There is no such receiver."), "{}", unknown.body);
    for (method, path) in [(Method::PUT, "/receivers/99"), (Method::DELETE, "/receivers/99")] {
        assert_eq!(office.call(&ann, method, path, Some(spec(NOBODY))).await.status, 404);
    }
    let same = office.call(&ann, Method::PUT, "/receivers/1", Some(spec(NOBODY))).await;
    assert_eq!((same.status, same.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let twice = office.call(&ann, Method::POST, "/receivers", Some(spec(NOBODY))).await;
    assert_eq!(
        (twice.status.as_u16(), &body(&twice.body)["field"]),
        (409, &json!("name"))
    );
    let mut other = spec(NOBODY);
    other["options"] = json!({"sequence": true});
    let held = office.call(&ann, Method::PUT, "/receivers/1", Some(other)).await;
    assert_eq!(
        (held.status, body(&held.body)["test"]["outcome"].as_str()),
        (StatusCode::ACCEPTED, Some("failed"))
    );
    let removal = office.call(&ann, Method::DELETE, "/receivers/1", None).await;
    assert_eq!(
        (removal.status, removal.location()),
        (StatusCode::ACCEPTED, "/api/v1/requests/3")
    );
}

#[tokio::test]
async fn what_is_added_at_once_is_tested_at_once() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    let (address, reading) = listener().await;
    let added = office
        .call(&ann, Method::POST, "/receivers", Some(spec(&address)))
        .await;
    assert_eq!(
        (added.status, added.location()),
        (StatusCode::CREATED, "/api/v1/receivers/1")
    );
    let said = body(&added.body);
    assert_eq!((&said["id"], &said["test"]["outcome"]), (&json!(1), &json!("sent")));
    let got = reading.await.unwrap();
    assert!(got.contains(TEST_TEXT) && !got.contains("instanceId="), "{got}");

    let changed = office.call(&ann, Method::PUT, "/receivers/1", Some(spec(NOBODY))).await;
    assert_eq!(
        changed.status,
        StatusCode::OK,
        "a test that fails does not undo the change"
    );
    assert_eq!(body(&changed.body)["test"]["outcome"], "failed");
    let shown = office.call(&ann, Method::GET, "/receivers/1", None).await;
    assert_eq!(body(&shown.body)["address"], NOBODY);
    let tested = office.call(&ann, Method::POST, "/receivers/1/test", None).await;
    insta::assert_snapshot!(told(&tested), @r#"
    200 OK
    content-type: application/json

    {
      "at": "2026-11-18T11:06:40.000000+00:00",
      "detail": "the test message was not delivered: no connection to 127.0.0.1:1: connection refused",
      "outcome": "failed"
    }
    "#);
    assert_eq!(
        office.call(&ann, Method::POST, "/receivers/9/test", None).await.status,
        404
    );
    let carol = office
        .server
        .colleague(
            "carol",
            &[countersign_core::Role::BackupViewer],
            office.server.app.clock.now(),
        )
        .await;
    let carol = office.token(&carol).await;
    assert_eq!(
        office
            .call(&carol, Method::POST, "/receivers/1/test", None)
            .await
            .status,
        403
    );
    assert_eq!(office.call(&carol, Method::GET, "/receivers/1", None).await.status, 200);
}

#[tokio::test]
async fn every_option_is_kept_and_what_does_not_fit_is_named() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    let ca = rcgen::generate_simple_self_signed(["siem.example".to_owned()])
        .unwrap()
        .cert;
    let whole = json!({
        "name": "siem", "transport": "tls", "address": NOBODY,
        "options": {
            "form": "strict", "app_name": "Backup", "logon_app_name": "Logon", "byte_order_mark": true,
            "sequence": true, "connect_seconds": 1,
            "tls": {"server_name": "siem.example", "ca": ca.pem().trim()},
        },
        "filter": [{"event_id": 42402, "info": true, "warning": true, "error": false}],
    });
    let added = office.call(&ann, Method::POST, "/receivers", Some(whole.clone())).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    let shown = body(&office.call(&ann, Method::GET, "/receivers/1", None).await.body);
    for (name, value) in whole.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    let with = |place: &str, value: Value| {
        let mut spec = whole.clone();
        *spec.pointer_mut(place).unwrap() = value;
        spec
    };
    for (spec, field, detail) in [
        (with("/address", "siem".into()), "address", "an address is host:port"),
        (with("/transport", "tcp".into()), "transport", "unknown variant"),
        (
            with("/transport", "relp".into()),
            "options.tls",
            "TLS settings need the transport",
        ),
        (
            with("/options/app_name", "a b".into()),
            "options.app_name",
            "an APP-NAME has 1 to 48",
        ),
        (
            with("/options/connect_seconds", 0.into()),
            "options.connect_seconds",
            "1 to 60 seconds",
        ),
        (
            with("/options/tls/ca", "x".into()),
            "options.tls.ca",
            "certificates are PEM text",
        ),
        (
            with(
                "/options/tls/ca",
                "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----".into(),
            ),
            "options.tls.ca",
            "certificate 1 of the authorities cannot be used",
        ),
        (
            with("/options/tls", json!({"ca": ca.pem(), "fingerprint": "00".repeat(32)})),
            "options.tls",
            "not both",
        ),
        (
            with("/options/tls", json!({"fingerprint": "00"})),
            "options.tls.fingerprint",
            "64 hexadecimal digits",
        ),
        (
            with("/filter/0/event_id", "x".into()),
            "filter[0].event_id",
            "invalid type",
        ),
        (
            with("/filter", json!([{"event_id": 1}, {"event_id": 1}])),
            "filter",
            "event 1 is named twice",
        ),
    ] {
        let refused = office.call(&ann, Method::POST, "/receivers", Some(spec)).await;
        let problem = body(&refused.body);
        assert_eq!(
            (refused.status.as_u16(), &problem["field"]),
            (422, &json!(field)),
            "{problem}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    assert_eq!(office.call(&ann, Method::GET, "/receivers/2", None).await.status, 404);
}

#[tokio::test]
async fn a_filter_is_exported_and_replaced_as_xml() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    office.call(&ann, Method::POST, "/receivers", Some(spec(NOBODY))).await;
    let (path, kind) = ("/receivers/1/filter", "application/xml");
    let xml = r#"<SyslogFilteredEvents><FilteredEvent EventId="23010" FilterInfo="True" FilterWarning="False" FilterError="False"/></SyslogFilteredEvents>"#;
    let put = office.send(&ann, Method::PUT, path, kind, xml).await;
    assert_eq!((put.status, put.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let shown = office.call(&ann, Method::GET, path, None).await;
    assert_eq!(shown.headers[header::CONTENT_TYPE], kind);
    insta::assert_snapshot!(shown.body, @r#"
    <SyslogFilteredEvents>
      <FilteredEvent EventId="23010" FilterInfo="True" FilterWarning="False" FilterError="False"/>
    </SyslogFilteredEvents>
    "#);
    let receiver = body(&office.call(&ann, Method::GET, "/receivers/1", None).await.body);
    assert_eq!(
        receiver["filter"],
        json!([{"event_id": 23010, "info": true, "warning": false, "error": false}])
    );
    let bad = "<SyslogFilteredEvents>\n  <FilteredEvent EventId=\"x\"/>\n</SyslogFilteredEvents>";
    let refused = office.send(&ann, Method::PUT, path, kind, bad).await;
    insta::assert_snapshot!(told(&refused), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json

    {
      "column": 18,
      "detail": "line 2, column 18: EventId is a number, for example 42402",
      "line": 2,
      "request_id": "…",
      "status": 422,
      "title": "The content does not hold",
      "type": "urn:countersign:problem:invalid"
    }
    "#);
    let json = office.call(&ann, Method::PUT, path, Some(json!([]))).await;
    assert_eq!(json.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        office.call(&ann, Method::GET, path, None).await.body,
        shown.body,
        "nothing was changed"
    );
    assert_eq!(
        office
            .send(&ann, Method::PUT, "/receivers/9/filter", kind, xml)
            .await
            .status,
        404
    );
    // What the file has is there already.
    let same = office
        .send(&ann, Method::PUT, path, "text/xml; charset=utf-8", &shown.body)
        .await;
    assert_eq!(same.status, StatusCode::NO_CONTENT);
    assert_eq!(
        office
            .server
            .events()
            .await
            .iter()
            .filter(|event| event.id() == 31_000)
            .count(),
        2
    );
}

#[tokio::test]
async fn a_filter_waits_for_a_second_person_and_the_event_tells_every_difference() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    office.turn_off().await;
    office.call(&ann, Method::POST, "/receivers", Some(spec(NOBODY))).await;
    office
        .server
        .app
        .store
        .write(|tx| {
            Box::pin(async move {
                let policy = tx.policy().await?;
                tx.set_policy(&countersign_core::Policy {
                    four_eyes: true,
                    ..policy
                })
                .await
            })
        })
        .await
        .map_err(|error: countersign_store::StoreError| error.to_string())
        .unwrap();
    let (path, kind) = ("/receivers/1/filter", "application/xml");
    let xml = "<SyslogFilteredEvents><FilteredEvent EventId='42402' FilterWarning='True'/></SyslogFilteredEvents>";
    let held = office.send(&ann, Method::PUT, path, kind, xml).await;
    assert_eq!(
        (held.status, held.body.as_str()),
        (StatusCode::ACCEPTED, r#"{"request":1,"href":"/api/v1/requests/1"}"#)
    );
    assert!(!office.call(&ann, Method::GET, path, None).await.body.contains("42402"));
    office.approved_by_bob("1").await;
    assert!(office.call(&ann, Method::GET, path, None).await.body.contains("42402"));
    let events = office.server.events().await;
    let changes = serde_json::to_value(events.last().unwrap()).unwrap();
    assert_eq!(
        changes["changes"]["objects"],
        json!([{
            "id": "1", "name": "siem", "attributes": [["type", "Receiver"]],
            "properties": [{"internal": "filter 42402", "type": "String", "old": "", "new": "not sent: warning"}],
        }])
    );
}
