//! Events read back from messages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use countersign_events::{Event, NotAnEvent, Operation, decode};

const HEAD: &str = r#"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] "#;

fn body(body: &str) -> String {
    format!("{HEAD}{body}")
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
