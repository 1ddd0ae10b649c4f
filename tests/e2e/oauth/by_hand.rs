//! What applications send, written by hand, and sent with curl.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use super::REDIRECT;
use crate::support::{
    counterparts::program,
    process::Outcome,
    server::{Member, Server},
};

/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    /// The `error` of RFC 6749, section 5.2.
    pub fn error(&self) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"].clone()
    }

    /// Where it redirects to; nothing for nowhere.
    pub fn location(&self) -> &str {
        self.headers.get("location").map_or("", String::as_str)
    }
}

/// One request of curl, with what more it is told.
pub fn curl(server: &Server, path: &str, more: &[&str]) -> Answer {
    let mut command = Command::new(program("curl"));
    command
        .args([
            "--silent",
            "--show-error",
            "--include",
            "--path-as-is",
            "--http1.1",
            "--max-time",
            "60",
        ])
        .args(more)
        .arg(format!("{}{path}", server.origin()));
    let got = Outcome::of(&mut command).expect("curl").stdout;
    // Before the answer there may be a “100 Continue”.
    let got = got
        .split_once("HTTP/1.1 100 Continue\r\n\r\n")
        .map_or(&*got, |(_, rest)| rest);
    let (head, body) = got.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    Answer {
        status: status.parse().unwrap(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// As it stands in an address or a form.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A request of the command line's client as it should be, but for what is put in the place of a parameter's value, or added.
pub fn authorize(change: &[(&str, &str)]) -> String {
    let mut parameters: Vec<(&str, String)> = [
        ("response_type", "code"),
        ("client_id", "cli"),
        ("redirect_uri", REDIRECT),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "xyz"),
    ]
    .map(|(name, value)| (name, encoded(value)))
    .into();
    for (name, value) in change {
        match parameters.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = encoded(value),
            None => parameters.push((name, encoded(value))),
        }
    }
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("/oauth2/authorize?{}", pairs.join("&"))
}

/// The form of a code's exchange.
pub fn exchange(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=cli&redirect_uri={}&code_verifier={VERIFIER}&code={}",
        encoded(REDIRECT),
        encoded(code)
    )
}

/// The code of a callback's address.
pub fn code_in(callback: &str) -> String {
    let (_, query) = callback.split_once('?').expect("a query");
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    code.unwrap_or_else(|| panic!("no code in {callback}")).to_owned()
}

/// A token of the command line's client, for what `member` may do.
pub fn token_of(server: &Server, member: &mut Member) -> String {
    let callback = member.log_on_for(server, &format!("{}{}", server.origin(), authorize(&[])));
    let answer = curl(server, "/oauth2/token", &["--data", &exchange(&code_in(&callback))]);
    let token: Value = serde_json::from_str(&answer.body).expect("JSON");
    token["access_token"].as_str().expect("an access token").to_owned()
}

/// Registers an application that has a secret, as `token` may; the secret. Four-eyes authorization is off.
pub fn register(server: &Server, token: &str, id: &str) -> String {
    let client = serde_json::json!({
        "id": id, "name": "An application", "authentication": "secret", "enabled": true,
        "grants": ["authorization_code", "refresh_token"], "redirect_uris": ["http://127.0.0.1/callback"], "resources": ["gateway-api"],
    });
    let bearer = format!("authorization: Bearer {token}");
    let json = [
        "--header",
        &bearer,
        "--header",
        "content-type: application/json",
        "--data",
    ];
    let made = curl(server, "/api/v1/clients", &[&json[..], &[&client.to_string()]].concat());
    assert_eq!(made.status, 201, "{made:?}");
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    made["secret"].as_str().expect("a secret").to_owned()
}
