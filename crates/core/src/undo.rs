//! The undo window: what was approved and destroys bytes waits, so that it can be vetoed, before it is carried out.
//!
//! `Approved → Waiting → Begun | Vetoed | Voided`. A waiting one is still held exactly as it was while pending; once begun, nothing
//! brings it back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use countersign_events::{Event, Timestamp, User};

use crate::account::{Account, AccountState, Ineligible};
use crate::factor::FreshFactor;
use crate::manifest::Initiator;
use crate::request::{Approved, Expired, Pending, Refusal, Rejected, second_person, user};
use crate::{AccountId, Policy, RequestId, Sha256};

/// An approval that has not taken effect yet. Until it is carried out, whoever is eligible can veto it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What was approved.
    pub request: Pending,
    /// By whom, as they were then.
    pub approver: Approver,
    /// When its time has come.
    pub due_at: Timestamp,
}

/// Who approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approver {
    /// The account.
    pub account: AccountId,
    /// Since when it was eligible: another time at the effect says that it lost that meanwhile.
    pub eligible_at: Timestamp,
}

/// Whether what was approved is carried out at once or waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taking {
    /// The policy has no undo window.
    AtOnce(Begun),
    /// It can be vetoed until its time has come.
    Later(Waiting),
}

/// It is carried out: from here on nothing brings it back. The vault makes its order from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    pub(crate) request: RequestId,
    pub(crate) digest: Sha256,
}

/// A person said no after all, in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vetoed {
    request: Pending,
    supervisor: User,
}

/// Its time came and it did not hold any more. Nothing is destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voided {
    request: Pending,
    why: Void,
}

/// Why an approval does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// Rule 5.
    #[error("what is there now is not what was approved")]
    Drift,
    /// It cannot be done as it was approved; why, in a sentence without its full stop.
    #[error("{0}")]
    Impossible(String),
    /// Rule 1: whoever approved could not any more.
    #[error("whoever approved it cannot approve any more: {0}")]
    Approver(Ineligible),
    /// Whoever approved could, then could not, and can again.
    #[error("whoever approved it lost the right to approve meanwhile")]
    ApproverLapsed,
    /// Rule 1: whoever approved turned out to be no second person.
    #[error("whoever approved it now stands behind whoever asked for it")]
    OnePerson,
    /// Nobody stands behind it.
    #[error("the account that asked for it was disabled or deleted")]
    Initiator,
    /// It was computed as if an earlier one's objects were gone, and they are not.
    #[error("it was computed as if the objects of request {0} were gone, and that one did not hold any more")]
    Earlier(RequestId),
}

/// Why it is not carried out now. It still waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// It can still be vetoed.
    #[error("it can be vetoed until {}", .until.rfc3339(0))]
    Window {
        /// When its time has come.
        until: Timestamp,
    },
    /// The order of the backup's requests.
    #[error("request {0} of the same backup is older and comes first")]
    OlderFirst(RequestId),
}

/// What is found when the time has come.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The account that asked, as it is now.
    pub initiator: Option<&'a Account>,
    /// The account that approved, as it is now.
    pub approver: Option<&'a Account>,
    /// The accounts by which [`second_person`] judges, as they are now.
    pub known: &'a [Account],
    /// The digest of the manifest, made anew from what is there; none when something listed is missing or changed.
    pub digest: Option<Sha256>,
}

/// What became of a waiting one that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It waits on.
    NotYet(Waiting, NotYet),
    /// It is carried out.
    Begin(Begun),
    /// It does not hold any more.
    Void(Voided),
}

impl Approved {
    /// Whether it is carried out in the transaction of the approval, or waits. `from` is the time that ages
    /// now, `last` when the last one that waits before it in its backup is due: its order is kept.
    pub fn take(self, policy: &Policy, from: Timestamp, last: Option<Timestamp>) -> Taking {
        let due_at = from.plus_seconds(policy.undo_seconds());
        match last {
            None if policy.undo_hours == 0 => Taking::AtOnce(Begun {
                request: self.request().id,
                digest: self.request().digest,
            }),
            last => Taking::Later(Waiting {
                due_at: last.map_or(due_at, |last| due_at.max(last)),
                approver: Approver {
                    account: self.supervisor().id,
                    eligible_at: self.supervisor().eligible_at,
                },
                request: self.into_request(),
            }),
        }
    }
}

impl Waiting {
    /// An eligible person, or the initiator, says no after all. That takes nothing away, so it may also come late.
    pub fn veto(self, supervisor: &Account, _proof: &FreshFactor, ageing: Timestamp) -> Result<Vetoed, Refusal> {
        if supervisor.id != self.request.initiator.account {
            supervisor.eligible(ageing)?;
        }
        Ok(Vetoed {
            request: self.request,
            supervisor: supervisor.user(),
        })
    }

    /// It goes along with an earlier one that was vetoed: it was computed as if that one's objects were gone.
    pub fn veto_with_earlier(self, earlier: &Vetoed) -> Vetoed {
        Vetoed {
            request: self.request,
            supervisor: earlier.supervisor.clone(),
        }
    }

    /// Looks whether its time has come and whether everything is as it was approved. `queue` has the ones of its backup that wait
    /// for their time, oldest first; none where there is no order.
    pub fn turn(self, queue: &[RequestId], found: Found<'_>, ageing: Timestamp) -> Turn {
        if ageing < self.due_at {
            let until = self.due_at;
            return Turn::NotYet(self, NotYet::Window { until });
        }
        if let Err(why) = self.holds(found, ageing) {
            return Turn::Void(self.void(why));
        }
        match queue.first() {
            Some(oldest) if *oldest != self.request.id => {
                let oldest = *oldest;
                Turn::NotYet(self, NotYet::OlderFirst(oldest))
            }
            _ => Turn::Begin(Begun {
                request: self.request.id,
                digest: self.request.digest,
            }),
        }
    }

    /// Whether the approval still holds (rules 1 and 5).
    fn holds(&self, found: Found<'_>, ageing: Timestamp) -> Result<(), Void> {
        if found.digest != Some(self.request.digest) {
            return Err(Void::Drift);
        }
        let approver = found.approver.ok_or(Void::Approver(Ineligible::Inactive))?;
        match second_person(approver, &self.request.initiator, found.known, ageing) {
            Ok(()) => {}
            Err(Refusal::Ineligible(why)) => return Err(Void::Approver(why)),
            Err(_) => return Err(Void::OnePerson),
        }
        if approver.id != self.approver.account || approver.eligible_at != self.approver.eligible_at {
            return Err(Void::ApproverLapsed);
        }
        match found.initiator.map(|account| account.state) {
            Some(AccountState::Active | AccountState::Invited) => Ok(()),
            Some(AccountState::Disabled | AccountState::Deleted) | None => Err(Void::Initiator),
        }
    }

    /// It does not hold any more.
    pub fn void(self, why: Void) -> Voided {
        Voided {
            request: self.request,
            why,
        }
    }

    /// It goes along with an earlier one that did not hold any more.
    pub fn void_with_earlier(self, earlier: &Voided) -> Voided {
        self.void(Void::Earlier(earlier.request.id))
    }
}

impl Pending {
    /// It goes along with an earlier one that was approved and then vetoed.
    pub fn reject_with_vetoed(self, earlier: &Vetoed) -> Rejected {
        self.reject_with_earlier(earlier.supervisor.clone())
    }

    /// It goes along with an earlier one whose approval did not hold any more: nobody decided it.
    pub fn expire_with_voided(self, _earlier: &Voided) -> Expired {
        self.ended()
    }
}

impl Vetoed {
    /// What was approved.
    pub const fn request(&self) -> &Pending {
        &self.request
    }

    /// Who said no.
    pub const fn supervisor(&self) -> &User {
        &self.supervisor
    }

    /// 42404, for the transaction that vetoes: the family's word for a second person's no.
    pub fn event(&self) -> Event {
        Event::FourEyesRequestRejected {
            operation: self.request.operation.clone(),
            initiator: user(&self.request.initiator),
            supervisor: self.supervisor.clone(),
            request_id: Some(self.request.id.to_string()),
        }
    }
}

impl Voided {
    /// What was approved.
    pub const fn request(&self) -> &Pending {
        &self.request
    }

    /// Why it does not hold.
    pub const fn why(&self) -> &Void {
        &self.why
    }

    /// 41800, for the transaction that ends it.
    pub fn event(&self) -> Event {
        Event::DeleteBackupFailed {
            endpoint: endpoint(&self.request.initiator),
            user_name: Some(self.request.initiator.name.clone()),
            request_id: Some(self.request.id.to_string()),
        }
    }
}

impl Begun {
    /// Which request.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// What was approved.
    pub const fn digest(&self) -> Sha256 {
        self.digest
    }
}

/// Where somebody asked from, as events say it. A port that was not recorded is 0.
pub fn endpoint(initiator: &Initiator) -> SocketAddr {
    let address = initiator.address.as_str();
    address
        .parse()
        .or_else(|_| address.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)))
        .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0))
}

#[cfg(test)]
mod tests;
