//! Settings, tokens, backups over the API.

use countersign_core::Policy;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::told;
use crate::testing::office::Office;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_setting_is_changed_by_a_request_while_four_eyes_are_on() {
    let office = Office::open().await;
    let token = office.token(&office.ann).await;
    let before = office.call(&token, Method::GET, "/settings", None).await;
    insta::assert_snapshot!(told(&before), @r#"
    200 OK
    content-type: application/json

    {
      "collect_seconds": 3600,
      "cool_off_hours": 24,
      "event_retention_days": null,
      "expiry_days": 7,
      "four_eyes": true,
      "held_bytes_cap": null,
      "logoff_minutes": 30,
      "mfa_for_all": true,
      "open_requests": 100,
      "quiet_seconds": 15,
      "session_hours": 12,
      "undo_hours": 0
    }
    "#);
    let mut after = body(&before.body);
    after["expiry_days"] = 14.into();
    let held = office.call(&token, Method::PUT, "/settings", Some(after.clone())).await;
    assert_eq!(
        (held.status, held.location()),
        (StatusCode::ACCEPTED, "/api/v1/requests/1")
    );
    let unchanged = office.call(&token, Method::GET, "/settings", None).await;
    assert_eq!(unchanged.body, before.body);
    let same = office
        .call(&token, Method::PUT, "/settings", Some(body(&before.body)))
        .await;
    assert_eq!(same.status, StatusCode::NO_CONTENT);

    let shown = office.call(&token, Method::GET, "/requests/1", None).await;
    let approval = json!({"digest": body(&shown.body)["digest"], "code": office.server.code("bob")});
    let bob = office.token(&office.bob).await;
    let approved = office
        .call(&bob, Method::POST, "/requests/1/approve", Some(approval))
        .await;
    assert_eq!(approved.body, "{\"requests\":[1]}");
    let now = office.call(&token, Method::GET, "/settings", None).await;
    assert_eq!(body(&now.body), after);
}

#[tokio::test]
async fn settings_are_said_whole_and_in_their_ranges() {
    let office = Office::open().await;
    let token = office.token(&office.ann).await;
    let whole = json!(Policy::default());
    let changed = |name: &str, value: Value| {
        let mut settings = whole.clone();
        settings[name] = value;
        settings
    };
    let mut short = whole.clone();
    short.as_object_mut().unwrap().remove("held_bytes_cap");
    for (settings, told) in [
        (short, "missing field `held_bytes_cap`"),
        (changed("expiry_days", 31.into()), "expiry_days must be from 1 to 30"),
        (changed("expiry_days", "7".into()), "expiry_days: invalid type"),
        (changed("quiet_hours", 7.into()), "unknown field `quiet_hours`"),
    ] {
        let answer = office.call(&token, Method::PUT, "/settings", Some(settings)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    // A whole number, however it is written.
    let answer = office
        .call(
            &token,
            Method::PUT,
            "/settings",
            Some(changed("expiry_days", 9.0.into())),
        )
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
}

#[tokio::test]
async fn a_token_is_told_once_and_ends_when_it_is_revoked() {
    let office = Office::open().await;
    let (ann, bob) = (office.token(&office.ann).await, office.token(&office.bob).await);
    let new = json!({"label": "workstation", "rights": "append", "backups": "main/ann,main/photos"});
    let made = office.call(&ann, Method::POST, "/tokens", Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = body(&made.body);
    let secret = made["token"].as_str().unwrap();
    assert_eq!(secret.len(), 43);
    let listed = office.call(&ann, Method::GET, "/tokens", None).await;
    assert!(!listed.body.contains(secret));
    insta::assert_snapshot!(told(&listed), @r#"
    200 OK
    content-type: application/json

    {
      "tokens": [
        {
          "backups": "main/ann,main/photos",
          "created_at": "2026-11-18T11:06:40.000000+00:00",
          "expires_at": null,
          "id": 1,
          "label": "workstation",
          "revoked_at": null,
          "rights": "append",
          "used_at": null
        }
      ]
    }
    "#);
    let theirs = office.call(&bob, Method::GET, "/tokens", None).await;
    assert_eq!(theirs.body, "{\"tokens\":[]}");
    let path = format!("/tokens/{}", made["id"]);
    assert_eq!(office.call(&bob, Method::DELETE, &path, None).await.status, 404);
    assert_eq!(office.call(&ann, Method::DELETE, &path, None).await.status, 204);
    assert_eq!(office.call(&ann, Method::DELETE, &path, None).await.status, 404);
    for (field, value) in [("label", " "), ("backups", "main"), ("rights", "all")] {
        let mut new = json!({"label": "x", "rights": "read", "backups": "*"});
        new[field] = value.into();
        let refused = office.call(&ann, Method::POST, "/tokens", Some(new)).await;
        assert_eq!(refused.status, 422, "{field}");
    }
}

#[tokio::test]
async fn a_backup_tells_what_lies_there_and_what_is_held() {
    let office = Office::open().await;
    office.snapshot("kept").await;
    office.waiting(&["gone"]).await;
    let token = office.token(&office.ann).await;
    insta::assert_snapshot!(told(&office.call(&token, Method::GET, "/backups/main/laptop", None).await), @r#"
    200 OK
    content-type: application/json

    {
      "created_at": "2026-11-18T11:06:40.000000+00:00",
      "created_by": "laptop",
      "held": [
        {
          "bytes": 4,
          "kind": "snapshots",
          "objects": 1
        }
      ],
      "held_by": null,
      "kind": "ordinary",
      "locks": [],
      "name": "laptop",
      "newest_object_at": "2026-11-18T11:06:40.000000+00:00",
      "queue": [
        1
      ],
      "snapshots": [
        {
          "held_by": 1,
          "name": "283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247",
          "received_at": "2026-11-18T11:06:40.000000+00:00",
          "received_by": "laptop"
        },
        {
          "held_by": null,
          "name": "79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96",
          "received_at": "2026-11-18T11:06:40.000000+00:00",
          "received_by": "laptop"
        }
      ],
      "storage": "main",
      "visible": [
        {
          "bytes": 6,
          "kind": "config",
          "objects": 1
        },
        {
          "bytes": 4,
          "kind": "snapshots",
          "objects": 1
        }
      ]
    }
    "#);
    let list = office.call(&token, Method::GET, "/backups", None).await;
    assert_eq!(body(&list.body)["backups"][0]["name"], "laptop");
    for path in ["/backups/main/none", "/backups/none/laptop"] {
        assert_eq!(office.call(&token, Method::GET, path, None).await.status, 404, "{path}");
        assert_eq!(
            office.call(&token, Method::DELETE, path, None).await.status,
            404,
            "{path}"
        );
    }
}
