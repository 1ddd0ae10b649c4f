//! Goes every way of docs/no-way-round.md that asks for a decision, as somebody who may ask, while four-eyes authorization is on: it is
//! held or refused, nothing that is kept has changed, and after a rejection everything is as it was.
//!
//! A new way that decides fails here until it is tried: give it a [`Try`] in [`TRIES`], [`PAGES`] or [`REPOSITORY`].

mod tries;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use axum::body::Body;
use countersign_core::request::State;
use countersign_core::{ObjectKey, ObjectKind, Policy, RequestId, Role, Sha256};
use countersign_store::{RequestFilter, StoreError, View};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::testing::office::Office;
use crate::testing::people::Answer;
use tries::{A_TICK, PAGES, REPOSITORY, SCHEDULED, SNAPSHOT, TRIES, Try, channel, client, provider, receiver};

#[test]
fn every_way_that_decides_is_tried() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/no-way-round.md"));
    let document = document.unwrap();
    let addresses = document
        .split("\n## Addresses")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let decides = addresses.lines().filter_map(|line| line.split_once(" | decides: "));
    let listed: BTreeSet<_> = decides
        .flat_map(|(cell, _)| cell.split('`').skip(1).step_by(2))
        .collect();
    let tried = TRIES.iter().map(|tried| tried.path);
    let tried = tried.chain(PAGES.iter().map(|tried| tried.path));
    let tried: BTreeSet<_> = tried.chain(REPOSITORY.iter().map(|tried| tried.path)).collect();
    assert_eq!(tried, listed, "what is tried here, and what the document says decides");
}

#[tokio::test]
async fn every_call_that_decides_holds_and_changes_nothing() {
    for Try { path, with } in TRIES {
        let desk = Desk::set().await;
        let before = desk.everything().await;
        let (at, body) = with(&desk);
        let method: Method = path.split(' ').next().unwrap().parse().unwrap();
        let token = desk.office.token(&desk.office.ann).await;
        let answer = match &body {
            Some(Value::String(xml)) => desk.office.send(&token, method, &at, "application/xml", xml).await,
            _ => desk.office.call(&token, method, &at, body).await,
        };
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{path}: {}", answer.body);
        desk.expect_held_and_back(path, &before).await;
    }
}

#[tokio::test]
async fn every_page_that_decides_holds_and_changes_nothing() {
    for Try {
        path,
        with: (page, action, filled),
    } in PAGES
    {
        let desk = Desk::set().await;
        let mut browser = desk.office.server.browser();
        browser.log_on("ann").await;
        desk.office.server.clock.advance_seconds(30);
        let before = desk.everything().await;
        if *action == "/settings/clock/confirm" {
            desk.office.server.clock.jump_seconds(300);
        }
        let shown = browser.get(page).await;
        let mut fields = form(&shown, action);
        for (name, value) in *filled {
            let name = if *name == A_TICK {
                first_tick(&shown)
            } else {
                (*name).to_owned()
            };
            let value = if *value == SNAPSHOT {
                desk.snapshot.name.to_string()
            } else {
                (*value).to_owned()
            };
            fields.insert(name, value);
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = browser.post(action, &fields).await;
        // A page that shows a key once answers at once, the others lead on.
        let done = matches!(answer.status, StatusCode::SEE_OTHER | StatusCode::OK);
        assert!(done, "{path}: {} {}", answer.status, answer.body);
        desk.expect_held_and_back(path, &before).await;
    }
}

#[tokio::test]
async fn every_delete_of_a_backup_client_is_held_or_refused_and_changes_nothing() {
    for Try {
        path,
        with: (sent, held),
    } in REPOSITORY
    {
        let desk = Desk::set().await;
        let before = desk.everything().await;
        let (below, bytes) = sent(&desk);
        let method: Method = path.split(' ').next().unwrap().parse().unwrap();
        let answer = desk
            .restic(&method, &format!("/restic/main/laptop{below}"), bytes)
            .await;
        if *held {
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
            desk.expect_held_and_back(path, &before).await;
        } else {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.body);
            assert_eq!(desk.newest().await, None, "{path}");
            assert_eq!(desk.everything().await, before, "{path}");
        }
    }
}

/// A backup that waits for its deletion keeps its name: nobody makes another in its place, or writes over what is held.
#[tokio::test]
async fn a_hidden_backup_is_not_made_again_over_what_is_held() {
    let desk = Desk::set().await;
    let before = desk.everything().await;
    let deleted = desk.restic(&Method::DELETE, "/restic/main/laptop/", Vec::new()).await;
    assert_eq!(deleted.status, StatusCode::OK);
    let again = [
        ("/?create=true".to_owned(), Vec::new()),
        ("/config".to_owned(), b"another".to_vec()),
        (format!("/snapshots/{}", desk.snapshot.name), b"kept".to_vec()),
        (
            format!("/keys/{}", Sha256::of(b"a new key").to_hex()),
            b"a new key".to_vec(),
        ),
    ];
    for (below, bytes) in again {
        let answer = desk
            .restic(&Method::POST, &format!("/restic/main/laptop{below}"), bytes)
            .await;
        assert!(
            answer.status.is_client_error(),
            "{below}: {} {}",
            answer.status,
            answer.body
        );
    }
    desk.expect_held_and_back("a hidden backup", &before).await;
}

/// An office with one of everything that somebody could want to weaken.
struct Desk {
    office: Office,
    /// In `main/laptop`.
    snapshot: ObjectKey,
    /// Of the account `laptop`; it may delete.
    token: String,
}

impl Desk {
    async fn set() -> Self {
        let office = Office::open().await;
        let now = office.server.now();
        office.server.colleague("carl", &[Role::BackupViewer], now).await;
        office.server.colleague("dora", &[Role::BackupViewer], now).await;
        let snapshot = office.snapshot("kept").await;
        office.turn_off().await;
        let ann = office.token(&office.ann).await;
        let mut desk = Self {
            office,
            snapshot,
            token: String::new(),
        };
        let made = desk
            .ask(
                &ann,
                "/accounts/3/tokens",
                json!({"label": "x", "rights": "delete", "backups": "*"}),
            )
            .await;
        made["token"].as_str().unwrap().clone_into(&mut desk.token);
        let mut cellar = provider("cellar");
        cellar["password"] = json!("very secret");
        for (path, body) in [
            ("/storages", json!({"name": "archive", "immutable_days": 7})),
            ("/receivers", receiver("siem")),
            ("/notice-channels", channel("chat")),
            ("/clients", client("portal", "Portal")),
            ("/accounts/5/disable", json!({})),
            ("/accounts", json!({"name": "host", "kind": "service"})),
            ("/runners", json!({"account": 3})),
            ("/service-providers", cellar),
        ] {
            desk.ask(&ann, path, body).await;
        }
        let passphrase = json!({"passphrase": "five words that nobody guesses"});
        for (path, body) in [
            ("/configuration-backups/passphrase", passphrase),
            (SCHEDULED, json!({"every_hours": 24})),
        ] {
            let answer = desk.office.call(&ann, Method::PUT, path, Some(body)).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.body);
        }
        desk.ask(&ann, "/configuration-backups", json!({})).await;
        let on = desk.office.server.app.store.write(|tx| {
            Box::pin(async move {
                tx.set_policy(&Policy {
                    four_eyes: true,
                    ..Policy::default()
                })
                .await
            })
        });
        on.await.map_err(|error: StoreError| error.to_string()).unwrap();
        // Nobody was there for a while.
        desk.office.server.clock.advance_seconds(3600);
        desk
    }

    async fn ask(&self, token: &str, path: &str, body: Value) -> Value {
        let answer = self.office.call(token, Method::POST, path, Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// As restic would, with the token of the laptop.
    async fn restic(&self, method: &Method, path: &str, bytes: Vec<u8>) -> Answer {
        let basic = data_encoding::BASE64.encode(format!("laptop:{}", self.token).as_bytes());
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
        let request = request.body(Body::from(bytes)).unwrap();
        self.office.server.send(request, "192.0.2.7:40000").await
    }

    async fn newest(&self) -> Option<(RequestId, State)> {
        let filter = RequestFilter::default();
        let newest = self
            .office
            .server
            .app
            .store
            .ask(move |view| Box::pin(async move { view.requests(&filter, None, 1).await }));
        let newest = newest.await.map_err(|error: StoreError| error.to_string()).unwrap();
        newest.first().map(|request| (request.id, request.state))
    }

    /// It waits, nothing that is kept has changed, and when it is rejected everything is there again.
    async fn expect_held_and_back(&self, path: &str, before: &Everything) {
        let (id, state) = self.newest().await.unwrap_or_else(|| panic!("{path} made no request"));
        assert!(matches!(state, State::Collecting | State::Pending), "{path}: {state:?}");
        let held = self.everything().await;
        assert_eq!(held.kept, before.kept, "{path}: what is kept while it waits");
        if state == State::Collecting {
            self.office.server.app.vault.seal_now(id).await.unwrap();
        }
        self.office.server.clock.advance_seconds(60);
        let bob = self.office.token(&self.office.bob).await;
        let no = json!({"code": self.office.server.code("bob"), "comment": "no"});
        let rejected = self
            .office
            .call(&bob, Method::POST, &format!("/requests/{id}/reject"), Some(no))
            .await;
        assert_eq!(rejected.status, StatusCode::OK, "{path}: {}", rejected.body);
        assert_eq!(
            &self.everything().await,
            before,
            "{path}: what is there after a rejection"
        );
    }

    async fn everything(&self) -> Everything {
        let told = self.office.server.app.store.read(|view| Box::pin(told(view)));
        let (mut kept, seen) = told.await.unwrap();
        for folder in ["storages", "configuration-backups"] {
            files(&self.office.server.house.data().join(folder), &mut kept);
        }
        Everything { kept, seen }
    }
}

/// What there is, in words.
#[derive(Debug, PartialEq, Eq)]
struct Everything {
    /// What a hold changes nothing of: accounts and their factors, settings, descriptions, and the bytes of every file.
    kept: BTreeMap<String, String>,
    /// What clients see.
    seen: Vec<String>,
}

async fn told(view: &mut View) -> Result<(BTreeMap<String, String>, Vec<String>), StoreError> {
    let mut kept = BTreeMap::new();
    let mut keep = |what: &str, is: &dyn Debug| kept.insert(what.to_owned(), format!("{is:#?}"));
    keep("policy", &view.policy().await?);
    for account in view.accounts().await? {
        let factors = (view.standing(account.id).await?, view.factors_of(account.id).await?);
        let tokens: Vec<_> = view.tokens_of(account.id).await?.iter().map(|token| token.id).collect();
        keep(&format!("account {}", account.name), &(&account, factors, tokens));
    }
    for storage in view.storages().await? {
        keep(&format!("storage {}", storage.id), &(&storage.spec, storage.used_bytes));
    }
    for receiver in view.receivers().await? {
        keep(&format!("receiver {}", receiver.id), &receiver.spec);
    }
    for channel in view.notice_channels().await? {
        keep(&format!("channel {}", channel.id), &channel.spec);
    }
    keep("clients", &view.clients().await?);
    for provider in view.service_providers().await? {
        keep(&format!("service provider {}", provider.id), &provider.spec);
    }
    let passphrase = view.configuration_passphrase().await?.map(|passphrase| passphrase.id);
    keep(
        "configuration backups",
        &(
            view.configuration_schedule().await?,
            passphrase,
            view.configuration_backups().await?,
        ),
    );
    let runners: Vec<_> = view.runners().await?.iter().map(|runner| runner.account.id).collect();
    keep("runners and commands", &(runners, view.commands(None, 10).await?));
    let mut seen = vec![format!("{:#?}", view.storages().await?)];
    for backup in view.backups().await? {
        for kind in ObjectKind::ALL {
            let objects = view.visible_objects(backup.id, kind).await?;
            seen.push(format!("{backup:?} {kind:?} {objects:?}"));
        }
    }
    Ok((kept, seen))
}

fn files(folder: &Path, kept: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, kept);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            kept.insert(path.display().to_string(), Sha256::of(&bytes).to_hex());
        }
    }
}

/// The fields of a page's form, as a browser would send it back unchanged.
fn form(page: &Answer, action: &str) -> BTreeMap<String, String> {
    let start = format!("<form method=\"post\" action=\"{action}\"");
    let (_, form) = page
        .body
        .split_once(&start)
        .unwrap_or_else(|| panic!("no form {action} in {}", page.body));
    let form = form.split("</form>").next().unwrap();
    let mut fields = BTreeMap::new();
    for tag in form.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        let Some(name) = attribute(tag, "name") else { continue };
        let kind = attribute(tag, "type").unwrap_or("text");
        let value = if tag.starts_with("textarea") {
            text.trim_start_matches('\n').to_owned()
        } else if tag.starts_with("select") {
            let (_, options) = form.split_once(tag).unwrap();
            let options = options.split("</select>").next().unwrap();
            let all: Vec<_> = options.split("<option ").skip(1).collect();
            let chosen = all
                .iter()
                .find(|option| option.split('>').next().unwrap().ends_with(" selected"));
            attribute(chosen.unwrap_or(&all[0]), "value").unwrap().to_owned()
        } else if tag.starts_with("input") && (!matches!(kind, "checkbox" | "radio") || tag.contains(" checked")) {
            attribute(tag, "value").unwrap_or_default().to_owned()
        } else {
            continue;
        };
        fields.insert(name.to_owned(), value);
    }
    fields
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}

fn first_tick(page: &Answer) -> String {
    let (_, tick) = page.body.split_once("<input type=\"checkbox\" name=\"").unwrap();
    tick.split('"').next().unwrap().to_owned()
}
