//! PyPI's Authlib with requests: what applications in Python are written with.

use serde_json::json;

use super::{
    REDIRECT, ann, bob,
    by_hand::{register, token_of},
    server,
};
use crate::support::{application::Application, server::Server};

#[test]
fn an_application_with_authlib_logs_a_person_on() {
    let mut ann = ann();
    let server = server(&ann);
    let settings = json!({"part": "code", "issuer": server.origin(), "client_id": "cli", "redirect_uri": REDIRECT});
    let got = Application::python("authlib_client.py", &settings).run(&server, &mut ann);
    assert_eq!(got["status"], 200, "{got}");
}

#[test]
fn req_13_14_an_application_with_authlib_refreshes_and_revokes_with_a_secret_and_without() {
    let mut ann = ann();
    let mut server = Server::set_up_with(&[&ann, &bob()], false);
    server.start();
    let secret = register(&server, &token_of(&server, &mut ann), "shop");
    let shop =
        json!({"client_id": "shop", "client_secret": secret, "methods": ["client_secret_basic", "client_secret_post"]});
    let cli = json!({"client_id": "cli", "methods": ["none"]});
    for mut settings in [shop, cli] {
        settings["part"] = "whole".into();
        settings["issuer"] = server.origin().into();
        settings["redirect_uri"] = REDIRECT.into();
        let got = Application::python("authlib_client.py", &settings).run(&server, &mut ann);
        for (method, got) in got.as_object().unwrap() {
            assert_eq!(
                (&got["status"], &got["refreshed"]),
                (&json!(200), &json!(200)),
                "{method}: {got}"
            );
            assert_ne!(
                got["first"]["refresh_token"], got["second"]["refresh_token"],
                "{method}"
            );
            if method != "none" {
                assert_eq!(got["wrong"], "invalid_client", "{method}");
            }
            assert_eq!(got["revoked"], 200, "{method}");
            assert_eq!(
                (&got["over"], &got["after"]),
                (&json!("invalid_grant"), &json!(401)),
                "{method}: {got}"
            );
        }
    }
    // A wrong secret is told, with its reason.
    let wrong = server
        .events()
        .into_iter()
        .filter(|event| event["parameters"]["Reason"] == "4")
        .count();
    assert_eq!(wrong, 2);
}
