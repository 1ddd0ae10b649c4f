//! What holds for every form that the server takes, and for every source of the server.

use std::path::Path;

use axum::body::Body;
use countersign_events::{Event, Occurrence, Origin, Reason, decode, encode};
use http::Request;

use crate::testing::people::TestServer;

/// Every source below this folder with its path.
fn sources(below: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found
}

/// The addresses that take a POST from a browser. The API and repositories take no cookie, so no site can use a browser's.
fn posts() -> Vec<String> {
    let mut posts = Vec::new();
    for (_, source) in sources("src") {
        let compact: String = source.split_whitespace().collect();
        for route in compact.split(".route(\"").skip(1) {
            let Some((path, rest)) = route.split_once("\",") else {
                continue;
            };
            let methods = rest.split(".route(").next().unwrap();
            let takes = methods.starts_with("post(") || methods.contains(").post(");
            if takes && path.starts_with('/') && !path.starts_with("/api/") && !path.starts_with("/restic/") {
                let path = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { "1" } else { part });
                posts.push(path.collect::<Vec<_>>().join("/"));
            }
        }
    }
    posts
}

/// No cookie gives anything there: each is asked by programs, or does nothing.
const FOR_OTHERS: [&str; 5] = [
    "/oauth2/token",
    "/oauth2/revoke",
    "/oauth2/introspect",
    "/oauth2/device_authorization",
    "/auth/saml/acs",
];

#[tokio::test]
async fn no_form_is_taken_from_another_site_nor_without_its_token() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut ann = server.browser();
    ann.log_on("ann").await;
    let cookie = format!("countersign={}", ann.cookies["countersign"]);
    let posts = posts();
    assert!(posts.len() > 25, "{posts:?}");
    for expected in ["/logout", "/logon", "/settings", "/clients/1/secret", "/setup/1"] {
        assert!(posts.iter().any(|path| path == expected), "{expected}");
    }
    for path in posts {
        if FOR_OTHERS.contains(&path.as_str()) {
            continue;
        }
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ] {
            let request = Request::post(&path)
                .header("cookie", &cookie)
                .header("content-type", "application/x-www-form-urlencoded")
                .header(name, value);
            let answer = server
                .send(request.body(Body::from("csrf=x")).unwrap(), "192.0.2.7:50000")
                .await;
            assert_eq!(answer.status.as_u16(), 403, "{path} from {value}");
            assert!(answer.body.contains("another site"), "{path}: {}", answer.body);
        }
        let answer = ann.post(&path, &[]).await;
        let status = answer.status;
        assert!(status.is_client_error(), "{path} without a token: {status}");
    }
}

#[test]
fn reason_unknown_is_a_peers_and_never_made_here() {
    let this = "http/tests/forms.rs";
    let word = concat!("Reason::", "Unknown");
    let mut seen = 0;
    for below in ["src", "../core/src", "../store/src", "../vault/src"] {
        for (path, source) in sources(below) {
            seen += 1;
            assert!(path == this || !source.contains(word), "{below}/{path}");
        }
    }
    assert!(seen > 200, "{seen}");
    // What a peer says is kept, there and back.
    let unknown = Reason::ALL[0];
    assert_eq!(unknown.code(), -1);
    let event = Event::UserAuthorizationDenied {
        source_ip_address: None,
        client_id: None,
        friendly_name: None,
        subject: None,
        resource_id: None,
        redirect_uri: None,
        reason: unknown,
    };
    let mut line = Vec::new();
    encode(&event, Occurrence::default(), &Origin::new("host"), &mut line);
    let text = String::from_utf8(line.clone()).unwrap();
    assert!(text.contains("Reason=\"-1\""), "{text}");
    assert_eq!(Event::try_from(&decode(&line).unwrap()).unwrap(), event);
}
