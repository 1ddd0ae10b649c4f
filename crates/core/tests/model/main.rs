//! The rules of the design, in every state that four accounts, a service, four requests and time can come to: an exhaustive walk over the very
//! transitions that the server makes. Nothing here decides; it asks `countersign_core`, keeps the books of what happened by itself, and
//! looks whether the rules hold in each state (docs/adr/0081).
//!
//! `cargo nextest run` walks the first states; `tests/model/run` walks ten million and more (`COUNTERSIGN_MODEL_STATES`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking"
)]

mod accounts;
mod books;
mod effects;
mod manifests;
mod rules;
mod settings;
mod steps;
mod walk;

use books::{Broken, World};
use rules::{Fault, Rules};
use walk::{Found, walk};

/// How many states are walked when nothing is said.
const STATES: usize = 60_000;

fn asked() -> usize {
    std::env::var("COUNTERSIGN_MODEL_STATES").map_or(STATES, |text| text.parse().expect("a number"))
}

/// Walks, and says where a rule broke.
fn expect_whole(name: &str, rules: Rules) -> Found {
    let found = walk(World::begin(), asked(), rules);
    let whole = if found.whole {
        "all that there are"
    } else {
        "the first ones"
    };
    println!(
        "{name}: {} states ({whole}, up to {} steps away), {} steps, by kind: {:#?}",
        found.states, found.depth, found.steps, found.reached
    );
    if let Some((broken, path)) = &found.broken {
        panic!("{name}: {broken:?} after {path:#?}");
    }
    found
}

/// A walk that never comes there proves nothing.
fn expect_reached(found: &Found, kinds: &[&str]) {
    for kind in kinds {
        assert!(found.reached.contains_key(kind), "no step was ever {kind}");
    }
}

#[test]
fn the_rules_hold_in_every_state_that_can_be_reached() {
    let found = expect_whole("everything", Rules::ALL);
    assert!(found.states >= asked(), "there are only {} states", found.states);
    let kinds = [
        "asked",
        "approved",
        "rejected",
        "vetoed",
        "revived",
        "swapped",
        "busy",
        "change asked",
    ];
    expect_reached(&found, &kinds);
}

/// Fewer things happen, so it goes further: to the end of purges and to requests that expire.
#[test]
fn the_rules_hold_to_the_end_of_every_delete() {
    let rules = Rules {
        changes: false,
        deletes: 2,
        ..Rules::ALL
    };
    let found = expect_whole("deletes", rules);
    let kinds = [
        "expired",
        "voided",
        "begun",
        "file gone",
        "row gone",
        "failed",
        "withdrawn",
    ];
    expect_reached(&found, &kinds);
}

/// One delete, and every change of accounts and settings around it.
#[test]
fn the_rules_hold_through_every_change_of_accounts() {
    let rules = Rules {
        deletes: 1,
        drift: false,
        ..Rules::ALL
    };
    let found = expect_whole("changes", rules);
    let kinds = [
        "change approved",
        "change rejected",
        "change expired",
        "changed at once",
        "turned on",
    ];
    expect_reached(&found, &kinds);
}

/// The walk finds what breaks when one rule is left out.
#[track_caller]
fn expect_found(fault: Fault, rules: Rules, expected: Broken) {
    let rules = Rules {
        fault: Some(fault),
        ..rules
    };
    let found = walk(World::begin(), 2_000_000, rules);
    let states = found.states;
    let (broken, path) = found
        .broken
        .unwrap_or_else(|| panic!("{fault:?} broke nothing in {states} states"));
    println!("{fault:?}: {broken:?} in {states} states after {path:?}");
    assert_eq!(broken, expected, "{fault:?} after {path:#?}");
}

/// Only deletes.
const DELETES: Rules = Rules {
    deletes: 2,
    changes: false,
    drift: false,
    fault: None,
};

/// A delete, and what somebody does to it.
const DRIFT: Rules = Rules {
    deletes: 1,
    changes: false,
    drift: true,
    fault: None,
};

/// A delete, and changes of accounts.
const CHANGES: Rules = Rules {
    deletes: 1,
    changes: true,
    drift: false,
    fault: None,
};

#[test]
fn without_rule_1_the_walk_finds_what_breaks() {
    expect_found(Fault::AtOnce, DELETES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::AfterExpiry, DELETES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::WindowForgotten, DELETES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::ApproverForgotten, CHANGES, Broken::NotApprovedBySomebodyElse);
}

#[test]
fn without_rule_2_the_walk_finds_what_breaks() {
    expect_found(Fault::DecidedAgain, DELETES, Broken::DecidedTwice);
}

#[test]
fn without_rule_3_the_walk_finds_what_breaks() {
    expect_found(Fault::OwnApproval, DELETES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::OwnerForgotten, DELETES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::ServiceApproves, DELETES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::CoolOffForgotten, CHANGES, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::LinkForgotten, CHANGES, Broken::NotApprovedBySomebodyElse);
}

#[test]
fn without_rule_4_the_walk_finds_what_breaks() {
    expect_found(Fault::NobodyLeft, CHANGES, Broken::FewerThanTwo);
    expect_found(Fault::OffAlone, CHANGES, Broken::ChangedAlone);
}

#[test]
fn without_rule_5_the_walk_finds_what_breaks() {
    expect_found(Fault::StaleApproval, DRIFT, Broken::NotApprovedBySomebodyElse);
    expect_found(Fault::DriftForgotten, DRIFT, Broken::NotWhatWasApproved);
    expect_found(Fault::PurgedUnseen, DRIFT, Broken::NotWhatWasApproved);
}

#[test]
fn without_rule_6_the_walk_finds_what_breaks() {
    expect_found(Fault::StaysHidden, DELETES, Broken::BytesNotBack);
    expect_found(Fault::VetoedPurged, DELETES, Broken::BytesNotBack);
    expect_found(Fault::LaterForgotten, DELETES, Broken::LaterWithoutEarlier);
    expect_found(Fault::LaterThanVetoedForgotten, DELETES, Broken::LaterWithoutEarlier);
    expect_found(Fault::OrderForgotten, DELETES, Broken::LaterWithoutEarlier);
}

#[test]
fn without_rule_7_the_walk_finds_what_breaks() {
    expect_found(Fault::FenceForgotten, DELETES, Broken::MovedWhileBusy);
}
