//! Registered clients as a part of the security settings: what a change is, what it differs in, what it ends; and their secrets.

use countersign_core::logon::{Authentication, Client, ClientId, ClientSpec};
use countersign_core::manifest::Subject;
use countersign_core::token::Secret;
use countersign_core::{Actor, Deed, RequestId, Sha256, Verdict, decide};
use countersign_events::{Changes, Event, Operation, Timestamp};
use countersign_store::{StoreError, Tx};
use countersign_vault::VaultError;

use super::receivers::Difference;
use super::settings::{Change, ChangeError, Changed, change_in, report_change};
use crate::app::App;

/// What a request for a new secret came to.
pub enum NewSecret {
    /// It holds from now on; this is the only time it is told.
    Made(Secret),
    /// There is one, so a second person must approve that it ends: this request waits.
    Requested(RequestId),
}

/// Makes a secret for a client. While four-eyes authorization is on, one that there is must first end by a request; where there is
/// none, as after that request or the client's registration, nothing is weakened and nobody is asked.
///
/// # Errors
/// The role is missing, there is no such client, or it needs no secret.
pub async fn new_secret(app: &App, actor: &Actor, id: &ClientId) -> Result<NewSecret, ChangeError> {
    let secret = Secret::new(&*app.entropy);
    let (actor, id, hash) = (actor.clone(), id.clone(), secret.hash());
    let (now, nonce) = (app.clock.now(), app.vault.nonce());
    let changed = app
        .store
        .write(move |tx| Box::pin(async move { new_secret_in(tx, &actor, &id, hash, (now, nonce)).await }))
        .await?;
    app.delivery_changed.notify_one();
    Ok(match changed {
        Changed::Requested(request) => NewSecret::Requested(request),
        Changed::Done | Changed::Added(_) | Changed::AddedAccount(_) | Changed::Unchanged => NewSecret::Made(secret),
    })
}

async fn new_secret_in(
    tx: &mut Tx,
    actor: &Actor,
    id: &ClientId,
    hash: Sha256,
    (now, nonce): (Timestamp, String),
) -> Result<Changed, ChangeError> {
    if let Verdict::Deny(refusal) = decide(actor, Deed::ChangeClients, &tx.policy().await?, now) {
        return Err(VaultError::from(refusal).into());
    }
    let client = known(tx, id).await?;
    if client.spec.authentication == Authentication::None {
        return Err(ChangeError::NoSecret);
    }
    if client.secret.is_some() {
        let change = Change::RotateClientSecret(id.clone());
        if let Changed::Requested(request) = change_in(tx, actor, change, now, nonce).await? {
            return Ok(Changed::Requested(request));
        }
    }
    if !tx.give_client_secret(id, hash).await? {
        return Err(VaultError::Drift.into());
    }
    let changes = told(&client.spec).property("secret", "String", "none", "set");
    let by = actor.user();
    report_change(tx, changes, &by, None, now).await?;
    Ok(Changed::Done)
}

/// Everything that differs, in the order in which people think of a client.
pub fn differences(before: Option<&ClientSpec>, after: Option<&ClientSpec>) -> Vec<Difference> {
    let (before, after) = (before.map(facts), after.map(facts));
    let names = before.iter().chain(&after).next().into_iter().flatten();
    let value = |facts: &Option<[(&'static str, String); 6]>, place: usize| {
        facts.as_ref().map(|facts| facts[place].1.clone()).unwrap_or_default()
    };
    let all = names.enumerate().map(|(place, (name, _))| Difference {
        name: (*name).to_owned(),
        before: value(&before, place),
        after: value(&after, place),
    });
    all.filter(|difference| difference.before != difference.after).collect()
}

/// What is set of a client; its id says which one it is.
fn facts(spec: &ClientSpec) -> [(&'static str, String); 6] {
    let joined = |texts: &mut dyn Iterator<Item = &str>| texts.collect::<Vec<_>>().join(", ");
    [
        ("name", spec.name.clone()),
        ("enabled", if spec.enabled { "yes" } else { "no" }.to_owned()),
        ("authentication", words(spec.authentication).to_owned()),
        ("grants", joined(&mut spec.grants.iter().map(|grant| grant.id()))),
        (
            "resources",
            joined(&mut spec.resources.iter().map(|resource| resource.id())),
        ),
        (
            "redirect_uris",
            joined(&mut spec.redirect_uris.iter().map(|uri| uri.as_str())),
        ),
    ]
}

const fn words(authentication: Authentication) -> &'static str {
    match authentication {
        Authentication::None => "none",
        Authentication::Secret => "secret",
    }
}

/// A registered client as it is now.
pub(super) async fn known(tx: &mut Tx, id: &ClientId) -> Result<Client, ChangeError> {
    if Client::built_in(id).is_some() {
        return Err(ChangeError::BuiltInClient);
    }
    tx.client(id).await?.ok_or(ChangeError::NoClient)
}

/// A new client, as a manifest has it.
pub(super) async fn adding(tx: &mut Tx, spec: ClientSpec) -> Result<(String, Subject), ChangeError> {
    let spec = spec.checked()?;
    if tx.client(&spec.id).await?.is_some() {
        return Err(ChangeError::ClientTaken);
    }
    let what = target(&spec.id);
    let subject = Subject::Client {
        after: Some(Box::new(spec)),
        before: None,
    };
    Ok((what, subject))
}

/// Another description of a client; none when nothing would change.
pub(super) async fn changing(
    tx: &mut Tx,
    after: ClientSpec,
) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    let before = known(tx, &after.id).await?.spec;
    let after = after.checked()?;
    if before == after {
        return Ok(None);
    }
    let what = target(&after.id);
    let subject = Subject::Client {
        after: Some(Box::new(after)),
        before: Some(Box::new(before)),
    };
    Ok(Some((Operation::UpdateSecuritySettings, what, subject)))
}

/// A client less.
pub(super) async fn removing(tx: &mut Tx, id: &ClientId) -> Result<(String, Subject), ChangeError> {
    let before = known(tx, id).await?.spec;
    let subject = Subject::Client {
        after: None,
        before: Some(Box::new(before)),
    };
    Ok((target(id), subject))
}

/// The end of a client's secret; none when it has none.
pub(super) async fn rotating(tx: &mut Tx, id: ClientId) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    let Some(secret) = known(tx, &id).await?.secret else {
        return Ok(None);
    };
    let what = target(&id);
    let subject = Subject::ClientSecret {
        client: id,
        secret: Sha256::of(&secret.0),
    };
    Ok(Some((Operation::UpdateSecuritySettings, what, subject)))
}

fn target(id: &ClientId) -> String {
    format!("client {id}")
}

/// Makes a change hold if what it was computed from still holds; what is reported of it.
pub(super) async fn apply(
    tx: &mut Tx,
    after: Option<&ClientSpec>,
    before: Option<&ClientSpec>,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<Changes, ChangeError> {
    let id = after.or(before).map(|spec| spec.id.clone());
    let id = id.ok_or(VaultError::Drift)?;
    let there = tx.client(&id).await?;
    if there.as_ref().map(|client| &client.spec) != before {
        return Err(VaultError::Drift.into());
    }
    match after {
        Some(after) if before.is_none() => {
            let client = Client {
                spec: after.clone(),
                secret: None,
            };
            tx.add_client(&client, now).await?;
        }
        Some(after) => {
            tx.change_client(after).await?;
            if after.authentication == Authentication::None {
                tx.take_client_secret(&id).await?;
            }
        }
        None => {
            tx.remove_client(&id).await?;
        }
    }
    if let Some(before) = before {
        // A logon that is under way was begun under what held before.
        tx.end_logons_of_client(&id).await?;
        if !after.is_some_and(|after| before.keeps_chains(after)) {
            end_chains(tx, &id, request, now).await?;
        }
    }
    Ok(reported(before, after))
}

/// Ends a client's secret if it is still the same; what is reported of it.
pub(super) async fn apply_rotation(tx: &mut Tx, id: &ClientId, secret: Sha256) -> Result<Changes, ChangeError> {
    let client = tx.client(id).await?;
    let client = client.filter(|client| client.secret.is_some_and(|kept| Sha256::of(&kept.0) == secret));
    let client = client.ok_or(VaultError::Drift)?;
    tx.take_client_secret(id).await?;
    Ok(told(&client.spec).property("secret", "String", "set", "none"))
}

async fn end_chains(tx: &mut Tx, id: &ClientId, request: Option<RequestId>, now: Timestamp) -> Result<(), StoreError> {
    for (chain, account) in tx.end_chains_of_client(id, now).await? {
        let name = tx.account(account).await?.map(|account| account.name.to_string());
        let event = Event::TokenChainRevoked {
            source_ip_address: None,
            chain_id: Some(chain),
        };
        tx.report(&event, now, request, &name.unwrap_or_default()).await?;
    }
    Ok(())
}

fn told(spec: &ClientSpec) -> Changes {
    Changes::object(spec.id.to_string(), spec.name.clone()).attribute("type", "Client")
}

fn reported(before: Option<&ClientSpec>, after: Option<&ClientSpec>) -> Changes {
    let object = after.or(before).map_or_else(|| Changes::object("", ""), told);
    differences(before, after)
        .into_iter()
        .fold(object, |changes, Difference { name, before, after }| {
            changes.property(name, "String", before, after)
        })
}
