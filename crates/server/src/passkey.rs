//! Passkeys inside the transaction of what they are shown for: challenges, and the check of an answer.

use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_core::passkey::{
    Assertion, CHALLENGE_SECONDS, Passkey, PasskeyChallenge, PasskeyRefusal, RelyingParty, ShownPasskey,
};
use countersign_core::{Account, AccountId};
use countersign_events::Timestamp;
use countersign_store::{StoreError, Tx};

use crate::App;
use crate::listen::ClientAddress;
use crate::second_factor::{CodeRefused, counter_of_codes, report};

/// Whom a challenge was given to: an answer holds for them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundTo {
    /// A logon that is going on.
    Logon(String),
    /// A session that shows a passkey it has, by the hash of its cookie.
    Session(countersign_core::Sha256),
    /// A session that makes a new passkey.
    Enrolment(countersign_core::Sha256),
    /// A caller of the API: the account that its token is of.
    Caller(AccountId),
}

impl BoundTo {
    /// By which the store finds it.
    pub fn key(&self) -> String {
        match self {
            Self::Logon(flow) => format!("logon {flow}"),
            Self::Session(hash) => format!("session {hash}"),
            Self::Enrolment(hash) => format!("enrolment {hash}"),
            Self::Caller(account) => format!("caller {account}"),
        }
    }
}

/// Why a passkey was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefused {
    /// The answer does not hold.
    #[error(transparent)]
    Refused(#[from] PasskeyRefusal),
    /// Nobody was asked, or too long ago.
    #[error("the question was asked too long ago, or was answered before: try again")]
    NotAsked,
    /// No account has this passkey.
    #[error("this passkey is not known here")]
    Unknown,
    /// Too many wrong ones: it was not even looked at.
    #[error("too many tries: wait and try again")]
    Throttled(Throttled),
    /// There are no passkeys at this address.
    #[error("passkeys need a server with a name, over https")]
    NotHere,
}

impl App {
    /// This server as authenticators know it; none where browsers make no passkeys.
    pub fn relying_party(&self) -> Option<RelyingParty> {
        let url = &self.config.public_url;
        RelyingParty::at(url.is_https(), url.host(), url.port())
    }

    /// Keeps a fresh challenge for somebody.
    pub async fn passkey_challenge(&self, bound_to: &BoundTo) -> Result<PasskeyChallenge, StoreError> {
        let (challenge, now) = (PasskeyChallenge::new(&*self.entropy), self.clock.now());
        let (kept, key) = (challenge.clone(), bound_to.key());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let expires = now.plus_seconds(CHALLENGE_SECONDS);
                    tx.set_passkey_challenge(&key, &kept, expires, now).await
                })
            })
            .await?;
        Ok(challenge)
    }
}

/// A passkey that somebody shows.
pub struct Showing<'a> {
    /// As whom we are known.
    pub party: Option<&'a RelyingParty>,
    /// Whom the challenge was given to.
    pub bound_to: &'a BoundTo,
    /// The browser's answer.
    pub answer: &'a str,
    /// Whose it must be; none where it says itself who is there. A wrong one is charged to their codes, or else to where it comes from.
    pub expected: Option<&'a Account>,
    /// From where.
    pub from: &'a ClientAddress,
}

/// Checks a passkey and counts it up. A wrong one of a known account is reported (40205; 40206 when the next has to wait) in this
/// transaction, so the caller must let it commit: return `Ok` from the transaction whatever this says.
pub async fn verify_passkey(
    tx: &mut Tx,
    showing: &Showing<'_>,
    now: Timestamp,
) -> Result<Result<ShownPasskey, PasskeyRefused>, StoreError> {
    let counter = match showing.expected {
        Some(account) => counter_of_codes(tx, account, showing.from, now).await?,
        None => Counter::Source(showing.from.ip),
    };
    let attempts = match tx.charge(&counter, now).await? {
        Ok(attempts) => attempts,
        Err(throttled) => return Ok(Err(PasskeyRefused::Throttled(throttled))),
    };
    let challenge = tx.take_passkey_challenge(&showing.bound_to.key(), now).await?;
    let assertion = Assertion::parse(showing.answer);
    let kept = match &assertion {
        Ok(assertion) => tx.passkey_called(assertion.credential_id()).await?,
        Err(_) => None,
    };
    let refused = match checked(showing.party, assertion, challenge.as_ref(), kept.as_ref()) {
        Ok((shown, kept)) => {
            if tx
                .use_passkey(shown.id(), kept.sign_count, shown.sign_count(), now)
                .await?
            {
                match showing.expected {
                    Some(_) => tx.forgive(&counter).await?,
                    None => tx.take_back(&counter).await?,
                }
                return Ok(Ok(shown));
            }
            PasskeyRefusal::CountsBackwards.into()
        }
        Err(refused) => refused,
    };
    let owner = match (showing.expected, &kept) {
        (Some(account), _) => Some(account.clone()),
        (None, Some(kept)) => tx.account(kept.account).await?,
        (None, None) => None,
    };
    if let Some(owner) = owner {
        let exhausted = counter.exhausted(attempts);
        report(tx, &owner, CodeRefused::Wrong, exhausted, showing.from, now).await?;
    }
    Ok(Err(refused))
}

fn checked<'k>(
    party: Option<&RelyingParty>,
    assertion: Result<Assertion, PasskeyRefusal>,
    challenge: Option<&PasskeyChallenge>,
    kept: Option<&'k Passkey>,
) -> Result<(ShownPasskey, &'k Passkey), PasskeyRefused> {
    let party = party.ok_or(PasskeyRefused::NotHere)?;
    let assertion = assertion?;
    let challenge = challenge.ok_or(PasskeyRefused::NotAsked)?;
    let kept = kept.ok_or(PasskeyRefused::Unknown)?;
    Ok((assertion.verify(party, challenge, kept)?, kept))
}
