//! The expressions that existing rules and parsers for the family search our lines with.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{Event, Occurrence, Operation, Origin, Reason, Timestamp, User, encode};
use regex::Regex;

fn line(event: &Event) -> String {
    let mut out = Vec::new();
    encode(
        event,
        Occurrence::new(Timestamp(1_763_987_197_421_424), 0),
        &Origin::new("VBRSRV01"),
        &mut out,
    );
    String::from_utf8(out).unwrap()
}

fn found(expression: &str, line: &str) -> Vec<String> {
    let captures = Regex::new(expression).unwrap().captures(line).unwrap();
    captures
        .iter()
        .skip(1)
        .map(|group| group.unwrap().as_str().to_owned())
        .collect()
}

fn approved() -> String {
    line(&Event::FourEyesRequestApproved {
        operation: Operation::DeleteSnapshot {
            name: r#"nightly" instanceId=42401 Operation="x"#.to_owned(),
        },
        initiator: User::local(r#"TECH\user1" fullName="root"#),
        supervisor: User::local(r"TECH\user2"),
        request_id: None,
    })
}

#[test]
fn the_first_instance_id_is_the_events() {
    assert_eq!(found(r"instanceId=(\d+)", &approved()), ["42403"]);
}

#[test]
fn the_operation_is_told_once() {
    assert_eq!(
        found(r#"Operation="([^"]*)""#, &approved()),
        ["Delete snapshot nightly' instanceId=42401 Operation='x"]
    );
    assert_eq!(approved().matches("Operation=\"").count(), 1);
}

#[test]
fn the_description_ends_at_its_quote() {
    let line = line(&Event::UserAuthorizationDenied {
        source_ip_address: None,
        client_id: None,
        friendly_name: Some("x\"".to_owned()),
        subject: None,
        resource_id: None,
        redirect_uri: None,
        reason: Reason::Unauthenticated,
    });
    assert_eq!(
        found(r#"Description="([^"]*)""#, &line),
        ["Authorization request was denied: an authentication has failed."]
    );
}

#[test]
fn the_first_full_name_is_the_initiators() {
    assert_eq!(
        found(r#"fullName="([^"]*)""#, &approved()),
        [r"TECH\user1&quot; fullName=&quot;root"]
    );
}

#[test]
fn the_timestamp_follows_pri_and_version() {
    assert_eq!(
        found(r"<\d+>1\s+(\S+)\s", &approved()),
        ["2025-11-24T12:26:37.421424+00:00"]
    );
}

#[test]
fn the_header_and_both_brackets_match() {
    let expression = r#"Veeam_MP - - \[origin enterpriseId="([^"]+)"\] \[categoryId=([^\s]+) instanceId=([^\s]+)"#;
    assert_eq!(found(expression, &approved()), ["31023", "0", "42403"]);
}

#[test]
fn turning_on_and_off_have_their_exact_texts() {
    let initiator = || User::local(r"TECH\user1");
    let on = line(&Event::FourEyesEnabled { initiator: initiator() });
    assert!(
        on.contains(r#"Description="Four-eyes authorization has been enabled by TECH\user1."]"#),
        "{on}"
    );
    let off = line(&Event::FourEyesDisabled {
        initiator: initiator(),
        request_id: None,
        result: None,
    });
    assert!(
        off.contains(r#"Description="Four-eyes authorization has been disabled by TECH\user1."]"#),
        "{off}"
    );
}

/// Rules that look for an id or a sentence find those of every event, at the first match.
#[test]
fn every_event_of_the_catalogue_is_found() {
    for event in Event::examples() {
        let line = line(&event);
        assert_eq!(found(r"instanceId=(\d+)", &line), [event.id().to_string()]);
        assert_eq!(found(r"<\d+>1\s+(\S+)\s", &line).len(), 1);
        let header = r#"Veeam_MP - - \[origin enterpriseId="([^"]+)"\] \[categoryId=([^\s]+) instanceId=([^\s]+)"#;
        assert_eq!(found(header, &line), ["31023", "0", &event.id().to_string()]);
        let description = event.description(&Origin::new("VBRSRV01"));
        // 41800 and 41810 hold bare quotes in the family, too.
        let until_quote = description.split('"').next().unwrap();
        assert_eq!(found(r#"Description="([^"]*)""#, &line), [until_quote]);
        if let Some((_, operation)) = event
            .parameters(&Origin::new("h"))
            .iter()
            .find(|(key, _)| *key == "Operation")
        {
            assert_eq!(found(r#"Operation="([^"]*)""#, &line), [operation.as_str()]);
            assert_eq!(found(r#"fullName="([^"]*)""#, &line), [r"TECH\user1"]);
        }
    }
}
