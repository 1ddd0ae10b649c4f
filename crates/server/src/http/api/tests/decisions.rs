//! Requests over the API: looked at, decided, refused with the right words.

use axum::body::Body;
use countersign_core::{Account, RequestId, Sha256};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::told;
use crate::testing::office::Office;
use crate::testing::people::Answer;

async fn get(office: &Office, path: &str) -> Answer {
    let token = office.token(&office.ann).await;
    office.call(&token, Method::GET, path, None).await
}

async fn digest(office: &Office, id: RequestId) -> Value {
    let answer = get(office, &format!("/requests/{id}")).await;
    serde_json::from_str::<Value>(&answer.body).unwrap()["digest"].clone()
}

/// Decides with the code of now.
async fn decide(office: &Office, who: &Account, path: &str, mut body: Value) -> Answer {
    if body["code"].is_null() {
        body["code"] = office.server.code(who.name.as_str()).into();
    }
    let token = office.token(who).await;
    let answer = office.call(&token, Method::POST, path, Some(body)).await;
    // A code is taken once: the next one is of the next step.
    office.server.clock.advance_seconds(30);
    answer
}

/// The status and the sentence.
fn problem(answer: &Answer) -> (u16, String) {
    let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap());
    assert_eq!(kind, Some("application/problem+json"), "{answer:?}");
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem["status"], answer.status.as_u16());
    (answer.status.as_u16(), problem["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn nobody_without_a_token_is_told_anything() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let answer = office.call("", Method::GET, &format!("/requests/{id}"), None).await;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    insta::assert_snapshot!(told(&answer), @r#"
    401 Unauthorized
    content-type: application/problem+json

    {
      "detail": "Send an access token: Authorization: Bearer …",
      "request_id": "…",
      "status": 401,
      "title": "Sign in first",
      "type": "urn:countersign:problem:unauthenticated"
    }
    "#);
    let wrong = office.call("wrong", Method::GET, "/requests", None).await;
    assert_eq!(wrong.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
    assert_eq!(
        problem(&wrong),
        (401, "The access token is not valid, or no longer: log on again.".into())
    );
}

#[tokio::test]
async fn a_token_ends_after_its_time_and_when_it_is_revoked() {
    let office = Office::open().await;
    let token = office.token(&office.ann).await;
    assert_eq!(office.call(&token, Method::GET, "/settings", None).await.status, 200);
    office.server.clock.advance_seconds(86_400);
    assert_eq!(office.call(&token, Method::GET, "/settings", None).await.status, 401);

    let token = office.token(&office.ann).await;
    assert_eq!(office.call(&token, Method::GET, "/settings", None).await.status, 200);
    let form = format!("client_id=cli&token={token}");
    let revoke = Request::post("/oauth2/revoke")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    assert_eq!(office.server.send(revoke, "192.0.2.8:50000").await.status, 200);
    assert_eq!(office.call(&token, Method::GET, "/settings", None).await.status, 401);
}

#[tokio::test]
async fn a_request_is_listed_and_shown_with_its_queue() {
    let office = Office::open().await;
    let first = office.waiting(&["one", "two"]).await;
    let second = office.waiting(&["three"]).await;
    let third = office.waiting(&["four"]).await;
    insta::assert_snapshot!(told(&get(&office, &format!("/requests/{second}")).await), @r#"
    200 OK
    content-type: application/json

    {
      "approve_with": [
        {
          "digest": "…",
          "id": 1
        },
        {
          "digest": "…",
          "id": 2
        }
      ],
      "behind": [],
      "comment": null,
      "created_at": "2026-11-18T11:07:40.000000+00:00",
      "decided_at": null,
      "decided_by": null,
      "decided_from": null,
      "digest": "…",
      "effect": "none",
      "effect_at": null,
      "effect_detail": null,
      "effect_due_at": null,
      "expires_at": "2026-11-25T11:07:40.000000+00:00",
      "habit": null,
      "href": "/api/v1/requests/2",
      "id": 2,
      "initiator": "laptop",
      "initiator_address": "192.0.2.7",
      "loss": {
        "backup_bytes": 11,
        "backup_objects": 2,
        "backup_snapshots": 1,
        "bytes": 5,
        "kinds": [
          {
            "bytes": 5,
            "kind": "snapshots",
            "objects": 1
          }
        ],
        "newest_snapshot_at": "2026-11-18T11:07:40.000000+00:00",
        "objects": 1,
        "oldest_snapshot_at": "2026-11-18T11:07:40.000000+00:00",
        "whole": false
      },
      "marks": [
        "nothing_stays"
      ],
      "nature": "Snapshots alone, as “restic forget” deletes them. Their data stays until a later request asks for it, but without them clients find nothing of it.",
      "operation": "Delete snapshot main/laptop/8b5b9db0",
      "operation_id": 104,
      "reason": null,
      "reject_with": [
        2,
        3
      ],
      "sealed_at": "2026-11-18T11:07:40.000000+00:00",
      "state": "pending",
      "stays": {
        "bytes": 6,
        "kinds": [
          {
            "bytes": 6,
            "kind": "config",
            "objects": 1
          }
        ],
        "newest_snapshot_at": null,
        "snapshots": 0
      },
      "target": "main/laptop",
      "veto_comment": null,
      "veto_with": [],
      "vetoed_by": null,
      "warnings": [
        {
          "code": "nothing_stays",
          "text": "No snapshot stays in this backup: 1 snapshot would go, and there is nothing else to restore from.",
          "weight": "strong"
        },
        {
          "code": "first",
          "text": "Nothing of this account was approved here in the last twelve weeks, so what is usual is not known.",
          "weight": "notable"
        }
      ],
      "why": null
    }
    "#);
    let list = get(&office, "/requests?state=pending,collecting&limit=2").await;
    let list: Value = serde_json::from_str(&list.body).unwrap();
    assert_eq!(list["requests"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&list["requests"][0]["id"], &list["next"]),
        (&json!(third), &json!(second))
    );
    let rest = get(&office, &format!("/requests?before={second}")).await;
    let rest: Value = serde_json::from_str(&rest.body).unwrap();
    assert_eq!(
        (&rest["requests"][0]["id"], &rest["next"]),
        (&json!(first), &Value::Null)
    );
    for (query, told) in [
        (
            "state=open",
            "A state is collecting, pending, approved, rejected, expired or closed.",
        ),
        ("since=yesterday", "A time is given as RFC 3339: 2026-11-21T08:00:00Z."),
        ("before=0", "an id is a positive whole number"),
    ] {
        let answer = get(&office, &format!("/requests?{query}")).await;
        assert_eq!(problem(&answer), (400, told.into()));
    }
    assert_eq!(get(&office, "/requests?sate=pending").await.status, 400);
}

#[tokio::test]
async fn the_manifest_is_what_the_digest_is_of() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let manifest = get(&office, &format!("/requests/{id}/manifest")).await;
    assert_eq!(digest(&office, id).await, Sha256::of(manifest.body.as_bytes()).to_hex());
    let none = get(&office, "/requests/99/manifest").await;
    assert_eq!(
        problem(&none),
        (404, "There is no such request, or it is still collecting.".into())
    );
}

#[tokio::test]
async fn a_second_person_approves_what_they_have_seen() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let digest = digest(&office, id).await;
    let path = format!("/requests/{id}/approve");
    let wrong = decide(&office, &office.ann, &path, json!({"digest": digest, "code": "000000"})).await;
    assert_eq!(problem(&wrong), (403, "the one-time code is wrong".into()));
    let other = json!({"digest": "0".repeat(64)});
    let changed = decide(&office, &office.ann, &path, other).await;
    assert_eq!(
        problem(&changed),
        (409, "the request changed since you looked at it: look again".into())
    );
    let body = json!({"digest": digest, "comment": "clean-up"});
    let approved = decide(&office, &office.ann, &path, body.clone()).await;
    assert_eq!(
        (approved.status, &*approved.body),
        (StatusCode::OK, "{\"requests\":[1]}")
    );
    let late = decide(&office, &office.bob, &path, body).await;
    assert_eq!(problem(&late), (409, "request 1 is already approved by ann".into()));
    office.server.app.vault.purge_due().await.unwrap();
    insta::assert_snapshot!(told(&get(&office, &format!("/requests/{id}")).await), @r#"
    200 OK
    content-type: application/json

    {
      "approve_with": [],
      "behind": [],
      "comment": "clean-up",
      "created_at": "2026-11-18T11:06:40.000000+00:00",
      "decided_at": "2026-11-18T11:08:40.000000+00:00",
      "decided_by": "ann",
      "decided_from": {
        "address": "192.0.2.8",
        "agent": "",
        "client": "cli",
        "factor": "one-time code"
      },
      "digest": "…",
      "effect": "done",
      "effect_at": "2026-11-18T11:09:40.000000+00:00",
      "effect_detail": "1 objects, 3 bytes purged",
      "effect_due_at": null,
      "expires_at": "2026-11-25T11:06:40.000000+00:00",
      "habit": null,
      "href": "/api/v1/requests/1",
      "id": 1,
      "initiator": "laptop",
      "initiator_address": "192.0.2.7",
      "loss": {
        "backup_bytes": 9,
        "backup_objects": 2,
        "backup_snapshots": 1,
        "bytes": 3,
        "kinds": [
          {
            "bytes": 3,
            "kind": "snapshots",
            "objects": 1
          }
        ],
        "newest_snapshot_at": "2026-11-18T11:06:40.000000+00:00",
        "objects": 1,
        "oldest_snapshot_at": "2026-11-18T11:06:40.000000+00:00",
        "whole": false
      },
      "marks": [
        "nothing_stays"
      ],
      "nature": "Snapshots alone, as “restic forget” deletes them. Their data stays until a later request asks for it, but without them clients find nothing of it.",
      "operation": "Delete snapshot main/laptop/7692c3ad",
      "operation_id": 104,
      "reason": null,
      "reject_with": [],
      "sealed_at": "2026-11-18T11:06:40.000000+00:00",
      "state": "approved",
      "stays": {
        "bytes": 6,
        "kinds": [
          {
            "bytes": 6,
            "kind": "config",
            "objects": 1
          }
        ],
        "newest_snapshot_at": null,
        "snapshots": 0
      },
      "target": "main/laptop",
      "veto_comment": null,
      "veto_with": [],
      "vetoed_by": null,
      "warnings": [
        {
          "code": "nothing_stays",
          "text": "No snapshot stays in this backup: 1 snapshot would go, and there is nothing else to restore from.",
          "weight": "strong"
        },
        {
          "code": "first",
          "text": "Nothing of this account was approved here in the last twelve weeks, so what is usual is not known.",
          "weight": "notable"
        }
      ],
      "why": null
    }
    "#);
}

#[tokio::test]
async fn a_code_is_taken_once_even_for_two_requests() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let code = office.server.code("ann");
    let body = json!({"code": code});
    let token = office.token(&office.ann).await;
    let path = format!("/requests/{id}/reject");
    assert_eq!(
        office
            .call(&token, Method::POST, &path, Some(body.clone()))
            .await
            .status,
        200
    );
    let again = office.waiting(&["two"]).await;
    office.server.clock.advance_seconds(-60);
    let path = format!("/requests/{again}/reject");
    let used = office.call(&token, Method::POST, &path, Some(body)).await;
    assert_eq!(
        problem(&used),
        (403, "this one-time code was already used: wait for the next one".into())
    );
}

#[tokio::test]
async fn nobody_approves_their_own_request_and_everybody_may_take_it_back() {
    let office = Office::open().await;
    let token = office.token(&office.ann).await;
    let held = office.call(&token, Method::DELETE, "/backups/main/laptop", None).await;
    insta::assert_snapshot!(told(&held), @r#"
    202 Accepted
    content-type: application/json
    location: /api/v1/requests/1

    {
      "href": "/api/v1/requests/1",
      "request": 1
    }
    "#);
    assert_eq!(held.location(), "/api/v1/requests/1");
    let id = RequestId(1);
    let body = json!({"digest": digest(&office, id).await});
    let own = decide(&office, &office.ann, "/requests/1/approve", body).await;
    assert_eq!(
        problem(&own),
        (
            409,
            "you asked for this yourself: a second person must approve it. You can reject it.".into()
        )
    );
    let back = decide(&office, &office.ann, "/requests/1/reject", json!({})).await;
    assert_eq!(back.body, "{\"requests\":[1]}");
}

#[tokio::test]
async fn the_oldest_is_approved_first_and_a_rejection_takes_the_later_along() {
    let office = Office::open().await;
    let mut digests = Vec::new();
    for content in ["one", "two", "three", "four"] {
        let id = office.waiting(&[content]).await;
        digests.push(digest(&office, id).await);
    }
    let early = decide(
        &office,
        &office.ann,
        "/requests/2/approve",
        json!({"digest": digests[1]}),
    )
    .await;
    assert_eq!(
        problem(&early),
        (
            409,
            "request 1 of the same backup is older and still waits: decide it first, or approve both together".into()
        )
    );
    let both = json!({"digest": digests[1], "older": [{"id": 1, "digest": digests[0]}]});
    let approved = decide(&office, &office.ann, "/requests/2/approve", both).await;
    assert_eq!(approved.body, "{\"requests\":[1,2]}");
    let rejected = decide(
        &office,
        &office.bob,
        "/requests/3/reject",
        json!({"comment": "not these"}),
    )
    .await;
    assert_eq!(rejected.body, "{\"requests\":[3,4]}");
    let fourth: Value = serde_json::from_str(&get(&office, "/requests/4").await.body).unwrap();
    assert_eq!(
        (&fourth["state"], &fourth["decided_by"]),
        (&json!("rejected"), &json!("bob"))
    );
    assert!(fourth["reason"].as_str().unwrap().contains("request 3"), "{fourth}");
}

#[tokio::test]
async fn a_backup_in_use_is_left_alone_and_the_decision_can_be_made_again() {
    let office = Office::open().await;
    let id = office.waiting(&["one"]).await;
    let lock = office
        .laptop
        .put(countersign_core::ObjectKind::Locks, b"lock".to_vec())
        .await
        .unwrap();
    let path = format!("/requests/{id}/reject");
    let busy = decide(&office, &office.ann, &path, json!({})).await;
    let (status, detail) = problem(&busy);
    assert_eq!(status, 409);
    assert!(
        detail.starts_with("the backup is in use since") && detail.contains("by laptop"),
        "{detail}"
    );
    office.laptop.delete(lock).await.unwrap();
    office.server.clock.advance_seconds(60);
    assert_eq!(decide(&office, &office.ann, &path, json!({})).await.status, 200);
}

#[tokio::test]
async fn collecting_ends_when_somebody_says_so() {
    let office = Office::open().await;
    let key = office.snapshot("one").await;
    office.laptop.delete(key).await.unwrap();
    let token = office.token(&office.ann).await;
    let early = decide(&office, &office.ann, "/requests/1/reject", json!({})).await;
    assert_eq!(
        problem(&early),
        (
            409,
            "request 1 is still collecting deletes: decide it when the client has finished".into()
        )
    );
    assert_eq!(get(&office, "/requests/1/manifest").await.status, 404);
    let sealed = office
        .call(&token, Method::POST, "/backups/main/laptop/seal", None)
        .await;
    assert_eq!(
        (sealed.status, sealed.location()),
        (StatusCode::ACCEPTED, "/api/v1/requests/1")
    );
    let again = office.call(&token, Method::POST, "/requests/1/seal", None).await;
    assert_eq!(problem(&again).0, 409);
    let none = office
        .call(&token, Method::POST, "/backups/main/laptop/seal", None)
        .await;
    assert_eq!(
        problem(&none),
        (409, "No deletes of this backup are being collected.".into())
    );
}

#[tokio::test]
async fn too_many_wrong_codes_have_to_wait() {
    let office = Office::open().await;
    office.waiting(&["one"]).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let token = office.token(&office.ann).await;
        let body = json!({"code": "000000"});
        statuses.push(
            office
                .call(&token, Method::POST, "/requests/1/reject", Some(body))
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!((statuses[0], statuses[11]), (403, 429), "{statuses:?}");
}

#[tokio::test]
async fn why_it_is_asked_for_is_part_of_what_is_decided_on() {
    let office = Office::open().await;
    let token = office.token(&office.ann).await;
    let ask = async |why: &'static str| {
        let request = Request::builder()
            .method(Method::DELETE)
            .uri("/api/v1/backups/main/laptop")
            .header("authorization", format!("Bearer {token}"))
            .header("countersign-why", why);
        office
            .server
            .send(request.body(Body::empty()).unwrap(), "192.0.2.8:50000")
            .await
    };
    for bad in ["%ff", "a%1bb"] {
        assert_eq!(problem(&ask(bad).await).0, 400, "{bad}");
    }
    assert_eq!(
        ask("the%20laptop%20is%20gone,%20says%20Zo%C3%AB").await.status,
        StatusCode::ACCEPTED
    );
    let shown: Value = serde_json::from_str(&get(&office, "/requests/1").await.body).unwrap();
    let manifest: Value = serde_json::from_str(&get(&office, "/requests/1/manifest").await.body).unwrap();
    assert_eq!(shown["why"], "the laptop is gone, says Zoë");
    assert_eq!(manifest["why"], shown["why"]);
}

#[tokio::test]
async fn an_approval_is_listed_and_vetoed_until_its_undo_window_ends() {
    let office = Office::open().await;
    office.undo_hours(24).await;
    for content in ["one", "two"] {
        let id = office.waiting(&[content]).await;
        if content == "one" {
            let body = json!({"digest": digest(&office, id).await});
            let approved = decide(&office, &office.ann, "/requests/1/approve", body).await;
            assert_eq!(approved.status, 200);
        }
    }
    let list = get(&office, "/requests?effect=waiting").await;
    let list: Value = serde_json::from_str(&list.body).unwrap();
    let first = &list["requests"][0];
    assert_eq!((&list["requests"][1], &first["id"]), (&Value::Null, &json!(1)));
    assert_eq!(
        (&first["state"], &first["effect"]),
        (&json!("approved"), &json!("waiting"))
    );
    assert_eq!(first["effect_due_at"], json!("2026-11-19T11:07:40.000000+00:00"));
    let detail: Value = serde_json::from_str(&get(&office, "/requests/1").await.body).unwrap();
    assert_eq!(detail["veto_with"], json!([1, 2]));
    for query in ["effect=done", "effect=waiting&state=approved"] {
        assert_eq!(get(&office, &format!("/requests?{query}")).await.status, 400, "{query}");
    }
    let early = decide(&office, &office.ann, "/requests/2/veto", json!({})).await;
    assert_eq!(
        problem(&early),
        (
            409,
            "request 2 cannot be vetoed: it is not approved; it can be rejected".into()
        )
    );
    let wrong = decide(&office, &office.bob, "/requests/1/veto", json!({"code": "000000"})).await;
    assert_eq!(problem(&wrong), (403, "the one-time code is wrong".into()));
    let vetoed = decide(&office, &office.bob, "/requests/1/veto", json!({"comment": "not that"})).await;
    assert_eq!(vetoed.body, "{\"requests\":[1,2]}");
    let detail: Value = serde_json::from_str(&get(&office, "/requests/1").await.body).unwrap();
    assert_eq!(
        (&detail["effect"], &detail["vetoed_by"], &detail["veto_comment"]),
        (&json!("vetoed"), &json!("bob"), &json!("not that"))
    );
    let late = decide(&office, &office.ann, "/requests/1/veto", json!({})).await;
    assert_eq!(
        problem(&late),
        (409, "request 1 cannot be vetoed: it is already vetoed".into())
    );
}
