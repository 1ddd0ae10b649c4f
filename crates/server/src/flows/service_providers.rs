//! Service providers: what a change is and what it differs in, who may use them, and what it does when one is deleted (106).

use std::collections::BTreeMap;

use countersign_core::manifest::Subject;
use countersign_core::service_provider::{BadServiceProvider, EveryHours, ScheduledCopy, ServiceProviderSpec};
use countersign_core::{Actor, CopyId, Deed, Name, RequestId, ServiceProviderId, Verdict, decide};
use countersign_events::{Changes, Event, Operation, Outcome, Timestamp, User};
use countersign_store::{NewCopy, ServiceProvider, StoreError, Tx};
use countersign_vault::VaultError;
use zeroize::Zeroizing;

use super::receivers::Difference;
use super::settings::{self, Change, ChangeError, Changed, report_change};
use crate::AppState;
use crate::copies;
use crate::receivers::{BadCertificates, certificates};
use crate::seal::Purpose;

/// A change of a service provider that someone asks for.
#[derive(Debug, Clone)]
pub enum ProviderChange {
    /// Another description; what is scheduled stays.
    Describe(ServiceProviderId, Box<ServiceProviderSpec>),
    /// Back up there on a schedule, or in another rhythm.
    Schedule(ServiceProviderId, Box<ScheduledCopy>),
    /// Not any more: what it was scheduled as.
    Unschedule(ServiceProviderId, String),
    /// No provider any more (106).
    Delete(ServiceProviderId),
}

/// Why a service provider was not changed or used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderRefusal {
    /// There is none of this number.
    #[error("there is no such service provider")]
    None,
    /// Names are single.
    #[error("there is a service provider of this name already: choose another")]
    NameTaken,
    /// There is nothing to be copied.
    #[error(
        "there is no backup {0}, or its deletion waits for a decision: a backup is named STORAGE/BACKUP, as main/laptop"
    )]
    NoBackup(String),
    /// The parts do not go together.
    #[error(transparent)]
    Bad(#[from] BadServiceProvider),
    /// Nothing can be trusted by them.
    #[error(transparent)]
    BadCertificates(#[from] BadCertificates),
    /// Empty, too long, or with what no keyboard has.
    #[error("a password has 1 to 1024 characters, none of them a line's end or another control character")]
    Password,
}

impl ProviderRefusal {
    /// The part of the description that it is about.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::NameTaken => Some("name"),
            Self::NoBackup(_) => Some("backup"),
            Self::BadCertificates(_) => Some("ca"),
            Self::Password => Some("password"),
            Self::Bad(bad) => Some(match bad {
                BadServiceProvider::Unencrypted | BadServiceProvider::EncryptedAndNot => "unencrypted",
                BadServiceProvider::TlsWithoutEncryption => "url",
                BadServiceProvider::TwoAnchors => "ca",
                BadServiceProvider::TooManyCopies | BadServiceProvider::Twice(_) | BadServiceProvider::SamePlace(_) => {
                    "copies"
                }
            }),
        }
    }
}

/// The password at a provider. It is sealed at once, and never shown again.
pub struct ProviderPassword(Zeroizing<String>);

impl ProviderPassword {
    /// Takes what was typed.
    ///
    /// # Errors
    /// It cannot be a password.
    pub fn read(typed: String) -> Result<Self, ProviderRefusal> {
        let typed = Zeroizing::new(typed);
        let length = typed.chars().count();
        if (1..=1024).contains(&length) && !typed.chars().any(char::is_control) {
            Ok(Self(typed))
        } else {
            Err(ProviderRefusal::Password)
        }
    }
}

/// Whether the actor may test providers and copy backups there.
///
/// # Errors
/// The role is missing.
pub async fn may_use(app: &AppState, actor: &Actor) -> Result<(), ChangeError> {
    let policy = app.store.ask(|view| Box::pin(async move { view.policy().await }));
    allowed(
        actor,
        &policy.await.map_err(|error: StoreError| ChangeError::from(error))?,
        app.clock.now(),
    )
}

fn allowed(actor: &Actor, policy: &countersign_core::Policy, now: Timestamp) -> Result<(), ChangeError> {
    match decide(actor, Deed::UseServiceProvider, policy, now) {
        Verdict::Allow(_) => Ok(()),
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
        // Nothing is lost by it, so it is never held.
        Verdict::Hold => Err(VaultError::Drift.into()),
    }
}

/// Registers a provider, with its password where one is given. Nothing is lost by it: it is done at once.
///
/// # Errors
/// The role is missing, the name is taken, or the parts do not go together.
pub async fn add(
    app: &AppState,
    actor: &Actor,
    spec: ServiceProviderSpec,
    password: ProviderPassword,
) -> Result<ServiceProviderId, ChangeError> {
    let (server, actor, now) = (app.clone(), actor.clone(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                allowed(&actor, &tx.policy().await?, now)?;
                check(tx, None, &spec).await?;
                for copy in &spec.copies {
                    known_backup(tx, copy).await?;
                }
                let id = tx.add_service_provider(&spec, now).await?;
                seal(tx, &server, id, &password).await?;
                let changes = reported(id, None, Some(&spec)).property("password", "String", "none", "set");
                report_change(tx, changes, &user(&actor), None, now).await?;
                Ok(id)
            })
        })
        .await
}

/// Gives a provider its password, or another. It goes nowhere else than before, so it is done at once.
///
/// # Errors
/// The role is missing, or there is no such provider.
pub async fn give_password(
    app: &AppState,
    actor: &Actor,
    id: ServiceProviderId,
    password: ProviderPassword,
) -> Result<(), ChangeError> {
    let (server, actor, now) = (app.clone(), actor.clone(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                allowed(&actor, &tx.policy().await?, now)?;
                let provider = known(tx, id).await?;
                seal(tx, &server, id, &password).await?;
                let before = if provider.password.is_some() { "set" } else { "none" };
                let changes = told(id, &provider.spec).property("password", "String", before, "set anew");
                report_change(tx, changes, &user(&actor), None, now).await?;
                Ok(())
            })
        })
        .await
}

async fn seal(
    tx: &mut Tx,
    app: &AppState,
    id: ServiceProviderId,
    password: &ProviderPassword,
) -> Result<(), ChangeError> {
    let purpose = Purpose::ServiceProvider(id);
    let sealed = app.sealing.seal(purpose, password.0.as_bytes(), &*app.entropy);
    let sealed = sealed.map_err(|error| StoreError::Engine(error.to_string()))?;
    tx.set_service_provider_password(id, Some(sealed)).await?;
    Ok(())
}

/// Describes, schedules, or deletes: at once, or by a request where it weakens something and four-eyes authorization is on.
///
/// # Errors
/// The role is missing, there is no such provider, or the parts do not go together.
pub async fn change(app: &AppState, actor: &Actor, change: ProviderChange) -> Result<Changed, ChangeError> {
    settings::change(app, actor, Change::ServiceProvider(change)).await
}

/// What asks for a copy.
pub struct Wanted {
    /// `main/laptop`.
    pub backup: String,
    /// The folder below the provider's address; none for that of the schedule, or the backup's own name.
    pub to: Option<Name>,
}

/// Asks for a copy that begins at once. One that is under way stands for it.
///
/// # Errors
/// The role is missing, or there is no such provider or backup.
pub async fn ask_copy(
    app: &AppState,
    actor: &Actor,
    id: ServiceProviderId,
    wanted: Wanted,
) -> Result<CopyId, ChangeError> {
    let (actor, now) = (actor.clone(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                allowed(&actor, &tx.policy().await?, now)?;
                let provider = known(tx, id).await?;
                let (backup, own) = backup_named(tx, &wanted.backup).await?;
                let scheduled = provider.spec.copies.iter().find(|copy| copy.backup == backup);
                let to = wanted
                    .to
                    .or_else(|| scheduled.map(|copy| copy.to.clone()))
                    .unwrap_or(own);
                let new = NewCopy {
                    provider: id,
                    backup,
                    backup_name: wanted.backup,
                    to,
                    asked_by: Some(actor.name.clone()),
                };
                Ok(tx.ask_copy(&new, now).await?)
            })
        })
        .await
}

/// How a provider answers: none when all is well, else what is in the way.
///
/// # Errors
/// The role is missing, or there is no such provider.
pub async fn test(app: &AppState, actor: &Actor, id: ServiceProviderId) -> Result<Option<String>, ChangeError> {
    may_use(app, actor).await?;
    let provider = app
        .store
        .ask(move |view| Box::pin(async move { view.service_provider(id).await }))
        .await
        .map_err(|error: StoreError| ChangeError::from(error))?;
    let provider = provider.ok_or(ProviderRefusal::None)?;
    Ok(copies::test(app, &provider).await.err())
}

/// A schedule, as somebody describes it.
///
/// # Errors
/// There is no such backup.
pub async fn scheduled(
    app: &AppState,
    name: String,
    every_hours: EveryHours,
    to: Option<Name>,
) -> Result<ScheduledCopy, ChangeError> {
    app.store
        .read(move |view| {
            Box::pin(async move {
                let (storage, own) = parts(&name)?;
                let backup = view.backup_named(&storage, &own).await?;
                let backup = backup.filter(countersign_store::Backup::visible);
                let backup = backup.ok_or_else(|| ProviderRefusal::NoBackup(name.clone()))?;
                Ok(ScheduledCopy {
                    backup: backup.id,
                    every_hours,
                    name,
                    to: to.unwrap_or(own),
                })
            })
        })
        .await
}

fn parts(name: &str) -> Result<(Name, Name), ChangeError> {
    let both = name
        .split_once('/')
        .and_then(|(storage, own)| Some((storage.parse().ok()?, own.parse().ok()?)));
    Ok(both.ok_or_else(|| ProviderRefusal::NoBackup(name.to_owned()))?)
}

async fn backup_named(tx: &mut Tx, name: &str) -> Result<(countersign_core::BackupId, Name), ChangeError> {
    let (storage, own) = parts(name)?;
    let backup = tx.backup_named(&storage, &own).await?;
    let backup = backup.filter(countersign_store::Backup::visible);
    let backup = backup.ok_or_else(|| ProviderRefusal::NoBackup(name.to_owned()))?;
    Ok((backup.id, own))
}

/// What a schedule names must be there, by that name, when it is made.
async fn known_backup(tx: &mut Tx, copy: &ScheduledCopy) -> Result<(), ChangeError> {
    let there = tx.backup(copy.backup).await?;
    let there = there.is_some_and(|backup| backup.visible() && backup.path() == copy.name);
    if there {
        Ok(())
    } else {
        Err(ProviderRefusal::NoBackup(copy.name.clone()).into())
    }
}

async fn known(tx: &mut Tx, id: ServiceProviderId) -> Result<ServiceProvider, ChangeError> {
    let provider = tx.service_provider(id).await?;
    Ok(provider.ok_or(ProviderRefusal::None)?)
}

async fn check(tx: &mut Tx, id: Option<ServiceProviderId>, spec: &ServiceProviderSpec) -> Result<(), ChangeError> {
    spec.check().map_err(ProviderRefusal::from)?;
    if let Some(ca) = &spec.ca {
        certificates::check(ca).map_err(ProviderRefusal::from)?;
    }
    let all = tx.service_providers().await?;
    let taken = all
        .iter()
        .any(|other| other.spec.name == spec.name && Some(other.id) != id);
    if taken {
        Err(ProviderRefusal::NameTaken.into())
    } else {
        Ok(())
    }
}

fn user(actor: &Actor) -> User {
    User {
        full_name: actor.name.clone(),
        login_type: actor.login_type,
    }
}

/// What a change is asked of core as.
pub(super) fn deed(after: Option<&ServiceProviderSpec>, before: &ServiceProviderSpec) -> Deed {
    match after {
        None => Deed::DeleteServiceProvider,
        Some(after) if before.weakens(after) => Deed::WeakenServiceProvider,
        Some(_) => Deed::UseServiceProvider,
    }
}

/// The change as a manifest has it; none when nothing would change.
pub(super) async fn describe(
    tx: &mut Tx,
    change: ProviderChange,
) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    let (id, after) = match change {
        ProviderChange::Delete(id) => {
            let before = known(tx, id).await?.spec;
            let name = before.name.to_string();
            let subject = Subject::ServiceProvider {
                after: None,
                before: Box::new(before),
                provider: id,
            };
            let what = format!("service provider {name}");
            return Ok(Some((Operation::DeleteServiceProvider { name }, what, subject)));
        }
        ProviderChange::Describe(id, after) => {
            let copies = known(tx, id).await?.spec.copies;
            (id, ServiceProviderSpec { copies, ..*after })
        }
        ProviderChange::Schedule(id, copy) => {
            let mut after = known(tx, id).await?.spec;
            after.copies.retain(|known| known.backup != copy.backup);
            after.copies.push(*copy);
            (id, after)
        }
        ProviderChange::Unschedule(id, name) => {
            let mut after = known(tx, id).await?.spec;
            after.copies.retain(|known| known.name != name);
            (id, after)
        }
    };
    let before = known(tx, id).await?.spec;
    if before == after {
        return Ok(None);
    }
    check(tx, Some(id), &after).await?;
    for copy in after.copies.iter().filter(|copy| !before.copies.contains(copy)) {
        known_backup(tx, copy).await?;
    }
    let what = format!("service provider {}", before.name);
    let subject = Subject::ServiceProvider {
        after: Some(Box::new(after)),
        before: Box::new(before),
        provider: id,
    };
    Ok(Some((Operation::UpdateSecuritySettings, what, subject)))
}

/// Makes a change hold if what it was computed from still holds, and reports it. What is being copied there ends, or begins
/// again: its rows say so, and whoever copies looks at them every second.
pub(super) async fn apply(
    tx: &mut Tx,
    id: ServiceProviderId,
    (before, after): (&ServiceProviderSpec, Option<&ServiceProviderSpec>),
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    let known = tx.service_provider(id).await?;
    let known = known.filter(|known| known.spec == *before).ok_or(VaultError::Drift)?;
    let Some(after) = after else {
        if !tx.remove_service_provider(id, before).await? {
            return Err(VaultError::Drift.into());
        }
        let event = Event::ServiceProviderDeleted {
            provider_id: Some(id.to_string()),
            provider_name: before.name.to_string(),
            user_name: by.full_name.clone(),
            request_id: request.map(|request| request.to_string()),
            result: Some(Outcome::Success),
        };
        tx.report(&event, now, request, &by.full_name).await?;
        return Ok(());
    };
    check(tx, Some(id), after).await?;
    if !tx.change_service_provider(id, before, after).await? {
        return Err(VaultError::Drift.into());
    }
    let mut changes = reported(id, Some(before), Some(after));
    if before.redirects(after) {
        // It was given for whoever was at the other end before.
        tx.set_service_provider_password(id, None).await?;
        tx.restart_copies(id).await?;
        if known.password.is_some() {
            changes = changes.property("password", "String", "set", "none");
        }
    }
    report_change(tx, changes, by, request, now).await?;
    Ok(())
}

fn told(id: ServiceProviderId, spec: &ServiceProviderSpec) -> Changes {
    Changes::object(id.to_string(), spec.name.to_string()).attribute("type", "ServiceProvider")
}

fn reported(
    id: ServiceProviderId,
    before: Option<&ServiceProviderSpec>,
    after: Option<&ServiceProviderSpec>,
) -> Changes {
    let object = after
        .or(before)
        .map_or_else(|| Changes::object("", ""), |spec| told(id, spec));
    differences(before, after)
        .into_iter()
        .fold(object, |changes, Difference { name, before, after }| {
            changes.property(name, "String", before, after)
        })
}

/// Everything that differs, in the order in which people think of a provider. The names are those of the API.
pub fn differences(before: Option<&ServiceProviderSpec>, after: Option<&ServiceProviderSpec>) -> Vec<Difference> {
    let (before, after) = (
        before.map(facts).unwrap_or_default(),
        after.map(facts).unwrap_or_default(),
    );
    let mut names: Vec<&(usize, String)> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let value = |facts: &BTreeMap<(usize, String), String>, name| facts.get(name).cloned().unwrap_or_default();
    let all = names.into_iter().map(|name| Difference {
        name: name.1.clone(),
        before: value(&before, name),
        after: value(&after, name),
    });
    all.filter(|difference| difference.before != difference.after).collect()
}

/// What is set of a provider, each thing with its place and its name.
fn facts(spec: &ServiceProviderSpec) -> BTreeMap<(usize, String), String> {
    let named = [
        ("name", Some(spec.name.to_string())),
        ("url", Some(spec.url.to_string())),
        ("user", Some(spec.user.to_string())),
        ("unencrypted", spec.unencrypted.then(|| "on".to_owned())),
        ("server_name", spec.server_name.as_ref().map(ToString::to_string)),
        ("ca", spec.ca.as_ref().map(certificates::told)),
        ("fingerprint", spec.fingerprint.map(|print| print.to_string())),
    ];
    let copies = spec.copies.iter().map(|copy| {
        let name = format!("copies {}", copy.name);
        (
            (7, name),
            format!("every {} hours to {}", copy.every_hours.hours(), copy.to),
        )
    });
    let facts = named.into_iter().enumerate();
    let facts = facts.filter_map(|(place, (name, value))| Some(((place, name.to_owned()), value?)));
    facts.chain(copies).collect()
}
