//! Sealing: collected deletes become one request with an exact manifest.

use countersign_core::fence::{Activity, seconds_until_quiet};
use countersign_core::manifest::{Manifest, ManifestObject, Subject};
use countersign_core::policy::LOCK_LIFE_SECONDS;
use countersign_core::request::{KindSum, State, Summary};
use countersign_core::{Actor, ObjectKind, Policy, RequestId, Via};
use countersign_events::{Operation, Timestamp};
use countersign_store::{NewRequest, RequestRecord, StoreError, StoredObject, Tx};

use crate::{Vault, VaultError, fatigue};

impl Vault {
    /// Seals every collecting request whose client has finished, or that has collected for long enough; how many. Run it every second.
    pub async fn seal_finished(&self) -> Result<usize, VaultError> {
        let collecting = self
            .store
            .ask(|view| Box::pin(async move { view.all_collecting().await }))
            .await?;
        let mut sealed = 0;
        for record in collecting {
            let Some(backup) = record.backup else { continue };
            let activity = self.traffic(backup).activity();
            let (now, nonce, id) = (self.clock.now(), self.nonce(), record.id);
            let done = self
                .store
                .write(move |tx| Box::pin(async move { seal_if_finished(tx, id, &activity, now, nonce).await }))
                .await?;
            sealed += usize::from(done);
        }
        Ok(sealed)
    }

    /// Seals a collecting request now, because a person said so.
    pub async fn seal_now(&self, id: RequestId) -> Result<(), VaultError> {
        let (now, nonce) = (self.clock.now(), self.nonce());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let record = tx.request(id).await?.ok_or(VaultError::NoRequest(id))?;
                    if record.state != State::Collecting {
                        return Err(VaultError::Decided {
                            id,
                            state: record.state.as_str(),
                            by: record.decided_by,
                        });
                    }
                    let policy = tx.policy().await?;
                    seal(tx, &record, &policy, now, nonce).await
                })
            })
            .await
    }

    /// A request's nonce: 32 random hexadecimal digits.
    pub fn nonce(&self) -> String {
        data_encoding::HEXLOWER.encode(&countersign_core::clock::random::<16>(&*self.entropy))
    }
}

async fn seal_if_finished(
    tx: &mut Tx,
    id: RequestId,
    activity: &Activity,
    now: Timestamp,
    nonce: String,
) -> Result<bool, VaultError> {
    let Some(record) = tx.request(id).await? else {
        return Ok(false);
    };
    let (State::Collecting, Some(backup)) = (record.state, record.backup) else {
        return Ok(false);
    };
    let policy = tx.policy().await?;
    let too_long = now >= record.created_at.plus_seconds(i64::from(policy.collect_seconds));
    let live_since = now.plus_seconds(-LOCK_LIFE_SECONDS);
    let finished = seconds_until_quiet(activity, &policy, now) == 0
        && !tx.has_lock_since(backup, record.initiator.account, live_since).await?;
    if finished || too_long {
        seal(tx, &record, &policy, now, nonce).await?;
    }
    Ok(finished || too_long)
}

/// Seals a collecting request in this transaction: manifest, digest, event 42402. One that holds nothing is closed.
pub(crate) async fn seal(
    tx: &mut Tx,
    record: &RequestRecord,
    policy: &Policy,
    now: Timestamp,
    nonce: String,
) -> Result<(), VaultError> {
    let Some(backup) = record.backup else {
        return Err(VaultError::NoRequest(record.id));
    };
    let held = tx.held_objects(record.id).await?;
    let whole = matches!(
        record.operation,
        Operation::DeleteBackup { .. } | Operation::DeleteLogBackup { .. }
    );
    if held.is_empty() && !whole {
        return Ok(tx.close_request(record.id, now).await?);
    }
    let operation = if whole {
        record.operation.clone()
    } else {
        operation(&record.target, &held)
    };
    let subject = Subject::Objects {
        backup,
        name: record.target.clone(),
        objects: held.iter().map(|held| ManifestObject::from(&held.object)).collect(),
        whole,
    };
    let taken = tx.held_totals(record.id).await?;
    let visible = tx.totals(backup).await?.visible;
    let summary = Summary {
        preview: Some(tx.preview(record, backup, whole, visible.clone(), now).await?),
        ..was_there(taken, &visible)
    };
    seal_subject(tx, record.id, operation, subject, &summary, policy, now, nonce).await
}

/// Begins and seals a request about settings in this transaction.
pub async fn request_change(
    tx: &mut Tx,
    actor: &Actor,
    (operation, target): (Operation, String),
    subject: Subject,
    now: Timestamp,
    nonce: String,
) -> Result<RequestId, VaultError> {
    debug_assert!(matches!(actor.via, Via::Session(_)), "only people change settings");
    let policy = tx.policy().await?;
    fatigue::one_more(tx, actor.account, &policy).await?;
    fatigue::again(tx, actor.account, fatigue::likeness(&subject, &operation)?, now).await?;
    let new = NewRequest {
        operation: operation.clone(),
        backup: None,
        target,
        created_at: now,
    };
    let id = tx.begin_request(&new, actor).await?;
    seal_subject(tx, id, operation, subject, &Summary::default(), &policy, now, nonce).await?;
    Ok(id)
}

#[expect(clippy::too_many_arguments, reason = "the parts of one manifest")]
async fn seal_subject(
    tx: &mut Tx,
    id: RequestId,
    operation: Operation,
    subject: Subject,
    summary: &Summary,
    policy: &Policy,
    now: Timestamp,
    nonce: String,
) -> Result<(), VaultError> {
    let record = tx.request(id).await?.ok_or(VaultError::NoRequest(id))?;
    let initiator = tx.initiator_now(&record, now).await?;
    let manifest = Manifest {
        expires_at: policy.expires(tx.moment(now).ageing),
        initiator,
        nonce,
        operation: operation.id(),
        request: id,
        sealed_at: now,
        subject,
        version: Manifest::VERSION,
        why: tx.why(id).await?,
    }
    .ordered();
    tx.seal_request(&manifest, &operation, summary).await?;
    let sealed = tx.request(id).await?.and_then(|record| record.pending());
    let pending = sealed.ok_or(StoreError::Unreadable("a request that was just sealed"))?;
    tx.report(&pending.created_event(), now, Some(id), &pending.initiator.name)
        .await?;
    Ok(())
}

/// What this request took, and what the backup held before: that, and what clients still see.
fn was_there(taken: Vec<KindSum>, visible: &[KindSum]) -> Summary {
    let both = || visible.iter().chain(&taken);
    let of = |kind: ObjectKind| move |sum: &&KindSum| sum.kind == kind;
    Summary {
        backup_objects: both().map(|sum| sum.objects).sum(),
        backup_bytes: both().map(|sum| sum.bytes).sum(),
        backup_snapshots: both().filter(of(ObjectKind::Snapshots)).map(|sum| sum.objects).sum(),
        preview: None,
        kinds: taken,
    }
}

/// 104 when snapshots are among them, 105 otherwise; several are told in the name and listed in the manifest.
fn operation(target: &str, held: &[StoredObject]) -> Operation {
    let mut snapshots = held
        .iter()
        .map(|held| held.object.key)
        .filter(|key| key.kind == ObjectKind::Snapshots);
    let short = |name: String| name.chars().take(8).collect::<String>();
    match (snapshots.next(), snapshots.count()) {
        (Some(first), 0) => Operation::DeleteSnapshot {
            name: format!("{target}/{}", short(first.name.to_string())),
        },
        (Some(first), more) => Operation::DeleteSnapshot {
            name: format!("{target}/{} and {more} more", short(first.name.to_string())),
        },
        (None, _) => Operation::DeleteObject {
            name: match held {
                [only] => format!(
                    "{target}/{}/{}",
                    only.object.key.kind,
                    short(only.object.key.name.to_string())
                ),
                _ => format!("{target} ({} objects)", held.len()),
            },
        },
    }
}
