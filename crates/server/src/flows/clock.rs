//! The clock that jumped: what stands still since, and its confirmation, a change of security settings like any other.

use countersign_core::ageing::{Ageing, Stopped};
use countersign_core::manifest::Subject;
use countersign_events::{Changes, Timestamp};
use countersign_store::{Tx, View};
use countersign_vault::VaultError;

use super::settings::ChangeError;
use crate::app::App;

/// What requests call it.
const TARGET: &str = "clock";

/// Why a clock is not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotConfirmed {
    /// Nothing is to be confirmed.
    #[error("the clock has not jumped, or was confirmed already: time passes as usual")]
    NotStopped,
    /// What was seen is not what is there.
    #[error("the clock jumped again since you looked: look again, and confirm what it shows now")]
    JumpedAgain,
}

/// The jump that waits for a confirmation, with what is known of the clock; none while time passes as usual.
pub fn stopped(view: &View) -> Option<(Stopped, Ageing)> {
    view.stopped()
}

/// What stands still, in a sentence without its full stop: for alerts.
pub fn standing_still(stopped: &Stopped) -> String {
    format!(
        "the clock jumped from {} to {}, so time stands still for what waits: no request expires, no cool-off, undo window or \
         retention lock ends. See which time is right, set the clock if it is wrong, then confirm it on the page Settings",
        stopped.before.rfc3339(0),
        stopped.after.rfc3339(0)
    )
}

/// After a transaction in which the clock may have been confirmed, whether it was committed or not. What fails is tried again by the
/// workers: until then nothing ages.
pub(super) async fn resume(app: &App) {
    if let Err(error) = app.store.resume_ageing().await {
        tracing::error!(
            detail = error.detail(),
            "the confirmed clock could not be read: {error}"
        );
    }
}

/// The confirmation as a manifest has it.
pub(super) fn confirming(view: &View, jump: i64) -> Result<(String, Subject), ChangeError> {
    let (stopped, ageing) = view.stopped().ok_or(NotConfirmed::NotStopped)?;
    if ageing.jumps != jump {
        return Err(NotConfirmed::JumpedAgain.into());
    }
    let subject = Subject::Clock {
        after: stopped.after,
        before: stopped.before,
        jump,
    };
    Ok((TARGET.to_owned(), subject))
}

/// Lets time go on, if the clock has not jumped again since.
pub(super) async fn apply(
    tx: &mut Tx,
    after: Timestamp,
    before: Timestamp,
    jump: i64,
    by: &str,
) -> Result<Changes, ChangeError> {
    let same = |(stopped, ageing): (Stopped, Ageing)| {
        ageing.jumps == jump && stopped.after == after && stopped.before == before
    };
    if !tx.stopped().is_some_and(same) || !tx.confirm_clock(jump, by).await? {
        return Err(VaultError::Drift.into());
    }
    Ok(Changes::object(TARGET, TARGET).property("time", "String", before.rfc3339(0), after.rfc3339(0)))
}
