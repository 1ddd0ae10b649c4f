//! What a killed server left: its database, read beside the files it speaks of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use countersign_core::{
    BackupId, ObjectKey, ObjectKind, RequestId, Sha256,
    manifest::{Manifest, Subject},
    request::{Effect, State},
};
use countersign_store::{RequestFilter, RequestRecord, Store, StoreError, StoredObject};

use crate::support::server::object_file;

/// What a database says.
pub struct Left {
    pub requests: Vec<RequestRecord>,
    manifests: BTreeMap<RequestId, Manifest>,
    /// The events about each request.
    events: BTreeMap<RequestId, Vec<u32>>,
    pub objects: Vec<(BackupId, StoredObject)>,
}

impl Left {
    /// Of the database in this folder; a server may run on it.
    pub fn read(folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = Store::open(&folder.join(countersign::app::DATABASE)).await.unwrap();
            store
                .read(|view| {
                    Box::pin(async move {
                        let requests = view.requests(&RequestFilter::default(), None, 10_000).await?;
                        let mut left = Self {
                            requests: Vec::new(),
                            manifests: BTreeMap::new(),
                            events: BTreeMap::new(),
                            objects: Vec::new(),
                        };
                        for request in &requests {
                            if let Some(manifest) = view.manifest(request.id).await? {
                                left.manifests.insert(request.id, manifest);
                            }
                            if let Some(backup) = request.backup {
                                let held = view.held_objects(request.id).await?;
                                left.objects.extend(held.into_iter().map(|held| (backup, held)));
                            }
                        }
                        for event in view.events_after(0, 1_000_000).await? {
                            if let Some(request) = event.request {
                                left.events.entry(request).or_default().push(event.event.id());
                            }
                        }
                        for backup in view.backups().await? {
                            for kind in ObjectKind::ALL {
                                for (name, _) in view.visible_objects(backup.id, kind).await? {
                                    let key = ObjectKey::parse(kind, &name).expect("a name");
                                    let object = view.object(backup.id, key).await?.expect("an object that is listed");
                                    left.objects.push((backup.id, object));
                                }
                            }
                        }
                        left.requests = requests;
                        Ok::<_, StoreError>(left)
                    })
                })
                .await
                .unwrap()
        })
    }

    /// No half state: every request is in exactly one state with its events, its manifest and what it holds; every object
    /// that is there has its bytes.
    #[track_caller]
    pub fn expect_whole(&self, data: &Path) {
        for request in &self.requests {
            let id = request.id;
            let events = self.events.get(&id).map_or(&[][..], Vec::as_slice);
            let expected: &[u32] = match (request.state, request.effect) {
                (State::Collecting | State::Closed, _) => &[],
                (State::Pending, _) => &[42402],
                (State::Approved, Effect::Vetoed) => &[42402, 42403, 42404],
                // It did not hold any more at the end of its window.
                (State::Approved, Effect::Failed) => &[42402, 42403, 41800],
                (State::Approved, _) => &[42402, 42403],
                (State::Rejected, _) => &[42402, 42404],
                (State::Expired, _) => &[42402, 42405],
            };
            // What came of it is told after the decision: each snapshot that went.
            let (decided, effect): (Vec<u32>, Vec<u32>) = events.iter().copied().partition(|id| *id != 10_050);
            assert_eq!(decided, expected, "the events of {request:?}");
            let gone = self
                .listed(id)
                .iter()
                .filter(|(key, _)| key.kind == ObjectKind::Snapshots)
                .count();
            match request.effect {
                Effect::Done if request.state == State::Approved => {
                    assert_eq!(effect.len(), gone, "the snapshots that went by {request:?}");
                }
                Effect::Due => assert!(effect.len() <= gone, "the snapshots that went by {request:?}"),
                _ => assert!(effect.is_empty(), "nothing went by {request:?}: {effect:?}"),
            }
            let held: Vec<_> = self
                .held(id)
                .map(|held| (held.object.key, held.object.size, held.claimed))
                .collect();
            let listed = self.listed(id);
            match (request.state, request.effect) {
                (State::Collecting, _) => assert!(held.iter().all(|(.., claimed)| !claimed)),
                (State::Pending, _) => {
                    let held: Vec<_> = held.iter().map(|(key, size, _)| (*key, *size)).collect();
                    assert_eq!(held, listed, "what request {id} holds and lists");
                    assert_eq!(
                        self.manifests[&id].digest().ok(),
                        request.digest,
                        "the digest of request {id}"
                    );
                }
                (State::Approved, Effect::Due) => {
                    assert!(
                        held.iter()
                            .all(|(key, size, claimed)| *claimed && listed.contains(&(*key, *size)))
                    );
                }
                (State::Approved, Effect::Waiting | Effect::Postponed) => {
                    assert!(
                        held.iter().all(|(.., claimed)| !claimed),
                        "{request:?} can still be vetoed"
                    );
                    let held: BTreeSet<_> = held.iter().map(|(key, size, _)| (*key, *size)).collect();
                    let listed: BTreeSet<_> = listed.into_iter().collect();
                    // What was uploaded again is held no more; then it is void when its time has come.
                    assert!(held.is_subset(&listed), "what request {id} holds and lists");
                }
                (State::Approved, effect) => {
                    let ended = matches!(effect, Effect::Done | Effect::Vetoed | Effect::Failed);
                    assert!(ended, "{request:?}");
                    assert_eq!(held, [], "what approved request {id} still holds");
                }
                (State::Rejected | State::Expired | State::Closed, _) => {
                    assert_eq!(held, [], "what request {id} still holds");
                }
            }
        }
        for (backup, stored) in &self.objects {
            let file = object_file(data, *backup, stored.object.key);
            match fs::read(&file) {
                Ok(bytes) => assert_eq!(Sha256::of(&bytes), stored.object.hash, "{}", file.display()),
                Err(error) => assert!(stored.claimed, "{}: {error}", file.display()),
            }
        }
    }

    /// Every request and what it lists, for whoever looks why something is missing.
    pub fn told(&self) -> Vec<String> {
        let told = |request: &RequestRecord| {
            let listed: Vec<_> = self.listed(request.id).into_iter().map(|(key, _)| key).collect();
            format!("{} {:?} {:?}: {listed:?}", request.id, request.state, request.effect)
        };
        self.requests.iter().map(told).collect()
    }

    fn held(&self, id: RequestId) -> impl Iterator<Item = &StoredObject> {
        let objects = self.objects.iter().map(|(_, object)| object);
        objects.filter(move |object| object.held_by == Some(id))
    }

    fn listed(&self, id: RequestId) -> Vec<(ObjectKey, u64)> {
        match self.manifests.get(&id).map(|manifest| &manifest.subject) {
            Some(Subject::Objects { objects, .. }) => objects
                .iter()
                .map(|object| {
                    (
                        ObjectKey::parse(object.kind, &object.name).expect("a name"),
                        object.size,
                    )
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    pub fn is_there(&self, key: ObjectKey) -> bool {
        self.objects.iter().any(|(_, stored)| stored.object.key == key)
    }

    pub fn is_seen(&self, key: ObjectKey) -> bool {
        let mut objects = self.objects.iter();
        objects.any(|(_, stored)| stored.object.key == key && stored.held_by.is_none())
    }

    /// Whether a request was approved that lists this, and nothing stopped it: its bytes may be gone.
    pub fn was_approved(&self, key: ObjectKey) -> bool {
        let taken = |request: &&RequestRecord| {
            request.state == State::Approved && matches!(request.effect, Effect::Due | Effect::Done)
        };
        let mut approved = self.requests.iter().filter(taken);
        approved.any(|request| self.listed(request.id).iter().any(|(listed, _)| *listed == key))
    }
}
