//! The command against a server on a socket.

use clap::Parser;
use serde_json::Value;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    clients: Clients,
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.clients.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_changes_and_removes() {
    let desk = Desk::open().await;
    desk.office.turn_off().await;
    let added = desk
        .run("add portal --redirect-uri https://portal.example/back --name Portal")
        .await
        .unwrap();
    let (said, secret) = added.trim_end().rsplit_once(' ').unwrap();
    assert_eq!(said, "Client portal is registered.\nIts secret, shown this once:");
    assert_eq!(secret.len(), 43);
    insta::assert_snapshot!(desk.run("list").await.unwrap(), @"
    CLIENT  STATE     AUTHENTICATION  GRANTS                                        RESOURCES           NAME
    web-ui  built in  none            authorization-code                            countersign-web     Countersign's pages
    cli     built in  none            authorization-code,device-code,refresh-token  gateway-api,restic  Countersign's command line
    portal  enabled   secret          authorization-code,refresh-token              gateway-api         Portal
    ");
    insta::assert_snapshot!(desk.run("show portal").await.unwrap(), @"
    client          portal
    name            Portal
    state           enabled
    authentication  secret
    grant           authorization_code
    grant           refresh_token
    resource        gateway-api
    redirect URI    https://portal.example/back
    ");
    let change = "change portal --authentication none --grant device-code --resource restic --no-redirect-uri";
    assert_eq!(desk.run(change).await.unwrap(), "Client portal is changed.\n");
    assert_eq!(desk.run(change).await.unwrap(), "Nothing differs: it is so already.\n");
    assert_eq!(desk.run("disable portal").await.unwrap(), "Client portal is changed.\n");
    insta::assert_snapshot!(desk.run("show portal").await.unwrap(), @"
    client          portal
    name            Portal
    state           disabled
    authentication  none
    grant           urn:ietf:params:oauth:grant-type:device_code
    resource        restic
    ");
    let shown: Value = serde_json::from_str(&desk.run("show portal --json").await.unwrap()).unwrap();
    assert_eq!(shown["enabled"], false);
    assert_eq!(desk.run("enable portal").await.unwrap(), "Client portal is changed.\n");
    assert_eq!(
        desk.refused("new-secret portal").await,
        (
            3,
            "this client has no secret: it is not registered to authenticate by one".into()
        )
    );
    desk.run("change portal --authentication secret").await.unwrap();
    let secret = desk.run("new-secret portal").await.unwrap();
    assert_eq!(secret.trim_end().len(), 43);
    assert_eq!(desk.run("remove portal").await.unwrap(), "Client portal is removed.\n");
    assert_eq!(
        desk.refused("show portal").await,
        (3, "There is no such client.".into())
    );
    assert_eq!(
        desk.refused("disable cli").await,
        (3, "this client is built in: it cannot be changed".into())
    );
    assert_eq!(desk.refused("add other").await.0, 3, "it needs a redirect URI");
    for wrong in [
        "add po_rtal/x",
        "add portal --redirect-uri http://portal.example/",
        "add portal --resource countersign-web",
        "change portal --grant password",
    ] {
        let words = ["clients"].into_iter().chain(wrong.split(' '));
        assert!(Arguments::try_parse_from(words).is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn is_held_while_four_eyes_are_on() {
    let desk = Desk::open().await;
    let add = "add portal --redirect-uri https://portal.example/back";
    insta::assert_snapshot!(desk.run(add).await.unwrap(), @"
    Held: a second person must approve request 1.
    Then make its secret: countersign clients new-secret portal
    ");
    desk.office.approved_by_bob("1").await;
    let secret = desk.run("new-secret portal").await.unwrap();
    assert_eq!(secret.trim_end().len(), 43);
    insta::assert_snapshot!(desk.run("new-secret portal").await.unwrap(), @"
    Held: a second person must approve request 2.
    When it is approved, the secret there is holds no more: ask again.
    ");
    assert_eq!(
        desk.run("remove portal").await.unwrap(),
        "Held: a second person must approve request 3.\n"
    );
    assert!(desk.run("list --json").await.unwrap().contains("\"portal\""));
}
