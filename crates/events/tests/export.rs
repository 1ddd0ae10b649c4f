//! What other consumers are told of a refused logon and of a request.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{Event, Message, Occurrence, Origin, Timestamp, decode, encode, export};

fn with<T>(id: u32, say: impl Fn(&Message<'_>) -> T) -> T {
    let event = Event::examples().into_iter().find(|event| event.id() == id).unwrap();
    let mut line = Vec::new();
    let origin = Origin {
        vbr_version: "1.0".to_owned(),
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
    let ecs = with(44002, export::ecs);
    assert_eq!(ecs["event"]["category"][0], "authentication");
    assert_eq!(
        (&ecs["event"]["outcome"], &ecs["event"]["reason"]),
        (&"failure".into(), &"1".into())
    );
    assert_eq!(
        (&ecs["source"]["ip"], &ecs["user"]["name"]),
        (&"198.51.100.15".into(), &"veeamadmin".into())
    );
    assert_eq!(ecs["@timestamp"], "2025-11-24T12:26:37.421424Z");
    assert_eq!(
        ecs["related"],
        serde_json::json!({ "user": ["veeamadmin"], "ip": ["198.51.100.15"] })
    );
}

#[test]
fn a_decided_request_in_ecs() {
    let ecs = with(42403, export::ecs);
    assert_eq!(ecs["event"]["category"][0], "iam");
    assert_eq!(ecs["user"], serde_json::json!({ "name": "user1", "domain": "TECH" }));
    assert_eq!(ecs["related"]["user"], serde_json::json!(["user1", "user2"]));
    assert_eq!(ecs["event"]["outcome"], "success");
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
    insta::assert_snapshot!(with(42403, export::cef), @r#"CEF:0|Veeam|Veeam_MP|1.0|42403|Four-Eyes Authorization Request Approved|3|rt=1763987197421 dvchost=VBRSRV01 outcome=success suser=TECH\\user1 duser=TECH\\user2 act=Disable four-eyes authorization OperationId=103 InitiatorFullInfo=<ModifiedUserInfo fullName\="TECH\\user1" loginType\="0" /> SupervisorFullInfo=<ModifiedUserInfo fullName\="TECH\\user2" loginType\="0" /> VbrHostName=VBRSRV01 msg=Disable four-eyes authorization event initiated by TECH\\user1 has been approved by TECH\\user2."#);
    let line = br#"<14>1 - h a|b - - [origin enterpriseId="1"] [categoryId=0 instanceId=9 K="x=y\z"]"#;
    insta::assert_snapshot!(export::cef(&decode(line).unwrap()), @r"CEF:0|a\|b|a\|b||9|Event|3|dvchost=h K=x\=y\\z");
}
