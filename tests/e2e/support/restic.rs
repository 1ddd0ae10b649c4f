//! restic, as its users run it: one password, one cache of its own, the repository by its environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{counterparts, process::Outcome, trees::Tree};

/// One of the restics that are here.
#[derive(Clone, Debug)]
pub struct Restic {
    program: PathBuf,
    /// Major and minor.
    pub version: (u32, u32),
}

impl Restic {
    /// Every restic to test with: the stable release's 0.14 and the newer one; on a newer system the latter alone.
    pub fn all() -> Vec<Self> {
        let newer = counterparts::folder().join("restic-0.18/usr/bin/restic");
        let mut all = vec![Self::at(counterparts::program("restic"))];
        if newer.is_file() {
            all.push(Self::at(newer));
        }
        assert!(
            all.iter().any(|restic| restic.version >= (0, 18)),
            "no restic >= 0.18: run scripts/counterparts"
        );
        all
    }

    pub fn newest() -> Self {
        Self::all()
            .into_iter()
            .max_by_key(|restic| restic.version)
            .expect("there is one")
    }

    pub fn oldest() -> Self {
        Self::all()
            .into_iter()
            .min_by_key(|restic| restic.version)
            .expect("there is one")
    }

    fn at(program: PathBuf) -> Self {
        let said = Outcome::of(Command::new(&program).arg("version"))
            .expect("restic version")
            .stdout;
        let mut numbers = said
            .split([' ', '.'])
            .skip(1)
            .map(|number| number.parse().expect("restic X.Y.Z"));
        Self {
            program,
            version: (numbers.next().unwrap(), numbers.next().unwrap()),
        }
    }

    /// The repository at `url`, seen by this restic on one machine.
    pub fn repository(&self, url: &str) -> Repository {
        Repository {
            restic: self.clone(),
            url: url.to_owned(),
            password: "correct horse battery staple".to_owned(),
            machine: tempfile::tempdir().unwrap(),
        }
    }
}

/// A repository as one machine sees it: the machine has its own cache.
pub struct Repository {
    pub restic: Restic,
    url: String,
    password: String,
    machine: TempDir,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId(pub String);

impl Repository {
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.restic.program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.machine.path())
            .env("RESTIC_CACHE_DIR", self.machine.path().join("cache"))
            .env("RESTIC_PROGRESS_FPS", "0.01")
            .env("RESTIC_REPOSITORY", &self.url)
            .env("RESTIC_PASSWORD", &self.password);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }

    /// Starts it and goes on, to be killed or waited for.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub fn init(&self) {
        self.run(&["init"]).expect("restic init");
    }

    /// Backs up what `folder` holds, without the way there.
    #[track_caller]
    pub fn backup(&self, folder: &Path) -> SnapshotId {
        let outcome = self.try_backup(folder, &[]).expect("restic backup");
        let summary = outcome
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|message| message["message_type"] == "summary")
            .expect("restic backup ends with a summary");
        SnapshotId(self.full_id(summary["snapshot_id"].as_str().expect("the summary names the snapshot")))
    }

    pub fn try_backup(&self, folder: &Path, options: &[&str]) -> Outcome {
        let arguments = [&["backup", "--json", "--host", "laptop"], options, &["."]].concat();
        Outcome::of(self.command(arguments).current_dir(folder))
    }

    /// restic 0.14 names a new snapshot by the first eight digits of its id.
    fn full_id(&self, short: &str) -> String {
        let SnapshotId(full) = self
            .snapshots()
            .into_iter()
            .find(|SnapshotId(id)| id.starts_with(short))
            .unwrap_or_else(|| panic!("the new snapshot {short} is not listed"));
        full
    }

    /// Oldest first. Like all that only reads here without a lock: restic rests for 200 ms after each.
    #[track_caller]
    pub fn snapshots(&self) -> Vec<SnapshotId> {
        let list = self
            .run(&["--no-lock", "snapshots", "--json"])
            .expect("restic snapshots")
            .stdout;
        let list: Vec<Value> = serde_json::from_str(list.trim()).expect("restic prints JSON");
        list.iter()
            .map(|snapshot| SnapshotId(snapshot["id"].as_str().expect("an id").to_owned()))
            .collect()
    }

    /// The hash of what a snapshot holds: the same for the same content.
    pub fn tree_hash(&self, id: &SnapshotId) -> String {
        let snapshot = self
            .run(&["cat", "snapshot", &id.0])
            .expect("restic cat snapshot")
            .stdout;
        let snapshot: Value = serde_json::from_str(&snapshot).expect("restic prints JSON");
        snapshot["tree"].as_str().expect("a tree").to_owned()
    }

    pub fn forget(&self, arguments: &[&str]) -> Outcome {
        self.run(&[&["forget"], arguments].concat())
    }

    pub fn prune(&self) -> Outcome {
        self.run(&["prune", "--max-unused", "0"])
    }

    pub fn tag(&self, tag: &str, id: &SnapshotId) -> Outcome {
        self.run(&["tag", "--add", tag, &id.0])
    }

    pub fn repair_index(&self) -> Outcome {
        if self.restic.version >= (0, 16) {
            self.run(&["repair", "index"])
        } else {
            self.run(&["rebuild-index"])
        }
    }

    /// Removes the locks that are stale, or all of them.
    pub fn unlock(&self, all: bool) -> Outcome {
        if all {
            self.run(&["unlock", "--remove-all"])
        } else {
            self.run(&["unlock"])
        }
    }

    /// Adds a password; the repository goes on with the present one.
    pub fn key_add(&self, password: &str) -> Outcome {
        let file = self.machine.path().join("new-password");
        fs::write(&file, password).unwrap();
        self.run(&[
            "key",
            "add",
            "--new-password-file",
            file.to_str().expect("the path is UTF-8"),
        ])
    }

    /// The ids of the keys, the one in use last.
    pub fn keys(&self) -> Vec<String> {
        let list = self.run(&["key", "list", "--json"]).expect("restic key list").stdout;
        let mut list: Vec<Value> = serde_json::from_str(list.trim()).expect("restic prints JSON");
        list.sort_by_key(|key| key["current"].as_bool());
        list.iter()
            .map(|key| key["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    pub fn key_remove(&self, id: &str) -> Outcome {
        self.run(&["key", "remove", id])
    }

    /// The same repository, opened with another password, on the same machine's terms.
    pub fn with_password(&self, password: &str) -> Self {
        Self {
            password: password.to_owned(),
            ..self.restic.repository(&self.url)
        }
    }

    /// Reads everything there is and holds it against its hashes.
    pub fn check(&self) -> Outcome {
        self.run(&["check", "--read-data"])
    }

    /// Restores a snapshot and compares every byte.
    #[track_caller]
    pub fn expect_restores(&self, id: &SnapshotId, tree: &Tree) {
        let target = tempfile::tempdir().unwrap();
        let path = target.path().to_str().expect("the path is UTF-8");
        self.run(&["--no-lock", "restore", &id.0, "--target", path])
            .expect("restic restore");
        let difference = tree.difference(&Tree::read(target.path()));
        assert!(
            difference.is_empty(),
            "snapshot {} restored otherwise: {difference:#?}",
            id.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::trees::Random;

    /// The driver against a local folder: what it says of our server, it would have seen go wrong elsewhere, too.
    #[test]
    fn every_restic_backs_up_forgets_and_restores() {
        for restic in Restic::all() {
            let folder = tempfile::tempdir().unwrap();
            let repository = restic.repository(folder.path().join("repository").to_str().unwrap());
            repository.init();
            let mut random = Random::new(1);
            let mut tree = Tree::random(&mut random, 8, 20_000);
            let source = folder.path().join("source");
            tree.write(&source);
            let first = repository.backup(&source);
            let first_tree = tree.clone();
            tree.change(&mut random, 20_000);
            tree.write(&source);
            let second = repository.backup(&source);
            assert_eq!(repository.snapshots(), [first.clone(), second.clone()], "{restic:?}");
            repository.expect_restores(&first, &first_tree);
            repository.check().expect("check");
            repository.tag("kept", &second).expect("tag");
            repository.forget(&["--keep-last", "1", "--prune"]).expect("forget");
            repository.repair_index().expect("repair");
            let left = repository.snapshots();
            assert_eq!(left.len(), 1);
            repository.expect_restores(&left[0], &tree);
            repository.key_add("another one").expect("key add");
            let keys = repository.keys();
            assert_eq!(keys.len(), 2);
            repository.key_remove(&keys[0]).expect("key remove");
            assert!(!repository.with_password("another one").run(&["snapshots"]).succeeded());
            repository.unlock(true).expect("unlock");
            repository.prune().expect("prune");
        }
    }

    #[test]
    fn a_flipped_byte_in_a_pack_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("repository");
        let repository = Restic::newest().repository(at.to_str().unwrap());
        repository.init();
        let source = folder.path().join("source");
        Tree::random(&mut Random::new(2), 4, 5_000).write(&source);
        repository.backup(&source);
        let mut packs = Tree::read(&at.join("data"));
        packs.flip_a_byte();
        packs.write(&at.join("data"));
        assert!(!repository.check().succeeded());
    }
}
