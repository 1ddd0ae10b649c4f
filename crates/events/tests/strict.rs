//! The strict form, read by a parser that is not ours and by ours.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{
    Event, Form, LARGEST_MESSAGE, Message, NotAnEvent, Occurrence, Operation, Origin, Timestamp, User, decode,
    encode_message, encode_strict,
};
use proptest::prelude::*;

fn created(name: &str) -> Event {
    Event::FourEyesRequestCreated {
        operation: Operation::DeleteSnapshot { name: name.to_owned() },
        initiator: User::local(name),
        request_id: None,
    }
}

fn origin() -> Origin {
    Origin {
        vbr_version: "1.0".to_owned(),
        ..Origin::new("VBRSRV01")
    }
}

fn line(event: &Event) -> String {
    let mut out = Vec::new();
    encode_strict(
        event,
        Occurrence::new(Timestamp(1_763_987_197_421_424), 0),
        &origin(),
        &mut out,
    );
    String::from_utf8(out).unwrap()
}

#[test]
fn everything_is_escaped_as_the_rfc_says() {
    insta::assert_snapshot!(line(&created(r#"a"b\c]d"#)), @r#"<14>1 2025-11-24T12:26:37.421424+00:00 VBRSRV01 Veeam_MP - 42402 [origin enterpriseId="31023"][event@31023 categoryId="0" instanceId="42402" Operation="Delete snapshot a\"b\\c\]d" OperationId="104" InitiatorFullInfo="<ModifiedUserInfo fullName=\"a&quot;b\\c\]d\" loginType=\"0\" />" VbrHostName="VBRSRV01" VbrVersion="1.0" Version="1"] Delete snapshot a"b\c]d event has been initiated by a"b\c]d and requires an additional approval."#);
}

/// Reads, and sees that what was read is written back the same, also by way of JSON.
fn read(line: &str) -> Message<'_> {
    let message = decode(line.as_bytes()).unwrap();
    let json = serde_json::to_string(&message).unwrap();
    let again: Message<'_> = serde_json::from_str(&json).unwrap();
    for message in [&message, &again] {
        let mut out = Vec::new();
        encode_message(message, &mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), line);
    }
    message
}

fn pairs<'a>(message: &'a Message<'_>) -> Vec<(&'a str, &'a str)> {
    let pairs = message.parameters.iter();
    pairs.map(|(key, value)| (key.as_ref(), value.as_ref())).collect()
}

const HEAD: &str = "<14>1 2025-11-24T05:26:37Z h a - 9 ";

#[test]
fn the_json_says_the_form_and_unescaped_values() {
    let line = HEAD.to_owned()
        + r#"[origin enterpriseId="31023"][event@31023 categoryId="0" instanceId="9" A="\"\\\]" B=""] It was "so"."#;
    insta::assert_snapshot!(serde_json::to_string(&read(&line)).unwrap(), @r#"{"pri":14,"timestamp":"2025-11-24T05:26:37Z","hostname":"h","app_name":"a","id":9,"severity":"Info","parameters":{"A":"\"\\]","B":"","Description":"It was \"so\"."},"form":"strict","ambiguous":false}"#);
}

#[test]
fn ours_is_told_in_full_by_its_fields() {
    for name in ["plain", r#"a"b\c]d"#, "größe"] {
        let line = line(&created(name));
        let message = read(&line);
        assert!(
            message.raw.is_none() && message.form == Form::Strict && !message.ambiguous,
            "{line}"
        );
        assert_eq!(
            message.parameter("Operation"),
            Some(format!("Delete snapshot {name}").as_str())
        );
        assert_eq!(Event::try_from(&message), Ok(created(name)));
    }
}

#[test]
fn the_events_element_is_found_among_others() {
    let line = HEAD.to_owned()
        + r#"[timeQuality tzKnown="1"][x@1 instanceId="no"][e@32473.1 A="b" instanceId="9"][meta@7 instanceId="8" A="c"] D"#;
    let message = read(&line);
    assert_eq!(
        (message.id, pairs(&message)),
        (Some(9), vec![("A", "b"), ("Description", "D")])
    );
    assert!(message.raw.is_some() && !message.ambiguous);
}

#[test]
fn only_three_characters_are_escaped() {
    let line = HEAD.to_owned() + r#"[e@1 instanceId="9" A="\n\\n" B="a]b" C="\"]"] "#;
    let message = read(&line);
    assert_eq!(pairs(&message), [("A", r"\n\n"), ("B", "a]b"), ("C", "\"]")]);
    assert!(message.raw.is_some());
}

#[test]
fn what_is_not_as_we_write_it_keeps_its_line() {
    let usual = r#"[origin enterpriseId="31023"][event@31023 categoryId="0" instanceId="9" A="b"]"#;
    for (line, told) in [
        (format!("{HEAD}{usual} D"), true),
        (format!("{HEAD}{usual} D "), true),
        (format!("{HEAD}{usual} \u{feff}Ä"), true),
        (format!("{HEAD}{usual}"), true),
        (format!("{HEAD}{usual} Ä"), false),
        (format!("{HEAD}{usual} \u{feff}D"), false),
        (format!("{HEAD}{usual} \u{feff}"), false),
        (format!("{HEAD}{usual} "), false),
        (format!("{HEAD}{usual} D").replace("- 9", "12 9"), false),
        (format!("{HEAD}{usual} D").replace("- 9", "- 10"), false),
        (format!("{HEAD}{usual} D").replace("31023", "9"), false),
        (format!("{HEAD}{usual} D").replace("A=", "Description="), false),
    ] {
        let message = read(&line);
        assert_eq!(
            (message.form, message.id, message.text.is_none()),
            (Form::Strict, Some(9), true),
            "{line}"
        );
        assert_eq!(message.raw.is_none(), told, "{line}");
    }
}

#[test]
fn keys_that_repeat_are_ambiguous_here_too() {
    for parameters in [
        r#"A="1" A="2""#,
        r#"instanceId="8""#,
        r#"VbrVersion="1" VbrHostName="2""#,
    ] {
        let line = format!("{HEAD}[e@1 instanceId=\"9\" {parameters}] D");
        let message = read(&line);
        assert!(message.ambiguous && message.id == Some(9), "{line}");
        assert_eq!(Event::try_from(&message), Err(NotAnEvent::Ambiguous));
    }
}

#[test]
fn broken_structured_data_is_text() {
    for data in [
        r#"[e@1 instanceId="9" A="b"#,
        r#"[e@1 instanceId="9" A="b" D"#,
        r#"[e@1 instanceId="9"]D"#,
        r#"[e@1 instanceId="9"  A="b"] D"#,
        r#"[e@1 instanceId="9" A=b] D"#,
        r#"[e instanceId="9"] D"#,
        r#"[e@ instanceId="9"] D"#,
        r#"[e@1 instanceId="09"] D"#,
        r#"[e@1] D"#,
        r#"[e@1 instanceId="9" abcdefghijklmnopqrstuvwxyzabcdefg="b"] D"#,
    ] {
        let line = format!("{HEAD}{data}");
        let message = read(&line);
        assert_eq!(
            (message.form, message.id, message.text.as_deref()),
            (Form::Compatible, None, Some(data))
        );
        assert!(message.parameters.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_parser_reads_the_same_values(name in "[ -~]{0,40}|[^\\p{C}\\p{Z}]{0,20}") {
        let (event, origin) = (created(&name), origin());
        let line = line(&event);
        let message = syslog_rfc5424::parse_message(&line).unwrap();
        let data = message.sd.find_sdid("event@31023").unwrap();
        for (key, whole) in event.parameters(&origin) {
            if key == "Description" {
                prop_assert_eq!(message.msg.trim_start_matches('\u{feff}'), whole);
            } else {
                prop_assert_eq!(data.get(key).unwrap(), &whole);
            }
        }
    }

    #[test]
    fn nothing_is_forged_in_the_strict_form(parts in prop::collection::vec(prop_oneof![
        Just("\"".to_owned()), Just("\\".to_owned()), Just("]".to_owned()), Just("\n<14>1 ".to_owned()),
        Just("\" x=\"".to_owned()), Just("\"][x y=\"".to_owned()), Just("y".repeat(5_000)), any::<String>(),
    ], 0..5)) {
        let name = parts.concat();
        let line = line(&created(&name));
        prop_assert!(line.len() <= LARGEST_MESSAGE && line.chars().all(|c| !c.is_control()));
        let message = syslog_rfc5424::parse_message(&line).unwrap();
        prop_assert_eq!(message.sd.len(), 2);
        prop_assert_eq!(message.sd.find_sdid("event@31023").unwrap().len(), 8);
    }
}
