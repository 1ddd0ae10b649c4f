//! One-time links for people: made for whoever asked for the change, and used by the person alone.

use std::net::IpAddr;

use countersign_core::account_change::{LINK_SECONDS, LinkKind, enrolled};
use countersign_core::password::PasswordHash;
use countersign_core::token::Secret;
use countersign_core::{Account, AccountId, Actor, Deed, Policy, Refusal, Sha256, Verdict, decide};
use countersign_events::{Changes, Event, Timestamp};
use countersign_store::{AccountLink, StoreError, Tx, View};

use super::chains;
use crate::app::App;
use crate::seal::{Purpose, SealingKey, Unopened};

/// A link that was just made. It is shown this once: the server keeps its hash.
pub struct MadeLink {
    /// What it is for.
    pub kind: LinkKind,
    /// Its secret part.
    pub secret: Secret,
    /// Until when it works.
    pub expires_at: Timestamp,
}

impl MadeLink {
    /// Where it leads, on this server.
    pub fn path(&self) -> String {
        format!("/link/{}", self.secret.reveal())
    }
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The role is missing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is none of this number.
    #[error("there is no such account")]
    NoAccount,
    /// Nothing asked for one, or not any more.
    #[error("no link waits to be made for this account: reset its password or its second factor first")]
    None,
    /// Another person asked.
    #[error("only {0}, who asked for it, can have this link made while four-eyes authorization is on")]
    AskedByOther(String),
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The link of an account that could be made or used now.
///
/// # Errors
/// The database.
pub async fn open(view: &mut View, account: &Account, now: Timestamp) -> Result<Option<AccountLink>, StoreError> {
    let link = view.open_link_of(account.id).await?;
    Ok(link.filter(|link| link.kind.holds_for(account, now) && (now < link.open_until || works(link, now))))
}

/// Whether the link was made and still works.
fn works(link: &AccountLink, now: Timestamp) -> bool {
    link.made.is_some_and(|(_, ends)| now < ends)
}

/// Whether this actor may have the link made: while four-eyes authorization is on, whoever asked for it alone, since whoever has the
/// link becomes the account.
pub fn may_make(actor: &Actor, link: &AccountLink, policy: &Policy, now: Timestamp) -> bool {
    let role = !matches!(decide(actor, Deed::ChangeAccounts, policy, now), Verdict::Deny(_));
    role && now < link.open_until && (!policy.four_eyes || link.asked_by == actor.account)
}

/// Makes the link of an account, anew if it was made before: the earlier one ends. Reported (31000).
///
/// # Errors
/// Why none was made.
pub async fn make(app: &App, actor: &Actor, account: AccountId) -> Result<MadeLink, LinkError> {
    let (secret, now, actor) = (Secret::new(&*app.entropy), app.clock.now(), actor.clone());
    let (hash, expires_at) = (secret.hash(), now.plus_seconds(LINK_SECONDS));
    let kind = app
        .store
        .write(move |tx| Box::pin(async move { make_in(tx, &actor, account, hash, expires_at, now).await }))
        .await?;
    app.delivery_changed.notify_one();
    Ok(MadeLink {
        kind,
        secret,
        expires_at,
    })
}

async fn make_in(
    tx: &mut Tx,
    actor: &Actor,
    account: AccountId,
    hash: Sha256,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<LinkKind, LinkError> {
    let policy = tx.policy().await?;
    if let Verdict::Deny(refusal) = decide(actor, Deed::ChangeAccounts, &policy, now) {
        return Err(refusal.into());
    }
    let account = tx.account(account).await?.ok_or(LinkError::NoAccount)?;
    let link = open(tx, &account, now).await?;
    let link = link.filter(|link| now < link.open_until).ok_or(LinkError::None)?;
    if !may_make(actor, &link, &policy, now) {
        let asked_by = tx.account(link.asked_by).await?;
        let name = asked_by.map(|account| account.name.to_string());
        return Err(LinkError::AskedByOther(name.unwrap_or_default()));
    }
    if !tx.make_link(link.id, hash, expires_at, now).await? {
        return Err(LinkError::None);
    }
    let before = if link.made.is_some() { "made" } else { "" };
    let event = Event::GeneralSettingsUpdated {
        changes: Changes::object(account.id.subject(), account.name.to_string())
            .attribute("type", "Account")
            .property("link", "String", before, format!("{} made", link.kind.as_str())),
        user_name: actor.name.clone(),
    };
    tx.report(&event, now, None, &actor.name).await?;
    Ok(link.kind)
}

/// A link that works, and whose.
#[derive(Debug, Clone)]
pub struct Working {
    /// The link.
    pub link: AccountLink,
    /// The account, as it is now.
    pub account: Account,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// The link with this secret's hash, if it works now.
///
/// # Errors
/// The database.
pub async fn working(view: &mut View, hash: Sha256, now: Timestamp) -> Result<Option<Working>, StoreError> {
    let Some(link) = view.account_link(hash).await?.filter(|link| works(link, now)) else {
        return Ok(None);
    };
    let account = view.account(link.account).await?;
    let account = account.filter(|account| link.kind.holds_for(account, now));
    let ends = link.made.map(|(_, ends)| ends);
    Ok(account.zip(ends).map(|(account, expires_at)| Working {
        link,
        account,
        expires_at,
    }))
}

/// What a person set on a link's page.
pub struct Set {
    /// The password, where the link is for one.
    pub password: Option<PasswordHash>,
    /// The secret of the second factor and the step that it was confirmed with, where the link is for one.
    pub totp: Option<(countersign_core::factor::TotpSecret, i64)>,
    /// From where.
    pub from: IpAddr,
}

/// Why nothing was set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The link was used, made anew or voided meanwhile, or its account does not wait for it any more.
    #[error("the link has ended")]
    Ended,
    /// The second factor could not be sealed.
    #[error(transparent)]
    Sealing(#[from] Unopened),
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Uses a link up and sets what its person chose: in this transaction, and reported.
///
/// # Errors
/// Nothing was set.
pub async fn set(
    tx: &mut Tx,
    (sealing, entropy): (&SealingKey, &dyn countersign_core::Entropy),
    hash: Sha256,
    set: &Set,
    now: Timestamp,
) -> Result<Account, SetError> {
    let working = working(tx, hash, now).await?.ok_or(SetError::Ended)?;
    let Working { link, account, .. } = working;
    let policy = tx.policy().await?;
    let after = enrolled(&account, link.kind, &policy, tx.moment(now).ageing);
    if !tx.use_link(hash, now).await? || !tx.change_account(&account, &after).await? {
        return Err(SetError::Ended);
    }
    let mut what = Vec::new();
    if let Some(password) = &set.password {
        tx.set_password(account.id, password, now).await?;
        what.push("password");
    }
    if let Some((totp, step)) = &set.totp {
        let sealed = sealing.seal(Purpose::Totp(account.id), totp.bytes(), entropy)?;
        tx.set_totp(account.id, &sealed, *step, now).await?;
        what.push("second factor");
    }
    chains::end_all(tx, &account, None, Some(set.from), now).await?;
    let event = Event::GeneralSettingsUpdated {
        changes: Changes::object(account.id.subject(), account.name.to_string())
            .attribute("type", "Account")
            .property("credentials", "String", "", what.join(", ")),
        user_name: account.name.to_string(),
    };
    tx.report(&event, now, None, account.name.as_str()).await?;
    Ok(after)
}
