//! The command against a server on a socket.

use clap::Parser;

use super::*;
use crate::cli::desk::{self, Commands};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    storages: Storages,
}

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.storages.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storages_are_listed_added_changed_and_deleted() {
    let desk = desk::Desk::<Arguments>::open().await;
    let run = async |line: &str| desk.run(line).await;
    assert_eq!(
        run("add archive --quota-bytes 1073741824 --immutable-days 30")
            .await
            .unwrap(),
        "Storage archive is added.\n"
    );
    let shown = run("show archive").await.unwrap();
    for line in [
        "state           in service\n",
        "quota           1.0 GiB\n",
        "retention lock  30 days\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let list = run("list").await.unwrap();
    assert_eq!(list.lines().count(), 3, "{list}");
    assert_eq!(
        run("change archive --no-quota --immutable-days 31").await.unwrap(),
        "Storage archive is changed.\n"
    );
    assert_eq!(
        run("change archive --immutable-days 31").await.unwrap(),
        "Nothing differs: it is so already.\n"
    );
    assert_eq!(
        run("change archive --no-lock").await.unwrap(),
        "Held: a second person must approve request 1.\n"
    );
    assert_eq!(
        run("delete archive --purge").await.unwrap(),
        "Held: a second person must approve request 2.\n"
    );
    assert!(run("show archive").await.unwrap().contains("read only: request 2"));
    let refused = run("delete archive").await.unwrap_err();
    assert_eq!(refused.code(), 3, "{refused}");
    let refused = run("show nothing").await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string()),
        (3, "there is no storage nothing".into())
    );
}
