//! `countersign backups`: look at backups, mark and delete them, over the API of a running server.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::request::KindSum;
use countersign_core::{BackupKind, Name, ObjectKey, ObjectKind};
use serde::Deserialize;
use serde_json::json;

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::said;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::{columns, date, plain};
use crate::pages::{Bytes, Count};

/// Look at backups, mark and delete them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Backups {
    /// List backups
    List(List),
    /// Show a backup: its snapshots, and what waits
    Show(Named),
    /// Say what a backup is kept for
    Mark(Mark),
    /// Delete a backup, or one object of it: by a request while four-eyes authorization is on
    Delete(Delete),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Named {
    /// The backup, as STORAGE/BACKUP
    #[arg(value_name = "BACKUP")]
    backup: Place,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Mark {
    /// The backup, as STORAGE/BACKUP
    #[arg(value_name = "BACKUP")]
    backup: Place,
    /// ordinary, or log: it holds transaction logs, and its deletion is an operation of its own (101)
    #[arg(value_name = "KIND")]
    kind: BackupKind,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Delete {
    /// The backup, as STORAGE/BACKUP
    #[arg(value_name = "BACKUP")]
    backup: Place,
    /// Only this object of it, as KIND/NAME: snapshots/1f2e…
    #[arg(long, value_name = "OBJECT")]
    object: Option<Object>,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// A backup as people know it.
#[derive(Debug, Clone)]
struct Place {
    storage: Name,
    backup: Name,
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (storage, backup) = text.split_once('/').ok_or("a backup is STORAGE/BACKUP")?;
        let name = |text: &str| text.parse::<Name>().map_err(|error| error.to_string());
        Ok(Self {
            storage: name(storage)?,
            backup: name(backup)?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.storage, self.backup)
    }
}

/// An object as restic knows it.
#[derive(Debug, Clone)]
struct Object(ObjectKey);

impl std::str::FromStr for Object {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').ok_or("an object is KIND/NAME")?;
        let kind: ObjectKind = kind
            .parse()
            .map_err(|_| "the kinds are data, index, keys, locks and snapshots")?;
        ObjectKey::parse(kind, name)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl Backups {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) | Self::Mark(_) => None,
            Self::Delete(delete) => Some((&delete.asking, delete.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) => &named.server,
            Self::Mark(mark) => &mark.server,
            Self::Delete(delete) => &delete.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.carry_out(remote),
            Self::Mark(mark) => mark.carry_out(remote),
            Self::Delete(delete) => delete.carry_out(remote),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Backup {
    storage: Name,
    name: Name,
    kind: BackupKind,
    created_at: String,
    created_by: String,
    held_by: Option<i64>,
    visible: Vec<KindSum>,
    held: Vec<KindSum>,
    newest_object_at: Option<String>,
    #[serde(default)]
    queue: Vec<i64>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
}

#[derive(Debug, Deserialize)]
struct Snapshot {
    name: String,
    received_at: String,
    received_by: String,
    held_by: Option<i64>,
}

impl Backup {
    fn row(&self) -> [String; 6] {
        let bytes = |sums: &[KindSum]| Bytes(sums.iter().map(|sum| sum.bytes).sum()).to_string();
        let snapshots = self.visible.iter().filter(|sum| sum.kind == ObjectKind::Snapshots);
        [
            format!("{}/{}", self.storage, self.name),
            self.kind.to_string(),
            Count(snapshots.map(|sum| sum.objects).sum()).to_string(),
            bytes(&self.visible),
            bytes(&self.held),
            self.newest_object_at.as_deref().map(date).unwrap_or_default(),
        ]
    }

    fn shown(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &str| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name:<12}{value}");
        };
        let [path, kind, snapshots, visible, held, newest] = self.row();
        add("backup", &path);
        add("kind", &kind);
        add(
            "made",
            &format!("{} by {}", date(&self.created_at), plain(&self.created_by)),
        );
        if let Some(request) = self.held_by {
            add("held", &format!("the whole of it, by request {request}"));
        }
        add("size", &format!("{visible}, and {held} held"));
        add("received", &newest);
        for request in &self.queue {
            add("waits", &format!("request {request}"));
        }
        add("snapshots", &snapshots);
        for snapshot in &self.snapshots {
            let state = snapshot
                .held_by
                .map(|request| format!(", held by request {request}"))
                .unwrap_or_default();
            add(
                "",
                &format!(
                    "{} {} by {}{state}",
                    plain(&snapshot.name),
                    date(&snapshot.received_at),
                    plain(&snapshot.received_by)
                ),
            );
        }
        text
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get("/api/v1/backups")?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let backups: Vec<Backup> = read(remote, answer["backups"].clone())?;
        if backups.is_empty() {
            return Ok("No backups.\n".to_owned());
        }
        let head = ["BACKUP", "KIND", "SNAPSHOTS", "SIZE", "HELD", "RECEIVED"];
        Ok(columns(head, backups.iter().map(Backup::row)))
    }
}

impl Named {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(&path_of(&self.backup))?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        let backup: Backup = read(remote, answer)?;
        Ok(backup.shown())
    }
}

impl Mark {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.put(&path_of(&self.backup), &json!({"kind": self.kind}))?;
        let done = match self.kind {
            BackupKind::Ordinary => format!("{} is an ordinary backup.", self.backup),
            BackupKind::Log => format!("{} is a backup of transaction logs.", self.backup),
        };
        said(remote, answer, self.json, &done)
    }
}

impl Delete {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let (path, done) = match &self.object {
            None => (path_of(&self.backup), format!("{} is deleted.", self.backup)),
            Some(Object(key)) => (
                format!("{}/objects/{}/{}", path_of(&self.backup), key.kind, key.name),
                format!("{}/{} of {} is deleted.", key.kind, key.name, self.backup),
            ),
        };
        let answer = remote.delete(&path)?;
        said(remote, answer, self.json, &done)
    }
}

fn path_of(place: &Place) -> String {
    format!("/api/v1/backups/{place}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tokio::net::TcpListener;
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::cli::remote::agent;
    use crate::testing::office::Office;

    #[derive(Parser)]
    struct Arguments {
        #[command(subcommand)]
        backups: Backups,
    }

    #[tokio::test]
    async fn backups_are_listed_marked_and_deleted_whole_or_in_part() {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let office = Office::reached_as(&url).await;
        let snapshot = office.snapshot("one").await;
        let router = crate::http::router(office.server.app.clone());
        let serving = tokio::spawn(async move { axum::serve(socket, router).await });
        let ann = office.token(&office.ann).await;
        let run = async |line: &str| {
            let remote = Remote {
                url: url.parse().unwrap(),
                agent: agent(&ServerFlags::default()).unwrap(),
                held: Default::default(),
                token: Some(ann.clone().into()),
            };
            let words = ["backups"].into_iter().chain(line.split(' '));
            let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
            spawn_blocking(move || arguments.backups.carry_out(&remote))
                .await
                .unwrap()
        };
        let list = run("list").await.unwrap();
        assert!(list.contains("main/laptop  ordinary  1"), "{list}");
        assert_eq!(
            run("mark main/laptop log").await.unwrap(),
            "main/laptop is a backup of transaction logs.\n"
        );
        let held = run(&format!("delete main/laptop --object snapshots/{}", snapshot.name)).await;
        assert_eq!(held.unwrap(), "Held: a second person must approve request 1.\n");
        let shown = run("show main/laptop").await.unwrap();
        assert!(
            shown.contains("held by request 1") && shown.contains("kind        log"),
            "{shown}"
        );
        let held = run("delete main/laptop").await.unwrap();
        assert_eq!(held, "Held: a second person must approve request 2.\n");
        assert_eq!(run("show main/nothing").await.unwrap_err().code(), 3);
        serving.abort();
    }
}
