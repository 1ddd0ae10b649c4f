//! Settling: what a decision does to the objects, in the transaction of the decision and its event.

use countersign_core::factor::FreshFactor;
use countersign_core::fence::{self, Activity};
use countersign_core::manifest::{ManifestObject, Subject};
use countersign_core::request::{Effect, Pending, Refusal};
use countersign_core::undo::{Begun, Taking};
use countersign_core::{Account, BackupId, Moment, RequestId, Sha256, queue};
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

/// Approves the oldest waiting requests of a backup, each by the digest that was seen. All or nothing. Each waits for the end of the undo
/// window; where there is none, its purge is due.
pub async fn approve(
    tx: &mut Tx,
    backup: BackupId,
    asked: &[(RequestId, Sha256)],
    supervisor: &Supervisor<'_>,
    activity: &Activity,
    moment: Moment,
) -> Result<(), VaultError> {
    let ids: Vec<_> = asked.iter().map(|(id, _)| *id).collect();
    for id in &ids {
        pending(tx, *id).await?;
    }
    queue::approvable(&tx.queue(backup).await?, &ids)?;
    let policy = tx.policy().await?;
    for (id, seen) in asked {
        let waiting = pending(tx, *id).await?;
        let known = tx.accounts_behind(&waiting.initiator).await?;
        let approved = waiting.approve(supervisor.account, supervisor.proof, *seen, &known, moment.ageing)?;
        if held_digest(tx, *id).await? != Some(*seen) {
            return Err(VaultError::Drift);
        }
        retention::request_unlocked(tx, backup, *id, moment.now).await?;
        tx.record_approval(&approved, supervisor.comment, Effect::Waiting, moment.now)
            .await?;
        tx.report(
            &approved.event(),
            moment.now,
            Some(*id),
            supervisor.account.name.as_str(),
        )
        .await?;
        match approved.take(&policy, moment.ageing, tx.last_due(backup).await?) {
            Taking::AtOnce(begun) => begin(tx, backup, &begun, activity, moment).await?,
            Taking::Later(waiting) => tx.record_waiting(&waiting).await?,
        }
    }
    Ok(())
}

/// Lets an approval take effect, if nobody is at work there: its objects are claimed, and their purge is due.
pub(crate) async fn begin(
    tx: &mut Tx,
    backup: BackupId,
    begun: &Begun,
    activity: &Activity,
    moment: Moment,
) -> Result<(), VaultError> {
    fence::idle(&tx.locks(backup).await?, activity, moment)?;
    tx.claim_objects(begun.request()).await?;
    tx.claim_backup(begun.request()).await?;
    Ok(tx.record_begun(begun.request(), moment.now).await?)
}

/// Rejects a waiting request of a backup and every later one with it; which ones. Their objects are visible again.
pub async fn reject(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    supervisor: &Supervisor<'_>,
    activity: &Activity,
    (moment, nonce): (Moment, String),
) -> Result<Vec<RequestId>, VaultError> {
    pending(tx, id).await?;
    let now = moment.now;
    let later = bring_back_from(tx, backup, id, activity, moment, nonce).await?;
    let rejected = pending(tx, id)
        .await?
        .reject(supervisor.account, supervisor.proof, moment.ageing)?;
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
    (moment, nonce): (Moment, String),
) -> Result<Vec<RequestId>, VaultError> {
    pending(tx, id).await?;
    let (now, moment) = (moment.now, tx.moment(moment.now));
    let later = bring_back_from(tx, backup, id, activity, moment, nonce).await?;
    let first = pending(tx, id).await?.expire(moment.ageing)?;
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

/// Makes the objects of a waiting request and of all later ones visible, if nobody is at work; the later ones.
async fn bring_back_from(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    activity: &Activity,
    moment: Moment,
    nonce: String,
) -> Result<Vec<RequestId>, VaultError> {
    quiet(tx, backup, activity, moment, nonce).await?;
    let queue = tx.queue(backup).await?;
    let affected = queue::with_later(&queue, id)?;
    for request in affected {
        release(tx, *request).await?;
    }
    Ok(affected[1..].to_vec())
}

/// Nobody is at work there, and what was being collected waits for a decision: it was computed as if what comes back were gone, too.
pub(crate) async fn quiet(
    tx: &mut Tx,
    backup: BackupId,
    activity: &Activity,
    moment: Moment,
    nonce: String,
) -> Result<(), VaultError> {
    let policy = tx.policy().await?;
    let _quiet = fence::quiet(&tx.locks(backup).await?, activity, &policy, moment)?;
    if let Some(collecting) = tx.collecting(backup).await? {
        seal::seal(tx, &collecting, &policy, moment.now, nonce).await?;
    }
    Ok(())
}

/// Makes what a request holds visible.
pub(crate) async fn release(tx: &mut Tx, id: RequestId) -> Result<(), StoreError> {
    tx.release_objects(id).await?;
    tx.release_backup(id).await?;
    Ok(())
}

/// Of the manifest, made anew from what the store holds now: it must be the one that was approved (rule 5).
pub(crate) async fn held_digest(tx: &mut Tx, id: RequestId) -> Result<Option<Sha256>, VaultError> {
    let head = tx
        .manifest_head(id)
        .await?
        .ok_or(StoreError::Unreadable("a manifest"))?;
    let held = tx.held_objects(id).await?;
    let now = head.with_objects(held.iter().map(|held| ManifestObject::from(&held.object)).collect());
    Ok(now.digest().ok())
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
        let moment = self.moment();
        let overdue = self
            .store
            .ask(move |view| Box::pin(async move { view.overdue(moment.ageing).await }))
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
                Some(backup) => self.expire_in(backup, id, moment).await,
                None => self.expire_settings(id, moment).await,
            };
            match outcome {
                Ok(ids) => expired += ids,
                // It waits for a quiet moment, or went along with an earlier one.
                Err(VaultError::InUse(_) | VaultError::Decided { .. }) => {}
                // Its deadline has moved since with a clock that was confirmed.
                Err(VaultError::Undecided(Refusal::NotExpired)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }

    async fn expire_in(&self, backup: BackupId, id: RequestId, moment: Moment) -> Result<usize, VaultError> {
        let gate = self.close_gate(backup)?;
        let (activity, nonce) = (gate.activity(), self.nonce());
        let ids = self
            .store
            .write(move |tx| Box::pin(async move { expire(tx, backup, id, &activity, (moment, nonce)).await }))
            .await?;
        self.known.forget_names();
        drop(gate);
        Ok(ids.len())
    }

    async fn expire_settings(&self, id: RequestId, moment: Moment) -> Result<usize, VaultError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let expired = pending(tx, id).await?.expire(tx.moment(moment.now).ageing)?;
                    tx.record_expiry(&expired, "nobody decided in time", moment.now).await?;
                    tx.report(&expired.event(), moment.now, Some(id), "").await?;
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
