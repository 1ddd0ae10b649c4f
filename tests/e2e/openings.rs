//! What the server reads in a repository with its password is what the client itself shows.

use std::{fs, path::Path};

use countersign::repository::{KeyFile, MasterKey, Snapshot, Unopened};
use serde_json::Value;

use crate::support::{
    process::Outcome,
    restic::{Repository, Restic},
    rustic::Rustic,
};

const PASSWORD: &str = "correct horse battery staple";

/// Every file of a folder of a repository.
fn files(repository: &Path, kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fs::read_dir(repository.join(kind)).unwrap();
    let mut files: Vec<_> = folder
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn opened(repository: &Path, password: &str) -> Result<MasterKey, Unopened> {
    let keys = files(repository, "keys");
    KeyFile::open_any(keys.iter().map(|(_, bytes)| bytes.as_slice()), password)
}

/// What we read of each snapshot beside what the client says of it.
fn compare(repository: &Path, said: &[Value]) {
    assert_eq!(opened(repository, "wrong").unwrap_err(), Unopened::WrongPassword);
    let key = opened(repository, PASSWORD).unwrap();
    let snapshots = files(repository, "snapshots");
    assert_eq!(snapshots.len(), said.len());
    for (name, bytes) in snapshots {
        let read = Snapshot::open(&key, &bytes).unwrap();
        let said = said.iter().find(|said| said["id"] == name.as_str()).unwrap();
        let words = |field: &str| -> Vec<String> {
            let list = said[field].as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(read.time, said["time"].as_str().unwrap());
        assert_eq!(read.host, said["hostname"].as_str().unwrap());
        assert_eq!(read.user, said["username"].as_str().unwrap_or_default());
        assert_eq!((read.paths, read.tags), (words("paths"), words("tags")));
        assert_eq!(read.bytes, said["summary"]["total_bytes_processed"].as_u64());
    }
}

fn work(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("letter"), "dear all\n".repeat(1000)).unwrap();
}

fn back_up(repository: &Repository, folder: &Path) {
    for tags in [&["--tag", "weekly,é"][..], &[]] {
        repository.try_backup(folder, tags).expect("restic backup");
    }
}

#[test]
fn what_is_read_of_a_snapshot_is_what_restic_says() {
    for restic in Restic::all() {
        for version in ["1", "2"] {
            let folder = tempfile::tempdir().unwrap();
            let (place, tree) = (folder.path().join("repository"), folder.path().join("work"));
            let repository = restic.repository(place.to_str().unwrap());
            let init = repository.run(&["init", "--repository-version", version]);
            init.expect("restic init");
            work(&tree);
            back_up(&repository, &tree);
            // Another key, of another password, does not stand in the way.
            repository.key_add("another").expect("restic key add");
            let said = repository
                .run(&["--no-lock", "snapshots", "--json"])
                .expect("restic snapshots");
            let said: Vec<Value> = serde_json::from_str(said.stdout.trim()).unwrap();
            compare(&place, &said);
        }
    }
}

#[test]
fn what_is_read_of_a_snapshot_is_what_rustic_says() {
    let folder = tempfile::tempdir().unwrap();
    let (place, tree) = (folder.path().join("repository"), folder.path().join("work"));
    let rustic = Rustic::new(place.to_str().unwrap());
    rustic.init();
    work(&tree);
    rustic.backup(&tree);
    let said: Outcome = rustic.run(&["snapshots", "--json"]).expect("rustic snapshots");
    let groups: Vec<Value> = serde_json::from_str(&said.stdout).unwrap();
    let said: Vec<Value> = groups
        .iter()
        .flat_map(|group| group["snapshots"].as_array().unwrap().clone())
        .collect();
    compare(&place, &said);
}
