//! Accepting: verified, durable, never overwriting; then visible, in one transaction; then acknowledged.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use countersign_core::request::State;
use countersign_core::token::Rights;
use countersign_core::{Actor, BackupId, Deed, Object, ObjectKey, ObjectKind, RequestId, Verdict, Via, decide};
use countersign_events::Timestamp;
use countersign_store::{StoreError, StoredObject, Tx};

use tokio::sync::Mutex;

use crate::files::{Place, Published, Staged, Upload};
use crate::{OpenBackup, Vault, VaultError};

/// What became of an upload. Each of the three is a success for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is new.
    Created,
    /// It was there with the same bytes.
    Same,
    /// It was held; the same bytes brought it back.
    Revived,
}

/// An upload under way. Dropped, it leaves nothing.
pub struct Incoming {
    backup: OpenBackup,
    key: ObjectKey,
    upload: Upload,
}

impl Vault {
    /// Begins an upload.
    pub fn accept(&self, backup: OpenBackup, key: ObjectKey, actor: &Actor) -> Result<Incoming, VaultError> {
        // Without its lock no client reads, so a token that may only read still locks.
        let may_add = match actor.via {
            Via::Token(rights) => rights >= Rights::Append || key.kind == ObjectKind::Locks,
            Via::Session(_) => false,
        };
        if !may_add {
            return Err(VaultError::ReadOnly);
        }
        let upload = backup.files.upload();
        Ok(Incoming { backup, key, upload })
    }

    /// Ends an upload: checks its hash, makes it durable, then visible.
    pub async fn publish(&self, incoming: Incoming, actor: &Actor) -> Result<Accepted, VaultError> {
        let Incoming { backup, key, upload } = incoming;
        let staged = upload.finish().await?;
        if key
            .name
            .expected_hash()
            .is_some_and(|expected| expected != staged.hash())
        {
            return Err(VaultError::WrongHash);
        }
        let place = Place { backup: backup.id, key };
        let object = Object {
            key,
            size: staged.size(),
            hash: staged.hash(),
            received_at: self.clock.now(),
            received_by: actor.name.clone(),
        };
        // Two uploads of one name must not take turns on its file.
        let _turn = self.turn(&place).lock().await;
        let known = self
            .store
            .ask(move |view| Box::pin(async move { view.object(place.backup, key).await }))
            .await?;
        self.settle_bytes(&backup, place, staged, known.as_ref()).await?;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.store
            .write(move |tx| Box::pin(async move { record(tx, place.backup, object, &actor, now).await }))
            .await
    }

    /// One of a few locks; a name has always the same.
    fn turn(&self, place: &Place) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        // The remainder is below the number of turns, which is not zero.
        &self.turns[hasher.finish() as usize % self.turns.len()]
    }

    /// Puts the verified bytes at their place, unless they lie there already.
    async fn settle_bytes(
        &self,
        backup: &OpenBackup,
        place: Place,
        staged: Staged,
        known: Option<&StoredObject>,
    ) -> Result<(), VaultError> {
        match known {
            Some(known) if known.claimed => Err(VaultError::Moving),
            Some(known) if known.object.hash != staged.hash() => Ok(()),
            Some(known) => {
                // A damaged file is mended on the way: these bytes are what it should hold.
                if backup.files.size(&place).await? != Some(known.object.size) {
                    backup.files.replace(staged, place).await?;
                }
                Ok(())
            }
            None => match backup.files.publish(staged, place).await? {
                Published::Stored => Ok(()),
                // A file that the store does not know was never acknowledged, and perhaps never whole.
                Published::AlreadyThere(staged) => Ok(backup.files.replace(staged, place).await?),
            },
        }
    }
}

impl Incoming {
    /// Takes the next bytes.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), VaultError> {
        Ok(self.upload.write(chunk).await?)
    }
}

async fn record(
    tx: &mut Tx,
    backup: BackupId,
    object: Object,
    actor: &Actor,
    now: Timestamp,
) -> Result<Accepted, VaultError> {
    let key = object.key;
    // It may have been hidden while the bytes came; what is hidden then must hold nothing that its manifest does not list.
    let terms = match tx.backup(backup).await? {
        Some(backup) if backup.visible() && !backup.terms.removing => backup.terms,
        _ => return Err(VaultError::NoBackup),
    };
    let Some(known) = tx.object(backup, key).await? else {
        // Without a lock no client reads, and locks are small: they are let in.
        if key.kind != ObjectKind::Locks {
            if terms.closed {
                return Err(VaultError::StorageCloses);
            }
            if terms.room.is_some_and(|room| room < object.size) {
                return Err(VaultError::QuotaFull);
            }
        }
        tx.publish_object(backup, &object, actor.account).await?;
        return Ok(Accepted::Created);
    };
    if known.claimed {
        return Err(VaultError::Moving);
    }
    if known.object.hash != object.hash {
        // Only a config can come here: every other name is its hash.
        return match decide(actor, Deed::ReplaceConfig, &tx.policy().await?, now) {
            Verdict::Deny(refusal) => Err(refusal.into()),
            Verdict::Allow(_) | Verdict::Hold => Err(VaultError::Exists),
        };
    }
    match known.held_by {
        None => Ok(Accepted::Same),
        Some(request) => {
            revive(tx, backup, key, request, actor, now).await?;
            Ok(Accepted::Revived)
        }
    }
}

/// The verified bytes came again: the object is visible and leaves its request; one that empties ends by itself.
async fn revive(
    tx: &mut Tx,
    backup: BackupId,
    key: ObjectKey,
    request: RequestId,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), VaultError> {
    if !tx.release_object(backup, key).await? {
        return Err(VaultError::Moving);
    }
    let left = tx
        .held_totals(request)
        .await?
        .iter()
        .map(|sum| sum.objects)
        .sum::<u64>();
    let record = tx
        .request(request)
        .await?
        .ok_or(StoreError::Unreadable("a request that holds an object"))?;
    match record.state {
        State::Collecting if left == 0 => tx.close_request(request, now).await?,
        State::Collecting => {}
        // What was approved stays as it was approved, and so does not hold any more: it is looked at at once.
        State::Approved => {
            let ageing = tx.moment(now).ageing;
            tx.hasten(request, ageing).await?;
        }
        State::Pending | State::Rejected | State::Expired | State::Closed => {
            tx.unlist_object(request, key.kind, &key.name.to_string()).await?;
            if left == 0
                && let Some(pending) = tx.request(request).await?.and_then(|record| record.pending())
            {
                let withdrawn = pending.withdraw(actor.user());
                let reason = Some("everything it listed was uploaded again");
                tx.record_rejection(&withdrawn, Some(actor.account), "", reason, now)
                    .await?;
                tx.report(&withdrawn.event(), now, Some(request), &actor.name).await?;
            }
        }
    }
    Ok(())
}
