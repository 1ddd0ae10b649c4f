//! Storages and backups over the API: added, strengthened, weakened, deleted; what is reported; what is refused.

use countersign_core::{ObjectKind, Role};
use countersign_events::{Changes, Event, Operation, User};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::demo::client::Client;
use crate::testing::office::Office;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

async fn since(office: &Office, count: usize) -> Vec<Event> {
    office.server.events().await.split_off(count)
}

/// Calls and gives status and body.
async fn call(office: &Office, method: Method, path: &str, sent: Option<Value>) -> (StatusCode, Value) {
    let ann = office.token(&office.ann).await;
    let answer = office.call(&ann, method, path, sent).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

fn user(name: &str) -> User {
    User::local(name)
}

#[tokio::test]
async fn a_storage_is_added_at_once_and_found_by_clients() {
    let office = Office::open().await;
    let before = office.server.events().await.len();
    let spec = json!({"name": "archive", "quota_bytes": 1000, "immutable_days": 7});
    let (status, made) = call(&office, Method::POST, "/storages", Some(spec)).await;
    assert_eq!((status, &made), (StatusCode::CREATED, &json!({"id": 2})));
    let (_, shown) = call(&office, Method::GET, "/storages/2", None).await;
    assert_eq!(
        [
            &shown["name"],
            &shown["quota_bytes"],
            &shown["immutable_days"],
            &shown["in_service"],
            &shown["path"]
        ],
        [&json!("archive"), &json!(1000), &json!(7), &json!(true), &Value::Null]
    );
    let (_, list) = call(&office, Method::GET, "/storages", None).await;
    assert_eq!(list["storages"].as_array().unwrap().len(), 2);
    let changes = Changes::object("2", "archive")
        .attribute("type", "Storage")
        .property("name", "String", "", "archive")
        .property("quota_bytes", "String", "", "1000")
        .property("immutable_days", "String", "", "7");
    assert_eq!(
        since(&office, before).await,
        [Event::StorageAdded {
            storage_id: Some("2".into()),
            storage_type: Some("FileSystem".into()),
            name: "archive".into(),
            changes,
            user_name: "ann".into(),
        }]
    );
    let (status, taken) = call(&office, Method::POST, "/storages", Some(json!({"name": "archive"}))).await;
    assert_eq!((status, &taken["field"]), (StatusCode::CONFLICT, &json!("name")));
    for (bad, field) in [
        (json!({"name": "a", "immutable_days": 0}), "immutable_days"),
        (json!({"name": "a", "quota_bytes": 0}), "quota_bytes"),
        (json!({"name": "a", "path": "relative"}), "path"),
        (json!({"name": "a", "path": "/nowhere/that/is"}), "path"),
    ] {
        let (status, refused) = call(&office, Method::POST, "/storages", Some(bad)).await;
        assert_eq!(
            (status, &refused["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_folder_elsewhere_becomes_a_storage_once() {
    let office = Office::open().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let path = std::fs::canonicalize(elsewhere.path()).unwrap();
    let spec = json!({"name": "disk", "path": path});
    let (status, made) = call(&office, Method::POST, "/storages", Some(spec.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, refused) = call(
        &office,
        Method::POST,
        "/storages",
        Some(json!({"name": "other", "path": path})),
    )
    .await;
    assert_eq!(
        (status, &refused["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("path"))
    );
    assert!(path.join("countersign-storage").is_file() && path.join("objects").is_dir());
}

#[tokio::test]
async fn what_strengthens_is_done_at_once_and_what_weakens_is_held() {
    let office = Office::open().await;
    let before = office.server.events().await.len();
    let put = |days: Value, quota: Value, name: &'static str| {
        let spec = json!({"name": name, "immutable_days": days, "quota_bytes": quota});
        call(&office, Method::PUT, "/storages/1", Some(spec))
    };
    let (status, _) = put(json!(7), Value::Null, "main").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let lock = Changes::object("1", "main")
        .attribute("type", "Storage")
        .property("immutable_days", "String", "", "7");
    assert_eq!(
        since(&office, before).await,
        [Event::GeneralSettingsUpdated {
            changes: lock,
            user_name: "ann".into()
        }]
    );
    let (status, _) = put(json!(7), Value::Null, "main").await;
    assert_eq!(status, StatusCode::NO_CONTENT, "it is so already");
    assert_eq!(since(&office, before).await.len(), 1);
    for (days, quota, name) in [
        (json!(6), Value::Null, "main"),
        (Value::Null, Value::Null, "main"),
        (json!(7), json!(1 << 30), "main"),
        (json!(9), Value::Null, "renamed"),
    ] {
        let (status, held) = put(days, quota, name).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{held}");
    }
    let (_, shown) = call(&office, Method::GET, "/storages/1", None).await;
    assert_eq!([&shown["immutable_days"], &shown["name"]], [&json!(7), &json!("main")]);
    let operation = Operation::UpdateRepository { name: "main".into() };
    assert_eq!(
        since(&office, before + 1).await[0],
        Event::FourEyesRequestCreated {
            operation: operation.clone(),
            initiator: user("ann"),
            request_id: Some("1".into())
        }
    );
    let decided = office.server.events().await.len();
    office.approved_by_bob("1").await;
    let (_, shown) = call(&office, Method::GET, "/storages/1", None).await;
    assert_eq!(shown["immutable_days"], 6);
    let events = since(&office, decided).await;
    assert_eq!(
        events,
        [
            Event::FourEyesRequestApproved {
                operation,
                initiator: user("ann"),
                supervisor: user("bob"),
                request_id: Some("1".into())
            },
            Event::GeneralSettingsUpdated {
                changes: Changes::object("1", "main").attribute("type", "Storage").property(
                    "immutable_days",
                    "String",
                    "7",
                    "6"
                ),
                user_name: "ann".into()
            }
        ]
    );
    // The others were computed from what holds no more.
    let token = office.token(&office.bob).await;
    let shown = body(&office.call(&token, Method::GET, "/requests/2", None).await.body);
    let approval = json!({"digest": shown["digest"], "code": office.server.code("bob")});
    let drifted = office
        .call(&token, Method::POST, "/requests/2/approve", Some(approval))
        .await;
    assert_eq!(drifted.status, StatusCode::CONFLICT, "{}", drifted.body);
}

#[tokio::test]
async fn rule_5_a_storage_renamed_meanwhile_does_not_change_what_an_approval_deletes() {
    let office = Office::open().await;
    let request = office.waiting(&["one"]).await;
    let renamed = json!({"name": "renamed"});
    let (_, held) = call(&office, Method::PUT, "/storages/1", Some(renamed)).await;
    office.approved_by_bob(&held["request"].to_string()).await;
    // Another one takes the name, with a backup of the same name.
    let (status, _) = call(&office, Method::POST, "/storages", Some(json!({"name": "main"}))).await;
    assert_eq!(status, StatusCode::CREATED);
    let again = Client::begin(&office.server.app, "laptop".parse().unwrap(), "192.0.2.7")
        .await
        .unwrap();
    again.put(ObjectKind::Config, b"config".to_vec()).await.unwrap();
    again.put(ObjectKind::Snapshots, b"one".to_vec()).await.unwrap();
    office.server.clock.advance_seconds(60);
    office.approved_by_bob(&request.to_string()).await;
    office.server.app.vault.purge_due().await.unwrap();
    let (_, there) = call(&office, Method::GET, "/backups/main/laptop", None).await;
    assert_eq!(there["snapshots"].as_array().unwrap().len(), 1, "{there}");
    assert_eq!(there["snapshots"][0]["held_by"], Value::Null);
}

#[tokio::test]
async fn a_storage_is_closed_while_its_deletion_waits_and_open_again_after_a_rejection() {
    let office = Office::open().await;
    office.snapshot("one").await;
    let (status, last) = call(&office, Method::DELETE, "/storages/1?purge=true", None).await;
    assert_eq!(status, StatusCode::CONFLICT, "the last one stays: {last}");
    call(&office, Method::POST, "/storages", Some(json!({"name": "archive"}))).await;
    office.server.clock.advance_seconds(60);
    let before = office.server.events().await.len();
    let (status, held) = call(&office, Method::DELETE, "/storages/1?purge=true", None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{held}");
    let id = held["request"].to_string();
    let refused = office
        .laptop
        .put(ObjectKind::Snapshots, b"two".to_vec())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("waits for a decision"), "{refused}");
    office.laptop.put(ObjectKind::Locks, b"lock".to_vec()).await.unwrap();
    let (status, _) = call(&office, Method::DELETE, "/backups/main/laptop", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = call(&office, Method::DELETE, "/storages/1", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "asked once");
    let (status, _) = call(&office, Method::PUT, "/storages/1", Some(json!({"name": "else"}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "it stays as it is shown");
    let bob = office.token(&office.bob).await;
    let code = json!({"code": office.server.code("bob"), "comment": ""});
    let rejected = office
        .call(&bob, Method::POST, &format!("/requests/{id}/reject"), Some(code))
        .await;
    assert_eq!(rejected.status, StatusCode::OK, "{}", rejected.body);
    office.snapshot("two").await;
    let operation = Operation::DeleteStorage { name: "main".into() };
    assert_eq!(
        since(&office, before).await,
        [
            Event::FourEyesRequestCreated {
                operation: operation.clone(),
                initiator: user("ann"),
                request_id: Some(id.clone())
            },
            Event::FourEyesRequestRejected {
                operation,
                initiator: user("ann"),
                supervisor: user("bob"),
                request_id: Some(id)
            }
        ]
    );
}

#[tokio::test]
async fn an_approved_storage_goes_with_its_bytes_and_everything_is_reported() {
    let office = Office::open().await;
    let snapshot = office.snapshot("one").await;
    let received = countersign_core::Clock::now(&*office.server.clock);
    call(&office, Method::POST, "/storages", Some(json!({"name": "archive"}))).await;
    office.server.clock.advance_seconds(60);
    let (_, held) = call(&office, Method::DELETE, "/storages/1?purge=true", None).await;
    let id = held["request"].to_string();
    let folder = office.server.app.config.data.join("storages/1");
    assert!(folder.is_dir());
    let before = office.server.events().await.len();
    office.approved_by_bob(&id).await;
    office.server.app.vault.purge_due().await.unwrap();
    office.server.app.vault.purge_due().await.unwrap();
    assert!(!folder.exists());
    let (status, _) = call(&office, Method::GET, "/storages/1", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(office.laptop.put(ObjectKind::Locks, b"lock".to_vec()).await.is_err());
    let told: Vec<_> = since(&office, before)
        .await
        .into_iter()
        .filter(|event| event.id() != 42403)
        .collect();
    let bytes = (b"config".len() + b"one".len()).to_string();
    assert_eq!(
        told,
        [
            Event::RestorePointDeleted {
                oib_id: Some(snapshot.name.to_string()),
                original_oib_id: None,
                vm_ref: None,
                vm_name: "main/laptop".into(),
                server_name: Some("laptop".into()),
                date_time: Some(received),
                is_corrupted: None,
                platform: Some("restic".into()),
                storage_size: Some(3),
                repository_id: Some("1".into()),
                is_full: None,
                user_name: "ann".into(),
                request_id: Some(id.clone()),
                result: None,
            },
            Event::RepositoryDeleted {
                repository_id: Some("1".into()),
                repository_type: Some("ordinary".into()),
                repository_name: "main/laptop".into(),
                changes: Changes::object("1", "main/laptop")
                    .attribute("type", "Backup")
                    .property("storage", "String", "main", "")
                    .property("name", "String", "laptop", ""),
                user_name: "ann".into(),
                user: user("ann"),
                request_id: Some(id.clone()),
                result: None,
            },
            Event::StorageDeleted {
                storage_id: Some("1".into()),
                storage_type: Some("FileSystem".into()),
                name: "main".into(),
                changes: Changes::object("1", "main")
                    .attribute("type", "Storage")
                    .property("path", "String", "", "")
                    .property("bytes", "Int64", bytes, "0"),
                user_name: "ann".into(),
                request_id: Some(id),
                result: None,
            }
        ]
    );
}

#[tokio::test]
async fn a_storage_forgotten_leaves_its_bytes_and_waits_for_requests_of_its_backups() {
    let office = Office::open().await;
    call(&office, Method::POST, "/storages", Some(json!({"name": "archive"}))).await;
    let request = office.waiting(&["one"]).await;
    let (status, _) = call(&office, Method::DELETE, "/storages/1", None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let bob = office.token(&office.bob).await;
    let code = json!({"code": office.server.code("bob"), "comment": ""});
    office
        .call(&bob, Method::POST, &format!("/requests/{request}/reject"), Some(code))
        .await;
    office.turn_off().await;
    office.server.clock.advance_seconds(60);
    let files = || {
        std::fs::read_dir(office.server.app.config.data.join("storages/1/objects/1/snapshots"))
            .unwrap()
            .count()
    };
    assert_eq!(files(), 1);
    let (status, done) = call(&office, Method::DELETE, "/storages/1", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{done}");
    office.server.app.vault.purge_due().await.unwrap();
    assert_eq!(files(), 1, "left as it is");
    let (_, list) = call(&office, Method::GET, "/storages", None).await;
    assert_eq!(list["storages"].as_array().unwrap().len(), 1);
    let (_, backups) = call(&office, Method::GET, "/backups", None).await;
    assert_eq!(backups["backups"], json!([]));
}

#[tokio::test]
async fn a_retention_lock_refuses_everybody_and_an_approval_given_before_it() {
    let office = Office::open().await;
    let young = office.snapshot("one").await;
    office.waiting(&["two"]).await;
    call(
        &office,
        Method::PUT,
        "/storages/1",
        Some(json!({"name": "main", "immutable_days": 1})),
    )
    .await;
    let before = office.server.events().await.len();
    for four_eyes in [true, false] {
        if !four_eyes {
            office.turn_off().await;
        }
        let refused = office.laptop.delete(young).await.unwrap_err();
        assert!(refused.to_string().contains("retention lock"), "{refused}");
        let (status, problem) = call(&office, Method::DELETE, "/backups/main/laptop", None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
        let path = format!("/backups/main/laptop/objects/snapshots/{}", young.name);
        assert_eq!(
            call(&office, Method::DELETE, &path, None).await.0,
            StatusCode::FORBIDDEN
        );
    }
    let refused = since(&office, before).await;
    assert_eq!(refused.len(), 6);
    assert_eq!(
        refused[0],
        Event::DeleteBackupFailed {
            endpoint: "192.0.2.7:0".parse().unwrap(),
            user_name: Some("laptop".into()),
            request_id: None
        }
    );
    // What waited from before the lock is not approved either.
    let bob = office.token(&office.bob).await;
    let shown = body(&office.call(&bob, Method::GET, "/requests/1", None).await.body);
    let approval = json!({"digest": shown["digest"], "code": office.server.code("bob")});
    let refused = office
        .call(&bob, Method::POST, "/requests/1/approve", Some(approval))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    office.server.clock.advance_seconds(86_400);
    let path = format!("/backups/main/laptop/objects/snapshots/{}", young.name);
    assert_eq!(
        call(&office, Method::DELETE, &path, None).await.0,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn a_quota_refuses_what_does_not_fit_and_counts_what_is_held() {
    let office = Office::open().await;
    office.turn_off().await;
    let spec = json!({"name": "main", "quota_bytes": b"config".len() + 6});
    assert_eq!(
        call(&office, Method::PUT, "/storages/1", Some(spec)).await.0,
        StatusCode::NO_CONTENT
    );
    let one = office.snapshot("one").await;
    office.snapshot("two").await;
    let refused = office
        .laptop
        .put(ObjectKind::Snapshots, b"3".to_vec())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("quota"), "{refused}");
    office.laptop.put(ObjectKind::Locks, b"lock".to_vec()).await.unwrap();
    office.laptop.delete(one).await.unwrap();
    let refused = office.laptop.put(ObjectKind::Snapshots, b"3".to_vec()).await;
    assert!(refused.is_err(), "the lock took one byte more than there is");
    let (_, shown) = call(&office, Method::GET, "/storages/1", None).await;
    assert_eq!(shown["used_bytes"], b"configtwolock".len());
}

#[tokio::test]
async fn a_log_backup_is_deleted_by_an_operation_of_its_own() {
    let office = Office::open().await;
    office.snapshot("one").await;
    let before = office.server.events().await.len();
    let marked = call(
        &office,
        Method::PUT,
        "/backups/main/laptop",
        Some(json!({"kind": "log"})),
    )
    .await;
    assert_eq!(marked.0, StatusCode::NO_CONTENT);
    let (_, shown) = call(&office, Method::GET, "/backups/main/laptop", None).await;
    assert_eq!(shown["kind"], "log");
    office.server.clock.advance_seconds(60);
    let (status, held) = call(&office, Method::DELETE, "/backups/main/laptop", None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{held}");
    let events = since(&office, before).await;
    assert_eq!(
        events[0],
        Event::GeneralSettingsUpdated {
            changes: Changes::object("1", "main/laptop")
                .attribute("type", "Backup")
                .property("kind", "String", "ordinary", "log"),
            user_name: "ann".into()
        }
    );
    assert_eq!(
        events[1],
        Event::FourEyesRequestCreated {
            operation: Operation::DeleteLogBackup {
                name: "main/laptop".into()
            },
            initiator: user("ann"),
            request_id: Some("1".into())
        }
    );
    let marked = call(
        &office,
        Method::PUT,
        "/backups/main/laptop",
        Some(json!({"kind": "ordinary"})),
    )
    .await;
    assert_eq!(marked.0, StatusCode::FORBIDDEN, "not while its deletion waits");
}

#[tokio::test]
async fn one_object_over_the_api_is_a_request_of_its_own_behind_what_was_collected() {
    let office = Office::open().await;
    let (one, two) = (office.snapshot("one").await, office.snapshot("two").await);
    let data = office.laptop.put(ObjectKind::Data, b"data".to_vec()).await.unwrap();
    office.laptop.delete(one).await.unwrap();
    let path = |kind: &str, name: String| format!("/backups/main/laptop/objects/{kind}/{name}");
    let (status, first) = call(&office, Method::DELETE, &path("snapshots", two.name.to_string()), None).await;
    assert_eq!((status, &first["request"]), (StatusCode::ACCEPTED, &json!(2)));
    let (_, second) = call(&office, Method::DELETE, &path("data", data.name.to_string()), None).await;
    assert_eq!(second["request"], 3);
    let (status, _) = call(&office, Method::DELETE, &path("data", data.name.to_string()), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "hidden already");
    let (status, _) = call(&office, Method::DELETE, &path("config", "config".into()), None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (_, shown) = call(&office, Method::GET, "/backups/main/laptop", None).await;
    assert_eq!(
        shown["queue"],
        json!([1, 2, 3]),
        "the client's delete was sealed before it"
    );
    let operations: Vec<u32> = office
        .server
        .events()
        .await
        .iter()
        .filter_map(|event| match event {
            Event::FourEyesRequestCreated { operation, .. } => Some(operation.id()),
            _ => None,
        })
        .collect();
    assert_eq!(operations, [104, 104, 105]);
}

#[tokio::test]
async fn whoever_is_no_backup_administrator_changes_no_storage_and_that_is_reported() {
    let office = Office::open().await;
    let now = office.server.now();
    let carol = office
        .server
        .colleague("carol", &[Role::SecurityAdministrator], now)
        .await;
    let before = office.server.events().await.len();
    let carol = office.token(&carol).await;
    let calls = [
        (Method::POST, "/storages", Some(json!({"name": "a"}))),
        (Method::PUT, "/storages/1", Some(json!({"name": "a"}))),
        (Method::PUT, "/backups/main/laptop", Some(json!({"kind": "log"}))),
        (Method::DELETE, "/storages/1", None),
    ];
    for (method, path, sent) in calls {
        let answer = office.call(&carol, method, path, sent).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    }
    let ids: Vec<_> = since(&office, before).await.iter().map(Event::id).collect();
    assert_eq!(ids, [41810, 41810, 41810, 41800]);
}
