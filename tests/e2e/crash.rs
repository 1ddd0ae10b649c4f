//! kill -9 at any moment: whatever was acknowledged is there afterwards, nothing is half done, and the repository is whole.
//!
//! 36 rounds each by default; `COUNTERSIGN_KILLS=1000` kills more often, `COUNTERSIGN_KILL_SEED=7` at other moments.

mod left;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use countersign_core::{
    ObjectKey, ObjectKind, RequestId, Sha256,
    request::{Effect, State},
};
use countersign_store::{RequestRecord, StoredObject};
use left::Left;

use crate::support::{
    clock::eventually,
    laptop::{Laptop, Taken, init_cheaply},
    raw::Raw,
    restic::{Restic, SnapshotId},
    server::{Member, Server, TOKEN},
    trees::Random,
};

#[test]
fn killed_at_any_moment_nothing_is_lost_nor_half_done() {
    Ordeal::run(0);
}

/// The same where what is approved waits for an hour: killed also while it waits, while it is vetoed, when its time has come, and while it
/// is purged.
#[test]
fn killed_at_any_moment_of_an_undo_window_nothing_is_lost_nor_half_done() {
    Ordeal::run(1);
}

/// How often the server is killed before all begins anew.
const ROUNDS: u64 = 36;

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
    /// What a page said was vetoed.
    vetoed: BTreeSet<RequestId>,
    /// How long what is approved waits.
    undo_hours: u32,
    /// What was answered by hand: an object that must be seen, or one that must be held.
    by_hand: BTreeMap<ObjectKey, bool>,
    /// How often each thing was cut off while it was under way, and how often it had ended before.
    cut_off: BTreeMap<&'static str, (u32, u32)>,
}

impl Ordeal {
    fn run(undo_hours: u32) {
        let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
        let (seed, kills) = (number("COUNTERSIGN_KILL_SEED", 1), number("COUNTERSIGN_KILLS", ROUNDS));
        // Each with another restic, and from an empty folder: what one has to look at grows with its rounds.
        for (more, first) in (0..kills).step_by(usize::try_from(ROUNDS).unwrap()).enumerate() {
            let mut ordeal = Self::begin(seed + u64::try_from(more).unwrap(), undo_hours);
            for round in 0..ROUNDS.min(kills - first) {
                ordeal.round(round);
            }
            ordeal.end();
        }
    }

    fn begin(seed: u64, undo_hours: u32) -> Self {
        let ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
        let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
        let mut server = Server::set_up_with_undo(&[&ann, &bob], undo_hours);
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
            vetoed: BTreeSet::new(),
            undo_hours,
            by_hand: BTreeMap::new(),
            cut_off: BTreeMap::new(),
        }
    }

    fn round(&mut self, round: u64) {
        let kinds = if self.undo_hours == 0 { 6 } else { 9 };
        match round % kinds {
            0 => self.kill_during_backup(),
            1 => self.kill_during_prune(),
            2 => self.kill_during_sealing(),
            3 => self.kill_during_decision("reject", 40),
            4 => self.kill_during_requests(),
            6 => self.kill_during_veto(),
            7 => self.kill_at_the_end_of_the_window(),
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
        // The newest is approved with all that are older, anyone can be rejected with all that are later.
        let request = if decision == "approve" {
            waiting[0]
        } else {
            *self.random.pick(&waiting)
        };
        let moment = moment(&mut self.random, longest);
        let page = member.open(server, &format!("/requests/{request}"));
        // restic was here, and the code for signing in is used up.
        server.pass_seconds(60);
        let said = thread::scope(|scope| {
            let deciding = scope.spawn(|| member.decide(server, &page, decision));
            thread::sleep(moment);
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

    /// Something that was approved can still be vetoed; if nothing can, something is approved.
    fn something_can_be_vetoed(&mut self) -> Vec<RequestId> {
        let waiting = |server: &Server| {
            let left = Left::read(&server.data());
            let can = |request: &&RequestRecord| request.waiting().is_some();
            let ids: Vec<_> = left.requests.iter().filter(can).map(|request| request.id).collect();
            Some(ids).filter(|ids| !ids.is_empty())
        };
        if let Some(waiting) = waiting(&self.server) {
            return waiting;
        }
        let request = self.something_waits()[0];
        let page = self.ann.open(&self.server, &format!("/requests/{request}"));
        self.server.pass_seconds(60);
        let said = self.ann.decide(&self.server, &page, "approve").expect("an answer");
        assert!(said.html.contains("id=\"decided\""), "{}", said.text());
        self.decided.insert(request, State::Approved);
        waiting(&self.server).expect("an approval that waits")
    }

    fn kill_during_veto(&mut self) {
        let waiting = self.something_can_be_vetoed();
        let request = *self.random.pick(&waiting);
        let moment = moment(&mut self.random, 40);
        let page = self.bob.open(&self.server, &format!("/requests/{request}"));
        self.server.pass_seconds(60);
        let (server, bob) = (&self.server, &mut self.bob);
        let said = thread::scope(|scope| {
            let deciding = scope.spawn(|| bob.veto(server, &page));
            thread::sleep(moment);
            kill_process(server.pid());
            deciding.join().unwrap()
        });
        self.server.kill();
        if let Some(page) = &said {
            assert_eq!(page.status, 200, "{}", page.text());
            self.vetoed.insert(request);
        }
        self.count("veto", said.is_some());
    }

    /// The server looks every second: for what has waited long enough, then it claims its objects and purges them.
    fn kill_at_the_end_of_the_window(&mut self) {
        self.something_can_be_vetoed();
        let begun = |server: &Server| {
            let left = Left::read(&server.data());
            let begun = |request: &&RequestRecord| matches!(request.effect, Effect::Due | Effect::Done);
            left.requests.iter().filter(begun).count()
        };
        let before = begun(&self.server);
        let objects = self.server.data().join("storages/1/objects/1");
        let files = files_below(&objects);
        self.server.pass_seconds(u64::from(self.undo_hours) * 3600 + 60);
        if self.random.below(3) == 0 {
            thread::sleep(Duration::from_millis(self.random.word() % 1500));
        } else {
            // As soon as the first bytes are gone, if they go: then their rows are not, or not all.
            for _ in 0..5000 {
                if files_below(&objects) < files {
                    break;
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        self.server.kill();
        let copy = self.server.database_copy();
        let left = Left::read(copy.path());
        let due = left.requests.iter().any(|request| request.effect == Effect::Due);
        let ended = left
            .requests
            .iter()
            .filter(|request| request.effect == Effect::Done)
            .count()
            > before;
        self.count(if due { "purge" } else { "window" }, ended);
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
            let vetoed = request.effect == Effect::Vetoed;
            assert!(vetoed || !self.vetoed.contains(id), "an acknowledged veto: {request:?}");
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
        let checked = self.laptop.repository.check();
        if !checked.succeeded() {
            // It cannot be made to happen again at will: what it came to is kept.
            let copy = self.server.database_copy().keep();
            eprintln!("{:?}; the database: {}", self.cut_off, copy.display());
            eprintln!("{:?}", Left::read(&copy).told());
        }
        checked.expect("restic check --read-data");
        let seen = self.acknowledged.iter().rev().filter(|taken| seen.contains(&taken.id));
        for taken in seen.take(most) {
            self.laptop.repository.expect_restores(&taken.id, &taken.tree);
        }
    }

    /// Everything that waits is rejected: what was not approved away is there.
    fn end(mut self) {
        self.server.pass_seconds(60);
        let waiting = self.something_waits();
        // The oldest takes every later one along.
        let oldest = waiting.iter().min().expect("a request");
        let page = self.bob.open(&self.server, &format!("/requests/{oldest}"));
        self.server.pass_seconds(60);
        let said = self.bob.decide(&self.server, &page, "reject").expect("an answer");
        assert!(said.html.contains("id=\"decided\""), "{}", said.text());
        if self.undo_hours > 0 {
            let waiting = self.something_can_be_vetoed();
            let oldest = waiting.iter().min().expect("an approval");
            let page = self.bob.open(&self.server, &format!("/requests/{oldest}"));
            self.server.pass_seconds(60);
            let said = self.bob.veto(&self.server, &page).expect("an answer");
            assert_eq!(said.status, 200, "{}", said.text());
        }
        self.server.stop();
        let left = Left::read(&self.server.data());
        left.expect_whole(&self.server.data());
        self.server.start();
        let seen = self.laptop.repository.snapshots();
        for taken in &self.acknowledged {
            let key = ObjectKey::parse(ObjectKind::Snapshots, &taken.id.0).unwrap();
            let held = left.objects.iter().find(|(_, stored)| stored.object.key == key);
            let held = held.and_then(|(_, stored)| stored.held_by);
            let by = left.requests.iter().find(|request| Some(request.id) == held);
            let is_seen = seen.contains(&taken.id);
            assert_eq!(is_seen, !left.was_approved(key), "{}, held by {by:?}", taken.id.0);
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

/// A moment of what takes so many milliseconds where much else runs, and a few where nothing does.
fn moment(random: &mut Random, longest: u64) -> Duration {
    let longest = if random.below(2) == 0 { longest } else { longest / 8 };
    Duration::from_micros(random.word() % (longest * 1000))
}

/// How many files lie there; some may be on their way out.
fn files_below(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files_below(&entry.path()),
        Ok(_) => 1,
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(count).sum()
}

fn kill_process(pid: u32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
