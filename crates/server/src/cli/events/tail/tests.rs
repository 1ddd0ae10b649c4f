use clap::Parser as _;
use countersign_events::{Event, Origin, User};
use countersign_store::Store;

use super::*;
use crate::app::DATABASE;
use crate::cli::remote::{Remote, agent};
use crate::testing::office::Office;

#[derive(Debug, clap::Parser)]
struct Arguments {
    #[command(flatten)]
    tail: Tail,
}

fn tail(arguments: &[&str]) -> Tail {
    let words = ["tail"].into_iter().chain(arguments.iter().copied());
    Arguments::try_parse_from(words)
        .unwrap_or_else(|error| panic!("{error}"))
        .tail
}

async fn printed(source: Source, arguments: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    tail(arguments).print(source, &mut out).await.unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

/// Thirty events, a minute apart: of ann's and bob's in turn, each of a request of its own.
async fn report(store: &Store, origin: i64) {
    store
        .write(move |tx| {
            Box::pin(async move {
                for number in 1..=30 {
                    let name = if number % 2 == 0 { "ann" } else { "Bob" };
                    let event = Event::FourEyesEnabled {
                        initiator: User::local(format!("{name}-{number}")),
                    };
                    let at = Timestamp(origin + number * 60_000_000);
                    tx.report(&event, at, Some(RequestId(number)), name).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await
        .unwrap();
}

/// 2025-11-24T16:00:00Z.
const ORIGIN: i64 = 1_764_000_000_000_000;

/// What must come out, wherever the events are read.
fn cases() -> Vec<(&'static [&'static str], Vec<i64>)> {
    vec![
        (&["--since", "0"], (1..=30).collect()),
        (&[], (21..=30).collect()),
        (&["--until", "7"], (1..=7).collect()),
        (&["--until", "15"], (6..=15).collect()),
        (&["--since", "27"], (28..=30).collect()),
        (&["--since", "3", "--until", "5"], vec![4, 5]),
        (&["--since", "2025-11-24T16:28:00Z"], vec![28, 29, 30]),
        (
            &["--since", "2025-11-24", "--until", "2025-11-24T16:03:00Z"],
            vec![1, 2],
        ),
        (&["--user", "ANN", "--since", "25"], vec![26, 28, 30]),
        (&["--user", "bob-7"], vec![7]),
        (&["--request", "12"], vec![12]),
        (
            &["--id", "42400,42402", "--severity", "info", "--since", "29"],
            vec![30],
        ),
        (&["--id", "42402"], vec![]),
        (&["--severity", "warning,error", "--since", "0"], vec![]),
    ]
}

fn seqs(lines: &[String]) -> Vec<i64> {
    let seq = |line: &String| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"]
            .as_i64()
            .unwrap()
    };
    lines.iter().map(seq).collect()
}

#[tokio::test]
async fn beside_a_data_folder_everything_is_found_as_it_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(DATABASE)).await.unwrap();
    report(&store, ORIGIN).await;
    let beside = || Source::beside(folder.path(), Origin::new("vbrsrv01"));
    for (arguments, expected) in cases() {
        let json = printed(beside().await.unwrap(), &[&["--json"], arguments].concat()).await;
        assert_eq!(seqs(&json), expected, "{arguments:?}");
    }
    let all = printed(beside().await.unwrap(), &["--since", "0"]).await;
    assert!(
        all.iter()
            .all(|line| line.starts_with("<14>1 2025-11-2") && line.ends_with("\"]")),
        "{all:#?}"
    );
    let json = printed(beside().await.unwrap(), &["--json", "--since", "29"]).await;
    let value: serde_json::Value = serde_json::from_str(&json[0]).unwrap();
    assert_eq!(
        (&value["seq"], &value["request"], &value["id"]),
        (&30.into(), &30.into(), &42400.into())
    );
    assert_eq!(value["parameters"]["OperationId"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_running_server_it_is_the_same() {
    let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let office = Office::reached_as(&url).await;
    assert!(
        office.server.events().await.is_empty(),
        "the numbers below begin at one"
    );
    let app = office.server.app.clone();
    let router = crate::http::router(app.clone());
    let serving = tokio::spawn(async move { axum::serve(socket, router).await });
    report(&app.store, ORIGIN).await;
    let token = office.token(&office.ann).await;
    let server = || {
        Source::Server(Box::new(Remote {
            url: url.parse().unwrap(),
            agent: agent(&ServerFlags::default()).unwrap(),
            held: Default::default(),
            token: Some(token.clone().into()),
        }))
    };
    for (arguments, expected) in cases() {
        let json = printed(server(), &[&["--json"], arguments].concat()).await;
        assert_eq!(seqs(&json), expected, "{arguments:?}");
    }
    let beside = Source::beside(office.server.house.data(), app.config.origin.clone())
        .await
        .unwrap();
    assert_eq!(
        printed(server(), &["--since", "0"]).await,
        printed(beside, &["--since", "0"]).await
    );
    serving.abort();
}

#[tokio::test]
async fn a_folder_without_a_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Source::beside(folder.path(), Origin::new("h")).await;
    assert!(matches!(refused, Err(Failure::NoDatabase(_))));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn it_is_said_where_to_read_and_from_when_or_nothing_is_done() {
    for wrong in [
        &["--server", "http://127.0.0.1:8765", "--data", "x"][..],
        &["--cacert", "x.pem"],
        &["--follow", "--until", "7"],
        &["--since", "yesterday"],
        &["--severity", "loud"],
        &["--id", "42402,x"],
    ] {
        let words = ["tail"].iter().chain(wrong);
        assert!(Arguments::try_parse_from(words).is_err(), "{wrong:?}");
    }
    assert!(
        tail(&["--server", "http://127.0.0.1:8765", "--cacert", "x.pem"])
            .server
            .is_some()
    );
}
