use askama::Template;

use super::{Busy, Bytes, Chrome, CommandStanding, Count, Moment, Pager, RequestState, Share, Span, assets, filters};

/// `/requests/{id}`: everything a second person needs to decide, and what became of it.
#[derive(Template, Debug, Clone)]
#[template(path = "request.html")]
pub struct RequestPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// How long after an approval somebody can still veto that bytes go.
    pub undo_hours: Count,
    /// Its number.
    pub id: String,
    /// What would be done, as the events say it: `Delete snapshot 1f2e3d4c (and 2 more)`.
    pub operation: String,
    /// Where it is in its life.
    pub state: RequestState,
    /// Who asked.
    pub initiator: String,
    /// Whether that is the reader.
    pub yours: bool,
    /// The address it was asked from.
    pub initiator_address: String,
    /// Who else stands behind it, and how, in words: `ann (owner)`.
    pub behind: Vec<String>,
    /// Why, in the initiator's words.
    pub why: Option<String>,
    /// The command that came of it, and where it is in its life.
    pub command: Option<(String, CommandStanding)>,
    /// When it was asked for.
    pub created: Moment,
    /// When it expires, or did.
    pub expires: Moment,
    /// SHA-256 of the manifest, 64 hexadecimal digits: what is decided on. Empty while collecting.
    pub digest: String,
    /// What must not be overlooked, the heaviest first; while it waits.
    pub warnings: Vec<WarningLine>,
    /// What it would change.
    pub subject: Subject,
    /// Earlier waiting requests of the same backup, oldest first: approving takes them along.
    pub earlier: Vec<Neighbour>,
    /// Later waiting requests of the same backup, oldest first: rejecting takes them along.
    pub later: Vec<Neighbour>,
    /// The way to look into its snapshots; none for whom that is closed, and where there is nothing to look into.
    pub opening: Option<Opening>,
    /// The form, while it waits.
    pub form: Option<DecisionForm>,
    /// Why the last try changed nothing.
    pub error: Option<DecideError>,
    /// A client uses the backup: a decision would be postponed.
    pub busy: Option<Busy>,
    /// What was decided.
    pub decision: Option<Decision>,
    /// The form of an approval that can still be vetoed.
    pub veto: Option<VetoForm>,
    /// Whether the reader may end the collecting.
    pub can_end: bool,
    /// The account that it is about, when there is one: its page, and whether the reader may have its link made now.
    pub account: Option<(String, bool)>,
}

impl RequestPage {
    /// Position in the backup's queue, from 1.
    fn position(&self) -> usize {
        self.earlier.len() + 1
    }

    fn waiting(&self) -> usize {
        self.earlier.len() + 1 + self.later.len()
    }

    /// What the form says it saw, for every request a decision may take along: `ID:DIGEST` in queue order, comma-separated.
    fn along(&self) -> String {
        let pairs: Vec<_> = self
            .earlier
            .iter()
            .chain(&self.later)
            .map(|other| format!("{}:{}", other.id, other.digest))
            .collect();
        pairs.join(",")
    }

    /// Whether what it is about stays after all.
    fn is_kept(&self) -> bool {
        self.decision
            .as_ref()
            .is_some_and(|decision| matches!(decision.effect, Effect::Vetoed(_) | Effect::Drifted { .. }))
    }

    /// Whether the page's script may ask for a passkey.
    fn asks_for_passkey(&self) -> bool {
        let decides = self
            .form
            .as_ref()
            .is_some_and(|form| form.is_open() && form.passkey.is_some());
        let vetoes = self
            .veto
            .as_ref()
            .is_some_and(|veto| veto.cannot.is_none() && veto.passkey.is_some());
        decides || vetoes
    }

    /// What the form says of others that go along: beyond a few they are folded away.
    const fn folds(others: &[Neighbour]) -> bool {
        others.len() > 8
    }

    fn bytes_of(others: &[Neighbour]) -> Bytes {
        let sum = others
            .iter()
            .fold(0_u64, |sum, other| sum.saturating_add(other.bytes.0));
        Bytes(sum)
    }

    fn marked(others: &[Neighbour]) -> usize {
        others.iter().filter(|other| !other.marks.is_empty()).count()
    }

    const fn is_open(&self) -> bool {
        matches!(self.opening, Some(Opening::Open { .. }))
    }

    fn digest_groups(&self) -> Vec<&str> {
        groups(&self.digest)
    }
}

/// Eight digits at a time, so that two people can compare them. A digest is ASCII; anything else stays whole.
fn groups(digest: &str) -> Vec<&str> {
    digest
        .as_bytes()
        .chunks(8)
        .map(std::str::from_utf8)
        .collect::<Result<_, _>>()
        .unwrap_or_else(|_| vec![digest])
}

/// Something that must not be overlooked.
#[derive(Debug, Clone)]
pub struct WarningLine {
    /// Whether to ask the initiator before deciding; otherwise it is good to know.
    pub strong: bool,
    /// In a sentence or two.
    pub text: String,
}

/// What a request would change.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Objects of a backup, or the whole of it.
    Objects(Box<Loss>),
    /// Settings or a receiver.
    Change(Vec<ChangeRow>),
}

/// One setting before and after.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// What changes.
    pub what: String,
    /// Now.
    pub before: String,
    /// Then.
    pub after: String,
}

/// What would be lost.
#[derive(Debug, Clone)]
pub struct Loss {
    /// `main/laptop`.
    pub backup: String,
    /// Where the backup's page is.
    pub backup_href: String,
    /// Whether the backup itself goes, too.
    pub whole: bool,
    /// What kind of delete it is, in a sentence.
    pub nature: String,
    /// When the oldest and the newest of its snapshots were received.
    pub received: Option<(Moment, Moment)>,
    /// What stays; none where it is not known.
    pub stays: Option<Stays>,
    /// What is usual, in a sentence; none where it is not known.
    pub habit: Option<String>,
    /// The first snapshots, newest received first.
    pub snapshots: Vec<LostSnapshot>,
    /// How many snapshots would go in all.
    pub snapshot_count: Count,
    /// By kind, those with any.
    pub kinds: Vec<LostKind>,
    /// All objects.
    pub objects: Count,
    /// Their bytes.
    pub bytes: Bytes,
    /// Their part of the backup's bytes.
    pub share: Share,
    /// A page of the manifest's list.
    pub manifest: Vec<ObjectRow>,
    /// Where in the list.
    pub pager: Pager,
}

/// What would stay of a backup: as it is now while the request waits, as it was when it was sealed afterwards.
#[derive(Debug, Clone)]
pub struct Stays {
    /// How many snapshots.
    pub snapshots: Count,
    /// The bytes of everything.
    pub bytes: Bytes,
    /// When the newest snapshot was received; none without one.
    pub newest: Option<Moment>,
}

/// A snapshot that would go. The server cannot read it: it knows when it received it and from which account.
#[derive(Debug, Clone)]
pub struct LostSnapshot {
    /// Its name, 64 hexadecimal digits.
    pub name: String,
    /// When it was received.
    pub received: Moment,
    /// From which account.
    pub by: String,
    /// What it says of itself, or why that cannot be read; none while nothing is open.
    pub inside: Option<Result<Inside, String>>,
}

impl LostSnapshot {
    fn short(&self) -> &str {
        self.name.get(..8).unwrap_or(&self.name)
    }
}

/// The way to look into the snapshots of a request. Sends `csrf`, `password` to `/requests/{id}/open`, `csrf` to `/requests/{id}/close`.
#[derive(Debug, Clone)]
pub enum Opening {
    /// By the repository's password.
    Ask {
        /// Why the last try opened nothing, in a sentence.
        error: Option<String>,
    },
    /// They are open.
    Open {
        /// Until when.
        until: Moment,
    },
}

/// What a snapshot says of itself. Its client wrote it.
#[derive(Debug, Clone)]
pub struct Inside {
    /// When it was made, by its client's clock.
    pub time: String,
    /// Of which host.
    pub host: String,
    /// By which user.
    pub user: String,
    /// Which paths.
    pub paths: String,
    /// Its tags.
    pub tags: String,
    /// What it restores to, where the client said so.
    pub bytes: Option<Bytes>,
}

/// The objects of one kind.
#[derive(Debug, Clone)]
pub struct LostKind {
    /// `snapshots`, `data`, `index`, `keys`.
    pub kind: String,
    /// How many.
    pub objects: Count,
    /// Their bytes.
    pub bytes: Bytes,
}

/// One object of the manifest.
#[derive(Debug, Clone)]
pub struct ObjectRow {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// In bytes.
    pub size: Bytes,
    /// When it was received.
    pub received: Moment,
    /// From which account.
    pub by: String,
}

/// Another waiting request of the same backup.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Its number.
    pub id: String,
    /// Its manifest's digest.
    pub digest: String,
    /// What it would do.
    pub operation: String,
    /// Who asked.
    pub initiator: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// What is heavy about it, in a few words each.
    pub marks: Vec<String>,
    /// When it was asked for.
    pub created: Moment,
}

/// The form of someone who may look at a waiting request. Sends `csrf`, `digest`, `along`, `decision` (`approve` or
/// `reject`), `comment`, `code` or `passkey` to `/requests/{id}/decision`.
#[derive(Debug, Clone)]
pub struct DecisionForm {
    /// Why approving is closed to the reader.
    pub cannot_approve: Option<NotAllowed>,
    /// Why rejecting is closed to the reader.
    pub cannot_reject: Option<NotAllowed>,
    /// What was typed before.
    pub comment: String,
    /// `approve`, `reject` or empty: what was chosen before.
    pub chosen: String,
    /// Whether the reader has an authenticator app.
    pub totp: bool,
    /// Where the page's script asks for a passkey; none if the reader has none, or there are none here.
    pub passkey: Option<String>,
}

impl DecisionForm {
    fn is_open(&self) -> bool {
        self.cannot_approve.is_none() || self.cannot_reject.is_none()
    }
}

/// The form of someone who may look at an approval that waits for the end of its undo window. Sends `csrf`, `comment`, `code` or
/// `passkey` to `/requests/{id}/veto`.
#[derive(Debug, Clone)]
pub struct VetoForm {
    /// Why a veto is closed to the reader.
    pub cannot: Option<NotAllowed>,
    /// What was typed before.
    pub comment: String,
    /// Whether the reader has an authenticator app.
    pub totp: bool,
    /// Where the page's script asks for a passkey; none if the reader has none, or there are none here.
    pub passkey: Option<String>,
    /// Later requests of the same backup, approved or not, oldest first: a veto takes them along.
    pub along: Vec<Neighbour>,
}

/// Why the reader may not decide that way.
#[derive(Debug, Clone)]
pub enum NotAllowed {
    /// The reader asked for it.
    Initiator,
    /// The reader asked for an earlier one that approving would take along.
    InitiatorOfEarlier {
        /// Its number.
        id: String,
    },
    /// The reader stands behind it: owns the service that asked, made its token, or is the same person.
    NotSecond {
        /// The earlier one that approving would take along, if it is that.
        id: Option<String>,
        /// How, in a sentence.
        why: String,
    },
    /// Only a security administrator decides.
    Role,
    /// Added, promoted or given a new second factor too recently.
    CoolingOff {
        /// When it may.
        until: Moment,
    },
    /// It has expired and waits for the backup to be quiet.
    Expired,
}

/// Why a decision changed nothing.
#[derive(Debug, Clone)]
pub enum DecideError {
    /// A client uses the backup.
    Busy(Busy),
    /// The reader may not.
    NotAllowed(NotAllowed),
    /// Someone was first.
    AlreadyDecided {
        /// What they decided.
        state: RequestState,
        /// Who; none when it expired.
        by: Option<String>,
        /// When.
        at: Moment,
    },
    /// The request, or one that goes along, is not what the page showed.
    Changed,
    /// The one-time code was wrong.
    WrongCode,
    /// The one-time code was used before.
    UsedCode,
    /// The passkey was not taken: why, in a sentence.
    WrongPasskey(String),
    /// Too many wrong codes.
    Throttled {
        /// Until the next try is looked at.
        retry_after: Span,
    },
    /// What lies in the vault is not what the request lists.
    Drifted,
    /// Anything else, in a sentence.
    Impossible(String),
    /// Neither approve nor reject was chosen.
    NothingChosen,
}

/// What was decided, and what followed.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who; none when it expired.
    pub by: Option<String>,
    /// When.
    pub at: Moment,
    /// How, and from where, in words; none where nobody decided.
    pub from: Option<String>,
    /// Why, in their words; may be empty.
    pub comment: String,
    /// Why it was decided so when nobody said: it went along with an earlier one, its time was over.
    pub reason: Option<String>,
    /// What followed.
    pub effect: Effect,
}

/// What followed a decision.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Rejected or expired: everything is back in its place.
    Returned {
        /// How many objects.
        objects: Count,
        /// Their bytes.
        bytes: Bytes,
    },
    /// Rejected or expired, and nothing was held: a setting stayed as it was.
    Unchanged,
    /// The change was made.
    Applied,
    /// Approved: it is done when the undo window ends, if nobody vetoes it.
    Waiting {
        /// When that is.
        due: Moment,
        /// Why it could not be done when its time had come. It is tried again.
        postponed: Option<String>,
    },
    /// Approved and vetoed in time: nothing was done.
    Vetoed(Veto),
    /// Approved: bytes are being removed.
    Purging {
        /// Removed so far.
        done: Count,
        /// Of how many.
        objects: Count,
    },
    /// Approved and removed.
    Purged {
        /// How many objects.
        objects: Count,
        /// Their bytes.
        bytes: Bytes,
        /// When it was finished.
        at: Moment,
    },
    /// Approved, but the target had changed: nothing was done.
    Drifted {
        /// What differed.
        why: String,
    },
}

/// A veto.
#[derive(Debug, Clone)]
pub struct Veto {
    /// Who.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Why, in their words; may be empty.
    pub comment: String,
    /// Why it went along with another.
    pub reason: Option<String>,
}

#[cfg(test)]
mod unit {
    use super::groups;

    #[test]
    fn a_digest_is_compared_in_eights() {
        assert_eq!(groups(&"0123456789abcdef".repeat(4)).len(), 8);
        assert_eq!(groups("0123456789"), ["01234567", "89"]);
        assert_eq!(groups("ééééé"), ["éééé", "é"]);
        assert_eq!(groups("xéééé"), ["xéééé"]);
    }
}
