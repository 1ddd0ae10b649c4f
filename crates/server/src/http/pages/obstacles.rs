//! What stands in the way of a decision: who the reader is, or a client at work. Told before they try.

use countersign_core::account::Ineligible;
use countersign_core::fence::{self, InUse};
use countersign_core::request::{Refusal, second_person};
use countersign_core::{Account, BackupId, Policy};
use countersign_store::{RequestRecord, StoreError, View};

use super::Asked;
use super::words::{expires, sentence};
use crate::pages::{Busy, NotAllowed, Span};

/// Why the reader may not approve a request and the earlier ones that go along; none when they may.
///
/// `accounts` is everybody, by which it is judged who is a second person.
pub fn cannot_approve(
    asked: &Asked,
    record: &RequestRecord,
    earlier: &[RequestRecord],
    accounts: &[Account],
) -> Option<NotAllowed> {
    if asked.is_reader(record.initiator.account) {
        return Some(NotAllowed::Initiator);
    }
    for other in [record].into_iter().chain(earlier) {
        let Err(refusal) = second_person(&asked.person.account, &other.initiator, accounts, asked.ageing) else {
            continue;
        };
        return Some(match refusal {
            Refusal::OwnRequest => NotAllowed::InitiatorOfEarlier {
                id: other.id.to_string(),
            },
            Refusal::Ineligible(ineligible) => not_allowed(asked, ineligible),
            Refusal::Behind(_) | Refusal::NotKnown(_) | Refusal::Changed | Refusal::Expired | Refusal::NotExpired => {
                NotAllowed::NotSecond {
                    id: (other.id != record.id).then(|| other.id.to_string()),
                    why: sentence(&refusal.to_string()),
                }
            }
        });
    }
    let mut along = earlier.iter().chain([record]);
    along
        .any(|record| expires(asked, record) <= asked.ageing)
        .then_some(NotAllowed::Expired)
}

/// Why the reader may not reject a request; none when they may.
pub fn cannot_reject(asked: &Asked, record: &RequestRecord) -> Option<NotAllowed> {
    if asked.is_reader(record.initiator.account) {
        return None;
    }
    let eligible = asked.person.account.eligible(asked.ageing);
    eligible.err().map(|ineligible| not_allowed(asked, ineligible))
}

/// Why an account may not decide.
pub const fn not_allowed(asked: &Asked, ineligible: Ineligible) -> NotAllowed {
    match ineligible {
        Ineligible::CoolingOff { until } => NotAllowed::CoolingOff {
            until: asked.moment(until),
        },
        // Services and inactive accounts have no session; what is left to say is the same.
        Ineligible::Service | Ineligible::Inactive | Ineligible::Role => NotAllowed::Role,
    }
}

/// Whether a decision about a backup would be postponed now.
pub async fn busy(
    view: &mut View,
    asked: &Asked,
    backup: BackupId,
    policy: &Policy,
) -> Result<Option<Busy>, StoreError> {
    let locks = view.locks(backup).await?;
    let activity = asked.app.vault.activity(backup);
    let quiet = fence::quiet(&locks, &activity, policy, view.moment(asked.now));
    Ok(quiet.err().map(|in_use| in_use_as(asked, in_use)))
}

/// Why a decision was postponed.
pub fn in_use_as(asked: &Asked, in_use: InUse) -> Busy {
    match in_use {
        InUse::Locked { since, by } => Busy::Locked {
            since: asked.moment(since),
            by,
        },
        InUse::NotQuiet { wait_seconds } => Busy::NotQuiet {
            wait: Span(wait_seconds.unsigned_abs()),
        },
    }
}
