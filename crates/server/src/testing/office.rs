//! A server where something waits: two people, a client with a backup, deletes that were held, tokens for the API.

use axum::body::Body;
use countersign_core::logon::{AccessClaims, Chain, ClientId, Lives, Presented, RecordedCode, Resource, Verifier};
use countersign_core::token::Secret;
use countersign_core::{Account, AccountKind, Clock as _, ObjectKey, ObjectKind, Policy, RequestId, Roles};
use countersign_store::{NewAccount, StoreError};
use countersign_vault::Deleted;
use http::{Method, Request, header};
use serde_json::Value;

use super::people::{Answer, TestServer};
use crate::adapters::SystemEntropy;
use crate::demo::client::Client;

/// The server with ann and bob, who can approve, and the client `laptop`. Four-eyes authorization is on.
pub struct Office {
    /// The server.
    pub server: TestServer,
    /// The first person.
    pub ann: Account,
    /// The second person.
    pub bob: Account,
    /// Sends and deletes.
    pub laptop: Client,
}

impl Office {
    /// Opens it, reached as this address.
    pub async fn reached_as(url: &str) -> Self {
        let server = TestServer::reached_as(url).await;
        let (ann, bob) = (server.person("ann").await, server.person("bob").await);
        let now = server.clock.now();
        server
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    tx.add_account(&NewAccount {
                        name: "laptop".parse().unwrap(),
                        kind: AccountKind::Service,
                        roles: Roles::default(),
                        created_at: now,
                        eligible_at: now,
                    })
                    .await?;
                    tx.set_policy(&Policy {
                        four_eyes: true,
                        // What is approved is done at once; the tests of the undo window set their own.
                        undo_hours: 0,
                        ..Policy::default()
                    })
                    .await
                })
            })
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        let laptop = Client::begin(&server.app, "laptop".parse().unwrap(), "192.0.2.7")
            .await
            .unwrap();
        laptop.put(ObjectKind::Config, b"config".to_vec()).await.unwrap();
        Self {
            server,
            ann,
            bob,
            laptop,
        }
    }

    /// Opens it where tests need no address.
    pub async fn open() -> Self {
        Self::reached_as("http://127.0.0.1:8765").await
    }

    /// Sets how long what is approved from now on can be vetoed.
    pub async fn undo_hours(&self, undo_hours: u32) {
        let set = self.server.app.store.write(move |tx| {
            Box::pin(async move {
                let policy = Policy {
                    undo_hours,
                    ..tx.policy().await?
                };
                tx.set_policy(&policy).await
            })
        });
        set.await.map_err(|error: StoreError| error.to_string()).unwrap();
    }

    /// Sends a snapshot with this content.
    pub async fn snapshot(&self, content: &str) -> ObjectKey {
        self.laptop
            .put(ObjectKind::Snapshots, content.as_bytes().to_vec())
            .await
            .unwrap()
    }

    /// Sends snapshots with these contents and deletes them again; the request that waits.
    pub async fn waiting(&self, contents: &[&str]) -> RequestId {
        let mut request = None;
        for content in contents {
            let key = self.snapshot(content).await;
            match self.laptop.delete(key).await.unwrap() {
                Deleted::Held(held) => request = Some(held),
                other => panic!("{other:?}"),
            }
        }
        let request = request.unwrap();
        self.server.app.vault.seal_now(request).await.unwrap();
        self.server.clock.advance_seconds(60);
        request
    }

    /// A token for the API, as the command line would get it, but for a day.
    pub async fn token(&self, account: &Account) -> String {
        self.token_for(account, Resource::Api).await
    }

    /// A token for a resource, for a day.
    pub async fn token_for(&self, account: &Account, resource: Resource) -> String {
        let (now, secret, verifier) = (
            self.server.clock.now(),
            Secret::new(&SystemEntropy),
            Verifier::new(&SystemEntropy),
        );
        let code = RecordedCode {
            chain: secret.hash().to_hex(),
            client: ClientId::cli(),
            resource,
            redirect: String::new(),
            challenge: verifier.challenge(),
            account: account.id,
            account_revision: account.revision,
            factor_at: Some(now),
            expires_at: now.plus_seconds(60),
            used: false,
        };
        let presented = Presented {
            client: &ClientId::cli(),
            redirect: "",
            verifier: &verifier,
        };
        let redeemed = code.redeem(&presented, Some(account.clone()), None, now).unwrap();
        let mut chain = Chain::begun(&redeemed, Lives::Refreshed, "192.0.2.8".into(), None, now);
        chain.ends_at = now.plus_seconds(86_400);
        let app = &self.server.app;
        let mut claims = AccessClaims::next_of(&chain, &app.issuer(), now, &SystemEntropy);
        claims.exp = chain.ends_at.seconds();
        app.store
            .write(move |tx| Box::pin(async move { tx.add_chain(&chain, now).await }))
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        let keys = app.signing.keys(app).await.unwrap();
        keys.signer.sign(&claims).unwrap()
    }

    /// Turns four-eyes authorization off, without asking anybody.
    pub async fn turn_off(&self) {
        let written = self
            .server
            .app
            .store
            .write(|tx| Box::pin(async move { tx.set_policy(&Policy::default()).await }));
        written.await.map_err(|error: StoreError| error.to_string()).unwrap();
    }

    /// Calls the API with a token, with a body of another type than JSON.
    pub async fn send(&self, token: &str, method: Method, path: &str, kind: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind);
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.server.send(request, "192.0.2.8:50000").await
    }

    /// Bob approves a request, over the API.
    pub async fn approved_by_bob(&self, request: &str) {
        let token = self.token(&self.bob).await;
        let shown = self
            .call(&token, Method::GET, &format!("/requests/{request}"), None)
            .await;
        let shown: Value = serde_json::from_str(&shown.body).unwrap();
        let approval = serde_json::json!({"digest": shown["digest"], "code": self.server.code("bob")});
        self.server.clock.advance_seconds(30);
        let path = format!("/requests/{request}/approve");
        let approved = self.call(&token, Method::POST, &path, Some(approval)).await;
        assert_eq!(approved.status, http::StatusCode::OK, "{}", approved.body);
    }

    /// Calls the API with a token (none when it is empty), with a JSON body if there is one.
    pub async fn call(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.server.send(request.body(body).unwrap(), "192.0.2.8:50000").await
    }
}
