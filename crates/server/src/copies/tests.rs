//! Copies to a REST server in this process that keeps what it gets, tells in which order, and fails as it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::{Actor, ObjectKind, ServiceProviderId, Sha256};
use countersign_store::{CopyRecord, CopyState};
use http::{Method, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::alerts::{Disk, Kind, Room, Watch};
use crate::flows::service_providers::{self as flows, ProviderChange, ProviderPassword, Wanted};
use crate::flows::settings::Changed;
use crate::testing::office::Office;

/// What it does when it is asked next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    /// It answers 500 to every data object.
    Sick,
    /// It never answers a data object, and tells when whoever asked has gone.
    Silent,
    /// It keeps the data object and loses the answer, once.
    Forgetful,
}

/// A restic REST server.
struct Cellar {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Every name that was sent, in order.
    order: Mutex<Vec<String>>,
    /// Everything that would have changed what is there.
    sins: Mutex<Vec<String>>,
    mood: Mutex<Mood>,
    asked: Notify,
    gone: Notify,
}

impl Cellar {
    async fn open() -> (Arc<Self>, String, JoinHandle<std::io::Result<()>>) {
        let cellar = Arc::new(Self {
            kept: Mutex::default(),
            order: Mutex::default(),
            sins: Mutex::default(),
            mood: Mutex::new(Mood::Good),
            asked: Notify::new(),
            gone: Notify::new(),
        });
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", socket.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&cellar));
        (
            cellar,
            url,
            tokio::spawn(async move { axum::serve(socket, router).await }),
        )
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn names(&self) -> Vec<String> {
        self.kept.lock().unwrap().keys().cloned().collect()
    }

    /// Kinds in the order in which they came.
    fn kinds(&self) -> Vec<String> {
        let order = self.order.lock().unwrap();
        let mut kinds: Vec<_> = order
            .iter()
            .map(|name| name.split('/').nth(1).unwrap().to_owned())
            .collect();
        kinds.dedup();
        kinds
    }
}

/// Says when it is dropped before it was defused.
struct Gone(Arc<Cellar>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.gone.notify_one();
    }
}

async fn answer(State(cellar): State<Arc<Cellar>>, request: Request) -> Response {
    let expected = format!("Basic {}", data_encoding::BASE64.encode(b"office:secret"));
    if request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        != Some(&expected)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let method = request.method().clone();
    let kept = || cellar.kept.lock().unwrap();
    if path.ends_with('/') {
        if method == Method::POST {
            return StatusCode::OK.into_response();
        }
        let list = kept();
        let below = list.iter().filter_map(|(name, bytes)| {
            let name = name.strip_prefix(&path)?;
            Some(serde_json::json!({"name": name, "size": bytes.len()}))
        });
        return axum::Json(below.collect::<Vec<_>>()).into_response();
    }
    match method {
        Method::HEAD | Method::GET => match kept().get(&path) {
            Some(bytes) => bytes.clone().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Method::POST => {
            let mood = *cellar.mood.lock().unwrap();
            if path.contains("/data/") {
                if mood == Mood::Silent {
                    let _gone = Gone(Arc::clone(&cellar));
                    cellar.asked.notify_one();
                    return std::future::pending().await;
                }
                if mood == Mood::Sick {
                    return StatusCode::INTERNAL_SERVER_ERROR.into_response();
                }
            }
            let Ok(bytes) = to_bytes(request.into_body(), usize::MAX).await else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            if kept().contains_key(&path) {
                cellar.sins.lock().unwrap().push(path);
                return StatusCode::FORBIDDEN.into_response();
            }
            cellar.order.lock().unwrap().push(path.clone());
            kept().insert(path.clone(), bytes.to_vec());
            if mood == Mood::Forgetful && path.contains("/data/") {
                cellar.is(Mood::Good);
                return StatusCode::BAD_GATEWAY.into_response();
            }
            StatusCode::OK.into_response()
        }
        other => {
            cellar.sins.lock().unwrap().push(format!("{other} {path}"));
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
    }
}

/// An office with a backup, and a cellar that it knows as a service provider.
struct Scene {
    office: Office,
    cellar: Arc<Cellar>,
    serving: JoinHandle<std::io::Result<()>>,
    provider: ServiceProviderId,
    copier: Copier,
    ann: Actor,
}

impl Scene {
    async fn set() -> Self {
        Self::with_password("secret").await
    }

    async fn with_password(password: &str) -> Self {
        let office = Office::open().await;
        for (kind, content) in [
            (ObjectKind::Keys, "key"),
            (ObjectKind::Data, "pack one"),
            (ObjectKind::Data, "pack two"),
            (ObjectKind::Index, "index"),
            (ObjectKind::Snapshots, "snapshot"),
            (ObjectKind::Locks, "lock"),
        ] {
            office.laptop.put(kind, content.as_bytes().to_vec()).await.unwrap();
        }
        let (cellar, url, serving) = Cellar::open().await;
        let ann = Actor {
            account: office.ann.id,
            name: "ann".into(),
            login_type: 0,
            via: countersign_core::Via::Session(office.ann.roles),
            address: "192.0.2.8".into(),
            why: None,
            maker: None,
        };
        let spec = serde_json::json!({"name": "cellar", "url": url, "user": "office"});
        let spec = serde_json::from_value(spec).unwrap();
        let password = ProviderPassword::read(password.to_owned()).unwrap();
        let app = &office.server.app;
        let provider = flows::add(app, &ann, spec, password).await.unwrap();
        let copier = Copier::new(app.clone());
        Self {
            office,
            cellar,
            serving,
            provider,
            copier,
            ann,
        }
    }

    fn app(&self) -> &AppState {
        &self.office.server.app
    }

    async fn ask(&self) -> countersign_core::CopyId {
        let wanted = Wanted {
            backup: "main/laptop".into(),
            to: None,
        };
        flows::ask_copy(self.app(), &self.ann, self.provider, wanted)
            .await
            .unwrap()
    }

    async fn copy(&self, id: countersign_core::CopyId) -> CopyRecord {
        let found = self
            .app()
            .store
            .ask(move |view| Box::pin(async move { view.copy(id).await }));
        found
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .unwrap()
    }

    /// Asks for a copy, does what is due, and tells what became of it.
    async fn copied(&self) -> CopyRecord {
        let id = self.ask().await;
        self.copier.step().await.unwrap();
        self.copy(id).await
    }

    async fn change(&self, change: ProviderChange) -> Changed {
        flows::change(self.app(), &self.ann, change).await.unwrap()
    }

    async fn schedule(&self) -> Changed {
        let every = countersign_core::service_provider::EveryHours::DAILY;
        let copy = flows::scheduled(self.app(), "main/laptop".into(), every, None)
            .await
            .unwrap();
        self.change(ProviderChange::Schedule(self.provider, Box::new(copy)))
            .await
    }

    /// What the alert board says of copies.
    async fn alerts(&self) -> Vec<String> {
        struct Plenty;
        impl Disk for Plenty {
            fn room(&self, _: &std::path::Path) -> Option<Room> {
                None
            }
        }
        Watch::new(self.app().clone(), Box::new(Plenty)).look().await;
        let current = self.app().alerts.current().into_iter();
        let copies = current.filter(|alert| alert.found.kind == Kind::Copy);
        copies.map(|alert| alert.found.text).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.serving.abort();
        assert_eq!(
            *self.cellar.sins.lock().unwrap(),
            Vec::<String>::new(),
            "nothing there is ever changed"
        );
    }
}

fn name(kind: &str, content: &str) -> String {
    format!("laptop/{kind}/{}", Sha256::of(content.as_bytes()))
}

#[tokio::test]
async fn what_names_others_comes_after_them_and_what_is_there_is_not_sent_again() {
    let scene = Scene::set().await;
    let first = scene.copied().await;
    assert_eq!(first.state, CopyState::Done, "{first:?}");
    assert_eq!(scene.cellar.kinds(), ["config", "keys", "data", "index", "snapshots"]);
    let bytes = ["config", "key", "pack one", "pack two", "index", "snapshot"]
        .map(str::len)
        .iter()
        .sum::<usize>();
    let tally = first.tally;
    assert_eq!((tally.objects, tally.sent, tally.sent_bytes), (6, 6, bytes as u64));
    assert!(!scene.cellar.names().contains(&name("locks", "lock")));

    scene.office.snapshot("another").await;
    let second = scene.copied().await;
    assert_eq!((second.tally.objects, second.tally.sent), (7, 1));
    assert!(scene.cellar.names().contains(&name("snapshots", "another")));
}

#[tokio::test]
async fn what_is_held_is_not_copied() {
    let scene = Scene::set().await;
    scene.office.waiting(&["gone"]).await;
    assert_eq!(scene.copied().await.state, CopyState::Done);
    assert!(!scene.cellar.names().contains(&name("snapshots", "gone")));
}

#[tokio::test]
async fn a_wrong_password_fails_at_once_and_says_so_where_administrators_look() {
    let scene = Scene::with_password("wrong").await;
    scene.schedule().await;
    assert_eq!(scene.copier.step().await.unwrap(), 1);
    let told = scene.alerts().await;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("backup main/laptop was not copied to service provider cellar: 127.0.0.1:")
            && told[0].ends_with("does not accept the user and password for laptop (401)"),
        "{told:?}"
    );
    let test = flows::test(scene.app(), &scene.ann, scene.provider).await.unwrap();
    assert!(test.unwrap().contains("does not accept the user and password"));
    assert_eq!(scene.cellar.names(), Vec::<String>::new());

    let right = ProviderPassword::read("secret".into()).unwrap();
    flows::give_password(scene.app(), &scene.ann, scene.provider, right)
        .await
        .unwrap();
    assert_eq!(
        flows::test(scene.app(), &scene.ann, scene.provider).await.unwrap(),
        None
    );
    assert_eq!(scene.copied().await.state, CopyState::Done);
    assert_eq!(scene.alerts().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_provider_that_falls_ill_and_recovers_gets_the_rest_later() {
    let scene = Scene::set().await;
    scene.cellar.is(Mood::Sick);
    let ill = scene.copied().await;
    assert_eq!((ill.state, ill.attempts), (CopyState::Due, 1));
    assert!(ill.detail.unwrap().ends_with("has trouble of its own (500)"));
    assert_eq!(
        scene.cellar.kinds(),
        ["config", "keys"],
        "no index and no snapshot without its data"
    );
    scene.cellar.is(Mood::Good);
    assert_eq!(scene.copier.step().await.unwrap(), 0, "its time has not come");
    scene.office.server.clock.advance_seconds(30);
    assert_eq!(scene.copier.step().await.unwrap(), 1);
    let well = scene.copy(ill.id).await;
    assert_eq!((well.state, well.attempts, well.tally.sent), (CopyState::Done, 2, 4));
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_nobody_send_twice() {
    let scene = Scene::set().await;
    scene.cellar.is(Mood::Forgetful);
    assert_eq!(scene.copied().await.state, CopyState::Done);
    assert_eq!(scene.cellar.order.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn another_repository_is_left_as_it_is() {
    let scene = Scene::set().await;
    scene
        .cellar
        .kept
        .lock()
        .unwrap()
        .insert("laptop/config".into(), b"theirs".to_vec());
    let copy = scene.copied().await;
    assert_eq!(copy.state, CopyState::Failed);
    assert!(copy.detail.unwrap().starts_with("another repository is there already"));
    assert_eq!(scene.cellar.names(), ["laptop/config"]);
}

#[tokio::test]
async fn an_object_that_is_damaged_there_is_told_and_not_written_over() {
    let scene = Scene::set().await;
    let pack = name("data", "pack one");
    scene.cellar.kept.lock().unwrap().insert(pack.clone(), b"half".to_vec());
    let copy = scene.copied().await;
    assert_eq!(copy.state, CopyState::Failed);
    assert!(
        copy.detail
            .unwrap()
            .contains("is damaged there: it has 4 bytes and should have 8")
    );
    assert_eq!(scene.cellar.kept.lock().unwrap()[&pack], b"half");
    assert!(!scene.cellar.kinds().contains(&"snapshots".to_owned()));
}

#[tokio::test]
async fn an_object_that_is_damaged_here_does_not_leave() {
    let scene = Scene::set().await;
    let name = Sha256::of(b"pack one").to_string();
    let mut found = None;
    let mut folders = vec![scene.app().config.data.join("storages")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false if entry.file_name() == name.as_str() => found = Some(entry.path()),
                false => {}
            }
        }
    }
    let path = found.unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "the file goes with its folder")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&path, permissions).unwrap();
    std::fs::write(&path, b"pack onf").unwrap();
    let copy = scene.copied().await;
    assert_eq!(copy.state, CopyState::Failed, "{copy:?}");
    assert!(
        copy.detail
            .unwrap()
            .contains("does not have its hash any more, so it was not sent")
    );
    assert!(!scene.cellar.names().iter().any(|kept| kept.ends_with(&name)));
}

#[tokio::test]
async fn deleting_a_provider_ends_what_is_under_way() {
    let scene = Scene::set().await;
    scene.office.turn_off().await;
    scene.cellar.is(Mood::Silent);
    let id = scene.ask().await;
    let copier = scene.copier.clone();
    let making = tokio::spawn(async move { copier.step().await });
    scene.cellar.asked.notified().await;
    assert_eq!(
        scene.change(ProviderChange::Delete(scene.provider)).await,
        Changed::Done
    );
    scene.cellar.gone.notified().await;
    assert_eq!(making.await.unwrap().unwrap(), 1);
    let found = scene
        .app()
        .store
        .ask(move |view| Box::pin(async move { view.copy(id).await }));
    assert_eq!(found.await.map_err(|error: StoreError| error.to_string()), Ok(None));
}

#[tokio::test]
async fn another_address_forgets_the_password_and_begins_again() {
    let scene = Scene::set().await;
    scene.office.turn_off().await;
    let elsewhere = serde_json::json!({"name": "cellar", "url": "http://127.0.0.1:1/", "user": "office"});
    let elsewhere = Box::new(serde_json::from_value(elsewhere).unwrap());
    let changed = scene.change(ProviderChange::Describe(scene.provider, elsewhere)).await;
    assert_eq!(changed, Changed::Done);
    let copy = scene.copied().await;
    assert_eq!(
        (copy.state, copy.detail.as_deref()),
        (CopyState::Failed, Some("no password is set: give it one"))
    );
}

#[tokio::test]
async fn a_schedule_asks_at_once_then_each_day_and_lateness_is_told() {
    let scene = Scene::set().await;
    assert_eq!(scene.schedule().await, Changed::Done, "one more copy weakens nothing");
    assert_eq!(scene.copier.step().await.unwrap(), 1);
    assert_eq!(scene.copier.step().await.unwrap(), 0);
    scene.office.server.clock.advance_seconds(24 * 3600 - 1);
    assert_eq!(scene.copier.step().await.unwrap(), 0);
    scene.office.server.clock.advance_seconds(1);
    assert_eq!(scene.copier.step().await.unwrap(), 1);
    assert_eq!(scene.alerts().await, Vec::<String>::new());

    // Nobody makes any for two days.
    scene.office.server.clock.advance_seconds(48 * 3600);
    let told = scene.alerts().await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("is older than two intervals"), "{told:?}");
    let mut metrics = String::new();
    prometheus_client::encoding::text::encode(&mut metrics, &{
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(Arc::clone(&scene.app().alerts)));
        registry
    })
    .unwrap();
    assert!(
        metrics.contains("kind=\"copy\",name=\"cellar: main/laptop\""),
        "{metrics}"
    );
}

/// What an index names may be gone when it is its turn: then it must not be sent, nor the snapshots after it.
#[tokio::test]
async fn a_backup_that_moves_is_planned_anew() {
    let scene = Scene::set().await;
    scene.cellar.is(Mood::Silent);
    let old = Sha256::of(b"index").to_string();
    let key = countersign_core::ObjectKey::parse(ObjectKind::Index, &old).unwrap();
    let id = scene.ask().await;
    let copier = scene.copier.clone();
    let making = tokio::spawn(async move { copier.step().await });
    scene.cellar.asked.notified().await;
    // As a prune does it: the new index first, then the old one goes, which is held.
    scene
        .office
        .laptop
        .put(ObjectKind::Index, b"new index".to_vec())
        .await
        .unwrap();
    scene.office.laptop.delete(key).await.unwrap();
    // Breaks off what is silent, so that it is sent again.
    scene
        .app()
        .store
        .write(|tx| Box::pin(tx.resume_copies()))
        .await
        .unwrap();
    scene.cellar.is(Mood::Good);
    making.await.unwrap().unwrap();
    scene.copier.step().await.unwrap();
    assert_eq!(scene.copy(id).await.state, CopyState::Done);
    let names = scene.cellar.names();
    assert!(
        names.contains(&name("index", "new index")) && !names.contains(&name("index", "index")),
        "{names:?}"
    );
}
