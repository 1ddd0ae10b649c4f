//! Looks whether the server can do its work here, and says what to do where it cannot. Changes nothing.

mod deep;
mod owners;

use std::fmt;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_core::Clock;
use countersign_events::Timestamp;
use countersign_store::View;

use crate::alerts::{self, Disk as _, SystemDisk};
use crate::app::DATABASE;
use crate::config::{Complaint, Config};
use crate::delivery::{self, Sender};
use crate::listen::TlsSource;
use crate::listen::tls::Tls;
use crate::pages::{Bytes, Count, Moment, Span};
use crate::receivers::Status;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth a look; the server works.
    Warning,
    /// The server does not work, or not for long.
    Problem,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What was looked at.
    pub about: &'static str,
    /// What was found.
    pub found: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

impl Finding {
    fn good(about: &'static str, found: impl Into<String>) -> Self {
        Self {
            level: Level::Good,
            about,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            about,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn problem(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Problem,
            about,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }
}

/// Looks at everything, starting with the configuration: without one there is nothing else to look at.
pub async fn examine(config: Result<Config, Vec<Complaint>>, clock: &dyn Clock) -> Vec<Finding> {
    let config = match config {
        Ok(config) => config,
        Err(complaints) => {
            let wrong = |complaint: Complaint| {
                Finding::problem(
                    "configuration",
                    complaint.to_string(),
                    "correct it; docs/operations.md describes every setting",
                )
            };
            return complaints.into_iter().map(wrong).collect();
        }
    };
    let mut findings = vec![configuration(&config), data_folder(&config.data)];
    findings.extend(disk(&config));
    let (database, last_event_at) = database(&config.data).await;
    findings.extend(database);
    findings.extend(receivers(&config, clock.now()).await);
    findings.extend(owners::examine(&config.data).await);
    findings.push(time(clock.now(), last_event_at));
    findings.extend(jump(&config.data).await);
    findings.extend(certificate(&config));
    findings.push(address(&config));
    findings.push(open_files(&config));
    findings
}

/// Reads every byte that is kept, held ones too, and compares it with what was received. Takes as long as reading the disk.
pub async fn examine_objects(config: &Config) -> Vec<Finding> {
    deep::examine(&config.data).await
}

fn configuration(config: &Config) -> Finding {
    match config.remarks.as_slice() {
        [] => Finding::good("configuration", "every setting is known and right"),
        remarks => {
            let lines: Vec<String> = remarks.iter().map(ToString::to_string).collect();
            Finding::warning("configuration", lines.join("; "), "correct or remove it")
        }
    }
}

fn data_folder(data: &Path) -> Finding {
    const ABOUT: &str = "data folder";
    let shown = data.display();
    let metadata = match std::fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Finding::good(ABOUT, format!("{shown} is not there yet; the first start makes it"));
        }
        Err(error) => {
            let advice = "run this as the account that runs the server";
            return Finding::problem(ABOUT, format!("{shown} cannot be looked at: {error}"), advice);
        }
    };
    let ours = rustix::process::geteuid().as_raw();
    if !metadata.is_dir() {
        Finding::problem(ABOUT, format!("{shown} is not a folder"), "name another with --data")
    } else if metadata.uid() != ours && ours != 0 {
        let found = format!("{shown} belongs to another account ({})", metadata.uid());
        Finding::problem(
            ABOUT,
            found,
            "run the server as its owner, or change the owner with chown -R",
        )
    } else if metadata.mode() & 0o077 != 0 {
        let found = format!(
            "other accounts may look into {shown} (mode {:o})",
            metadata.mode() & 0o7777
        );
        Finding::warning(ABOUT, found, format!("chmod 700 {shown}"))
    } else {
        Finding::good(ABOUT, format!("{shown} is for the server's account alone"))
    }
}

fn disk(config: &Config) -> Option<Finding> {
    const ABOUT: &str = "disk";
    let data = &config.data;
    let place = data
        .ancestors()
        .find(|folder| folder.exists() || folder.as_os_str().is_empty())?;
    let place = if place.as_os_str().is_empty() {
        Path::new(".")
    } else {
        place
    };
    let room = SystemDisk.room(place)?;
    let found = format!(
        "{} of {} are free for {}",
        Bytes(room.free),
        Bytes(room.total),
        data.display()
    );
    let files = rustix::fs::statvfs(place).ok()?;
    let files_left = files.f_files == 0 || files.f_favail > 10_000;
    Some(match room.level(&config.alerts) {
        Some(alerts::Level::Critical) => Finding::problem(
            ABOUT,
            found,
            "make room: when the disk is full, uploads, deletes and decisions are refused",
        ),
        Some(alerts::Level::Warning) => Finding::warning(
            ABOUT,
            found,
            "make room soon, or decide pending requests: what they hold stays until then",
        ),
        None if !files_left => Finding::warning(
            ABOUT,
            format!("only {} more files fit", files.f_favail),
            "use a file system with more inodes",
        ),
        None => Finding::good(ABOUT, found),
    })
}

/// How each receiver stands, as the database knows, also beside a running server.
async fn receivers(config: &Config, now: Timestamp) -> Vec<Finding> {
    const ABOUT: &str = "receiver";
    let path = config.data.join(DATABASE);
    if !path.exists() {
        return Vec::new();
    }
    let read = async { Status::all(&mut View::beside(&path).await?, now).await };
    // A database that cannot be read is a finding of its own.
    let all: Vec<Status> = read.await.unwrap_or_default();
    let sender = Sender::of(config);
    let finding = |status: Status| {
        let spec = &status.receiver.spec;
        let waiting = match status.backlog {
            0 => "has every event".to_owned(),
            count => format!(
                "waits for {}, the oldest of {} ago",
                Count(count).of("event"),
                Span(status.lag_seconds)
            ),
        };
        let found = format!(
            "{} ({} {}): {waiting}",
            spec.name,
            spec.transport.as_str(),
            spec.address
        );
        let limits = &config.alerts;
        if let Err(wrong) = delivery::check(spec, &sender, now) {
            return Finding::warning(
                ABOUT,
                format!("{found}; it cannot be delivered to from here: {wrong}"),
                "see to its settings or the files they name; events are kept",
            );
        }
        match status.receiver.last_error {
            Some((error, at)) => Finding::warning(
                ABOUT,
                format!("{found}; last error {}: {error}", Moment::new(at, now).distance()),
                "see to the receiver or its settings; events are kept and sent when it answers",
            ),
            None if status.backlog > limits.backlog_events || status.lag_seconds > limits.lag_seconds => {
                Finding::warning(
                    ABOUT,
                    found,
                    "see whether the server runs and the receiver keeps up; events are kept",
                )
            }
            None => Finding::good(ABOUT, found),
        }
    };
    all.into_iter().map(finding).collect()
}

async fn database(data: &Path) -> (Vec<Finding>, Option<Timestamp>) {
    const ABOUT: &str = "database";
    let path: PathBuf = data.join(DATABASE);
    if !path.exists() {
        return (
            vec![Finding::good(ABOUT, "is not there yet; the first start makes it")],
            None,
        );
    }
    match countersign_store::inspect(&path).await {
        Ok(inspection) if inspection.damage.is_empty() => {
            (vec![Finding::good(ABOUT, "is whole")], inspection.last_event_at)
        }
        Ok(inspection) => {
            let advice = "stop the server, keep a copy of the folder, and restore the database from a backup";
            let damage = inspection.damage.into_iter();
            let findings = damage.map(|damage| Finding::problem(ABOUT, format!("is damaged: {damage}"), advice));
            (findings.collect(), inspection.last_event_at)
        }
        Err(error) => {
            let found = format!("cannot be read: {error} {}", error.detail());
            let advice =
                "run this as the account that runs the server; if that is so, restore the database from a backup";
            (vec![Finding::problem(ABOUT, found.trim_end(), advice)], None)
        }
    }
}

/// 2026-01-01: this program is younger.
const YOUNGEST: Timestamp = Timestamp(1_767_225_600_000_000);

/// How far the clock may lie behind the last event: step corrections of a second or two are ordinary.
const TOLERANCE_MICROSECONDS: i64 = 5_000_000;

fn time(now: Timestamp, last_event_at: Option<Timestamp>) -> Finding {
    const ABOUT: &str = "clock";
    let advice = "set the clock and keep it by NTP: one-time codes, expiry and the events' times depend on it";
    match last_event_at {
        _ if now < YOUNGEST => Finding::problem(ABOUT, "stands before this program was made", advice),
        Some(last) if now.0 < last.0.saturating_sub(TOLERANCE_MICROSECONDS) => Finding::problem(
            ABOUT,
            format!("stands {} s before the last event", (last.0 - now.0) / 1_000_000),
            advice,
        ),
        Some(_) => Finding::good(ABOUT, "goes on from the last event"),
        None => Finding::good(ABOUT, "stands at a time that can be"),
    }
}

/// A jump that the server saw and nobody has confirmed.
async fn jump(data: &Path) -> Option<Finding> {
    let path = data.join(DATABASE);
    if !path.exists() {
        return None;
    }
    let read = async { View::beside(&path).await?.kept_clock().await };
    // A database that cannot be read, or is of an older version, is a finding of its own.
    let stopped = read.await.ok().flatten()?.stopped?;
    Some(Finding::problem(
        "clock",
        format!(
            "jumped from {} to {}: nothing expires and no undo window ends",
            stopped.before.rfc3339(0),
            stopped.after.rfc3339(0)
        ),
        "set it if it is wrong, then confirm it: countersign clock show",
    ))
}

fn certificate(config: &Config) -> Option<Finding> {
    const ABOUT: &str = "certificate";
    Some(match config.listen.tls()? {
        source @ TlsSource::Files { .. } => match Tls::open(source, &config.data, &[], YOUNGEST) {
            Ok(_) => Finding::good(ABOUT, "can be read and belongs to its key"),
            Err(error) => Finding::problem(ABOUT, error.to_string(), "correct tls.cert and tls.key"),
        },
        TlsSource::SelfSigned => Finding::warning(
            ABOUT,
            "is self-signed: clients must be given it",
            "use a certificate that clients trust",
        ),
    })
}

fn address(config: &Config) -> Finding {
    const ABOUT: &str = "address";
    let address = config.listen.address();
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(ABOUT, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Finding::good(ABOUT, format!("{address} is in use: by the running server, if it runs"))
        }
        Err(error) => Finding::problem(
            ABOUT,
            format!("{address} cannot be opened: {error}"),
            "choose another with --listen",
        ),
    }
}

/// Files beside the connections: the database, objects that are read, the log.
const OTHER_FILES: u64 = 256;

fn open_files(config: &Config) -> Finding {
    const ABOUT: &str = "open files";
    // A connection that uploads or downloads has one file open.
    let needed = u64::try_from(config.limits.connections)
        .unwrap_or(u64::MAX)
        .saturating_mul(2)
        + OTHER_FILES;
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        Some(most) if most < needed => {
            let found = format!("{most} may be open at once, {needed} may be needed");
            Finding::warning(
                ABOUT,
                found,
                format!("raise the limit (ulimit -n {needed}, LimitNOFILE=) or lower limits.connections"),
            )
        }
        _ => Finding::good(ABOUT, "enough may be open at once"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use countersign_core::ManualClock;

    use super::*;
    use crate::config::{Key, Sources};

    const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

    fn config(data: &Path) -> Result<Config, Vec<Complaint>> {
        let flags = vec![
            (Key::Data, data.display().to_string()),
            (Key::Listen, "127.0.0.1:0".into()),
        ];
        Config::load(&Sources {
            flags,
            host: "backup1".into(),
            ..Sources::default()
        })
    }

    async fn levels(data: &Path, now: Timestamp) -> Vec<(&'static str, Level)> {
        let findings = examine(config(data), &ManualClock::at(now)).await;
        findings
            .into_iter()
            .map(|finding| (finding.about, finding.level))
            .collect()
    }

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[tokio::test]
    async fn a_new_folder_is_good_and_nothing_is_made_in_it() {
        let folder = folder(0o700);
        let data = folder.path().join("data");
        let findings = levels(&data, NOW).await;
        for about in ["configuration", "data folder", "database", "clock", "address"] {
            assert!(findings.contains(&(about, Level::Good)), "{about}: {findings:?}");
        }
        assert!(!data.exists());
    }

    #[tokio::test]
    async fn an_open_folder_a_ruined_database_and_a_wrong_clock_are_found() {
        let folder = folder(0o755);
        std::fs::write(
            folder.path().join(DATABASE),
            b"this is no database, it only has its name".repeat(100),
        )
        .unwrap();
        let findings = levels(folder.path(), Timestamp(0)).await;
        assert!(findings.contains(&("data folder", Level::Warning)), "{findings:?}");
        assert!(findings.contains(&("database", Level::Problem)), "{findings:?}");
        assert!(findings.contains(&("clock", Level::Problem)), "{findings:?}");
    }

    #[tokio::test]
    async fn a_database_just_made_is_whole() {
        let folder = folder(0o700);
        drop(
            countersign_store::Store::open(&folder.path().join(DATABASE))
                .await
                .unwrap(),
        );
        let findings = examine(config(folder.path()), &ManualClock::at(NOW)).await;
        assert!(
            findings.contains(&Finding::good("database", "is whole")),
            "{findings:?}"
        );
    }

    #[tokio::test]
    async fn a_clock_that_jumped_and_waits_to_be_confirmed_is_a_problem() {
        let folder = folder(0o700);
        let store = countersign_store::Store::open(&folder.path().join(DATABASE))
            .await
            .unwrap();
        let clock = std::sync::Arc::new(ManualClock::at(NOW));
        store.age_by(std::sync::Arc::clone(&clock) as _).await.unwrap();
        let of_the_clock = async || {
            let mut levels = levels(folder.path(), NOW).await;
            levels.retain(|(about, _)| *about == "clock");
            levels
        };
        assert_eq!(of_the_clock().await, [("clock", Level::Good)]);
        clock.jump_seconds(3600);
        store.look_at_clock().await.unwrap();
        assert_eq!(
            of_the_clock().await,
            [("clock", Level::Good), ("clock", Level::Problem)]
        );
    }

    #[tokio::test]
    async fn receivers_are_told_as_the_database_knows_them() {
        let folder = folder(0o700);
        let store = countersign_store::Store::open(&folder.path().join(DATABASE))
            .await
            .unwrap();
        let receiver = |name: &str| {
            let address = "127.0.0.1:1".parse().unwrap();
            countersign_core::receiver::ReceiverSpec::plain(
                name.parse().unwrap(),
                countersign_core::receiver::Transport::Relp,
                address,
            )
        };
        let (good, bad, mut unknown) = (receiver("good"), receiver("bad"), receiver("unknown"));
        unknown.transport = countersign_core::receiver::Transport::RelpTls;
        unknown.options.tls.client_certificate = true;
        store
            .write(move |tx| {
                Box::pin(async move {
                    let event = countersign_events::Event::examples().swap_remove(0);
                    let bad = tx.add_receiver(&bad, NOW).await?;
                    tx.note_receiver_error(bad, "nobody listens", NOW).await?;
                    tx.report(&event, NOW, None, "ann").await?;
                    tx.add_receiver(&good, NOW).await?;
                    tx.add_receiver(&unknown, NOW).await?;
                    Ok::<_, countersign_store::StoreError>(())
                })
            })
            .await
            .unwrap();
        let findings = examine(config(folder.path()), &ManualClock::at(NOW.plus_seconds(90))).await;
        let told: Vec<_> = findings
            .into_iter()
            .filter(|finding| finding.about == "receiver")
            .collect();
        assert_eq!(
            told,
            [
                Finding::warning(
                    "receiver",
                    "bad (relp 127.0.0.1:1): waits for 1 event, the oldest of 1 min ago; last error 1 min ago: nobody listens",
                    "see to the receiver or its settings; events are kept and sent when it answers"
                ),
                Finding::good("receiver", "good (relp 127.0.0.1:1): has every event"),
                Finding::warning(
                    "receiver",
                    "unknown (relp-tls 127.0.0.1:1): has every event; it cannot be delivered to from here: this receiver is to \
                     see our certificate, but there is none: set events.tls_cert and events.tls_key",
                    "see to its settings or the files they name; events are kept"
                ),
            ]
        );
    }

    #[test]
    fn a_clock_behind_the_last_event_is_a_problem() {
        let seconds_ago = |seconds: i64| Some(Timestamp(NOW.0 + seconds * 1_000_000));
        assert_eq!(time(NOW, seconds_ago(-60)).level, Level::Good);
        assert_eq!(time(NOW, seconds_ago(2)).level, Level::Good);
        assert_eq!(time(NOW, seconds_ago(60)).level, Level::Problem);
    }
}
