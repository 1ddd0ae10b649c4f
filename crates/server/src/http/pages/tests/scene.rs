//! A server with people and a backup, and how pages are read.

use bytes::Bytes;
use countersign_core::token::Rights;
use countersign_core::{Account, Actor, Name, ObjectKey, ObjectKind, Policy, RequestId, Sha256, Via};
use countersign_store::StoreError;

use crate::testing::people::{Answer, Browser, TestServer};

/// Ann and Bob founded the server; four-eyes authorization is on. Ann's client has the backup `main/laptop` with three
/// snapshots.
pub struct Scene {
    pub server: TestServer,
    client: Actor,
}

pub const SNAPSHOTS: [&[u8]; 3] = [b"monday", b"tuesday", b"wednesday"];

impl Scene {
    pub async fn set() -> Self {
        let server = TestServer::new().await;
        let ann = server.person("ann").await;
        server.person("bob").await;
        let scene = Self {
            server,
            client: client(&ann),
        };
        scene
            .policy(Policy {
                four_eyes: true,
                undo_hours: 0,
                ..Policy::default()
            })
            .await;
        let (storage, name) = laptop();
        scene
            .server
            .app
            .vault
            .create(&storage, &name, &scene.client)
            .await
            .unwrap();
        for (at, snapshot) in SNAPSHOTS.into_iter().enumerate() {
            scene.put(ObjectKind::Snapshots, snapshot).await;
            scene
                .put(ObjectKind::Data, &vec![u8::try_from(at).unwrap(); 1 << 20])
                .await;
            scene.server.clock.advance_seconds(3600);
        }
        scene
    }

    pub async fn policy(&self, policy: Policy) {
        let written = self
            .server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }));
        written.await.map_err(|error: StoreError| error.to_string()).unwrap();
    }

    pub async fn put(&self, kind: ObjectKind, bytes: &[u8]) {
        let vault = &self.server.app.vault;
        let (storage, name) = laptop();
        let opened = vault.enter(&storage, &name).await.unwrap();
        let mut incoming = vault.accept(opened, key(kind, bytes), &self.client).unwrap();
        incoming.write(Bytes::copy_from_slice(bytes)).await.unwrap();
        vault.publish(incoming, &self.client).await.unwrap();
    }

    pub async fn delete(&self, kind: ObjectKind, bytes: &[u8]) {
        let vault = &self.server.app.vault;
        let (storage, name) = laptop();
        let opened = vault.enter(&storage, &name).await.unwrap();
        vault.delete(&opened, key(kind, bytes), &self.client).await.unwrap();
    }

    /// Ann's client deletes a snapshot, and is quiet.
    pub async fn request(&self, snapshot: &[u8]) -> RequestId {
        self.delete(ObjectKind::Snapshots, snapshot).await;
        self.server.clock.advance_seconds(60);
        assert_eq!(self.server.app.vault.seal_finished().await.unwrap(), 1);
        let filter = countersign_store::RequestFilter::default();
        let newest = self
            .server
            .app
            .store
            .ask(move |view| Box::pin(async move { view.requests(&filter, None, 1).await }));
        newest.await.map_err(|error: StoreError| error.to_string()).unwrap()[0].id
    }

    /// Somebody's browser, logged on. A code works once, so time goes on.
    pub async fn browser(&self, name: &str) -> Browser<'_> {
        let mut browser = self.server.browser();
        browser.log_on(name).await;
        self.server.clock.advance_seconds(30);
        browser
    }

    /// Sends the decision form of a page as it was shown.
    pub async fn decide(&self, browser: &mut Browser<'_>, shown: &Answer, decision: &str, code: &str) -> Answer {
        let (before, _) = shown.body.split_once("/decision\"").expect("a decision form");
        let id = before.rsplit('/').next().expect("a number");
        let fields = [
            ("csrf", hidden(shown, "csrf")),
            ("digest", hidden(shown, "digest")),
            ("along", hidden(shown, "along")),
            ("decision", decision.to_owned()),
            ("comment", "as agreed <script>alert('x')</script>".to_owned()),
            ("code", code.to_owned()),
        ];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(&format!("/requests/{id}/decision"), &fields).await
    }
}

pub fn laptop() -> (Name, Name) {
    ("main".parse().unwrap(), "laptop".parse().unwrap())
}

fn client(account: &Account) -> Actor {
    Actor {
        account: account.id,
        name: account.name.to_string(),
        login_type: 0,
        via: Via::Token(Rights::Delete),
        address: "198.51.100.7".into(),
        why: None,
        maker: None,
    }
}

fn key(kind: ObjectKind, bytes: &[u8]) -> ObjectKey {
    ObjectKey::parse(kind, &Sha256::of(bytes).to_hex()).unwrap()
}

/// A hidden field of a page.
pub fn hidden(page: &Answer, name: &str) -> String {
    between(&page.body, &format!("name=\"{name}\" value=\""), "\"").to_owned()
}

pub fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

/// What a page says: its status, then the words of its main part, a line for each block. Digests are left out.
pub fn said(page: &Answer) -> String {
    let main = between(&page.body, "<main", "</main>");
    let mut text = format!("{}\n{}", page.status.as_u16(), main.split_once('>').unwrap().1);
    for block in [
        "</h1>",
        "</h2>",
        "</p>",
        "</div>",
        "</dt>",
        "</dd>",
        "</li>",
        "</tr>",
        "</caption>",
        "</label>",
        "</button>",
        "</form>",
    ] {
        text = text.replace(block, "\n");
    }
    let mut words = String::new();
    for part in text.split('<') {
        let part = if words.is_empty() {
            part
        } else {
            part.split_once('>').map_or(part, |(_, text)| text)
        };
        words.push_str(part);
        words.push(' ');
    }
    let lines = words
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let is_digest = |line: &str| line.len() > 60 && line.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b' ');
    let lines: Vec<_> = lines.filter(|line| !line.is_empty() && !is_digest(line)).collect();
    lines.join("\n")
}

/// The part of what a page says from one line on, up to another.
pub fn part(page: &Answer, from: &str, to: &str) -> String {
    let said = said(page);
    let lines = said.lines().skip_while(|line| *line != from);
    lines.take_while(|line| *line != to).collect::<Vec<_>>().join("\n")
}
