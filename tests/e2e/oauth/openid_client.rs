//! npm's openid-client: what applications on node are written with.

use serde_json::json;

use super::{REDIRECT, ann, server};
use crate::support::application::Application;

#[test]
fn an_application_with_openid_client_finds_the_server_and_logs_a_person_on() {
    let mut ann = ann();
    let server = server(&ann);
    let settings = json!({"part": "code", "issuer": server.origin(), "client_id": "cli", "redirect_uri": REDIRECT});
    let got = Application::node("openid_client.mjs", &settings).run(&server, &mut ann);
    assert_eq!(got["metadata"]["issuer"], server.origin());
    assert_eq!(got["metadata"]["code_challenge_methods_supported"], json!(["S256"]));
    let callback = got["callback"].as_str().unwrap();
    assert!(
        callback.starts_with(&format!("{REDIRECT}?code=")) && callback.contains("&iss="),
        "{callback}"
    );
    assert_eq!(got["first"]["token_type"], "bearer");
    assert_eq!(got["status"], 200);
    // The code works once, and the second time ends what the first gave.
    assert_eq!(got["again"], json!({"error": "invalid_grant", "status": 400}));
    assert_eq!(got["after"], 401);
    let events = server.events();
    let last: Vec<_> = events.iter().rev().take(4).map(|event| &event["id"]).collect();
    assert_eq!(last, [44005, 44001, 44000, 44003]);
}
