use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000_000);

fn settings(roles: Roles) -> Settings {
    Settings {
        email: None,
        expires_at: None,
        mfa: false,
        owner: None,
        person: None,
        roles,
    }
}

fn account(id: i64, roles: Roles, eligible_at: Timestamp) -> Account {
    Account {
        id: AccountId(id),
        name: format!("p{id}").parse().unwrap(),
        kind: AccountKind::Person,
        roles,
        state: AccountState::Active,
        created_at: NOW,
        eligible_at,
        expires_at: None,
        mfa: false,
        email: None,
        owner: None,
        person: None,
        revision: 1,
    }
}

fn founders() -> Vec<Account> {
    vec![account(1, Roles::FOUNDING, NOW), account(2, Roles::FOUNDING, NOW)]
}

#[test]
fn a_person_is_invited_and_a_service_is_there_at_once() {
    let owner = |kind| (kind == AccountKind::Service).then_some(AccountId(1));
    let new = |kind, roles| {
        let settings = Settings {
            owner: owner(kind),
            ..settings(roles)
        };
        AccountSpec::new("x".parse().unwrap(), kind, settings, NOW)
    };
    let state = |kind| new(kind, Roles::default()).map(|spec| spec.state);
    assert_eq!(state(AccountKind::Person), Ok(AccountState::Invited));
    assert_eq!(state(AccountKind::Service), Ok(AccountState::Active));
    assert_eq!(
        new(AccountKind::Service, Roles::FOUNDING),
        Err(AccountRefusal::ServiceRights)
    );
    let told = Settings {
        email: Some(Some("x@example.org".parse().unwrap())),
        ..settings(Roles::default())
    };
    let told = |kind| AccountSpec::new("x".parse().unwrap(), kind, told.clone(), NOW).map(|spec| spec.email);
    assert_eq!(told(AccountKind::Person), Ok(Some("x@example.org".parse().unwrap())));
    assert_eq!(told(AccountKind::Service), Err(AccountRefusal::ServiceEmail));
    let ended = Settings {
        email: None,
        expires_at: Some(NOW),
        ..settings(Roles::default())
    };
    let ended = AccountSpec::new("x".parse().unwrap(), AccountKind::Person, ended, NOW);
    assert_eq!(ended, Err(AccountRefusal::Expired));
}

#[test]
fn nobody_changes_their_own_rights() {
    let before = AccountSpec::of(&account(1, Roles::FOUNDING, NOW));
    let ask = |asker, after: &AccountSpec, reset| {
        let asker = account(asker, Roles::FOUNDING, NOW);
        may_ask(&asker, AccountId(1), &before, after, reset)
    };
    let changes = [
        before.set(settings(Roles::default()), NOW).unwrap(),
        before.enable(false, true, NOW).unwrap(),
        before.delete(NOW).unwrap(),
    ];
    for after in changes {
        assert_eq!(ask(1, &after, None), Err(AccountRefusal::OwnAccount));
        assert_eq!(ask(2, &after, None), Ok(()));
    }
    for reset in Reset::ALL {
        let after = before.reset(reset, NOW).unwrap();
        assert_eq!(ask(1, &after, Some(reset)), Err(AccountRefusal::OwnAccount));
        assert_eq!(ask(2, &after, Some(reset)), Ok(()));
    }
    let mfa = AccountSpec {
        mfa: true,
        ..before.clone()
    };
    assert_eq!(ask(1, &mfa, None), Ok(()), "a stricter logon is one's own affair");
}

#[test]
fn what_was_deleted_stays_so() {
    let deleted = AccountSpec::of(&account(1, Roles::FOUNDING, NOW)).delete(NOW).unwrap();
    assert_eq!(deleted.delete(NOW), Err(AccountRefusal::Deleted));
    assert_eq!(deleted.enable(true, true, NOW), Err(AccountRefusal::Deleted));
    assert_eq!(
        deleted.set(settings(Roles::FOUNDING), NOW),
        Err(AccountRefusal::Deleted)
    );
    assert_eq!(deleted.reset(Reset::Both, NOW), Err(AccountRefusal::Deleted));
}

#[test]
fn who_has_nothing_to_log_on_with_is_invited_when_enabled() {
    let disabled = AccountSpec::of(&account(1, Roles::FOUNDING, NOW))
        .enable(false, true, NOW)
        .unwrap();
    let enabled = |credentials| disabled.enable(true, credentials, NOW).unwrap().state;
    assert_eq!(enabled(true), AccountState::Active);
    assert_eq!(enabled(false), AccountState::Invited);
    let ended = AccountSpec {
        expires_at: Some(NOW),
        ..disabled.clone()
    };
    assert_eq!(ended.enable(true, true, NOW), Err(AccountRefusal::Expired));
}

#[test]
fn a_reset_fits_the_state() {
    let active = AccountSpec::of(&account(1, Roles::FOUNDING, NOW));
    let states = |spec: &AccountSpec| Reset::ALL.map(|reset| spec.reset(reset, NOW).map(|after| after.state).ok());
    let (stays, invited) = (Some(AccountState::Active), Some(AccountState::Invited));
    assert_eq!(states(&active), [stays, invited, invited, stays]);
    let waiting = active.reset(Reset::Both, NOW).unwrap();
    assert_eq!(states(&waiting), [None, None, invited, None]);
    assert_eq!(states(&active.enable(false, true, NOW).unwrap()), [None; 4]);
    let service = AccountSpec {
        kind: AccountKind::Service,
        roles: Roles::default(),
        ..active
    };
    assert_eq!(states(&service), [None; 4]);
}

#[test]
fn req_35_a_link_asks_for_what_is_not_reset_and_dies_with_its_account() {
    let active = account(1, Roles::FOUNDING, NOW);
    let invited = Account {
        state: AccountState::Invited,
        ..active.clone()
    };
    let holds = |account: &Account| LinkKind::ALL.map(|kind| kind.holds_for(account, NOW));
    assert_eq!(holds(&invited), [true, false, true]);
    assert_eq!(holds(&active), [false, true, false]);
    for state in [AccountState::Disabled, AccountState::Deleted] {
        assert_eq!(
            holds(&Account {
                state,
                ..active.clone()
            }),
            [false; 3]
        );
    }
    for account in [active, invited] {
        let ended = Account {
            expires_at: Some(NOW),
            ..account
        };
        assert_eq!(holds(&ended), [false; 3]);
    }
    // Which link a reset gives; the one of a new second factor starts the cool-off, the one of a password does not.
    assert_eq!(
        Reset::ALL.map(Reset::link),
        [
            Some(LinkKind::Password),
            Some(LinkKind::SecondFactor),
            Some(LinkKind::Invitation),
            None
        ]
    );
    let policy = Policy::default();
    let until = |kind| enrolled(&account(1, Roles::FOUNDING, NOW), kind, &policy, NOW).eligible_at;
    assert_eq!(until(LinkKind::Password), NOW);
    assert_eq!(until(LinkKind::SecondFactor), policy.eligible(NOW));
    assert_eq!(until(LinkKind::Invitation), policy.eligible(NOW));
}

#[test]
fn whoever_comes_to_approve_cools_off_first() {
    let policy = Policy::default();
    let viewer = account(1, [Role::BackupViewer].into_iter().collect(), NOW);
    let spec = AccountSpec::of(&viewer);
    let until = |account: &Account, after: &AccountSpec| changed(account, after, None, &policy, NOW).eligible_at;
    let promoted = spec.set(settings(Roles::FOUNDING), NOW).unwrap();
    assert_eq!(until(&viewer, &promoted), policy.eligible(NOW));
    let other = spec
        .set(settings([Role::BackupOperator].into_iter().collect()), NOW)
        .unwrap();
    assert_eq!(until(&viewer, &other), NOW);
    let administrator = account(1, Roles::FOUNDING, NOW);
    let spec = AccountSpec::of(&administrator);
    let disabled = changed(
        &administrator,
        &spec.enable(false, true, NOW).unwrap(),
        None,
        &policy,
        NOW,
    );
    assert_eq!(disabled.eligible_at, NOW);
    let enabled = AccountSpec::of(&disabled).enable(true, true, NOW).unwrap();
    assert_eq!(until(&disabled, &enabled), policy.eligible(NOW));
    // An account that had ended and gets another end comes back, too.
    let ended = Account {
        expires_at: Some(NOW),
        ..administrator
    };
    let longer = AccountSpec::of(&ended).set(settings(Roles::FOUNDING), NOW).unwrap();
    assert_eq!(until(&ended, &longer), policy.eligible(NOW));
}

#[test]
fn a_service_has_an_owner_and_a_person_is_somebody() {
    let new = |kind, owner, person| {
        let settings = Settings {
            owner,
            person,
            ..settings(Roles::default())
        };
        AccountSpec::new("x".parse().unwrap(), kind, settings, NOW)
    };
    let somebody = || Some(Some("E-1".parse().unwrap()));
    assert_eq!(new(AccountKind::Service, None, None), Err(AccountRefusal::NoOwner));
    let service = new(AccountKind::Service, Some(AccountId(1)), None).unwrap();
    assert_eq!(
        new(AccountKind::Service, Some(AccountId(1)), somebody()),
        Err(AccountRefusal::ServicePerson)
    );
    assert_eq!(
        new(AccountKind::Person, Some(AccountId(1)), None),
        Err(AccountRefusal::OwnedPerson)
    );
    let person = new(AccountKind::Person, None, somebody()).unwrap();
    // What is not said stays.
    assert_eq!(service.set(settings(Roles::default()), NOW), Ok(service));
    assert_eq!(person.set(settings(Roles::default()), NOW), Ok(person.clone()));
    let unlinked = Settings {
        person: Some(None),
        ..settings(Roles::default())
    };
    assert_eq!(person.set(unlinked, NOW).unwrap().person, None);
    // One from before owners were there goes on without.
    let old = AccountSpec {
        kind: AccountKind::Service,
        owner: None,
        person: None,
        state: AccountState::Active,
        ..person
    };
    assert_eq!(
        old.enable(false, true, NOW).map(|after| after.state),
        Ok(AccountState::Disabled)
    );
    let with = |state, kind| Account {
        state,
        kind,
        ..account(1, Roles::default(), NOW)
    };
    for (state, kind, may) in [
        (AccountState::Active, AccountKind::Person, Ok(())),
        (AccountState::Invited, AccountKind::Person, Ok(())),
        (
            AccountState::Disabled,
            AccountKind::Person,
            Err(AccountRefusal::BadOwner),
        ),
        (
            AccountState::Deleted,
            AccountKind::Person,
            Err(AccountRefusal::BadOwner),
        ),
        (
            AccountState::Active,
            AccountKind::Service,
            Err(AccountRefusal::BadOwner),
        ),
    ] {
        assert_eq!(may_own(&with(state, kind)), may, "{state:?} {kind:?}");
    }
}

#[test]
fn nobody_changes_the_rights_of_their_other_accounts_nor_links_nor_unlinks_themselves() {
    let with = |id, person: Option<&str>| Account {
        person: person.map(|person| person.parse().unwrap()),
        ..account(id, Roles::FOUNDING, NOW)
    };
    let say = |account: &Account, person| {
        let said = Settings {
            person,
            ..settings(account.roles)
        };
        AccountSpec::of(account).set(said, NOW).unwrap()
    };
    let to = |name: &str| Some(Some(name.parse::<Person>().unwrap()));
    let (first, other, stranger) = (with(1, Some("E-1")), with(2, Some("e-1")), with(3, None));
    let ask = |asker: &Account, target: &Account, after: &AccountSpec| {
        may_ask(asker, target.id, &AccountSpec::of(target), after, None)
    };
    let refused = Err(AccountRefusal::OwnAccount);
    assert_eq!(ask(&first, &other, &say(&other, Some(None))), refused);
    assert_eq!(ask(&first, &first, &say(&first, to("E-7"))), refused);
    assert_eq!(ask(&first, &stranger, &say(&stranger, to("E-1"))), refused);
    assert_eq!(
        ask(&first, &other, &AccountSpec::of(&other).delete(NOW).unwrap()),
        refused
    );
    assert_eq!(ask(&stranger, &other, &say(&other, Some(None))), Ok(()));
    assert_eq!(ask(&first, &stranger, &say(&stranger, to("E-7"))), Ok(()));
}

#[test]
fn two_accounts_of_one_person_are_not_two_and_whoever_is_unlinked_cools_off() {
    let policy = Policy::default();
    let mut linked = founders();
    for account in &mut linked {
        account.person = Some("E-1".parse().unwrap());
    }
    let left = leaves_enough(&founders(), &linked, NOW).unwrap_err();
    assert_eq!((left.at, left.left), (NOW, vec!["p1".to_owned()]));
    linked.push(account(3, Roles::FOUNDING, NOW));
    assert_eq!(leaves_enough(&founders(), &linked, NOW), Ok(()));
    let until = |person| {
        let said = Settings {
            person,
            ..settings(Roles::FOUNDING)
        };
        let after = AccountSpec::of(&linked[0]).set(said, NOW).unwrap();
        changed(&linked[0], &after, None, &policy, NOW).eligible_at
    };
    assert_eq!(until(Some(None)), policy.eligible(NOW));
    assert_eq!(until(Some(Some("E-2".parse().unwrap()))), policy.eligible(NOW));
    assert_eq!(until(Some(Some("e-1".parse().unwrap()))), NOW);
}

#[test]
fn two_are_left_now_and_at_any_time_to_come() {
    let all = founders();
    let with = |change: &dyn Fn(&mut Account)| {
        let mut after = all.clone();
        change(&mut after[1]);
        leaves_enough(&all, &after, NOW)
    };
    let too_few = |at| {
        Err(TooFewLeft {
            at,
            left: vec!["p1".into()],
        })
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|other| other.state = AccountState::Disabled), too_few(NOW));
    assert_eq!(with(&|other| other.state = AccountState::Invited), too_few(NOW));
    assert_eq!(with(&|other| other.roles = Roles::default()), too_few(NOW));
    let later = NOW.plus_seconds(60);
    assert_eq!(with(&|other| other.eligible_at = later), too_few(NOW));
    assert_eq!(with(&|other| other.expires_at = Some(later)), too_few(later));
    // A third who still cools off does not count yet.
    let mut three = founders();
    three.push(account(3, Roles::FOUNDING, later));
    let mut without = three.clone();
    without[1].state = AccountState::Disabled;
    assert_eq!(leaves_enough(&three, &without, NOW), too_few(NOW));
    assert_eq!(leaves_enough(&three, &without, later), Ok(()));
    // Where there are fewer already, what takes nobody away is done.
    let one = &three[..1];
    assert_eq!(leaves_enough(one, &three[..2], NOW), Ok(()));
    assert_eq!(leaves_enough(one, one, NOW), Ok(()));
}

/// Somebody asks, somebody else approves, people use their links, time goes on.
#[derive(Debug, Clone)]
enum Move {
    Ask { asker: usize, target: usize, change: Asked },
    UseLink(usize),
    Wait(i64),
}

#[derive(Debug, Clone)]
enum Asked {
    Add(Roles, Option<i64>),
    Set(Roles, Option<i64>, Option<Option<Person>>),
    Enable(bool),
    Delete,
    Reset(Reset),
}

fn roles() -> impl Strategy<Value = Roles> {
    prop::collection::vec(prop::sample::select(Role::ALL.to_vec()), 0..3).prop_map(|roles| roles.into_iter().collect())
}

/// Who an account is said to be: nothing, nobody known, or one of two.
fn person() -> impl Strategy<Value = Option<Option<Person>>> {
    let named = |name: &str| Some(Some(name.parse().unwrap()));
    prop::sample::select(vec![None, Some(None), named("E-1"), named("e-1"), named("E-2")])
}

fn asked() -> impl Strategy<Value = Asked> {
    let end = || prop::option::weighted(0.3, 1_i64..200_000);
    prop_oneof![
        (roles(), end()).prop_map(|(roles, end)| Asked::Add(roles, end)),
        (roles(), end(), person()).prop_map(|(roles, end, person)| Asked::Set(roles, end, person)),
        any::<bool>().prop_map(Asked::Enable),
        Just(Asked::Delete),
        prop::sample::select(Reset::ALL.to_vec()).prop_map(Asked::Reset),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0_usize..6, 0_usize..6, asked()).prop_map(|(asker, target, change)| Move::Ask { asker, target, change }),
        2 => (0_usize..6).prop_map(Move::UseLink),
        2 => (0_i64..100_000).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    /// Rules 3 and 4: whatever is asked for and approved, two people (not: two accounts) can approve at every time, none of them sooner than a cool-off
    /// after it came to be able to, and nobody by a change of their own.
    #[test]
    fn no_sequence_of_changes_leaves_fewer_than_two_or_promotes_oneself(moves in moves()) {
        let policy = Policy { four_eyes: true, ..Policy::default() };
        let mut accounts = founders();
        let mut now = NOW;
        let mut gained: Vec<Timestamp> = vec![Timestamp(i64::MIN); accounts.len()];
        for step in moves {
            match step {
                Move::Wait(seconds) => now = now.plus_seconds(seconds),
                Move::UseLink(at) => {
                    let at = at % accounts.len();
                    let kind = LinkKind::Invitation;
                    if kind.holds_for(&accounts[at], now) {
                        accounts[at] = enrolled(&accounts[at], kind, &policy, now);
                        gained[at] = now;
                    }
                }
                Move::Ask { asker, target, change } => {
                    let (asker, target) = (asker % accounts.len(), target % accounts.len());
                    let before = AccountSpec::of(&accounts[target]);
                    let settings = |roles, end: Option<i64>, person| Settings {
                        email: None,
                        expires_at: end.map(|end| now.plus_seconds(end)),
                        mfa: false,
                        owner: None,
                        person,
                        roles,
                    };
                    let reset = match &change { Asked::Reset(reset) => Some(*reset), _ => None };
                    let after = match change {
                        Asked::Add(roles, end) => {
                            let id = i64::try_from(accounts.len()).unwrap() + 1;
                            let spec = AccountSpec::new(
                                format!("p{id}").parse().unwrap(), AccountKind::Person, settings(roles, end, None), now,
                            ).unwrap();
                            let mut added = accounts.clone();
                            added.push(Account {
                                state: spec.state,
                                expires_at: spec.expires_at,
                                ..account(id, spec.roles, policy.eligible(now))
                            });
                            prop_assert_eq!(leaves_enough(&accounts, &added, now), Ok(()));
                            accounts = added;
                            gained.push(now);
                            continue;
                        }
                        Asked::Set(roles, end, person) => before.set(settings(roles, end, person), now),
                        Asked::Enable(enabled) => before.enable(enabled, true, now),
                        Asked::Delete => before.delete(now),
                        Asked::Reset(reset) => before.reset(reset, now),
                    };
                    let Ok(after) = after else { continue };
                    let own = accounts[asker].person.as_ref();
                    let linked = own.is_some_and(|own| [&before.person, &after.person].contains(&&Some(own.clone())));
                    if may_ask(&accounts[asker], accounts[target].id, &before, &after, reset).is_err() {
                        prop_assert!(asker == target || linked);
                        continue;
                    }
                    let mut next = accounts.clone();
                    next[target] = changed(&accounts[target], &after, reset, &policy, now);
                    if leaves_enough(&accounts, &next, now).is_ok() {
                        let could = before.approver(now);
                        prop_assert!(asker != target && !linked || could || !after.approver(now), "promoted oneself");
                        prop_assert!(asker != target && !linked || before.person == after.person, "unlinked oneself");
                        if !could && after.approver(now) || before.unlinks(&after) {
                            gained[target] = now;
                        }
                        accounts = next;
                    }
                }
            }
            let eligible = accounts.iter().zip(&gained).filter(|(account, _)| account.eligible(now).is_ok());
            let count = people(eligible.clone().map(|(account, _)| account)).len();
            for (account, gained) in eligible {
                let cool_off = i64::from(policy.cool_off_hours) * 3600;
                prop_assert!(now >= gained.plus_seconds(cool_off), "{} approves too soon", account.name);
            }
            prop_assert!(count >= LEAST_APPROVERS, "{count} people can approve");
        }
    }
}
