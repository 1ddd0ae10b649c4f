//! A fresh factor, shown for one thing alone: what a decision asks for in its own form, and what opens a session for sensitive
//! changes again.

use countersign_core::Account;
use countersign_core::factor::FreshFactor;
use countersign_core::logon::throttle::Throttled;
use countersign_core::passkey::PasskeyRefusal;
use countersign_events::Timestamp;
use countersign_store::{StoreError, Tx};

use crate::App;
use crate::listen::ClientAddress;
use crate::passkey::{BoundTo, PasskeyRefused, Showing, verify_passkey};
use crate::second_factor::{CodeRefused, verify_code};

/// What somebody shows. A recovery code is none: it stands in for a factor at a logon alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A one-time code.
    Code(String),
    /// A passkey.
    Passkey {
        /// The browser's answer.
        answer: String,
        /// Whom it was asked of.
        bound_to: BoundTo,
    },
}

/// Why it was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShownRefused {
    /// The one-time code.
    #[error(transparent)]
    Code(#[from] CodeRefused),
    /// The passkey.
    #[error(transparent)]
    Passkey(#[from] PasskeyRefused),
}

impl ShownRefused {
    /// Whether, and until when, the next has to wait.
    pub const fn throttled(self) -> Option<Throttled> {
        match self {
            Self::Code(CodeRefused::Throttled(throttled)) | Self::Passkey(PasskeyRefused::Throttled(throttled)) => {
                Some(throttled)
            }
            Self::Code(_) | Self::Passkey(_) => None,
        }
    }
}

/// Checks what an account shows and uses it up; a wrong one is charged and reported in this transaction, so the caller must let it
/// commit: return `Ok` from the transaction whatever this says.
pub async fn verify_shown(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    shown: &Shown,
    from: &ClientAddress,
    now: Timestamp,
) -> Result<Result<FreshFactor, ShownRefused>, StoreError> {
    let (answer, bound_to) = match shown {
        Shown::Code(code) => {
            let verified = verify_code(tx, &app.sealing, account, code, from, now).await?;
            return Ok(verified.map_err(ShownRefused::from));
        }
        Shown::Passkey { answer, bound_to } => (answer, bound_to),
    };
    let party = app.relying_party();
    let showing = Showing {
        party: party.as_ref(),
        bound_to,
        answer,
        expected: Some(account),
        from,
    };
    let fresh = match verify_passkey(tx, &showing, now).await? {
        Ok(passkey) if passkey.account() != account.id => Err(PasskeyRefused::from(PasskeyRefusal::OtherAccount)),
        Ok(passkey) => passkey.fresh().map_err(PasskeyRefused::from),
        Err(refused) => Err(refused),
    };
    Ok(fresh.map_err(ShownRefused::from))
}
