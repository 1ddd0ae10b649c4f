//! What the readers make of ours, others' and broken lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use countersign_events::{
    DecodeError, EncodeError, Event, Message, NotAnEvent, Occurrence, Operation, Origin, Reader, Severity, SkipReason,
    Timestamp, decode, encode, encode_message,
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
fn an_event_is_known_only_where_it_is_told() {
    let event = |text: &str| Event::try_from(&decode(body(text).as_bytes()).unwrap());
    assert_eq!(event("The server has started."), Err(NotAnEvent::NoId));
    assert_eq!(event("[categoryId=0 instanceId=9]"), Err(NotAnEvent::UnknownId(9)));
    assert_eq!(
        event(r#"[categoryId=0 instanceId=44005 ChainId="a" ChainId="b"]"#),
        Err(NotAnEvent::Ambiguous)
    );
    for (text, key) in [
        ("[categoryId=0 instanceId=42400]", "InitiatorFullInfo"),
        (
            r#"[categoryId=0 instanceId=42400 InitiatorFullInfo="ann"]"#,
            "InitiatorFullInfo",
        ),
        (
            r#"[categoryId=0 instanceId=44005 SourceIpAddress="here"]"#,
            "SourceIpAddress",
        ),
        (r#"[categoryId=0 instanceId=44001 Reason="12"]"#, "Reason"),
        (
            r#"[categoryId=0 instanceId=10050 VmName="a" Description="Gone."]"#,
            "description",
        ),
        (
            r#"[categoryId=0 instanceId=31000 ChangesXML="<changes><more count="3" /></changes>"]"#,
            "ChangesXML",
        ),
    ] {
        assert_eq!(event(text), Err(NotAnEvent::Parameter(key)), "{text}");
    }
    assert_eq!(
        event("[categoryId=0 instanceId=44005]"),
        Ok(Event::TokenChainRevoked {
            source_ip_address: None,
            chain_id: None
        })
    );
}

#[test]
fn an_operation_is_what_its_number_says() {
    let operation = |id: u32, wording: &str| {
        let line = body(&format!(
            r#"[categoryId=0 instanceId=42402 Operation="{wording}" OperationId="{id}" InitiatorFullInfo="<ModifiedUserInfo fullName="ann" loginType="0" />"]"#
        ));
        match Event::try_from(&decode(line.as_bytes()).unwrap()) {
            Ok(Event::FourEyesRequestCreated { operation, .. }) => Ok(operation),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    };
    let named = |name: &str| name.to_owned();
    assert_eq!(
        operation(100, "Delete backup x"),
        Ok(Operation::DeleteBackup { name: named("x") })
    );
    assert_eq!(
        operation(108, "Update Any Product security settings"),
        Ok(Operation::UpdateSecuritySettings)
    );
    assert_eq!(
        operation(109, "Update repository y security settings"),
        Ok(Operation::UpdateRepository {
            name: named("y security settings")
        })
    );
    assert_eq!(
        operation(10_000, "Delete backup x"),
        Ok(Operation::Other {
            name: named("Delete backup x")
        })
    );
    assert_eq!(
        operation(104, "Delete backup x"),
        Err(NotAnEvent::Parameter("Operation"))
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

fn drain(reader: &mut Reader) -> Vec<Result<Option<u32>, (u64, u64)>> {
    let mut all = Vec::new();
    while let Some(read) = reader.next() {
        all.push(
            read.map(|message| message.id)
                .map_err(|skipped| (skipped.offset, skipped.length)),
        );
    }
    all
}

#[test]
fn a_stream_of_lines_counts_and_garbage() {
    let one = body("[categoryId=0 instanceId=1]");
    let bare = one.replace("<14>", "").replace("=1]", "=2]");
    let stream = format!(
        "{one}\n{bare}\r\n\n\0garbage\n{} {one}{} {bare}123 no\n{one}",
        one.len(),
        bare.len()
    );
    let garbage = (one.len() + 1 + bare.len() + 4) as u64;
    let garbage2 = stream.find("123 no").unwrap() as u64;
    let expected = vec![
        Ok(Some(1)),
        Ok(Some(2)),
        Err((garbage, 8)),
        Ok(Some(1)),
        Ok(Some(2)),
        Err((garbage2, 7)),
        Ok(Some(1)),
    ];
    for piece in [1, 2, 3, 7, 64, stream.len()] {
        let mut reader = Reader::new();
        let mut all = Vec::new();
        for octets in stream.as_bytes().chunks(piece) {
            reader.push(octets);
            all.extend(drain(&mut reader));
        }
        reader.finish();
        all.extend(drain(&mut reader));
        assert_eq!(all, expected, "in pieces of {piece}");
    }
}

#[test]
fn a_line_past_the_limit_is_skipped_and_the_next_is_read() {
    let one = body("[categoryId=0 instanceId=1]");
    let mut reader = Reader::with_limit(512);
    let mut all = Vec::new();
    for _ in 0..1000 {
        reader.push(&[b'x'; 100]);
        assert!(reader.next().is_none());
    }
    reader.push(format!("\n{one}\n").as_bytes());
    while let Some(read) = reader.next() {
        all.push(read.map(|message| message.id));
    }
    assert!(matches!(&all[0], Err(s) if s.offset == 0 && s.length == 100_001 && s.reason == SkipReason::TooLong));
    assert_eq!(all[1], Ok(Some(1)));
}

#[test]
fn a_wrong_count_is_skipped_and_what_follows_is_read_as_lines() {
    let one = body("[categoryId=0 instanceId=1]");
    let mut reader = Reader::new();
    reader.push(format!("999 <14>1 2025 x\n{one}\n999 {one}").as_bytes());
    assert_eq!(drain(&mut reader), []);
    reader.finish();
    let second = (17 + one.len() + 1) as u64;
    assert_eq!(
        drain(&mut reader),
        [Err((0, 4)), Err((4, 13)), Ok(Some(1)), Err((second, 4)), Ok(Some(1))]
    );

    let mut reader = Reader::with_limit(200);
    reader.push(format!("201 {one}\n").as_bytes());
    assert_eq!(drain(&mut reader), [Err((0, 4)), Ok(Some(1))]);
}
