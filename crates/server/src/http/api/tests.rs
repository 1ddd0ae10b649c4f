use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::*;

/// Status, kind, address and body of an answer, without what differs in every run.
fn told(answer: &crate::testing::people::Answer) -> String {
    let mut text = answer.status.to_string();
    for name in [header::CONTENT_TYPE, header::LOCATION] {
        if let Some(value) = answer.headers.get(&name) {
            text += &format!("\n{name}: {}", value.to_str().unwrap());
        }
    }
    let mut body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let older = body
        .get("approve_with")
        .and_then(|older| older.as_array())
        .map_or(0, Vec::len);
    let places = (0..older).map(|place| format!("/approve_with/{place}/digest"));
    for place in ["/digest".to_owned(), "/request_id".to_owned()]
        .into_iter()
        .chain(places)
    {
        if let Some(found) = body.pointer_mut(&place).filter(|found| found.is_string()) {
            *found = "…".into();
        }
    }
    text + &format!("\n\n{body:#}")
}

fn document() -> &'static serde_json::Value {
    static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| serde_json::from_str(OPENAPI).unwrap());
    &DOCUMENT
}

/// The routes as this folder's sources write them: what the document must know.
fn routes() -> BTreeSet<(String, String)> {
    let sources = [
        include_str!("mod.rs"),
        include_str!("requests.rs"),
        include_str!("decide.rs"),
        include_str!("backups.rs"),
        include_str!("storages.rs"),
        include_str!("settings.rs"),
        include_str!("signing_keys.rs"),
        include_str!("notices.rs"),
        include_str!("snapshots.rs"),
        include_str!("receivers.rs"),
        include_str!("clients.rs"),
        include_str!("configuration_backups.rs"),
        include_str!("service_providers.rs"),
        include_str!("commands.rs"),
        include_str!("runners.rs"),
        include_str!("tokens.rs"),
        include_str!("accounts.rs"),
        include_str!("sessions.rs"),
        include_str!("unlock.rs"),
        include_str!("events.rs"),
        include_str!("alerts.rs"),
        include_str!("clock.rs"),
    ];
    let mut routes = BTreeSet::new();
    for source in sources {
        let compact: String = source.split_whitespace().collect();
        for route in compact.split(".route(\"").skip(1) {
            let (path, rest) = route.split_once("\",").unwrap();
            let methods = rest.split(".route(").next().unwrap();
            for method in ["get", "post", "put", "delete"] {
                if methods.starts_with(&format!("{method}(")) || methods.contains(&format!(").{method}(")) {
                    routes.insert((path.to_owned(), method.to_owned()));
                }
            }
        }
    }
    routes
}

#[test]
fn the_document_knows_every_route_and_no_other() {
    let document = document();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    assert!(routes().len() > 15, "the routes were not found in the sources");
    assert_eq!(described, routes());
}

/// Whatever changes something can be sent again.
#[test]
fn every_path_that_changes_something_takes_an_idempotency_key() {
    let mut paths = 0;
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let parameters = described["parameters"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let takes = parameters
                .iter()
                .any(|parameter| parameter["$ref"] == "#/components/parameters/IdempotencyKey");
            // These show a grant or a runner's token, and are done once anyhow.
            let of_program = path.starts_with("/api/v1/runner/") || path == "/api/v1/grants/redeem";
            assert_eq!(takes, method != "get" && !of_program, "{method} {path}");
            if takes {
                paths += 1;
                for status in ["400", "409", "422"] {
                    assert!(described["responses"][status].is_object(), "{method} {path}: {status}");
                }
            }
        }
    }
    assert!(paths > 25);
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = document();
    for part in OPENAPI.split("#/components/parameters/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["parameters"][name].is_object(), "{name}");
    }
    for part in OPENAPI.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

mod accounts;
mod batch;
mod calls;
mod clients;
mod clock;
mod commands;
mod decisions;
mod events;
mod hostile;
mod once;
mod receivers;
mod service_providers;
mod storages;
mod unlock;
mod wait;
