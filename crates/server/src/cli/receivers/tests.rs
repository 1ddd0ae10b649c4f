//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    receivers: Receivers,
}

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.receivers.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adds_changes_tests_and_removes() {
    let desk = Desk::open().await;
    desk.office.turn_off().await;
    assert_eq!(desk.run(&["list"]).await.unwrap(), "No receivers.\n");
    let folder = tempfile::tempdir().unwrap();
    let ca = rcgen::generate_simple_self_signed(["siem.example".to_owned()])
        .unwrap()
        .cert;
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, ca.pem()).unwrap();
    let pem = pem.display().to_string();
    let add = [
        "add",
        "siem",
        NOBODY,
        "--transport",
        "relp-tls",
        "--form",
        "strict",
        "--app-name",
        "Backup",
        "--byte-order-mark",
        "off",
        "--sequence",
        "on",
        "--connect-seconds",
        "1",
        "--tls-server-name",
        "siem.example",
        "--tls-ca",
        &pem,
    ];
    insta::assert_snapshot!(desk.run(&add).await.unwrap(), @"
    Added as receiver 1.
    The test message was not delivered: no connection to 127.0.0.1:1: connection refused.
    ");
    desk.office.server.clock.advance_seconds(90);
    insta::assert_snapshot!(desk.run(&["list"]).await.unwrap(), @"
    ID  NAME  STATE    WAITING  LAG    TRANSPORT  ADDRESS      LAST ERROR
    1   siem  sending  1        1 min  relp-tls   127.0.0.1:1
    ");
    let shown = desk.run(&["show", "siem"]).await.unwrap();
    let digest = countersign_core::Sha256::of(ca.der()).to_hex();
    insta::assert_snapshot!(shown.replace(&digest, "…"), @"
    Receiver 1: siem
      state           sending, not connected
      waiting         1 event, the oldest for 1 min
      delivered       up to event 0, never yet
      last error      none
      transport       relp-tls
      address         127.0.0.1:1
      form            strict
      app_name        Backup
      byte_order_mark off
      sequence        on
      connect_seconds 1
      tls.server_name siem.example
      tls.ca          SHA-256 …
    ");
    let (code, said) = desk.refused(&["test", "1"]).await;
    assert_eq!(code, 1);
    assert!(
        said.starts_with("the test message was not delivered: no connection"),
        "{said}"
    );
    let change = [
        "change",
        "siem",
        "--app-name",
        "",
        "--tls-ca",
        "",
        "--name",
        "lab",
        "--sequence",
        "off",
    ];
    assert!(
        desk.run(&change)
            .await
            .unwrap()
            .starts_with("Receiver lab is changed.\nThe test message was not")
    );
    let json: Value = serde_json::from_str(&desk.run(&["show", "lab", "--json"]).await.unwrap()).unwrap();
    assert_eq!(json["options"]["app_name"], Value::Null);
    assert_eq!(json["options"]["tls"], json!({"server_name": "siem.example"}));
    assert_eq!(
        (&json["options"]["sequence"], &json["options"]["form"]),
        (&Value::Null, &json!("strict"))
    );
    let same = desk.run(&["change", "lab"]).await.unwrap();
    assert_eq!(same, "Nothing differs: it is so already.\n");
    assert_eq!(
        desk.refused(&["change", "lab", "--transport", "udp"]).await,
        (3, "TLS settings need the transport tls or relp-tls".into())
    );
    assert_eq!(
        desk.refused(&["show", "siem"]).await,
        (3, "there is no receiver siem".into())
    );
    assert_eq!(desk.run(&["remove", "1"]).await.unwrap(), "Receiver lab is removed.\n");
    assert_eq!(desk.run(&["list", "--json"]).await.unwrap(), "{\"receivers\":[]}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_says_its_request() {
    let desk = Desk::open().await;
    let added = desk
        .run(&["add", "siem", NOBODY, "--transport", "tcp-lf"])
        .await
        .unwrap();
    insta::assert_snapshot!(added, @"
    Held: a second person must approve request 1.
    The test message was not delivered: no connection to 127.0.0.1:1: connection refused.
    ");
    let again = desk
        .run(&["add", "siem", NOBODY, "--transport", "tcp-lf", "--json"])
        .await
        .unwrap();
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(
        (&again["request"], &again["test"]["outcome"]),
        (&json!(2), &json!("failed"))
    );
    desk.office.approved_by_bob("1").await;
    let removal = desk.run(&["remove", "siem"]).await.unwrap();
    assert_eq!(removal, "Held: a second person must approve request 3.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_goes_out_and_in() {
    let desk = Desk::open().await;
    desk.office.turn_off().await;
    desk.run(&["add", "siem", NOBODY, "--transport", "tcp-lf"])
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.xml").display().to_string();
    std::fs::write(
        &file,
        "<SyslogFilteredEvents><FilteredEvent EventId='23010' FilterInfo='True'/></SyslogFilteredEvents>",
    )
    .unwrap();
    let imported = desk.run(&["filter", "import", "siem", &file]).await.unwrap();
    assert_eq!(imported, "The filter of siem is as in the list.\n");
    insta::assert_snapshot!(desk.run(&["filter", "export", "1"]).await.unwrap(), @r#"
    <SyslogFilteredEvents>
      <FilteredEvent EventId="23010" FilterInfo="True" FilterWarning="False" FilterError="False"/>
    </SyslogFilteredEvents>
    "#);
    let json = desk.run(&["filter", "export", "siem", "--json"]).await.unwrap();
    assert_eq!(
        json,
        "[{\"error\":false,\"event_id\":23010,\"info\":true,\"warning\":false}]\n"
    );
    std::fs::write(&file, "<SyslogFilteredEvents>\n<Event/></SyslogFilteredEvents>").unwrap();
    assert_eq!(
        desk.refused(&["filter", "import", "siem", &file]).await,
        (
            3,
            "line 2, column 1: the list holds FilteredEvent elements alone".into()
        )
    );
    let (code, said) = desk.refused(&["filter", "import", "siem", "/nowhere"]).await;
    assert_eq!((code, said.starts_with("/nowhere: ")), (1, true), "{said}");
    assert!(
        desk.run(&["show", "siem"])
            .await
            .unwrap()
            .contains("filter 23010    not sent: info")
    );
}
