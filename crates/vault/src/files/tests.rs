use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use countersign_core::{BackupId, ObjectKey, ObjectKind, ObjectName, Sha256};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const BACKUP: BackupId = BackupId(7);

fn open() -> (TempDir, Files) {
    let folder = TempDir::new().unwrap();
    let files = Files::open(folder.path().join("storage")).unwrap();
    (folder, files)
}

fn place_of(bytes: &[u8], kind: ObjectKind) -> Place {
    Place {
        backup: BACKUP,
        key: ObjectKey {
            kind,
            name: ObjectName::Hash(Sha256::of(bytes)),
        },
    }
}

async fn stage(files: &Files, chunks: &[&[u8]]) -> Staged {
    let mut upload = files.upload();
    for chunk in chunks {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    upload.finish().await.unwrap()
}

async fn store(files: &Files, bytes: &[u8], kind: ObjectKind) -> Place {
    let place = place_of(bytes, kind);
    let staged = stage(files, &[bytes]).await;
    assert!(matches!(files.publish(staged, place).await.unwrap(), Published::Stored));
    place
}

async fn collect(mut stream: ObjectStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.chunk().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    all
}

async fn read(files: &Files, place: &Place) -> Option<Vec<u8>> {
    let object = files.open_object(place).await.unwrap()?;
    Some(collect(object.stream()).await)
}

/// Every path below the storage that is not a folder, without the lock.
fn all_files(folder: &TempDir) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.path().join("storage")];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("storage/lock") {
                found.push(path);
            }
        }
    }
    found
}

/// Bytes that differ everywhere, so that a misplaced piece is seen.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(0x9e37_79b1) >> 13) as u8).collect()
}

#[tokio::test]
async fn what_is_stored_is_read_back_at_every_size() {
    let (_folder, files) = open();
    let step = buffers::BUFFER;
    for len in [
        0,
        1,
        4096,
        65_536,
        65_537,
        step - 1,
        step,
        step + 1,
        3 * step,
        16 * 1024 * 1024 + 5,
    ] {
        let whole = bytes(len);
        let place = store(&files, &whole, ObjectKind::Data).await;
        assert_eq!(files.size(&place).await.unwrap(), Some(len as u64));
        assert!(read(&files, &place).await.unwrap() == whole, "{len} bytes");
        let measured = Measured {
            size: len as u64,
            hash: Sha256::of(&whole),
        };
        assert_eq!(files.measure(&place).await.unwrap(), Some(measured));
    }
}

#[tokio::test]
async fn a_file_at_the_place_is_never_overwritten_unless_asked() {
    for len in [100, 3 * buffers::BUFFER] {
        let (_folder, files) = open();
        let (old, new) = (bytes(len), vec![1; len]);
        let place = store(&files, &old, ObjectKind::Index).await;
        let staged = stage(&files, &[&new]).await;
        let Published::AlreadyThere(staged) = files.publish(staged, place).await.unwrap() else {
            panic!("replaced")
        };
        assert_eq!(read(&files, &place).await, Some(old));
        files.replace(staged, place).await.unwrap();
        assert_eq!(read(&files, &place).await, Some(new));
    }
}

#[tokio::test]
async fn of_many_who_publish_at_once_one_wins() {
    for len in [100, 3 * buffers::BUFFER] {
        let (_folder, files) = open();
        let place = place_of(b"x", ObjectKind::Keys);
        let mut tasks = tokio::task::JoinSet::new();
        for mark in 0..8 {
            let files = files.clone();
            tasks.spawn(async move {
                let staged = stage(&files, &[&vec![mark; len]]).await;
                match files.publish(staged, place).await.unwrap() {
                    Published::Stored => Some(mark),
                    Published::AlreadyThere(_) => None,
                }
            });
        }
        let winners: Vec<u8> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(read(&files, &place).await, Some(vec![winners[0]; len]));
    }
}

#[tokio::test]
async fn what_is_not_published_leaves_no_trace() {
    let (folder, files) = open();
    let mut upload = files.upload();
    for _ in 0..5 {
        upload.write(Bytes::from(bytes(buffers::BUFFER))).await.unwrap();
    }
    drop(upload);
    drop(stage(&files, &[&bytes(5 * buffers::BUFFER)]).await);
    drop(stage(&files, &[b"small"]).await);
    assert_eq!(all_files(&folder), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_file_system_without_unnamed_files_serves_as_well() {
    let (folder, files) = open();
    files.shared.unnamed_files.store(false, Ordering::Relaxed);
    let whole = bytes(5 * buffers::BUFFER + 1);
    let staged = stage(&files, &[&whole]).await;
    assert_eq!(all_files(&folder).len(), 1, "it is in the staging folder");
    drop(staged);
    assert_eq!(all_files(&folder).len(), 0, "it went with its owner");
    let place = store(&files, &whole, ObjectKind::Data).await;
    assert!(read(&files, &place).await.unwrap() == whole);
    assert_eq!(
        all_files(&folder),
        [folder.path().join("storage/objects").join(place.path())]
    );
}

#[tokio::test]
async fn a_range_is_cut_at_the_end() {
    let (_folder, files) = open();
    let whole = bytes(3 * buffers::BUFFER);
    let place = store(&files, &whole, ObjectKind::Data).await;
    let object = files.open_object(&place).await.unwrap().unwrap();
    let end = whole.len() as u64;
    for (range, expected) in [
        (0..10, &whole[..10]),
        (5..300_000, &whole[5..300_000]),
        (end - 3..end + 9, &whole[whole.len() - 3..]),
        (end..end + 1, &[]),
        (end + 5..end + 9, &[]),
        (0..u64::MAX, &whole),
    ] {
        let stream = object.clone().stream_range(range.clone());
        assert_eq!(stream.remaining(), expected.len() as u64);
        assert!(collect(stream).await == expected, "{range:?}");
    }
}

#[tokio::test]
async fn a_file_that_shrank_is_an_error_and_not_a_short_object() {
    let (folder, files) = open();
    let place = store(&files, &bytes(1000), ObjectKind::Data).await;
    let object = files.open_object(&place).await.unwrap().unwrap();
    let path = folder.path().join("storage/objects").join(place.path());
    std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(10)
        .unwrap();
    let mut stream = object.stream();
    assert_eq!(stream.chunk().await.unwrap().unwrap().len(), 10);
    assert!(stream.chunk().await.unwrap().is_err());
}

#[tokio::test]
async fn removing_can_be_repeated() {
    let (_folder, files) = open();
    let place = store(&files, b"x", ObjectKind::Locks).await;
    let reading = files.open_object(&place).await.unwrap().unwrap();
    assert_eq!(files.remove_all(vec![place]).await.unwrap(), [Removed::Gone]);
    assert_eq!(files.remove_all(vec![place]).await.unwrap(), [Removed::NotThere]);
    assert_eq!(read(&files, &place).await, None);
    assert_eq!(collect(reading.stream()).await, b"x", "who has it open reads on");
    let never = Place {
        backup: BackupId(99),
        ..place
    };
    assert_eq!(files.remove_all(vec![never]).await.unwrap(), [Removed::NotThere]);
}

#[tokio::test]
async fn many_are_removed_in_the_order_asked() {
    let (folder, files) = open();
    let there = store(&files, b"x", ObjectKind::Data).await;
    let other = store(&files, b"y", ObjectKind::Snapshots).await;
    let missing = place_of(b"z", ObjectKind::Data);
    let removed = files.remove_all(vec![there, missing, other]).await.unwrap();
    assert_eq!(removed, [Removed::Gone, Removed::NotThere, Removed::Gone]);
    assert_eq!(all_files(&folder), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_backup_is_removed_whole_and_can_come_back() {
    let (folder, files) = open();
    let place = store(&files, b"x", ObjectKind::Data).await;
    let other = Place {
        backup: BackupId(8),
        ..place
    };
    assert!(matches!(
        files.publish(stage(&files, &[b"x"]).await, other).await.unwrap(),
        Published::Stored
    ));
    assert_eq!(files.remove_backup(BACKUP).await.unwrap(), Removed::Gone);
    assert_eq!(files.remove_backup(BACKUP).await.unwrap(), Removed::NotThere);
    assert_eq!(files.backups().await.unwrap(), [BackupId(8)]);
    assert_eq!(all_files(&folder).len(), 1);
    store(&files, b"x", ObjectKind::Data).await;
    assert_eq!(read(&files, &place).await, Some(b"x".to_vec()));
}

#[tokio::test]
async fn a_folder_removed_behind_our_back_is_made_again() {
    let (folder, files) = open();
    store(&files, b"x", ObjectKind::Data).await;
    std::fs::remove_dir_all(folder.path().join("storage/objects/7")).unwrap();
    let place = store(&files, b"y", ObjectKind::Data).await;
    assert_eq!(read(&files, &place).await, Some(b"y".to_vec()));
}

#[tokio::test]
async fn two_servers_cannot_share_the_folder() {
    let (folder, files) = open();
    let root = folder.path().join("storage");
    assert!(matches!(Files::open(&root), Err(OpenError::InUse)));
    let upload = files.upload();
    drop(files);
    assert!(
        matches!(Files::open(&root), Err(OpenError::InUse)),
        "an upload still uses it"
    );
    drop(upload);
    assert!(Files::open(&root).is_ok());
}

#[tokio::test]
async fn the_next_start_sweeps_what_was_half_done() {
    let (folder, files) = open();
    let place = store(&files, b"x", ObjectKind::Data).await;
    drop(files);
    let staging = folder.path().join("storage/staging");
    std::fs::write(staging.join("upload-0"), b"half").unwrap();
    std::fs::create_dir_all(staging.join("removed-1/data/ab")).unwrap();
    std::fs::write(staging.join("removed-1/data/ab/x"), b"half").unwrap();
    let files = Files::open(folder.path().join("storage")).unwrap();
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0);
    assert_eq!(read(&files, &place).await, Some(b"x".to_vec()));
}

#[tokio::test]
async fn only_the_owner_may_look() {
    let (folder, files) = open();
    store(&files, b"small", ObjectKind::Data).await;
    store(&files, &bytes(5 * buffers::BUFFER), ObjectKind::Data).await;
    for file in all_files(&folder) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        for above in file.ancestors().skip(1).take_while(|above| *above != folder.path()) {
            assert_eq!(
                above.metadata().unwrap().permissions().mode() & 0o777,
                0o700,
                "{}",
                above.display()
            );
        }
    }
}

#[tokio::test]
async fn a_walk_finds_every_object_and_every_stray_file() {
    let (folder, files) = open();
    let mut expected = Vec::new();
    for kind in ObjectKind::ALL {
        let mut place = place_of(kind.as_str().as_bytes(), kind);
        if kind == ObjectKind::Config {
            place.key = ObjectKey::CONFIG;
        }
        let staged = stage(&files, &[b"1234"]).await;
        assert!(matches!(files.publish(staged, place).await.unwrap(), Published::Stored));
        expected.push(Found::Object {
            key: place.key,
            size: 4,
        });
    }
    let backup = folder.path().join("storage/objects/7");
    let name = place_of(b"lost", ObjectKind::Data).key.name;
    for stray in [
        "note.txt".to_owned(),
        format!("data/{name}"),
        format!("data/ff/{name}"),
        "keys/config".to_owned(),
    ] {
        std::fs::write(backup.join(&stray), b"").unwrap();
        expected.push(Found::Stray(stray));
    }
    let (send, receive) = std::sync::mpsc::channel();
    files.walk(BACKUP, move |found| send.send(found).is_ok()).await.unwrap();
    let found: Vec<Found> = receive.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    assert!(expected.iter().all(|one| found.contains(one)), "{found:?}");
    files.walk(BackupId(99), |_| panic!("nothing is there")).await.unwrap();
}

#[tokio::test]
async fn the_disk_has_space() {
    let (_folder, files) = open();
    let disk = files.disk().unwrap();
    assert!(0 < disk.free && disk.free <= disk.total);
}

#[test]
fn a_full_disk_is_told_from_other_trouble() {
    assert!(matches!(
        FileError::when("x")(rustix::io::Errno::NOSPC),
        FileError::StorageFull
    ));
    assert!(matches!(
        FileError::when("x")(rustix::io::Errno::DQUOT),
        FileError::StorageFull
    ));
    assert!(matches!(
        FileError::when("x")(rustix::io::Errno::IO),
        FileError::Io { .. }
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn however_it_is_cut_the_object_is_the_same(cuts in proptest::collection::vec(0_usize..400_000, 0..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_folder, files) = open();
            let whole = bytes(cuts.iter().sum());
            let mut rest = &whole[..];
            let mut upload = files.upload();
            for cut in cuts {
                let (chunk, after) = rest.split_at(cut);
                upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
                rest = after;
            }
            let staged = upload.finish().await.unwrap();
            assert_eq!((staged.size(), staged.hash()), (whole.len() as u64, Sha256::of(&whole)));
            let place = place_of(&whole, ObjectKind::Index);
            assert!(matches!(files.publish(staged, place).await.unwrap(), Published::Stored));
            assert!(read(&files, &place).await.unwrap() == whole);
        });
    }
}
