//! Settling: what a decision does to the objects, in the transaction of the decision and its event.

use countersign_core::factor::FreshFactor;
use countersign_core::fence::{self, Activity};
use countersign_core::manifest::{ManifestObject, Subject};
use countersign_core::request::{Effect, Pending};
use countersign_core::{Account, BackupId, RequestId, Sha256, queue};
use countersign_events::Timestamp;
use countersign_store::{StoreError, Tx};

use crate::files::Place;
use crate::{Vault, VaultError, retention, seal};

/// A person who decides, with their fresh second factor.
pub struct Supervisor<'a> {
    /// Who.
    pub account: &'a Account,
    /// That it is them, now.
    pub proof: &'a FreshFactor,
    /// What they say.
    pub comment: &'a str,
}

/// Approves the oldest waiting requests of a backup, each by the digest that was seen. All or nothing. The purge is due after it.
pub async fn approve(
    tx: &mut Tx,
    backup: BackupId,
    asked: &[(RequestId, Sha256)],
    supervisor: &Supervisor<'_>,
    activity: &Activity,
    now: Timestamp,
) -> Result<(), VaultError> {
    let ids: Vec<_> = asked.iter().map(|(id, _)| *id).collect();
    for id in &ids {
        pending(tx, *id).await?;
    }
    queue::approvable(&tx.queue(backup).await?, &ids)?;
    fence::idle(&tx.locks(backup).await?, activity, now)?;
    for (id, seen) in asked {
        let waiting = pending(tx, *id).await?;
        let known = tx.accounts_behind(&waiting.initiator).await?;
        let approved = waiting.approve(supervisor.account, supervisor.proof, *seen, &known, now)?;
        check_drift(tx, *id, *seen).await?;
        retention::request_unlocked(tx, backup, *id, now).await?;
        tx.claim_objects(*id).await?;
        tx.claim_backup(*id).await?;
        tx.record_approval(&approved, supervisor.comment, Effect::Due, now)
            .await?;
        tx.report(&approved.event(), now, Some(*id), supervisor.account.name.as_str())
            .await?;
    }
    Ok(())
}

/// Rejects a waiting request of a backup and every later one with it; which ones. Their objects are visible again.
pub async fn reject(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    supervisor: &Supervisor<'_>,
    activity: &Activity,
    (now, nonce): (Timestamp, String),
) -> Result<Vec<RequestId>, VaultError> {
    pending(tx, id).await?;
    let later = bring_back_from(tx, backup, id, activity, now, nonce).await?;
    let rejected = pending(tx, id)
        .await?
        .reject(supervisor.account, supervisor.proof, now)?;
    let by = Some(supervisor.account.id);
    tx.record_rejection(&rejected, by, supervisor.comment, None, now)
        .await?;
    tx.report(&rejected.event(), now, Some(id), supervisor.account.name.as_str())
        .await?;
    for other in &later {
        let reason = format!("it was computed as if the objects of request {id} were gone, and that one was rejected");
        let rejected = pending(tx, *other)
            .await?
            .reject_with_earlier(supervisor.account.user());
        tx.record_rejection(&rejected, by, supervisor.comment, Some(&reason), now)
            .await?;
        tx.report(&rejected.event(), now, Some(*other), supervisor.account.name.as_str())
            .await?;
    }
    Ok([id].into_iter().chain(later).collect())
}

/// Lets a request whose time is over expire, and every later one of the backup with it: a reject by nobody.
pub async fn expire(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    activity: &Activity,
    (now, nonce): (Timestamp, String),
) -> Result<Vec<RequestId>, VaultError> {
    pending(tx, id).await?;
    let later = bring_back_from(tx, backup, id, activity, now, nonce).await?;
    let first = pending(tx, id).await?.expire(now)?;
    tx.record_expiry(&first, "nobody decided in time", now).await?;
    tx.report(&first.event(), now, Some(id), "").await?;
    for other in &later {
        let reason = format!("it was computed as if the objects of request {id} were gone, and that one expired");
        let expired = pending(tx, *other).await?.expire_with_earlier(&first);
        tx.record_expiry(&expired, &reason, now).await?;
        tx.report(&expired.event(), now, Some(*other), "").await?;
    }
    Ok([id].into_iter().chain(later).collect())
}

/// A request that still waits; whoever comes second is told who was first (rule 2).
pub async fn pending(tx: &mut Tx, id: RequestId) -> Result<Pending, VaultError> {
    let record = tx.request(id).await?.ok_or(VaultError::NoRequest(id))?;
    record.pending().ok_or(VaultError::Decided {
        id,
        state: record.state.as_str(),
        by: record.decided_by,
    })
}

/// Makes the objects of a request and of all later ones visible, if nobody is at work; the later ones.
async fn bring_back_from(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    activity: &Activity,
    now: Timestamp,
    nonce: String,
) -> Result<Vec<RequestId>, VaultError> {
    let policy = tx.policy().await?;
    let _quiet = fence::quiet(&tx.locks(backup).await?, activity, &policy, now)?;
    // What is still being collected was computed as if these were gone, too.
    if let Some(collecting) = tx.collecting(backup).await? {
        seal::seal(tx, &collecting, &policy, now, nonce).await?;
    }
    let queue = tx.queue(backup).await?;
    let affected = queue::with_later(&queue, id)?;
    for request in affected {
        tx.release_objects(*request).await?;
        tx.release_backup(*request).await?;
    }
    Ok(affected[1..].to_vec())
}

/// The manifest, made anew from what the store holds now, must have the digest that was approved (rule 5).
async fn check_drift(tx: &mut Tx, id: RequestId, seen: Sha256) -> Result<(), VaultError> {
    let head = tx
        .manifest_head(id)
        .await?
        .ok_or(StoreError::Unreadable("a manifest"))?;
    let held = tx.held_objects(id).await?;
    let now = head.with_objects(held.iter().map(|held| ManifestObject::from(&held.object)).collect());
    if now.digest().is_ok_and(|digest| digest == seen) {
        Ok(())
    } else {
        Err(VaultError::Drift)
    }
}

impl Vault {
    /// Whether every object that a request lists lies in the vault with its size: asked before an approval.
    pub async fn check_files(&self, id: RequestId) -> Result<(), VaultError> {
        let (head, held) = self
            .store
            .read(move |view| {
                Box::pin(
                    async move { Ok::<_, StoreError>((view.manifest_head(id).await?, view.held_objects(id).await?)) },
                )
            })
            .await?;
        let Some(Subject::Objects { backup, .. }) = head.map(|head| head.subject) else {
            return Ok(());
        };
        let files = self.files_of(backup).await?;
        for held in held {
            let place = Place {
                backup,
                key: held.object.key,
            };
            if files.size(&place).await? != Some(held.object.size) {
                return Err(VaultError::Drift);
            }
        }
        Ok(())
    }

    /// Lets every request about objects whose time is over expire, where nobody is at work; how many expired.
    pub async fn expire_overdue(&self) -> Result<usize, VaultError> {
        let now = self.clock.now();
        let overdue = self
            .store
            .ask(move |view| Box::pin(async move { view.overdue(now).await }))
            .await?;
        let mut expired = 0;
        for id in overdue {
            let Some(record) = self
                .store
                .ask(move |view| Box::pin(async move { view.request(id).await }))
                .await?
            else {
                continue;
            };
            let outcome = match record.backup {
                Some(backup) => self.expire_in(backup, id, now).await,
                None => self.expire_settings(id, now).await,
            };
            match outcome {
                Ok(ids) => expired += ids,
                // It waits for a quiet moment, or went along with an earlier one.
                Err(VaultError::InUse(_) | VaultError::Decided { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }

    async fn expire_in(&self, backup: BackupId, id: RequestId, now: Timestamp) -> Result<usize, VaultError> {
        let gate = self.close_gate(backup)?;
        let (activity, nonce) = (gate.activity(), self.nonce());
        let ids = self
            .store
            .write(move |tx| Box::pin(async move { expire(tx, backup, id, &activity, (now, nonce)).await }))
            .await?;
        self.known.forget_names();
        drop(gate);
        Ok(ids.len())
    }

    async fn expire_settings(&self, id: RequestId, now: Timestamp) -> Result<usize, VaultError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let expired = pending(tx, id).await?.expire(now)?;
                    tx.record_expiry(&expired, "nobody decided in time", now).await?;
                    tx.report(&expired.event(), now, Some(id), "").await?;
                    Ok(1)
                })
            })
            .await
    }

    /// After a decision was committed: what was kept at hand is looked up anew, and the purge goes on.
    pub fn decided(&self) {
        self.known.forget_names();
        self.purge_due.notify_one();
    }
}
