//! Whatever is sent to any address of the document: a status that the document names, a problem that is a problem document,
//! never a fault of ours.

use axum::body::Body;
use http::{Method, Request, header};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::document;
use crate::testing::office::Office;
use crate::testing::people::Answer;

/// A call as the document describes it, with values from us.
#[derive(Debug, Clone)]
struct Call {
    path: String,
    method: Method,
    /// Where it stands in the document.
    described: (String, String),
    body: Option<(String, Vec<u8>)>,
}

/// Parts of a path or a query that are, nearly are, or are not at all what is expected there.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("1".to_owned()),
        2 => Just("main".to_owned()),
        2 => Just("laptop".to_owned()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => prop_oneof!["0", "-1", "1e3", "99999999999999999999", "%00", "%ff", "..%2f..", "%2e%2e", "pending", "a,b", "'", ";--"],
        1 => "[ -~]{0,40}".prop_map(|text| escaped(&text)),
        1 => "\\PC{0,20}".prop_map(|text| escaped(&text)),
    ]
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// JSON that fits now and then.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        Just(json!("000000")),
        Just(json!("0".repeat(64))),
        Just(json!("tcp-lf")),
        // Whatever is added is tested: nobody listens there.
        Just(json!("127.0.0.1:1")),
        Just(json!("append")),
        Just(json!("*")),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(member(), inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

/// Names of members, the document's own among them.
fn member() -> impl Strategy<Value = String> {
    let known = [
        "Approval",
        "Rejection",
        "Settings",
        "ReceiverSpec",
        "ReceiverOptions",
        "TlsOptions",
        "NewToken",
        "NewAccount",
        "AccountSettings",
        "AccountReset",
    ]
    .iter()
    .flat_map(|schema| {
        let members = document()["components"]["schemas"][schema]["properties"]
            .as_object()
            .unwrap();
        members.keys().cloned().collect::<Vec<_>>()
    })
    .collect::<Vec<_>>();
    prop_oneof![9 => proptest::sample::select(known), 1 => "[a-z]{0,8}"]
}

fn body() -> impl Strategy<Value = Option<(String, Vec<u8>)>> {
    let kind = || {
        prop_oneof![
            8 => Just("application/json".to_owned()),
            1 => Just("text/plain".to_owned()),
            1 => Just("application/json; charset=utf-8".to_owned()),
        ]
    };
    prop_oneof![
        6 => (kind(), value()).prop_map(|(kind, value)| Some((kind, value.to_string().into_bytes()))),
        2 => (kind(), proptest::collection::vec(any::<u8>(), 0..200)).prop_map(Some),
        1 => (kind(), Just("[".repeat(5000).into_bytes())).prop_map(Some),
        1 => proptest::sample::select(vec!["<SyslogFilteredEvents/>", "<a>", "", "<SyslogFilteredEvents>\n&b;"])
            .prop_map(|xml| Some(("application/xml".to_owned(), xml.as_bytes().to_vec()))),
        1 => Just(None),
    ]
}

fn calls() -> impl Strategy<Value = Call> {
    let mut described = Vec::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let names: Vec<String> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                .collect();
            described.push((path.clone(), method.clone(), names));
        }
    }
    let parts = || proptest::collection::vec(part(), 2);
    (
        proptest::sample::select(described),
        parts(),
        proptest::collection::vec(proptest::option::of(part()), 10),
        body(),
    )
        .prop_map(|((template, method, names), parts, queries, body)| {
            let mut path = template.clone();
            for part in parts {
                if let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                    path.replace_range(from..=to, &part);
                }
            }
            let query: Vec<_> = names
                .iter()
                .zip(queries)
                .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
                .collect();
            if !query.is_empty() {
                path = format!("{path}?{}", query.join("&"));
            }
            Call {
                path,
                method: method.to_ascii_uppercase().parse().unwrap(),
                described: (template, method),
                body,
            }
        })
}

/// What is wrong with an answer.
fn fault(call: &Call, answer: &Answer) -> Option<String> {
    let status = answer.status;
    let (path, method) = &call.described;
    let known = &document()["paths"][path][method]["responses"][status.as_str()];
    // An empty part of a path is another path, and of that the document says nothing.
    let elsewhere = status == 404 || status == 405;
    if known.is_null() && !elsewhere {
        return Some(format!("{status} is not in the document"));
    }
    if status.is_server_error() {
        return Some(format!("{status} is our fault"));
    }
    let kind = answer
        .headers
        .get(header::CONTENT_TYPE)
        .map(|kind| kind.to_str().unwrap());
    if status.is_client_error() {
        let problem: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if kind != Some("application/problem+json")
            || problem["status"] != status.as_u16()
            || !problem["detail"].is_string()
        {
            return Some(format!("{status} without a problem document"));
        }
    } else if !answer.body.is_empty() && kind.is_none_or(|kind| known["content"][kind].is_null()) {
        return Some(format!("{status} as {kind:?}"));
    }
    None
}

#[test]
fn whatever_is_sent_the_answer_is_one_that_the_document_names() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (office, token) = runtime.block_on(async {
        let office = Office::open().await;
        office.waiting(&["one"]).await;
        // Nobody waits for events.
        office.server.app.stop.cancel();
        let token = office.token(&office.ann).await;
        (office, token)
    });
    let config = ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let seen = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let checked = TestRunner::new(config).run(&calls(), |call| {
        let mut request = Request::builder()
            .method(call.method.clone())
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some((kind, _)) = &call.body {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        // What cannot stand in a request line never comes to us.
        let Ok(uri) = call.path.parse::<http::Uri>() else {
            return Ok(());
        };
        let bytes = call.body.clone().map(|(_, bytes)| bytes).unwrap_or_default();
        let request = request.uri(uri).body(Body::from(bytes)).unwrap();
        let answer = runtime.block_on(office.server.send(request, "192.0.2.8:50000"));
        seen.borrow_mut().insert(answer.status.as_u16());
        match fault(&call, &answer) {
            Some(fault) => Err(TestCaseError::fail(format!("{fault}: {answer:?}"))),
            None => Ok(()),
        }
    });
    if let Err(failed) = checked {
        panic!("{failed}");
    }
    let seen = seen.into_inner();
    for status in [200, 400, 404, 415, 422] {
        assert!(seen.contains(&status), "no call came to {status}: {seen:?}");
    }
}

#[tokio::test]
async fn without_a_token_every_address_but_the_document_answers_401() {
    let office = Office::open().await;
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.trim_start_matches("/api/v1").replace("{id}", "1");
            let path = path.replace("{storage}", "main").replace("{backup}", "laptop");
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            let answer = office.call("", method.clone(), &path, Some(json!({}))).await;
            let expected = match path.as_str() {
                "/openapi.json" => 200,
                // What is shown there is the grant, in the body.
                "/grants/redeem" => 422,
                _ => 401,
            };
            assert_eq!(answer.status.as_u16(), expected, "{method} {path}");
        }
    }
}
