//! Accounts over the API: at once and by a request, links told once, tokens of services.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::told;
use crate::testing::office::Office;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn carol() -> Value {
    json!({"name": "carol", "kind": "person", "roles": ["security-administrator"]})
}

#[tokio::test]
async fn an_account_comes_by_a_request_and_its_link_is_told_to_whoever_asked() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let held = office.call(&ann, Method::POST, "/accounts", Some(carol())).await;
    assert_eq!(held.status, StatusCode::ACCEPTED, "{}", held.body);
    assert_eq!(held.location(), "/api/v1/requests/1");
    office.approved_by_bob("1").await;
    let shown = office.call(&ann, Method::GET, "/accounts/4", None).await;
    insta::assert_snapshot!(told(&shown), @r#"
    200 OK
    content-type: application/json

    {
      "can_approve": false,
      "created_at": "2026-11-18T11:07:10.000000+00:00",
      "eligible_at": "2026-11-19T11:07:10.000000+00:00",
      "email": null,
      "expires_at": null,
      "id": 4,
      "kind": "person",
      "link": {
        "asked_by": "ann",
        "expires_at": null,
        "kind": "invitation",
        "open_until": "2026-11-25T11:07:10.000000+00:00"
      },
      "mfa": false,
      "name": "carol",
      "owner": null,
      "person": null,
      "roles": [
        "security-administrator"
      ],
      "state": "invited"
    }
    "#);
    let bob = office.token(&office.bob).await;
    let by_bob = office.call(&bob, Method::POST, "/accounts/4/link", None).await;
    assert_eq!(by_bob.status, StatusCode::FORBIDDEN);
    assert!(by_bob.body.contains("only ann, who asked for it"), "{}", by_bob.body);
    let link = office.call(&ann, Method::POST, "/accounts/4/link", None).await;
    assert_eq!(link.status, StatusCode::CREATED, "{}", link.body);
    let link = body(&link.body);
    assert_eq!(link["expires_at"], "2026-11-19T11:07:10.000000+00:00");
    let url = link["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:8765/link/"), "{url}");
    let twice = office.call(&ann, Method::POST, "/accounts", Some(carol())).await;
    assert_eq!(
        (twice.status.as_u16(), &body(&twice.body)["field"]),
        (409, &json!("name"))
    );
}

#[tokio::test]
async fn req_38_disabling_an_account_ends_its_sessions_and_chains_at_once() {
    let office = Office::open().await;
    office.turn_off().await;
    let mut browser = office.server.browser();
    browser.log_on("bob").await;
    office.server.clock.advance_seconds(30);
    let (ann, bob) = (office.token(&office.ann).await, office.token(&office.bob).await);
    assert_eq!(browser.get("/pending").await.status, StatusCode::OK);
    assert_eq!(
        office.call(&bob, Method::GET, "/accounts", None).await.status,
        StatusCode::OK
    );
    let before = office.server.events().await.len();
    let done = office.call(&ann, Method::POST, "/accounts/2/disable", None).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    assert_eq!(browser.get("/pending").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        office.call(&bob, Method::GET, "/accounts", None).await.status,
        StatusCode::UNAUTHORIZED
    );
    let ids: Vec<_> = office.server.events().await[before..]
        .iter()
        .map(countersign_events::Event::id)
        .collect();
    assert_eq!(
        ids,
        [44005, 44005, 31000],
        "the session's chain, the token's chain, the change"
    );
    // Enabled again, nothing of it comes back.
    office.call(&ann, Method::POST, "/accounts/2/enable", None).await;
    assert_eq!(browser.get("/pending").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        office.call(&bob, Method::GET, "/accounts", None).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn while_off_accounts_are_changed_at_once() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    let added = office.call(&ann, Method::POST, "/accounts", Some(carol())).await;
    assert_eq!((added.status.as_u16(), added.location()), (201, "/api/v1/accounts/4"));
    assert_eq!(body(&added.body)["link"]["kind"], "invitation");
    let settings = json!({"roles": ["backup-viewer"], "expires_at": "2027-01-01T00:00:00Z", "mfa": true});
    let done = office
        .call(&ann, Method::PUT, "/accounts/4", Some(settings.clone()))
        .await;
    assert_eq!((done.status, done.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let again = office.call(&ann, Method::PUT, "/accounts/4", Some(settings)).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "it is so already");
    for (path, state) in [("disable", "disabled"), ("enable", "invited")] {
        let done = office
            .call(&ann, Method::POST, &format!("/accounts/4/{path}"), None)
            .await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
        let shown = office.call(&ann, Method::GET, "/accounts/4", None).await;
        assert_eq!(body(&shown.body)["state"], state);
    }
    let reset = json!({"what": "password"});
    let early = office
        .call(&ann, Method::POST, "/accounts/4/reset", Some(reset.clone()))
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT, "carol waits for her invitation");
    let reset = office.call(&ann, Method::POST, "/accounts/2/reset", Some(reset)).await;
    assert_eq!(
        (reset.status, &body(&reset.body)["link"]["kind"]),
        (StatusCode::OK, &json!("password"))
    );
    let own = office.call(&ann, Method::DELETE, "/accounts/1", None).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    let gone = office.call(&ann, Method::DELETE, "/accounts/4", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let list = office.call(&ann, Method::GET, "/accounts", None).await;
    let states: Vec<_> = body(&list.body)["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| {
            format!(
                "{} {}",
                account["name"].as_str().unwrap(),
                account["state"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        states,
        ["ann active", "bob active", "carol deleted", "laptop active"],
        "kept for the record"
    );
    for (method, path) in [
        (Method::GET, "/accounts/99"),
        (Method::DELETE, "/accounts/99"),
        (Method::POST, "/accounts/99/link"),
        (Method::GET, "/accounts/99/tokens"),
    ] {
        assert_eq!(office.call(&ann, method, path, None).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_service_has_tokens_that_administrators_make_and_revoke_and_nothing_else() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let rights = json!({"roles": ["backup-operator"], "expires_at": null, "mfa": false});
    let refused = office.call(&ann, Method::PUT, "/accounts/3", Some(rights)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let refused = office
        .call(&ann, Method::POST, "/accounts/3/reset", Some(json!({"what": "both"})))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wanted = json!({
        "label": "nightly", "rights": "append", "backups": "main/*", "expires_at": "2026-11-18T12:06:40Z",
    });
    let made = office
        .call(&ann, Method::POST, "/accounts/3/tokens", Some(wanted.clone()))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let secret = body(&made.body)["token"].as_str().unwrap().to_owned();
    let others = office
        .call(&ann, Method::POST, "/accounts/2/tokens", Some(wanted.clone()))
        .await;
    assert_eq!(others.status, StatusCode::FORBIDDEN, "people make their own");
    let list = office.call(&ann, Method::GET, "/accounts/3/tokens", None).await;
    let newest = &body(&list.body)["tokens"][0];
    assert_eq!(
        (&newest["label"], &newest["backups"], &newest["expires_at"]),
        (
            &json!("nightly"),
            &json!("main/*"),
            &json!("2026-11-18T12:06:40.000000+00:00")
        )
    );
    let ask = async |name: &str| {
        let basic = data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes());
        let request = http::Request::builder()
            .uri("/restic/main/laptop/config")
            .header("authorization", format!("Basic {basic}"))
            .body(axum::body::Body::empty())
            .unwrap();
        office.server.send(request, "192.0.2.9:50000").await.status
    };
    assert_eq!(ask("laptop").await, StatusCode::OK);
    office.server.clock.advance_seconds(3600);
    assert_eq!(ask("laptop").await, StatusCode::UNAUTHORIZED, "the token has expired");
    let id = newest["id"].clone();
    let gone = office
        .call(&ann, Method::DELETE, &format!("/accounts/3/tokens/{id}"), None)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let late = office
        .call(&ann, Method::POST, "/accounts/3/tokens", Some(wanted))
        .await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "its end has passed");
}

#[tokio::test]
async fn req_13_people_see_and_end_their_sessions_and_chains() {
    let office = Office::open().await;
    let mut browser = office.server.browser();
    browser.log_on("bob").await;
    let (ann, bob) = (office.token(&office.ann).await, office.token(&office.bob).await);
    let list = office.call(&bob, Method::GET, "/sessions", None).await;
    let sessions = body(&list.body)["sessions"].as_array().unwrap().clone();
    let shown: Vec<_> = sessions
        .iter()
        .map(|session| {
            (
                session["client"].as_str().unwrap(),
                session["current"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(shown.len(), 2);
    assert!(
        shown.contains(&("web-ui", false)) && shown.contains(&("cli", true)),
        "{shown:?}"
    );
    let web = sessions.iter().find(|session| session["client"] == "web-ui").unwrap();
    assert_eq!(
        (&web["address"], &web["resource"]),
        (&json!("192.0.2.7"), &json!("countersign-web"))
    );
    let chain = web["id"].as_str().unwrap();
    // Not through another account, and not by somebody without the role.
    let astray = format!("/accounts/1/sessions/{chain}");
    assert_eq!(office.call(&ann, Method::DELETE, &astray, None).await.status, 404);
    let eve = office
        .server
        .colleague(
            "eve",
            &[countersign_core::Role::BackupAdministrator],
            crate::testing::NOW,
        )
        .await;
    let eve = office.token(&eve).await;
    for method in [Method::GET, Method::DELETE] {
        let refused = office.call(&eve, method, "/accounts/2/sessions", None).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let before = office.server.events().await.len();
    let ended = office
        .call(&bob, Method::DELETE, &format!("/sessions/{chain}"), None)
        .await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{}", ended.body);
    assert_eq!(browser.get("/pending").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        office.server.events().await[before..],
        [countersign_events::Event::TokenChainRevoked {
            source_ip_address: Some([192, 0, 2, 8].into()),
            chain_id: Some(chain.to_owned()),
        }]
    );
    let again = office
        .call(&bob, Method::DELETE, &format!("/sessions/{chain}"), None)
        .await;
    assert_eq!(again.status, 404);
    let second = office.token(&office.bob).await;
    let others = office.call(&second, Method::DELETE, "/sessions", None).await;
    assert_eq!(body(&others.body), json!({"ended": 1}));
    assert_eq!(office.call(&bob, Method::GET, "/sessions", None).await.status, 401);
    let by_ann = office.call(&ann, Method::DELETE, "/accounts/2/sessions", None).await;
    assert_eq!(body(&by_ann.body), json!({"ended": 1}));
    assert_eq!(office.call(&second, Method::GET, "/sessions", None).await.status, 401);
    let left = office.call(&ann, Method::GET, "/accounts/2/sessions", None).await;
    assert_eq!(body(&left.body), json!({"sessions": []}));
}

#[tokio::test]
async fn an_e_mail_address_is_set_by_a_request_also_ones_own() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let own = format!("/accounts/{}", office.ann.id);
    let roles = json!(["backup-administrator", "security-administrator"]);
    let set = |email: Value| json!({"roles": roles, "expires_at": null, "mfa": false, "email": email});
    let held = office
        .call(&ann, Method::PUT, &own, Some(set(json!("ann@example.org"))))
        .await;
    assert_eq!(held.status, StatusCode::ACCEPTED, "{}", held.body);
    let email = async || {
        let token = office.token(&office.bob).await;
        body(&office.call(&token, Method::GET, &own, None).await.body)["email"].clone()
    };
    assert_eq!(
        email().await,
        Value::Null,
        "nothing holds before a second person said so"
    );
    office.approved_by_bob("1").await;
    assert_eq!(email().await, "ann@example.org");
    office.turn_off().await;
    let bob = office.token(&office.bob).await;
    let kept = json!({"roles": roles, "expires_at": null, "mfa": true});
    office.call(&bob, Method::PUT, &own, Some(kept)).await;
    assert_eq!(email().await, "ann@example.org", "what is left out stays");
    let bad = office
        .call(&bob, Method::PUT, &own, Some(set(json!("ann@x\r\nBcc: b@x"))))
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", bad.body);
    office.call(&bob, Method::PUT, &own, Some(set(Value::Null))).await;
    assert_eq!(email().await, Value::Null);
}
