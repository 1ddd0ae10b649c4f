//! What can happen next to settings and accounts, by the transitions of the code under test.

use countersign_core::account_change::{AccountSpec, LEAST_APPROVERS, changed, leaves_enough, may_ask};
use countersign_core::behind::people;
use countersign_core::request::Pending;
use countersign_core::{Account, Deed, RequestId, Sha256, Verdict, decide};
use countersign_events::Operation;

use crate::accounts::{Becomes, LIFE, PEOPLE, policy, time};
use crate::books::{Change, Step, What, World};
use crate::rules::{Fault, Rules};
use crate::steps::{EVERYBODY, PROOF, actor, behind, initiator};

/// The number of the request that changes settings.
const CHANGE: RequestId = RequestId(9);

impl World {
    /// Changes that are asked for, decided, and made.
    pub fn settings(&self, accounts: &[Account], rules: Rules, steps: &mut Vec<(Step, Self)>) {
        let everybody = &accounts[..PEOPLE];
        match self.change {
            Some(change) => self.decide_change(change, accounts, rules, steps),
            None => self.ask_change(accounts, rules, steps),
        }
        if !self.four_eyes {
            let eligible = everybody
                .iter()
                .filter(|account| account.eligible(time(self.now)).is_ok());
            if people(eligible).len() >= LEAST_APPROVERS {
                let four_eyes = true;
                steps.push((Step::On(0), Self { four_eyes, ..*self }));
            }
        }
    }

    fn ask_change(&self, accounts: &[Account], rules: Rules, steps: &mut Vec<(Step, Self)>) {
        for by in [0, 1] {
            if !self.who[usize::from(by)].active {
                continue;
            }
            for what in self.whats(by, &accounts[..PEOPLE], rules) {
                let deed = match what {
                    What::Off => Deed::DisableFourEyes,
                    What::Account { .. } => Deed::ChangeAccounts,
                };
                let alone = rules.fault == Some(Fault::OffAlone) && what == What::Off;
                let on = self.four_eyes && !alone;
                match decide(&actor(by, accounts), deed, &policy(on), time(self.now)) {
                    Verdict::Hold => {
                        let change = Change {
                            by,
                            behind: behind(by, accounts),
                            expires: self.now + LIFE,
                            what,
                        };
                        let change = Some(change);
                        steps.push((Step::AskChange(by, what), Self { change, ..*self }));
                    }
                    Verdict::Allow(_) => {
                        if let Some(mut next) = self.changed(what, &accounts[..PEOPLE], rules) {
                            next.changed_rightly &= !self.four_eyes;
                            steps.push((Step::Change(by, what), next));
                        }
                    }
                    Verdict::Deny(_) => {}
                }
            }
        }
    }

    /// What this person may ask for, as far as it leaves enough.
    fn whats(&self, by: u8, everybody: &[Account], rules: Rules) -> Vec<What> {
        let mut whats = Vec::new();
        if self.four_eyes {
            whats.push(What::Off);
        }
        for whose in 0..PEOPLE as u8 {
            let account = &everybody[usize::from(whose)];
            for becomes in Becomes::ALL {
                // Two pairs would be more of the same.
                if matches!(becomes, Becomes::Linked(_)) && whose == 1 {
                    continue;
                }
                let Some(after) = becomes.of(account, time(self.now)) else {
                    continue;
                };
                let before = AccountSpec::of(account);
                if may_ask(&everybody[usize::from(by)], account.id, &before, &after, None).is_err() {
                    continue;
                }
                let before = self.who[usize::from(whose)];
                let what = What::Account { whose, before, becomes };
                if self.changed(what, everybody, rules).is_some() {
                    whats.push(what);
                }
            }
        }
        whats
    }

    fn decide_change(&self, change: Change, accounts: &[Account], rules: Rules, steps: &mut Vec<(Step, Self)>) {
        let pending = || Pending {
            id: CHANGE,
            operation: Operation::UpdateSecuritySettings,
            backup: None,
            initiator: initiator(change.by, change.behind),
            digest: Sha256::of(b"change"),
            expires_at: time(change.expires),
        };
        let without = Self { change: None, ..*self };
        for by in EVERYBODY {
            let supervisor = &accounts[usize::from(by)];
            let seen = pending().digest;
            let approved = pending().approve(supervisor, &PROOF, seen, accounts, time(self.now));
            // What does not hold any more is refused as a whole: it stays as it is.
            if approved.is_ok()
                && let Some(mut next) = without.changed(change.what, &accounts[..PEOPLE], rules)
            {
                let rightly = self.may_approve(by, change.by, change.behind) && self.now < change.expires;
                next.changed_rightly &= rightly;
                steps.push((Step::ApproveChange(by), next));
            }
            if pending().reject(supervisor, &PROOF, time(self.now)).is_ok() {
                steps.push((Step::RejectChange(by), without));
            }
        }
        if pending().expire(time(self.now)).is_ok() {
            steps.push((Step::ExpireChange, without));
        }
    }

    /// The change made, if what it was computed from still holds and enough are left.
    fn changed(&self, what: What, everybody: &[Account], rules: Rules) -> Option<Self> {
        let What::Account { whose, before, becomes } = what else {
            let four_eyes = false;
            return Some(Self { four_eyes, ..*self });
        };
        let at = usize::from(whose);
        if AccountSpec::of(&everybody[at]) != AccountSpec::of(&before.account(whose)) {
            return None;
        }
        let now = time(self.now);
        let after = becomes.of(&everybody[at], now)?;
        let mut all = everybody.to_vec();
        all[at] = changed(&everybody[at], &after, None, &policy(self.four_eyes), now);
        let forgotten = rules.fault == Some(Fault::NobodyLeft);
        if self.four_eyes && !forgotten && leaves_enough(everybody, &all, now).is_err() {
            return None;
        }
        let mut next = *self;
        next.who[at] = self.who[at].after(&all[at], self.now);
        Some(next)
    }
}
