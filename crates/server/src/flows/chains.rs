//! Ending what came from logons, each end reported (44005).

use std::net::IpAddr;

use countersign_core::Account;
use countersign_events::{Event, Timestamp};
use countersign_store::{StoreError, Tx};

/// Ends everything that came from one logon of this account and reports it; false when it has ended before. The address is that
/// of whoever ends it; none when the server does so by itself.
pub async fn end(
    tx: &mut Tx,
    chain: &str,
    account: &Account,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let ended = tx.end_chain(chain, now).await?;
    if ended {
        report(tx, chain, account, address, now).await?;
    }
    Ok(ended)
}

/// Ends everything that came from an account's logons, but for one chain (that of whoever asks, say), and reports each; how many
/// ended.
pub async fn end_all(
    tx: &mut Tx,
    account: &Account,
    except: Option<&str>,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let ended = tx.end_chains_of(account.id, except, now).await?;
    for chain in &ended {
        report(tx, chain, account, address, now).await?;
    }
    Ok(ended.len())
}

async fn report(
    tx: &mut Tx,
    chain: &str,
    account: &Account,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = Event::TokenChainRevoked {
        source_ip_address: address,
        chain_id: Some(chain.to_owned()),
    };
    tx.report(&event, now, None, account.name.as_str()).await.map(drop)
}
