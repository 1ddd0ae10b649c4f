//! The strict form, read by a parser that is not ours.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{Event, LARGEST_MESSAGE, Occurrence, Operation, Origin, Timestamp, User, encode_strict};
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
