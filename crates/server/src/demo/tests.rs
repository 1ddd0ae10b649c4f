use std::sync::mpsc;
use std::time::Duration;

use countersign_core::request::State;
use tokio::net::TcpListener;

use super::*;
use crate::config::{Key, Sources};
use crate::delivery::Delivery;

fn config(folder: &Throwaway) -> Config {
    Config::load(&Sources {
        flags: vec![(Key::Data, folder.path().display().to_string())],
        host: "demo".into(),
        ..Sources::default()
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_something_to_look_at_and_nothing_is_left() {
    let folder = Throwaway::make(&SystemEntropy).unwrap();
    let path = folder.path().to_owned();
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let demo = Demo::prepare(config(&folder), socket.local_addr().unwrap())
        .await
        .unwrap();

    let requests = demo
        .app
        .store
        .ask(|view| Box::pin(async move { view.requests(&Default::default(), None, 100).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let told: Vec<_> = requests
        .iter()
        .map(|request| (request.target.as_str(), request.state, request.effect.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("main/fileserver", State::Collecting, "none"),
            ("main/laptop", State::Pending, "none"),
            ("main/fileserver", State::Approved, "waiting"),
            ("main/laptop", State::Approved, "done"),
            ("main/fileserver", State::Rejected, "done"),
        ]
    );
    assert_eq!(
        demo.waits, requests[1].id,
        "what the terminal says that waits is what waits"
    );
    assert!(
        demo.people
            .iter()
            .all(|person| person.codes(demo.app.clock.now()).is_some())
    );
    let clients: Vec<_> = demo.tokens.iter().map(|token| token.account.as_str()).collect();
    assert_eq!(clients, story::CLIENTS);

    // The worker leaves alone what is still being collected.
    assert_eq!(demo.app.vault.seal_finished().await.unwrap(), 0);

    let (sender, lines) = mpsc::channel();
    let receiving = tokio::spawn(terminal::receive(socket, move |line: &str| {
        sender.send(line.to_owned()).unwrap()
    }));
    let delivery = Delivery::start(&demo.app);
    // Each snapshot that went is told where it goes, between them.
    let ids: Vec<_> = std::iter::repeat_with(|| {
        let line = lines.recv_timeout(Duration::from_secs(30)).unwrap();
        countersign_events::decode(line.as_bytes()).unwrap().id
    })
    .filter(|id| *id != Some(10050))
    .take(8)
    .collect();
    assert_eq!(ids, [42400, 42402, 42404, 42402, 42403, 42402, 42403, 42402].map(Some));
    delivery.stop().await;
    receiving.abort();
    drop((demo, folder));
    assert!(!path.exists());
}
