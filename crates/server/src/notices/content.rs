//! What a notice says, to whom, in words and field by field. Whatever anybody chose stands in it as plain text of one line.

use countersign_core::behind::part_of;
use countersign_core::email::EmailAddress;
use countersign_core::notice::NoticeKind;
use countersign_core::request::{Effect, State};
use countersign_core::{Account, AccountId, AccountKind};
use countersign_events::Timestamp;
use countersign_store::{NoticeChannel, RecordedNotice, RequestRecord, StoreError, View};
use serde_json::{Value, json};

use crate::app::App;
use crate::pages::{Bytes, Count};

/// A notice, ready to be sent.
#[derive(Debug, Clone)]
pub struct Content {
    /// Unlike any other's, and the same whenever this one is sent again.
    pub id: String,
    /// When what it tells of happened.
    pub at: Timestamp,
    /// One line.
    pub subject: String,
    /// The rest, lines of plain text.
    pub text: String,
    /// The same for programs.
    pub document: Value,
    /// Who is told.
    pub to: Vec<Told>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which account.
    pub id: AccountId,
    /// How it is called.
    pub name: String,
    /// Where it is told; none was set.
    pub email: Option<EmailAddress>,
}

/// The longest text that somebody chose, in characters.
const LONGEST: usize = 200;

impl Content {
    /// What a channel tells of a notice; none when there is nothing to tell any more.
    pub(super) async fn of(
        view: &mut View,
        app: &App,
        channel: &NoticeChannel,
        notice: RecordedNotice,
    ) -> Result<Option<Self>, StoreError> {
        let Some(record) = view.request(notice.request).await? else {
            return Ok(None);
        };
        if notice.kind == NoticeKind::Reminder && record.state != State::Pending {
            return Ok(None);
        }
        let to = match notice.kind {
            NoticeKind::Created | NoticeKind::Reminder => approvers(view, &record, app.clock.now()).await?,
            NoticeKind::Decided | NoticeKind::Failed => initiator(view, &record, app.clock.now()).await?,
        };
        let id = format!("{}-{}", channel.created_at.0, notice.seq);
        Ok(Some(told(app, id, notice, &record, to)))
    }

    /// What a test says.
    pub(super) fn test(app: &App, asker: &Account, channel: &NoticeChannel) -> Self {
        let (at, name) = (app.clock.now(), asker.name.to_string());
        let subject = format!("[Countersign] A test of the channel {}", channel.spec.name);
        let text = format!(
            "This is a test from Countersign at {}: {name} asked for it.\nNotices of requests will arrive here.\n",
            app.config.public_url
        );
        Self {
            id: format!("{}-test-{}", channel.created_at.0, at.0),
            at,
            document: json!({
                "type": "test",
                "timestamp": at.rfc3339(0),
                "data": {"channel": channel.spec.name, "asked_by": name},
            }),
            subject,
            text,
            to: vec![Told::from(asker)],
        }
    }

    /// The text for chats: what they take for markup or a mention is none.
    pub(super) fn chat(&self) -> String {
        let text = format!("{}\n{}", self.subject, self.text);
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }
}

impl From<&Account> for Told {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            name: account.name.to_string(),
            email: account.email.clone(),
        }
    }
}

/// Who could approve a request now: nobody who stands behind it.
async fn approvers(view: &mut View, record: &RequestRecord, now: Timestamp) -> Result<Vec<Told>, StoreError> {
    let asked = &record.initiator;
    let known = view.accounts().await?;
    let accounts = view.accounts_with_factor().await?;
    let ageing = view.moment(now).ageing;
    let could = accounts.iter().filter(|account| {
        account.eligible(ageing).is_ok()
            && account.id != asked.account
            // Where nobody knows any more who stands behind it, it is to be rejected: by whoever is told.
            && !matches!(part_of(account, asked.account, &asked.behind, &known), Ok(Some(_)))
    });
    Ok(could.map(Told::from).collect())
}

/// Whoever asked, or who answers for it.
async fn initiator(view: &mut View, record: &RequestRecord, now: Timestamp) -> Result<Vec<Told>, StoreError> {
    let asked = view.account(record.initiator.account).await?;
    let person = match asked {
        Some(service) if service.kind == AccountKind::Service => match service.owner {
            Some(owner) => view.account(owner).await?,
            None => None,
        },
        person => person,
    };
    let person = person.filter(|account| account.kind == AccountKind::Person && account.lives(now));
    Ok(person.iter().map(Told::from).collect())
}

fn told(app: &App, id: String, notice: RecordedNotice, record: &RequestRecord, to: Vec<Told>) -> Content {
    let operation = plain(&record.operation.name(app.product()), LONGEST);
    let target = plain(&record.target, LONGEST);
    let by = plain(&record.initiator.name, LONGEST);
    let href = app.config.public_url.join(&format!("/requests/{}", record.id));
    let (kind, line) = headline(notice.kind, record);
    let digest = record
        .digest
        .map(|digest| digest.to_hex().chars().take(16).collect::<String>());
    let mut text = Lines(String::new());
    text.0 += &format!("Request {} {line}.\n\n", record.id);
    text.add("Operation", &format!("{operation} ({})", record.operation.id()));
    text.add("Target", &target);
    text.add(
        "Asked by",
        &format!("{by}, from {}", plain(&record.initiator.address, LONGEST)),
    );
    text.add("Asked at", &record.created_at.rfc3339(0));
    let loss = record.summary.as_ref().filter(|summary| summary.objects() > 0);
    if let Some(summary) = loss {
        let snapshots = summary.of(countersign_core::ObjectKind::Snapshots);
        text.add(
            "Would take",
            &format!(
                "{}, {} of {}, {} among them",
                Count(summary.objects()).of("object"),
                Bytes(summary.bytes()),
                Bytes(summary.backup_bytes),
                Count(snapshots).of("snapshot")
            ),
        );
    }
    if let Some(digest) = &digest {
        text.add("Digest", &format!("{digest}..."));
    }
    if let (Some(end), State::Pending) = (record.expires_at, record.state) {
        text.add("Open until", &end.rfc3339(0));
    }
    if let Some(decider) = record.decided_by.as_ref().filter(|_| record.state != State::Pending) {
        text.add("Decided by", &plain(decider, LONGEST));
    }
    text.0 += &format!("\n{href}\n\nNothing is decided by this message: the page asks who you are.\n");
    let document = json!({
        "type": kind,
        "timestamp": notice.at.rfc3339(0),
        "data": {
            "request": record.id,
            "href": href,
            "state": record.state,
            "effect": record.effect,
            "operation": {"id": record.operation.id(), "name": operation},
            "target": target,
            "initiator": by,
            "created_at": record.created_at.rfc3339(0),
            "expires_at": record.expires_at.map(|end| end.rfc3339(0)),
            "decided_by": record.decided_by.as_deref().map(|name| plain(name, LONGEST)),
            "digest": digest,
            "loss": loss.map(|summary| json!({
                "objects": summary.objects(),
                "bytes": summary.bytes(),
                "snapshots": summary.of(countersign_core::ObjectKind::Snapshots),
            })),
            "for": to.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(),
        },
    });
    Content {
        id,
        at: notice.at,
        subject: format!("[Countersign] Request {} {line}: {operation}, {target}", record.id),
        text: text.0,
        document,
        to,
    }
}

/// The type of the notice for programs, and what is the matter, after "Request 41".
fn headline(kind: NoticeKind, record: &RequestRecord) -> (&'static str, &'static str) {
    match (kind, record.state) {
        (NoticeKind::Reminder, _) => ("request.reminder", "expires soon and waits for a decision"),
        (NoticeKind::Created, State::Pending | State::Collecting) => ("request.created", "waits for a decision"),
        (NoticeKind::Created, _) => ("request.created", "was asked for and is decided already"),
        (NoticeKind::Failed, _) => ("request.failed", "was approved, but could not be carried out"),
        (NoticeKind::Decided, State::Rejected) => ("request.rejected", "was rejected"),
        (NoticeKind::Decided, State::Expired) => ("request.expired", "has expired"),
        (NoticeKind::Decided, _) if record.effect == Effect::Failed => {
            ("request.failed", "was approved, but could not be carried out")
        }
        (NoticeKind::Decided, _) => ("request.approved", "was approved"),
    }
}

/// Named lines.
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        self.0 += &format!("{:<12}{value}\n", format!("{name}:"));
    }
}

/// Text that somebody chose, as one line of so many characters at most, without what would end the line, hide, or turn it around.
pub fn plain(text: &str, most: usize) -> String {
    let hides = |letter: char| {
        letter.is_control()
            || matches!(letter,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let shown = text.replace(hides, "\u{fffd}");
    if shown.chars().count() <= most {
        return shown;
    }
    let mut cut: String = shown.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
