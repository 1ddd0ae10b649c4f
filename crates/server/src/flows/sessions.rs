//! What is logged on: the sessions and token chains of an account, listed and ended.

use countersign_core::logon::{Chain, Resource};
use countersign_core::{Account, AccountId, Refusal, Role};
use countersign_events::Timestamp;
use countersign_store::{StoreError, View};

use super::chains;
use crate::app::App;
use crate::listen::ClientAddress;

/// One logon and what came from it: the session of a browser, or the tokens of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logon {
    /// The token chain, by which it is ended (`RefreshTokenChainId` in the events).
    pub chain: String,
    /// What was logged on with.
    pub client: String,
    /// What for.
    pub resource: Resource,
    /// From where.
    pub address: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used; of tokens, when they were last refreshed.
    pub last_seen: Timestamp,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
}

/// Why nothing was listed or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It is another's, and the role is missing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is none of this number.
    #[error("there is no such account")]
    NoAccount,
    /// It is none of this account, or has ended.
    #[error("this account has no such session, or it has ended")]
    NoSession,
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether this person may look at the sessions of an account and end them: their own, or as a security administrator anybody's.
///
/// # Errors
/// The role is missing.
pub fn may(person: &Account, owner: AccountId) -> Result<(), Refusal> {
    if person.id == owner || person.roles.has(Role::SecurityAdministrator) {
        Ok(())
    } else {
        Err(Refusal::NotAllowed("the role of a security administrator"))
    }
}

/// What is logged on as this account now, newest first.
///
/// # Errors
/// The database.
pub async fn of(view: &mut View, account: &Account, now: Timestamp) -> Result<Vec<Logon>, StoreError> {
    let policy = view.policy().await?;
    let sessions = view.sessions_of(account.id).await?;
    let mut found = Vec::new();
    for chain in view.chains_of(account.id, now).await? {
        let session = sessions.iter().find(|session| session.chain == chain.id);
        let last_seen = match session {
            Some(session) if session.standing(account, &policy, now).is_err() => continue,
            Some(session) => session.seen_at,
            None if unused(&chain, account, now) => continue,
            None => chain.rotated_at,
        };
        found.push(Logon {
            chain: chain.id,
            client: chain.client.to_string(),
            resource: chain.resource,
            address: chain.address,
            since: chain.created_at,
            last_seen,
            ends_at: chain.ends_at,
        });
    }
    Ok(found)
}

/// Whether a chain without a session holds no more: the session that it was for is gone, or nobody refreshed it for too long.
fn unused(chain: &Chain, account: &Account, now: Timestamp) -> bool {
    chain.resource == Resource::Web || now >= chain.unused_until() || chain.standing(account, now).is_err()
}

/// Ends one logon of an account, at once. Reported (44005).
///
/// # Errors
/// Nothing was ended.
pub async fn end(
    app: &App,
    by: &Account,
    from: &ClientAddress,
    owner: AccountId,
    chain: &str,
) -> Result<(), SessionError> {
    may(by, owner)?;
    let (chain, from, now) = (chain.to_owned(), from.ip, app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let account = tx.account(owner).await?.ok_or(SessionError::NoAccount)?;
                let theirs = tx.chain(&chain).await?.filter(|(chain, _)| chain.account == owner);
                if theirs.is_none() || !chains::end(tx, &chain, &account, Some(from), now).await? {
                    return Err(SessionError::NoSession);
                }
                Ok(())
            })
        })
        .await?;
    app.delivery_changed.notify_one();
    Ok(())
}

/// Ends every logon of an account but one (of whoever asks, say), at once; how many. Each is reported (44005).
///
/// # Errors
/// Nothing was ended.
pub async fn end_all(
    app: &App,
    by: &Account,
    from: &ClientAddress,
    owner: AccountId,
    except: Option<String>,
) -> Result<usize, SessionError> {
    may(by, owner)?;
    let (from, now) = (from.ip, app.clock.now());
    let ended = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = tx.account(owner).await?.ok_or(SessionError::NoAccount)?;
                Ok::<_, SessionError>(chains::end_all(tx, &account, except.as_deref(), Some(from), now).await?)
            })
        })
        .await?;
    app.delivery_changed.notify_one();
    Ok(ended)
}
