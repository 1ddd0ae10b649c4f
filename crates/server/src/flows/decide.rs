//! A second person decides: fresh second factor, order, fence, state, effect and event, all in one transaction.

mod batch;

use std::sync::Arc;

use countersign_core::factor::FreshFactor;
use countersign_core::manifest::Subject;
use countersign_core::request::{DecidedFrom, Effect, Pending, Refusal, second_person};
use countersign_core::undo::{Taking, endpoint};
use countersign_core::{Account, AccountId, BackupId, Moment, RequestId, Sha256};
use countersign_events::{Event, Timestamp, User};
use countersign_store::{RequestRecord, StoreError, Tx};
use countersign_vault::settle::{self, Supervisor};
use countersign_vault::{Gate, VaultError, undo};

use super::clock;
use super::settings::{self, ChangeError};
use crate::AppState;
use crate::app::App;
use crate::listen::ClientAddress;
use crate::step_up::{Shown, ShownRefused, verify_shown};

pub use batch::{Answered, BatchError, Item, MOST, Unlike, Verdict, decide_all};

/// Who decides and how they prove it.
#[derive(Debug, Clone)]
pub struct Decider {
    /// The account that is logged on.
    pub account: AccountId,
    /// A factor, shown for this decision alone.
    pub shown: Shown,
    /// What they say about it.
    pub comment: String,
    /// Where they are: kept with the decision, and for the events about codes.
    pub from: ClientAddress,
    /// What their browser or program calls itself.
    pub agent: String,
    /// The registered client whose access token they use; none in a session of the pages.
    pub client: Option<String>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The request, the order or the fence is against it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The change cannot hold.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The factor was not taken.
    #[error(transparent)]
    Factor(#[from] ShownRefused),
}

/// How long a comment may be, in characters.
pub const LONGEST_COMMENT: usize = 1000;

impl From<StoreError> for DecideError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

/// A decision on its way: who makes it, and the factor of the batch that it is part of. Without one it takes the decider's own.
struct Deciding {
    decider: Decider,
    batch: Option<Arc<Proven>>,
}

impl From<Decider> for Deciding {
    fn from(decider: Decider) -> Self {
        Self { decider, batch: None }
    }
}

/// A factor that was shown and used up, and how that is kept with what it decides.
struct Proven {
    proof: FreshFactor,
    from: DecidedFrom,
}

/// Approves requests: one about settings, or the oldest of a backup in their order, each by the digest that was seen.
pub async fn approve(
    app: &AppState,
    decider: Decider,
    asked: Vec<(RequestId, Sha256)>,
) -> Result<Vec<RequestId>, DecideError> {
    approve_by(app, decider.into(), asked).await
}

async fn approve_by(
    app: &AppState,
    deciding: Deciding,
    asked: Vec<(RequestId, Sha256)>,
) -> Result<Vec<RequestId>, DecideError> {
    let ids: Vec<_> = asked.iter().map(|(id, _)| *id).collect();
    let first = *ids
        .first()
        .ok_or(VaultError::OutOfOrder(countersign_core::queue::OutOfOrder::Nothing))?;
    let record = record(app, first).await?;
    match record.backup {
        Some(backup) => {
            for id in &ids {
                app.vault.check_files(*id).await?;
            }
            let gate = app.vault.close_gate(backup)?;
            decide_in(
                app,
                deciding,
                Plan::ApproveObjects {
                    backup,
                    asked,
                    activity: gate.activity(),
                },
                Some(gate),
            )
            .await
        }
        None => match asked.as_slice() {
            [(id, seen)] => {
                storage_idle(app, *id).await?;
                let decided = decide_in(app, deciding, Plan::ApproveChange { id: *id, seen: *seen }, None).await;
                if let Err(
                    DecideError::Vault(VaultError::Drift) | DecideError::Change(ChangeError::Vault(VaultError::Drift)),
                ) = &decided
                {
                    report_drift(app, &record).await?;
                }
                decided
            }
            _ => Err(VaultError::OutOfOrder(countersign_core::queue::OutOfOrder::NotWaiting(first)).into()),
        },
    }
}

/// A storage does not go while a client reads there (rule 7).
pub(super) async fn storage_idle(app: &App, id: RequestId) -> Result<(), VaultError> {
    let head = app
        .store
        .ask(move |view| Box::pin(async move { view.manifest_head(id).await }))
        .await?;
    if let Some(Subject::Storage { storage, .. }) = head.map(|head| head.subject) {
        app.vault.storage_idle(storage).await?;
    }
    Ok(())
}

/// Rejects a request, and every later one of its backup with it; which ones.
pub async fn reject(app: &AppState, decider: Decider, id: RequestId) -> Result<Vec<RequestId>, DecideError> {
    reject_by(app, decider.into(), id).await
}

async fn reject_by(app: &AppState, deciding: Deciding, id: RequestId) -> Result<Vec<RequestId>, DecideError> {
    match record(app, id).await?.backup {
        Some(backup) => {
            let gate = app.vault.close_gate(backup)?;
            decide_in(
                app,
                deciding,
                Plan::RejectObjects {
                    backup,
                    id,
                    activity: gate.activity(),
                },
                Some(gate),
            )
            .await
        }
        None => decide_in(app, deciding, Plan::RejectChange { id }, None).await,
    }
}

/// Vetoes an approval that waits for the end of its undo window, and takes every later request of its backup along; which ones.
pub async fn veto(app: &AppState, decider: Decider, id: RequestId) -> Result<Vec<RequestId>, DecideError> {
    let record = app
        .store
        .ask(move |view| Box::pin(async move { view.request(id).await }))
        .await?;
    let record = record.ok_or(VaultError::NoRequest(id))?;
    if record.waiting().is_none() {
        return Err(undo::not_waiting(&record).into());
    }
    match record.backup {
        Some(backup) => {
            let gate = app.vault.close_gate(backup)?;
            let activity = gate.activity();
            decide_in(
                app,
                decider.into(),
                Plan::VetoObjects { backup, id, activity },
                Some(gate),
            )
            .await
        }
        None => decide_in(app, decider.into(), Plan::VetoChange { id }, None).await,
    }
}

/// What was asked for cannot be approved any more, since what it was computed from has changed. It is reported in a transaction of its
/// own: the one that would have decided is undone.
async fn report_drift(app: &App, record: &RequestRecord) -> Result<(), StoreError> {
    let event = Event::UpdateSecurityObjectFailed {
        endpoint: endpoint(&record.initiator),
        user_name: Some(record.initiator.name.clone()),
    };
    let (id, name, now) = (record.id, record.initiator.name.clone(), app.clock.now());
    app.store
        .write(move |tx| Box::pin(async move { tx.report(&event, now, Some(id), &name).await.map(drop) }))
        .await
}

enum Plan {
    ApproveObjects {
        backup: BackupId,
        asked: Vec<(RequestId, Sha256)>,
        activity: countersign_core::fence::Activity,
    },
    ApproveChange {
        id: RequestId,
        seen: Sha256,
    },
    RejectObjects {
        backup: BackupId,
        id: RequestId,
        activity: countersign_core::fence::Activity,
    },
    RejectChange {
        id: RequestId,
    },
    VetoObjects {
        backup: BackupId,
        id: RequestId,
        activity: countersign_core::fence::Activity,
    },
    VetoChange {
        id: RequestId,
    },
}

async fn record(app: &App, id: RequestId) -> Result<RequestRecord, DecideError> {
    let record = app
        .store
        .ask(move |view| Box::pin(async move { view.request(id).await }))
        .await?;
    let record = record.ok_or(VaultError::NoRequest(id))?;
    if record.pending().is_none() {
        return Err(VaultError::Decided {
            id,
            state: record.state.as_str(),
            by: record.decided_by,
        }
        .into());
    }
    Ok(record)
}

/// A wrong factor is recorded although nothing is decided, so it is an outcome of the transaction, not an error of it.
enum Outcome {
    Decided(Vec<RequestId>),
    Refused(ShownRefused),
}

async fn decide_in(
    app: &AppState,
    deciding: Deciding,
    plan: Plan,
    gate: Option<Gate>,
) -> Result<Vec<RequestId>, DecideError> {
    let (moment, nonce, server) = (app.vault.moment(), app.vault.nonce(), AppState::clone(app));
    let outcome = app
        .store
        .write(move |tx| Box::pin(async move { decide_with_factor(tx, &server, &deciding, plan, moment, nonce).await }))
        .await;
    app.vault.decided();
    clock::resume(app).await;
    app.delivery_changed.notify_one();
    app.configuration_backups.changed();
    app.command_waits.notify_waiters();
    drop(gate);
    match outcome? {
        Outcome::Decided(ids) => Ok(ids),
        Outcome::Refused(refused) => Err(refused.into()),
    }
}

async fn decide_with_factor(
    tx: &mut Tx,
    app: &App,
    Deciding { decider, batch }: &Deciding,
    plan: Plan,
    moment: Moment,
    nonce: String,
) -> Result<Outcome, DecideError> {
    // Asked again: a clock that was confirmed meanwhile has moved all deadlines.
    let moment = tx.moment(moment.now);
    let now = moment.now;
    let account = tx
        .account(decider.account)
        .await?
        .ok_or(StoreError::Unreadable("the account of a session"))?;
    // Said before the factor is used up: it would be of no use.
    may_decide(tx, &account, &plan, moment).await?;
    let proven = match batch {
        Some(proven) => Arc::clone(proven),
        None => match verify_shown(tx, app, &account, &decider.shown, &decider.from, now).await? {
            Ok(proof) => {
                let from = decided_from(tx, decider, now).await?;
                Arc::new(Proven { proof, from })
            }
            Err(refused) => return Ok(Outcome::Refused(refused)),
        },
    };
    let supervisor = Supervisor {
        account: &account,
        proof: &proven.proof,
        comment: &decider.comment,
    };
    let vetoes = matches!(plan, Plan::VetoObjects { .. } | Plan::VetoChange { .. });
    let ids = match plan {
        Plan::ApproveObjects {
            backup,
            asked,
            activity,
        } => {
            settle::approve(tx, backup, &asked, &supervisor, &activity, moment).await?;
            asked.into_iter().map(|(id, _)| id).collect()
        }
        Plan::RejectObjects { backup, id, activity } => {
            settle::reject(tx, backup, id, &supervisor, &activity, (moment, nonce)).await?
        }
        Plan::ApproveChange { id, seen } => {
            approve_change(tx, id, seen, &supervisor, moment).await?;
            vec![id]
        }
        Plan::RejectChange { id } => {
            let rejected = settle::pending(tx, id)
                .await?
                .reject(supervisor.account, supervisor.proof, moment.ageing)
                .map_err(VaultError::from)?;
            tx.record_rejection(&rejected, Some(account.id), supervisor.comment, None, now)
                .await?;
            tx.report(&rejected.event(), now, Some(id), account.name.as_str())
                .await?;
            vec![id]
        }
        Plan::VetoObjects { backup, id, activity } => {
            undo::veto(tx, backup, id, &supervisor, &activity, (moment, nonce)).await?
        }
        Plan::VetoChange { id } => {
            let vetoed = undo::waiting(tx, id)
                .await?
                .veto(supervisor.account, supervisor.proof, moment.ageing)
                .map_err(VaultError::from)?;
            undo::record_veto(tx, &vetoed, &supervisor, None, moment).await?;
            vec![id]
        }
    };
    // What is kept is how it was approved or rejected, also after a veto.
    if !vetoes {
        tx.note_decided_from(&ids, &proven.from).await?;
    }
    Ok(Outcome::Decided(ids))
}

/// How it was decided, as it is kept.
async fn decided_from(tx: &mut Tx, decider: &Decider, now: Timestamp) -> Result<DecidedFrom, StoreError> {
    let factor = match &decider.shown {
        Shown::Code(_) => "one-time code".to_owned(),
        Shown::Passkey { .. } => {
            // The one that was used in this transaction.
            let passkeys = tx.passkeys_of(decider.account).await?;
            let used = passkeys.into_iter().find(|passkey| passkey.used_at == Some(now));
            used.map_or_else(|| "passkey".to_owned(), |passkey| format!("passkey {}", passkey.label))
        }
    };
    Ok(DecidedFrom {
        address: decider.from.to_string(),
        agent: decider.agent.clone(),
        client: decider.client.clone(),
        factor,
    })
}

/// The part of the rules that does not need the factor; core asks all of them again with it.
async fn may_decide(tx: &mut Tx, account: &Account, plan: &Plan, moment: Moment) -> Result<(), VaultError> {
    match plan {
        Plan::ApproveObjects { asked, .. } => {
            for (id, _) in asked {
                may_approve(tx, account, *id, moment).await?;
            }
            Ok(())
        }
        Plan::ApproveChange { id, .. } => may_approve(tx, account, *id, moment).await,
        Plan::RejectObjects { id, .. } | Plan::RejectChange { id } => may_reject(tx, account, *id, moment).await,
        Plan::VetoObjects { id, .. } | Plan::VetoChange { id } => {
            if undo::waiting(tx, *id).await?.request.initiator.account != account.id {
                account.eligible(moment.ageing).map_err(Refusal::from)?;
            }
            Ok(())
        }
    }
}

async fn may_approve(tx: &mut Tx, account: &Account, id: RequestId, moment: Moment) -> Result<(), VaultError> {
    let initiator = settle::pending(tx, id).await?.initiator;
    let known = tx.accounts_behind(&initiator).await?;
    Ok(second_person(account, &initiator, &known, moment.ageing)?)
}

async fn may_reject(tx: &mut Tx, account: &Account, id: RequestId, moment: Moment) -> Result<(), VaultError> {
    if settle::pending(tx, id).await?.initiator.account != account.id {
        account.eligible(moment.ageing).map_err(Refusal::from)?;
    }
    Ok(())
}

async fn approve_change(
    tx: &mut Tx,
    id: RequestId,
    seen: Sha256,
    supervisor: &Supervisor<'_>,
    moment: Moment,
) -> Result<(), DecideError> {
    let pending = settle::pending(tx, id).await?;
    let manifest = tx.manifest(id).await?.ok_or(StoreError::Unreadable("a manifest"))?;
    let initiator = initiator(&pending);
    let known = tx.accounts_behind(&pending.initiator).await?;
    let approved = pending
        .approve(supervisor.account, supervisor.proof, seen, &known, moment.ageing)
        .map_err(VaultError::from)?;
    if manifest.digest().ok() != Some(seen) {
        return Err(VaultError::Drift.into());
    }
    let taking = if manifest.subject.destroys_bytes() {
        let policy = tx.policy().await?;
        Some(approved.clone().take(&policy, moment.ageing, None))
    } else {
        None
    };
    let effect = match &taking {
        Some(Taking::Later(_)) => Effect::Waiting,
        Some(Taking::AtOnce(_)) | None => Effect::Done,
    };
    tx.record_approval(&approved, supervisor.comment, effect, moment.now)
        .await?;
    let by = supervisor.account.name.as_str();
    tx.report(&approved.event(), moment.now, Some(id), by).await?;
    match taking {
        Some(Taking::Later(waiting)) => tx.record_waiting(&waiting).await?,
        Some(Taking::AtOnce(_)) | None => {
            settings::apply(tx, &manifest.subject, &initiator, Some(id), moment.now).await?;
        }
    }
    Ok(())
}

/// Who asked, as events name them.
pub(super) fn initiator(request: &Pending) -> User {
    User {
        full_name: request.initiator.name.clone(),
        login_type: request.initiator.login_type,
    }
}
