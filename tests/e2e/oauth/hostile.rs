//! Whoever wants a token that is not theirs, with curl.

use serde_json::{Value, json};

use super::{
    REDIRECT, ann,
    by_hand::{CHALLENGE, VERIFIER, authorize, code_in, curl, encoded, exchange},
    server,
};
use crate::support::server::Server;

fn last_event(server: &Server) -> Value {
    server.events().pop().expect("an event")
}

/// Id and reason of the last event. A minute passes, so that it is not one of too many to report.
fn last_denial(server: &Server) -> (u64, String) {
    let event = last_event(server);
    server.pass_seconds(61);
    let reason = event["parameters"]["Reason"].as_str().unwrap_or_default();
    (event["id"].as_u64().unwrap(), reason.to_owned())
}

fn denied(id: u64, reason: &str) -> (u64, String) {
    (id, reason.to_owned())
}

#[test]
fn req_1_2_3_a_redirect_uri_that_is_not_the_registered_one_is_led_to_by_nothing() {
    let ann = ann();
    let server = server(&ann);
    for other in [
        "http://127.0.0.1:50123/callback/",
        "http://127.0.0.1:50123/callback?x=y",
        "http://127.0.0.1:50123/callback#x",
        "http://127.0.0.1:50123/CALLBACK",
        "http://127.0.0.1:50123/callback/../other",
        "http://127.0.0.1:50123/%63allback",
        "http://127.0.0.1:50123//callback",
        "http://127.0.0.1:50123\\callback",
        "http://127.0.0.1@evil.example:50123/callback",
        "http://127.0.0.1:50123@evil.example/callback",
        "http://evil.example#@127.0.0.1:50123/callback",
        "http://evil.example\\@127.0.0.1:50123/callback",
        "http://127.0.0.1.evil.example:50123/callback",
        "http://127.1:50123/callback",
        "http://2130706433:50123/callback",
        "http://0.0.0.0:50123/callback",
        "http://192.0.2.7:50123/callback",
        "http://127.0.0.1:99999/callback",
        "https://127.0.0.1:50123/callback",
        "//127.0.0.1:50123/callback",
        " http://127.0.0.1:50123/callback",
        "http://127.0.0.1:50123/callback\r\nX-Evil: 1",
        "http://127.0.0.1:50123/callback\0",
        "javascript:alert(1)//127.0.0.1:50123/callback",
        "data:text/html,x",
        "/auth/callback",
        "",
    ] {
        let answer = curl(&server, &authorize(&[("redirect_uri", other)]), &[]);
        assert_eq!((answer.status, answer.location()), (400, ""), "{other:?}: {answer:?}");
        assert!(!answer.headers.contains_key("x-evil"), "{other:?}");
        let (id, reason) = last_denial(&server);
        let malformed = other.is_empty() && reason == "0";
        assert!(id == 44002 && (reason == "4" || malformed), "{other:?}: {id} {reason}");
    }
}

#[test]
fn reason_0_a_parameter_that_comes_twice_is_refused_whichever_it_is() {
    let mut ann = ann();
    let server = server(&ann);
    for twice in [
        "response_type=code",
        "code_challenge_method=S256",
        "state=abc",
        "code_challenge=x",
    ] {
        let answer = curl(&server, &format!("{}&{twice}", authorize(&[])), &[]);
        assert_eq!(answer.status, 303, "{twice}");
        let back = answer.location();
        assert!(
            back.starts_with(&format!("{REDIRECT}?error=invalid_request")),
            "{twice}: {back}"
        );
        assert_eq!(last_denial(&server), denied(44002, "0"), "{twice}");
    }
    for twice in ["client_id=cli", "client_id=web-ui"] {
        let answer = curl(&server, &format!("{}&{twice}", authorize(&[])), &[]);
        assert_eq!((answer.status, answer.location()), (400, ""), "{twice}");
        assert_eq!(last_denial(&server), denied(44002, "0"), "{twice}");
    }
    let redirect = format!("{}&redirect_uri={}", authorize(&[]), encoded("http://evil.example/"));
    assert_eq!(curl(&server, &redirect, &[]).location(), "");
    server.pass_seconds(61);

    let code = code_in(&ann.log_on_for(&server, &format!("{}{}", server.origin(), authorize(&[]))));
    for twice in [
        "grant_type=authorization_code",
        "client_id=cli",
        "code=x",
        "code_verifier=x",
        "redirect_uri=x",
    ] {
        let form = format!("{}&{twice}", exchange(&code));
        let answer = curl(&server, "/oauth2/token", &["--data", &form]);
        assert_eq!(
            (answer.status, answer.error()),
            (400, json!("invalid_request")),
            "{twice}: {answer:?}"
        );
        assert_eq!(last_denial(&server), denied(44001, "0"), "{twice}");
    }
}

#[test]
fn req_4_5_6_8_a_code_is_worth_nothing_without_its_verifier_its_address_and_its_client_nor_twice() {
    let mut ann = ann();
    let server = server(&ann);
    let address = format!("{}{}", server.origin(), authorize(&[]));
    for downgrade in [
        vec![("code_challenge_method", "plain")],
        vec![("code_challenge_method", "")],
        vec![("code_challenge", "")],
        vec![("code_challenge", "short")],
    ] {
        let answer = curl(&server, &authorize(&downgrade), &[]);
        assert!(
            answer
                .location()
                .starts_with(&format!("{REDIRECT}?error=invalid_request")),
            "{downgrade:?}: {answer:?}"
        );
        assert_eq!(last_denial(&server), denied(44002, "0"), "{downgrade:?}");
    }
    let other_verifier = VERIFIER.replace('d', "e");
    for (from, to, what) in [
        (VERIFIER, &*other_verifier, "another verifier"),
        (VERIFIER, CHALLENGE, "the challenge itself"),
        ("50123", "50124", "another port than it was sent to"),
    ] {
        let code = code_in(&ann.log_on_for(&server, &address));
        let form = exchange(&code).replace(from, to);
        let answer = curl(&server, "/oauth2/token", &["--data", &form]);
        assert_eq!(
            (answer.status, answer.error()),
            (400, json!("invalid_grant")),
            "{what}: {answer:?}"
        );
        assert_eq!(last_denial(&server).0, 44001, "{what}");
    }
    let code = code_in(&ann.log_on_for(&server, &address));
    for missing in ["code_verifier", "redirect_uri", "code", "client_id", "grant_type"] {
        let form = exchange(&code);
        let form: Vec<_> = form
            .split('&')
            .filter(|pair| !pair.starts_with(&format!("{missing}=")))
            .collect();
        let answer = curl(&server, "/oauth2/token", &["--data", &form.join("&")]);
        assert!(matches!(answer.status, 400 | 401), "{missing}: {answer:?}");
        assert_eq!(last_denial(&server).0, 44001, "{missing}");
    }

    let code = code_in(&ann.log_on_for(&server, &address));
    let first = curl(&server, "/oauth2/token", &["--data", &exchange(&code)]);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.headers["cache-control"], "no-store");
    let token: Value = serde_json::from_str(&first.body).unwrap();
    let bearer = format!("authorization: Bearer {}", token["access_token"].as_str().unwrap());
    assert_eq!(curl(&server, "/api/v1/requests", &["--header", &bearer]).status, 200);
    let replayed = curl(&server, "/oauth2/token", &["--data", &exchange(&code)]);
    assert_eq!((replayed.status, replayed.error()), (400, json!("invalid_grant")));
    assert_eq!(curl(&server, "/api/v1/requests", &["--header", &bearer]).status, 401);
    assert_eq!(last_event(&server)["id"], 44005);
}

#[test]
fn req_18_a_token_in_an_address_or_a_form_is_none() {
    let mut ann = ann();
    let server = server(&ann);
    let code = code_in(&ann.log_on_for(&server, &format!("{}{}", server.origin(), authorize(&[]))));
    let token = curl(&server, "/oauth2/token", &["--data", &exchange(&code)]);
    let token: Value = serde_json::from_str(&token.body).unwrap();
    let token = token["access_token"].as_str().unwrap();
    let in_address = curl(&server, &format!("/api/v1/requests?access_token={token}"), &[]);
    assert_eq!(in_address.status, 401, "{in_address:?}");
    let form = format!("access_token={token}");
    let in_form = curl(&server, "/api/v1/requests/1/seal", &["--data", &form]);
    assert_eq!(in_form.status, 401, "{in_form:?}");
    for page in ["/logon?flow=x", "/oauth2/authorize", "/"] {
        let answer = curl(&server, page, &[]);
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{page}");
    }
}

#[test]
fn what_is_sent_as_state_comes_back_as_it_was_and_makes_no_header() {
    let mut ann = ann();
    let server = server(&ann);
    for broken in ["x\r\nSet-Cookie: countersign=evil", "x\n\n<script>", "x\0", "é"] {
        let refused = curl(&server, &authorize(&[("state", broken)]), &[]);
        assert_eq!(refused.status, 303, "{broken:?}");
        let back = refused.location();
        let told = back.starts_with(&format!("{REDIRECT}?error=invalid_request")) && !back.contains("&state=");
        assert!(told, "{broken:?}: {back}");
        assert!(!refused.headers.contains_key("set-cookie"), "{broken:?}: {refused:?}");
        assert_eq!(last_denial(&server), denied(44002, "0"), "{broken:?}");
    }
    let state = "a b&code=evil&iss=evil;<script>%0d%0a\"'#+\\";
    let callback = ann.log_on_for(
        &server,
        &format!("{}{}", server.origin(), authorize(&[("state", state)])),
    );
    let (_, query) = callback.split_once('?').unwrap();
    let states: Vec<_> = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("state="))
        .collect();
    let [given] = &states[..] else { panic!("{callback}") };
    assert_eq!(decoded(given), state);
    assert!(!callback.contains('\r') && !callback.contains('#'), "{callback}");
    assert_eq!(query.matches("code=").count(), 1, "{query}");
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[test]
fn bodies_that_are_huge_or_unreadable_and_other_methods_are_refused() {
    let ann = ann();
    let server = server(&ann);
    let big = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(big.path(), "a=".to_owned() + &"x".repeat(20 << 20)).unwrap();
    let big = format!("@{}", big.path().display());
    for path in ["/oauth2/token", "/oauth2/revoke", "/logon?flow=x"] {
        let answer = curl(&server, path, &["--data-binary", &big]);
        assert_eq!(answer.status, 413, "{path}");
        for garbage in [
            "\u{1}%FF%FE%00",
            "%",
            "&&&&====",
            "grant_type=%C3%28&client_id=cli",
            "grant_type[]=x",
            "{\"grant_type\":1}",
        ] {
            let answer = curl(&server, path, &["--data-binary", garbage]);
            assert!((400..500).contains(&answer.status), "{path} {garbage:?}: {answer:?}");
        }
    }
    for (kind, form) in [
        ("application/json", "{}"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("text/plain", "a=b"),
        ("", "a=b"),
    ] {
        let header = format!("content-type: {kind}");
        let answer = curl(&server, "/oauth2/token", &["--header", &header, "--data-binary", form]);
        assert!((400..500).contains(&answer.status), "{kind}: {answer:?}");
    }
    for method in ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "GET"] {
        let answer = curl(&server, "/oauth2/token", &["--request", method]);
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{method}");
    }
    for method in ["PUT", "DELETE", "TRACE", "OPTIONS"] {
        let answer = curl(&server, &authorize(&[]), &["--request", method]);
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
    }
    let overridden = curl(&server, "/oauth2/token", &["--header", "x-http-method-override: POST"]);
    assert_eq!(overridden.status, 405);
    assert!(curl(&server, "/healthz", &[]).status == 200, "it is still there");
}

#[test]
fn headers_say_neither_where_the_server_is_nor_who_asks() {
    let ann = ann();
    let server = server(&ann);
    let evil = [
        "--header",
        "host: evil.example",
        "--header",
        "x-forwarded-host: evil.example",
        "--header",
        "forwarded: host=evil.example",
    ];
    let metadata = curl(&server, "/.well-known/oauth-authorization-server", &evil);
    assert!(!metadata.body.contains("evil"), "{}", metadata.body);
    let refused = curl(&server, &authorize(&[("response_type", "token")]), &evil);
    assert!(!refused.location().contains("evil"), "{refused:?}");
    let elsewhere = [
        "--header",
        "x-forwarded-for: 192.0.2.99",
        "--header",
        "forwarded: for=192.0.2.99",
        "--header",
        "x-real-ip: 192.0.2.99",
    ];
    curl(&server, &authorize(&[("response_type", "token")]), &elsewhere);
    let event = last_event(&server);
    assert_eq!(event["parameters"]["SourceIpAddress"], "127.0.0.1", "{event}");
}

#[test]
fn req_19_21_after_a_form_people_are_sent_on_by_303_and_no_page_of_the_logon_is_framed() {
    let mut ann = ann();
    let server = server(&ann);
    let begun = curl(&server, &authorize(&[]), &[]);
    assert_eq!(begun.status, 303);
    let cookie = format!("cookie: {}", begun.headers["set-cookie"].split(';').next().unwrap());
    let mut at = begun.location().to_owned();
    for given in ["password", "code", "nothing more"] {
        if given == "nothing more" {
            // Where the last form led is another site: its code is in the address, and the form is not sent again to it.
            assert!(at.starts_with(&format!("{REDIRECT}?code=")), "{at}");
            break;
        }
        let page = curl(&server, &at, &["--header", &cookie]);
        assert!(
            page.headers["content-security-policy"].contains("frame-ancestors 'none'"),
            "{page:?}"
        );
        assert_eq!(page.headers["cache-control"], "no-store", "{page:?}");
        let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").expect("a form");
        let csrf = rest.split('"').next().unwrap();
        let form = match given {
            "password" => format!("csrf={csrf}&name=ann&password={}", encoded(&ann.password)),
            _ => format!("csrf={csrf}&code={}", ann.code(&server)),
        };
        let own = [
            "--header",
            &*cookie,
            "--header",
            "sec-fetch-site: same-origin",
            "--data",
            &*form,
        ];
        let sent = curl(&server, &at, &own);
        assert_eq!(sent.status, 303, "{given}: {sent:?}");
        sent.location().clone_into(&mut at);
    }
}
