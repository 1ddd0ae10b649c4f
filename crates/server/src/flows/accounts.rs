//! Accounts as a part of the security settings: what a change is, what it does, and what is reported when it is refused.

use std::net::SocketAddr;

use countersign_core::account_change::{
    AccountChange, AccountRefusal, AccountSpec, LINKS_OPEN_SECONDS, LinkKind, Reset, Settings, TooFewLeft, changed,
    leaves_enough, may_ask, may_own,
};
use countersign_core::manifest::Subject;
use countersign_core::{Account, AccountId, AccountKind, AccountState, Actor, Policy, RequestId};
use countersign_events::{Changes, Event, Timestamp, User};
use countersign_store::{StoreError, Tx};
use countersign_vault::VaultError;

use super::chains;
use super::settings::{Change, ChangeError, Changed};
use crate::app::App;
use crate::listen::ClientAddress;

/// One thing that differs between two states of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name in the API.
    pub name: &'static str,
    /// Empty where there was nothing.
    pub before: String,
    /// Empty where there will be nothing.
    pub after: String,
}

/// Everything that differs, in the order in which people think of an account.
pub fn differences(before: Option<&AccountSpec>, after: &AccountSpec, reset: Option<Reset>) -> Vec<Difference> {
    let facts = |spec: &AccountSpec| {
        [
            ("kind", spec.kind.as_str().to_owned()),
            (
                "email",
                spec.email.as_ref().map(ToString::to_string).unwrap_or_default(),
            ),
            ("roles", titles(spec)),
            ("state", spec.state.as_str().to_owned()),
            (
                "expires_at",
                spec.expires_at.map(|end| end.rfc3339(0)).unwrap_or_default(),
            ),
            ("mfa", if spec.mfa { "on" } else { "" }.to_owned()),
            ("owner", spec.owner.map(AccountId::subject).unwrap_or_default()),
            (
                "person",
                spec.person.as_ref().map(ToString::to_string).unwrap_or_default(),
            ),
        ]
    };
    let was = before.map(facts).unwrap_or_default();
    let mut found: Vec<_> = facts(after)
        .into_iter()
        .zip(was)
        .map(|((name, after), (_, before))| Difference { name, before, after })
        .filter(|difference| difference.before != difference.after)
        .collect();
    if let Some(reset) = reset {
        found.push(Difference {
            name: "reset",
            before: String::new(),
            after: reset.as_str().to_owned(),
        });
    }
    found
}

/// Its roles as the events of the family call them: `Backup Administrator, Backup Viewer`.
fn titles(spec: &AccountSpec) -> String {
    let titles: Vec<_> = spec.roles.iter().map(|role| role.title()).collect();
    titles.join(", ")
}

/// Changes an account as far as the actor may: at once, or by a request. A refusal is reported (41810; 31210 when a name was taken).
///
/// # Errors
/// Why nothing was changed.
pub async fn change(
    app: &App,
    actor: &Actor,
    from: &ClientAddress,
    change: AccountChange,
) -> Result<Changed, ChangeError> {
    let changed = super::settings::change(app, actor, Change::Account(change.clone())).await;
    if let Err(error) = &changed
        && let Some(event) = refusal(actor, from, &change, error)
    {
        let (now, name) = (app.clock.now(), actor.name.clone());
        app.store
            .write(move |tx| Box::pin(async move { tx.report(&event, now, None, &name).await }))
            .await
            .map_err(|error: StoreError| ChangeError::from(error))?;
        app.delivery_changed.notify_one();
    }
    changed
}

/// What is reported of a refusal; nothing of what is only mistyped.
fn refusal(actor: &Actor, from: &ClientAddress, change: &AccountChange, error: &ChangeError) -> Option<Event> {
    match (error, change) {
        (ChangeError::AccountNameTaken, AccountChange::Add { name, kind, settings }) => {
            let spec = AccountSpec {
                email: None,
                owner: None,
                person: None,
                expires_at: settings.expires_at,
                kind: *kind,
                mfa: settings.mfa,
                name: name.clone(),
                roles: settings.roles,
                state: AccountState::Invited,
            };
            Some(Event::AddingUserFailed {
                id: None,
                name: name.to_string(),
                changes: assigned("", &spec),
                user_name: actor.name.clone(),
                user: actor.user(),
            })
        }
        (
            ChangeError::Vault(VaultError::Refused(_))
            | ChangeError::Account(AccountRefusal::OwnAccount)
            | ChangeError::TooFewLeft(_),
            _,
        ) => Some(Event::UpdateSecurityObjectFailed {
            // Behind a proxy the port is not known.
            endpoint: SocketAddr::new(from.ip, from.port.unwrap_or(0)),
            user_name: Some(actor.name.clone()),
        }),
        _ => None,
    }
}

/// An account and its roles, as the events of the family tell them.
fn assigned(id: &str, spec: &AccountSpec) -> Changes {
    Changes::object(id, spec.name.to_string()).attribute("assignedRoleName", titles(spec))
}

/// The change as a manifest has it, with its target; none when nothing would change.
pub(super) async fn describe(
    tx: &mut Tx,
    actor: &Actor,
    change: AccountChange,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<(String, Subject)>, ChangeError> {
    let (id, reset) = match change {
        AccountChange::Add { name, kind, settings } => {
            let adder = (kind == AccountKind::Service).then_some(actor.account);
            let settings = Settings {
                owner: settings.owner.or(adder),
                ..settings
            };
            let after = AccountSpec::new(name, kind, settings, now)?;
            check_owner(tx, None, &after).await?;
            if tx.account_named(&after.name).await?.is_some() {
                return Err(ChangeError::AccountNameTaken);
            }
            let subject = Subject::Account {
                account: None,
                after: Box::new(after.clone()),
                before: None,
                reset: None,
            };
            return Ok(Some((target(&after), subject)));
        }
        AccountChange::Set(id, _) | AccountChange::Enable(id, _) | AccountChange::Delete(id) => (id, None),
        AccountChange::Reset(id, reset) => (id, Some(reset)),
    };
    let account = known(tx, id).await?;
    let before = AccountSpec::of(&account);
    let after = match change {
        AccountChange::Add { .. } => return Err(ChangeError::NoAccount),
        AccountChange::Set(_, settings) => before.set(settings, now)?,
        AccountChange::Enable(_, enabled) => {
            let credentials = tx.has_credentials(id).await?;
            before.enable(enabled, credentials, now)?
        }
        AccountChange::Delete(_) => before.delete(now)?,
        AccountChange::Reset(_, reset) => before.reset(reset, now)?,
    };
    if before == after && reset.is_none() {
        return Ok(None);
    }
    may_ask(&known(tx, actor.account).await?, id, &before, &after, reset)?;
    check_owner(tx, Some(&before), &after).await?;
    if policy.four_eyes {
        let ageing = tx.moment(now).ageing;
        leave_enough(tx, &changed(&account, &after, reset, policy, ageing), now).await?;
    }
    let target = target(&before);
    let subject = Subject::Account {
        account: Some(id),
        after: Box::new(after),
        before: Some(Box::new(before)),
        reset,
    };
    Ok(Some((target, subject)))
}

fn target(spec: &AccountSpec) -> String {
    format!("account {}", spec.name)
}

async fn known(tx: &mut Tx, id: AccountId) -> Result<Account, ChangeError> {
    tx.account(id).await?.ok_or(ChangeError::NoAccount)
}

/// Whether an owner that is new to a service can answer for it.
async fn check_owner(tx: &mut Tx, before: Option<&AccountSpec>, after: &AccountSpec) -> Result<(), ChangeError> {
    match after.owner {
        Some(owner) if before.and_then(|before| before.owner) != Some(owner) => {
            let owner = tx.account(owner).await?.ok_or(AccountRefusal::BadOwner)?;
            Ok(may_own(&owner)?)
        }
        _ => Ok(()),
    }
}

/// Rule 4, with this account as it would be.
pub(super) async fn leave_enough(tx: &mut Tx, after: &Account, now: Timestamp) -> Result<(), ChangeError> {
    // Who has no factor could not decide anything, whatever their roles.
    let before = tx.accounts_with_factor().await?;
    let with = |account: &Account| {
        let same = account.id == after.id;
        if same { after.clone() } else { account.clone() }
    };
    let all: Vec<_> = before.iter().map(with).collect();
    leaves_enough(&before, &all, tx.moment(now).ageing).map_err(|too_few: TooFewLeft| ChangeError::TooFewLeft(too_few))
}

/// What a manifest says of an account.
pub(super) struct Described<'m> {
    pub account: Option<AccountId>,
    pub after: &'m AccountSpec,
    pub before: Option<&'m AccountSpec>,
    pub reset: Option<Reset>,
}

/// Makes a change hold if what it was computed from still holds; reports it. The new account's number, if one was made.
pub(super) async fn apply(
    tx: &mut Tx,
    described: Described<'_>,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<Option<AccountId>, ChangeError> {
    let policy = tx.policy().await?;
    let Described {
        account,
        after,
        before,
        reset,
    } = described;
    let (Some(id), Some(before)) = (account, before) else {
        return add(tx, after, &policy, by, request, now).await.map(Some);
    };
    let seen = known(tx, id).await?;
    if AccountSpec::of(&seen) != *before {
        return Err(VaultError::Drift.into());
    }
    let ageing = tx.moment(now).ageing;
    let account = changed(&seen, after, reset, &policy, ageing);
    if policy.four_eyes {
        leave_enough(tx, &account, now).await?;
    }
    check_owner(tx, Some(before), after).await?;
    // Before the change, while it still is the person it was.
    tx.keep_former_ties(id, before, after, policy.eligible(ageing)).await?;
    if !tx.change_account(&seen, &account).await? {
        return Err(VaultError::Drift.into());
    }
    if let Some(reset) = reset {
        set_anew(tx, id, reset).await?;
        if let Some(kind) = reset.link() {
            open_link(tx, id, kind, by, now).await?;
        }
    } else if account.state == AccountState::Invited && seen.state != AccountState::Invited {
        // Enabled again, with nothing to log on with.
        open_link(tx, id, LinkKind::Invitation, by, now).await?;
    } else if matches!(account.state, AccountState::Disabled | AccountState::Deleted) {
        tx.void_links_of(id, now).await?;
    }
    chains::end_all(tx, &seen, None, None, now).await?;
    report(tx, &seen, after, reset, by, request, now).await?;
    Ok(None)
}

async fn add(
    tx: &mut Tx,
    spec: &AccountSpec,
    policy: &Policy,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<AccountId, ChangeError> {
    check_owner(tx, None, spec).await?;
    let eligible_at = policy.eligible(tx.moment(now).ageing);
    let account = match tx.insert_account(spec, eligible_at, now).await {
        Err(StoreError::Exists) => return Err(ChangeError::AccountNameTaken),
        made => made?,
    };
    if account.kind == AccountKind::Person {
        open_link(tx, account.id, LinkKind::Invitation, by, now).await?;
    }
    let id = account.id.subject();
    let event = Event::UserAdded {
        changes: assigned(&id, spec),
        id: Some(id),
        name: spec.name.to_string(),
        user_name: by.full_name.clone(),
        user: by.clone(),
    };
    tx.report(&event, now, request, &by.full_name).await?;
    let fresh = Account {
        mfa: false,
        ..account.clone()
    };
    report_mfa(tx, &fresh, spec.mfa, by, request, now).await?;
    Ok(account.id)
}

async fn open_link(
    tx: &mut Tx,
    account: AccountId,
    kind: LinkKind,
    by: &User,
    now: Timestamp,
) -> Result<(), ChangeError> {
    // Names are immutable and never given twice.
    let name = by.full_name.parse();
    let asked_by = match name {
        Ok(name) => tx.account_named(&name).await?,
        Err(_) => None,
    };
    let asked_by = asked_by.ok_or(StoreError::Unreadable("the name of an initiator"))?;
    let open_until = now.plus_seconds(LINKS_OPEN_SECONDS);
    tx.open_link(account, kind, asked_by.id, open_until, now).await?;
    Ok(())
}

/// What ends at once when credentials are to be set anew.
async fn set_anew(tx: &mut Tx, account: AccountId, reset: Reset) -> Result<(), StoreError> {
    match reset {
        Reset::Password => (),
        Reset::SecondFactor => {
            tx.remove_factors(account).await?;
        }
        Reset::Both => {
            tx.remove_factors(account).await?;
            tx.remove_password(account).await?;
        }
        Reset::PasswordAtNextLogon => {
            tx.require_password_change(account).await?;
        }
    }
    Ok(())
}

async fn report(
    tx: &mut Tx,
    seen: &Account,
    after: &AccountSpec,
    reset: Option<Reset>,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, name) = (seen.id.subject(), seen.name.to_string());
    if after.state == AccountState::Deleted {
        let event = Event::UserDeleted {
            changes: assigned(&id, after),
            id: Some(id),
            name,
            user_name: by.full_name.clone(),
            user: by.clone(),
        };
        return tx.report(&event, now, request, &by.full_name).await.map(drop);
    }
    let mut found = differences(Some(&AccountSpec::of(seen)), after, reset);
    // The family has events of their own for these two.
    found.retain(|difference| difference.name != "mfa" && reset != Some(Reset::SecondFactor));
    if !found.is_empty() {
        let object = Changes::object(id, name.clone()).attribute("type", "Account");
        let changes = found.into_iter().fold(object, |changes, difference| {
            changes.property(difference.name, "String", difference.before, difference.after)
        });
        let event = Event::GeneralSettingsUpdated {
            changes,
            user_name: by.full_name.clone(),
        };
        tx.report(&event, now, request, &by.full_name).await?;
    }
    if reset.is_some_and(Reset::ends_second_factor) {
        let event = Event::MfaTokenRevoked {
            target: name,
            user: by.clone(),
        };
        tx.report(&event, now, request, &by.full_name).await?;
    }
    report_mfa(tx, seen, after.mfa, by, request, now).await
}

/// 40203 or 40204, where it differs; a new account had none.
async fn report_mfa(
    tx: &mut Tx,
    seen: &Account,
    mfa: bool,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (target, user) = (seen.name.to_string(), by.clone());
    let event = match (seen.mfa, mfa) {
        (false, true) => Event::MfaForUserEnabled { target, user },
        (true, false) => Event::MfaForUserDisabled { target, user },
        _ => return Ok(()),
    };
    tx.report(&event, now, request, &by.full_name).await.map(drop)
}
