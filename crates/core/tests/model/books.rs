//! A state of the world, and what is written down of how it came about, by which the rules are checked.

use crate::accounts::{Becomes, PEOPLE, SERVICE, WINDOW, Who};

/// How many steps of time there are.
pub const LAST_STEP: u8 = 6;

/// How many deletes there can be.
pub const DELETES: usize = 3;

/// How many objects each of them is about.
pub const OBJECTS: u8 = 2;

/// Everything that is remembered between two steps: what a crash leaves. So a crash is possible everywhere, and no step of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// The step of time.
    pub now: u8,
    /// Whether four-eyes authorization is on.
    pub four_eyes: bool,
    /// Whether a client holds a lock in the backup.
    pub busy: bool,
    /// The people.
    pub who: [Who; PEOPLE],
    /// Deletes in one backup; a later one is asked for after the earlier ones.
    pub deletes: [Delete; DELETES],
    /// The change of settings that waits, if one does.
    pub change: Option<Change>,
    /// Written down: whether every change that took effect was one that might, as this walk reads the rules.
    pub changed_rightly: bool,
    /// Written down: whether nothing was moved while a client was at work (rule 7).
    pub moved_rightly: bool,
}

/// A request to delete the objects of the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete {
    /// Where it is.
    pub stage: Stage,
    /// Who asked.
    pub by: u8,
    /// Recorded with the request: who stands behind whoever asked, a bit for each account.
    pub behind: u8,
    /// When it expires.
    pub expires: u8,
    /// How many of its objects were uploaded again, and so are its own no more.
    pub revived: u8,
    /// Whether the bytes of one were changed in the folder, behind the server's back.
    pub swapped: bool,
    /// Whether its objects are hidden.
    pub held: bool,
    /// How many files are gone, and how many rows; first a file, then its row.
    pub files_gone: u8,
    pub rows_gone: u8,
    /// Who approved.
    pub approver: u8,
    /// From when on they were eligible then, as it was recorded.
    pub approver_eligible: u8,
    /// How many had been uploaded again then.
    pub approved_revived: u8,
    /// When its time has come, as it was recorded.
    pub due: u8,
    /// Written down: when it was approved.
    pub approved_at: u8,
    /// Written down: whether what was done on it was right by the rules, as this walk reads them.
    pub rightly: bool,
    /// Written down: how often it was decided.
    pub decisions: u8,
    /// Written down: the deletes before it that had not come back when it was asked for; it was computed as if they were gone.
    pub based_on: u8,
}

/// Where a delete is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Unasked,
    Pending,
    Waiting,
    Begun,
    Purged,
    Rejected,
    Expired,
    Vetoed,
    Voided,
    /// All of its objects were uploaded again. Whoever did saw the backup without what later ones hold, so those stand.
    Withdrawn,
    /// The purge met something else than what was approved: it keeps the bytes.
    Failed,
    /// Done at once, while four-eyes authorization was off.
    AtOnce,
}

impl Stage {
    /// Whether its objects must be there, and seen.
    pub const fn is_back(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Vetoed | Self::Voided)
    }

    const fn goes_on(self) -> bool {
        matches!(self, Self::Pending | Self::Waiting | Self::Begun | Self::Purged)
    }

    const fn destroys(self) -> bool {
        matches!(self, Self::Begun | Self::Purged)
    }
}

/// A change of settings that waits for a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Who asked.
    pub by: u8,
    /// Recorded with the request, as with a delete.
    pub behind: u8,
    /// When it expires.
    pub expires: u8,
    /// What.
    pub what: What,
}

/// What would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Four-eyes authorization off.
    Off,
    /// An account, from what it was when it was asked.
    Account {
        /// Whose.
        whose: u8,
        /// What it was.
        before: Who,
        /// What it is to become.
        becomes: Becomes,
    },
}

/// What somebody did, or time, or the server by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Begin,
    Time,
    Busy(bool),
    Ask(usize, u8),
    Approve(usize, u8),
    Reject(usize, u8),
    Expire(usize),
    Veto(usize, u8),
    Turn(usize, Stage),
    File(usize),
    Row(usize),
    Fail(usize),
    Revive(usize),
    Withdraw(usize),
    Swap(usize),
    AskChange(u8, What),
    ApproveChange(u8),
    RejectChange(u8),
    ExpireChange,
    Change(u8, What),
    On(u8),
}

impl Step {
    /// In a word.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Time => "time",
            Self::Busy(_) => "busy",
            Self::Ask(..) => "asked",
            Self::Approve(..) => "approved",
            Self::Reject(..) => "rejected",
            Self::Expire(_) => "expired",
            Self::Veto(..) => "vetoed",
            Self::Turn(_, Stage::Voided) => "voided",
            Self::Turn(..) => "begun",
            Self::File(_) => "file gone",
            Self::Row(_) => "row gone",
            Self::Fail(_) => "failed",
            Self::Revive(_) => "revived",
            Self::Withdraw(_) => "withdrawn",
            Self::Swap(_) => "swapped",
            Self::AskChange(..) => "change asked",
            Self::ApproveChange(_) => "change approved",
            Self::RejectChange(_) => "change rejected",
            Self::ExpireChange => "change expired",
            Self::Change(..) => "changed at once",
            Self::On(_) => "turned on",
        }
    }
}

/// A rule that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Rules 1 and 3.
    NotApprovedBySomebodyElse,
    /// Rule 2.
    DecidedTwice,
    /// Rule 3: somebody may approve before their cool-off is over.
    NotCooledOff,
    /// Rule 4.
    FewerThanTwo,
    /// Rule 4: a change that nobody else approved.
    ChangedAlone,
    /// Rule 5.
    NotWhatWasApproved,
    /// Rule 6.
    BytesNotBack,
    /// Rule 6: what a later one was computed on came back, or is not gone yet.
    LaterWithoutEarlier,
    /// Rule 7.
    MovedWhileBusy,
}

impl World {
    /// Two who can decide, two who cannot, nothing asked.
    pub const fn begin() -> Self {
        const fn person(decides: bool) -> Who {
            Who {
                decides,
                active: true,
                linked: false,
                eligible: 0,
                settled: 0,
            }
        }
        let nothing = Delete {
            stage: Stage::Unasked,
            by: 0,
            behind: 0,
            expires: 0,
            revived: 0,
            swapped: false,
            held: false,
            files_gone: 0,
            rows_gone: 0,
            approver: 0,
            approver_eligible: 0,
            approved_revived: 0,
            due: 0,
            approved_at: 0,
            rightly: true,
            decisions: 0,
            based_on: 0,
        };
        Self {
            now: 0,
            four_eyes: true,
            busy: false,
            who: [person(true), person(true), person(false), person(false)],
            deletes: [nothing; DELETES],
            change: None,
            changed_rightly: true,
            moved_rightly: true,
        }
    }

    /// The rules, read from the design and not from the code.
    pub fn holds(&self) -> Result<(), Broken> {
        if !self.moved_rightly {
            return Err(Broken::MovedWhileBusy);
        }
        if !self.changed_rightly {
            return Err(Broken::ChangedAlone);
        }
        if self.who.iter().any(|who| who.eligible < who.settled) {
            return Err(Broken::NotCooledOff);
        }
        for delete in &self.deletes {
            self.delete_holds(delete)?;
        }
        for (number, later) in self.deletes.iter().enumerate() {
            let based = self.deletes.iter().enumerate().take(number);
            for (_, earlier) in based.filter(|(at, _)| later.based_on & (1 << at) != 0) {
                let waits = matches!(earlier.stage, Stage::Pending | Stage::Waiting);
                if earlier.stage.is_back() && later.stage.goes_on() || waits && later.stage.destroys() {
                    return Err(Broken::LaterWithoutEarlier);
                }
            }
        }
        if self.four_eyes && self.people_who_can_approve() < 2 {
            return Err(Broken::FewerThanTwo);
        }
        Ok(())
    }

    fn delete_holds(&self, delete: &Delete) -> Result<(), Broken> {
        let gone = delete.files_gone > 0 || delete.rows_gone > 0;
        if delete.decisions > 1 {
            return Err(Broken::DecidedTwice);
        }
        let done = matches!(delete.stage, Stage::Waiting | Stage::Begun | Stage::Purged);
        if (done || gone) && !delete.rightly {
            return Err(Broken::NotApprovedBySomebodyElse);
        }
        if gone && !matches!(delete.stage, Stage::Begun | Stage::Purged | Stage::AtOnce) {
            return Err(Broken::BytesNotBack);
        }
        if delete.stage.is_back() && delete.held {
            return Err(Broken::BytesNotBack);
        }
        // Nobody destroys what came again, nor what is no more what was approved.
        let drifted = delete.revived != delete.approved_revived;
        let more = delete.files_gone > OBJECTS - delete.revived;
        if delete.stage.destroys() && drifted || more || delete.files_gone > 0 && delete.swapped {
            return Err(Broken::NotWhatWasApproved);
        }
        Ok(())
    }

    /// Whether this account is a second person to whoever asked, and may approve now: by the words of rules 1 and 3.
    pub fn may_approve(&self, approver: u8, by: u8, behind: u8) -> bool {
        if approver == SERVICE {
            return false;
        }
        let who = self.who[usize::from(approver)];
        let same =
            |other: u8| approver == other || other != SERVICE && who.linked && self.who[usize::from(other)].linked;
        let stands_behind = same(by) || by == SERVICE && same(0) || behind & (1 << approver) != 0;
        who.active && who.decides && who.settled <= self.now && !stands_behind
    }

    /// Whether a delete may be begun now: what rules 1, 3 and 5 ask of the moment of the effect, and the undo window.
    pub fn may_begin(&self, delete: &Delete) -> bool {
        let asked = delete.by == SERVICE || self.who[usize::from(delete.by)].active;
        let waited = self.now >= delete.approved_at + WINDOW;
        let as_then =
            delete.approver != SERVICE && self.who[usize::from(delete.approver)].settled <= delete.approved_at;
        self.may_approve(delete.approver, delete.by, delete.behind) && as_then && asked && waited && !delete.swapped
    }

    fn people_who_can_approve(&self) -> usize {
        let able = |who: &&Who| who.active && who.decides && who.settled <= self.now;
        let alone = self.who.iter().filter(able).filter(|who| !who.linked).count();
        let linked = self.who.iter().filter(able).any(|who| who.linked);
        alone + usize::from(linked)
    }

    /// Everything, an octet for each small thing.
    pub fn packed(&self) -> [u8; PACKED] {
        let mut packed = Packed([0; PACKED], 0);
        packed.put(self.now);
        packed.bits(&[self.four_eyes, self.busy, self.changed_rightly, self.moved_rightly]);
        for who in &self.who {
            packed.who(who);
        }
        match self.change {
            None => packed.put(0),
            Some(Change {
                by,
                behind,
                expires,
                what,
            }) => {
                packed.put(1 + by);
                packed.put(behind);
                packed.put(expires);
                if let What::Account { whose, before, becomes } = what {
                    packed.put(1 + whose);
                    packed.put(becomes.packed());
                    packed.who(&before);
                }
            }
        }
        // The change is not always as long.
        packed.1 = 2 + 3 * PEOPLE + 8;
        for delete in &self.deletes {
            packed.bits(&[delete.swapped, delete.held, delete.rightly]);
            for octet in [
                delete.stage as u8,
                delete.by,
                delete.behind,
                delete.expires,
                delete.revived,
                delete.files_gone,
                delete.rows_gone,
                delete.approver,
                delete.approver_eligible,
                delete.approved_revived,
                delete.due,
                delete.approved_at,
                delete.decisions,
                delete.based_on,
            ] {
                packed.put(octet);
            }
        }
        packed.0
    }
}

/// How long a state is.
const PACKED: usize = 2 + 3 * PEOPLE + 8 + 15 * DELETES;

struct Packed([u8; PACKED], usize);

impl Packed {
    fn put(&mut self, octet: u8) {
        self.0[self.1] = octet;
        self.1 += 1;
    }

    fn bits(&mut self, bits: &[bool]) {
        self.put(bits.iter().fold(0, |all, bit| all << 1 | u8::from(*bit)));
    }

    fn who(&mut self, who: &Who) {
        self.bits(&[who.decides, who.active, who.linked]);
        self.put(who.eligible);
        self.put(who.settled);
    }
}
