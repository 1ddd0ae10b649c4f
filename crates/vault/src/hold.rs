//! Holding: what destroys is hidden at once and kept, until a second person decides.

use countersign_core::decide::Warrant;
use countersign_core::manifest::Subject;
use countersign_core::purge::PurgeOrder;
use countersign_core::{Actor, BackupId, Deed, Object, ObjectKey, ObjectKind, Policy, RequestId, Verdict, decide};
use countersign_events::{Operation, Timestamp};
use countersign_store::{Backup, NewRequest, StoreError, StoredObject, Tx};

use crate::files::Files;
use crate::reports::{self, By};
use crate::{OpenBackup, Vault, VaultError, fatigue, retention, seal};

/// What became of a delete. Each of the three is a success for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// Clients did not see it before either; nothing is recorded.
    Unknown,
    /// It is hidden and waits, in this request.
    Held(RequestId),
    /// It is gone.
    Done,
}

/// In which request an object is held, with what makes its digest unlike any other's.
enum HeldIn {
    /// With the others of the same account, until its client has finished.
    Collected(String),
    /// In one of its own, sealed at once, after what was being collected.
    Own((String, String)),
}

enum Step {
    Ended(Deleted),
    AtOnce(PurgeOrder),
}

impl Vault {
    /// Deletes an object as far as the actor may: at once, or held.
    pub async fn delete(&self, backup: &OpenBackup, key: ObjectKey, actor: &Actor) -> Result<Deleted, VaultError> {
        let (id, asking, now) = (backup.id, actor.clone(), self.clock.now());
        let nonce = self.nonce();
        let step = self
            .store
            .write(move |tx| {
                Box::pin(async move { delete_in(tx, id, key, &asking, now, HeldIn::Collected(nonce)).await })
            })
            .await;
        let step = self.or_reported(actor, step).await?;
        self.carried_out(&backup.files, step).await
    }

    /// Deletes one object as far as a person may: at once, or by a request of its own that is sealed at once. What was being collected
    /// is sealed before it, so that the requests of a backup stay in the order of their deletes.
    pub async fn delete_one(&self, backup: &OpenBackup, key: ObjectKey, actor: &Actor) -> Result<Deleted, VaultError> {
        let (id, asking, now) = (backup.id, actor.clone(), self.clock.now());
        let nonces = (self.nonce(), self.nonce());
        let step = self
            .store
            .write(move |tx| Box::pin(async move { delete_in(tx, id, key, &asking, now, HeldIn::Own(nonces)).await }))
            .await;
        let step = self.or_reported(actor, step).await?;
        self.carried_out(&backup.files, step).await
    }

    async fn carried_out(&self, files: &Files, step: Step) -> Result<Deleted, VaultError> {
        match step {
            Step::Ended(ended) => Ok(ended),
            Step::AtOnce(order) => {
                self.purge_at_once(files, &order).await?;
                Ok(Deleted::Done)
            }
        }
    }

    /// Reports a delete that was refused, in a transaction of its own: the first is undone.
    async fn or_reported(&self, actor: &Actor, step: Result<Step, VaultError>) -> Result<Step, VaultError> {
        if let Err(error) = &step
            && let Some(event) = reports::refused(actor, error)
        {
            let (name, now) = (actor.name.clone(), self.clock.now());
            self.store
                .write(move |tx| Box::pin(async move { tx.report(&event, now, None, &name).await }))
                .await
                .map_err(|error: StoreError| VaultError::from(error))?;
        }
        step
    }

    /// Deletes a whole backup as far as the actor may: at once, or by a request that is sealed at once.
    pub async fn delete_backup(&self, backup: OpenBackup, actor: &Actor) -> Result<Deleted, VaultError> {
        let (id, asking, now) = (backup.id, actor.clone(), self.clock.now());
        let nonces = (self.nonce(), self.nonce());
        let step = self
            .store
            .write(move |tx| Box::pin(async move { delete_backup_in(tx, id, &asking, now, nonces).await }))
            .await;
        let step = self.or_reported(actor, step).await?;
        self.known.forget_names();
        let files = backup.files.clone();
        drop(backup);
        self.carried_out(&files, step).await
    }
}

async fn delete_in(
    tx: &mut Tx,
    backup: BackupId,
    key: ObjectKey,
    actor: &Actor,
    now: Timestamp,
    held_in: HeldIn,
) -> Result<Step, VaultError> {
    let known = match tx.object(backup, key).await? {
        Some(known) if known.held_by.is_none() => known,
        _ => return Ok(Step::Ended(Deleted::Unknown)),
    };
    let policy = tx.policy().await?;
    match decide(actor, deed(&known), &policy, tx.moment(now).judging()) {
        Verdict::Deny(refusal) => Err(refusal.into()),
        Verdict::Allow(warrant) => claim(tx, warrant, backup, &known, actor, now).await,
        Verdict::Hold => {
            may_go(tx, backup, &known, now).await?;
            fatigue::object_again(tx, (actor.account, backup), key, now).await?;
            let (request, own) = match held_in {
                HeldIn::Collected(nonce) => (collecting_for(tx, backup, actor, &policy, now, nonce).await?, None),
                HeldIn::Own((earlier, own)) => (alone(tx, backup, actor, &policy, now, earlier).await?, Some(own)),
            };
            within_cap(tx, backup, &known.object, &policy).await?;
            tx.hold_object(backup, key, request).await?;
            if let Some(nonce) = own {
                let record = tx.request(request).await?.ok_or(VaultError::NoRequest(request))?;
                seal::seal(tx, &record, &policy, now, nonce).await?;
            }
            Ok(Step::Ended(Deleted::Held(request)))
        }
    }
}

/// The request in which this object alone is held: its own, behind what was being collected.
async fn alone(
    tx: &mut Tx,
    backup: BackupId,
    actor: &Actor,
    policy: &Policy,
    now: Timestamp,
    earlier: String,
) -> Result<RequestId, VaultError> {
    fatigue::one_more(tx, actor.account, policy).await?;
    if let Some(collecting) = tx.collecting(backup).await? {
        seal::seal(tx, &collecting, policy, now, earlier).await?;
    }
    begin(tx, backup, actor, now).await
}

/// Begins a request about objects of a backup; what exactly it is, says its seal.
async fn begin(tx: &mut Tx, backup: BackupId, actor: &Actor, now: Timestamp) -> Result<RequestId, VaultError> {
    let target = tx.backup(backup).await?.ok_or(VaultError::NoBackup)?.path();
    let new = NewRequest {
        operation: Operation::DeleteObject { name: target.clone() },
        backup: Some(backup),
        target,
        created_at: now,
    };
    Ok(tx.begin_request(&new, actor).await?)
}

/// Hides an object that goes at once, and reports it.
async fn claim(
    tx: &mut Tx,
    warrant: Warrant,
    backup: BackupId,
    known: &StoredObject,
    actor: &Actor,
    now: Timestamp,
) -> Result<Step, VaultError> {
    let of = may_go(tx, backup, known, now).await?;
    let key = known.object.key;
    tx.claim_object_at_once(backup, key).await?;
    reports::snapshot_deleted(tx, &of, known, &By::actor(actor), now).await?;
    Ok(Step::AtOnce(PurgeOrder::object(warrant, backup, key)))
}

/// Whether the storage lets an object go: nothing about its own deletion waits, and no retention lock keeps it.
async fn may_go(tx: &mut Tx, backup: BackupId, known: &StoredObject, now: Timestamp) -> Result<Backup, VaultError> {
    let of = tx.backup(backup).await?.ok_or(VaultError::NoBackup)?;
    if known.object.key.kind != ObjectKind::Locks {
        if of.terms.closed {
            return Err(VaultError::StorageCloses);
        }
        let (kind, received_at) = (known.object.key.kind, known.object.received_at);
        retention::unlocked(tx, of.terms.immutable_days, kind, received_at, now).await?;
    }
    Ok(of)
}

const fn deed(known: &StoredObject) -> Deed {
    match known.object.key.kind {
        ObjectKind::Locks => Deed::DeleteLock {
            made_by: known.account,
            made_at: known.object.received_at,
        },
        kind => Deed::DeleteObject(kind),
    }
}

async fn within_cap(tx: &mut Tx, backup: BackupId, object: &Object, policy: &Policy) -> Result<(), VaultError> {
    let Some(cap) = policy.held_bytes_cap else {
        return Ok(());
    };
    let held = tx.held_bytes(backup).await?;
    if held.saturating_add(object.size) > cap {
        Err(VaultError::HeldCap)
    } else {
        Ok(())
    }
}

/// The request in which this account's deletes are collected. When another account's are, that one is sealed first, so that
/// the requests of a backup are in the order of their deletes.
async fn collecting_for(
    tx: &mut Tx,
    backup: BackupId,
    actor: &Actor,
    policy: &Policy,
    now: Timestamp,
    nonce: String,
) -> Result<RequestId, VaultError> {
    if let Some(collecting) = tx.collecting(backup).await? {
        if collecting.initiator.account == actor.account {
            tx.join_request(&collecting, actor, now).await?;
            return Ok(collecting.id);
        }
        seal::seal(tx, &collecting, policy, now, nonce).await?;
    }
    fatigue::one_more(tx, actor.account, policy).await?;
    begin(tx, backup, actor, now).await
}

async fn delete_backup_in(
    tx: &mut Tx,
    backup: BackupId,
    actor: &Actor,
    now: Timestamp,
    (earlier, own): (String, String),
) -> Result<Step, VaultError> {
    let known = match tx.backup(backup).await? {
        Some(known) if known.visible() => known,
        _ => return Ok(Step::Ended(Deleted::Unknown)),
    };
    let policy = tx.policy().await?;
    match decide(actor, Deed::DeleteBackup, &policy, now) {
        Verdict::Deny(refusal) => Err(refusal.into()),
        Verdict::Allow(warrant) => {
            whole_may_go(tx, &known, now).await?;
            let waits = !tx.queue(backup).await?.is_empty() || !tx.waiting_queue(backup).await?.is_empty();
            if waits || tx.collecting(backup).await?.is_some() {
                return Err(VaultError::RequestsWait);
            }
            let by = By::actor(actor);
            for snapshot in tx.snapshots(backup, u32::MAX).await? {
                reports::snapshot_deleted(tx, &known, &snapshot, &by, now).await?;
            }
            reports::backup_deleted(tx, &known, &by, now).await?;
            tx.claim_backup_at_once(backup).await?;
            Ok(Step::AtOnce(PurgeOrder::backup(warrant, backup)))
        }
        Verdict::Hold => {
            whole_may_go(tx, &known, now).await?;
            fatigue::one_more(tx, actor.account, &policy).await?;
            let operation = known.kind.deletion(known.path());
            let subject = Subject::Objects {
                backup,
                name: known.path(),
                objects: Vec::new(),
                whole: true,
            };
            fatigue::again(tx, actor.account, fatigue::likeness(&subject, &operation)?, now).await?;
            if let Some(collecting) = tx.collecting(backup).await? {
                seal::seal(tx, &collecting, &policy, now, earlier).await?;
            }
            let new = NewRequest {
                operation,
                backup: Some(backup),
                target: known.path(),
                created_at: now,
            };
            let request = tx.begin_request(&new, actor).await?;
            if !tx.hold_backup(backup, request).await? {
                return Err(StoreError::Unreadable("a backup that was there").into());
            }
            tx.hold_all(backup, request).await?;
            let record = tx.request(request).await?.ok_or(VaultError::NoRequest(request))?;
            seal::seal(tx, &record, &policy, now, own).await?;
            Ok(Step::Ended(Deleted::Held(request)))
        }
    }
}

/// The same for a whole backup.
async fn whole_may_go(tx: &mut Tx, backup: &Backup, now: Timestamp) -> Result<(), VaultError> {
    if backup.terms.closed {
        return Err(VaultError::StorageCloses);
    }
    retention::backup_unlocked(tx, backup.id, &backup.terms, now).await
}
