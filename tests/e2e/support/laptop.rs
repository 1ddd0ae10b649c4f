//! A machine whose owner works in a folder and backs it up with restic.

use std::path::PathBuf;

use countersign_core::Sha256;
use tempfile::TempDir;

use super::{
    house::House,
    raw::Raw,
    restic::{Repository, Restic, SnapshotId},
    trees::{Random, Tree},
};

/// The password of every repository here is restic.rs's; opening this one costs no key derivation to speak of, and a
/// test opens it some hundred times.
const CONFIG: &[u8] = include_bytes!("cheap-repository/config");
const KEY: &[u8] = include_bytes!("cheap-repository/key.json");

/// Small, so that a whole backup takes a fraction of a second.
const LARGEST_FILE: usize = 3_000;

pub struct Laptop {
    pub repository: Repository,
    work: TempDir,
    tree: Tree,
    random: Random,
}

/// A snapshot, and what must come out of it for ever.
#[derive(Clone)]
pub struct Taken {
    pub id: SnapshotId,
    pub tree: Tree,
}

impl Laptop {
    /// A laptop with an empty repository in this house.
    pub fn of(house: &House, restic: &Restic, seed: u64) -> Self {
        init_cheaply(&house.raw("laptop"));
        Self::at(restic.repository(&house.url()), seed)
    }

    /// A laptop with this repository.
    pub fn at(repository: Repository, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            repository,
            work: tempfile::tempdir().unwrap(),
            tree: Tree::random(&mut random, 8, LARGEST_FILE),
            random,
        }
    }

    /// A day's work, then a backup.
    #[track_caller]
    pub fn work_and_back_up(&mut self) -> Taken {
        let work = self.work();
        Taken {
            id: self.repository.backup(&work),
            tree: self.tree.clone(),
        }
    }

    /// A day's work; where it lies.
    pub fn work(&mut self) -> PathBuf {
        self.tree.change(&mut self.random, LARGEST_FILE);
        let work = self.work.path().join("work");
        self.tree.write(&work);
        work
    }

    /// What lies in the folder now.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Several days.
    #[track_caller]
    pub fn days(&mut self, days: usize) -> Vec<Taken> {
        (0..days).map(|_| self.work_and_back_up()).collect()
    }

    /// Exactly these snapshots are seen, every one restores to its bytes, and nothing is wrong with the repository.
    #[track_caller]
    pub fn expect(&self, taken: &[Taken]) {
        let mut expected: Vec<_> = taken.iter().map(|taken| taken.id.clone()).collect();
        let mut seen = self.repository.snapshots();
        expected.sort();
        seen.sort();
        assert_eq!(seen, expected, "the snapshots that restic sees");
        self.repository.check().expect("restic check --read-data");
        for taken in taken {
            self.repository.expect_restores(&taken.id, &taken.tree);
        }
    }
}

/// What `init` does, with a key that costs nothing to open.
pub fn init_cheaply(raw: &Raw) {
    assert_eq!(raw.create(), 200);
    assert_eq!(raw.put_as(&format!("keys/{}", Sha256::of(KEY).to_hex()), KEY), 200);
    assert_eq!(raw.put_as("config", CONFIG), 200);
}
