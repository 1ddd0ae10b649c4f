//! `events tail`: reads the event table beside a server that may be running.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use countersign_events::{Message, Occurrence, Origin};
use countersign_store::{RecordedEvent, StoreError, View};
use serde::Serialize;

use super::{fail, nobody_reads};
use crate::app::DATABASE;
use crate::cli::settings::{SettingFlags, complain};
use crate::delivery::local_offset;

/// Print events as they leave.
#[derive(Debug, Args)]
pub struct Tail {
    /// Print JSON: the message as `events decode` prints it, with its sequence number and request
    #[arg(long)]
    json: bool,
    /// Go on printing as events are recorded
    #[arg(long, short)]
    follow: bool,
    /// Print all events after this sequence number, 0 for every event [default: the last ten]
    #[arg(long, value_name = "SEQ")]
    since: Option<i64>,
    #[command(flatten)]
    settings: SettingFlags,
}

/// How many events are read at once.
const BATCH: u32 = 500;

/// How often `--follow` looks.
const EVERY: Duration = Duration::from_millis(250);

/// How many events are printed without `--since`.
const LAST: i64 = 10;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no database in {0}: name the server's data folder with --data")]
    NoDatabase(String),
    #[error("{0} {detail}", detail = .0.detail())]
    Store(#[from] StoreError),
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
}

impl Tail {
    /// Prints until the end, or for ever.
    pub fn run(self) -> ExitCode {
        let config = match self.settings.load() {
            Ok(config) => config,
            Err(complaints) => {
                complain(&complaints);
                return ExitCode::FAILURE;
            }
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start: {error}")),
        };
        match runtime.block_on(self.print(&config.data, &config.origin, &mut io::stdout().lock())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Write(error)) if nobody_reads(&error) => ExitCode::SUCCESS,
            Err(failure) => fail(failure),
        }
    }

    async fn print(&self, data: &Path, origin: &Origin, out: &mut impl Write) -> Result<(), Failure> {
        let path = data.join(DATABASE);
        if !path.exists() {
            return Err(Failure::NoDatabase(data.display().to_string()));
        }
        let mut view = View::beside(&path).await?;
        let mut after = match self.since {
            Some(seq) => seq,
            None => view.last_event().await? - LAST,
        };
        loop {
            let events = view.events_after(after, BATCH).await?;
            for event in &events {
                print_event(event, origin, self.json, out)?;
                after = event.seq;
            }
            if events.is_empty() {
                if !self.follow {
                    return Ok(());
                }
                tokio::time::sleep(EVERY).await;
            } else {
                out.flush()?;
            }
        }
    }
}

/// The message, and what the event table knows beside it.
#[derive(Serialize)]
struct Recorded<'a> {
    seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<i64>,
    #[serde(flatten)]
    message: Message<'a>,
}

fn print_event(event: &RecordedEvent, origin: &Origin, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = Vec::new();
    let when = Occurrence::new(event.at, local_offset(event.at));
    countersign_events::encode(&event.event, when, origin, &mut line);
    if json {
        // What we wrote ourselves always reads back; if ever not, the line itself is the answer.
        if let Ok(message) = countersign_events::decode(&line) {
            let recorded = Recorded {
                seq: event.seq,
                request: event.request.map(|request| request.0),
                message,
            };
            line = serde_json::to_vec(&recorded).map_err(io::Error::from)?;
        }
    }
    line.push(b'\n');
    Ok(out.write_all(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::RequestId;
    use countersign_events::{Event, Timestamp, User};
    use countersign_store::Store;

    fn tail(json: bool, since: Option<i64>) -> Tail {
        Tail {
            json,
            follow: false,
            since,
            settings: SettingFlags::default(),
        }
    }

    async fn printed(tail: &Tail, data: &Path) -> String {
        let mut out = Vec::new();
        tail.print(data, &Origin::new("vbrsrv01"), &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn prints_what_leaves_beside_an_open_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(DATABASE)).await.unwrap();
        store
            .write(|tx| {
                Box::pin(async move {
                    for number in 1..=30 {
                        let event = Event::FourEyesEnabled {
                            initiator: User::local(format!("ann-{number}")),
                        };
                        let at = Timestamp(1_764_000_000_000_000);
                        tx.report(&event, at, Some(RequestId(number)), "ann").await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
        let all = printed(&tail(false, Some(0)), folder.path()).await;
        assert_eq!(all.lines().count(), 30);
        assert!(
            all.lines()
                .all(|line| line.starts_with("<14>1 2025-11-2") && line.ends_with("\"]")),
            "{all}"
        );
        let last = printed(&tail(false, None), folder.path()).await;
        assert_eq!(
            last.lines().collect::<Vec<_>>(),
            all.lines().skip(20).collect::<Vec<_>>()
        );

        let json = printed(&tail(true, Some(29)), folder.path()).await;
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&value["seq"], &value["request"], &value["id"]),
            (&30.into(), &30.into(), &42400.into())
        );
        assert_eq!(value["parameters"]["OperationId"], "0");
    }

    #[tokio::test]
    async fn a_folder_without_a_database_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let refused = tail(false, None)
            .print(folder.path(), &Origin::new("h"), &mut Vec::new())
            .await;
        assert!(matches!(refused, Err(Failure::NoDatabase(_))), "{refused:?}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
