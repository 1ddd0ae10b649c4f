//! The command against a server on a socket.

use clap::Parser;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use super::*;
use crate::cli::remote::agent;
use crate::testing::office::Office;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    storages: Storages,
}

#[tokio::test]
async fn storages_are_listed_added_changed_and_deleted() {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let office = Office::reached_as(&url).await;
    let router = crate::http::router(office.server.app.clone());
    let serving = tokio::spawn(async move { axum::serve(socket, router).await });
    let ann = office.token(&office.ann).await;
    let run = async |line: &str| {
        let remote = Remote {
            url: url.parse().unwrap(),
            agent: agent(&ServerFlags::default()).unwrap(),
            held: Default::default(),
            token: Some(ann.clone().into()),
        };
        let words = ["storages"].into_iter().chain(line.split(' '));
        let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        spawn_blocking(move || arguments.storages.carry_out(&remote))
            .await
            .unwrap()
    };
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
    serving.abort();
}
