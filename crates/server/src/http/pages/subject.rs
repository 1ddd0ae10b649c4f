//! What a request would change: the objects of a backup, settings, a receiver, or an account.

use countersign_core::account_change::{AccountSpec, Reset};
use countersign_core::command::CommandSpec;
use countersign_core::logon::ClientSpec;
use countersign_core::manifest::{ManifestBackup, Subject as Changes};
use countersign_core::notice::{ChannelSpec, Way};
use countersign_core::receiver::ReceiverSpec;
use countersign_core::request::{KindSum, State, Summary};
use countersign_core::service_provider::ServiceProviderSpec;
use countersign_core::{
    AccountKind, AccountName, BackupId, FolderPath, Name, ObjectKind, Policy, RequestId, ServiceProviderId, StorageSpec,
};
use countersign_events::entry;
use countersign_store::{ListedObject, RequestRecord, StoreError, View};

use super::filter::address;
use super::{Asked, words};
use crate::flows::accounts;
use crate::flows::commands;
use crate::flows::notices;
use crate::flows::receivers::{Difference, differences};
use crate::flows::service_providers;
use crate::flows::settings::policy_differences;
use crate::flows::storages;
use crate::flows::{clients, configuration_backups};
use crate::http::Problem;
use crate::pages::{
    Bytes, ChangeRow, Count, Loss, LostKind, LostSnapshot, Moment, ObjectRow, Pager, Share, Stays, Subject,
};
use crate::preview;

/// How many snapshots are told before the list of all objects.
pub const MOST_SNAPSHOTS: u32 = 50;
const OBJECTS_A_PAGE: usize = 100;

/// What the page says that a request would change.
pub async fn of(
    view: &mut View,
    asked: &Asked,
    record: &RequestRecord,
    summary: &Summary,
    after: &str,
) -> Result<Subject, Problem> {
    let unreadable = || Problem::from(StoreError::Unreadable("a manifest"));
    if record.state == State::Collecting {
        let backup = record.backup.ok_or_else(unreadable)?;
        let loss = collected(view, asked, record, backup, summary).await?;
        return Ok(Subject::Objects(Box::new(loss)));
    }
    let head = view.manifest_head(record.id).await?.ok_or_else(unreadable)?;
    Ok(match head.subject {
        Changes::Objects { whole, .. } => {
            Subject::Objects(Box::new(lost(view, asked, record, whole, summary, after).await?))
        }
        Changes::Account {
            after, before, reset, ..
        } => Subject::Change(account_rows(before.as_deref(), &after, reset)),
        Changes::Policy { after, before } => Subject::Change(policy_rows(&before, &after)),
        Changes::Client { after, before } => Subject::Change(client_rows(before.as_deref(), after.as_deref())),
        Changes::Command(spec) => Subject::Change(command_rows(&spec)),
        Changes::Runner { account, name } => Subject::Change(vec![ChangeRow {
            what: format!("Service account {name} ({})", account.subject()),
            before: "no runner".to_owned(),
            after: "a runner: it gets the commands that are addressed to it".to_owned(),
        }]),
        Changes::ClientSecret { client, .. } => Subject::Change(vec![ChangeRow {
            what: format!("Secret of client {client}"),
            before: "holds".to_owned(),
            after: "holds no more; another is made when it is asked for".to_owned(),
        }]),
        Changes::Clock { after, before, .. } => Subject::Change(vec![ChangeRow {
            what: "Time, after the clock jumped".to_owned(),
            before: before.rfc3339(0),
            after: after.rfc3339(0),
        }]),
        Changes::Storage {
            backups,
            name,
            path,
            purge,
            ..
        } => Subject::Change(storage_rows(&backups, &name, path.as_ref(), purge)),
        Changes::StorageChange { after, before, .. } => Subject::Change(storage_change_rows(&before, &after)),
        Changes::NoticeChannel { after, before, .. } => {
            Subject::Change(channel_rows(before.as_deref(), after.as_deref()))
        }
        Changes::ConfigurationBackup {
            hash,
            made_at,
            name,
            size,
            ..
        } => Subject::Change(vec![ChangeRow {
            what: format!("Configuration backup {name}"),
            before: format!("{} of {}, SHA-256 {hash}", Bytes(size), asked.moment(made_at).date()),
            after: "deleted".to_owned(),
        }]),
        Changes::ConfigurationPassphrase { before, passphrase, .. } => Subject::Change(vec![ChangeRow {
            what: "Passphrase of configuration backups".to_owned(),
            before: before.map_or("none", |_| "holds").to_owned(),
            after: format!("another (number {passphrase}); those that there are stay as they are"),
        }]),
        Changes::ConfigurationSchedule { after, before } => {
            let rows = configuration_backups::differences(before, after).into_iter();
            Subject::Change(rows.map(difference_row).collect())
        }
        Changes::ServiceProvider {
            after,
            before,
            provider,
        } => Subject::Change(provider_rows(provider, &before, after.as_deref())),
        Changes::Receiver { after, before, .. } => Subject::Change(receiver_rows(before.as_deref(), after.as_deref())),
    })
}

/// The same without the lists of objects, where many requests are shown at once. It is sealed.
pub async fn brief(
    view: &mut View,
    asked: &Asked,
    record: &RequestRecord,
    summary: &Summary,
) -> Result<Subject, Problem> {
    if record.backup.is_none() {
        return of(view, asked, record, summary, "").await;
    }
    let whole = summary.preview.as_ref().is_some_and(|preview| preview.whole);
    Ok(Subject::Objects(Box::new(in_numbers(asked, record, whole, summary))))
}

/// Which account a request is about, if it is about one.
pub async fn account(view: &mut View, record: &RequestRecord) -> Result<Option<AccountName>, StoreError> {
    if record.backup.is_some() {
        return Ok(None);
    }
    Ok(match view.manifest_head(record.id).await?.map(|head| head.subject) {
        Some(Changes::Account { after, .. }) => Some(after.name),
        _ => None,
    })
}

/// What is held so far.
async fn collected(
    view: &mut View,
    asked: &Asked,
    record: &RequestRecord,
    backup: BackupId,
    summary: &Summary,
) -> Result<Loss, StoreError> {
    let held = &summary.kinds;
    let left = summary.preview.as_ref().map_or(0, |preview| preview.left.bytes());
    let snapshots = view.snapshots(backup, u32::MAX).await?;
    let mine = snapshots.iter().filter(|stored| stored.held_by == Some(record.id));
    let bytes = summary.bytes();
    Ok(Loss {
        nature: preview::nature(summary).to_owned(),
        received: received(asked, summary),
        stays: stays(asked, summary),
        habit: summary.preview.as_ref().and_then(preview::habit),
        backup: record.target.clone(),
        backup_href: words::backup_href(&record.target),
        whole: false,
        snapshots: mine
            .take(MOST_SNAPSHOTS as usize)
            .map(|stored| LostSnapshot {
                name: stored.object.key.name.to_string(),
                received: asked.moment(stored.object.received_at),
                by: stored.object.received_by.clone(),
                inside: None,
            })
            .collect(),
        snapshot_count: Count(summary.of(ObjectKind::Snapshots)),
        kinds: kinds(held),
        objects: Count(summary.objects()),
        bytes: Bytes(bytes),
        share: Share::new(bytes, bytes.saturating_add(left)),
        manifest: Vec::new(),
        pager: Pager::default(),
    })
}

/// What a sealed request lists.
async fn lost(
    view: &mut View,
    asked: &Asked,
    record: &RequestRecord,
    whole: bool,
    summary: &Summary,
    after: &str,
) -> Result<Loss, StoreError> {
    let snapshots = view.listed_snapshots(record.id, MOST_SNAPSHOTS).await?;
    let (manifest, pager) = objects(view, asked, record.id, summary, after).await?;
    Ok(Loss {
        snapshots: snapshots
            .into_iter()
            .map(|listed| LostSnapshot {
                name: listed.object.name,
                received: asked.moment(listed.received_at),
                by: listed.received_by,
                inside: None,
            })
            .collect(),
        manifest,
        pager,
        ..in_numbers(asked, record, whole, summary)
    })
}

/// What a sealed request takes away, without a list of it.
fn in_numbers(asked: &Asked, record: &RequestRecord, whole: bool, summary: &Summary) -> Loss {
    Loss {
        nature: preview::nature(summary).to_owned(),
        received: received(asked, summary),
        stays: stays(asked, summary),
        habit: summary.preview.as_ref().and_then(preview::habit),
        backup: record.target.clone(),
        backup_href: words::backup_href(&record.target),
        whole,
        snapshots: Vec::new(),
        snapshot_count: Count(summary.of(ObjectKind::Snapshots)),
        kinds: kinds(&summary.kinds),
        objects: Count(summary.objects()),
        bytes: Bytes(summary.bytes()),
        share: Share::new(summary.bytes(), summary.backup_bytes),
        manifest: Vec::new(),
        pager: Pager::default(),
    }
}

/// A page of the list of objects, and the way on.
async fn objects(
    view: &mut View,
    asked: &Asked,
    id: RequestId,
    summary: &Summary,
    after: &str,
) -> Result<(Vec<ObjectRow>, Pager), StoreError> {
    let from = after.split_once('/');
    let from = from.and_then(|(kind, name)| Some((kind.parse().ok()?, name)));
    let most = u32::try_from(OBJECTS_A_PAGE + 1).unwrap_or(u32::MAX);
    let mut listed = view.manifest_objects(id, from, most).await?;
    let more = listed.len() > OBJECTS_A_PAGE;
    listed.truncate(OBJECTS_A_PAGE);
    let at = |after: &str| format!("{}#objects", address(&format!("/requests/{id}"), &[("after", after)]));
    let last = listed.last().filter(|_| more);
    let last = last.map(|last| format!("{}/{}", last.object.kind, last.object.name));
    let pager = Pager {
        summary: Count(summary.objects()).of("object"),
        first: from.is_some().then(|| at("")),
        next: last.map(|last| at(&last)),
        ..Pager::default()
    };
    let row = |listed: ListedObject| ObjectRow {
        kind: listed.object.kind.to_string(),
        name: listed.object.name,
        size: Bytes(listed.object.size),
        received: asked.moment(listed.received_at),
        by: listed.received_by,
    };
    Ok((listed.into_iter().map(row).collect(), pager))
}

fn kinds(sums: &[KindSum]) -> Vec<LostKind> {
    let present = ObjectKind::ALL
        .into_iter()
        .filter_map(|kind| sums.iter().find(|sum| sum.kind == kind));
    present
        .map(|sum| LostKind {
            kind: sum.kind.to_string(),
            objects: Count(sum.objects),
            bytes: Bytes(sum.bytes),
        })
        .collect()
}

fn received(asked: &Asked, summary: &Summary) -> Option<(Moment, Moment)> {
    let (oldest, newest) = summary.preview.as_ref()?.lost?;
    Some((asked.moment(oldest), asked.moment(newest)))
}

fn stays(asked: &Asked, summary: &Summary) -> Option<Stays> {
    let left = &summary.preview.as_ref()?.left;
    Some(Stays {
        snapshots: Count(left.of(ObjectKind::Snapshots)),
        bytes: Bytes(left.bytes()),
        newest: left.newest.map(|at| asked.moment(at)),
    })
}

/// Exactly what would be run, every word unmistakable.
fn command_rows(spec: &CommandSpec) -> Vec<ChangeRow> {
    let row = |(what, after): (&str, String)| ChangeRow {
        what: what.to_owned(),
        before: "–".to_owned(),
        after,
    };
    commands::facts(spec).into_iter().map(row).collect()
}

fn policy_rows(before: &Policy, after: &Policy) -> Vec<ChangeRow> {
    policy_differences(before, after)
        .into_iter()
        .map(|(name, before, after)| {
            let (what, unit) = setting(name);
            let told = |value: String| match value.as_str() {
                "true" => "on".to_owned(),
                "false" => "off".to_owned(),
                "none" if name == "event_retention_days" => "for ever".to_owned(),
                "none" => "no bound".to_owned(),
                _ => format!("{value} {unit}"),
            };
            ChangeRow {
                what: what.to_owned(),
                before: told(before),
                after: told(after),
            }
        })
        .collect()
}

/// What the settings page calls a setting, and its unit.
fn setting(name: &'static str) -> (&'static str, &'static str) {
    match name {
        "four_eyes" => ("Four-eyes authorization", ""),
        "expiry_days" => ("A request expires after", "days"),
        "quiet_seconds" => ("A client is quiet after", "seconds"),
        "collect_seconds" => ("Collect deletes at most", "seconds"),
        "cool_off_hours" => ("Cool-off of a new approver", "hours"),
        "held_bytes_cap" => ("Held bytes a backup, at most", "bytes"),
        "event_retention_days" => ("Logon events are kept for", "days"),
        "logoff_minutes" => ("Logged off without use after", "minutes"),
        "session_hours" => ("Logged off in any case after", "hours"),
        "open_requests" => ("Requests of one account that may wait", ""),
        "undo_hours" => ("An approval of a delete can be vetoed for", "hours"),
        "mfa_for_all" => ("Everybody needs a second factor", ""),
        other => (other, ""),
    }
}

/// Which service provider it is about, and what differs; of one that is to be forgotten, what it was.
fn provider_rows(
    id: ServiceProviderId,
    before: &ServiceProviderSpec,
    after: Option<&ServiceProviderSpec>,
) -> Vec<ChangeRow> {
    let first = ChangeRow {
        what: format!("Service provider {id}"),
        before: before.name.to_string(),
        after: after.map_or_else(
            || "deleted: nothing more is copied there, and the copies there stay as they are".to_owned(),
            |after| after.name.to_string(),
        ),
    };
    let more = service_providers::differences(Some(before), after).into_iter();
    std::iter::once(first)
        .chain(more.map(|Difference { name, before, after }| {
            let told = |value: String| if value.is_empty() { "not set".to_owned() } else { value };
            ChangeRow {
                what: name,
                before: told(before),
                after: told(after),
            }
        }))
        .collect()
}

/// Which client it is about, and what differs.
fn client_rows(before: Option<&ClientSpec>, after: Option<&ClientSpec>) -> Vec<ChangeRow> {
    let id = before.or(after).map(|spec| spec.id.to_string()).unwrap_or_default();
    let told = |spec: Option<&ClientSpec>| spec.map_or_else(|| "none".to_owned(), |spec| spec.name.clone());
    let mut rows = vec![ChangeRow {
        what: format!("Client {id}"),
        before: told(before),
        after: told(after),
    }];
    if after.is_some() {
        let more = clients::differences(before, after).into_iter();
        // The first row has told it.
        rows.extend(more.filter(|difference| difference.name != "name").map(difference_row));
    }
    rows
}

/// What goes with a storage.
fn storage_rows(backups: &[ManifestBackup], name: &Name, path: Option<&FolderPath>, purge: bool) -> Vec<ChangeRow> {
    let lost = if purge {
        "destroyed"
    } else {
        "left in the folder; this server no longer knows them"
    };
    let place = path.map_or_else(|| "a folder below the data folder".to_owned(), ToString::to_string);
    let sum = |of: fn(&ManifestBackup) -> u64| backups.iter().map(of).fold(0, u64::saturating_add);
    let mut rows = vec![
        ChangeRow {
            what: format!("Storage {name}"),
            before: format!("in service, {place}"),
            after: "out of service".to_owned(),
        },
        ChangeRow {
            what: Count(backups.len() as u64).of("backup").to_string(),
            before: format!(
                "{}, {}",
                Count(sum(|backup| backup.objects)).of("object"),
                Bytes(sum(|backup| backup.bytes))
            ),
            after: lost.to_owned(),
        },
    ];
    rows.extend(backups.iter().take(MOST_DIFFERENCES).map(|backup| ChangeRow {
        what: format!("Backup {name}/{}", backup.name),
        before: format!("{}, {}", Count(backup.objects).of("object"), Bytes(backup.bytes)),
        after: lost.to_owned(),
    }));
    let left = backups.len().saturating_sub(MOST_DIFFERENCES);
    if left > 0 {
        rows.push(ChangeRow {
            what: format!("And {left} more"),
            before: String::new(),
            after: "The manifest, by the API or the command line, has them all.".to_owned(),
        });
    }
    rows
}

/// What differs of a storage, and what is weaker by it.
fn storage_change_rows(before: &StorageSpec, after: &StorageSpec) -> Vec<ChangeRow> {
    let mut rows = vec![ChangeRow {
        what: format!("Storage {}", before.name),
        before: "as it is".to_owned(),
        after: storages::weakening(before, after).join("; "),
    }];
    rows.extend(
        storages::differences(Some(before), Some(after))
            .into_iter()
            .map(difference_row),
    );
    rows
}

/// How many differences of a receiver are told one by one.
const MOST_DIFFERENCES: usize = 200;

/// Which receiver it is about, and what differs.
fn channel_rows(before: Option<&ChannelSpec>, after: Option<&ChannelSpec>) -> Vec<ChangeRow> {
    let name = before.or(after).map(|spec| spec.name.to_string()).unwrap_or_default();
    let told = |spec: Option<&ChannelSpec>| {
        spec.map_or_else(
            || "none".to_owned(),
            |spec| match &spec.way {
                Way::Mail(mail) => format!("mail by {}:{}", mail.host, mail.port),
                Way::Webhook(webhook) => format!("calls to {}", webhook.url),
            },
        )
    };
    let mut rows = vec![ChangeRow {
        what: format!("Notice channel {name}"),
        before: told(before),
        after: told(after),
    }];
    if after.is_none() {
        return rows;
    }
    let mut more = notices::differences(before, after);
    // The first row has told them.
    more.retain(|difference| !matches!(difference.name.as_str(), "mail.host" | "mail.port" | "webhook.url"));
    more.retain(|difference| before.is_some() || difference.name != "name");
    rows.extend(more.into_iter().map(difference_row));
    rows
}

fn receiver_rows(before: Option<&ReceiverSpec>, after: Option<&ReceiverSpec>) -> Vec<ChangeRow> {
    let name = before.or(after).map(|spec| spec.name.to_string()).unwrap_or_default();
    let told = |spec: Option<&ReceiverSpec>| {
        spec.map_or_else(
            || "none".to_owned(),
            |spec| format!("{} by {}", spec.address, words::transport(spec.transport)),
        )
    };
    let mut rows = vec![ChangeRow {
        what: format!("Receiver {name}"),
        before: told(before),
        after: told(after),
    }];
    if after.is_none() {
        return rows;
    }
    let mut more = differences(before, after);
    // The first row has told them.
    more.retain(|difference| !matches!(difference.name.as_str(), "transport" | "address"));
    more.retain(|difference| before.is_some() || difference.name != "name");
    let left = more.len().saturating_sub(MOST_DIFFERENCES);
    rows.extend(more.into_iter().take(MOST_DIFFERENCES).map(difference_row));
    if left > 0 {
        rows.push(ChangeRow {
            what: format!("And {left} more"),
            before: String::new(),
            after: "The manifest, by the API or the command line, has them all.".to_owned(),
        });
    }
    rows
}

/// Which account it is about, and what differs.
fn account_rows(before: Option<&AccountSpec>, after: &AccountSpec, reset: Option<Reset>) -> Vec<ChangeRow> {
    let told = |spec: Option<&AccountSpec>| {
        spec.map_or_else(|| "none".to_owned(), |spec| words::account_state(spec.state).to_owned())
    };
    let kind = match after.kind {
        AccountKind::Person => "Account",
        AccountKind::Service => "Service account",
    };
    let mut rows = vec![ChangeRow {
        what: format!("{kind} {}", after.name),
        before: told(before),
        after: told(Some(after)),
    }];
    let mut more = accounts::differences(before, after, reset);
    // The first row has told them.
    more.retain(|difference| !matches!(difference.name, "kind" | "state"));
    rows.extend(more.into_iter().map(|difference| {
        let told = |value: String| if value.is_empty() { "none".to_owned() } else { value };
        let (what, after) = match difference.name {
            "roles" => ("Its roles", told(difference.after)),
            "expires_at" => ("It expires", told(difference.after)),
            "email" => ("Its person is told at", told(difference.after)),
            "mfa" => ("A second factor is always asked for", told(difference.after)),
            "reset" => ("Set anew", reset.map_or("", words::reset).to_owned()),
            other => (other, told(difference.after)),
        };
        ChangeRow {
            what: what.to_owned(),
            before: told(difference.before),
            after,
        }
    }));
    rows
}

fn difference_row(difference: Difference) -> ChangeRow {
    let Difference { name, before, after } = difference;
    let (what, unset) = match name.strip_prefix("filter ") {
        Some(event) => {
            let title = event.parse().ok().and_then(entry).map(|entry| entry.title);
            let title = title.unwrap_or("not an event of this server");
            (format!("Event {event}, {title}"), "sent")
        }
        None => (property(&name).to_owned(), "not set"),
    };
    let told = |value: String| if value.is_empty() { unset.to_owned() } else { value };
    ChangeRow {
        what,
        before: told(before),
        after: told(after),
    }
}

/// What the page of a receiver or client calls a property.
fn property(name: &str) -> &str {
    match name {
        "at" => "Configuration backups are made daily at (UTC)",
        "keep" => "How many of the schedule's configuration backups stay",
        "name" => "Its name",
        "enabled" => "May ask for logons",
        "authentication" => "Shows that it is itself by",
        "grants" => "Asks by",
        "resources" => "Asks for",
        "redirect_uris" => "Redirect URIs",
        "quota_bytes" => "Quota, in bytes",
        "immutable_days" => "Retention lock, in days",
        "notices" => "It tells of",
        "mail.security" => "Its connection is secured by",
        "mail.user" => "We log on there as",
        "mail.password" => "Password",
        "mail.from" => "Mail comes from",
        "mail.ca" | "webhook.ca" => "Authorities to trust",
        "webhook.format" => "It is sent",
        "webhook.secret" => "Signing key",
        "options.form" => "Form of the messages",
        "options.app_name" => "APP-NAME",
        "options.logon_app_name" => "APP-NAME of logon events",
        "options.byte_order_mark" => "Byte order mark",
        "options.sequence" => "Events are numbered",
        "options.connect_seconds" => "Connecting takes at most, in seconds",
        "options.tls.server_name" => "Name in its certificate",
        "options.tls.ca" => "Authorities to trust",
        "options.tls.fingerprint" => "Fingerprint of its certificate",
        "options.tls.client_certificate" => "It is shown our own certificate",
        other => other,
    }
}
