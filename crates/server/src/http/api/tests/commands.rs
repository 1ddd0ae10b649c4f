//! Commands: held, approved, taken once, redeemed once, and never carried out otherwise.

use countersign_core::grant::{BadGrant, CommandGrant};
use countersign_core::{Account, AccountKind, Actor, Clock as _, Role, Roles, Via};
use countersign_events::{Event, Operation, User};
use countersign_store::{NewAccount, StoreError};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::flows::runners;
use crate::testing::office::Office;
use crate::testing::people::Answer;

/// An office with the runner `host1`.
struct Site {
    office: Office,
    ann: String,
    host: Account,
    runner: String,
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

impl Site {
    async fn open() -> Self {
        let office = Office::open().await;
        let now = office.server.clock.now();
        let host = office
            .server
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let new = NewAccount {
                        name: "host1".parse().unwrap(),
                        kind: AccountKind::Service,
                        roles: Roles::default(),
                        created_at: now,
                        eligible_at: now,
                    };
                    let account = tx.add_account(&new).await?;
                    tx.add_runner(account.id, now).await?;
                    Ok::<_, StoreError>(account)
                })
            })
            .await
            .unwrap();
        let person = Actor {
            account: office.ann.id,
            name: office.ann.name.to_string(),
            login_type: 0,
            via: Via::Session(office.ann.roles),
            address: "192.0.2.8".into(),
            why: None,
            maker: None,
        };
        let secret = runners::new_token(&office.server.app, &person, host.id).await.unwrap();
        Self {
            ann: office.token(&office.ann).await,
            office,
            host,
            runner: secret.reveal().to_owned(),
        }
    }

    fn command(more: Value) -> Value {
        let mut command = json!({
            "operation": 10_000, "name": "Trim host1", "argv": ["/usr/sbin/fstrim", "-v", "/data new"],
            "environment": {"LANG": "C"}, "folder": "/srv", "runner": "host1",
        });
        for (name, value) in more.as_object().unwrap() {
            command[name] = value.clone();
        }
        command
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.office.call(token, Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Value {
        body(&self.office.call(&self.ann, Method::GET, path, None).await)
    }

    /// Asks; the request that waits.
    async fn asked(&self, more: Value) -> String {
        let held = self.post(&self.ann, "/requests", Self::command(more)).await;
        assert_eq!(held.status, StatusCode::ACCEPTED, "{held:?}");
        body(&held)["request"].to_string()
    }

    async fn approved(&self, more: Value) -> String {
        let request = self.asked(more).await;
        self.office.approved_by_bob(&request).await;
        request
    }

    async fn take(&self) -> Option<Value> {
        let taken = self.post(&self.runner, "/runner/take", json!({})).await;
        match taken.status {
            StatusCode::OK => Some(body(&taken)),
            StatusCode::NO_CONTENT => None,
            _ => panic!("{taken:?}"),
        }
    }

    async fn grant(&self, request: &str) -> String {
        self.get(&format!("/requests/{request}/grant")).await["grant"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn redeem(&self, grant: &str, more: Value) -> Answer {
        let mut attempt = json!({
            "grant": grant, "audience": "nightly", "argv": ["/usr/sbin/fstrim", "-v", "/data new"],
            "environment": {"LANG": "C"}, "folder": "/srv",
        });
        for (name, value) in more.as_object().unwrap() {
            attempt[name] = value.clone();
        }
        self.post("", "/grants/redeem", attempt).await
    }
}

fn user(name: &str) -> User {
    User {
        full_name: name.into(),
        login_type: 0,
    }
}

fn of_grant() -> Value {
    json!({"runner": null, "audience": "nightly"})
}

#[tokio::test]
async fn a_command_is_held_approved_and_run_once_and_what_it_wrote_is_kept() {
    let site = Site::open().await;
    let before = site.office.server.events().await.len();
    let request = site.asked(json!({})).await;
    assert_eq!(site.take().await, None, "nothing is run before a second person says so");
    site.office.approved_by_bob(&request).await;
    let operation = Operation::Other {
        name: "Trim host1".into(),
    };
    let expected = [
        Event::FourEyesRequestCreated {
            operation: operation.clone(),
            initiator: user("ann"),
            request_id: Some(request.clone()),
        },
        Event::FourEyesRequestApproved {
            operation,
            initiator: user("ann"),
            supervisor: user("bob"),
            request_id: Some(request.clone()),
        },
    ];
    assert_eq!(site.office.server.events().await.split_off(before), expected);

    let handed = site.take().await.unwrap();
    assert_eq!(site.take().await, None, "it is handed out once");
    // The runner's own check: signature, whom it is for, and exactly these bytes.
    let app = &site.office.server.app;
    let (keys, now) = (app.signing.keys(app).await.unwrap(), app.clock.now());
    let text = |name: &str| handed[name].as_str().unwrap();
    let read = |whom: &str| CommandGrant::read(text("grant"), &keys.public, &app.issuer(), whom, now);
    let grant = read(&site.host.id.subject()).unwrap();
    assert_eq!(read("UID-99"), Err(BadGrant::Audience));
    let spec = grant.opens(text("command"), Some(text("manifest"))).unwrap();
    assert_eq!(spec.line(), "/usr/sbin/fstrim -v '/data new'");
    let digest = site.get(&format!("/requests/{request}")).await["digest"].clone();
    assert_eq!(json!(grant.manifest), digest);

    let report = json!({"exit_code": 3, "output": "bmV3Cg==", "errors": "G1syAA==", "errors_cut": true});
    let path = "/runner/commands/1/report";
    assert_eq!(
        site.post(&site.runner, path, report.clone()).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(site.post(&site.runner, path, report).await.status, StatusCode::CONFLICT);
    let shown = site.get(&format!("/requests/{request}")).await;
    assert_eq!(shown["command"], 1);
    let command = site.get("/commands/1").await;
    assert_eq!(
        (&command["state"], &command["exit_code"], &command["request"]),
        (&json!("ended"), &json!(3), &shown["id"])
    );
    assert_eq!(site.get("/commands").await["commands"][0], command);
    let output = json!({"output": "bmV3Cg==", "errors": "G1syAA==", "output_cut": false, "errors_cut": true});
    assert_eq!(site.get("/commands/1/output").await, output);
    let viewer = site.office.server.colleague("vic", &[Role::BackupViewer], now).await;
    let viewer = site.office.token(&viewer).await;
    let refused = site.office.call(&viewer, Method::GET, "/commands/1/output", None).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_take_a_command_at_once_one_gets_it() {
    let site = std::sync::Arc::new(Site::open().await);
    site.approved(json!({})).await;
    let all: Vec<_> = (0..50)
        .map(|_| {
            let site = site.clone();
            tokio::spawn(async move { site.take().await })
        })
        .collect();
    let mut got = 0;
    for one in all {
        got += usize::from(one.await.unwrap().is_some());
    }
    assert_eq!(got, 1);
}

#[tokio::test]
async fn what_is_rejected_or_expires_is_never_handed_out() {
    let site = Site::open().await;
    let rejected = site.asked(json!({})).await;
    let bob = site.office.token(&site.office.bob).await;
    let code = json!({"code": site.office.server.code("bob")});
    let answer = site.post(&bob, &format!("/requests/{rejected}/reject"), code).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let expired = site.asked(of_grant()).await;
    site.office.server.clock.advance_seconds(7 * 86_400);
    site.office.server.app.vault.expire_overdue().await.unwrap();
    let events = site.office.server.events().await;
    let [.., Event::FourEyesRequestExpired { request_id, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(request_id.as_deref(), Some(expired.as_str()));
    assert!(matches!(
        events[events.len() - 3],
        Event::FourEyesRequestRejected { .. }
    ));
    assert_eq!(site.take().await, None);
    let app = &site.office.server.app;
    let listed = app
        .store
        .ask(|view| Box::pin(async move { view.commands(None, 10).await }))
        .await;
    assert_eq!(listed.unwrap_or_else(|error: StoreError| panic!("{error}")), []);
}

#[tokio::test]
async fn a_grant_is_redeemed_once_and_for_exactly_what_was_approved() {
    let site = Site::open().await;
    let request = site.approved(of_grant()).await;
    assert_eq!(site.take().await, None, "it is for no runner");
    let bob = site.office.token(&site.office.bob).await;
    let others = site.office.call(&bob, Method::GET, "/commands/1/grant", None).await;
    assert_eq!(others.status, StatusCode::FORBIDDEN);
    let grant = site.grant(&request).await;
    for other in [
        json!({"argv": ["/usr/sbin/fstrim", "-v", "/data", "new"]}),
        json!({"argv": ["/usr/sbin/fstrim", "-v"]}),
        json!({"environment": {}}),
        json!({"environment": {"LANG": "C", "LD_PRELOAD": "/tmp/x.so"}}),
        json!({"folder": "/"}),
        json!({"audience": "weekly"}),
        json!({"grant": format!("{grant}x")}),
        json!({"grant": site.ann}),
    ] {
        let refused = site.redeem(&grant, other.clone()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{other}");
    }
    // Another one of the same command counts with it.
    let again = site.grant(&request).await;
    assert_eq!(site.redeem(&grant, json!({})).await.status, StatusCode::OK);
    for replayed in [&grant, &again] {
        assert_eq!(site.redeem(replayed, json!({})).await.status, StatusCode::CONFLICT);
    }
    let over = site
        .office
        .call(&site.ann, Method::GET, "/commands/1/grant", None)
        .await;
    assert_eq!(over.status, StatusCode::CONFLICT);
    assert_eq!(site.get("/commands/1").await["state"], "redeemed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_who_redeem_a_grant_at_once_one_may() {
    let site = std::sync::Arc::new(Site::open().await);
    let request = site.approved(of_grant()).await;
    let grant = site.grant(&request).await;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (site, grant) = (site.clone(), grant.clone());
            tokio::spawn(async move { site.redeem(&grant, json!({})).await.status })
        })
        .collect();
    let mut may = 0;
    for one in all {
        may += usize::from(one.await.unwrap() == StatusCode::OK);
    }
    assert_eq!(may, 1);
}

#[tokio::test]
async fn a_grant_ends_with_its_time() {
    let site = Site::open().await;
    let mut asked = of_grant();
    asked["valid_minutes"] = json!(1);
    let request = site.approved(asked).await;
    let grant = site.grant(&request).await;
    site.office.server.clock.advance_seconds(60);
    assert_eq!(site.redeem(&grant, json!({})).await.status, StatusCode::FORBIDDEN);
    let late = site
        .office
        .call(&site.ann, Method::GET, "/commands/1/grant", None)
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    crate::flows::commands::end_overdue(&site.office.server.app)
        .await
        .unwrap();
    assert_eq!(site.get("/commands/1").await["state"], "lapsed");
}

#[tokio::test]
async fn what_a_runner_took_and_never_reported_is_unknown_and_never_run_again() {
    let site = Site::open().await;
    site.approved(json!({"seconds": 10})).await;
    site.take().await.unwrap();
    let app = &site.office.server.app;
    let end = async || crate::flows::commands::end_overdue(app).await.unwrap();
    site.office.server.clock.advance_seconds(129);
    assert_eq!(end().await, 0, "its runner may still report");
    site.office.server.clock.advance_seconds(1);
    assert_eq!(end().await, 1);
    assert_eq!(site.get("/commands/1").await["state"], "unknown");
    assert_eq!(site.take().await, None);
    // One that was cut off tells it after all.
    let report = json!({"signal": 9, "failed": "ended after its time limit of 10 s"});
    let answer = site.post(&site.runner, "/runner/commands/1/report", report).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let command = site.get("/commands/1").await;
    assert_eq!((&command["state"], &command["signal"]), (&json!("failed"), &json!(9)));
}

#[tokio::test]
async fn a_removed_runner_gets_nothing_and_voids_an_approval() {
    let site = Site::open().await;
    site.approved(json!({})).await;
    let waiting = site.asked(json!({"name": "Another"})).await;
    let path = format!("/runners/{}", site.host.id);
    let removed = site.office.call(&site.ann, Method::DELETE, &path, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{removed:?}");
    let refused = site.post(&site.runner, "/runner/take", json!({})).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.get("/commands/1").await["state"], "failed");
    let bob = site.office.token(&site.office.bob).await;
    let shown = site.get(&format!("/requests/{waiting}")).await;
    let approval = json!({"digest": shown["digest"], "code": site.office.server.code("bob")});
    let void = site.post(&bob, &format!("/requests/{waiting}/approve"), approval).await;
    assert_eq!(void.status, StatusCode::CONFLICT, "{void:?}");
}

#[tokio::test]
async fn being_a_runner_is_a_request_and_its_token_is_told_once() {
    let site = Site::open().await;
    let laptop = json!({"account": 3});
    let held = site.post(&site.ann, "/runners", laptop.clone()).await;
    assert_eq!(held.status, StatusCode::ACCEPTED, "{held:?}");
    let token = async || site.post(&site.ann, "/runners/3/token", json!({})).await;
    assert_eq!(token().await.status, StatusCode::NOT_FOUND);
    site.office.approved_by_bob(&body(&held)["request"].to_string()).await;
    assert_eq!(
        site.post(&site.ann, "/runners", laptop).await.status,
        StatusCode::CONFLICT
    );
    let made = body(&token().await)["token"].as_str().unwrap().to_owned();
    assert!(made.starts_with("UID-3."), "{made}");
    assert_eq!(token().await.status, StatusCode::CONFLICT);
    assert_eq!(
        site.post(&made, "/runner/take", json!({})).await.status,
        StatusCode::NO_CONTENT
    );
    // A person is none, and neither token is good for anything else.
    let person = json!({"account": site.office.ann.id});
    assert_eq!(
        site.post(&site.ann, "/runners", person).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let api = site.office.call(&made, Method::GET, "/requests", None).await;
    assert_eq!(api.status, StatusCode::UNAUTHORIZED);
    let take = site.post(&site.ann, "/runner/take", json!({})).await;
    assert_eq!(take.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn while_four_eyes_authorization_is_off_a_command_can_be_taken_at_once() {
    let site = Site::open().await;
    site.office.turn_off().await;
    let allowed = site.post(&site.ann, "/requests", Site::command(json!({}))).await;
    assert_eq!(
        (allowed.status, allowed.location()),
        (StatusCode::CREATED, "/api/v1/commands/1")
    );
    let handed = site.take().await.unwrap();
    assert_eq!((&handed["manifest"], &handed["id"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn what_cannot_be_a_command_is_refused_with_the_field() {
    let site = Site::open().await;
    for (more, field) in [
        (json!({"operation": 104}), "operation"),
        (json!({"argv": []}), "argv"),
        (json!({"argv": ["a\0b"]}), "argv"),
        (json!({"folder": "srv"}), "folder"),
        (json!({"environment": {"A=B": ""}}), "environment"),
        (json!({"runner": "nobody"}), "runner"),
        (json!({"audience": "both"}), "runner"),
        (json!({"seconds": 0}), "seconds"),
        (json!({"name": " "}), "name"),
    ] {
        let refused = site.post(&site.ann, "/requests", Site::command(more.clone())).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{more}");
        assert_eq!(body(&refused)["field"], field, "{more}");
    }
    let now = site.office.server.clock.now();
    let viewer = site.office.server.colleague("vic", &[Role::BackupOperator], now).await;
    let viewer = site.office.token(&viewer).await;
    let refused = site.post(&viewer, "/requests", Site::command(json!({}))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
