//! The undo window, with time handed in.

use countersign_events::Operation;
use proptest::prelude::*;

use super::*;
use crate::account::{AccountKind, Role, Roles};
use crate::factor::TotpSecret;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn account(id: i64) -> Account {
    Account {
        id: AccountId(id),
        name: format!("a{id}").parse().unwrap(),
        kind: AccountKind::Person,
        roles: Roles::FOUNDING,
        state: AccountState::Active,
        created_at: Timestamp(0),
        eligible_at: Timestamp(0),
        expires_at: None,
        mfa: false,
        email: None,
        owner: None,
        person: None,
        revision: 1,
    }
}

fn proof() -> FreshFactor {
    let secret = TotpSecret::from_bytes(vec![7; 20]).unwrap();
    secret.verify(&secret.code_at(NOW).unwrap(), None, NOW).unwrap().0
}

const DIGEST: Sha256 = Sha256([1; 32]);

fn pending(id: i64) -> Pending {
    Pending {
        id: RequestId(id),
        operation: Operation::DeleteObject { name: "x".into() },
        backup: Some(crate::BackupId(1)),
        initiator: Initiator {
            account: AccountId(1),
            address: "198.51.100.7".into(),
            login_type: 0,
            name: "a1".into(),
            behind: Vec::new(),
        },
        digest: DIGEST,
        expires_at: NOW.plus_seconds(86_400),
    }
}

fn policy(undo_hours: u32) -> Policy {
    Policy {
        undo_hours,
        ..Policy::default()
    }
}

fn take(id: i64, undo_hours: u32, last: Option<Timestamp>) -> Taking {
    let approved = pending(id)
        .approve(&account(2), &proof(), DIGEST, &[account(1)], NOW)
        .unwrap();
    approved.take(&policy(undo_hours), NOW, last)
}

fn waiting(id: i64) -> Waiting {
    match take(id, 24, None) {
        Taking::Later(waiting) => waiting,
        Taking::AtOnce(begun) => panic!("{begun:?}"),
    }
}

const DUE: Timestamp = Timestamp(1_700_000_000_000_000 + 24 * 3_600_000_000);

fn turn(found: Found<'_>, at: Timestamp) -> Turn {
    waiting(1).turn(&[RequestId(1)], found, at)
}

#[test]
fn without_a_window_it_is_begun_at_once_unless_an_older_one_waits() {
    assert!(matches!(take(1, 0, None), Taking::AtOnce(_)));
    let Taking::Later(later) = take(2, 0, Some(DUE)) else {
        panic!()
    };
    assert_eq!(later.due_at, DUE, "its order is kept");
    assert_eq!(waiting(1).due_at, DUE);
    let Taking::Later(later) = take(2, 24, Some(NOW)) else {
        panic!()
    };
    assert_eq!(later.due_at, DUE);
}

#[test]
fn it_is_carried_out_when_its_time_has_come_and_all_is_as_it_was() {
    let (ann, bob) = (account(1), account(2));
    let known = [account(1)];
    let found = Found {
        initiator: Some(&ann),
        approver: Some(&bob),
        known: &known,
        digest: Some(DIGEST),
    };
    let early = turn(found, DUE.plus_seconds(-1));
    assert!(
        matches!(early, Turn::NotYet(_, NotYet::Window { until: DUE })),
        "{early:?}"
    );
    assert!(matches!(turn(found, DUE), Turn::Begin(_)));
    let queue = [RequestId(1), RequestId(2)];
    let behind = waiting(2).turn(&queue, found, DUE);
    assert!(
        matches!(behind, Turn::NotYet(_, NotYet::OlderFirst(RequestId(1)))),
        "{behind:?}"
    );
}

#[test]
fn an_approval_that_does_not_hold_any_more_is_void() {
    let known = [account(1)];
    let why = |initiator: Option<Account>, approver: Option<Account>, digest| {
        let found = Found {
            initiator: initiator.as_ref(),
            approver: approver.as_ref(),
            known: &known,
            digest,
        };
        match turn(found, DUE) {
            Turn::Void(voided) => {
                assert_eq!(voided.event().id(), 41800);
                voided.why().clone()
            }
            other => panic!("{other:?}"),
        }
    };
    let good = Some(DIGEST);
    let (ann, bob) = (|| Some(account(1)), || Some(account(2)));
    assert_eq!(why(ann(), bob(), None), Void::Drift);
    assert_eq!(why(ann(), bob(), Some(Sha256([2; 32]))), Void::Drift);
    assert_eq!(why(ann(), None, good), Void::Approver(Ineligible::Inactive));
    let disabled = |id| Account {
        state: AccountState::Disabled,
        ..account(id)
    };
    assert_eq!(
        why(ann(), Some(disabled(2)), good),
        Void::Approver(Ineligible::Inactive)
    );
    assert_eq!(why(Some(disabled(1)), bob(), good), Void::Initiator);
    assert_eq!(why(None, bob(), good), Void::Initiator);
    let demoted = Account {
        roles: Roles::from_iter([Role::BackupAdministrator]),
        ..account(2)
    };
    assert_eq!(why(ann(), Some(demoted), good), Void::Approver(Ineligible::Role));
    let lapsed = Account {
        eligible_at: NOW.plus_seconds(3600),
        ..account(2)
    };
    assert_eq!(why(ann(), Some(lapsed), good), Void::ApproverLapsed, "and regained");
    let linked = |id| Account {
        person: Some("4711".parse().unwrap()),
        ..account(id)
    };
    let (one, two) = (linked(1), linked(2));
    let known = [linked(1)];
    let found = Found {
        initiator: Some(&one),
        approver: Some(&two),
        known: &known,
        digest: good,
    };
    let turned = turn(found, DUE);
    assert!(
        matches!(&turned, Turn::Void(voided) if *voided.why() == Void::OnePerson),
        "{turned:?}"
    );
}

#[test]
fn whoever_is_eligible_and_the_initiator_can_veto() {
    let cooling = Account {
        eligible_at: DUE,
        ..account(3)
    };
    assert!(matches!(
        waiting(1).veto(&cooling, &proof(), NOW),
        Err(Refusal::Ineligible(_))
    ));
    let simple = Account {
        roles: Roles::default(),
        ..account(1)
    };
    for by in [simple, account(2), account(3)] {
        let vetoed = waiting(1).veto(&by, &proof(), NOW).unwrap();
        assert_eq!(vetoed.event().id(), 42404);
        assert_eq!(vetoed.supervisor(), &by.user());
        assert_eq!(waiting(2).veto_with_earlier(&vetoed).supervisor(), &by.user());
    }
}

#[test]
fn where_it_was_asked_from_is_told_with_or_without_a_port() {
    let from = |address: &str| {
        endpoint(&Initiator {
            address: address.into(),
            ..pending(1).initiator
        })
        .to_string()
    };
    assert_eq!(from("198.51.100.7"), "198.51.100.7:0");
    assert_eq!(from("198.51.100.7:5"), "198.51.100.7:5");
    assert_eq!(from("[::1]:5"), "[::1]:5");
    assert_eq!(from("::1"), "[::1]:0");
    assert_eq!(from("unix"), "0.0.0.0:0");
}

proptest! {
    /// Whatever the window and whenever it is looked at: nothing begins before its time, out of its order, or on anything else.
    #[test]
    fn nothing_begins_early_out_of_order_or_on_anything_else(
        hours in 0_u32..=720, at in 0_i64..800 * 3600, first in 1_i64..3, same in any::<bool>(), last in proptest::option::of(0_i64..800 * 3600),
    ) {
        let (ann, bob) = (account(1), account(2));
    let known = [account(1)];
        let last = last.map(|seconds| NOW.plus_seconds(seconds));
        let found = Found { initiator: Some(&ann), approver: Some(&bob), known: &known, digest: same.then_some(DIGEST) };
        let now = NOW.plus_seconds(at);
        match take(1, hours, last) {
            Taking::AtOnce(_) => prop_assert!(hours == 0 && last.is_none()),
            Taking::Later(waiting) => {
                let due = waiting.due_at;
                prop_assert!(due >= NOW.plus_seconds(i64::from(hours) * 3600) && Some(due) >= last);
                match waiting.turn(&[RequestId(first)], found, now) {
                    Turn::Begin(_) => prop_assert!(now >= due && first == 1 && same),
                    Turn::Void(_) => prop_assert!(now >= due && !same),
                    Turn::NotYet(..) => prop_assert!(now < due || first != 1),
                }
            }
        }
    }
}
