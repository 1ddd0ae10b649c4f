//! The API with schemathesis: whatever its document allows, and much that it does not, is answered as the document says.

use std::process::Command;

use tempfile::TempDir;

use super::{
    ann, bob,
    by_hand::{curl, token_of},
};
use crate::support::{
    counterparts::brought,
    process::Outcome,
    raw::Raw,
    server::{Server, TOKEN},
};

/// What is looked at in every answer. That nothing is refused which the document allows is not among them: rules of core are not
/// written in it.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,ignored_auth";

/// A server with something in it, the address of its one request, and who may do everything.
fn office(four_eyes: bool) -> (Server, String) {
    let mut ann = ann();
    let mut server = Server::set_up_with(&[&ann, &bob()], four_eyes);
    server.start();
    let laptop = Raw::new(&format!("{}/restic/main/laptop/", server.origin()), "laptop", TOKEN);
    assert_eq!(laptop.create(), 200);
    laptop.put("data", b"something");
    let token = token_of(&server, &mut ann);
    (server, token)
}

/// Lets schemathesis ask; `places` are what stands in the addresses, where it is not to choose by itself, or not to ask at all.
fn ask(server: &Server, token: &str, examples: u32, places: &[(&str, &str)]) {
    let folder = TempDir::new().unwrap();
    // An answer that waits would wait long.
    let mut settings = "[[operations]]\ninclude-path = \"/api/v1/events\"\nparameters = { wait = 0 }\n\
                        [[operations]]\ninclude-path = \"/api/v1/requests/{id}\"\nparameters = { wait = 0 }\n"
        .to_owned();
    for (path, parameters) in places {
        let what = match *parameters {
            "" => "enabled = false".to_owned(),
            parameters => format!("parameters = {{ {parameters} }}"),
        };
        settings += &format!("[[operations]]\ninclude-path-regex = \"^/api/v1/{path}\"\n{what}\n");
    }
    std::fs::write(folder.path().join("schemathesis.toml"), settings).unwrap();
    let mut command = Command::new(brought("clients/python/bin/schemathesis"));
    command
        .current_dir(folder.path())
        .args(["run", &format!("{}/api/v1/openapi.json", server.origin())])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", &examples.to_string(), "--seed", "20261124"])
        .args([
            "--generation-deterministic",
            "--continue-on-failure",
            "--no-color",
            "--warnings",
            "off",
        ]);
    let told = Outcome::of(&mut command);
    assert_eq!(told.code, Some(0), "{}{}", told.stdout, told.stderr);
    // A token that had ended would have made everything right.
    let bearer = format!("authorization: Bearer {token}");
    assert_eq!(curl(server, "/api/v1/requests", &["--header", &bearer]).status, 200);
    assert!(!told.stdout.contains("Selected: 0/"), "{}", told.stdout);
}

/// What is there. Of the accounts the laptop's alone, which logs nobody on: whoever asks would end themselves.
const PLACES: [(&str, &str); 5] = [
    ("backups/", "storage = \"main\", backup = \"laptop\""),
    ("requests/", "id = 1"),
    ("receivers/", "id = 1"),
    ("clients/", "id = \"cli\""),
    ("accounts/", "id = 3"),
];

#[test]
fn whatever_is_asked_is_answered_as_the_document_says() {
    let (server, token) = office(true);
    // Whoever ends the sessions of whichever account ends their own: those are asked for below.
    ask(&server, &token, 10, &[("(accounts/[^/]+/)?sessions", "")]);
}

#[test]
fn whatever_is_asked_of_what_is_there_is_answered_as_the_document_says() {
    let (server, token) = office(true);
    let bearer = format!("authorization: Bearer {token}");
    let held = curl(
        &server,
        "/api/v1/backups/main/laptop",
        &["--request", "DELETE", "--header", &bearer],
    );
    assert_eq!(held.status, 202, "{held:?}");
    ask(&server, &token, 10, &PLACES);
    // Whatever was asked, nothing was destroyed.
    assert!(server.bytes_on_disk() > 0);
}

#[test]
fn while_everyone_deletes_alone_whatever_is_asked_is_answered_as_the_document_says() {
    let (server, token) = office(false);
    // Receivers that are added at once would be connected to, wherever they are: they are asked for above, where they wait.
    let [backups, requests, _, clients, accounts] = PLACES;
    let places = [backups, requests, ("receivers", ""), clients, accounts];
    ask(&server, &token, 10, &places);
}
