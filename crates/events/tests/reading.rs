//! What the readers make of ours, others' and broken lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use countersign_events::{
    DecodeError, EncodeError, Event, Message, Occurrence, Origin, Severity, Timestamp, decode, encode, encode_message,
};

const HEAD: &str = r#"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] "#;

fn body(body: &str) -> String {
    format!("{HEAD}{body}")
}

fn pairs<'a>(message: &'a Message<'_>) -> Vec<(&'a str, &'a str)> {
    message
        .parameters
        .iter()
        .map(|(key, value)| (key.as_ref(), value.as_ref()))
        .collect()
}

/// Reads, and sees that what was read is written back the same, also by way of JSON.
fn read(line: &str) -> Message<'_> {
    let message = decode(line.as_bytes()).expect(line);
    let mut out = Vec::new();
    encode_message(&message, &mut out).expect(line);
    assert_eq!(String::from_utf8_lossy(&out), line);
    let json = serde_json::to_string(&message).unwrap();
    let again: Message<'_> = serde_json::from_str(&json).unwrap();
    out.clear();
    encode_message(&again, &mut out).expect(&json);
    assert_eq!(String::from_utf8_lossy(&out), line);
    message
}

#[test]
fn every_event_of_the_catalogue_reads_back() {
    let origin = Origin {
        request_id: true,
        result: true,
        ..Origin::new("vbrsrv01.tech.local")
    };
    for event in Event::examples() {
        let mut out = Vec::new();
        encode(
            &event,
            Occurrence::new(Timestamp(1_763_634_577_421_424), -25_200),
            &origin,
            &mut out,
        );
        let line = String::from_utf8(out).unwrap();
        let message = read(&line);
        assert_eq!(
            (message.pri, message.id),
            (Some(event.severity().pri()), Some(event.id()))
        );
        assert_eq!(message.time(), Some((Timestamp(1_763_634_577_421_424), -25_200)));
        assert!(
            !message.ambiguous && message.raw.is_none() && message.text.is_none(),
            "{line}"
        );
        let sent = event.parameters(&origin);
        let sent: Vec<(&str, &str)> = sent.iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(pairs(&message), sent, "{line}");
    }
}

#[test]
fn the_json_is_the_contract() {
    let line = body(r#"[categoryId=0 instanceId=42401 OperationId="1" Version="1" Description="D."]"#);
    insta::assert_snapshot!(serde_json::to_string(&read(&line)).unwrap(), @r#"{"pri":14,"timestamp":"2025-11-24T05:26:37.421424-07:00","hostname":"VBRSRV01","app_name":"Veeam_MP","id":42401,"severity":"Info","parameters":{"OperationId":"1","Version":"1","Description":"D."},"ambiguous":false}"#);
}

#[test]
fn without_pri_the_catalogue_knows_the_severity() {
    let line = body("[categoryId=0 instanceId=44002]").replace("<14>", "");
    let message = read(&line);
    assert_eq!((message.pri, message.severity), (None, Some(Severity::Warning)));
}

#[test]
fn a_severity_token_is_taken_in_either_place() {
    for line in [
        body("[ERR] [categoryId=0 instanceId=116 A=\"b\"]"),
        body("[categoryId=0 instanceId=116 A=\"b\"]").replace("[origin", "[ERR] [origin"),
    ] {
        let message = read(&line);
        assert_eq!(
            (message.severity, message.id, pairs(&message)),
            (Some(Severity::Error), Some(116), vec![("A", "b")])
        );
    }
}

#[test]
fn byte_order_marks_are_taken() {
    for line in [
        body("\u{feff}[categoryId=0 instanceId=9]"),
        format!("\u{feff}{HEAD}[categoryId=0 instanceId=9]"),
    ] {
        assert_eq!(read(&line).id, Some(9));
    }
}

#[test]
fn a_missing_bracket_or_quote_ends_at_the_body() {
    assert_eq!(
        pairs(&read(&body(r#"[categoryId=0 instanceId=9 A="b" C="d""#))),
        [("A", "b"), ("C", "d")]
    );
    assert_eq!(
        pairs(&read(&body(r#"[categoryId=0 instanceId=9 A="b" C="d e"#))),
        [("A", "b"), ("C", "d e")]
    );
    assert_eq!(pairs(&read(&body("[categoryId=0 instanceId=9"))), []);
}

#[test]
fn free_text_is_kept_as_text() {
    let line = body("Backup server has started.");
    let message = read(&line);
    assert_eq!(
        (message.id, message.text.as_deref()),
        (None, Some("Backup server has started."))
    );
    let line = "<13>1 - - app 12 ID -";
    assert_eq!((read(line).text, read(line).app_name), (None, "app".into()));
}

#[test]
fn bare_quotes_stand_inside_values() {
    let line = body(r#"[categoryId=0 instanceId=41800 Endpoint="[::1]:5" Description="Failed from "[::1]:5"."]"#);
    assert_eq!(
        pairs(&read(&line)),
        [("Endpoint", "[::1]:5"), ("Description", r#"Failed from "[::1]:5"."#)]
    );
}

#[test]
fn a_backslash_stands_for_itself() {
    let line = body(r#"[categoryId=0 instanceId=9 A="TECH\" B="\\fs1\x"]"#);
    assert_eq!(pairs(&read(&line)), [("A", r"TECH\"), ("B", r"\\fs1\x")]);
}

#[test]
fn xml_ends_where_no_element_is_open() {
    let line = body(r#"[categoryId=0 instanceId=9 X="<c><o id="1" n="2" /><old>a" N="b</old></c>" Y="z"]"#);
    assert_eq!(
        pairs(&read(&line)),
        [("X", r#"<c><o id="1" n="2" /><old>a" N="b</old></c>"#), ("Y", "z")]
    );
    // An element that is never closed: the second look takes the first quote outside of tags.
    let line = body(r#"[categoryId=0 instanceId=9 X="<unknown>" Y="z"]"#);
    assert_eq!(pairs(&read(&line)), [("X", "<unknown>"), ("Y", "z")]);
    assert!(!read(&line).ambiguous);
    // Not even a tag: the plain rule, and it says that it guessed.
    let line = body(r#"[categoryId=0 instanceId=9 X="<3" Y="z"]"#);
    assert_eq!(pairs(&read(&line)), [("X", "<3"), ("Y", "z")]);
    assert!(read(&line).ambiguous);
}

#[test]
fn very_many_elements_that_never_close_are_read_and_told_as_a_guess() {
    let line = body(&format!("[categoryId=0 instanceId=9{}]", r#" A="<""#.repeat(150_000)));
    let message = decode(line.as_bytes()).unwrap();
    assert!(message.ambiguous && message.parameters.len() == 150_000);
}

#[test]
fn keys_that_repeat_or_stand_out_of_order_are_ambiguous() {
    for text in [
        r#"[categoryId=0 instanceId=44002 Subject="a" FriendlyName="b"]"#,
        r#"[categoryId=0 instanceId=44002 Subject="a" Subject="b"]"#,
        r#"[categoryId=0 instanceId=9 X="a" Y="c" X="b"]"#,
        r#"[categoryId=0 instanceId=9 Description="a" Version="b"]"#,
    ] {
        let line = body(text);
        let message = read(&line);
        assert!(message.ambiguous, "{text}");
        assert_eq!(message.raw.as_deref(), Some(line.as_bytes()));
    }
    let line = body(r#"[categoryId=0 instanceId=44002 FriendlyName="b" New="x" Subject="a"]"#);
    assert!(
        !read(&line).ambiguous,
        "a key the catalogue does not know has no place in its order"
    );
}

#[test]
fn the_sequence_number_has_its_place_in_the_order() {
    let line = body(r#"[categoryId=0 instanceId=44005 ChainId="c" EventSequence="7" VbrHostName="h"]"#);
    let message = read(&line);
    assert!(!message.ambiguous && message.parameter("EventSequence") == Some("7"));
    for text in [
        r#"[categoryId=0 instanceId=44005 EventSequence="7" ChainId="c"]"#,
        r#"[categoryId=0 instanceId=44005 VbrHostName="h" EventSequence="7"]"#,
        r#"[categoryId=0 instanceId=9 EventSequence="7" X="c" EventSequence="7"]"#,
    ] {
        assert!(read(&body(text)).ambiguous, "{text}");
    }
}

#[test]
fn repeated_keys_are_a_list_in_json() {
    let line = body(r#"[categoryId=0 instanceId=9 X="a" Y="c" X="b"]"#);
    let json = serde_json::to_value(read(&line)).unwrap();
    assert_eq!(json["parameters"], serde_json::json!({ "X": ["a", "b"], "Y": "c" }));
}

#[test]
fn what_is_not_utf8_is_kept_in_hex() {
    let mut line = body("[categoryId=0 instanceId=9 A=\"").into_bytes();
    line.extend_from_slice(b"\xff\"]");
    let message = decode(&line).unwrap();
    assert_eq!(message.parameter("A"), Some("\u{fffd}"));
    let again: Message<'_> = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
    let mut out = Vec::new();
    encode_message(&again, &mut out).unwrap();
    assert_eq!(out, line);
}

#[test]
fn what_is_not_a_message_is_refused_with_its_reason() {
    for (line, error) in [
        ("", DecodeError::Version),
        ("hello", DecodeError::Version),
        ("<192>1 - h a - - x", DecodeError::Pri),
        ("<1x>1 - h a - - x", DecodeError::Pri),
        ("<14>2 - h a - - x", DecodeError::Version),
        ("<14>1 yesterday h a - - x", DecodeError::Timestamp),
        ("<14>1 - h", DecodeError::Header),
        ("<14>1 -  a - - x", DecodeError::Header),
    ] {
        assert_eq!(decode(line.as_bytes()), Err(error), "{line}");
    }
}

#[test]
fn a_message_that_would_read_back_otherwise_is_not_written() {
    let line = body(r#"[categoryId=0 instanceId=9 A="b"]"#);
    for value in ["x\" B=\"y", "x\"]\n<14>1 forged", "<a"] {
        let mut message = decode(line.as_bytes()).unwrap();
        message.parameters[0].1 = value.into();
        let mut out = b"kept".to_vec();
        assert_eq!(
            encode_message(&message, &mut out),
            Err(EncodeError::NotTheSame),
            "{value}"
        );
        assert_eq!(out, b"kept");
    }
}
