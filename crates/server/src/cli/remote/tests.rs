use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::*;
use crate::access::examine;
use crate::testing::office::Office;

/// The real thing on sockets: three commands of one user, whose access token has just ended.
#[tokio::test(flavor = "multi_thread")]
async fn commands_at_once_renew_the_tokens_of_a_logon_together() {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let office = Office::reached_as(&url).await;
    let server = &office.server;
    let access = office.token(&office.ann).await;
    let now = server.app.clock.now();
    let chain = examine(&server.app, &access, now).await.unwrap().unwrap().claims.sid;
    let refresh = server.app.refresh.token(&chain, 0);
    let router = crate::http::router(server.app.clone());
    let serving = tokio::spawn(async move { axum::serve(socket, router).await });

    let folder = tempfile::tempdir().unwrap();
    let file = CredentialFile::at(folder.path().join("credentials.json"));
    let url: PublicUrl = url.parse().unwrap();
    let ended = Kept {
        access: access.clone(),
        expires_at: 0,
        refresh,
    };
    file.change(|credentials| credentials.keep(&url, ended)).unwrap();
    let commands: Vec<_> = (0..3)
        .map(|_| {
            let (url, file) = (url.clone(), file.clone());
            tokio::task::spawn_blocking(move || {
                let mut remote = Remote {
                    url,
                    agent: agent(&ServerFlags::default()).unwrap(),
                    held: Default::default(),
                    token: None,
                };
                remote.token = Some(remote.kept(file).unwrap());
                remote.access().unwrap().unwrap()
            })
        })
        .collect();
    let mut tokens = std::collections::BTreeSet::new();
    for command in commands {
        tokens.insert(command.await.unwrap());
    }
    assert_eq!(tokens.len(), 1, "one of them renewed, the others took what it got");
    let token = tokens.pop_first().unwrap();
    assert_ne!(token, access);
    assert!(examine(&server.app, &token, now).await.unwrap().is_some());

    // One that looks fresh here, and is not to the server, is renewed and the question asked again.
    let asked = {
        let (url, file) = (url.clone(), file.clone());
        tokio::task::spawn_blocking(move || {
            let mut remote = Remote {
                url: url.clone(),
                agent: agent(&ServerFlags::default()).unwrap(),
                held: Default::default(),
                token: None,
            };
            let mut kept = file.read().unwrap().kept(&url).cloned().unwrap();
            (kept.access, kept.expires_at) = ("refused".into(), i64::MAX);
            file.change(|credentials| credentials.keep(&url, kept)).unwrap();
            remote.token = Some(remote.kept(file).unwrap());
            remote.get("/api/v1/settings")
        })
    };
    assert!(asked.await.unwrap().unwrap()["four_eyes"].is_boolean());
    assert_ne!(file.read().unwrap().kept(&url).unwrap().access, "refused");

    // Once the chain is ended, the tokens are forgotten and the command says to log on.
    server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.end_chain(&chain, now).await }))
        .await
        .map_err(|error: countersign_store::StoreError| error.to_string())
        .unwrap();
    let over = {
        let (url, file) = (url.clone(), file.clone());
        tokio::task::spawn_blocking(move || {
            let mut remote = Remote {
                url: url.clone(),
                agent: agent(&ServerFlags::default()).unwrap(),
                held: Default::default(),
                token: None,
            };
            let mut kept = file.read().unwrap().kept(&url).cloned().unwrap();
            kept.expires_at = 0;
            file.change(|credentials| credentials.keep(&url, kept)).unwrap();
            remote.token = Some(remote.kept(file).unwrap());
            remote.access()
        })
    };
    assert!(matches!(over.await.unwrap(), Err(RemoteError::NotLoggedOn(_))));
    assert!(file.read().unwrap().kept(&url).is_none());
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_when_the_connection_broke_is_not_done_twice() {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let office = Office::reached_as(&url).await;
    let ann = office.token(&office.ann).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let cut = axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
        let counted = Arc::clone(&counted);
        async move {
            let answer = next.run(request).await;
            // It was done; the task of the connection ends before its answer leaves.
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                std::panic::resume_unwind(Box::new("cut"));
            }
            answer
        }
    });
    let router = crate::http::router(office.server.app.clone()).layer(cut);
    let serving = tokio::spawn(async move { axum::serve(socket, router).await });
    let remote = Remote {
        url: url.parse().unwrap(),
        agent: agent(&ServerFlags::default()).unwrap(),
        held: Default::default(),
        token: Some(ann.clone().into()),
    };
    let new = serde_json::json!({"name": "siem", "address": "127.0.0.1:9", "transport": "udp"});
    let held = tokio::task::spawn_blocking(move || remote.post("/api/v1/receivers", &new));
    assert_eq!(held.await.unwrap().unwrap()["request"], 1);
    assert_eq!(calls.load(Ordering::SeqCst), 2, "it was sent twice");
    let all = office.call(&ann, http::Method::GET, "/requests", None).await;
    let all: Value = serde_json::from_str(&all.body).unwrap();
    assert_eq!(all["requests"].as_array().unwrap().len(), 1);
    serving.abort();
}

/// An office that listens, and ann's connection to it.
async fn ann_at_the_office() -> (Office, Remote, tokio::task::JoinHandle<std::io::Result<()>>) {
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let office = Office::reached_as(&url).await;
    let router = crate::http::router(office.server.app.clone());
    let serving = tokio::spawn(async move { axum::serve(socket, router).await });
    let remote = Remote {
        url: url.parse().unwrap(),
        agent: agent(&ServerFlags::default()).unwrap(),
        held: Default::default(),
        token: Some(office.token(&office.ann).await.into()),
    };
    (office, remote, serving)
}

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    asking: asking::Asking,
}

fn flags(line: &str) -> Result<asking::Asking, clap::Error> {
    let words = ["x"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty()));
    <Flags as clap::Parser>::try_parse_from(words).map(|flags| flags.asking)
}

#[test]
fn how_long_to_wait_is_said_with_the_flag_or_not_at_all() {
    assert_eq!(flags("").unwrap().wait, None);
    assert_eq!(flags("--wait").unwrap().wait, Some(None));
    assert_eq!(flags("--wait=5m").unwrap().wait, Some(Some(300)));
    assert_eq!(flags("--wait-effect=2d").unwrap().wait_effect, Some(Some(172_800)));
    for wrong in ["--wait 5m", "--wait=soon", "--wait --wait-effect", "--reason="] {
        assert!(flags(wrong).is_err(), "{wrong}");
    }
}

/// Asks for a receiver with these flags, and what comes of it once bob has done something.
async fn asked_with(line: &str, then: &str) -> (Office, Result<String, failure::Failure>) {
    let (office, mut remote, serving) = ann_at_the_office().await;
    remote.ask(&flags(line).unwrap(), false);
    let asked = tokio::task::spawn_blocking(move || {
        let new = serde_json::json!({"name": "siem", "address": "127.0.0.1:9", "transport": "udp"});
        let answer = remote.post("/api/v1/receivers", &new).unwrap();
        assert_eq!(answer["request"], 1);
        let text = became::became(&remote, Some(&answer), "").unwrap();
        (remote, text)
    });
    let (remote, text) = asked.await.unwrap();
    let waiting = tokio::task::spawn_blocking(move || remote.settled(text));
    match then {
        "approve" => office.approved_by_bob("1").await,
        "reject" => {
            let (bob, code) = (office.token(&office.bob).await, office.server.code("bob"));
            let body = Some(serde_json::json!({"code": code}));
            office.call(&bob, http::Method::POST, "/requests/1/reject", body).await;
        }
        _ => {}
    }
    let settled = waiting.await.unwrap();
    serving.abort();
    (office, settled)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_until_it_is_decided_and_its_exit_code_says_how() {
    let (office, approved) = asked_with("--wait --reason=For_the_auditors", "approve").await;
    let approved = approved.unwrap();
    assert!(approved.starts_with("Request 1 is approved by bob"), "{approved}");
    let ann = office.token(&office.ann).await;
    let shown = office.call(&ann, http::Method::GET, "/requests/1", None).await;
    let shown: Value = serde_json::from_str(&shown.body).unwrap();
    assert_eq!(shown["why"], "For_the_auditors");
    let (_, done) = asked_with("--wait-effect", "approve").await;
    assert!(done.unwrap().contains("effect done"));
    for (line, then, code, said) in [
        ("--wait=1d", "reject", 4, "request 1 is rejected by bob"),
        ("--wait=0s", "", 6, "request 1 still waits"),
    ] {
        let (_, failure) = asked_with(line, then).await;
        let failure = failure.unwrap_err();
        assert_eq!(
            (failure.code(), failure.to_string().starts_with(said)),
            (code, true),
            "{failure}"
        );
    }
    let (_, held) = asked_with("", "").await;
    assert_eq!(held.unwrap(), "Held: a second person must approve request 1.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_request_is_one_of_the_exit_codes() {
    let (office, remote, serving) = ann_at_the_office().await;
    let id = office.waiting(&["one"]).await;
    let ann = office.token(&office.ann).await;
    let shown = office
        .call(&ann, http::Method::GET, &format!("/requests/{id}"), None)
        .await;
    let document: Value = serde_json::from_str(&shown.body).unwrap();
    for (state, effect, code) in [
        ("approved", "done", 0),
        ("approved", "waiting", 0),
        ("approved", "vetoed", 4),
        ("rejected", "done", 4),
        ("expired", "done", 5),
        ("pending", "none", 6),
        ("approved", "failed", 7),
        ("closed", "none", 7),
    ] {
        let mut document = document.clone();
        document["state"] = state.into();
        document["effect"] = effect.into();
        let outcome = wait::outcome(&remote, document, false);
        let found = outcome.map_or_else(|failure| failure.code(), |_| 0);
        assert_eq!(found, code, "{state}, {effect}");
    }
    serving.abort();
}
