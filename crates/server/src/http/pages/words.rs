//! How values of the store and of core read on pages; more than one page says each of them.

use countersign_core::account_change::Reset;
use countersign_core::behind::{Part, Party};
use countersign_core::receiver::Transport;
use countersign_core::request::{DecidedFrom, State, Summary};
use countersign_core::{Account, AccountState, BackupId, ObjectKind, decide};
use countersign_events::{Operation, Timestamp};
use countersign_store::{RequestRecord, StoreError, View};

use super::{Asked, obstacles};
use crate::app::DEFAULT_STORAGE;
use crate::pages::{Bytes, Count, LockRow, PendingRow, RequestState, TestNote};
use crate::preview;
use crate::receivers::{About, Outcome};

/// What a request would do, as the events say it.
pub fn operation(asked: &Asked, operation: &Operation) -> String {
    operation.name(&asked.app.config.origin.product)
}

/// The state as a page shows it; none for a collection that emptied and never became a request.
pub const fn state(state: State) -> Option<RequestState> {
    match state {
        State::Collecting => Some(RequestState::Collecting),
        State::Pending => Some(RequestState::Pending),
        State::Approved => Some(RequestState::Approved),
        State::Rejected => Some(RequestState::Rejected),
        State::Expired => Some(RequestState::Expired),
        State::Closed => None,
    }
}

/// Where an account is in its life, as pages say it.
pub const fn account_state(state: AccountState) -> &'static str {
    match state {
        AccountState::Invited => "Invited",
        AccountState::Active => "Active",
        AccountState::Disabled => "Disabled",
        AccountState::Deleted => "Deleted",
    }
}

/// What is set anew, as pages say it.
pub const fn reset(reset: Reset) -> &'static str {
    match reset {
        Reset::Password => "the password, by a link on which the second factor is shown",
        Reset::SecondFactor => "the second factor, by a link on which the password is shown; the old one ends at once",
        Reset::Both => "password and second factor, by a new invitation; the old ones end at once",
        Reset::PasswordAtNextLogon => "the password, at the next sign-in",
    }
}

/// When a request expires. One without a time does not wait, so its time is now.
pub fn expires(asked: &Asked, record: &RequestRecord) -> Timestamp {
    record.expires_at.unwrap_or(asked.now)
}

/// Where a backup's page is.
pub fn backup_href(path: &str) -> String {
    // The names of storages and backups need no escaping.
    format!("/backups/{path}")
}

/// The waiting requests of a queue as the reader sees them, oldest first. Approving one takes all before it along.
///
/// `accounts` is everybody, by which it is judged who is a second person.
pub fn waiting_rows(asked: &Asked, queue: &[RequestRecord], accounts: &[Account]) -> Vec<PendingRow> {
    let mut open = true;
    let mut row = |record: &RequestRecord| {
        open = open && obstacles::cannot_approve(asked, record, &[], accounts).is_none();
        PendingRow {
            can_approve: open,
            can_choose: open || obstacles::cannot_reject(asked, record).is_none(),
            ..waiting_row(asked, record)
        }
    };
    queue.iter().map(&mut row).collect()
}

/// How a decision was made, and from where.
pub fn decided_from(from: &DecidedFrom) -> String {
    let with = match (&from.client, from.agent.as_str()) {
        (Some(client), "") => format!(" by {client}"),
        (Some(client), agent) => format!(" by {client} ({agent})"),
        (None, "") => String::new(),
        (None, agent) => format!(" in the browser {agent}"),
    };
    format!("{}, from {}{with}", from.factor, from.address)
}

/// Who else stands behind a request, and how.
pub fn behind(parties: &[Party], accounts: &[Account]) -> Vec<String> {
    let one = |party: &Party| {
        let name = accounts.iter().find(|account| account.id == party.account);
        let name = name.map(|account| account.name.to_string()).unwrap_or_default();
        let how = match party.part {
            Part::Owner => "owns the service",
            Part::Maker => "made its token",
            Part::Linked => "is the same person",
        };
        format!("{name} ({how})")
    };
    parties.iter().map(one).collect()
}

fn waiting_row(asked: &Asked, record: &RequestRecord) -> PendingRow {
    let nothing = Summary::default();
    let summary = record.summary.as_ref().unwrap_or(&nothing);
    PendingRow {
        id: record.id.to_string(),
        operation: operation(asked, &record.operation),
        initiator: record.initiator.name.clone(),
        yours: asked.is_reader(record.initiator.account),
        can_approve: false,
        can_choose: false,
        snapshots: Count(summary.of(ObjectKind::Snapshots)),
        objects: Count(summary.objects()),
        bytes: Bytes(summary.bytes()),
        marks: preview::marks(record, asked.now),
        created: asked.moment(record.created_at),
        expires: asked.moment(expires(asked, record)),
    }
}

/// The locks of clients that are at work in a backup.
pub async fn live_locks(view: &mut View, asked: &Asked, backup: BackupId) -> Result<Vec<LockRow>, StoreError> {
    let locks = view.locks(backup).await?;
    Ok(locks
        .into_iter()
        .filter(|lock| !decide::lock_is_dead(lock.made_at, asked.now))
        .map(|lock| LockRow {
            by: lock.made_by,
            since: asked.moment(lock.made_at),
        })
        .collect())
}

/// How a client is pointed at a backup: `rest:https://ann:TOKEN@backup.example/restic/main/laptop/`.
pub fn client_url(asked: &Asked, token: &str, path: &str) -> String {
    client_url_of(asked, asked.person.account.name.as_str(), token, path)
}

/// The same for another account.
pub fn client_url_of(asked: &Asked, name: &str, token: &str, path: &str) -> String {
    let public = &asked.app.config.public_url;
    let scheme = if public.is_https() { "https" } else { "http" };
    let name = percent_encoding::utf8_percent_encode(name, crate::session::QUERY_VALUE);
    format!("rest:{scheme}://{name}:{token}@{}/restic/{path}/", public.authority())
}

/// What stands for a token, and for a backup in the first storage, where there is none to name.
pub const TOKEN_PLACE: &str = "TOKEN";

/// A backup in the first storage, where there is none to name.
pub fn some_backup() -> String {
    format!("{DEFAULT_STORAGE}/BACKUP")
}

/// What a transport is called.
pub const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::TcpLf => "TCP, line feed",
        Transport::TcpOctets => "TCP, octet counting",
        Transport::Tls => "TLS",
        Transport::Relp => "RELP",
        Transport::RelpTls => "RELP inside TLS",
    }
}

/// The last test message about this, since the server's start.
pub fn test(asked: &Asked, about: About) -> Option<TestNote> {
    let test = asked.app.receiver_tests.last(about)?;
    Some(TestNote {
        good: !matches!(test.outcome, Outcome::Failed(_)),
        text: sentence(&test.outcome.text()),
        at: asked.moment(test.at),
    })
}

/// A message as a sentence.
pub fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}
