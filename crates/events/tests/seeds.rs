//! The seeds' example lines, byte for byte from their values.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{
    Event, Occurrence, Operation, Origin, Outcome, Reason, Timestamp, User, decode, encode, encode_strict,
};
use std::net::IpAddr;

fn origin(vbr_host_name: &str) -> Origin {
    Origin {
        vbr_host_name: vbr_host_name.to_owned(),
        vbr_version: "13.0.1.180".to_owned(),
        product: "Veeam Backup & Replication".to_owned(),
        ..Origin::new("VBRSRV01")
    }
}

fn line(event: &Event, at: &str, origin: &Origin) -> String {
    let (at, offset) = Timestamp::parse_rfc3339(at).unwrap();
    let mut out = Vec::new();
    encode(event, Occurrence::new(at, offset), origin, &mut out);
    String::from_utf8(out).unwrap()
}

fn authorization_denied() -> Event {
    let text = |text: &str| Some(text.to_owned());
    Event::UserAuthorizationDenied {
        source_ip_address: Some(IpAddr::from([198, 51, 100, 15])),
        client_id: text("veeam-backup-web-ui"),
        friendly_name: text("veeamadmin"),
        subject: text("UID-veeamadmin"),
        resource_id: text("veeam-gateway-api-service"),
        redirect_uri: text("/"),
        reason: Reason::Unauthenticated,
    }
}

#[test]
fn seed_44002() {
    let origin = Origin {
        reason: false,
        ..origin("vbrsrv01")
    };
    assert_eq!(
        line(&authorization_denied(), "2025-12-05T18:57:34.193602-07:00", &origin),
        r#"<12>1 2025-12-05T18:57:34.193602-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=44002 SourceIpAddress="198.51.100.15" ClientId="veeam-backup-web-ui" FriendlyName="veeamadmin" Subject="UID-veeamadmin" ResourceId="veeam-gateway-api-service" RedirectUri="/" VbrHostName="vbrsrv01" VbrVersion="13.0.1.180" Version="1" Description="Authorization request was denied: an authentication has failed."]"#
    );
}

#[test]
fn the_seeds_lines_are_read_as_the_events_they_tell() {
    let seeds = [
        (
            r#"1 2025-12-05T18:57:34.193602-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=44002 SourceIpAddress="198.51.100.15" ClientId="veeam-backup-web-ui" FriendlyName="veeamadmin" Subject="UID-veeamadmin" ResourceId="veeam-gateway-api-service" RedirectUri="/" VbrHostName="vbrsrv01" VbrVersion="13.0.1.180" Version="1" Description="Authorization request was denied: an authentication has failed."]"#,
            authorization_denied(),
        ),
        (
            r#"1 2025-11-24T05:26:58.953786-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=42403 Operation="Disable four-eyes authorization" OperationId="103" InitiatorFullInfo="<ModifiedUserInfo fullName="TECH\user1" loginType="0" />" SupervisorFullInfo="<ModifiedUserInfo fullName="TECH\user2" loginType="0" />" VbrHostName="vbrsrv01.tech.local" VbrVersion="13.0.1.180" Version="1" Description="Disable four-eyes authorization event initiated by TECH\user1 has been approved by TECH\user2."]"#,
            Event::FourEyesRequestApproved {
                operation: Operation::DisableFourEyes,
                initiator: User::local(r"TECH\user1"),
                supervisor: User::local(r"TECH\user2"),
                request_id: None,
            },
        ),
    ];
    for (line, event) in seeds {
        assert_eq!(Event::try_from(&decode(line.as_bytes()).unwrap()), Ok(event), "{line}");
    }
}

#[test]
fn seed_44002_with_the_reason_of_its_table() {
    let line = line(
        &authorization_denied(),
        "2025-12-05T18:57:34.193602-07:00",
        &origin("vbrsrv01"),
    );
    assert!(
        line.contains(r#" RedirectUri="/" Reason="1" VbrHostName="vbrsrv01" "#),
        "{line}"
    );
}

#[test]
fn seed_42402() {
    let event = Event::FourEyesRequestCreated {
        operation: Operation::DisableFourEyes,
        initiator: User::local(r"TECH\user1"),
        request_id: Some("17".to_owned()),
    };
    assert_eq!(
        line(
            &event,
            "2025-11-24T05:26:37.421424-07:00",
            &origin("vbrsrv01.tech.local")
        ),
        r#"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=42402 Operation="Disable four-eyes authorization" OperationId="103" InitiatorFullInfo="<ModifiedUserInfo fullName="TECH\user1" loginType="0" />" VbrHostName="vbrsrv01.tech.local" VbrVersion="13.0.1.180" Version="1" Description="Disable four-eyes authorization event has been initiated by TECH\user1 and requires an additional approval."]"#
    );
}

#[test]
fn seed_42403() {
    let event = Event::FourEyesRequestApproved {
        operation: Operation::DisableFourEyes,
        initiator: User::local(r"TECH\user1"),
        supervisor: User::local(r"TECH\user2"),
        request_id: None,
    };
    assert_eq!(
        line(
            &event,
            "2025-11-24T05:26:58.953786-07:00",
            &origin("vbrsrv01.tech.local")
        ),
        r#"<14>1 2025-11-24T05:26:58.953786-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=42403 Operation="Disable four-eyes authorization" OperationId="103" InitiatorFullInfo="<ModifiedUserInfo fullName="TECH\user1" loginType="0" />" SupervisorFullInfo="<ModifiedUserInfo fullName="TECH\user2" loginType="0" />" VbrHostName="vbrsrv01.tech.local" VbrVersion="13.0.1.180" Version="1" Description="Disable four-eyes authorization event initiated by TECH\user1 has been approved by TECH\user2."]"#
    );
}

#[test]
fn the_request_id_stands_before_the_common_parameters_when_the_setting_says_so() {
    let event = Event::FourEyesRequestCreated {
        operation: Operation::DeleteSnapshot {
            name: "1f2e".to_owned(),
        },
        initiator: User::local("ann"),
        request_id: Some("17".to_owned()),
    };
    let origin = Origin {
        request_id: true,
        ..origin("vbrsrv01")
    };
    let line = line(&event, "2025-11-24T05:26:37.421424-07:00", &origin);
    assert!(
        line.contains(r#" loginType="0" />" RequestId="17" VbrHostName="vbrsrv01" "#),
        "{line}"
    );
}

#[test]
fn the_sequence_number_stands_after_all_that_belongs_to_the_event() {
    let event = Event::FourEyesDisabled {
        initiator: User::local("ann"),
        request_id: Some("17".to_owned()),
        result: Some(Outcome::Success),
    };
    let origin = Origin {
        request_id: true,
        result: true,
        ..origin("vbrsrv01")
    };
    let when = Occurrence::new(Timestamp(0), 0);
    let mut forms = [Vec::new(), Vec::new()];
    encode(&event, when.numbered(u64::MAX), &origin, &mut forms[0]);
    encode_strict(&event, when.numbered(u64::MAX), &origin, &mut forms[1]);
    for line in forms.map(|line| String::from_utf8(line).unwrap()) {
        assert!(
            line.contains(
                r#" RequestId="17" Result="Success" EventSequence="18446744073709551615" VbrHostName="vbrsrv01" "#
            ),
            "{line}"
        );
    }
    let mut without = Vec::new();
    encode(&event, when, &origin, &mut without);
    assert!(!String::from_utf8(without).unwrap().contains("EventSequence"));
}

#[test]
fn a_value_that_is_not_known_is_left_out() {
    let event = Event::UserAuthorizationDenied {
        source_ip_address: None,
        client_id: None,
        friendly_name: Some(String::new()),
        subject: None,
        resource_id: None,
        redirect_uri: None,
        reason: Reason::MalformedRequest,
    };
    let keys: Vec<&str> = event.parameters(&origin("h")).iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["Reason", "VbrHostName", "VbrVersion", "Version", "Description"]);
    assert!(
        line(&event, "2025-11-24T05:26:37Z", &origin("h")).contains(
            r#"instanceId=44002 Reason="0" VbrHostName="h" VbrVersion="13.0.1.180" Version="1" Description=""#
        )
    );
}

#[test]
fn the_record_in_json_comes_back_whole() {
    for event in Event::examples() {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
    }
}
