//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    notices: Notices,
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.notices.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_added_changed_tested_and_removed() {
    let desk = Desk::open().await;
    let held = desk.run("add chat --webhook https://chat.example/x").await.unwrap();
    assert!(
        held.starts_with("Held: a second person must approve request 1.\n"),
        "{held}"
    );
    assert!(held.contains("whsec_"), "{held}");
    desk.office.turn_off().await;
    let empty = desk.run("list").await.unwrap();
    assert_eq!(
        empty,
        "No channels: nobody is told of requests.\nMail does not reach, since they have no e-mail address: ann, bob\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "geheim\n").unwrap();
    let add = format!(
        "add mail --smtp localhost:1 --security none --from backup@example.org --user u --password-file {}",
        file.display()
    );
    assert_eq!(desk.run(&add).await.unwrap(), "Channel mail is added.\n");
    let changed = desk
        .run("change mail --only created --only reminder --name post")
        .await
        .unwrap();
    assert_eq!(changed, "Channel post is changed.\n");
    let same = desk.run("change post").await.unwrap();
    assert_eq!(same, "Nothing differs: it is so already.\n");
    let shown = desk.run("show post").await.unwrap();
    for line in [
        "Channel 1: post",
        "  state           current",
        "  tells of        created, reminder",
        "  mail            localhost:1",
        "  password        set",
        "  security        none",
        "  user            u",
    ] {
        assert!(shown.contains(&format!("{line}\n")), "{line}\n{shown}");
    }
    assert!(!shown.contains("geheim"), "{shown}");
    let failed = desk.run("test post").await.unwrap_err();
    assert_eq!(failed.code(), 1);
    assert!(
        failed.to_string().contains("your own account has no e-mail address"),
        "{failed}"
    );
    let moved = desk.run("change post --smtp localhost:2").await.unwrap_err();
    assert!(
        moved.code() == 3 && moved.to_string().contains("give the password again"),
        "{moved}"
    );
    let other = desk
        .run("change post --webhook https://chat.example/x")
        .await
        .unwrap_err();
    assert_eq!(
        (other.code(), other.to_string()),
        (3, "this channel is a mail server, no webhook".to_owned())
    );
    assert_eq!(desk.run("remove post").await.unwrap(), "Channel post is removed.\n");
    assert_eq!(
        desk.run("show post").await.unwrap_err().to_string(),
        "there is no channel post"
    );
}
