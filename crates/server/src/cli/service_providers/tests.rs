//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    providers: ServiceProviders,
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.providers.carry_out(remote)
    }
}

/// Registers one where nobody listens.
async fn add(desk: &Desk) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "very secret\n").unwrap();
    let file = file.to_str().unwrap();
    let url = "http://127.0.0.1:1/";
    let added = desk
        .run(&["add", "cellar", url, "--user", "office", "--password-file", file])
        .await;
    assert_eq!(added.unwrap(), "Registered as service provider 1.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_registered_shown_and_copied_to_and_its_password_told_by_nothing() {
    let desk = Desk::open().await;
    add(&desk).await;
    let scheduled = desk.run(&["schedule", "cellar", "main/laptop"]).await.unwrap();
    assert_eq!(scheduled, "main/laptop is copied there every 24 hours.\n");
    let shown = desk.run(&["show", "cellar"]).await.unwrap();
    assert_eq!(
        shown,
        "Service provider 1: cellar\n  url             http://127.0.0.1:1/\n  user            office\n  \
         password        set\n  copied          main/laptop every 24 hours to laptop: not yet\n"
    );
    let listed = desk.run(&["list"]).await.unwrap();
    assert!(listed.contains("cellar") && listed.contains("1 scheduled"), "{listed}");
    let copy = desk.run(&["copy", "1", "main/laptop"]).await.unwrap();
    assert_eq!(
        copy,
        "Copy 1 of main/laptop to laptop is due: see countersign service-providers copies.\n"
    );
    let copies = desk.run(&["copies", "cellar"]).await.unwrap();
    assert!(copies.contains("due") && copies.contains("ann"), "{copies}");
    let json = desk.run(&["show", "cellar", "--json"]).await.unwrap();
    assert!(!json.contains("very secret"), "{json}");

    assert_eq!(
        desk.refused(&["test", "cellar"]).await,
        (1, "nothing listens at 127.0.0.1:1".into())
    );
    assert_eq!(
        desk.refused(&["show", "attic"]).await,
        (3, "there is no service provider attic".into())
    );
    assert_eq!(desk.refused(&["copy", "cellar", "main/none"]).await.0, 3);
    assert_eq!(
        desk.refused(&["schedule", "cellar", "laptop"]).await,
        (3, "a backup is named STORAGE/BACKUP, as main/laptop".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_weakens_waits_and_another_address_needs_the_password_anew() {
    let desk = Desk::open().await;
    add(&desk).await;
    desk.run(&["schedule", "cellar", "main/laptop"]).await.unwrap();
    let held = |number| format!("Held: a second person must approve request {number}.\n");
    assert_eq!(
        desk.run(&["unschedule", "cellar", "main/laptop"]).await.unwrap(),
        held(1)
    );
    assert_eq!(
        desk.run(&["change", "cellar", "--user", "other"]).await.unwrap(),
        held(2)
    );
    assert_eq!(desk.run(&["delete", "cellar"]).await.unwrap(), held(3));

    desk.office.turn_off().await;
    let changed = desk.run(&["change", "cellar", "--user", "other"]).await.unwrap();
    assert!(changed.contains("It has no password now"), "{changed}");
    assert_eq!(
        desk.refused(&["test", "cellar"]).await,
        (1, "no password is set: give it one".into())
    );
    let deleted = desk.run(&["delete", "cellar"]).await.unwrap();
    assert_eq!(
        deleted,
        "Service provider cellar is deleted. The copies there stay as they are.\n"
    );
    assert_eq!(desk.run(&["list"]).await.unwrap(), "No service providers.\n");
}
