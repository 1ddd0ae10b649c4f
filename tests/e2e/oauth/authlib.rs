//! PyPI's Authlib with requests: what applications in Python are written with.

use serde_json::json;

use super::{REDIRECT, ann, server};
use crate::support::application::Application;

#[test]
fn an_application_with_authlib_logs_a_person_on() {
    let mut ann = ann();
    let server = server(&ann);
    let settings = json!({"part": "code", "issuer": server.origin(), "client_id": "cli", "redirect_uri": REDIRECT});
    let got = Application::python("authlib_client.py", &settings).run(&server, &mut ann);
    assert_eq!(got["status"], 200, "{got}");
}
