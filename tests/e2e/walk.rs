//! A random walk through everything that clients and people do, as the one that found the laws: after every step the
//! repository is whole, and what is seen restores to the bytes that were backed up.
//!
//! Four walks by default; `COUNTERSIGN_WALKS=100` walks a hundred, `COUNTERSIGN_WALK_FROM=37` begins with that seed.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use countersign_core::RequestId;

use crate::support::{
    clock::eventually,
    house::House,
    laptop::Laptop,
    proxy::{Failure, Proxy},
    restic::{Restic, SnapshotId},
    trees::{Random, Tree},
};

const STEPS: usize = 60;
const MOST_SNAPSHOTS: usize = 6;
const MOST_WAITING: usize = 4;
/// After a rejection, in seconds: a third of a day, and a minute.
const REST: i64 = 8 * 3600 + 60;

#[test]
fn a_random_walk_never_loses_a_byte() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (first, walks) = (number("COUNTERSIGN_WALK_FROM", 1), number("COUNTERSIGN_WALKS", 4));
    let next = AtomicU64::new(first);
    // restic rests as long as it works, so there is room for two on a core.
    let threads = thread::available_parallelism().map_or(2, usize::from) * 2;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + walks {
                        break;
                    }
                    Walk::begin(seed).run();
                }
            });
        }
    });
}

/// A house, and what must be true of it.
struct Walk {
    seed: u64,
    random: Random,
    house: House,
    restic: Restic,
    laptop: Laptop,
    /// What must come out of a snapshot, by the hash of its tree; a tag changes the id, not that.
    bytes: HashMap<String, Tree>,
    /// Every snapshot there was, oldest first, and where it is now.
    snapshots: Vec<(SnapshotId, Whereabouts)>,
    /// What was done, for whoever has to find out why it went wrong.
    diary: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    Seen,
    /// Deleted, and not yet part of a request.
    Collected,
    Waiting(RequestId),
    Purged,
}

impl Drop for Walk {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "── seed {} with {:?}, so far ──\n{}",
                self.seed, self.restic, self.diary
            );
        }
    }
}

impl Walk {
    fn begin(seed: u64) -> Self {
        let all = Restic::all();
        // Every restic in turn.
        let restic = all[usize::try_from(seed).unwrap() % all.len()].clone();
        let house = House::four_eyes();
        Self {
            seed,
            random: Random::new(seed),
            laptop: Laptop::of(&house, &restic, seed),
            house,
            restic,
            bytes: HashMap::new(),
            snapshots: Vec::new(),
            diary: String::new(),
        }
    }

    fn run(mut self) {
        self.back_up();
        self.back_up();
        for step in 0..STEPS {
            let _ = write!(self.diary, "{step}: ");
            self.step();
            self.diary.push('\n');
            self.expect_whole(step == STEPS - 1);
        }
    }

    fn step(&mut self) {
        let (seen, waiting) = (self.seen().len(), self.house.waiting().len());
        match self.random.below(16) {
            _ if waiting >= MOST_WAITING => self.decide(),
            _ if seen >= MOST_SNAPSHOTS => self.forget(true),
            _ if seen == 0 => self.back_up(),
            0..=3 => self.back_up(),
            4..=5 => self.forget(false),
            6..=7 => self.forget(true),
            8 => self.prune(),
            9 => self.prune_and_die(),
            10 => self.tag(),
            11 => self.repair(),
            _ => self.decide(),
        }
        if self.random.below(3) > 0 {
            self.quiet();
        }
    }

    fn back_up(&mut self) {
        self.diary.push_str("backup");
        let taken = self.laptop.work_and_back_up();
        let tree = self.tree_hash(&taken.id);
        self.bytes.insert(tree, taken.tree);
        self.snapshots.push((taken.id, Whereabouts::Seen));
    }

    fn forget(&mut self, prune: bool) {
        let seen = self.seen();
        let one = self.random.pick(&seen).clone();
        let keep = 1 + self.random.below(3);
        let last = keep.to_string();
        let by_policy = self.random.below(2) == 0;
        let prune: &[&str] = if prune { &["--prune", "--max-unused", "0"] } else { &[] };
        if by_policy {
            let _ = write!(self.diary, "forget --keep-last {keep} {prune:?}");
            let arguments = [&["--keep-last", &last, "--group-by", ""], prune].concat();
            self.laptop.repository.forget(&arguments).expect("forget");
        } else {
            let _ = write!(self.diary, "forget {} {prune:?}", one.0);
            self.laptop
                .repository
                .forget(&[&[&*one.0], prune].concat())
                .expect("forget");
        }
        let left = self.laptop.repository.snapshots();
        let expected = if by_policy {
            keep.min(seen.len())
        } else {
            seen.len() - 1
        };
        assert_eq!(left.len(), expected);
        self.moved(Whereabouts::Collected, |id, at| {
            at == Whereabouts::Seen && !left.contains(id)
        });
    }

    fn prune(&mut self) {
        self.diary.push_str("prune");
        self.laptop.repository.prune().expect("prune");
    }

    /// A prune that is cut off before one of its deletes; its lock is taken away by hand.
    fn prune_and_die(&mut self) {
        let nth = 1 + self.random.below(5);
        let _ = write!(self.diary, "prune killed at delete {nth}");
        let proxy = Proxy::failing(self.house.address(), "DELETE ", nth, Failure::Hang);
        let cut_off = self.restic.repository(&self.house.url_through(proxy.address()));
        let mut prune = cut_off.spawn(&["prune", "--max-unused", "0"]);
        eventually("prune to delete or to end", || {
            (proxy.hits() >= nth || prune.try_wait().unwrap().is_some()).then_some(())
        });
        prune.kill().unwrap();
        prune.wait().unwrap();
        self.laptop.repository.unlock(true).expect("unlock");
    }

    fn tag(&mut self) {
        let one = self.random.pick(&self.seen()).clone();
        let tag = format!("tag-{}", self.random.below(1000));
        let _ = write!(self.diary, "tag {}", one.0);
        self.laptop.repository.tag(&tag, &one).expect("tag");
        let known = self.seen();
        let now = self.laptop.repository.snapshots();
        let new = now
            .iter()
            .find(|id| !known.contains(id))
            .expect("a tagged snapshot")
            .clone();
        self.moved(Whereabouts::Collected, |id, _| *id == one);
        self.snapshots.push((new, Whereabouts::Seen));
    }

    fn repair(&mut self) {
        self.diary.push_str("repair index");
        self.laptop.repository.repair_index().expect("repair index");
    }

    /// Somebody looks at what waits: approves some of the oldest, rejects one of them, or nobody decides in time.
    fn decide(&mut self) {
        self.quiet();
        let waiting: Vec<_> = self.house.waiting().iter().map(|request| request.id).collect();
        if waiting.is_empty() {
            return self.diary.push_str("nothing to decide");
        }
        let at = self.random.below(waiting.len());
        match self.random.below(5) {
            0 | 1 => {
                let approved = &waiting[..=at];
                let _ = write!(self.diary, "approve {approved:?} of {waiting:?}");
                self.house.approve(&self.house.ann, approved).unwrap();
                self.moved(Whereabouts::Purged, |_, at| {
                    approved.iter().any(|id| at == Whereabouts::Waiting(*id))
                });
            }
            2 | 3 => {
                let _ = write!(self.diary, "reject {:?} of {waiting:?}", waiting[at]);
                let rejected = self.house.reject(&self.house.bob, waiting[at]).unwrap();
                assert_eq!(rejected, waiting[at..]);
                self.came_back(&rejected);
                // What is rejected three times in a day is refused: nobody rejects so often here.
                self.house.pass_seconds(REST);
            }
            _ => {
                let _ = write!(self.diary, "let {waiting:?} expire");
                self.house.pass_seconds(7 * 86_400);
                assert_eq!(self.house.expire_overdue(), waiting.len());
                self.came_back(&waiting);
            }
        }
        self.expect_all();
    }

    /// The quiet time passes, and what was collected becomes a request.
    fn quiet(&mut self) {
        if self.house.quiet() == 0 {
            return;
        }
        let newest = self.house.requests().last().expect("what was sealed").id;
        let _ = write!(self.diary, ", sealed {newest:?}");
        self.moved(Whereabouts::Waiting(newest), |_, at| at == Whereabouts::Collected);
    }

    fn came_back(&mut self, rejected: &[RequestId]) {
        self.moved(Whereabouts::Seen, |_, at| {
            rejected.iter().any(|id| at == Whereabouts::Waiting(*id))
        });
    }

    fn moved(&mut self, to: Whereabouts, which: impl Fn(&SnapshotId, Whereabouts) -> bool) {
        for (id, at) in &mut self.snapshots {
            if which(id, *at) {
                *at = to;
            }
        }
    }

    fn seen(&self) -> Vec<SnapshotId> {
        let seen = self.snapshots.iter().filter(|(_, at)| *at == Whereabouts::Seen);
        seen.map(|(id, _)| id.clone()).collect()
    }

    /// What must be true after every step.
    fn expect_whole(&mut self, all: bool) {
        let mut seen = self.laptop.repository.snapshots();
        let mut expected = self.seen();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "the snapshots that restic sees");
        self.laptop.repository.check().expect("restic check --read-data");
        if all {
            self.expect_all();
        } else if !expected.is_empty() {
            let one = self.random.pick(&self.seen()).clone();
            self.expect_restores(&one);
        }
    }

    fn expect_all(&self) {
        for id in self.seen() {
            self.expect_restores(&id);
        }
    }

    fn expect_restores(&self, id: &SnapshotId) {
        let tree = &self.bytes[&self.tree_hash(id)];
        self.laptop.repository.expect_restores(id, tree);
    }

    fn tree_hash(&self, id: &SnapshotId) -> String {
        self.laptop.repository.tree_hash(id)
    }
}
