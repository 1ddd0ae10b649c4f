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
