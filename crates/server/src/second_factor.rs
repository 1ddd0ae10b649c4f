//! Checking a one-time code inside the transaction of what it is for: logons, approvals, sensitive changes.

use std::net::SocketAddr;

use countersign_core::Account;
use countersign_core::factor::{CodeRefusal, FreshFactor, TotpSecret};
use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_core::recovery::{RecoveryCode, ShownRecoveryCode};
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
    let counter = counter_of_codes(tx, account, from, now).await?;
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
    let refused = match refusal {
        CodeRefusal::Wrong => CodeRefused::Wrong,
        CodeRefusal::AlreadyUsed => CodeRefused::AlreadyUsed,
    };
    report(tx, account, refused, counter.exhausted(attempts), from, now).await?;
    Ok(Err(refused))
}

/// Checks a recovery code and uses it up. Charged, reported and committed like a one-time code.
pub async fn verify_recovery_code(
    tx: &mut Tx,
    account: &Account,
    typed: &str,
    from: &ClientAddress,
    now: Timestamp,
) -> Result<Result<ShownRecoveryCode, CodeRefused>, StoreError> {
    let kept = tx.recovery_codes_of(account.id).await?;
    if kept.unused.is_empty() && kept.used.is_empty() {
        return Ok(Err(CodeRefused::NotEnrolled));
    }
    let counter = counter_of_codes(tx, account, from, now).await?;
    let attempts = match tx.charge(&counter, now).await? {
        Ok(attempts) => attempts,
        Err(throttled) => return Ok(Err(CodeRefused::Throttled(throttled))),
    };
    let code = RecoveryCode::parse(typed).ok();
    let shown = code
        .as_ref()
        .and_then(|code| Some((code.hash(), code.among(&kept.unused)?)));
    if let Some((hash, shown)) = shown
        && tx.use_recovery_code(account.id, hash, now).await?
    {
        tx.forgive(&counter).await?;
        return Ok(Ok(shown));
    }
    let refused = match code {
        Some(code) if kept.used.contains(&code.hash()) => CodeRefused::AlreadyUsed,
        _ => CodeRefused::Wrong,
    };
    report(tx, account, refused, counter.exhausted(attempts), from, now).await?;
    Ok(Err(refused))
}

/// What a code is charged to: nobody who is elsewhere can keep a person from showing one.
pub async fn counter_of_codes(
    tx: &mut Tx,
    account: &Account,
    from: &ClientAddress,
    now: Timestamp,
) -> Result<Counter, StoreError> {
    let known = tx.is_known_source(account.name.as_str(), from.ip, now).await?;
    Ok(Counter::codes(account.id, from.ip, known))
}

/// Reports a code that was not taken, and that the next has to wait.
pub async fn report(
    tx: &mut Tx,
    account: &Account,
    refused: CodeRefused,
    exhausted: bool,
    from: &ClientAddress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let user_name = account.name.as_str().to_owned();
    let endpoint = from.port.map(|port| SocketAddr::new(from.ip, port));
    let sid = Some(account.id.subject());
    let event = if refused == CodeRefused::AlreadyUsed {
        Event::MfaCodeReused {
            user_name: user_name.clone(),
            endpoint,
            sid: sid.clone(),
        }
    } else {
        Event::InvalidMfaCode {
            user_name: user_name.clone(),
            endpoint,
            sid: sid.clone(),
        }
    };
    tx.report(&event, now, None, account.name.as_str()).await?;
    if exhausted {
        let event = Event::MfaAttemptsExceeded {
            user_name,
            endpoint,
            sid,
        };
        tx.report(&event, now, None, account.name.as_str()).await?;
    }
    Ok(())
}
