//! What can happen next to the deletes, by the transitions of the code under test.

use std::sync::LazyLock;

use countersign_core::behind::{Part, Party, parties};
use countersign_core::factor::{FreshFactor, TotpSecret};
use countersign_core::fence::{self, Activity, Lock};
use countersign_core::manifest::Initiator;
use countersign_core::purge::PurgeOrder;
use countersign_core::request::Pending;
use countersign_core::token::Rights;
use countersign_core::undo::{Approver, Taking, Waiting};
use countersign_core::{
    Account, AccountId, Actor, BackupId, Deed, Moment, ObjectKind, RequestId, Verdict, Via, decide, queue,
};
use countersign_events::{Operation, Timestamp};

use crate::accounts::{LIFE, PEOPLE, SERVICE, policy, service, step_of, time};
use crate::books::{DELETES, Delete, LAST_STEP, Stage, Step, World};
use crate::manifests::{Sealed, sealed};
use crate::rules::{Fault, Rules};

/// A factor that was shown.
pub static PROOF: LazyLock<FreshFactor> = LazyLock::new(|| {
    let (secret, now) = (TotpSecret::from_bytes(vec![7; 20]).unwrap(), time(0));
    secret.verify(&secret.code_at(now).unwrap(), None, now).unwrap().0
});

/// Everybody who may do something: the people and the service.
pub const EVERYBODY: std::ops::RangeInclusive<u8> = 0..=SERVICE;

impl World {
    /// Every step from here, and where it leads.
    pub fn steps(&self, rules: Rules) -> Vec<(Step, Self)> {
        let accounts = self.accounts();
        let mut steps = Vec::with_capacity(64);
        if self.now < LAST_STEP {
            let now = self.now + 1;
            steps.push((Step::Time, Self { now, ..*self }));
        }
        let busy = !self.busy;
        steps.push((Step::Busy(busy), Self { busy, ..*self }));
        for number in 0..rules.deletes {
            let walk = Walk {
                world: self,
                accounts: &accounts,
                rules,
                number,
            };
            walk.ask(&mut steps);
            walk.decide(&mut steps);
            walk.veto(&mut steps);
            walk.turn(&mut steps);
            walk.purge(&mut steps);
            if rules.drift {
                walk.drift(&mut steps);
            }
        }
        if rules.changes {
            self.settings(&accounts, rules, &mut steps);
        }
        steps
    }

    fn accounts(&self) -> Vec<Account> {
        let people = (0..PEOPLE as u8).map(|number| self.who[usize::from(number)].account(number));
        people.chain([service()]).collect()
    }

    /// Brings back what a delete held.
    pub fn bring_back(&mut self, id: RequestId, stage: Stage, rules: Rules) {
        self.moved_rightly &= !self.busy;
        let delete = &mut self.deletes[place(id)];
        delete.stage = stage;
        delete.held = rules.lacks(Fault::StaysHidden);
        delete.decisions += u8::from(matches!(stage, Stage::Rejected | Stage::Expired));
    }
}

/// One delete, and what is around it.
pub struct Walk<'a> {
    pub world: &'a World,
    pub accounts: &'a [Account],
    pub rules: Rules,
    pub number: usize,
}

impl Walk<'_> {
    pub fn delete(&self) -> &Delete {
        &self.world.deletes[self.number]
    }

    pub fn now(&self) -> Timestamp {
        time(self.world.now)
    }

    pub fn after(&self, change: impl FnOnce(&mut Delete)) -> World {
        let mut next = *self.world;
        change(&mut next.deletes[self.number]);
        next
    }

    /// A lock that a client holds, as far as one does.
    fn locks(&self) -> Vec<Lock> {
        let lock = Lock {
            made_by: "laptop".to_owned(),
            made_at: self.now(),
        };
        let seen = self.world.busy && !self.rules.lacks(Fault::FenceForgotten);
        seen.then_some(lock).into_iter().collect()
    }

    pub fn is_idle(&self) -> bool {
        fence::idle(&self.locks(), &Activity::default(), Moment::sure(self.now())).is_ok()
    }

    pub fn is_quiet(&self) -> bool {
        fence::quiet(
            &self.locks(),
            &Activity::default(),
            &policy(true),
            Moment::sure(self.now()),
        )
        .is_ok()
    }

    /// The deletes at this stage, oldest first.
    pub fn queue(&self, stage: Stage) -> Vec<RequestId> {
        let at = (0..DELETES).filter(|number| self.world.deletes[*number].stage == stage);
        at.map(id).collect()
    }

    pub fn sealed(&self, revived: u8) -> Sealed {
        let delete = self.delete();
        sealed(self.number, delete.by, delete.behind, delete.expires, revived)
    }

    fn ask(&self, steps: &mut Vec<(Step, World)>) {
        let earlier = &self.world.deletes[..self.number];
        if self.delete().stage != Stage::Unasked || earlier.iter().any(|delete| delete.stage == Stage::Unasked) {
            return;
        }
        let based_on = earlier
            .iter()
            .enumerate()
            .filter(|(_, delete)| !delete.stage.is_back() && delete.stage != Stage::Withdrawn);
        let based_on = based_on.fold(0, |all, (at, _)| all | 1 << at);
        for by in [0, 2, SERVICE] {
            if by != SERVICE && !self.world.who[usize::from(by)].active {
                continue;
            }
            let on = self.world.four_eyes && !self.rules.lacks(Fault::AtOnce);
            let deed = Deed::DeleteObject(ObjectKind::Snapshots);
            let asked = |stage, held, rightly| {
                self.after(|delete| {
                    delete.stage = stage;
                    delete.held = held;
                    delete.rightly = rightly;
                    delete.by = by;
                    delete.behind = behind(by, self.accounts);
                    delete.expires = self.world.now + LIFE;
                    delete.based_on = based_on;
                })
            };
            let next = match decide(&actor(by, self.accounts), deed, &policy(on), self.now()) {
                Verdict::Hold => {
                    assert_eq!(policy(true).expires(self.now()), time(self.world.now + LIFE));
                    asked(Stage::Pending, true, true)
                }
                Verdict::Allow(warrant) => {
                    let order = PurgeOrder::object(warrant, BackupId(1), crate::manifests::key(self.number, 0));
                    assert!(order.single().is_some());
                    asked(Stage::AtOnce, true, !self.world.four_eyes)
                }
                Verdict::Deny(_) => continue,
            };
            steps.push((Step::Ask(self.number, by), next));
        }
    }

    /// Somebody approves or rejects, or nobody does in time.
    fn decide(&self, steps: &mut Vec<(Step, World)>) {
        let delete = self.delete();
        let again = self.rules.lacks(Fault::DecidedAgain) && matches!(delete.stage, Stage::Rejected | Stage::Expired);
        if delete.stage != Stage::Pending && !again {
            return;
        }
        let mut pending = self.queue(Stage::Pending);
        if again {
            pending = vec![id(self.number)];
        }
        for by in EVERYBODY {
            // What they have on the page may be from before something was uploaded again.
            for seen in 0..=delete.revived {
                if let Some(next) = self.approved(by, seen, &pending) {
                    steps.push((Step::Approve(self.number, by), next));
                }
            }
            let supervisor = &self.accounts[usize::from(by)];
            let rejected = self.request().reject(supervisor, &PROOF, self.now());
            // Whoever asked can always take it back.
            assert!(
                by != delete.by || rejected.is_ok(),
                "{by} cannot reject their own request"
            );
            if let Ok(rejected) = rejected
                && self.is_quiet()
            {
                let mut next = *self.world;
                next.bring_back(rejected.request().id, Stage::Rejected, self.rules);
                for later in self.later(&pending) {
                    let along = self.at(place(later)).request().reject_with_earlier(supervisor.user());
                    next.bring_back(along.request().id, Stage::Rejected, self.rules);
                }
                steps.push((Step::Reject(self.number, by), next));
            }
        }
        if let Ok(expired) = self.request().expire(self.now())
            && self.is_quiet()
        {
            let mut next = *self.world;
            next.bring_back(expired.request().id, Stage::Expired, self.rules);
            for later in self.later(&pending) {
                let along = self.at(place(later)).request().expire_with_earlier(&expired);
                next.bring_back(along.request().id, Stage::Expired, self.rules);
            }
            steps.push((Step::Expire(self.number), next));
        }
    }

    pub fn at(&self, number: usize) -> Self {
        Self { number, ..*self }
    }

    fn later(&self, pending: &[RequestId]) -> Vec<RequestId> {
        if self.rules.lacks(Fault::LaterForgotten) {
            return Vec::new();
        }
        queue::with_later(pending, id(self.number)).unwrap()[1..].to_vec()
    }

    fn approved(&self, by: u8, seen: u8, pending: &[RequestId]) -> Option<World> {
        let delete = self.delete();
        let mut supervisor = self.accounts[usize::from(by)].clone();
        let mut known = self.accounts.to_vec();
        let mut request = self.request();
        let mut now = self.now();
        let mut digest = self.sealed(seen).digest;
        match self.rules.fault {
            Some(Fault::CoolOffForgotten) => supervisor.eligible_at = time(0),
            Some(Fault::AfterExpiry) => now = now.min(time(delete.expires).plus_seconds(-1)),
            Some(Fault::StaleApproval) => digest = request.digest,
            Some(Fault::ServiceApproves) if by == SERVICE => supervisor = self.accounts[1].clone(),
            Some(Fault::OwnApproval) if by == delete.by => {
                supervisor.id = AccountId(99);
                supervisor.person = None;
            }
            Some(Fault::LinkForgotten) => {
                request.initiator.behind.retain(|party| party.part != Part::Linked);
                known.iter_mut().for_each(|account| account.person = None);
                supervisor.person = None;
            }
            Some(Fault::OwnerForgotten) => {
                request.initiator.behind.clear();
                known[usize::from(SERVICE)].owner = None;
            }
            _ => {}
        }
        let ordered = queue::approvable(pending, &[id(self.number)]).is_ok();
        if !ordered && !self.rules.lacks(Fault::OrderForgotten) || !self.is_idle() || delete.swapped {
            return None;
        }
        let waiting = self.queue(Stage::Waiting);
        let last = waiting.last().map(|last| time(self.world.deletes[place(*last)].due));
        let approved = request.approve(&supervisor, &PROOF, digest, &known, now).ok()?;
        let Taking::Later(waiting) = approved.take(&policy(true), self.now(), last) else {
            panic!("there is an undo window");
        };
        let rightly = self.world.may_approve(by, delete.by, delete.behind)
            && self.world.now < delete.expires
            && seen == delete.revived;
        Some(self.after(|delete| {
            delete.stage = Stage::Waiting;
            delete.due = step_of(waiting.due_at);
            delete.approver = by;
            delete.approver_eligible = step_of(waiting.approver.eligible_at);
            delete.approved_revived = delete.revived;
            delete.approved_at = self.world.now;
            delete.rightly = rightly;
            delete.decisions += 1;
        }))
    }

    /// Somebody says no after all.
    fn veto(&self, steps: &mut Vec<(Step, World)>) {
        if self.delete().stage != Stage::Waiting {
            return;
        }
        for by in EVERYBODY {
            let supervisor = &self.accounts[usize::from(by)];
            if let Ok(vetoed) = self.waiting().veto(supervisor, &PROOF, self.now())
                && self.is_quiet()
            {
                let mut next = *self.world;
                next.bring_back(vetoed.request().id, Stage::Vetoed, self.rules);
                let (waiting, pending) = self.all_later();
                for later in waiting {
                    let along = self.at(place(later)).waiting().veto_with_earlier(&vetoed);
                    next.bring_back(along.request().id, Stage::Vetoed, self.rules);
                }
                for later in pending {
                    let along = self.at(place(later)).request().reject_with_vetoed(&vetoed);
                    next.bring_back(along.request().id, Stage::Rejected, self.rules);
                }
                steps.push((Step::Veto(self.number, by), next));
            }
        }
    }

    pub fn all_later(&self) -> (Vec<RequestId>, Vec<RequestId>) {
        if self.rules.lacks(Fault::LaterThanVetoedForgotten) {
            return (Vec::new(), Vec::new());
        }
        let (waiting, pending) = (self.queue(Stage::Waiting), self.queue(Stage::Pending));
        let (waiting, pending) = queue::with_all_later(&waiting, &pending, id(self.number)).unwrap();
        (waiting.to_vec(), pending.to_vec())
    }

    /// The delete as the code under test has it while it is pending.
    pub fn request(&self) -> Pending {
        let delete = self.delete();
        Pending {
            id: id(self.number),
            operation: Operation::DeleteSnapshot { name: String::new() },
            backup: Some(BackupId(1)),
            initiator: initiator(delete.by, delete.behind),
            digest: self.sealed(delete.revived).digest,
            expires_at: time(delete.expires),
        }
    }

    /// The delete as the code under test has it while it can be vetoed.
    pub fn waiting(&self) -> Waiting {
        let delete = self.delete();
        Waiting {
            request: Pending {
                digest: self.sealed(delete.approved_revived).digest,
                ..self.request()
            },
            approver: Approver {
                account: self.accounts[usize::from(delete.approver)].id,
                eligible_at: time(delete.approver_eligible),
            },
            due_at: time(delete.due),
        }
    }
}

/// The number of a delete.
pub fn id(number: usize) -> RequestId {
    RequestId(number as i64 + 1)
}

/// Which delete has this number.
pub fn place(id: RequestId) -> usize {
    usize::try_from(id.0 - 1).unwrap()
}

/// Who stands behind whoever asks, as the code under test says: a bit for each.
pub fn behind(by: u8, accounts: &[Account]) -> u8 {
    let parties = parties(accounts[usize::from(by)].id, &[], accounts);
    parties.iter().fold(0, |all, party| all | 1 << (party.account.0 - 1))
}

/// Whoever asked, as it is recorded.
pub fn initiator(by: u8, behind: u8) -> Initiator {
    let parties = (0..=SERVICE).filter(|number| behind & (1 << number) != 0);
    let parties = parties.map(|number| Party {
        account: AccountId(i64::from(number) + 1),
        part: if by == SERVICE && number == 0 {
            Part::Owner
        } else {
            Part::Linked
        },
    });
    Initiator {
        account: AccountId(i64::from(by) + 1),
        address: String::new(),
        behind: parties.collect(),
        login_type: 0,
        name: String::new(),
    }
}

/// Whoever asks, now.
pub fn actor(by: u8, accounts: &[Account]) -> Actor {
    let account = &accounts[usize::from(by)];
    Actor {
        account: account.id,
        name: account.name.to_string(),
        login_type: 0,
        via: if by == SERVICE {
            Via::Token(Rights::Delete)
        } else {
            Via::Session(account.roles)
        },
        address: "192.0.2.7".to_owned(),
        why: None,
        maker: None,
    }
}
