//! The one-time links of the first administrators: made, voided, made again.

use countersign_core::Entropy;
use countersign_core::token::Secret;
use countersign_events::Timestamp;
use countersign_store::{Store, Tx};

use super::{SetupError, missing};

/// How long a link lives, in seconds.
pub const LINK_SECONDS: i64 = 3600;

/// Voids the links that were not used and makes one for each person who is missing.
///
/// # Errors
/// [`SetupError::Complete`] when nobody is missing.
pub async fn renew(store: &Store, entropy: &dyn Entropy, now: Timestamp) -> Result<Vec<Secret>, SetupError> {
    let secrets = [Secret::new(entropy), Secret::new(entropy)];
    let hashes = [secrets[0].hash(), secrets[1].hash()];
    let made = store
        .write(move |tx| Box::pin(async move { make(tx, &hashes, now).await }))
        .await?;
    Ok(secrets.into_iter().take(made).collect())
}

/// Makes links in this transaction; how many.
pub(super) async fn make(
    tx: &mut Tx,
    hashes: &[countersign_core::Sha256],
    now: Timestamp,
) -> Result<usize, SetupError> {
    let missing = missing(tx).await?.min(hashes.len());
    if missing == 0 {
        return Err(SetupError::Complete);
    }
    tx.void_founding_links(now).await?;
    for hash in &hashes[..missing] {
        tx.add_founding_link(*hash, now.plus_seconds(LINK_SECONDS)).await?;
    }
    Ok(missing)
}

/// The path of a link.
pub fn path(secret: &Secret) -> String {
    format!("/setup/{}", secret.reveal())
}
