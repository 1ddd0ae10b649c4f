use std::path::{Path, PathBuf};

use countersign_core::configuration_backup::Schedule;
use countersign_core::request::State;
use countersign_core::{Actor, ObjectKind, RequestId, Via};
use countersign_events::{Event, Operation};
use countersign_store::ConfigurationBackup;
use countersign_vault::Deleted;

use super::reconcile::Reconciled;
use super::restore::{RestoreError, Restored, Wanted, restore};
use super::sealed_file::FileFault;
use super::*;
use crate::app::{DATABASE, OpenError, RESTORING, STORAGES};
use crate::config::Key;
use crate::flows::configuration_backups::set_passphrase;
use crate::flows::effects::carry_out_ripe;
use crate::flows::settings::{Change, Changed, change};
use crate::testing::House;
use crate::testing::office::Office;
use crate::testing::people::TestServer;

const PASSPHRASE: &str = "five words that nobody guesses";
const DAY: i64 = 86_400;

fn passphrase() -> Passphrase {
    PASSPHRASE.parse().unwrap()
}

fn ann(office: &Office) -> Actor {
    Actor {
        account: office.ann.id,
        name: "ann".into(),
        login_type: 0,
        via: Via::Session(office.ann.roles),
        address: "192.0.2.7".into(),
        why: None,
        maker: None,
    }
}

/// A server with a passphrase that was set before four-eyes authorization was on.
async fn office() -> Office {
    let office = Office::open().await;
    office.turn_off().await;
    let set = set_passphrase(&office.server.app, &ann(&office), PASSPHRASE).await;
    assert_eq!(set.unwrap(), Changed::Done);
    let on = countersign_core::Policy {
        four_eyes: true,
        ..countersign_core::Policy::default()
    };
    let written = office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.set_policy(&on).await }));
    written.await.map_err(|error: StoreError| error.to_string()).unwrap();
    office
}

/// Makes one, as ann asks for it; where its file is.
async fn made(office: &Office) -> (ConfigurationBackup, PathBuf) {
    let app = &office.server.app;
    let kept = make(app, Asked::By(&ann(office))).await.unwrap();
    let path = app.configuration_backups.folder().join(&kept.name);
    (kept, path)
}

async fn all(app: &App) -> Vec<ConfigurationBackup> {
    app.store
        .ask(|view| Box::pin(async move { view.configuration_backups().await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The server is lost: nothing of it is left but the folder of its storages, which lies in a new data folder now.
fn lost(office: Office) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    copy(&office.server.house.data().join(STORAGES), &data.path().join(STORAGES));
    drop(office);
    data
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn restored(file: &Path, data: &Path, now: &House) -> Result<Restored, RestoreError> {
    restored_as(file, data, &passphrase(), false, now.clock.as_ref()).await
}

async fn restored_as(
    file: &Path,
    data: &Path,
    passphrase: &Passphrase,
    without_storages: bool,
    clock: &dyn countersign_core::Clock,
) -> Result<Restored, RestoreError> {
    let wanted = Wanted {
        file,
        passphrase,
        data,
        without_storages,
        by: &countersign_events::User::local("root"),
    };
    restore(&wanted, clock).await
}

/// Keeps a file where the loss of the server does not take it.
fn kept_elsewhere(file: &Path) -> (tempfile::TempDir, PathBuf) {
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("kept");
    std::fs::copy(file, &copy).unwrap();
    (elsewhere, copy)
}

/// What clients of the laptop's backup see of a kind.
async fn seen(server: &TestServer, kind: ObjectKind) -> Vec<String> {
    let (storage, name) = ("main".parse().unwrap(), "laptop".parse().unwrap());
    let backup = server.app.vault.enter(&storage, &name).await.unwrap();
    let listed = server.app.vault.list(&backup, kind).await.unwrap();
    listed.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn a_lost_server_comes_back_with_its_people_its_tokens_and_its_repositories() {
    let office = office().await;
    let kept = office.snapshot("before").await;
    let (_, file) = made(&office).await;
    let (_elsewhere, file) = kept_elsewhere(&file);
    let later = office.snapshot("after").await;
    let token = office.token(&office.ann).await;
    let before = office.server.app.clock.now();
    let last_event = office.server.events().await.len();
    let data = lost(office);

    let house = House::open().await;
    let told = restored(&file, data.path(), &house).await.unwrap();
    let expected = Reconciled {
        there: 2,
        missing: 0,
        found: 1,
        backups: Vec::new(),
    };
    assert_eq!((told.storages, told.ended), (expected, Vec::new()));
    assert!(!data.path().join(RESTORING).exists());

    let server = TestServer::of(House::over(data, &[], before).await);
    // The restoration is the first event, and its number is far beyond the last that the lost server gave.
    let events = server.events().await;
    let restored = Event::ConfigurationRestoreFinished {
        user: Some(countersign_events::User::local("root")),
        outcome: Outcome::Success,
    };
    assert_eq!(events, [restored]);
    let recorded = server
        .app
        .store
        .ask(|view| Box::pin(async move { view.events_after(0, 10).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    assert!(recorded[0].seq > 1_000_000_000_000 + i64::try_from(last_event).unwrap() / 2);

    // What was logged on is not any more; people log on as before, with their password and their app.
    let request = http::Request::get("/api/v1/settings").header("authorization", format!("Bearer {token}"));
    let refused = server
        .send(request.body(axum::body::Body::empty()).unwrap(), "192.0.2.8:50000")
        .await;
    assert_eq!(refused.status, http::StatusCode::UNAUTHORIZED);
    let mut browser = server.browser();
    browser.log_on("ann").await;
    let settings = browser.get("/settings").await;
    assert!(
        settings.body.contains("Ask to turn it off"),
        "four-eyes authorization is on as it was"
    );

    // Both snapshots are there, also the one that was sent after the backup was made.
    let mut snapshots = vec![kept.name.to_string(), later.name.to_string()];
    snapshots.sort();
    assert_eq!(seen(&server, ObjectKind::Snapshots).await, snapshots);
    let listed = all(&server.app).await;
    assert_eq!(listed, [], "the list of backups is of this folder alone");
    let again = make(&server.app, Asked::BySchedule).await.unwrap();
    assert!(again.id.0 > 1_000_000, "no number is given twice");
}

#[tokio::test]
async fn what_was_held_is_visible_again_and_every_open_request_expires() {
    let office = office().await;
    let request = office.waiting(&["one", "two"]).await;
    // Another is still collecting, and a setting waits, too.
    let collected = office.snapshot("three").await;
    assert!(matches!(
        office.laptop.delete(collected).await.unwrap(),
        Deleted::Held(_)
    ));
    let never = Schedule { at: None, keep: 1 };
    let asked = change(&office.server.app, &ann(&office), Change::ConfigurationSchedule(never)).await;
    let Changed::Requested(setting) = asked.unwrap() else {
        panic!("not held");
    };
    let (_, file) = made(&office).await;
    let (_elsewhere, file) = kept_elsewhere(&file);
    let now = office.server.app.clock.now();
    let data = lost(office);

    let house = House::open().await;
    let told = restored(&file, data.path(), &house).await.unwrap();
    assert_eq!(told.ended, [request, setting]);
    let server = TestServer::of(House::over(data, &[], now).await);
    assert_eq!(seen(&server, ObjectKind::Snapshots).await.len(), 3);
    let events = server.events().await;
    assert!(matches!(
        &events[0],
        Event::ConfigurationRestoreFinished {
            outcome: Outcome::Success,
            ..
        }
    ));
    let expired = |id: RequestId, event: &Event| matches!(event, Event::FourEyesRequestExpired { request_id, .. } if *request_id == Some(id.to_string()));
    assert!(
        expired(request, &events[1]) && expired(setting, &events[2]),
        "{events:?}"
    );
    assert_eq!(events.len(), 3);
    let record = server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.request(request).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
        .unwrap();
    assert_eq!(record.state, State::Expired);
    assert!(record.reason.unwrap().contains("restored from a backup"));
    // Nothing is purged by what was decided or asked before.
    assert_eq!(server.app.vault.purge_due().await.unwrap(), 0);
    assert_eq!(server.app.vault.seal_finished().await.unwrap(), 0);
}

#[tokio::test]
async fn the_list_of_objects_is_what_lies_in_the_folders() {
    let office = office().await;
    let gone = office.snapshot("gone").await;
    let stays = office.snapshot("stays").await;
    let (_, file) = made(&office).await;
    let (_elsewhere, file) = kept_elsewhere(&file);
    office.turn_off().await;
    assert_eq!(office.laptop.delete(gone).await.unwrap(), Deleted::Done);
    let now = office.server.app.clock.now();
    let data = lost(office);
    // A backup that was made after the configuration backup has a folder and no row.
    let objects = data.path().join(STORAGES).join("1/objects");
    std::fs::create_dir_all(objects.join("77/snapshots")).unwrap();
    std::fs::copy(
        objects.join("1/snapshots").join(stays.name.to_string()),
        objects.join("77/snapshots").join(stays.name.to_string()),
    )
    .unwrap();

    let house = House::open().await;
    let told = restored(&file, data.path(), &house).await.unwrap();
    let expected = Reconciled {
        there: 2,
        missing: 1,
        found: 1,
        backups: vec!["main/found-77".into()],
    };
    assert_eq!(told.storages, expected);
    let server = TestServer::of(House::over(data, &[], now).await);
    let events = server.events().await;
    assert!(matches!(
        &events[..],
        [Event::ConfigurationRestoreFinished {
            outcome: Outcome::Warning,
            ..
        }]
    ));
    assert_eq!(seen(&server, ObjectKind::Snapshots).await, [stays.name.to_string()]);
}

#[tokio::test]
async fn a_storage_whose_folder_is_not_there_stops_it_unless_it_is_said_to_be_lost() {
    let office = office().await;
    office.snapshot("lost").await;
    let (_, file) = made(&office).await;
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("new");
    let house = House::open().await;
    let refused = restored(&file, &data, &house).await.unwrap_err().to_string();
    assert!(
        refused.contains("storage main belongs in") && refused.contains("--without-storages"),
        "{refused}"
    );
    assert_eq!(names(&data), Vec::<String>::new(), "nothing is left of the try");
    let told = restored_as(&file, &data, &passphrase(), true, house.clock.as_ref())
        .await
        .unwrap();
    assert_eq!((told.storages.there, told.storages.missing), (0, 2));
}

#[tokio::test]
async fn a_folder_with_a_server_in_it_is_never_restored_into() {
    let office = office().await;
    let (_, file) = made(&office).await;
    let live = office.server.house.data();
    let before = names(live);
    let refused = restored(&file, live, &office.server.house).await;
    assert!(matches!(refused, Err(RestoreError::NotEmpty(..))), "{refused:?}");
    assert_eq!(names(live), before);
    // Also not when somebody took its database away to make it look empty: its storages are in use.
    let (_elsewhere, file) = kept_elsewhere(&file);
    let data = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(live.join(STORAGES), data.path().join(STORAGES)).unwrap();
    let refused = restored(&file, data.path(), &office.server.house).await;
    assert!(matches!(refused, Err(RestoreError::Storages(_))), "{refused:?}");
    assert_eq!(names(data.path()), [STORAGES]);
    // One foreign file is enough.
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("countersign.toml"), "").unwrap();
    let refused = restored(&file, data.path(), &office.server.house).await;
    assert!(matches!(refused, Err(RestoreError::NotEmpty(_, there)) if there == "countersign.toml"));
}

#[tokio::test]
async fn a_wrong_passphrase_and_a_damaged_file_leave_no_trace() {
    let office = office().await;
    let (_, file) = made(&office).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    let other = "five words that somebody guesses".parse().unwrap();
    let refused = restored_as(&file, &data, &other, true, office.server.clock.as_ref()).await;
    assert!(matches!(
        refused,
        Err(RestoreError::Unread(contents::Unread::File(FileFault::Passphrase)))
    ));
    assert!(!data.exists());
    let mut octets = std::fs::read(&file).unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    std::fs::write(&file, &octets).unwrap();
    let refused = restored_as(&file, &data, &passphrase(), true, office.server.clock.as_ref()).await;
    assert!(matches!(
        refused,
        Err(RestoreError::Unread(contents::Unread::File(FileFault::Damaged(_))))
    ));
    assert_eq!(names(&data), Vec::<String>::new());
}

#[tokio::test]
async fn a_restoration_that_was_cut_off_starts_no_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(RESTORING), "").unwrap();
    let config = crate::config::Config::load(&crate::config::Sources {
        flags: vec![(Key::Data, folder.path().display().to_string())],
        ..crate::config::Sources::default()
    })
    .unwrap();
    let clock = std::sync::Arc::new(countersign_core::ManualClock::at(crate::testing::NOW));
    let entropy = std::sync::Arc::new(crate::adapters::SystemEntropy);
    let opened = App::open(config, clock, entropy).await;
    assert!(matches!(opened, Err(OpenError::HalfRestored)));
    assert!(!folder.path().join(DATABASE).exists());
}

#[tokio::test]
async fn the_schedule_takes_only_its_own_away_and_only_beyond_the_newest() {
    let office = office().await;
    let app = &office.server.app;
    office.turn_off().await;
    let two = Schedule {
        keep: 2,
        ..Schedule::default()
    };
    let set = change(app, &ann(&office), Change::ConfigurationSchedule(two)).await;
    assert_eq!(set.unwrap(), Changed::Done);
    let (asked, _) = made(&office).await;
    let mut made_by_schedule = Vec::new();
    for _ in 0..4 {
        step(app).await.unwrap();
        step(app).await.unwrap();
        made_by_schedule.push(all(app).await[0].id);
        office.server.clock.advance_seconds(DAY);
    }
    made_by_schedule.dedup();
    assert_eq!(made_by_schedule.len(), 4, "one a day");
    let left: Vec<_> = all(app).await.into_iter().map(|kept| kept.id).collect();
    assert_eq!(left, [made_by_schedule[3], made_by_schedule[2], asked.id]);
    assert_eq!(
        names(app.configuration_backups.folder()).len(),
        3,
        "and their files with them"
    );
    let finished = Event::ConfigurationBackupFinished {
        spec: Some(folder::spec(app.configuration_backups.folder())),
        user: None,
        outcome: Outcome::Success,
    };
    let events = office.server.events().await;
    assert_eq!(events.iter().filter(|event| **event == finished).count(), 4);
}

#[tokio::test]
async fn of_two_at_once_one_is_made() {
    let office = office().await;
    let (app, actor) = (&office.server.app, ann(&office));
    let (one, other) = tokio::join!(make(app, Asked::By(&actor)), make(app, Asked::By(&actor)));
    let made = [one, other];
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
    assert!(
        made.iter().any(|made| matches!(made, Err(MakeError::UnderWay))),
        "{made:?}"
    );
    assert_eq!(names(app.configuration_backups.folder()).len(), 1);
}

#[tokio::test]
async fn one_that_was_cut_off_is_cleared_away_and_reported() {
    let office = office().await;
    let app = &office.server.app;
    let now = app.clock.now();
    let cut_off = |at: i64| async move {
        app.store
            .write(move |tx| {
                Box::pin(async move {
                    let by = (Occasion::Asked, Some("ann"));
                    tx.begin_configuration_backup(|id| format!("cut-off-{id}"), by, 1, now.plus_seconds(at))
                        .await
                })
            })
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
    };
    // Killed while it was written, and killed after it was whole, before anybody was told.
    let ((_, draft), (_, whole)) = (cut_off(0).await, cut_off(1).await);
    let folder = app.configuration_backups.folder();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!(".{draft}")), "half").unwrap();
    std::fs::write(folder.join(&whole), "whole").unwrap();
    assert_eq!(all(app).await, [], "neither is listed");
    let before = office.server.events().await.len();
    let no_schedule = Schedule { at: None, keep: 1 };
    let written = app
        .store
        .write(move |tx| Box::pin(async move { tx.set_configuration_schedule(&no_schedule).await }));
    written.await.map_err(|error: StoreError| error.to_string()).unwrap();
    step(app).await.unwrap();
    assert_eq!(names(folder), Vec::<String>::new());
    let failed = Event::ConfigurationBackupFinished {
        spec: Some(folder::spec(folder)),
        user: None,
        outcome: Outcome::Failed,
    };
    assert_eq!(office.server.events().await[before..], [failed.clone(), failed]);
    step(app).await.unwrap();
    assert_eq!(office.server.events().await.len(), before + 2);
}

#[tokio::test]
async fn one_that_fails_is_reported_tried_again_in_an_hour_and_leaves_nothing() {
    let office = office().await;
    let app = &office.server.app;
    // Something else lies where the folder belongs.
    std::fs::write(app.configuration_backups.folder(), "").unwrap();
    assert!(matches!(step(app).await, Err(MakeError::File(FileFault::Io(_)))));
    let failed = Event::ConfigurationBackupFinished {
        spec: Some(folder::spec(app.configuration_backups.folder())),
        user: None,
        outcome: Outcome::Failed,
    };
    assert_eq!(office.server.events().await.last(), Some(&failed));
    let alerts = || async {
        let watch = crate::alerts::Watch::new(office.server.app.clone(), Box::new(crate::alerts::SystemDisk));
        watch.look().await;
        let all = office.server.app.alerts.current().into_iter();
        let ours = all.filter(|alert| alert.found.kind == crate::alerts::Kind::ConfigurationBackup);
        ours.map(|alert| alert.found.text).collect::<Vec<_>>()
    };
    assert!(alerts().await[0].starts_with("the last backup of the server’s configuration failed"));
    let before = office.server.events().await.len();
    step(app).await.unwrap();
    assert_eq!(
        (all(app).await, office.server.events().await.len()),
        (Vec::new(), before)
    );
    std::fs::remove_file(app.configuration_backups.folder()).unwrap();
    office.server.clock.advance_seconds(3600);
    step(app).await.unwrap();
    assert_eq!(all(app).await.len(), 1);
    assert_eq!(alerts().await, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_passphrase_none_is_made_and_the_alerts_say_so() {
    let office = Office::open().await;
    let app = &office.server.app;
    step(app).await.unwrap();
    let refused = make(app, Asked::By(&ann(&office))).await;
    assert!(matches!(refused, Err(MakeError::NoPassphrase)), "{refused:?}");
    assert_eq!((all(app).await, office.server.events().await), (Vec::new(), Vec::new()));
    crate::alerts::Watch::new(app.clone(), Box::new(crate::alerts::SystemDisk))
        .look()
        .await;
    let told = app
        .alerts
        .current()
        .into_iter()
        .any(|alert| alert.found.text.contains("there is no passphrase"));
    assert!(told);
}

#[tokio::test]
async fn what_is_kept_is_read_to_its_end_also_after_the_passphrase_changed() {
    let office = office().await;
    let (app, actor) = (&office.server.app, ann(&office));
    let (kept, file) = made(&office).await;
    office.turn_off().await;
    let set = set_passphrase(app, &actor, "another passphrase, and longer").await;
    assert_eq!(set.unwrap(), Changed::Done);
    let verified = super::verify::verify_kept(app, &actor, kept.id).await.unwrap();
    assert_eq!((verified.verified_at, verified.fault), (Some(app.clock.now()), None));
    let (next, _) = made(&office).await;
    assert_ne!(next.passphrase, kept.passphrase);
    assert_eq!(
        super::verify::verify_kept(app, &actor, next.id).await.unwrap().fault,
        None
    );
    let mut octets = std::fs::read(&file).unwrap();
    octets[200] ^= 1;
    std::fs::write(&file, octets).unwrap();
    let fault = super::verify::verify_kept(app, &actor, kept.id).await.unwrap().fault;
    assert!(fault.unwrap().contains("damaged"));
    std::fs::remove_file(&file).unwrap();
    let fault = super::verify::verify_kept(app, &actor, kept.id).await.unwrap().fault;
    assert_eq!(fault.as_deref(), Some("its file is not there"));
}

#[tokio::test]
async fn nothing_of_the_server_stands_in_the_file_in_the_clear() {
    let office = office().await;
    let (kept, file) = made(&office).await;
    let octets = std::fs::read(&file).unwrap();
    assert_eq!(
        (kept.size, kept.hash),
        (octets.len() as u64, countersign_core::Sha256::of(&octets))
    );
    for clear in [&b"argon2id"[..], b"laptop", b"accounts", b"BwcHBwcHBwcH"] {
        assert!(!octets.windows(clear.len()).any(|window| window == clear));
    }
    let verified = super::verify::verify(&file, &passphrase()).unwrap();
    assert!(verified.rows > 10);
}

#[tokio::test]
async fn a_delete_is_held_and_takes_exactly_the_one_that_was_seen() {
    let office = office().await;
    let app = &office.server.app;
    let (kept, file) = made(&office).await;
    let path = format!("/configuration-backups/{}", kept.id);
    let token = office.token(&office.ann).await;
    let before = office.server.events().await.len();
    let held = office.call(&token, http::Method::DELETE, &path, None).await;
    assert_eq!(
        (held.status, held.location()),
        (http::StatusCode::ACCEPTED, "/api/v1/requests/1")
    );
    step(app).await.unwrap();
    assert!(file.exists(), "it is held");
    office.approved_by_bob("1").await;
    step(app).await.unwrap();
    assert!(file.exists(), "it can still be vetoed");
    office.server.clock.advance_seconds(DAY - 120);
    assert_eq!(carry_out_ripe(app).await.unwrap(), 0);
    office.server.clock.advance_seconds(121);
    assert_eq!(carry_out_ripe(app).await.unwrap(), 1);
    step(app).await.unwrap();
    assert!(!file.exists());
    assert!(all(app).await.iter().all(|other| other.id != kept.id));
    let operation = || Operation::DeleteConfigurationBackup {
        name: kept.name.clone(),
    };
    let user = countersign_events::User::local;
    let created = Event::FourEyesRequestCreated {
        operation: operation(),
        initiator: user("ann"),
        request_id: Some("1".into()),
    };
    let approved = Event::FourEyesRequestApproved {
        operation: operation(),
        initiator: user("ann"),
        supervisor: user("bob"),
        request_id: Some("1".into()),
    };
    let events = office.server.events().await;
    let told: Vec<_> = events[before..]
        .iter()
        .filter(|event| matches!(event.id(), 42_402..=42_405))
        .collect();
    assert_eq!(told, [&created, &approved]);
    assert_eq!(created.id(), 42_402);
}

#[tokio::test]
async fn a_rejected_and_an_expired_delete_take_nothing() {
    let office = office().await;
    let (app, actor) = (&office.server.app, ann(&office));
    let (kept, file) = made(&office).await;
    let name = kept.name.clone();
    let asked = change(app, &actor, Change::DeleteConfigurationBackup(kept.id))
        .await
        .unwrap();
    let Changed::Requested(first) = asked else {
        panic!("{asked:?}");
    };
    let token = office.token(&office.bob).await;
    let rejection = serde_json::json!({"code": office.server.code("bob")});
    let path = format!("/requests/{first}/reject");
    let rejected = office.call(&token, http::Method::POST, &path, Some(rejection)).await;
    assert_eq!(rejected.status, http::StatusCode::OK, "{}", rejected.body);
    let asked = change(app, &actor, Change::DeleteConfigurationBackup(kept.id))
        .await
        .unwrap();
    let Changed::Requested(second) = asked else {
        panic!("{asked:?}");
    };
    office.server.clock.advance_seconds(8 * DAY);
    app.vault.expire_overdue().await.unwrap();
    clear(app, &app.configuration_backups.turn.lock().await).await.unwrap();
    assert!(file.exists());
    let operation = Operation::DeleteConfigurationBackup { name };
    let user = countersign_events::User::local;
    let events = office.server.events().await;
    let rejected = Event::FourEyesRequestRejected {
        operation: operation.clone(),
        initiator: user("ann"),
        supervisor: user("bob"),
        request_id: Some(first.to_string()),
    };
    let expired = Event::FourEyesRequestExpired {
        operation,
        initiator: user("ann"),
        request_id: Some(second.to_string()),
    };
    assert!(events.contains(&rejected) && events.contains(&expired), "{events:?}");
}

#[tokio::test]
async fn what_changed_since_it_was_asked_for_voids_a_delete() {
    let office = office().await;
    let (app, actor) = (&office.server.app, ann(&office));
    let (kept, _) = made(&office).await;
    let (id, other) = (kept.id, countersign_core::Sha256([9; 32]));
    let drifted = app
        .store
        .write(move |tx| Box::pin(async move { tx.delete_configuration_backup(id, other).await }));
    assert!(!drifted.await.map_err(|error: StoreError| error.to_string()).unwrap());
    let asked = change(app, &actor, Change::DeleteConfigurationBackup(id))
        .await
        .unwrap();
    assert!(matches!(asked, Changed::Requested(_)));
    // The schedule, or an approval before, took it meanwhile.
    let gone = app
        .store
        .write(move |tx| Box::pin(async move { tx.delete_configuration_backup(id, kept.hash).await }));
    assert!(gone.await.map_err(|error: StoreError| error.to_string()).unwrap());
    let again = change(app, &actor, Change::DeleteConfigurationBackup(id)).await;
    assert!(matches!(
        again,
        Err(crate::flows::settings::ChangeError::NoConfigurationBackup)
    ));
}

#[tokio::test]
async fn who_is_no_security_administrator_neither_takes_one_out_nor_changes_how_they_are_made() {
    let office = office().await;
    let (kept, _) = made(&office).await;
    let now = office.server.app.clock.now();
    let bert = office
        .server
        .colleague("bert", &[countersign_core::Role::BackupAdministrator], now)
        .await;
    let (ann, bert) = (office.token(&office.ann).await, office.token(&bert).await);
    let path = format!("/configuration-backups/{}/file", kept.id);
    let refused = office.call(&bert, http::Method::GET, &path, None).await;
    assert_eq!(refused.status, http::StatusCode::FORBIDDEN);
    let schedule = serde_json::json!({"at": null, "keep": 1});
    let path_of_schedule = "/configuration-backups/schedule";
    let refused = office
        .call(&bert, http::Method::PUT, path_of_schedule, Some(schedule))
        .await;
    assert_eq!(refused.status, http::StatusCode::FORBIDDEN);
    let set = serde_json::json!({"passphrase": PASSPHRASE});
    let refused = office
        .call(&bert, http::Method::PUT, "/configuration-backups/passphrase", Some(set))
        .await;
    assert_eq!(refused.status, http::StatusCode::FORBIDDEN);
    let listed = office
        .call(&ann, http::Method::GET, "/configuration-backups", None)
        .await;
    assert!(listed.body.contains(&kept.name) && !listed.body.contains(PASSPHRASE));
}
