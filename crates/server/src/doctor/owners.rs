//! Services that nobody answers for: what they ask for can be approved by whoever it was.

use std::path::Path;

use countersign_core::account_change::may_own;
use countersign_core::{Account, AccountKind, AccountState};
use countersign_store::View;

use super::Finding;
use crate::app::DATABASE;

/// Whether each service has an owner who is still there; nothing where there are no services.
pub(super) async fn examine(data: &Path) -> Option<Finding> {
    let path = data.join(DATABASE);
    if !path.exists() {
        return None;
    }
    let read = async { View::beside(&path).await?.accounts().await };
    // A database that cannot be read is a finding of its own.
    finding(&read.await.unwrap_or_default())
}

fn finding(accounts: &[Account]) -> Option<Finding> {
    const ABOUT: &str = "services";
    let has_owner = |service: &Account| {
        let owner = accounts.iter().find(|other| Some(other.id) == service.owner);
        owner.is_some_and(|owner| may_own(owner).is_ok())
    };
    let mut services = accounts
        .iter()
        .filter(|account| account.kind == AccountKind::Service && account.state != AccountState::Deleted)
        .peekable();
    services.peek()?;
    let alone: Vec<_> = services.filter(|service| !has_owner(service)).collect();
    if alone.is_empty() {
        return Some(Finding::good(ABOUT, "each has an owner"));
    }
    let names: Vec<_> = alone.iter().map(|service| service.name.as_str()).collect();
    Some(Finding::warning(
        ABOUT,
        format!("nobody answers for {}", names.join(", ")),
        "name an owner for each: countersign accounts change NAME --owner PERSON; the owner does not approve what it asks for",
    ))
}

#[cfg(test)]
mod tests {
    use countersign_core::{AccountId, Roles};
    use countersign_events::Timestamp;
    use countersign_store::{NewAccount, Store, StoreError};

    use super::*;
    use crate::doctor::Level;

    #[tokio::test]
    async fn a_service_whose_owner_left_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(examine(folder.path()).await, None);
        let store = Store::open(&folder.path().join(DATABASE)).await.unwrap();
        assert_eq!(examine(folder.path()).await, None, "there is no service");
        let add = async |name: &'static str, kind| {
            let new = NewAccount {
                name: name.parse().unwrap(),
                kind,
                roles: Roles::default(),
                created_at: Timestamp(1),
                eligible_at: Timestamp(1),
            };
            let added = store.write(move |tx| Box::pin(async move { tx.add_account(&new).await }));
            added.await.map_err(|error: StoreError| error.to_string()).unwrap()
        };
        let ann = add("ann", AccountKind::Person).await;
        let job = add("job", AccountKind::Service).await;
        let found = examine(folder.path()).await.unwrap();
        assert_eq!(
            (found.level, found.found.as_str()),
            (Level::Warning, "nobody answers for job")
        );
        // What the rest of it is, is core's and the store's: here only who is there counts.
        let owned = Account {
            owner: Some(ann.id),
            ..job.clone()
        };
        assert_eq!(finding(&[ann.clone(), owned.clone()]).unwrap().level, Level::Good);
        let left = Account {
            state: AccountState::Disabled,
            ..ann
        };
        assert_eq!(finding(&[left.clone(), owned.clone()]).unwrap().level, Level::Warning);
        assert_eq!(
            finding(&[owned]).unwrap().level,
            Level::Warning,
            "nobody with that number is there"
        );
        let gone = Account {
            owner: Some(AccountId(99)),
            state: AccountState::Deleted,
            ..job
        };
        assert_eq!(finding(&[left, gone]), None);
    }
}
