//! rustic, which takes no locks and repacks between its deletes.

use std::{ffi::OsStr, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use super::{counterparts, process::Outcome, restic::SnapshotId, trees::Tree};

/// A repository as one machine with rustic sees it.
pub struct Rustic {
    url: String,
    password: String,
    machine: TempDir,
}

impl Rustic {
    /// `url` as rustic writes it: a folder, or `rest:http://…`.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            password: "correct horse battery staple".to_owned(),
            machine: tempfile::tempdir().unwrap(),
        }
    }

    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(counterparts::brought("rustic/bin/rustic"));
        command
            .args(arguments)
            .current_dir(self.machine.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.machine.path())
            .env("RUSTIC_CACHE_DIR", self.machine.path().join("cache"))
            .env("RUSTIC_NO_PROGRESS", "true")
            .env("RUSTIC_REPOSITORY", &self.url)
            .env("RUSTIC_PASSWORD", &self.password);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }

    pub fn init(&self) {
        self.run(&["init"]).expect("rustic init");
    }

    #[track_caller]
    pub fn backup(&self, folder: &Path) -> SnapshotId {
        let mut command = self.command(["backup", "--json", "--host", "laptop", "--as-path", "/", "."]);
        let summary = Outcome::of(command.current_dir(folder)).expect("rustic backup").stdout;
        let summary: Value = serde_json::from_str(&summary).expect("rustic prints JSON");
        SnapshotId(
            summary["id"]
                .as_str()
                .expect("the summary names the snapshot")
                .to_owned(),
        )
    }

    /// Oldest first.
    #[track_caller]
    pub fn snapshots(&self) -> Vec<SnapshotId> {
        let groups = self.run(&["snapshots", "--json"]).expect("rustic snapshots").stdout;
        let groups: Vec<Value> = serde_json::from_str(&groups).expect("rustic prints JSON");
        let mut snapshots: Vec<(String, SnapshotId)> = groups
            .iter()
            .flat_map(|group| group["snapshots"].as_array().expect("a group of snapshots"))
            .map(|snapshot| {
                let text = |key: &str| snapshot[key].as_str().unwrap_or_else(|| panic!("no {key}")).to_owned();
                (text("time"), SnapshotId(text("id")))
            })
            .collect();
        snapshots.sort();
        snapshots.into_iter().map(|(_, id)| id).collect()
    }

    pub fn forget(&self, arguments: &[&str]) -> Outcome {
        self.run(&[&["forget"], arguments].concat())
    }

    /// Deletes unused packs now, not after a day as is its default.
    pub fn prune(&self) -> Outcome {
        self.run(&["prune", "--instant-delete", "--max-unused", "0"])
    }

    pub fn check(&self) -> Outcome {
        self.run(&["check", "--read-data"])
    }

    #[track_caller]
    pub fn expect_restores(&self, id: &SnapshotId, tree: &Tree) {
        let target = tempfile::tempdir().unwrap();
        self.run(&["restore", &id.0, target.path().to_str().expect("the path is UTF-8")])
            .expect("rustic restore");
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
    use crate::support::{restic::Restic, trees::Random};

    #[test]
    fn rustic_backs_up_prunes_and_restores_what_restic_reads() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("repository");
        let at = at.to_str().unwrap();
        let rustic = Rustic::new(at);
        rustic.init();
        let mut random = Random::new(1);
        let mut tree = Tree::random(&mut random, 8, 20_000);
        let source = folder.path().join("source");
        tree.write(&source);
        let first = rustic.backup(&source);
        rustic.expect_restores(&first, &tree);
        tree.change(&mut random, 20_000);
        tree.write(&source);
        let second = rustic.backup(&source);
        assert_eq!(rustic.snapshots(), [first.clone(), second.clone()]);
        rustic.forget(&[&first.0]).expect("forget");
        rustic.prune().expect("prune");
        rustic.check().expect("check");
        assert_eq!(rustic.snapshots(), std::slice::from_ref(&second));
        Restic::newest().repository(at).expect_restores(&second, &tree);
    }
}
