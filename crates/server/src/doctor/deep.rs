//! Reads every byte that is kept and compares it with what was received: what was changed or removed behind the server's back shows here.

use std::path::{Path, PathBuf};

use countersign_core::ObjectKey;
use countersign_store::{Backup, Storage, StoreError, StoredObject, View};
use countersign_vault::files::{Measured, Place, is_marked, measure_beside};

use super::Finding;
use crate::app::DATABASE;
use crate::pages::{Bytes, Count};

const ABOUT: &str = "objects";

/// How many objects are told one by one.
const MOST: usize = 100;

const ADVICE: &str = "put the file back from a copy of the data folder, or back up again; the disk and whoever can write to it are to be looked at";

/// Reads all objects of all storages, visible and held. Beside a running server, what goes meanwhile is none that is missing.
pub(super) async fn examine(data: &Path) -> Vec<Finding> {
    let path = data.join(DATABASE);
    if !path.exists() {
        return Vec::new();
    }
    let mut tally = Tally::default();
    match read_all(&path, data, &mut tally).await {
        Ok(()) => tally.findings(),
        Err(error) => vec![Finding::problem(
            ABOUT,
            format!("the list of objects cannot be read: {error}"),
            "run this as the account that runs the server, with the same version",
        )],
    }
}

#[derive(Default)]
struct Tally {
    objects: u64,
    bytes: u64,
    wrong: Vec<String>,
    more: usize,
}

impl Tally {
    fn found(&mut self, what: String) {
        if self.wrong.len() < MOST {
            self.wrong.push(what);
        } else {
            self.more += 1;
        }
    }

    fn findings(self) -> Vec<Finding> {
        let read = format!("{} read, {}", Count(self.objects).of("object"), Bytes(self.bytes));
        if self.wrong.is_empty() {
            return vec![Finding::good(ABOUT, format!("{read}: each is as it was received"))];
        }
        let mut all: Vec<_> = self
            .wrong
            .into_iter()
            .map(|what| Finding::problem(ABOUT, what, ADVICE))
            .collect();
        if self.more > 0 {
            all.push(Finding::problem(ABOUT, format!("and {} more", self.more), ADVICE));
        }
        all
    }
}

async fn read_all(path: &Path, data: &Path, tally: &mut Tally) -> Result<(), StoreError> {
    let mut view = View::beside(path).await?;
    let backups = view.backups().await?;
    for storage in view.storages().await? {
        let root = root(data, &storage);
        if storage.marker.as_ref().is_some_and(|marker| !is_marked(&root, marker)) {
            tally.found(format!(
                "the folder of storage {} is not the one that was added: {}",
                storage.spec.name,
                root.display()
            ));
            continue;
        }
        for backup in backups.iter().filter(|backup| backup.storage_id == storage.id) {
            read_backup(&mut view, &root, backup, tally).await?;
        }
    }
    Ok(())
}

fn root(data: &Path, storage: &Storage) -> PathBuf {
    match &storage.spec.path {
        Some(path) => path.as_str().into(),
        None => data.join("storages").join(storage.id.to_string()),
    }
}

async fn read_backup(view: &mut View, root: &Path, backup: &Backup, tally: &mut Tally) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let objects = view.objects_after(backup.id, after).await?;
        let Some(last) = objects.last() else { return Ok(()) };
        after = Some(last.object.key);
        for stored in objects.iter().filter(|stored| !stored.claimed) {
            let key = stored.object.key;
            let place = Place { backup: backup.id, key };
            let measured = measure_beside(root, &place);
            if let Ok(Some(measured)) = measured {
                tally.objects += 1;
                tally.bytes += measured.size;
            }
            if let Some(wrong) = wrong(stored, &measured)
                && is_still_kept(view, backup, key).await?
            {
                tally.found(format!("{}/{key}{} {wrong}", backup.path(), holder(stored)));
            }
        }
    }
}

/// It may have been purged since it was listed.
async fn is_still_kept(view: &mut View, backup: &Backup, key: ObjectKey) -> Result<bool, StoreError> {
    let now = view.object(backup.id, key).await?;
    Ok(now.is_some_and(|stored| !stored.claimed))
}

fn holder(stored: &StoredObject) -> String {
    stored
        .held_by
        .map(|request| format!(" (held by request {request})"))
        .unwrap_or_default()
}

fn wrong(stored: &StoredObject, measured: &std::io::Result<Option<Measured>>) -> Option<String> {
    let object = &stored.object;
    match measured {
        Ok(Some(measured)) if measured.size != object.size => Some(format!(
            "was changed: it has {} bytes and had {}",
            measured.size, object.size
        )),
        Ok(Some(measured)) if measured.hash != object.hash => Some(format!(
            "was changed: its SHA-256 is {} and was {}",
            measured.hash, object.hash
        )),
        Ok(Some(_)) => None,
        Ok(None) => Some("is missing".to_owned()),
        Err(error) => Some(format!("cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use crate::testing::office::Office;

    #[tokio::test]
    async fn a_changed_and_a_missing_object_are_found_and_a_held_one_with_its_request() {
        let office = Office::open().await;
        office.snapshot("kept").await;
        let changed = office.snapshot("changed").await;
        let request = office.waiting(&["held"]).await;
        let data = office.server.app.config.data.clone();
        let good = examine(&data).await;
        assert_eq!(
            good,
            [Finding::good(ABOUT, "4 objects read, 21 B: each is as it was received")]
        );
        let folder = data.join("storages/1/objects/1/snapshots");
        std::fs::write(folder.join(changed.name.to_string()), "CHANGED").unwrap();
        let record = office
            .server
            .app
            .store
            .ask(move |view| Box::pin(async move { view.held_objects(request).await }))
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        let held = record[0].object.key;
        std::fs::remove_file(folder.join(held.name.to_string())).unwrap();
        let mut found: Vec<_> = examine(&data).await;
        found.sort_by_key(|a| a.found.len());
        let [missing, altered] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            missing.found,
            format!("main/laptop/{held} (held by request {request}) is missing")
        );
        assert!(
            altered
                .found
                .starts_with(&format!("main/laptop/{changed} was changed: its SHA-256 is "))
        );
        assert!(found.iter().all(|finding| finding.level == Level::Problem));
    }
}
