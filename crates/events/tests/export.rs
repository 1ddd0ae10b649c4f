//! What other consumers are told of a refused logon and of a request.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{Event, Message, Occurrence, Origin, Timestamp, decode, encode, export};
use serde_json::json;

fn with<T>(id: u32, say: impl Fn(&Message<'_>) -> T) -> T {
    let event = Event::examples().into_iter().find(|event| event.id() == id).unwrap();
    let mut line = Vec::new();
    let origin = Origin {
        vbr_version: "1.0".to_owned(),
        vbr_host_name: "vbrsrv01.tech.local".to_owned(),
        ..Origin::new("VBRSRV01")
    };
    encode(
        &event,
        Occurrence::new(Timestamp(1_763_987_197_421_424), -25_200),
        &origin,
        &mut line,
    );
    say(&decode(&line).unwrap())
}

#[test]
fn a_refused_logon_in_ecs() {
    assert_eq!(
        with(44002, export::ecs),
        json!({
            "@timestamp": "2025-11-24T12:26:37.421424Z",
            "ecs": { "version": "8.17.0" },
            "event": {
                "action": "user-authorization-denied", "category": ["authentication"], "code": "44002", "kind": "event",
                "outcome": "failure", "provider": "Veeam_MP", "reason": "1", "type": ["info", "start"],
            },
            "host": { "name": "vbrsrv01.tech.local" },
            "log": {
                "level": "warning",
                "syslog": {
                    "appname": "Veeam_MP", "facility": { "code": 1 }, "hostname": "VBRSRV01", "priority": 12,
                    "severity": { "code": 4 },
                },
            },
            "message": "Authorization request was denied: an authentication has failed.",
            "observer": { "hostname": "VBRSRV01", "product": "Veeam_MP", "vendor": "Veeam", "version": "1.0" },
            "related": {
                "hosts": ["vbrsrv01.tech.local", "VBRSRV01"], "ip": ["198.51.100.15"], "user": ["veeamadmin"],
            },
            "source": { "ip": "198.51.100.15" },
            "user": { "id": "UID-veeamadmin", "name": "veeamadmin" },
            "veeam": { "event": {
                "client_id": "veeam-backup-web-ui", "friendly_name": "veeamadmin", "reason": "1", "redirect_uri": "/",
                "resource_id": "veeam-gateway-api-service", "subject": "UID-veeamadmin", "version": "1",
            } },
        })
    );
}

#[test]
fn a_decided_request_in_ecs() {
    let ecs = with(42403, export::ecs);
    assert_eq!(ecs["event"]["category"], json!(["iam"]));
    assert_eq!(ecs["event"]["type"], json!(["info", "change"]));
    assert_eq!(ecs["user"], json!({ "name": "user1", "domain": "TECH" }));
    assert_eq!(ecs["related"]["user"], json!(["user1", "user2"]));
    assert_eq!(ecs["event"]["outcome"], "success");
    assert_eq!(
        ecs["veeam"]["event"],
        json!({
            "initiator_full_info": {
                "full_name": r"TECH\user1", "login_type": "0",
                "original": r#"<ModifiedUserInfo fullName="TECH\user1" loginType="0" />"#,
            },
            "operation": "Disable four-eyes authorization",
            "operation_id": "103",
            "supervisor_full_info": {
                "full_name": r"TECH\user2", "login_type": "0",
                "original": r#"<ModifiedUserInfo fullName="TECH\user2" loginType="0" />"#,
            },
            "version": "1",
        })
    );
    assert_eq!(
        with(42402, export::ecs)["event"].get("outcome"),
        None,
        "nothing is decided yet"
    );
}

#[test]
fn values_with_a_type_have_it_in_ecs() {
    let event = &with(10050, export::ecs)["veeam"]["event"];
    assert_eq!(
        (
            &event["storage_size"],
            &event["is_full"],
            &event["is_corrupted"],
            &event["date_time"]
        ),
        (
            &json!(104_857_600),
            &json!(true),
            &json!(false),
            &json!("2025-11-20T10:29:37.000000Z")
        )
    );
    let ecs = with(40205, export::ecs);
    assert_eq!(ecs["source"], json!({ "ip": "::1", "port": 52182 }));
    assert_eq!(ecs["user"]["id"], "S-1-5-21-3623811015-3361044348-30300820-1013");
}

#[test]
fn a_key_that_repeats_hides_nothing() {
    let line = br#"<14>1 - h a - - [origin enterpriseId="1"] [categoryId=0 instanceId=44005 ChainId="a" ChainId="b" ChainId="c"]"#;
    let message = decode(line).unwrap();
    let ecs = export::ecs(&message);
    assert_eq!(ecs["veeam"]["event"]["chain_id"], json!(["a", "b", "c"]));
    assert_eq!(ecs["event"]["original"], String::from_utf8_lossy(line).as_ref());
    assert_eq!(export::ocsf(&message)["unmapped"]["ChainId"], json!(["a", "b", "c"]));
    assert!(export::cef(&message).contains(" ChainId=a ChainId=b ChainId=c"));
}

#[test]
fn a_refused_logon_in_ocsf() {
    let ocsf = with(44002, export::ocsf);
    assert_eq!((&ocsf["class_uid"], &ocsf["type_uid"]), (&3002.into(), &300_201.into()));
    assert_eq!((&ocsf["status_id"], &ocsf["status_code"]), (&2.into(), &"1".into()));
    assert_eq!(
        ocsf["user"],
        serde_json::json!({ "name": "veeamadmin", "uid": "UID-veeamadmin" })
    );
    assert_eq!(ocsf["time"], 1_763_987_197_421_i64);
    assert_eq!(ocsf["src_endpoint"], json!({ "ip": "198.51.100.15" }));
    assert_eq!(ocsf["dst_endpoint"], json!({ "hostname": "vbrsrv01.tech.local" }));
    assert_eq!(ocsf["service"], json!({ "name": "veeam-gateway-api-service" }));
}

#[test]
fn a_request_in_ocsf_is_correlated_by_its_id() {
    let event = Event::FourEyesRequestCreated {
        operation: countersign_events::Operation::DisableFourEyes,
        initiator: countersign_events::User::local("ann"),
        request_id: Some("17".to_owned()),
    };
    let mut line = Vec::new();
    encode(
        &event,
        Occurrence::new(Timestamp(0), 0),
        &Origin {
            request_id: true,
            ..Origin::new("h")
        },
        &mut line,
    );
    let ocsf = export::ocsf(&decode(&line).unwrap());
    assert_eq!(
        (&ocsf["class_uid"], &ocsf["metadata"]["correlation_uid"]),
        (&3004.into(), &"17".into())
    );
    assert_eq!(ocsf["entity"]["name"], "Disable four-eyes authorization");
    assert_eq!(ocsf["actor"]["user"]["name"], "ann");
}

#[test]
fn cef_is_one_line_with_its_escapes() {
    insta::assert_snapshot!(with(42403, export::cef), @r#"CEF:0|Veeam|Veeam_MP|1.0|42403|Four-Eyes Authorization Request Approved|3|rt=1763987197421 dvchost=VBRSRV01 outcome=success suser=TECH\\user1 duser=TECH\\user2 act=Disable four-eyes authorization OperationId=103 InitiatorFullInfo=<ModifiedUserInfo fullName\="TECH\\user1" loginType\="0" /> SupervisorFullInfo=<ModifiedUserInfo fullName\="TECH\\user2" loginType\="0" /> VbrHostName=vbrsrv01.tech.local msg=Disable four-eyes authorization event initiated by TECH\\user1 has been approved by TECH\\user2."#);
    let line = br#"<14>1 - h a|b - - [origin enterpriseId="1"] [categoryId=0 instanceId=9 K="x=y\z"]"#;
    insta::assert_snapshot!(export::cef(&decode(line).unwrap()), @r"CEF:0|a\|b|a\|b||9|Event|3|dvchost=h K=x\=y\\z");
    let line = b"<14>1 - h a - 9 [e@1 instanceId=\"9\" a.b|\\c=\"x\" src=\"1\"] two\nlines";
    insta::assert_snapshot!(export::cef(&decode(line).unwrap()), @r"CEF:0|a|a||9|two\nlines|3|dvchost=h a_b__c=x src=1 msg=two\nlines");
}
