//! One copy: what a backup holds at one instant, sent so that the copy is a repository all the while.
//!
//! Config, keys, data, index, snapshots: what names others comes after them. If a part of the plan is gone before it was
//! sent, what was not sent yet of it could name what never comes, so the plan is dropped and made anew.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::{BackupId, ObjectKey, ObjectKind, Sha256};
use countersign_store::Tally;
use countersign_vault::Vault;
use futures_util::future::try_join_all;

use super::remote::Remote;
use super::trouble::Trouble;

/// How many objects are on their way at once.
const AT_ONCE: usize = 4;

/// How often a backup that moves is planned anew.
const PLANS: u32 = 5;

/// How often an object is sent until the copy as a whole waits.
const TRIES: u32 = 3;

/// How long until an object is sent again; twice as long the time after.
const PAUSE: Duration = Duration::from_secs(1);

/// What names others comes after them.
const ORDER: [ObjectKind; 4] = [
    ObjectKind::Keys,
    ObjectKind::Data,
    ObjectKind::Index,
    ObjectKind::Snapshots,
];

/// How far a copy has come: read while it is made.
#[derive(Debug, Default)]
pub struct Progress {
    objects: AtomicU64,
    sent: AtomicU64,
    sent_bytes: Arc<AtomicU64>,
}

impl Progress {
    /// As it is now.
    pub fn tally(&self) -> Tally {
        Tally {
            objects: self.objects.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
        }
    }
}

type Planned = (ObjectKey, u64, Sha256);

/// Copies what a backup holds. What is there already stays as it is.
pub async fn transfer(vault: &Vault, backup: BackupId, remote: Remote, progress: &Progress) -> Result<(), Trouble> {
    for _ in 0..PLANS {
        match (Copying {
            vault,
            backup,
            progress,
        })
        .once(remote.another())
        .await
        {
            Err(Trouble::Moved) => tracing::debug!(%backup, "a copy is planned anew: the backup has changed"),
            ended => return ended,
        }
    }
    Err(Trouble::Passing(Trouble::Moved.text()))
}

struct Copying<'a> {
    vault: &'a Vault,
    backup: BackupId,
    progress: &'a Progress,
}

impl Copying<'_> {
    async fn once(&self, mut remote: Remote) -> Result<(), Trouble> {
        let plan = self.vault.visible_at_once(self.backup).await?;
        self.progress.objects.store(plan.len() as u64, Ordering::Relaxed);
        let config = plan.iter().find(|(key, ..)| key.kind == ObjectKind::Config);
        let config = *config.ok_or_else(|| {
            Trouble::Lasting("the backup is no repository yet: nothing was ever backed up into it".to_owned())
        })?;
        match remote.config().await? {
            Some(hash) if hash == config.2 => {}
            Some(_) => {
                return Err(Trouble::Lasting(
                    "another repository is there already, and it is left as it is: copy to another place".to_owned(),
                ));
            }
            None => {
                remote.create().await?;
                self.send(&mut remote, config).await?;
            }
        }
        for kind in ORDER {
            let missing = self.missing(&mut remote, &plan, kind).await?;
            self.send_all(&remote, missing).await?;
        }
        Ok(())
    }

    async fn missing(
        &self,
        remote: &mut Remote,
        plan: &[Planned],
        kind: ObjectKind,
    ) -> Result<VecDeque<Planned>, Trouble> {
        let there = remote.list(kind).await?;
        let mut missing = VecDeque::new();
        for planned in plan.iter().filter(|(key, ..)| key.kind == kind) {
            let (key, size, hash) = planned;
            match there.get(hash) {
                None => missing.push_back(*planned),
                Some(Some(other)) if other != size => {
                    return Err(Trouble::Lasting(format!(
                        "{kind} {} is damaged there: it has {other} bytes and should have {size}. Nothing is written over it: \
                         take it away there, then copy again",
                        key.name
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(missing)
    }

    async fn send_all(&self, remote: &Remote, missing: VecDeque<Planned>) -> Result<(), Trouble> {
        let lines = missing.len().min(AT_ONCE);
        let missing = Mutex::new(missing);
        let next = || missing.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let sending = (0..lines).map(|_| async {
            let mut remote = remote.another();
            while let Some(planned) = next() {
                self.send(&mut remote, planned).await?;
            }
            Ok(())
        });
        try_join_all(sending).await.map(drop)
    }

    async fn send(&self, remote: &mut Remote, (key, _, hash): Planned) -> Result<(), Trouble> {
        let mut tries = 0;
        loop {
            let Some(object) = self.vault.open_for_copy(self.backup, key).await? else {
                return match key.kind {
                    // What nothing else names may go on its own.
                    ObjectKind::Keys | ObjectKind::Snapshots | ObjectKind::Locks => Ok(()),
                    ObjectKind::Data | ObjectKind::Index | ObjectKind::Config => Err(Trouble::Moved),
                };
            };
            match remote.send(key, hash, object, &self.progress.sent_bytes).await {
                Ok(()) => {
                    self.progress.sent.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Trouble::Passing(_)) if tries + 1 < TRIES => {
                    tokio::time::sleep(PAUSE * (1 << tries)).await;
                    tries += 1;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }
}
