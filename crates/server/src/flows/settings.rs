//! Changing security settings: at once while four-eyes authorization is off, by a request while it is on.

mod differences;
mod refused;

use countersign_core::account_change::AccountChange;
use countersign_core::behind::people;
use countersign_core::configuration_backup::Schedule;
use countersign_core::logon::{ClientId, ClientSpec};
use countersign_core::manifest::Subject;
use countersign_core::receiver::{Filter, ReceiverSpec};
use countersign_core::{
    Account, AccountId, Actor, ConfigurationBackupId, Deed, Policy, ReceiverId, RequestId, Verdict, decide,
};
use countersign_events::{Changes, Event, Operation, Timestamp, User};
use countersign_store::{StoreError, Tx};
use countersign_vault::{VaultError, request_change};

use super::configuration_backups::{self, NewPassphrase};
use super::notices::NoticeChange;
use super::service_providers::{self, ProviderChange};
use super::{accounts, clients, clock, commands, notices, receivers, runners, storages};
use crate::app::App;

use differences::policy_changes;
pub use differences::policy_differences;
pub use refused::ChangeError;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It holds now.
    Done,
    /// It holds now: this is the new receiver.
    Added(ReceiverId),
    /// It holds now: this is the new account.
    AddedAccount(AccountId),
    /// A second person must approve it: this request waits.
    Requested(RequestId),
    /// It was so already.
    Unchanged,
}

/// A change that someone asks for.
#[derive(Debug, Clone)]
pub enum Change {
    /// Other security settings; turning four-eyes authorization on or off is one of them.
    Policy(Policy),
    /// A new receiver.
    AddReceiver(ReceiverSpec),
    /// Another description of a receiver.
    ChangeReceiver(ReceiverId, ReceiverSpec),
    /// Another description of a receiver, but for its filter: that stays.
    DescribeReceiver(ReceiverId, ReceiverSpec),
    /// Another filter of a receiver; all else stays.
    FilterReceiver(ReceiverId, Filter),
    /// A receiver less.
    RemoveReceiver(ReceiverId),
    /// A new client.
    AddClient(Box<ClientSpec>),
    /// Another description of a client.
    ChangeClient(Box<ClientSpec>),
    /// A client less.
    RemoveClient(ClientId),
    /// A client's secret holds no more.
    RotateClientSecret(ClientId),
    /// The clock jumped, and is right: by the number of the jump.
    ConfirmClock(i64),
    /// By which channels people are told of requests. Asked for with [`super::notices`].
    Notices(Box<NoticeChange>),
    /// A configuration backup less (102).
    DeleteConfigurationBackup(ConfigurationBackupId),
    /// Another schedule of configuration backups.
    ConfigurationSchedule(Schedule),
    /// Another passphrase of configuration backups. Asked for with [`configuration_backups::set_passphrase`].
    ConfigurationPassphrase(NewPassphrase),
    /// Another description of a service provider, or the end of it.
    ServiceProvider(ProviderChange),
    /// A service account that is to be a runner.
    AddRunner(AccountId),
    /// Who there is, what they may do, with what they log on. Asked for with [`super::accounts::change`].
    Account(AccountChange),
}

/// Whether the actor may change settings, at once or by a request.
///
/// # Errors
/// The role is missing.
pub async fn may_change(app: &App, actor: &Actor) -> Result<(), ChangeError> {
    let policy = app
        .store
        .ask(|view| Box::pin(async move { view.policy().await }))
        .await
        .map_err(|error: StoreError| ChangeError::from(error))?;
    match decide(actor, Deed::ChangeSettings, &policy, app.clock.now()) {
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
        Verdict::Allow(_) | Verdict::Hold => Ok(()),
    }
}

/// Changes a setting as far as the actor may: at once, or by a request.
pub async fn change(app: &App, actor: &Actor, change: Change) -> Result<Changed, ChangeError> {
    let (actor, now, nonce) = (actor.clone(), app.clock.now(), app.vault.nonce());
    let changed = app
        .store
        .write(move |tx| Box::pin(async move { change_in(tx, &actor, change, now, nonce).await }))
        .await;
    clock::resume(app).await;
    app.delivery_changed.notify_one();
    app.configuration_backups.changed();
    changed
}

/// The same inside a transaction. `nonce` makes a request's digest unlike any other's.
pub(crate) async fn change_in(
    tx: &mut Tx,
    actor: &Actor,
    change: Change,
    now: Timestamp,
    nonce: String,
) -> Result<Changed, ChangeError> {
    let policy = tx.policy().await?;
    let described = match change {
        Change::Account(change) => {
            // Asked first, so that who may not change accounts learns that and nothing else.
            if let Verdict::Deny(refusal) = decide(actor, Deed::ChangeAccounts, &policy, now) {
                return Err(VaultError::from(refusal).into());
            }
            let described = accounts::describe(tx, actor, change, &policy, now).await?;
            described.map(|(target, subject)| (Operation::UpdateSecuritySettings, target, subject))
        }
        Change::Notices(change) => {
            // Asked first, so that who may not change settings leaves no sealed secret here.
            if let Verdict::Deny(refusal) = decide(actor, Deed::ChangeSettings, &policy, now) {
                return Err(VaultError::from(refusal).into());
            }
            notices::describe(tx, *change, now).await?
        }
        Change::ConfigurationPassphrase(new) => {
            // Asked first, so that nobody who may not lays one down.
            configuration_backups::may_change(tx, actor, now).await?;
            let (target, subject) = configuration_backups::encrypting(tx, new).await?;
            Some((Operation::UpdateSecuritySettings, target, subject))
        }
        Change::AddRunner(id) => {
            let (target, subject) = runners::adding(tx, id, now).await?;
            Some((Operation::UpdateSecuritySettings, target, subject))
        }
        change => describe(tx, change, &policy).await?,
    };
    let Some((operation, target, subject)) = described else {
        return Ok(Changed::Unchanged);
    };
    let deed = match (&operation, &subject) {
        (Operation::DisableFourEyes, _) => Deed::DisableFourEyes,
        (_, Subject::Client { .. } | Subject::ClientSecret { .. }) => Deed::ChangeClients,
        (_, Subject::Account { .. } | Subject::Runner { .. }) => Deed::ChangeAccounts,
        (_, Subject::ServiceProvider { after, before, .. }) => service_providers::deed(after.as_deref(), before),
        (_, subject) => configuration_backups::deed(subject).unwrap_or(Deed::ChangeSettings),
    };
    match decide(actor, deed, &policy, now) {
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
        Verdict::Allow(_) => {
            let user = actor.user();
            apply(tx, &subject, &user, None, now).await
        }
        Verdict::Hold => Ok(Changed::Requested(
            request_change(tx, actor, (operation, target), subject, now, nonce).await?,
        )),
    }
}

/// The change as a manifest has it; none when nothing would change.
async fn describe(
    tx: &mut Tx,
    change: Change,
    before: &Policy,
) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    let (what, subject) = match change {
        Change::Policy(after) => {
            let after = after.checked()?;
            if after == *before {
                return Ok(None);
            }
            let turns_off = before.four_eyes && !after.four_eyes;
            // Turning it off is an operation of its own: nothing else rides along.
            let alone = Policy {
                four_eyes: false,
                ..before.clone()
            };
            let (operation, after) = if turns_off {
                (Operation::DisableFourEyes, alone)
            } else {
                (Operation::UpdateSecuritySettings, after)
            };
            let subject = Subject::Policy {
                after,
                before: before.clone(),
            };
            return Ok(Some((operation, "security settings".to_owned(), subject)));
        }
        Change::AddReceiver(spec) => receivers::adding(tx, spec).await?,
        Change::ChangeReceiver(id, spec) => {
            let known = receivers::known(tx, id).await?;
            return receivers::changing(tx, id, known, spec).await;
        }
        Change::DescribeReceiver(id, spec) => {
            let known = receivers::known(tx, id).await?;
            let filter = known.filter.clone();
            return receivers::changing(tx, id, known, ReceiverSpec { filter, ..spec }).await;
        }
        Change::FilterReceiver(id, filter) => {
            let known = receivers::known(tx, id).await?;
            let spec = ReceiverSpec {
                filter,
                ..known.clone()
            };
            return receivers::changing(tx, id, known, spec).await;
        }
        Change::RemoveReceiver(id) => receivers::removing(id, receivers::known(tx, id).await?),
        Change::AddClient(spec) => clients::adding(tx, *spec).await?,
        Change::ChangeClient(spec) => return clients::changing(tx, *spec).await,
        Change::RemoveClient(id) => clients::removing(tx, &id).await?,
        Change::RotateClientSecret(id) => return clients::rotating(tx, id).await,
        Change::ConfirmClock(jump) => clock::confirming(tx, jump)?,
        Change::DeleteConfigurationBackup(id) => return configuration_backups::deleting(tx, id).await.map(Some),
        Change::ConfigurationSchedule(after) => return configuration_backups::scheduling(tx, after).await,
        Change::ServiceProvider(change) => return service_providers::describe(tx, change).await,
        // Described by whoever asks for it.
        Change::Account(_) | Change::Notices(_) | Change::ConfigurationPassphrase(_) | Change::AddRunner(_) => {
            return Ok(None);
        }
    };
    Ok(Some((Operation::UpdateSecuritySettings, what, subject)))
}

/// Makes a change hold, in this transaction, if what it was computed from still holds; reports it. What became of it is
/// [`Changed::Done`], or what it added.
pub(super) async fn apply(
    tx: &mut Tx,
    subject: &Subject,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<Changed, ChangeError> {
    match subject {
        Subject::Objects { .. } => Err(VaultError::Drift.into()),
        Subject::Account {
            account,
            after,
            before,
            reset,
        } => {
            let described = accounts::Described {
                account: *account,
                after,
                before: before.as_deref(),
                reset: *reset,
            };
            let added = accounts::apply(tx, described, by, request, now).await?;
            Ok(added.map_or(Changed::Done, Changed::AddedAccount))
        }
        Subject::Policy { after, before } => {
            apply_policy(tx, after, before, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::Receiver {
            after,
            before,
            receiver,
        } => {
            let (id, changes) = receivers::apply(tx, after.as_deref(), before.as_deref(), *receiver, now).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(match receiver {
                None => Changed::Added(id),
                Some(_) => Changed::Done,
            })
        }
        Subject::NoticeChannel { after, before, channel } => {
            let changes = notices::apply(tx, after.as_deref(), before.as_deref(), *channel, now).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::ConfigurationBackup {
            backup,
            hash,
            made_at,
            name,
            size,
        } => {
            let file = (name.as_str(), *size, *hash);
            let changes = configuration_backups::apply_delete(tx, *backup, file, *made_at).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::ConfigurationPassphrase {
            before,
            passphrase,
            sealed,
        } => {
            let changes = configuration_backups::apply_passphrase(tx, *passphrase, *sealed, *before, now).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::ConfigurationSchedule { after, before } => {
            let changes = configuration_backups::apply_schedule(tx, *after, *before).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::Command(spec) => {
            commands::apply(tx, spec, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::Runner { account, name } => {
            let changes = runners::apply(tx, *account, name, now).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::Client { after, before } => {
            let changes = clients::apply(tx, after.as_deref(), before.as_deref(), request, now).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::Storage {
            backups,
            path,
            purge,
            storage,
            name: _,
        } => {
            let going = storages::Going {
                id: *storage,
                path: path.as_ref(),
                purge: *purge,
                backups,
            };
            storages::apply_delete(tx, going, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::StorageChange { after, before, storage } => {
            storages::apply_change(tx, *storage, before, after, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::Clock { after, before, jump } => {
            let changes = clock::apply(tx, *after, *before, *jump, &by.full_name).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::ServiceProvider {
            after,
            before,
            provider,
        } => {
            service_providers::apply(tx, *provider, (before, after.as_deref()), by, request, now).await?;
            Ok(Changed::Done)
        }
        Subject::ClientSecret { client, secret } => {
            let changes = clients::apply_rotation(tx, client, *secret).await?;
            report_change(tx, changes, by, request, now).await?;
            Ok(Changed::Done)
        }
    }
}

async fn apply_policy(
    tx: &mut Tx,
    after: &Policy,
    before: &Policy,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    if tx.policy().await? != *before {
        return Err(VaultError::Drift.into());
    }
    if after.four_eyes && !before.four_eyes {
        let eligible = eligible(tx, now).await?;
        if eligible.len() < 2 {
            return Err(ChangeError::TooFewEligible(
                eligible.iter().map(|account| account.name.to_string()).collect(),
            ));
        }
    }
    tx.set_policy(after).await?;
    match (before.four_eyes, after.four_eyes) {
        (false, true) => {
            let event = Event::FourEyesEnabled { initiator: by.clone() };
            tx.report(&event, now, request, &by.full_name).await?;
        }
        (true, false) => {
            let request_id = request.map(|request| request.to_string());
            let event = Event::FourEyesDisabled {
                initiator: by.clone(),
                request_id,
                result: None,
            };
            tx.report(&event, now, request, &by.full_name).await?;
        }
        _ => {}
    }
    match (before.mfa_for_all, after.mfa_for_all) {
        (false, true) => {
            let event = Event::MfaEnabled { user: by.clone() };
            tx.report(&event, now, request, &by.full_name).await?;
        }
        (true, false) => {
            let event = Event::MfaDisabled { user: by.clone() };
            tx.report(&event, now, request, &by.full_name).await?;
        }
        _ => {}
    }
    // The family has events of their own for these two.
    let other_settings = Policy {
        four_eyes: before.four_eyes,
        mfa_for_all: before.mfa_for_all,
        ..after.clone()
    };
    if other_settings != *before {
        report_change(tx, policy_changes(before, &other_settings), by, request, now).await?;
    }
    Ok(())
}

/// The people who may approve now, and can: with a factor that decides. One account of each.
pub async fn eligible(tx: &mut Tx, now: Timestamp) -> Result<Vec<Account>, StoreError> {
    let accounts = tx.accounts_with_factor().await?;
    let ageing = tx.moment(now).ageing;
    let eligible = accounts.iter().filter(|account| account.eligible(ageing).is_ok());
    Ok(people(eligible).into_iter().cloned().collect())
}

pub(super) async fn report_change(
    tx: &mut Tx,
    changes: Changes,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = Event::GeneralSettingsUpdated {
        changes,
        user_name: by.full_name.clone(),
    };
    tx.report(&event, now, request, &by.full_name).await.map(drop)
}
