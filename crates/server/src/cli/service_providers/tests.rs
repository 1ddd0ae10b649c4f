//! The command against a server on a socket.

use clap::Parser;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::cli::remote::agent;
use crate::testing::office::Office;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    providers: ServiceProviders,
}

/// An office that listens, and ann's command line.
struct Desk {
    office: Office,
    url: String,
    ann: String,
    folder: tempfile::TempDir,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Desk {
    async fn open() -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let office = Office::reached_as(&url).await;
        let router = crate::http::router(office.server.app.clone());
        let serving = tokio::spawn(async move { axum::serve(socket, router).await });
        let ann = office.token(&office.ann).await;
        Self {
            office,
            url,
            ann,
            folder: tempfile::tempdir().unwrap(),
            serving,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let remote = Remote {
            url: self.url.parse().unwrap(),
            agent: agent(&ServerFlags::default()).unwrap(),
            token: Some(self.ann.clone().into()),
            held: Default::default(),
        };
        let words = ["service-providers"].into_iter().chain(arguments.iter().copied());
        let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        spawn_blocking(move || arguments.providers.carry_out(&remote))
            .await
            .unwrap()
    }

    /// The exit code and what standard error says.
    async fn refused(&self, arguments: &[&str]) -> (u8, String) {
        let failure = self.run(arguments).await.unwrap_err();
        (failure.code(), failure.to_string())
    }

    /// Registers one where nobody listens.
    async fn add(&self) {
        let file = self.folder.path().join("password");
        std::fs::write(&file, "very secret\n").unwrap();
        let file = file.to_str().unwrap();
        let url = "http://127.0.0.1:1/";
        let added = self
            .run(&["add", "cellar", url, "--user", "office", "--password-file", file])
            .await;
        assert_eq!(added.unwrap(), "Registered as service provider 1.\n");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_registered_shown_and_copied_to_and_its_password_told_by_nothing() {
    let desk = Desk::open().await;
    desk.add().await;
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
    desk.add().await;
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
