//! What comes of an approval: the end of the undo window, the purge, and what somebody does to the bytes meanwhile.

use countersign_core::purge::{DecidedDigest, PurgeOrder};
use countersign_core::undo::{Found, Turn};
use countersign_events::User;

use crate::accounts::{SERVICE, time};
use crate::books::{OBJECTS, Stage, Step, World};
use crate::rules::Fault;
use crate::steps::{Walk, id, place};

impl Walk<'_> {
    /// The time has come, or has not.
    pub fn turn(&self, steps: &mut Vec<(Step, World)>) {
        let delete = self.delete();
        let queue = if self.rules.lacks(Fault::OrderForgotten) {
            vec![id(self.number)]
        } else {
            self.queue(Stage::Waiting)
        };
        // The server looks at the oldest of a backup alone, and at none where somebody is at work.
        if delete.stage != Stage::Waiting || queue.first() != Some(&id(self.number)) || !self.is_idle() {
            return;
        }
        let mut waiting = self.waiting();
        let mut approver = self.accounts[usize::from(delete.approver)].clone();
        let mut digest = (!delete.swapped).then(|| self.sealed(delete.revived).digest);
        match self.rules.fault {
            Some(Fault::ApproverForgotten) => {
                approver.eligible_at = waiting.approver.eligible_at;
                approver.roles = self.accounts[0].roles;
                approver.state = self.accounts[usize::from(SERVICE)].state;
            }
            Some(Fault::DriftForgotten) => digest = Some(waiting.request.digest),
            Some(Fault::WindowForgotten) => waiting.due_at = time(0),
            _ => {}
        }
        let found = Found {
            initiator: self.accounts.get(usize::from(delete.by)),
            approver: Some(&approver),
            known: self.accounts,
            digest,
        };
        match waiting.turn(&queue, found, self.now()) {
            Turn::NotYet(..) => {}
            Turn::Begin(begun) => {
                assert_eq!(begun.request(), id(self.number));
                let mut next = self.after(|delete| {
                    delete.stage = Stage::Begun;
                    delete.rightly &= self.world.may_begin(delete);
                });
                next.moved_rightly &= !self.world.busy;
                steps.push((Step::Turn(self.number, Stage::Begun), next));
            }
            Turn::Void(voided) => {
                if !self.is_quiet() {
                    return;
                }
                let mut next = *self.world;
                next.bring_back(voided.request().id, Stage::Voided, self.rules);
                let (waiting, pending) = self.all_later();
                for later in waiting {
                    let along = self.at(place(later)).waiting().void_with_earlier(&voided);
                    next.bring_back(along.request().id, Stage::Voided, self.rules);
                }
                for later in pending {
                    let along = self.at(place(later)).request().expire_with_voided(&voided);
                    next.bring_back(along.request().id, Stage::Expired, self.rules);
                }
                steps.push((Step::Turn(self.number, Stage::Voided), next));
            }
        }
    }

    /// The purge, file by file and row by row, as a restart would go on with it: a crash falls between any two.
    pub fn purge(&self, steps: &mut Vec<(Step, World)>) {
        let delete = self.delete();
        let vetoed = self.rules.lacks(Fault::VetoedPurged) && delete.stage == Stage::Vetoed;
        let claimed = match delete.stage {
            Stage::Begun => OBJECTS - delete.approved_revived,
            Stage::AtOnce => OBJECTS,
            _ if vetoed => OBJECTS - delete.approved_revived,
            _ => return,
        };
        if delete.stage != Stage::AtOnce {
            let approved = self.sealed(delete.approved_revived);
            let order = PurgeOrder::resumed(&DecidedDigest {
                request: id(self.number),
                digest: approved.digest,
            });
            let is_there = self.sealed(delete.revived).manifest;
            let seen = !delete.swapped || self.rules.lacks(Fault::PurgedUnseen);
            if (order.verify(&is_there).is_err() && !self.rules.lacks(Fault::DriftForgotten) || !seen)
                && delete.files_gone == 0
            {
                let failed = self.after(|delete| delete.stage = Stage::Failed);
                steps.push((Step::Fail(self.number), failed));
                return;
            }
        }
        if delete.files_gone == delete.rows_gone && delete.files_gone < claimed {
            steps.push((Step::File(self.number), self.after(|delete| delete.files_gone += 1)));
        } else if delete.rows_gone < delete.files_gone {
            let next = self.after(|delete| {
                delete.rows_gone += 1;
                if delete.rows_gone == claimed && delete.stage == Stage::Begun {
                    delete.stage = Stage::Purged;
                }
            });
            steps.push((Step::Row(self.number), next));
        }
    }

    /// What the manifest was made of becomes something else.
    pub fn drift(&self, steps: &mut Vec<(Step, World)>) {
        let delete = self.delete();
        if matches!(delete.stage, Stage::Pending | Stage::Waiting) && delete.revived < OBJECTS {
            let revived = self.after(|delete| delete.revived += 1);
            if delete.stage == Stage::Pending && delete.revived + 1 == OBJECTS {
                // Nothing is left of it.
                let withdrawn = self.request().withdraw(User::local("laptop"));
                let mut next = revived;
                next.deletes[place(withdrawn.request().id)].stage = Stage::Withdrawn;
                next.deletes[self.number].held = false;
                next.deletes[self.number].decisions += 1;
                steps.push((Step::Withdraw(self.number), next));
            } else {
                steps.push((Step::Revive(self.number), revived));
            }
        }
        let whole = matches!(delete.stage, Stage::Pending | Stage::Waiting | Stage::Begun) && delete.files_gone == 0;
        if whole && !delete.swapped {
            steps.push((Step::Swap(self.number), self.after(|delete| delete.swapped = true)));
        }
    }
}
