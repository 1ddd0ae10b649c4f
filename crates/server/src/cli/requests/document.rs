//! Requests as the API tells them, and as a terminal shows them.

use std::fmt::Write as _;

use countersign_core::manifest::{Manifest, ManifestObject, Subject};
use countersign_core::preview::Weight;
use countersign_core::request::{DecidedFrom, KindSum, State};
use countersign_core::{ObjectKind, RequestId, Sha256};
use serde::Deserialize;

use super::path_of;
use crate::cli::remote::Remote;
use crate::cli::remote::failure::Failure;
use crate::cli::terminal::{columns, date, plain};
use crate::flows::accounts;
use crate::flows::clients;
use crate::flows::commands;
use crate::flows::configuration_backups;
use crate::flows::notices;
use crate::flows::receivers::{Difference, differences};
use crate::flows::service_providers;
use crate::flows::settings::policy_differences;
use crate::flows::storages;
use crate::pages::{Bytes, Count};

/// A request.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// What became of it.
    pub state: State,
    operation: String,
    initiator: String,
    initiator_address: String,
    created_at: String,
    expires_at: Option<String>,
    /// SHA-256 of the manifest.
    pub digest: Option<Sha256>,
    loss: Option<Loss>,
    /// Absent in the answer of an older server.
    #[serde(default)]
    marks: Vec<String>,
    decided_at: Option<String>,
    decided_by: Option<String>,
    decided_from: Option<DecidedFrom>,
    comment: Option<String>,
    reason: Option<String>,
    effect: String,
    effect_detail: Option<String>,
    effect_due_at: Option<String>,
    vetoed_by: Option<String>,
    veto_comment: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Loss {
    objects: u64,
    bytes: u64,
    kinds: Vec<KindSum>,
    backup_objects: u64,
    backup_bytes: u64,
    oldest_snapshot_at: Option<String>,
    newest_snapshot_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Warning {
    weight: Weight,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Stays {
    bytes: u64,
    snapshots: u64,
    newest_snapshot_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Habit {
    text: String,
}

/// A request with its place in the queue of its backup.
#[derive(Debug, Deserialize)]
pub struct Detail {
    /// The request.
    #[serde(flatten)]
    pub request: Request,
    /// Why, in the initiator's words.
    why: Option<String>,
    /// What an approval approves, oldest first; the request itself is the last.
    pub approve_with: Vec<Neighbour>,
    /// What a rejection rejects.
    pub reject_with: Vec<RequestId>,
    /// What a veto ends; nothing when it is too late, or too early, for one.
    pub veto_with: Vec<RequestId>,
    /// What must not be overlooked.
    #[serde(default)]
    warnings: Vec<Warning>,
    nature: Option<String>,
    stays: Option<Stays>,
    habit: Option<Habit>,
}

/// A request beside another one.
#[derive(Debug, Deserialize)]
pub struct Neighbour {
    /// Its number.
    pub id: RequestId,
}

/// A manifest that was read and hashed here.
pub struct Sealed {
    /// Its bytes.
    pub text: String,
    /// Their SHA-256.
    pub digest: Sha256,
    /// What they say; nothing when a newer server says it in a newer form.
    manifest: Option<Manifest>,
}

impl Sealed {
    /// Asks for a manifest and hashes it.
    pub fn fetch(remote: &Remote, id: RequestId) -> Result<Self, Failure> {
        let text = remote.get_text(&format!("{}/manifest", path_of(id)))?;
        let digest = Sha256::of(text.as_bytes());
        let manifest: Option<Manifest> = serde_json::from_str(&text).ok();
        if manifest.as_ref().is_some_and(|manifest| manifest.request != id) {
            return Err(Failure::WrongDigest(id));
        }
        Ok(Self { text, digest, manifest })
    }
}

/// How many snapshots are named one by one.
const SNAPSHOTS: usize = 20;

impl Detail {
    /// For a terminal; what the manifest says comes from the manifest itself.
    pub fn shown(&self, sealed: Option<&Sealed>) -> String {
        let request = &self.request;
        let mut lines = Lines::new(format!("Request {}: {}", request.id, plain(&request.operation)));
        lines.add("state", request.standing());
        lines.add(
            "asked",
            format!(
                "{} by {} from {}",
                date(&request.created_at),
                plain(&request.initiator),
                plain(&request.initiator_address)
            ),
        );
        if let Some(why) = &self.why {
            lines.add("why", plain(why));
        }
        if let Some(comment) = request.comment.as_deref().filter(|comment| !comment.is_empty()) {
            lines.add("comment", plain(comment));
        }
        if let Some(reason) = &request.reason {
            lines.add("because", plain(reason));
        }
        if let Some(comment) = request.veto_comment.as_deref().filter(|comment| !comment.is_empty()) {
            lines.add("veto", plain(comment));
        }
        for warning in &self.warnings {
            let name = match warning.weight {
                Weight::Strong => "WARNING",
                Weight::Notable => "note",
            };
            lines.add(name, plain(&warning.text));
        }
        if let Some(nature) = &self.nature {
            lines.add("what", plain(nature));
        }
        if let Some(loss) = &request.loss {
            lines.loss(loss, request.fate());
        }
        if let Some(stays) = &self.stays {
            lines.add("stays", stays.told());
        }
        if let Some(habit) = &self.habit {
            lines.add("usual", plain(&habit.text));
        }
        if let Some(manifest) = sealed.and_then(|sealed| sealed.manifest.as_ref()) {
            lines.subject(&manifest.subject);
        }
        if let Some(digest) = sealed.map(|sealed| sealed.digest).or(request.digest) {
            lines.add("digest", digest.to_string());
        }
        let older = self.older();
        if !older.is_empty() {
            lines.add("approving", format!("approves {} first: --with-older", listed(&older)));
        }
        let later: Vec<_> = self
            .reject_with
            .iter()
            .copied()
            .filter(|id| *id != request.id)
            .collect();
        if !later.is_empty() {
            lines.add("rejecting", format!("rejects {}, too", listed(&later)));
        }
        let along: Vec<_> = self.veto_with.iter().copied().filter(|id| *id != request.id).collect();
        if !along.is_empty() {
            lines.add("vetoing", format!("ends {}, too", listed(&along)));
        }
        lines.text
    }

    /// The requests of the same backup that must be approved before, oldest first.
    pub fn older(&self) -> Vec<RequestId> {
        let ids = self.approve_with.iter().map(|neighbour| neighbour.id);
        ids.filter(|id| *id != self.request.id).collect()
    }
}

impl Stays {
    fn told(&self) -> String {
        let sum = format!("{}, {}", Count(self.snapshots).of("snapshot"), Bytes(self.bytes));
        match &self.newest_snapshot_at {
            Some(newest) => format!("{sum}; the newest is of {}", date(newest)),
            None => sum,
        }
    }
}

impl Request {
    /// Whether it was approved and a veto still comes in time.
    pub fn can_be_vetoed(&self) -> bool {
        matches!(self.effect.as_str(), "waiting" | "postponed")
    }

    /// What became of it, in words.
    pub fn standing(&self) -> String {
        let mut text = self.state.as_str().to_owned();
        if let (State::Pending, Some(expires)) = (self.state, &self.expires_at) {
            text += &format!(", expires {}", date(expires));
        }
        if let Some(by) = &self.decided_by {
            text += &format!(" by {}", plain(by));
        }
        if let Some(at) = &self.decided_at {
            text += &format!(", {}", date(at));
        }
        if let Some(from) = &self.decided_from {
            text += &format!(", with a {} from {}", plain(&from.factor), plain(&from.address));
        }
        match self.effect.as_str() {
            "none" => {}
            "waiting" | "postponed" => {
                let due = self.effect_due_at.as_deref().map(date).unwrap_or_default();
                text += &format!("; takes effect {due} unless it is vetoed");
                if self.effect == "postponed" {
                    text += ", postponed";
                }
            }
            "vetoed" => {
                let by = self.vetoed_by.as_deref().map(plain).unwrap_or_default();
                text += &format!("; vetoed by {by}");
            }
            effect => text += &format!("; effect {}", plain(effect)),
        }
        if let Some(detail) = &self.effect_detail {
            text += &format!(" ({})", plain(detail));
        }
        text
    }
}

impl Request {
    /// Whether what it lists is there, will be gone, or is gone.
    fn fate(&self) -> &'static str {
        match (self.state, self.effect.as_str()) {
            (State::Collecting | State::Pending, _) => "would lose",
            (State::Approved, "waiting" | "postponed") => "will lose",
            (State::Approved, "vetoed" | "failed") | (State::Rejected | State::Expired | State::Closed, _) => "kept",
            (State::Approved, _) => "lost",
        }
    }
}

/// Lines with their names before them.
struct Lines {
    text: String,
}

impl Lines {
    fn new(title: String) -> Self {
        Self { text: title + "\n" }
    }

    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "  {name:<11}{value}");
    }

    fn loss(&mut self, loss: &Loss, fate: &str) {
        let kinds: Vec<_> = loss
            .kinds
            .iter()
            .map(|sum| format!("{} {}", sum.kind, Count(sum.objects)))
            .collect();
        let sum = format!("{}, {}", Count(loss.objects).of("object"), Bytes(loss.bytes));
        self.add(
            fate,
            if kinds.is_empty() {
                sum
            } else {
                format!("{sum}: {}", kinds.join(", "))
            },
        );
        self.add(
            "of",
            format!(
                "{}, {} in the backup",
                Count(loss.backup_objects).of("object"),
                Bytes(loss.backup_bytes)
            ),
        );
        if let (Some(oldest), Some(newest)) = (&loss.oldest_snapshot_at, &loss.newest_snapshot_at) {
            let span = if oldest == newest {
                format!("its snapshot was received {}", date(oldest))
            } else {
                format!("its snapshots were received {} to {}", date(oldest), date(newest))
            };
            self.add("received", span);
        }
    }

    fn subject(&mut self, subject: &Subject) {
        match subject {
            Subject::Objects { objects, whole, .. } => self.objects(objects, *whole),
            Subject::Account {
                after, before, reset, ..
            } => {
                self.add("account", after.name.to_string());
                let set = |value: &str| {
                    if value.is_empty() {
                        "none".to_owned()
                    } else {
                        plain(value)
                    }
                };
                for difference in accounts::differences(before.as_deref(), after, *reset) {
                    let (before, after) = (set(&difference.before), set(&difference.after));
                    self.add("change", format!("{}: {before} → {after}", difference.name));
                }
            }
            Subject::Policy { after, before } => {
                for (name, before, after) in policy_differences(before, after) {
                    self.add("change", format!("{name}: {before} → {after}"));
                }
            }
            Subject::Client { after, before } => {
                let id = before.as_ref().or(after.as_ref()).map(|spec| spec.id.to_string());
                self.add("client", id.unwrap_or_default());
                self.differences(clients::differences(before.as_deref(), after.as_deref()));
            }
            Subject::Clock { after, before, .. } => {
                let (before, after) = (date(&before.rfc3339(0)), date(&after.rfc3339(0)));
                self.add("clock", format!("it jumped from {before} to {after}, and is right"));
            }
            Subject::Command(spec) => {
                for (name, value) in commands::facts(spec) {
                    self.add(&name.to_lowercase(), plain(&value));
                }
            }
            Subject::Runner { name, .. } => {
                self.add("runner", plain(name));
                self.add("change", "it gets the commands that are addressed to it".to_owned());
            }
            Subject::ClientSecret { client, .. } => {
                self.add("client", client.to_string());
                self.add("change", "secret: it holds no more".to_owned());
            }
            Subject::Storage {
                backups,
                name,
                path,
                purge,
                ..
            } => {
                self.add("storage", name);
                if let Some(path) = path {
                    self.add("folder", plain(path.as_str()));
                }
                let end = if *purge {
                    "they are destroyed"
                } else {
                    "they are left in the folder"
                };
                self.add("bytes", end);
                for backup in backups {
                    let sum = format!("{}, {}", Count(backup.objects).of("object"), Bytes(backup.bytes));
                    self.add("backup", format!("{name}/{}: {sum}", backup.name));
                }
            }
            Subject::StorageChange { after, before, .. } => {
                self.add("storage", &before.name);
                for weaker in storages::weakening(before, after) {
                    self.add("weaker", weaker);
                }
                self.differences(storages::differences(Some(before), Some(after)));
            }
            Subject::NoticeChannel { after, before, .. } => {
                let name = before.as_ref().or(after.as_ref()).map(|spec| spec.name.to_string());
                self.add("channel", name.unwrap_or_default());
                self.differences(notices::differences(before.as_deref(), after.as_deref()));
            }
            Subject::ConfigurationBackup {
                hash,
                made_at,
                name,
                size,
                ..
            } => {
                self.add("file", plain(name));
                self.add("made", date(&made_at.rfc3339(0)));
                self.add("size", Bytes(*size));
                self.add("SHA-256", hash);
            }
            Subject::ConfigurationPassphrase { before, passphrase, .. } => {
                let before = if before.is_some() { "set" } else { "none" };
                self.add(
                    "change",
                    format!("passphrase: {before} → another (number {passphrase})"),
                );
            }
            Subject::ConfigurationSchedule { after, before } => {
                self.differences(configuration_backups::differences(*before, *after));
            }
            Subject::ServiceProvider { after, before, .. } => {
                self.add("provider", format!("{} {}", before.name, before.url));
                if after.is_none() {
                    self.add("remark", "the copies there stay as they are");
                }
                self.differences(service_providers::differences(Some(before), after.as_deref()));
            }
            Subject::Receiver { after, before, .. } => {
                let name = before.as_ref().or(after.as_ref()).map(|spec| spec.name.to_string());
                self.add("receiver", name.unwrap_or_default());
                self.differences(differences(before.as_deref(), after.as_deref()));
            }
        }
    }

    fn differences(&mut self, all: Vec<Difference>) {
        let set = |value: &str| {
            if value.is_empty() {
                "none".to_owned()
            } else {
                plain(value)
            }
        };
        for Difference { name, before, after } in all {
            self.add("change", format!("{name}: {} → {}", set(&before), set(&after)));
        }
    }

    fn objects(&mut self, objects: &[ManifestObject], whole: bool) {
        if whole {
            self.add("whole", "the backup itself goes, too");
        }
        let mut snapshots = objects.iter().filter(|object| object.kind == ObjectKind::Snapshots);
        for snapshot in snapshots.by_ref().take(SNAPSHOTS) {
            self.add("snapshot", plain(&snapshot.name));
        }
        let more = snapshots.count();
        if more > 0 {
            self.add("snapshot", format!("and {more} more: --manifest"));
        }
    }
}

/// Requests as a table with a head; nothing but a remark when there are none.
pub fn table(requests: &[Request]) -> String {
    if requests.is_empty() {
        return "No requests.\n".to_owned();
    }
    let head = [
        "ID",
        "STATE",
        "ASKED",
        "BY",
        "OBJECTS",
        "SIZE",
        "EXPIRES / DECIDED",
        "WARNINGS",
        "OPERATION",
    ];
    columns(head, requests.iter().map(row))
}

fn row(request: &Request) -> [String; 9] {
    let loss = request.loss.as_ref().filter(|loss| loss.objects > 0);
    let until = match (&request.decided_at, &request.decided_by, &request.expires_at) {
        _ if request.can_be_vetoed() => {
            let due = request.effect_due_at.as_deref().map(date).unwrap_or_default();
            format!("takes effect {due}")
        }
        (Some(at), Some(by), _) => format!("{} {}", date(at), plain(by)),
        (Some(at), None, _) | (None, _, Some(at)) => date(at),
        (None, _, None) => String::new(),
    };
    [
        request.id.to_string(),
        request.state.as_str().to_owned(),
        date(&request.created_at),
        plain(&request.initiator),
        loss.map_or_else(String::new, |loss| Count(loss.objects).to_string()),
        loss.map_or_else(String::new, |loss| Bytes(loss.bytes).to_string()),
        until,
        plain(&request.marks.join(",")),
        plain(&request.operation),
    ]
}

/// `request 1`, `requests 1, 2`.
pub fn listed(ids: &[RequestId]) -> String {
    let numbers: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let noun = if ids.len() == 1 { "request" } else { "requests" };
    format!("{noun} {}", numbers.join(", "))
}
