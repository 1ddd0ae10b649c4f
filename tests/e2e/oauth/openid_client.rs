//! npm's openid-client: what applications on node are written with.

use serde_json::{Value, json};

use super::{
    REDIRECT, ann, bob,
    by_hand::{register, token_of},
    server,
};
use crate::support::{
    application::Application,
    clock::unix_seconds,
    server::{Member, Server},
};

fn run(server: &Server, member: &mut Member, part: &str, more: &Value) -> Value {
    let mut settings = json!({"part": part, "issuer": server.origin(), "client_id": "cli", "redirect_uri": REDIRECT});
    for (name, value) in more.as_object().expect("an object") {
        settings[name] = value.clone();
    }
    Application::node("openid_client.mjs", &settings).run(server, member)
}

fn refused() -> Value {
    json!({"error": "invalid_grant", "status": 400})
}

#[test]
fn req_4_6_15_an_application_with_openid_client_finds_the_server_and_logs_a_person_on() {
    let mut ann = ann();
    let server = server(&ann);
    let got = run(&server, &mut ann, "code", &json!({}));
    assert_eq!(got["metadata"]["issuer"], server.origin());
    assert_eq!(got["metadata"]["code_challenge_methods_supported"], json!(["S256"]));
    // Who issued it is in the answer, and the library would have refused another.
    assert_eq!(got["metadata"]["authorization_response_iss_parameter_supported"], true);
    let callback = got["callback"].as_str().unwrap();
    assert!(
        callback.starts_with(&format!("{REDIRECT}?code=")) && callback.contains("&iss="),
        "{callback}"
    );
    assert_eq!(got["first"]["token_type"], "bearer");
    assert_eq!(got["first"]["expires_in"], 600);
    assert_eq!(got["status"], 200);
    // The code works once, and the second time ends what the first gave.
    assert_eq!(got["again"], refused());
    assert_eq!(got["after"], 401);
    let events = server.events();
    let last: Vec<_> = events.iter().rev().take(4).map(|event| &event["id"]).collect();
    assert_eq!(last, [44005, 44001, 44000, 44003]);
}

#[test]
fn req_10_an_application_that_lost_an_answer_goes_on_and_a_thief_ends_the_chain() {
    let mut ann = ann();
    let server = server(&ann);
    let got = run(&server, &mut ann, "refresh", &json!({"window": 11}));
    assert_ne!(got["first"]["refresh_token"], got["second"]["refresh_token"]);
    // The answer that was lost comes again, the same: not a second successor.
    assert_eq!(got["lost"]["refresh_token"], got["second"]["refresh_token"]);
    assert_ne!(got["third"]["refresh_token"], got["second"]["refresh_token"]);
    assert_eq!(got["alive"], 200);
    assert_eq!(got["stolen"], refused());
    assert_eq!(got["over"], refused());
    assert_eq!(got["after"], 401);
    let events = server.events();
    let last: Vec<_> = events.iter().rev().take(3).map(|event| &event["id"]).collect();
    assert_eq!(last, [44001, 44005, 44001]);
}

#[test]
fn req_14_an_application_with_a_secret_asks_about_its_tokens_and_gives_them_back() {
    let mut ann = ann();
    let mut server = Server::set_up_with(&[&ann, &bob()], false);
    server.start();
    let secret = register(&server, &token_of(&server, &mut ann), "shop");
    for authentication in ["basic", "post"] {
        let more = json!({"client_id": "shop", "client_secret": secret, "authentication": authentication});
        let got = run(&server, &mut ann, "revoke", &more);
        assert_eq!(got["told"]["active"], true, "{got}");
        assert_eq!(got["told"]["client_id"], "shop");
        assert_eq!(got["told"]["aud"], "gateway-api");
        assert_eq!(got["after"], json!({"active": false}));
        assert_eq!(got["over"], refused());
        assert_eq!(got["status"], 401);
    }
}

#[test]
fn req_16_an_application_with_openid_client_binds_its_tokens_to_a_key() {
    let mut ann = ann();
    let server = server(&ann);
    let ahead = server.unix_seconds() - unix_seconds();
    let got = run(&server, &mut ann, "dpop", &json!({"ahead": ahead}));
    assert_eq!(got["type"], "dpop");
    assert_eq!(got["bound"], 200);
    assert_eq!((&got["asBearer"], &got["byAnother"]), (&json!(401), &json!(401)));
    assert_eq!(
        (&got["refreshedByAnother"], &got["refreshedBare"]),
        (&refused(), &refused())
    );
}
