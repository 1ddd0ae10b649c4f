//! A second person decides: fresh second factor, order, fence, state, effect and event, all in one transaction.

use countersign_core::manifest::Subject;
use countersign_core::request::{Effect, Refusal, second_person};
use countersign_core::{Account, AccountId, BackupId, RequestId, Sha256};
use countersign_events::{Timestamp, User};
use countersign_store::{RequestRecord, StoreError, Tx};
use countersign_vault::settle::{self, Supervisor};
use countersign_vault::{Gate, VaultError};

use super::settings::{self, ChangeError};
use crate::AppState;
use crate::app::App;
use crate::listen::ClientAddress;
use crate::step_up::{Shown, ShownRefused, verify_shown};

/// Who decides and how they prove it.
#[derive(Debug, Clone)]
pub struct Decider {
    /// The account that is logged on.
    pub account: AccountId,
    /// A factor, shown for this decision alone.
    pub shown: Shown,
    /// What they say about it.
    pub comment: String,
    /// Where they are, for the events about codes.
    pub from: ClientAddress,
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

/// Approves requests: one about settings, or the oldest of a backup in their order, each by the digest that was seen.
pub async fn approve(
    app: &AppState,
    decider: Decider,
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
                decider,
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
                decide_in(app, decider, Plan::ApproveChange { id: *id, seen: *seen }, None).await
            }
            _ => Err(VaultError::OutOfOrder(countersign_core::queue::OutOfOrder::NotWaiting(first)).into()),
        },
    }
}

/// A storage does not go while a client reads there (rule 7).
async fn storage_idle(app: &App, id: RequestId) -> Result<(), DecideError> {
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
    match record(app, id).await?.backup {
        Some(backup) => {
            let gate = app.vault.close_gate(backup)?;
            decide_in(
                app,
                decider,
                Plan::RejectObjects {
                    backup,
                    id,
                    activity: gate.activity(),
                },
                Some(gate),
            )
            .await
        }
        None => decide_in(app, decider, Plan::RejectChange { id }, None).await,
    }
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
    decider: Decider,
    plan: Plan,
    gate: Option<Gate>,
) -> Result<Vec<RequestId>, DecideError> {
    let (now, nonce, deciding) = (app.clock.now(), app.vault.nonce(), AppState::clone(app));
    let outcome = app
        .store
        .write(move |tx| Box::pin(async move { decide_with_factor(tx, &deciding, &decider, plan, now, nonce).await }))
        .await;
    app.vault.decided();
    app.delivery_changed.notify_one();
    drop(gate);
    match outcome? {
        Outcome::Decided(ids) => Ok(ids),
        Outcome::Refused(refused) => Err(refused.into()),
    }
}

async fn decide_with_factor(
    tx: &mut Tx,
    app: &App,
    decider: &Decider,
    plan: Plan,
    now: Timestamp,
    nonce: String,
) -> Result<Outcome, DecideError> {
    let account = tx
        .account(decider.account)
        .await?
        .ok_or(StoreError::Unreadable("the account of a session"))?;
    // Said before the factor is used up: it would be of no use.
    may_decide(tx, &account, &plan, now).await?;
    let proof = match verify_shown(tx, app, &account, &decider.shown, &decider.from, now).await? {
        Ok(proof) => proof,
        Err(refused) => return Ok(Outcome::Refused(refused)),
    };
    let supervisor = Supervisor {
        account: &account,
        proof: &proof,
        comment: &decider.comment,
    };
    let ids = match plan {
        Plan::ApproveObjects {
            backup,
            asked,
            activity,
        } => {
            settle::approve(tx, backup, &asked, &supervisor, &activity, now).await?;
            asked.into_iter().map(|(id, _)| id).collect()
        }
        Plan::RejectObjects { backup, id, activity } => {
            settle::reject(tx, backup, id, &supervisor, &activity, (now, nonce)).await?
        }
        Plan::ApproveChange { id, seen } => {
            approve_change(tx, id, seen, &supervisor, now).await?;
            vec![id]
        }
        Plan::RejectChange { id } => {
            let rejected = settle::pending(tx, id)
                .await?
                .reject(supervisor.account, supervisor.proof, now)
                .map_err(VaultError::from)?;
            tx.record_rejection(&rejected, Some(account.id), supervisor.comment, None, now)
                .await?;
            tx.report(&rejected.event(), now, Some(id), account.name.as_str())
                .await?;
            vec![id]
        }
    };
    Ok(Outcome::Decided(ids))
}

/// The part of the rules that does not need the factor; core asks all of them again with it.
async fn may_decide(tx: &mut Tx, account: &Account, plan: &Plan, now: Timestamp) -> Result<(), VaultError> {
    match plan {
        Plan::ApproveObjects { asked, .. } => {
            for (id, _) in asked {
                may_approve(tx, account, *id, now).await?;
            }
            Ok(())
        }
        Plan::ApproveChange { id, .. } => may_approve(tx, account, *id, now).await,
        Plan::RejectObjects { id, .. } | Plan::RejectChange { id } => {
            if settle::pending(tx, *id).await?.initiator.account != account.id {
                account.eligible(now).map_err(Refusal::from)?;
            }
            Ok(())
        }
    }
}

async fn may_approve(tx: &mut Tx, account: &Account, id: RequestId, now: Timestamp) -> Result<(), VaultError> {
    let initiator = settle::pending(tx, id).await?.initiator;
    let known = tx.accounts_behind(&initiator).await?;
    Ok(second_person(account, &initiator, &known, now)?)
}

async fn approve_change(
    tx: &mut Tx,
    id: RequestId,
    seen: Sha256,
    supervisor: &Supervisor<'_>,
    now: Timestamp,
) -> Result<(), DecideError> {
    let pending = settle::pending(tx, id).await?;
    let manifest = tx.manifest(id).await?.ok_or(StoreError::Unreadable("a manifest"))?;
    let initiator = User {
        full_name: pending.initiator.name.clone(),
        login_type: pending.initiator.login_type,
    };
    let known = tx.accounts_behind(&pending.initiator).await?;
    let approved = pending
        .approve(supervisor.account, supervisor.proof, seen, &known, now)
        .map_err(VaultError::from)?;
    if manifest.digest().ok() != Some(seen) {
        return Err(VaultError::Drift.into());
    }
    tx.record_approval(&approved, supervisor.comment, Effect::Done, now)
        .await?;
    tx.report(&approved.event(), now, Some(id), supervisor.account.name.as_str())
        .await?;
    settings::apply(tx, &manifest.subject, &initiator, Some(id), now).await?;
    Ok(())
}
