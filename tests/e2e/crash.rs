//! kill -9 at any moment: whatever was acknowledged is there afterwards, nothing is half done, and the repository is whole.
//!
//! 60 rounds by default; `COUNTERSIGN_KILLS=1000` kills more often, `COUNTERSIGN_KILL_SEED=7` at other moments.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use countersign_core::{
    BackupId, ObjectKey, ObjectKind, RequestId, Sha256,
    manifest::{Manifest, Subject},
    request::{Effect, State},
};
use countersign_store::{RequestFilter, RequestRecord, Store, StoreError, StoredObject};

use crate::support::{
    clock::eventually,
    laptop::{Laptop, Taken, init_cheaply},
    raw::Raw,
    restic::{Restic, SnapshotId},
    server::{Member, Server, TOKEN, object_file},
    trees::Random,
};

#[test]
fn killed_at_any_moment_nothing_is_lost_nor_half_done() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let seed = number("COUNTERSIGN_KILL_SEED", 1);
    let mut ordeal = Ordeal::begin(seed);
    for round in 0..number("COUNTERSIGN_KILLS", 60) {
        ordeal.round(round);
    }
    ordeal.end();
}

struct Ordeal {
    random: Random,
    server: Server,
    laptop: Laptop,
    ann: Member,
    bob: Member,
    /// What restic said was backed up.
    acknowledged: Vec<Taken>,
    /// What a page said was decided.
    decided: BTreeMap<RequestId, State>,
    /// What was answered by hand: an object that must be seen, or one that must be held.
    by_hand: BTreeMap<ObjectKey, bool>,
    /// How often each thing was cut off while it was under way, and how often it had ended before.
    cut_off: BTreeMap<&'static str, (u32, u32)>,
}

impl Ordeal {
    fn begin(seed: u64) -> Self {
        let ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
        let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
        let mut server = Server::set_up(&[&ann, &bob]);
        server.start();
        init_cheaply(&Raw::new(
            &format!("{}/restic/main/laptop/", server.origin()),
            "laptop",
            TOKEN,
        ));
        let url = server.url("laptop", TOKEN, "laptop");
        let all = Restic::all();
        let restic = &all[usize::try_from(seed).unwrap() % all.len()];
        let mut laptop = Laptop::at(restic.repository(&url), seed);
        Self {
            random: Random::new(seed),
            acknowledged: laptop.days(3),
            server,
            laptop,
            ann,
            bob,
            decided: BTreeMap::new(),
            by_hand: BTreeMap::new(),
            cut_off: BTreeMap::new(),
        }
    }

    fn round(&mut self, round: u64) {
        match round % 6 {
            0 => self.kill_during_backup(),
            1 => self.kill_during_prune(),
            2 => self.kill_during_sealing(),
            3 => self.kill_during_decision("reject", 40),
            4 => self.kill_during_requests(),
            _ => self.kill_during_decision("approve", 80),
        }
        self.look_at_what_is_left();
        self.server.start();
        self.laptop.repository.unlock(true).expect("unlock");
        self.expect_acknowledged(4);
    }

    fn kill_during_backup(&mut self) {
        let work = self.laptop.work();
        let tree = self.laptop.tree().clone();
        let mut command = self
            .laptop
            .repository
            .command(["backup", "--json", "--host", "laptop", "."]);
        let output = tempfile::NamedTempFile::new().unwrap();
        let backup = command
            .current_dir(work)
            .stdout(output.reopen().unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if self.kill_after(backup, 600, "backup") {
            let said = fs::read_to_string(output.path()).unwrap();
            let said_id = said
                .lines()
                .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
                .find_map(|message| message["snapshot_id"].as_str().map(str::to_owned))
                .expect("a backup that ended says its snapshot");
            // restic 0.14 says the first eight digits.
            let left = Left::read(self.server.database_copy().path());
            let name = |stored: &StoredObject| stored.object.key.name.to_string();
            let mut objects = left.objects.iter().map(|(_, stored)| name(stored));
            let id = objects
                .find(|name| name.starts_with(&said_id))
                .unwrap_or_else(|| panic!("acknowledged snapshot {said_id} is not there"));
            self.acknowledged.push(Taken {
                id: SnapshotId(id),
                tree,
            });
        }
    }

    fn kill_during_prune(&mut self) {
        let keep = (1 + self.random.below(3)).to_string();
        let prune = self
            .laptop
            .repository
            .spawn(&["forget", "--keep-last", &keep, "--prune", "--max-unused", "0"]);
        self.kill_after(prune, 1500, "prune");
    }

    /// The quiet time is over at once; the server looks every second.
    fn kill_during_sealing(&mut self) {
        self.delete_something();
        self.server.pass_seconds(15);
        thread::sleep(Duration::from_millis(self.random.word() % 1200));
        self.server.kill();
        self.count("sealing", false);
    }

    fn kill_during_decision(&mut self, decision: &'static str, longest: u64) {
        let waiting = self.something_waits();
        let (server, member) = (
            &self.server,
            if decision == "approve" {
                &mut self.ann
            } else {
                &mut self.bob
            },
        );
        // The oldest is approved, anyone can be rejected.
        let request = if decision == "approve" {
            waiting[0]
        } else {
            *self.random.pick(&waiting)
        };
        let moment = self.random.word() % longest;
        let page = member.open(server, &format!("/requests/{request}"));
        // restic was here, and the code for signing in is used up.
        server.pass_seconds(60);
        let said = thread::scope(|scope| {
            let deciding = scope.spawn(|| member.decide(server, &page, decision));
            thread::sleep(Duration::from_millis(moment));
            kill_process(server.pid());
            deciding.join().unwrap()
        });
        self.server.kill();
        if let Some(page) = &said {
            assert!(page.html.contains("id=\"decided\""), "{}", page.text());
            let state = if decision == "approve" {
                State::Approved
            } else {
                State::Rejected
            };
            self.decided.insert(request, state);
        }
        self.count(decision, said.is_some());
    }

    /// Uploads and deletes by hand, so that each one's acknowledgement is known.
    fn kill_during_requests(&mut self) {
        let raw = Raw::new(&format!("{}/restic/main/raw/", self.server.origin()), "laptop", TOKEN);
        assert_eq!(raw.create(), 200);
        let moment = self.random.word() % 400;
        let mut random = Random::new(self.random.word());
        let (pid, by_hand) = (self.server.pid(), &mut self.by_hand);
        thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    let bytes = random.bytes(2_000);
                    let key = ObjectKey::parse(ObjectKind::Data, &Sha256::of(&bytes).to_hex()).unwrap();
                    let path = format!("data/{}", key.name);
                    let Ok(sent) = raw.try_ask("POST", &path, &[], &bytes) else {
                        break;
                    };
                    assert_eq!(sent.status, 200);
                    by_hand.insert(key, true);
                    if random.below(3) == 0 {
                        // From here on it may be gone; once it is acknowledged it must be.
                        by_hand.remove(&key);
                        let Ok(deleted) = raw.try_ask("DELETE", &path, &[], b"") else {
                            break;
                        };
                        assert_eq!(deleted.status, 200);
                        by_hand.insert(key, false);
                    }
                }
            });
            thread::sleep(Duration::from_millis(moment));
            kill_process(pid);
        });
        self.server.kill();
        self.count("requests", false);
    }

    /// What waits for a decision; if nothing does, something is made to.
    fn something_waits(&mut self) -> Vec<RequestId> {
        let waiting = |server: &Server| {
            let left = Left::read(&server.data());
            let of_the_laptop =
                |request: &&RequestRecord| request.state == State::Pending && request.target.starts_with("main/laptop");
            let ids: Vec<_> = left
                .requests
                .iter()
                .filter(of_the_laptop)
                .map(|request| request.id)
                .collect();
            Some(ids).filter(|ids| !ids.is_empty())
        };
        if let Some(waiting) = waiting(&self.server) {
            return waiting;
        }
        self.delete_something();
        self.server.pass_seconds(15);
        eventually("a request to wait", || waiting(&self.server))
    }

    fn delete_something(&mut self) {
        while self.laptop.repository.snapshots().len() < 3 {
            let taken = self.laptop.work_and_back_up();
            self.acknowledged.push(taken);
        }
        let keep = (1 + self.random.below(2)).to_string();
        let arguments = ["--keep-last", &keep, "--prune", "--max-unused", "0"];
        self.laptop.repository.forget(&arguments).expect("forget");
    }

    /// Looks at a copy of what the killed server left, before another can tidy it up.
    fn look_at_what_is_left(&mut self) {
        let data = self.server.data();
        let copy = self.server.database_copy();
        let left = Left::read(copy.path());
        left.expect_whole(&data);
        for (id, state) in &self.decided {
            let request = left
                .requests
                .iter()
                .find(|request| request.id == *id)
                .expect("a decided request");
            assert_eq!(request.state, *state, "what was acknowledged of request {id}");
        }
        for taken in &self.acknowledged {
            let key = ObjectKey::parse(ObjectKind::Snapshots, &taken.id.0).unwrap();
            assert!(
                left.is_there(key) || left.was_approved(key),
                "acknowledged snapshot {}",
                taken.id.0
            );
        }
        for (key, seen) in &self.by_hand {
            if *seen {
                assert!(left.is_seen(*key), "an acknowledged upload: {key:?}");
            } else {
                assert!(!left.is_seen(*key), "an acknowledged delete: {key:?}");
                assert!(left.is_there(*key), "a held object: {key:?}");
            }
        }
    }

    /// What restic sees is whole, and the newest acknowledged snapshots that are seen restore to their bytes.
    fn expect_acknowledged(&mut self, most: usize) {
        let seen = self.laptop.repository.snapshots();
        self.laptop.repository.check().expect("restic check --read-data");
        let seen = self.acknowledged.iter().rev().filter(|taken| seen.contains(&taken.id));
        for taken in seen.take(most) {
            self.laptop.repository.expect_restores(&taken.id, &taken.tree);
        }
    }

    /// Everything that waits is rejected: what was not approved away is there.
    fn end(mut self) {
        self.server.pass_seconds(60);
        let waiting = self.something_waits();
        let page = self.bob.open(&self.server, &format!("/requests/{}", waiting[0]));
        self.server.pass_seconds(60);
        let said = self.bob.decide(&self.server, &page, "reject").expect("an answer");
        assert!(said.html.contains("id=\"decided\""), "{}", said.text());
        self.server.stop();
        let left = Left::read(&self.server.data());
        left.expect_whole(&self.server.data());
        self.server.start();
        let seen = self.laptop.repository.snapshots();
        for taken in &self.acknowledged {
            let key = ObjectKey::parse(ObjectKind::Snapshots, &taken.id.0).unwrap();
            assert_eq!(seen.contains(&taken.id), !left.was_approved(key), "{}", taken.id.0);
        }
        self.expect_acknowledged(usize::MAX);
        eprintln!("cut off, and ended before: {:?}", self.cut_off);
    }

    /// Kills the server at some moment, and what worked with it; whether that had ended well before.
    fn kill_after(&mut self, mut client: Child, longest: u64, what: &'static str) -> bool {
        thread::sleep(Duration::from_millis(self.random.word() % longest));
        self.server.kill();
        let ended = client.try_wait().unwrap().is_some_and(|status| status.success());
        client.kill().unwrap();
        client.wait().unwrap();
        self.count(what, ended);
        ended
    }

    fn count(&mut self, what: &'static str, ended: bool) {
        let (cut, done) = self.cut_off.entry(what).or_default();
        *if ended { done } else { cut } += 1;
    }
}

fn kill_process(pid: u32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// What a database says.
struct Left {
    requests: Vec<RequestRecord>,
    manifests: BTreeMap<RequestId, Manifest>,
    /// The events about each request.
    events: BTreeMap<RequestId, Vec<u32>>,
    objects: Vec<(BackupId, StoredObject)>,
}

impl Left {
    /// Of the database in this folder; a server may run on it.
    fn read(folder: &Path) -> Self {
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
    fn expect_whole(&self, data: &Path) {
        for request in &self.requests {
            let id = request.id;
            let events = self.events.get(&id).map_or(&[][..], Vec::as_slice);
            let expected: &[u32] = match request.state {
                State::Collecting | State::Closed => &[],
                State::Pending => &[42402],
                State::Approved => &[42402, 42403],
                State::Rejected => &[42402, 42404],
                State::Expired => &[42402, 42405],
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
                (State::Approved, effect) => {
                    assert_eq!(effect, Effect::Done, "{request:?}");
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

    fn is_there(&self, key: ObjectKey) -> bool {
        self.objects.iter().any(|(_, stored)| stored.object.key == key)
    }

    fn is_seen(&self, key: ObjectKey) -> bool {
        let mut objects = self.objects.iter();
        objects.any(|(_, stored)| stored.object.key == key && stored.held_by.is_none())
    }

    fn was_approved(&self, key: ObjectKey) -> bool {
        let mut approved = self.requests.iter().filter(|request| request.state == State::Approved);
        approved.any(|request| self.listed(request.id).iter().any(|(listed, _)| *listed == key))
    }
}
