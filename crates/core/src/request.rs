//! A request and its life. Each step consumes the state before it, so an illegal step does not compile.
//!
//! `Collecting → Pending → Approved | Rejected | Expired`; a collecting one that empties is closed without a word. What comes after an
//! approval that destroys bytes is in [`crate::undo`].

use countersign_events::{Event, Operation, Timestamp, User};

use crate::account::{Account, Ineligible};
use crate::behind::{NotKnown, Part, part_of};
use crate::factor::FreshFactor;
use crate::manifest::Initiator;
use crate::{BackupId, RequestId, Sha256};

/// A request that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub id: RequestId,
    /// What would be done.
    pub operation: Operation,
    /// In which backup; none for settings.
    pub backup: Option<BackupId>,
    /// Who asked.
    pub initiator: Initiator,
    /// Of the manifest.
    pub digest: Sha256,
    /// From when on nobody can approve it any more.
    pub expires_at: Timestamp,
}

/// Decided: a second person said yes to exactly the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    request: Pending,
    supervisor: Account,
}

/// Decided: no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    request: Pending,
    supervisor: User,
}

/// Decided by nobody, in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    request: Pending,
}

/// Why a step was not taken. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Rule 3.
    #[error("you asked for this yourself: a second person must approve it. You can reject it.")]
    OwnRequest,
    /// Rules 1 and 3: one person, or two who answer for one service, are not a second person.
    #[error("{}", stands_behind(*.0))]
    Behind(Part),
    /// Nobody can say who is a second person.
    #[error(transparent)]
    NotKnown(#[from] NotKnown),
    /// Rule 3.
    #[error(transparent)]
    Ineligible(#[from] Ineligible),
    /// Rule 5.
    #[error("the request changed since you looked at it: look again")]
    Changed,
    /// Rule 1.
    #[error("the request has expired")]
    Expired,
    /// Only the clock expires a request.
    #[error("the request has not expired yet")]
    NotExpired,
}

impl Pending {
    /// A second person says yes, with a fresh second factor, to the digest they saw (rules 1, 3, 5).
    ///
    /// `known` are the accounts as they are now: that which asked, its owner, and those recorded as owners and makers.
    pub fn approve(
        self,
        supervisor: &Account,
        _proof: &FreshFactor,
        seen: Sha256,
        known: &[Account],
        now: Timestamp,
    ) -> Result<Approved, Refusal> {
        second_person(supervisor, &self.initiator, known, now)?;
        if seen != self.digest {
            return Err(Refusal::Changed);
        }
        if now >= self.expires_at {
            return Err(Refusal::Expired);
        }
        Ok(Approved {
            request: self,
            supervisor: supervisor.clone(),
        })
    }

    /// An eligible person, or the initiator, says no (rule 3). A request past its time can still be rejected: that takes nothing away.
    pub fn reject(self, supervisor: &Account, _proof: &FreshFactor, now: Timestamp) -> Result<Rejected, Refusal> {
        if supervisor.id != self.initiator.account {
            supervisor.eligible(now)?;
        }
        Ok(Rejected {
            supervisor: supervisor.user(),
            request: self,
        })
    }

    /// Nothing is left of it: every object was uploaded again. Whoever uploaded the last one withdrew it.
    pub fn withdraw(self, uploader: User) -> Rejected {
        Rejected {
            request: self,
            supervisor: uploader,
        }
    }

    /// It goes along with an earlier one that is rejected: it was computed as if that one's objects were gone.
    pub fn reject_with_earlier(self, supervisor: User) -> Rejected {
        Rejected {
            request: self,
            supervisor,
        }
    }

    /// Its time is over.
    pub fn expire(self, now: Timestamp) -> Result<Expired, Refusal> {
        if now < self.expires_at {
            Err(Refusal::NotExpired)
        } else {
            Ok(Expired { request: self })
        }
    }

    /// It goes along with an earlier one that expired.
    pub fn expire_with_earlier(self, _earlier: &Expired) -> Expired {
        self.ended()
    }

    pub(crate) const fn ended(self) -> Expired {
        Expired { request: self }
    }

    /// The server was lost and its configuration restored from a backup: whether this was decided meanwhile is not known, so nobody
    /// may decide it any more.
    pub fn expire_by_restore(self) -> Expired {
        Expired { request: self }
    }

    /// 42402, for the transaction that seals it.
    pub fn created_event(&self) -> Event {
        Event::FourEyesRequestCreated {
            operation: self.operation.clone(),
            initiator: user(&self.initiator),
            request_id: Some(self.id.to_string()),
        }
    }
}

impl Approved {
    /// What was approved.
    pub const fn request(&self) -> &Pending {
        &self.request
    }

    pub(crate) fn into_request(self) -> Pending {
        self.request
    }

    /// By whom.
    pub const fn supervisor(&self) -> &Account {
        &self.supervisor
    }

    /// 42403, for the transaction that decides.
    pub fn event(&self) -> Event {
        Event::FourEyesRequestApproved {
            operation: self.request.operation.clone(),
            initiator: user(&self.request.initiator),
            supervisor: self.supervisor.user(),
            request_id: Some(self.request.id.to_string()),
        }
    }
}

impl Rejected {
    /// What was rejected.
    pub const fn request(&self) -> &Pending {
        &self.request
    }

    /// By whom.
    pub const fn supervisor(&self) -> &User {
        &self.supervisor
    }

    /// 42404, for the transaction that decides.
    pub fn event(&self) -> Event {
        Event::FourEyesRequestRejected {
            operation: self.request.operation.clone(),
            initiator: user(&self.request.initiator),
            supervisor: self.supervisor.clone(),
            request_id: Some(self.request.id.to_string()),
        }
    }
}

impl Expired {
    /// What expired.
    pub const fn request(&self) -> &Pending {
        &self.request
    }

    /// 42405, for the transaction that decides.
    pub fn event(&self) -> Event {
        Event::FourEyesRequestExpired {
            operation: self.request.operation.clone(),
            initiator: user(&self.request.initiator),
            request_id: Some(self.request.id.to_string()),
        }
    }
}

/// Whether this account is somebody who may approve now, and a second person to whoever asked (rules 1 and 3).
///
/// # Errors
/// Why not, in words for them.
pub fn second_person(
    supervisor: &Account,
    initiator: &Initiator,
    known: &[Account],
    now: Timestamp,
) -> Result<(), Refusal> {
    supervisor.eligible(now)?;
    if supervisor.id == initiator.account {
        return Err(Refusal::OwnRequest);
    }
    match part_of(supervisor, initiator.account, &initiator.behind, known)? {
        Some(part) => Err(Refusal::Behind(part)),
        None => Ok(()),
    }
}

const fn stands_behind(part: Part) -> &'static str {
    match part {
        Part::Owner => {
            "you own the service account that asked for this: a second person must approve it. You can reject it."
        }
        Part::Maker => "this was asked with a token that you made: a second person must approve it. You can reject it.",
        Part::Linked => {
            "another account of yours asked for this, or answers for the service that did: a second person must approve it. \
             You can reject it."
        }
    }
}

pub(crate) fn user(initiator: &Initiator) -> User {
    User {
        full_name: initiator.name.clone(),
        login_type: initiator.login_type,
    }
}

/// How a decision was made: with which factor, and from where. Kept with the request, so that it can be told later.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DecidedFrom {
    /// The address.
    pub address: String,
    /// The browser or program, as it calls itself: at most [`LONGEST_AGENT`] printable characters. Empty when it does not.
    pub agent: String,
    /// The registered client whose access token was used; none from a session of the pages.
    pub client: Option<String>,
    /// What was shown: `one-time code`, or `passkey` and its owner's name for it.
    pub factor: String,
}

/// How much is kept of what a browser calls itself, in characters.
pub const LONGEST_AGENT: usize = 120;

/// What a browser or program calls itself, cleaned of what could be mistaken for anything else, and shortened.
pub fn agent(said: &str) -> String {
    let printable = said.chars().filter(|letter| (' '..='~').contains(letter));
    printable.take(LONGEST_AGENT).collect()
}

/// Where a request is in its life, as the store, the API and pages say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A client's deletes are still coming in.
    Collecting,
    /// It waits for a second person.
    Pending,
    /// A second person said yes.
    Approved,
    /// Someone said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// It emptied before it was sealed: everything was uploaded again.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Collecting,
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Closed,
    ];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Closed => "closed",
        }
    }

    /// Whether nobody decides it any more.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Collecting | Self::Pending => false,
            Self::Approved | Self::Rejected | Self::Expired | Self::Closed => true,
        }
    }
}

/// How far the effect of an approval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// There is none: not decided, or nothing to destroy.
    None,
    /// It waits for the end of the undo window and can be vetoed.
    Waiting,
    /// Its time has come, but it cannot be done this moment; the detail says why. It is tried again, and can still be vetoed.
    Postponed,
    /// It is to be done and cannot be stopped any more; a restart goes on with it.
    Due,
    /// It is done.
    Done,
    /// It could not be done; the detail says why.
    Failed,
    /// A person said no within the undo window.
    Vetoed,
}

impl Effect {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Waiting,
        Self::Postponed,
        Self::Due,
        Self::Done,
        Self::Failed,
        Self::Vetoed,
    ];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Waiting => "waiting",
            Self::Postponed => "postponed",
            Self::Due => "due",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Vetoed => "vetoed",
        }
    }

    /// Whether nothing follows any more, once it is decided.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Waiting | Self::Postponed | Self::Due => false,
            Self::None | Self::Done | Self::Failed | Self::Vetoed => true,
        }
    }
}

/// What a request is about, in numbers, as they were when it was sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// What it would take away, by kind.
    pub kinds: Vec<KindSum>,
    /// What the backup held, hidden objects of earlier requests left out: objects.
    pub backup_objects: u64,
    /// The same in bytes.
    pub backup_bytes: u64,
    /// The same in snapshots.
    pub backup_snapshots: u64,
    /// What else there is to know before deciding; none for settings, and for what was sealed before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<crate::preview::Preview>,
}

/// Objects of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KindSum {
    /// Which kind.
    pub kind: crate::ObjectKind,
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Summary {
    /// How many objects it would take away.
    pub fn objects(&self) -> u64 {
        self.kinds.iter().map(|sum| sum.objects).sum()
    }

    /// How many bytes it would take away.
    pub fn bytes(&self) -> u64 {
        self.kinds.iter().map(|sum| sum.bytes).sum()
    }

    /// How many of a kind it would take away.
    pub fn of(&self, kind: crate::ObjectKind) -> u64 {
        self.kinds
            .iter()
            .filter(|sum| sum.kind == kind)
            .map(|sum| sum.objects)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_calls_itself_is_short_and_plain() {
        assert_eq!(agent("Mozilla/5.0 (X11)"), "Mozilla/5.0 (X11)");
        assert_eq!(agent("a\u{202e}b\nc\u{7}é"), "abc");
        assert_eq!(agent(&"x".repeat(500)).len(), LONGEST_AGENT);
    }
}
