//! Checking a one-time code inside the transaction of what it is for: logons, approvals, sensitive changes.

use std::net::SocketAddr;

use countersign_core::Account;
use countersign_core::factor::{CodeRefusal, FreshFactor, TotpSecret};
use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_events::{Event, Timestamp};
use countersign_store::{StoreError, Tx};

use crate::listen::ClientAddress;
use crate::seal::{Purpose, SealingKey};

/// Why a code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefused {
    /// It is not the code of now.
    #[error("the one-time code is wrong")]
    Wrong,
    /// It, or a later one, was used before.
    #[error("this one-time code was already used: wait for the next one")]
    AlreadyUsed,
    /// Too many wrong ones: it was not even compared.
    #[error("too many wrong codes: wait and try again")]
    Throttled(Throttled),
    /// The account has no second factor.
    #[error("this account has no second factor")]
    NotEnrolled,
    /// The secret cannot be unsealed.
    #[error("the server cannot check the code: see its log")]
    Unreadable,
}

/// Checks a code and uses its step up. A wrong or used code is reported (40205, 40207; 40206 when the next has to wait) in
/// this transaction, so the caller must let it commit: return `Ok` from the transaction whatever this says.
pub async fn verify_code(
    tx: &mut Tx,
    key: &SealingKey,
    account: &Account,
    code: &str,
    from: &ClientAddress,
    now: Timestamp,
) -> Result<Result<FreshFactor, CodeRefused>, StoreError> {
    let Some(kept) = tx.totp_of(account.id).await? else {
        return Ok(Err(CodeRefused::NotEnrolled));
    };
    let counter = Counter::Code(account.id);
    let attempts = match tx.charge(&counter, now).await? {
        Ok(attempts) => attempts,
        Err(throttled) => return Ok(Err(CodeRefused::Throttled(throttled))),
    };
    let secret = match key.unseal(Purpose::Totp(account.id), &kept.sealed) {
        Ok(bytes) => TotpSecret::from_bytes(bytes.to_vec()).ok(),
        Err(error) => {
            tracing::error!(account = %account.name, "{error}");
            None
        }
    };
    let Some(secret) = secret else {
        tx.take_back(&counter).await?;
        return Ok(Err(CodeRefused::Unreadable));
    };
    let refusal = match secret.verify(code, Some(kept.last_step), now) {
        Ok((fresh, step)) => {
            if tx.use_totp_step(account.id, kept.last_step, step).await? {
                tx.forgive(&counter).await?;
                return Ok(Ok(fresh));
            }
            CodeRefusal::AlreadyUsed
        }
        Err(refusal) => refusal,
    };
    let user_name = account.name.as_str().to_owned();
    let endpoint = from.port.map(|port| SocketAddr::new(from.ip, port));
    let sid = Some(account.id.subject());
    let (refused, event) = match refusal {
        CodeRefusal::Wrong => (
            CodeRefused::Wrong,
            Event::InvalidMfaCode {
                user_name: user_name.clone(),
                endpoint,
                sid: sid.clone(),
            },
        ),
        CodeRefusal::AlreadyUsed => (
            CodeRefused::AlreadyUsed,
            Event::MfaCodeReused {
                user_name: user_name.clone(),
                endpoint,
                sid: sid.clone(),
            },
        ),
    };
    tx.report(&event, now, None, account.name.as_str()).await?;
    if counter.exhausted(attempts) {
        let event = Event::MfaAttemptsExceeded {
            user_name,
            endpoint,
            sid,
        };
        tx.report(&event, now, None, account.name.as_str()).await?;
    }
    Ok(Err(refused))
}
