//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};
use crate::cli::sessions::Sessions;

#[derive(Parser)]
enum Arguments {
    #[command(subcommand)]
    Accounts(Accounts),
    #[command(subcommand)]
    Sessions(Sessions),
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::Accounts(accounts) => accounts.carry_out(remote),
            Self::Sessions(sessions) => sessions.carry_out(remote),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_on_everything_is_held_and_the_link_comes_after_the_approval() {
    let desk = Desk::open().await;
    let held = desk
        .run("accounts add carol --role backup-administrator --role security-administrator")
        .await
        .unwrap();
    assert_eq!(
        held,
        "Held: a second person must approve request 1.\n\
         When it is approved, make the link for its person: countersign accounts link carol\n"
    );
    let early = desk.refused("accounts link carol").await;
    assert_eq!(early, (3, "there is no account carol".to_owned()));
    desk.office.approved_by_bob("1").await;
    let link = desk.run("accounts link carol").await.unwrap();
    assert!(
        link.starts_with("Give this link (invitation) to the person and nobody else; it works once, until "),
        "{link}"
    );
    assert!(link.contains(&format!("{}/link/", desk.url)), "{link}");
    let shown = desk.run("accounts show Carol").await.unwrap();
    assert!(shown.contains("state           invited"), "{shown}");
    assert!(shown.contains("asked for by ann"), "{shown}");
    let too_few = desk.refused("accounts disable bob").await;
    assert_eq!(too_few.0, 3);
    assert!(too_few.1.contains("needs two people who can approve"), "{}", too_few.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_off_accounts_change_at_once() {
    let desk = Desk::open().await;
    desk.office.turn_off().await;
    let added = desk
        .run("accounts add carol --mfa true --email carol@example.org")
        .await
        .unwrap();
    assert!(added.starts_with("Account carol is added.\nGive this link"), "{added}");
    let done = desk
        .run("accounts change carol --role backup-viewer --expires 2027-01-31T00:00:00Z")
        .await
        .unwrap();
    assert_eq!(done, "Account carol is changed.\n");
    let shown: Value = serde_json::from_str(&desk.run("accounts show carol --json").await.unwrap()).unwrap();
    assert_eq!(
        (&shown["roles"], &shown["email"], &shown["expires_at"], &shown["mfa"]),
        (
            &json!(["backup-viewer"]),
            &json!("carol@example.org"),
            &json!("2027-01-31T00:00:00.000000+00:00"),
            &json!(true)
        ),
        "what is not given stays"
    );
    desk.run("accounts change carol --no-roles --expires never --email none")
        .await
        .unwrap();
    let list = desk.run("accounts list").await.unwrap();
    insta::assert_snapshot!(list, @r"
    ID  NAME    KIND     STATE    APPROVES  EXPIRES  E-MAIL  ROLES
    1   ann     person   active   yes       never    none    backup-administrator, security-administrator
    2   bob     person   active   yes       never    none    backup-administrator, security-administrator
    4   carol   person   invited  no        never    none    none
    3   laptop  service  active   no        never    none    none
    ");
    assert_eq!(
        desk.run("accounts disable carol").await.unwrap(),
        "Account carol is disabled.\n"
    );
    assert_eq!(
        desk.run("accounts enable carol").await.unwrap(),
        "Account carol is enabled.\n"
    );
    assert_eq!(
        desk.run("accounts unlock carol").await.unwrap(),
        "Account carol is unlocked.\n"
    );
    assert_eq!(desk.refused("accounts unlock ann").await.0, 3, "not one's own");
    let reset = desk.run("accounts reset-second-factor bob").await.unwrap();
    assert!(
        reset.starts_with("It is to be set anew.\nGive this link (second-factor)"),
        "{reset}"
    );
    let invited = desk.run("accounts invite bob").await.unwrap();
    assert!(invited.contains("(invitation)"), "{invited}");
    let own = desk.refused("accounts reset-password ann").await;
    assert_eq!(own.0, 3);
    assert_eq!(
        desk.run("accounts delete carol").await.unwrap(),
        "Account carol is deleted.\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn services_get_tokens_and_sessions_end() {
    let desk = Desk::open().await;
    desk.office.turn_off().await;
    assert_eq!(
        desk.run("accounts add server --service").await.unwrap(),
        "Account server is added.\n"
    );
    let secret = desk
        .run("accounts tokens make server nightly --rights append --backups main/*")
        .await
        .unwrap();
    assert_eq!(secret.trim().len(), 43, "{secret}");
    let list = desk.run("accounts tokens list server --json").await.unwrap();
    let token = serde_json::from_str::<Value>(&list).unwrap()["tokens"][0].clone();
    assert_eq!(
        (&token["label"], &token["backups"]),
        (&json!("nightly"), &json!("main/*"))
    );
    let revoked = desk
        .run(&format!("accounts tokens revoke server {}", token["id"]))
        .await
        .unwrap();
    assert_eq!(revoked, format!("Token {} is revoked.\n", token["id"]));
    desk.office.token(&desk.office.ann).await;
    let list = desk.run("sessions list").await.unwrap();
    assert_eq!(list.matches("this one").count(), 1, "{list}");
    assert_eq!(list.lines().count(), 3, "{list}");
    assert_eq!(desk.run("sessions end --all").await.unwrap(), "Ended: 1.\n");
    assert_eq!(desk.run("sessions list --account 2").await.unwrap(), "No sessions.\n");
    let none = desk.refused("sessions end nothing").await;
    assert_eq!(none.0, 3);
}
