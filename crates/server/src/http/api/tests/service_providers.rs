//! Service providers over the API: registered at once, weakened and deleted (106) by a request.

use countersign_core::Role;
use countersign_events::{Changes, Event, Operation, Outcome, User};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::told;
use crate::testing::NOW;
use crate::testing::office::Office;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn cellar() -> Value {
    json!({"name": "cellar", "url": "https://cellar.example:8000", "user": "office", "password": "very secret"})
}

const CELLAR: &str = "/service-providers/1";

/// An office that has a provider with a scheduled copy.
async fn office() -> (Office, String) {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let made = office
        .call(&ann, Method::POST, "/service-providers", Some(cellar()))
        .await;
    assert_eq!(
        (made.status, made.location()),
        (StatusCode::CREATED, "/api/v1/service-providers/1"),
        "{}",
        made.body
    );
    let path = format!("{CELLAR}/schedules/main/laptop");
    let scheduled = office
        .call(&ann, Method::PUT, &path, Some(json!({"every_hours": 24})))
        .await;
    assert_eq!(scheduled.status, StatusCode::NO_CONTENT, "{}", scheduled.body);
    (office, ann)
}

async fn since(office: &Office, count: usize) -> Vec<Event> {
    office.server.events().await.split_off(count)
}

#[tokio::test]
async fn one_more_is_registered_at_once_and_its_password_never_told() {
    let (office, ann) = office().await;
    let shown = office.call(&ann, Method::GET, CELLAR, None).await;
    insta::assert_snapshot!(told(&shown), @r#"
    200 OK
    content-type: application/json

    {
      "ca": null,
      "created_at": "2026-11-18T11:06:40.000000+00:00",
      "fingerprint": null,
      "has_password": true,
      "id": 1,
      "name": "cellar",
      "schedules": [
        {
          "backup": "main/laptop",
          "every_hours": 24,
          "last": null,
          "late_since": null,
          "to": "laptop"
        }
      ],
      "server_name": null,
      "unencrypted": false,
      "url": "https://cellar.example:8000/",
      "user": "office"
    }
    "#);
    let events = format!("{:?}", office.server.events().await);
    assert!(events.contains("cellar") && !events.contains("very secret"), "{events}");
    let kept = office
        .server
        .app
        .store
        .ask(|view| Box::pin(async move { view.service_providers().await }));
    let kept = kept
        .await
        .map_err(|error: countersign_store::StoreError| error.to_string())
        .unwrap();
    let sealed = kept[0].password.clone().unwrap();
    assert!(!sealed.windows(4).any(|part| part == b"very"), "it is sealed");
    let again = office
        .call(&ann, Method::POST, "/service-providers", Some(cellar()))
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_does_not_hold_is_refused_with_its_field() {
    let (office, ann) = office().await;
    for (field, value, at) in [
        ("url", json!("http://cellar.example/"), "unencrypted"),
        ("url", json!("https://office:secret@cellar.example/"), "url"),
        ("user", json!("a:b"), "user"),
        ("password", json!(""), "password"),
        ("unencrypted", json!(true), "unencrypted"),
    ] {
        let mut bad = cellar();
        bad["name"] = "attic".into();
        bad[field] = value;
        let refused = office.call(&ann, Method::POST, "/service-providers", Some(bad)).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{field}: {}",
            refused.body
        );
        assert!(refused.body.contains(at), "{field}: {}", refused.body);
    }
    for backup in ["main/none", "none/laptop"] {
        let asked = json!({"backup": backup});
        let refused = office
            .call(&ann, Method::POST, &format!("{CELLAR}/copies"), Some(asked))
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    }
    let none = office.call(&ann, Method::POST, "/service-providers/9/test", None).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_copy_is_asked_for_once_however_often() {
    let (office, ann) = office().await;
    let asked = json!({"backup": "main/laptop", "to": "elsewhere"});
    let path = format!("{CELLAR}/copies");
    let first = office.call(&ann, Method::POST, &path, Some(asked.clone())).await;
    assert_eq!(
        (first.status, first.location()),
        (StatusCode::CREATED, "/api/v1/service-providers/1/copies/1")
    );
    let again = office.call(&ann, Method::POST, &path, Some(asked)).await;
    assert_eq!(again.location(), first.location());
    let shown = body(&office.call(&ann, Method::GET, &format!("{path}/1"), None).await.body);
    assert_eq!(
        (&shown["state"], &shown["to"], &shown["asked_by"]),
        (&json!("due"), &json!("elsewhere"), &json!("ann"))
    );
    let listed = body(&office.call(&ann, Method::GET, &path, None).await.body);
    assert_eq!(listed["copies"], json!([shown]));
}

#[tokio::test]
async fn viewers_and_security_administrators_alone_use_none() {
    let (office, _) = office().await;
    for role in [Role::BackupViewer, Role::SecurityAdministrator] {
        let name = role.as_str();
        let account = office.server.colleague(name, &[role], NOW).await;
        let token = office.token(&account).await;
        for (method, path, sent) in [
            (
                Method::POST,
                "/service-providers",
                Some(json!({"name": "x", "url": "https://x/", "user": "x", "password": "x"})),
            ),
            (Method::DELETE, CELLAR, None),
            (Method::POST, "/service-providers/1/test", None),
            (
                Method::PUT,
                "/service-providers/1/password",
                Some(json!({"password": "x"})),
            ),
            (
                Method::POST,
                "/service-providers/1/copies",
                Some(json!({"backup": "main/laptop"})),
            ),
            (Method::DELETE, "/service-providers/1/schedules/main/laptop", None),
            (
                Method::PUT,
                "/service-providers/1/schedules/main/laptop",
                Some(json!({"every_hours": 1})),
            ),
        ] {
            let refused = office.call(&token, method.clone(), path, sent).await;
            assert_eq!(
                refused.status,
                StatusCode::FORBIDDEN,
                "{name}: {method} {path}: {}",
                refused.body
            );
        }
        assert_eq!(
            office.call(&token, Method::GET, CELLAR, None).await.status,
            StatusCode::OK
        );
    }
}

fn operation() -> Operation {
    Operation::DeleteServiceProvider { name: "cellar".into() }
}

fn created(request: &str) -> Event {
    Event::FourEyesRequestCreated {
        operation: operation(),
        initiator: User::local("ann"),
        request_id: Some(request.into()),
    }
}

#[tokio::test]
async fn operation_106_is_held_and_told_as_the_family_does() {
    let (office, ann) = office().await;
    let before = office.server.events().await.len();
    let held = office.call(&ann, Method::DELETE, CELLAR, None).await;
    assert_eq!(
        (held.status, held.location()),
        (StatusCode::ACCEPTED, "/api/v1/requests/1")
    );
    let shown = body(&office.call(&ann, Method::GET, "/requests/1", None).await.body);
    assert_eq!(shown["operation_id"], 106, "{shown}");
    let manifest = body(&office.call(&ann, Method::GET, "/requests/1/manifest", None).await.body);
    let subject = &manifest["subject"]["service_provider"];
    assert_eq!(
        (
            &subject["provider"],
            &subject["before"]["name"],
            &subject["before"]["url"],
            &subject["after"]
        ),
        (
            &json!(1),
            &json!("cellar"),
            &json!("https://cellar.example:8000/"),
            &Value::Null
        ),
        "{manifest}"
    );
    // Whoever asked takes it back.
    let own = json!({"code": office.server.code("ann")});
    office.server.clock.advance_seconds(30);
    let rejected = office.call(&ann, Method::POST, "/requests/1/reject", Some(own)).await;
    assert_eq!(rejected.status, StatusCode::OK, "{}", rejected.body);
    assert_eq!(
        office.call(&ann, Method::GET, CELLAR, None).await.status,
        StatusCode::OK
    );

    office.call(&ann, Method::DELETE, CELLAR, None).await;
    office.approved_by_bob("2").await;
    assert_eq!(
        office.call(&ann, Method::GET, CELLAR, None).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        since(&office, before).await,
        [
            created("1"),
            Event::FourEyesRequestRejected {
                operation: operation(),
                initiator: User::local("ann"),
                supervisor: User::local("ann"),
                request_id: Some("1".into()),
            },
            created("2"),
            Event::FourEyesRequestApproved {
                operation: operation(),
                initiator: User::local("ann"),
                supervisor: User::local("bob"),
                request_id: Some("2".into()),
            },
            Event::ServiceProviderDeleted {
                provider_id: Some("1".into()),
                provider_name: "cellar".into(),
                user_name: "ann".into(),
                request_id: Some("2".into()),
                result: Some(Outcome::Success),
            },
        ]
    );
}

#[tokio::test]
async fn operation_106_expires_and_nothing_is_deleted() {
    let (office, ann) = office().await;
    let before = office.server.events().await.len();
    office.call(&ann, Method::DELETE, CELLAR, None).await;
    office.server.clock.advance_seconds(7 * 86_400);
    office.server.app.vault.expire_overdue().await.unwrap();
    let expired = Event::FourEyesRequestExpired {
        operation: operation(),
        initiator: User::local("ann"),
        request_id: Some("1".into()),
    };
    assert_eq!(since(&office, before).await, [created("1"), expired]);
    let ann = office.token(&office.ann).await;
    assert_eq!(
        office.call(&ann, Method::GET, CELLAR, None).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn copies_go_elsewhere_or_end_only_by_a_request_and_another_end_gets_no_old_password() {
    let (office, ann) = office().await;
    let schedule = format!("{CELLAR}/schedules/main/laptop");
    let more = office
        .call(&ann, Method::PUT, &schedule, Some(json!({"every_hours": 1})))
        .await;
    assert_eq!(more.status, StatusCode::NO_CONTENT, "{}", more.body);
    let mut elsewhere = cellar();
    elsewhere.as_object_mut().unwrap().remove("password");
    elsewhere["url"] = "https://attic.example/".into();
    for (method, path, sent) in [
        (Method::PUT, schedule.as_str(), Some(json!({"every_hours": 2}))),
        (
            Method::PUT,
            schedule.as_str(),
            Some(json!({"every_hours": 1, "to": "other"})),
        ),
        (Method::DELETE, schedule.as_str(), None),
        (Method::PUT, CELLAR, Some(elsewhere)),
    ] {
        let held = office.call(&ann, method, path, sent).await;
        assert_eq!(held.status, StatusCode::ACCEPTED, "{}", held.body);
    }
    let before = office.server.events().await.len();
    office.approved_by_bob("4").await;
    let changes = Changes::object("1", "cellar")
        .attribute("type", "ServiceProvider")
        .property(
            "url",
            "String",
            "https://cellar.example:8000/",
            "https://attic.example/",
        )
        .property("password", "String", "set", "none");
    let changed = Event::GeneralSettingsUpdated {
        changes,
        user_name: "ann".into(),
    };
    assert_eq!(since(&office, before).await[1..], [changed]);
    let ann = office.token(&office.ann).await;
    let shown = body(&office.call(&ann, Method::GET, CELLAR, None).await.body);
    assert_eq!(
        (&shown["has_password"], &shown["url"]),
        (&json!(false), &json!("https://attic.example/"))
    );
    assert_eq!(shown["schedules"][0]["every_hours"], 1, "what is scheduled stays");

    // What the others were computed from holds no more.
    let bob = office.token(&office.bob).await;
    let waiting = body(&office.call(&bob, Method::GET, "/requests/3", None).await.body);
    let approval = json!({"digest": waiting["digest"], "code": office.server.code("bob")});
    let drifted = office
        .call(&bob, Method::POST, "/requests/3/approve", Some(approval))
        .await;
    assert_eq!(drifted.status, StatusCode::CONFLICT, "{}", drifted.body);
}
