//! People and their browsers, on a [`House`]: founding accounts, codes, cookies, redirects.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use countersign_core::factor::TotpSecret;
use countersign_core::passkey::{PasskeyChallenge, Registration, user_handle};
use countersign_core::password::PasswordHash;
use countersign_core::{Account, AccountKind, ManualClock, Role};
use countersign_events::{Event, Timestamp};
use countersign_store::{NewAccount, StoreError};
use http::{HeaderMap, Method, Request, StatusCode, header};
use tower::ServiceExt as _;

use super::House;
use super::soft::{Kind, SoftKey};
use crate::adapters::SystemEntropy;
use crate::config::Key;
use crate::listen::Peer;
use crate::seal::Purpose;
use crate::setup::{Founder, SetupError, add_founder};
use crate::{AppState, http as routes};

/// The password of every person in tests.
pub const PASSWORD: &str = "vjkw tmzb ghxq";

/// The server, with its routers put together once.
pub struct TestServer {
    /// What the parts share.
    pub app: AppState,
    /// The server's clock.
    pub clock: Arc<ManualClock>,
    /// The server itself.
    pub house: House,
    router: Router,
}

impl TestServer {
    /// Reached as `http://127.0.0.1:8765`.
    pub async fn new() -> Self {
        Self::reached_as("http://127.0.0.1:8765").await
    }

    /// Reached as this address.
    pub async fn reached_as(url: &str) -> Self {
        Self::of(House::with(&[(Key::PublicUrl, url)]).await)
    }

    /// The server of a house.
    pub fn of(house: House) -> Self {
        let router = routes::router(house.app.clone());
        Self {
            app: house.app.clone(),
            clock: house.clock.clone(),
            house,
            router,
        }
    }

    /// A founding person with [`PASSWORD`] and [`totp_of`] the name.
    pub async fn person(&self, name: &str) -> Account {
        let founder = Founder {
            name: name.parse().unwrap(),
            password: hash_of_password(),
            totp: totp_of(name),
            last_step: 0,
        };
        let app = self.app.clone();
        self.app
            .store
            .write(move |tx| {
                Box::pin(async move { add_founder(tx, &app.sealing, &SystemEntropy, &founder, app.clock.now()).await })
            })
            .await
            .map_err(|error: SetupError| error.to_string())
            .unwrap()
    }

    /// A person who was added later, with [`PASSWORD`] and [`totp_of`] the name.
    pub async fn colleague(&self, name: &str, roles: &[Role], eligible_at: Timestamp) -> Account {
        let (app, now) = (self.app.clone(), self.app.clock.now());
        let new = NewAccount {
            name: name.parse().unwrap(),
            kind: AccountKind::Person,
            roles: roles.iter().copied().collect(),
            created_at: now,
            eligible_at,
        };
        let totp = totp_of(name);
        self.app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let account = tx.add_account(&new).await?;
                    let purpose = Purpose::Totp(account.id);
                    let sealed = app.sealing.seal(purpose, totp.bytes(), &SystemEntropy).unwrap();
                    tx.set_password(account.id, &hash_of_password(), now).await?;
                    tx.set_totp(account.id, &sealed, 0, now).await?;
                    Ok::<_, StoreError>(account)
                })
            })
            .await
            .unwrap()
    }

    /// The code that the person's authenticator shows now.
    pub fn code(&self, name: &str) -> String {
        totp_of(name).code_at(self.app.clock.now()).unwrap()
    }

    /// Gives a person a passkey of this kind, as their browser would make it at this server.
    pub async fn passkey(&self, account: &Account, kind: Kind) -> SoftKey {
        let party = self.app.relying_party().expect("an address with passkeys");
        let mut key = SoftKey::new(kind, account.name.as_str(), party.id(), party.origin());
        key.user_handle = user_handle(account.id);
        let challenge = PasskeyChallenge::new(&SystemEntropy);
        let new = Registration::parse(&key.register(&challenge.to_text())).unwrap();
        let new = new.verify(&party, &challenge).unwrap();
        let (id, now) = (account.id, self.now());
        self.app
            .store
            .write(move |tx| Box::pin(async move { tx.add_passkey(id, &new, "key", now).await }))
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        key
    }

    /// What the server's clock says.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Every event so far, in order.
    pub async fn events(&self) -> Vec<Event> {
        let recorded = self
            .app
            .store
            .ask(|view| Box::pin(async move { view.events_after(0, 10_000).await }))
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        recorded.into_iter().map(|recorded| recorded.event).collect()
    }

    /// Sends a request from this address and port.
    pub async fn send(&self, mut request: Request<Body>, from: &str) -> Answer {
        let peer: SocketAddr = from.parse().unwrap();
        request.extensions_mut().insert(Peer(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// A fresh browser, on 192.0.2.7.
    pub fn browser(&self) -> Browser<'_> {
        Browser {
            server: self,
            cookies: BTreeMap::new(),
            from: "192.0.2.7:50000".into(),
            headers: vec![("accept", "text/html,*/*;q=0.8")],
        }
    }
}

/// The second factor of every person in tests is made of the name.
pub fn totp_of(name: &str) -> TotpSecret {
    TotpSecret::from_bytes(format!("{name:=<20}").into_bytes()).unwrap()
}

/// [`PASSWORD`], hashed once for all tests.
pub fn hash_of_password() -> PasswordHash {
    static HASH: std::sync::LazyLock<PasswordHash> =
        std::sync::LazyLock::new(|| PasswordHash::new(PASSWORD, &SystemEntropy).unwrap());
    HASH.clone()
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as text.
    pub body: String,
}

impl Answer {
    /// Where it redirects to.
    pub fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .unwrap_or_else(|| panic!("no Location: {self:?}"))
            .to_str()
            .unwrap()
    }

    /// The token of the page's first form.
    pub fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }

    /// Its `Set-Cookie` lines.
    pub fn set_cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }
}

/// Somebody's browser: it keeps cookies.
#[derive(Clone)]
pub struct Browser<'s> {
    server: &'s TestServer,
    /// Its cookies by name.
    pub cookies: BTreeMap<String, String>,
    /// The address and port it speaks from.
    pub from: String,
    /// What it says with every request besides.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Browser<'_> {
    /// Asks for a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    /// Sends a form, as a page of ours would.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> = form
            .iter()
            .map(|(name, value)| {
                format!(
                    "{name}={}",
                    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
                )
            })
            .collect();
        self.send(Method::POST, path, pairs.join("&")).await
    }

    /// Follows redirects on this server to the page they lead to: its address and the page.
    pub async fn open(&mut self, path: &str) -> (String, Answer) {
        let mut path = path.to_owned();
        for _ in 0..10 {
            let answer = self.get(&path).await;
            if answer.status != StatusCode::SEE_OTHER {
                return (path, answer);
            }
            path = answer.location().to_owned();
        }
        panic!("a loop of redirects at {path}");
    }

    /// Logs on and ends at the page asked for.
    pub async fn log_on(&mut self, name: &str) {
        let (at, page) = self.open("/auth/login?to=/healthz").await;
        let asked = self
            .post(&at, &[("csrf", &page.csrf()), ("name", name), ("password", PASSWORD)])
            .await;
        let (at, page) = self.open(asked.location()).await;
        let code = self.server.code(name);
        let granted = self.post(&at, &[("csrf", &page.csrf()), ("code", &code)]).await;
        let (at, _) = self.open(granted.location()).await;
        assert_eq!(at, "/healthz");
    }

    async fn send(&mut self, method: Method, path: &str, body: String) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if method == Method::POST {
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::ORIGIN, "null")
                .header("sec-fetch-site", "same-origin");
        }
        let answer = self
            .server
            .send(request.body(Body::from(body)).unwrap(), &self.from)
            .await;
        for line in answer.set_cookies() {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}
