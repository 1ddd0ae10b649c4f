//! Runners: which service accounts get commands, and their tokens.

use countersign_core::manifest::Subject;
use countersign_core::token::Secret;
use countersign_core::{AccountId, AccountKind, Actor, Deed, Verdict, decide};
use countersign_events::{Changes, Timestamp, User};
use countersign_store::{StoreError, Tx};
use countersign_vault::VaultError;

use super::settings::{ChangeError, report_change};
use crate::app::App;

/// A service account that is to be a runner, as a manifest has it.
pub(super) async fn adding(tx: &mut Tx, id: AccountId, now: Timestamp) -> Result<(String, Subject), ChangeError> {
    let account = tx.account(id).await?.ok_or(ChangeError::NoAccount)?;
    if account.kind != AccountKind::Service || !account.lives(now) {
        return Err(ChangeError::NoService);
    }
    if tx.runner(id).await?.is_some() {
        return Err(ChangeError::RunnerTaken);
    }
    let name = account.name.to_string();
    let target = format!("runner {name}");
    Ok((target, Subject::Runner { account: id, name }))
}

/// Makes it one, if it still can be.
pub(super) async fn apply(tx: &mut Tx, id: AccountId, name: &str, now: Timestamp) -> Result<Changes, ChangeError> {
    let account = tx.account(id).await?.ok_or(VaultError::Drift)?;
    let same = account.name.as_str() == name && account.kind == AccountKind::Service && account.lives(now);
    if !same || tx.runner(id).await?.is_some() {
        return Err(VaultError::Drift.into());
    }
    tx.add_runner(id, now).await?;
    Ok(told(id, name).property("runner", "String", "no", "yes"))
}

fn told(id: AccountId, name: &str) -> Changes {
    Changes::object(id.subject(), name.to_owned()).attribute("type", "Runner")
}

fn may_change(actor: &Actor, policy: &countersign_core::Policy, now: Timestamp) -> Result<(), ChangeError> {
    match decide(actor, Deed::ChangeAccounts, policy, now) {
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
        Verdict::Allow(_) | Verdict::Hold => Ok(()),
    }
}

/// Makes the token of a runner that has none. Nothing is held: that it is a runner was decided, and one that has a token keeps it.
/// Who lost one removes the runner and adds it anew.
///
/// # Errors
/// The role is missing, it is no runner, or has a token.
pub async fn new_token(app: &App, actor: &Actor, id: AccountId) -> Result<Secret, ChangeError> {
    // Its account stands in it, so that a runner knows whose commands are its own.
    let secret = format!("{}.{}", id.subject(), Secret::new(&*app.entropy).reveal());
    let secret = Secret::given(&secret).map_err(|_| StoreError::Unreadable("a token that was just made"))?;
    let (actor, hash, now) = (actor.clone(), secret.hash(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                may_change(&actor, &tx.policy().await?, now)?;
                let runner = tx.runner(id).await?.ok_or(ChangeError::NoRunner)?;
                if !tx.give_runner_token(id, hash, now).await? {
                    return Err(ChangeError::RunnerHasToken);
                }
                let changes = told(id, runner.account.name.as_str()).property("token", "String", "none", "set");
                report_change(tx, changes, &user(&actor), None, now).await?;
                Ok::<_, ChangeError>(())
            })
        })
        .await?;
    app.delivery_changed.notify_one();
    Ok(secret)
}

/// Lets an account be no runner any more, at once: it only takes away. What waits for it is not run.
///
/// # Errors
/// The role is missing, or it is no runner.
pub async fn remove(app: &App, actor: &Actor, id: AccountId) -> Result<(), ChangeError> {
    let (actor, now) = (actor.clone(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                may_change(&actor, &tx.policy().await?, now)?;
                let runner = tx.runner(id).await?.ok_or(ChangeError::NoRunner)?;
                if !tx.remove_runner(id).await? {
                    return Err(ChangeError::NoRunner);
                }
                tx.end_commands_of(id, "its runner was removed", now).await?;
                let changes = told(id, runner.account.name.as_str()).property("runner", "String", "yes", "no");
                report_change(tx, changes, &user(&actor), None, now).await?;
                Ok::<_, ChangeError>(())
            })
        })
        .await
        .map_err(|error: ChangeError| error)?;
    app.delivery_changed.notify_one();
    Ok(())
}

fn user(actor: &Actor) -> User {
    User {
        full_name: actor.name.clone(),
        login_type: actor.login_type,
    }
}

/// The account whose runner's token this is, if it holds.
///
/// # Errors
/// The store.
pub async fn of_token(app: &App, shown: &str) -> Result<Option<countersign_core::Account>, StoreError> {
    let (hash, now) = (countersign_core::token::hash_of(shown), app.clock.now());
    let found = app
        .store
        .ask(move |view| Box::pin(async move { view.runner_by_token(hash).await }))
        .await?;
    Ok(found.filter(|account| account.kind == AccountKind::Service && account.lives(now)))
}
