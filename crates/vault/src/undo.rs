//! The undo window over objects: a veto, and the end of the window. While an approval waits, its objects stay held as they were while
//! it was pending.

use countersign_core::fence::{self, Activity};
use countersign_core::request::{Effect, State};
use countersign_core::undo::{Found, Turn, Vetoed, Void, Voided, Waiting};
use countersign_core::{BackupId, Moment, RequestId, Sha256, queue};
use countersign_store::{RequestRecord, StoreError, Tx};

use crate::settle::{self, Supervisor, held_digest};
use crate::{Vault, VaultError, retention};

/// Vetoes an approval that waits for its time, and takes every later request of its backup along; which ones. Their objects are
/// visible again.
pub async fn veto(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    supervisor: &Supervisor<'_>,
    activity: &Activity,
    (moment, nonce): (Moment, String),
) -> Result<Vec<RequestId>, VaultError> {
    waiting(tx, id).await?;
    let later = bring_all_back(tx, backup, id, activity, moment, nonce).await?;
    let vetoed = waiting(tx, id)
        .await?
        .veto(supervisor.account, supervisor.proof, moment.ageing)?;
    record_veto(tx, &vetoed, supervisor, None, moment).await?;
    let reason = format!("it was computed as if the objects of request {id} were gone, and that one was vetoed");
    for other in &later.approved {
        let vetoed = waiting(tx, *other).await?.veto_with_earlier(&vetoed);
        record_veto(tx, &vetoed, supervisor, Some(&reason), moment).await?;
    }
    for other in &later.pending {
        let rejected = settle::pending(tx, *other).await?.reject_with_vetoed(&vetoed);
        let by = Some(supervisor.account.id);
        tx.record_rejection(&rejected, by, supervisor.comment, Some(&reason), moment.now)
            .await?;
        let name = supervisor.account.name.as_str();
        tx.report(&rejected.event(), moment.now, Some(*other), name).await?;
    }
    Ok([id].into_iter().chain(later.approved).chain(later.pending).collect())
}

/// Records a veto and its event.
pub async fn record_veto(
    tx: &mut Tx,
    vetoed: &Vetoed,
    supervisor: &Supervisor<'_>,
    reason: Option<&str>,
    moment: Moment,
) -> Result<(), StoreError> {
    let by = supervisor.account;
    tx.record_veto(vetoed, by.id, supervisor.comment, reason, moment.now)
        .await?;
    tx.report(&vetoed.event(), moment.now, Some(vetoed.request().id), by.name.as_str())
        .await?;
    Ok(())
}

/// Records that an approval does not hold any more, and its event.
pub async fn record_void(tx: &mut Tx, voided: &Voided, moment: Moment) -> Result<(), StoreError> {
    let (id, why) = (voided.request().id, format!("void: {}", voided.why()));
    tx.record_turn(id, Effect::Failed, Some(&why), moment.now).await?;
    let initiator = voided.request().initiator.name.as_str();
    tx.report(&voided.event(), moment.now, Some(id), initiator).await?;
    Ok(())
}

/// An approval that waits for its time; whoever comes too late is told what became of it.
pub async fn waiting(tx: &mut Tx, id: RequestId) -> Result<Waiting, VaultError> {
    let record = tx.request(id).await?.ok_or(VaultError::NoRequest(id))?;
    record.waiting().ok_or_else(|| not_waiting(&record))
}

/// Why a request cannot be vetoed.
pub fn not_waiting(record: &RequestRecord) -> VaultError {
    let why = match (record.state, record.effect) {
        (State::Collecting | State::Pending, _) => "it is not approved; it can be rejected",
        (State::Rejected, _) => "it is already rejected",
        (State::Expired | State::Closed, _) => "it has ended, and nothing was destroyed",
        (State::Approved, Effect::Vetoed) => "it is already vetoed",
        (State::Approved, Effect::Failed) => "it did not take effect",
        (State::Approved, Effect::None | Effect::Waiting | Effect::Postponed) => "it does not wait",
        (State::Approved, Effect::Due | Effect::Done) => "it has taken effect",
    };
    VaultError::NotWaiting { id: record.id, why }
}

struct Later {
    approved: Vec<RequestId>,
    pending: Vec<RequestId>,
}

/// Makes the objects of an approved request and of all later ones visible, if nobody is at work; the later ones.
async fn bring_all_back(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    activity: &Activity,
    moment: Moment,
    nonce: String,
) -> Result<Later, VaultError> {
    settle::quiet(tx, backup, activity, moment, nonce).await?;
    let (waiting, pending) = (tx.waiting_queue(backup).await?, tx.queue(backup).await?);
    let (approved, pending) = queue::with_all_later(&waiting, &pending, id)?;
    for request in [id].iter().chain(approved).chain(pending) {
        settle::release(tx, *request).await?;
    }
    Ok(Later {
        approved: approved.to_vec(),
        pending: pending.to_vec(),
    })
}

/// What an approval over objects meets when its time has come. `intact` says whether its files are as listed.
async fn take_turn(
    tx: &mut Tx,
    backup: BackupId,
    id: RequestId,
    intact: bool,
    activity: &Activity,
    (moment, nonce): (Moment, String),
) -> Result<bool, VaultError> {
    // Someone vetoed it meanwhile, or it went along with another.
    let Some(waiting) = tx.request(id).await?.and_then(|record| record.waiting()) else {
        return Ok(false);
    };
    // Asked again: the clock may have been confirmed since, and all deadlines have moved with it.
    let moment = tx.moment(moment.now);
    let digest = if intact { held_digest(tx, id).await? } else { None };
    let queue = tx.waiting_queue(backup).await?;
    match turn(tx, waiting, &queue, digest, moment).await? {
        Turn::NotYet(..) => Ok(false),
        Turn::Begin(begun) => {
            // The lock may have become longer since the approval: it is asked again, and postpones.
            retention::request_unlocked(tx, backup, id, moment.now).await?;
            settle::begin(tx, backup, &begun, activity, moment).await?;
            Ok(true)
        }
        Turn::Void(voided) => {
            let later = bring_all_back(tx, backup, id, activity, moment, nonce).await?;
            record_void(tx, &voided, moment).await?;
            for other in later.approved {
                let along = self::waiting(tx, other).await?.void_with_earlier(&voided);
                record_void(tx, &along, moment).await?;
            }
            for other in later.pending {
                let reason = Void::Earlier(id).to_string();
                let expired = settle::pending(tx, other).await?.expire_with_voided(&voided);
                tx.record_expiry(&expired, &reason, moment.now).await?;
                tx.report(&expired.event(), moment.now, Some(other), "").await?;
            }
            Ok(false)
        }
    }
}

/// Asks core about an approval that waits, with both accounts as they are now.
pub async fn turn(
    tx: &mut Tx,
    waiting: Waiting,
    queue: &[RequestId],
    digest: Option<Sha256>,
    moment: Moment,
) -> Result<Turn, StoreError> {
    let initiator = tx.account(waiting.request.initiator.account).await?;
    let approver = tx.account(waiting.approver.account).await?;
    let known = tx.accounts_behind(&waiting.request.initiator).await?;
    let found = Found {
        initiator: initiator.as_ref(),
        approver: approver.as_ref(),
        known: &known,
        digest,
    };
    Ok(waiting.turn(queue, found, moment.ageing))
}

impl Vault {
    /// Lets every approval over objects whose undo window is over take effect, each backup's in their order; how many began. What is in
    /// use is postponed. Run it every second.
    ///
    /// # Errors
    /// The last thing that went wrong; the others were looked at.
    pub async fn begin_ripe(&self) -> Result<usize, VaultError> {
        let moment = self.moment();
        let ripe = self
            .store
            .ask(move |view| Box::pin(async move { view.ripe(moment.ageing).await }))
            .await?;
        let (mut begun, mut outcome) = (0, Ok(()));
        for (id, backup) in ripe {
            let Some(backup) = backup else { continue };
            match self.begin_one(backup, id, moment).await {
                Ok(began) => begun += usize::from(began),
                Err(VaultError::InUse(why)) => self.postpone(id, why.to_string(), moment).await?,
                Err(why @ VaultError::Immutable { .. }) => self.postpone(id, why.to_string(), moment).await?,
                Err(error) => outcome = Err(error),
            }
        }
        outcome.map(|()| begun)
    }

    async fn begin_one(&self, backup: BackupId, id: RequestId, moment: Moment) -> Result<bool, VaultError> {
        let (first, locks) = self
            .store
            .read(move |view| {
                Box::pin(async move {
                    let first = view.waiting_queue(backup).await?.first().copied();
                    Ok::<_, StoreError>((first, view.locks(backup).await?))
                })
            })
            .await?;
        if first != Some(id) {
            return Ok(false);
        }
        // Looked at before the gate is closed and every file is: a lock may lie there for hours.
        fence::idle(&locks, &Activity::default(), moment)?;
        let gate = self.close_gate(backup)?;
        let intact = match self.check_files(id).await {
            Ok(()) => true,
            Err(VaultError::Drift) => false,
            Err(error) => return Err(error),
        };
        let (activity, nonce) = (gate.activity(), self.nonce());
        let began = self
            .store
            .write(move |tx| {
                Box::pin(async move { take_turn(tx, backup, id, intact, &activity, (moment, nonce)).await })
            })
            .await;
        self.decided();
        drop(gate);
        began
    }

    /// Notes why an approval whose time has come cannot be carried out this moment. It is tried again.
    ///
    /// # Errors
    /// The store's.
    pub async fn postpone(&self, id: RequestId, why: String, moment: Moment) -> Result<(), StoreError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    // Nothing is postponed whose time has moved since, with a clock that was confirmed.
                    let ageing = tx.moment(moment.now).ageing;
                    let ripe =
                        |record: &RequestRecord| record.waiting().is_some_and(|waiting| waiting.due_at <= ageing);
                    let Some(record) = tx.request(id).await?.filter(ripe) else {
                        return Ok(());
                    };
                    if record.effect == Effect::Postponed && record.effect_detail.as_ref() == Some(&why) {
                        return Ok(());
                    }
                    tx.record_turn(id, Effect::Postponed, Some(&why), moment.now).await
                })
            })
            .await
    }
}
