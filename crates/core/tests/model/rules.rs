//! What is walked, and what may be left out of it on purpose.

use crate::books::DELETES;

/// What is walked.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How many deletes may be asked for.
    pub deletes: usize,
    /// Whether accounts and settings change.
    pub changes: bool,
    /// Whether somebody changes bytes in the folder, and uploads what is held again.
    pub drift: bool,
    /// A rule that is left out, to see that the walk finds it.
    pub fault: Option<Fault>,
}

/// A rule left out on purpose: what goes into or around a transition of the code under test is wrong in this one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 1: deletes are decided on as if it were off.
    AtOnce,
    /// 1: an approval after the request has expired.
    AfterExpiry,
    /// 1: the approver is not asked about again at the end of the window.
    ApproverForgotten,
    /// 1: the undo window is not waited for.
    WindowForgotten,
    /// 2: what was decided is decided again.
    DecidedAgain,
    /// 3: whoever asked approves.
    OwnApproval,
    /// 3: an account of the same person approves.
    LinkForgotten,
    /// 3: the owner of the service approves.
    OwnerForgotten,
    /// 3: a service approves.
    ServiceApproves,
    /// 3: whoever is new approves.
    CoolOffForgotten,
    /// 4: a change that leaves nobody.
    NobodyLeft,
    /// 4: turned off by one.
    OffAlone,
    /// 5: what was seen is not what is approved.
    StaleApproval,
    /// 5: what lies there is not looked at again at the end of the window.
    DriftForgotten,
    /// 5: the purge does not look at the bytes.
    PurgedUnseen,
    /// 6: a rejection does not bring all back.
    StaysHidden,
    /// 6: what was vetoed is purged all the same.
    VetoedPurged,
    /// 6: a rejection leaves the later ones.
    LaterForgotten,
    /// 6: a veto leaves the later ones.
    LaterThanVetoedForgotten,
    /// 6: a later one is approved and begun before an earlier one.
    OrderForgotten,
    /// 7: nobody looks who is at work.
    FenceForgotten,
}

impl Rules {
    /// Everything.
    pub const ALL: Self = Self {
        deletes: DELETES,
        changes: true,
        drift: true,
        fault: None,
    };

    /// Whether this one is left out.
    pub fn lacks(self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
