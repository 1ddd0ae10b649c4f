//! Clients over the API: at once and by a request, their secrets, and what ends with them.

use countersign_core::logon::{Client, ClientRefusal};
use countersign_core::{Role, Sha256};
use countersign_events::{Changes, Event};
use countersign_store::StoreError;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::told;
use crate::testing::office::Office;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A program on a server, which keeps a secret.
fn portal() -> Value {
    json!({
        "id": "portal", "name": "Portal", "enabled": true, "authentication": "secret",
        "grants": ["authorization_code", "refresh_token"], "resources": ["gateway-api"],
        "redirect_uris": ["https://portal.example/back"],
    })
}

async fn known(office: &Office) -> Option<Client> {
    let app = &office.server.app;
    let found = app
        .store
        .ask(|view| Box::pin(async move { view.client(&"portal".parse().unwrap()).await }));
    found.await.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

async fn takes(office: &Office, secret: &str) -> Result<(), ClientRefusal> {
    known(office).await.unwrap().authenticated_by(Some(secret))
}

/// The events since there were so many.
async fn since(office: &Office, count: usize) -> Vec<Event> {
    office.server.events().await.split_off(count)
}

fn changed(changes: Changes) -> Event {
    Event::GeneralSettingsUpdated {
        changes,
        user_name: "ann".into(),
    }
}

fn client() -> Changes {
    Changes::object("portal", "Portal").attribute("type", "Client")
}

#[tokio::test]
async fn req_14_a_client_comes_with_a_secret_that_is_told_once() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    let before = office.server.events().await.len();
    let made = office.call(&ann, Method::POST, "/clients", Some(portal())).await;
    assert_eq!(
        (made.status, made.location()),
        (StatusCode::CREATED, "/api/v1/clients/portal")
    );
    let secret = body(&made.body)["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 43, "256 bits");
    assert_eq!(takes(&office, &secret).await, Ok(()));
    let registered = [
        ("name", "Portal"),
        ("enabled", "yes"),
        ("authentication", "secret"),
        ("grants", "authorization_code, refresh_token"),
        ("resources", "gateway-api"),
        ("redirect_uris", "https://portal.example/back"),
    ]
    .into_iter()
    .fold(client(), |changes, (name, value)| {
        changes.property(name, "String", "", value)
    });
    assert_eq!(
        since(&office, before).await,
        [
            changed(registered),
            changed(client().property("secret", "String", "none", "set"))
        ]
    );

    let list = office.call(&ann, Method::GET, "/clients", None).await;
    assert!(!list.body.contains(&secret));
    let shown = office.call(&ann, Method::GET, "/clients/portal", None).await;
    insta::assert_snapshot!(told(&shown), @r#"
    200 OK
    content-type: application/json

    {
      "authentication": "secret",
      "built_in": false,
      "enabled": true,
      "grants": [
        "authorization_code",
        "refresh_token"
      ],
      "has_secret": true,
      "id": "portal",
      "name": "Portal",
      "redirect_uris": [
        "https://portal.example/back"
      ],
      "resources": [
        "gateway-api"
      ]
    }
    "#);
    let ids: Vec<_> = body(&list.body)["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|client| client["id"].clone())
        .collect();
    assert_eq!(ids, ["web-ui", "cli", "portal"]);

    let another = office.call(&ann, Method::POST, "/clients/portal/secret", None).await;
    let fresh = body(&another.body)["secret"].as_str().unwrap().to_owned();
    assert_eq!(takes(&office, &fresh).await, Ok(()));
    assert_eq!(takes(&office, &secret).await, Err(ClientRefusal::Unauthenticated));

    let app = json!({"authentication": "none"});
    let mut spec = portal();
    spec.as_object_mut().unwrap().extend(app.as_object().unwrap().clone());
    let put = office.call(&ann, Method::PUT, "/clients/portal", Some(spec)).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    assert_eq!(known(&office).await.unwrap().secret, None, "it needs none any more");
    let none = office.call(&ann, Method::POST, "/clients/portal/secret", None).await;
    assert_eq!(none.status, StatusCode::CONFLICT);
    let removed = office.call(&ann, Method::DELETE, "/clients/portal", None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(known(&office).await, None);
}

#[tokio::test]
async fn a_client_waits_while_four_eyes_are_on_and_so_does_the_end_of_its_secret() {
    let office = Office::open().await;
    let ann = office.token(&office.ann).await;
    let held = office.call(&ann, Method::POST, "/clients", Some(portal())).await;
    assert_eq!(
        (held.status, held.body.as_str()),
        (StatusCode::ACCEPTED, r#"{"request":1,"href":"/api/v1/requests/1"}"#)
    );
    assert_eq!(known(&office).await, None);
    let shown = office.call(&ann, Method::GET, "/requests/1/manifest", None).await;
    assert_eq!(
        body(&shown.body)["subject"],
        json!({"client": {"after": portal(), "before": null}})
    );
    office.approved_by_bob("1").await;
    assert_eq!(known(&office).await.unwrap().secret, None);

    // Nobody can use it until somebody asks for its secret; then there is none to weaken.
    let made = office.call(&ann, Method::POST, "/clients/portal/secret", None).await;
    assert_eq!(made.status, StatusCode::OK);
    let secret = body(&made.body)["secret"].as_str().unwrap().to_owned();
    assert_eq!(takes(&office, &secret).await, Ok(()));

    let again = office.call(&ann, Method::POST, "/clients/portal/secret", None).await;
    assert_eq!(
        (again.status, again.location()),
        (StatusCode::ACCEPTED, "/api/v1/requests/2")
    );
    assert_eq!(takes(&office, &secret).await, Ok(()), "until it is approved");
    let twice = office.call(&ann, Method::POST, "/clients/portal/secret", None).await;
    assert_eq!(twice.location(), "/api/v1/requests/3");
    office.approved_by_bob("2").await;
    assert_eq!(known(&office).await.unwrap().secret, None);
    let made = office.call(&ann, Method::POST, "/clients/portal/secret", None).await;
    let fresh = body(&made.body)["secret"].as_str().unwrap().to_owned();

    // The other request was about the secret of that time.
    let bob = office.token(&office.bob).await;
    let shown = office.call(&bob, Method::GET, "/requests/3", None).await;
    let approval = json!({"digest": body(&shown.body)["digest"], "code": office.server.code("bob")});
    let drifted = office
        .call(&bob, Method::POST, "/requests/3/approve", Some(approval))
        .await;
    assert_eq!(drifted.status, StatusCode::CONFLICT, "{}", drifted.body);
    assert_eq!(takes(&office, &fresh).await, Ok(()));
}

#[tokio::test]
async fn only_a_security_administrator_changes_clients() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    office.call(&ann, Method::POST, "/clients", Some(portal())).await;
    let now = office.server.app.clock.now();
    let carl = office.server.colleague("carl", &[Role::BackupAdministrator], now).await;
    let carl = office.token(&carl).await;
    let kept = known(&office).await;
    let other = json!({
        "id": "other", "name": "Other", "enabled": true, "authentication": "none",
        "grants": ["urn:ietf:params:oauth:grant-type:device_code"], "resources": ["restic"], "redirect_uris": [],
    });
    for (method, path, body) in [
        (Method::POST, "/clients", Some(other)),
        (Method::PUT, "/clients/portal", Some(portal())),
        (Method::DELETE, "/clients/portal", None),
        (Method::POST, "/clients/portal/secret", None),
    ] {
        // What would change nothing is not refused.
        let body = body.map(|mut body| {
            body["enabled"] = false.into();
            body
        });
        let refused = office.call(&carl, method.clone(), path, body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert!(refused.body.contains("security administrator"), "{}", refused.body);
    }
    assert_eq!(known(&office).await, kept);
    let looked = office.call(&carl, Method::GET, "/clients", None).await;
    assert_eq!(looked.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_built_in_stays_and_what_does_not_go_together_is_told() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    for id in ["web-ui", "cli"] {
        let path = format!("/clients/{id}");
        let mut spec = portal();
        spec["id"] = id.into();
        for (method, path, body, status) in [
            (Method::POST, "/clients", Some(spec.clone()), 422),
            (Method::PUT, &*path, Some(spec), 409),
            (Method::DELETE, &path, None, 409),
            (Method::POST, &format!("{path}/secret"), None, 409),
        ] {
            let refused = office.call(&ann, method.clone(), path, body).await;
            assert_eq!(refused.status.as_u16(), status, "{method} {path} {}", refused.body);
        }
    }
    for (name, value, status) in [
        ("name", json!(""), 422),
        ("grants", json!([]), 422),
        ("redirect_uris", json!([]), 422),
        ("redirect_uris", json!(["http://portal.example/"]), 422),
        ("resources", json!(["countersign-web"]), 422),
        ("id", json!("a b"), 422),
        ("secret", json!("chosen"), 422),
    ] {
        let mut spec = portal();
        spec[name] = value;
        let refused = office.call(&ann, Method::POST, "/clients", Some(spec)).await;
        assert_eq!(refused.status.as_u16(), status, "{name} {}", refused.body);
    }
    office.call(&ann, Method::POST, "/clients", Some(portal())).await;
    let taken = office.call(&ann, Method::POST, "/clients", Some(portal())).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    let moved = office.call(&ann, Method::PUT, "/clients/other", Some(portal())).await;
    assert_eq!(moved.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = office.call(&ann, Method::DELETE, "/clients/nobody", None).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_changed_client_voids_what_was_asked_before() {
    let office = Office::open().await;
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    office.call(&ann, Method::POST, "/clients", Some(portal())).await;
    let digest = |client: Option<Client>| Sha256::of(format!("{:?}", client.unwrap().spec).as_bytes());
    let first = digest(known(&office).await);
    let mut four_eyes = body(&office.call(&ann, Method::GET, "/settings", None).await.body);
    four_eyes["four_eyes"] = true.into();
    office.call(&ann, Method::PUT, "/settings", Some(four_eyes)).await;
    for name in ["One", "Two"] {
        let mut spec = portal();
        spec["name"] = name.into();
        let held = office.call(&ann, Method::PUT, "/clients/portal", Some(spec)).await;
        assert_eq!(held.status, StatusCode::ACCEPTED);
    }
    assert_eq!(digest(known(&office).await), first);
    office.approved_by_bob("1").await;
    assert_eq!(known(&office).await.unwrap().spec.name, "One");
    let bob = office.token(&office.bob).await;
    let shown = office.call(&bob, Method::GET, "/requests/2", None).await;
    let approval = json!({"digest": body(&shown.body)["digest"], "code": office.server.code("bob")});
    let drifted = office
        .call(&bob, Method::POST, "/requests/2/approve", Some(approval))
        .await;
    assert_eq!(drifted.status, StatusCode::CONFLICT);
    assert_eq!(known(&office).await.unwrap().spec.name, "One");
}
