use proptest::prelude::*;

use super::*;
use crate::factor::TotpSecret;
use crate::logon::{Challenge, Client, Resource, WEB_UI_CALLBACK};
use crate::password::{self, PasswordHash};
use crate::recovery::RecoveryCode;
use crate::{AccountName, AccountState, Role, Roles};

const NOW: Timestamp = Timestamp(1_000_000_000_000);
const SHORT: &str = "gr7#kLm0";
const LONG: &str = "gr7#kLm0vQxZ9pW";

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client: Client::web_ui().spec.id,
        resource: Resource::Web,
        redirect: Client::web_ui().spec.redirect(WEB_UI_CALLBACK, None).unwrap(),
        challenge: Challenge([0; 32]),
        state: None,
    }
}

/// Eight KiB and one pass: as quick as Argon2id goes.
fn known(id: i64, typed: &str) -> KnownPassword {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let params = Params::new(8, 1, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: argon2::PasswordHash = hasher
        .hash_password_with_salt(typed.as_bytes(), b"0123456789abcdef")
        .unwrap();
    let hash = PasswordHash::parse(&hash.to_string()).unwrap();
    password::verify(Some((AccountId(id), &hash)), typed).unwrap().unwrap()
}

fn fresh() -> FreshFactor {
    let secret = TotpSecret::from_bytes(vec![7; 20]).unwrap();
    secret.verify(&secret.code_at(NOW).unwrap(), None, NOW).unwrap().0
}

fn recovered() -> ShownRecoveryCode {
    let code = RecoveryCode::parse(&"abcdef".repeat(4)).unwrap();
    code.among(&[code.hash()]).unwrap()
}

fn fit(beside: Beside) -> Fit {
    password::choose(LONG, &"ann".parse().unwrap(), beside).unwrap()
}

/// How an account stands, so that it can be printed and shrunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stands {
    id: i64,
    active: bool,
    person: bool,
    role: bool,
    expired: bool,
    mfa: bool,
    totp: bool,
    must_change: bool,
    revision: i64,
    changed_at: i64,
}

const ANN: Stands = Stands {
    id: 1,
    active: true,
    person: true,
    role: true,
    expired: false,
    mfa: false,
    totp: true,
    must_change: false,
    revision: 1,
    changed_at: 1,
};

impl Stands {
    fn standing(self) -> Standing {
        Standing {
            account: Account {
                id: AccountId(self.id),
                name: format!("account{}", self.id).parse::<AccountName>().unwrap(),
                email: None,
                owner: None,
                person: None,
                kind: if self.person {
                    AccountKind::Person
                } else {
                    AccountKind::Service
                },
                roles: if self.role {
                    [Role::BackupViewer].into_iter().collect()
                } else {
                    Roles::default()
                },
                state: if self.active {
                    AccountState::Active
                } else {
                    AccountState::Disabled
                },
                created_at: Timestamp(0),
                eligible_at: Timestamp(0),
                expires_at: self.expired.then_some(NOW),
                mfa: self.mfa,
                revision: self.revision,
            },
            password: Some(PasswordStanding {
                changed_at: Timestamp(self.changed_at),
                must_change: self.must_change,
            }),
            factors: Factors {
                totp: self.totp,
                passkeys: 0,
                recovery_codes: 3,
            },
        }
    }

    fn lives(self) -> bool {
        self.active && self.person && !self.expired
    }
}

/// What a walk may answer, so that it can be printed and shrunk.
#[derive(Debug, Clone, Copy)]
enum Said {
    Unreadable,
    Throttled,
    Failed,
    WrongPassword,
    Password {
        of: i64,
        long: bool,
        stands: Stands,
    },
    NoFactor,
    WrongCode,
    UsedCode,
    WrongRecoveryCode,
    Code(Option<Stands>),
    RecoveryCode(Option<Stands>),
    WrongPasskey,
    Passkey {
        of: i64,
        verified: bool,
        stands: Option<Stands>,
    },
    NewPassword {
        alone: bool,
        stands: Option<Stands>,
    },
}

impl Said {
    fn answer(self) -> Answer {
        match self {
            Self::Unreadable => Answer::Unreadable,
            Self::Throttled => Answer::Throttled,
            Self::Failed => Answer::Failed,
            Self::WrongPassword => Answer::WrongPassword,
            Self::Password { of, long, stands } => Answer::Password {
                known: known(of, if long { LONG } else { SHORT }),
                standing: stands.standing(),
            },
            Self::NoFactor => Answer::NoFactor,
            Self::WrongCode => Answer::WrongCode,
            Self::UsedCode => Answer::UsedCode,
            Self::WrongRecoveryCode => Answer::WrongRecoveryCode,
            Self::Code(stands) => Answer::Code {
                fresh: fresh(),
                standing: stands.map(Stands::standing),
            },
            Self::RecoveryCode(stands) => Answer::RecoveryCode {
                shown: recovered(),
                standing: stands.map(Stands::standing),
            },
            Self::WrongPasskey => Answer::WrongPasskey,
            Self::Passkey { of, verified, stands } => Answer::Passkey {
                shown: ShownPasskey::unchecked(AccountId(of), verified),
                standing: stands.map(Stands::standing),
            },
            Self::NewPassword { alone, stands } => Answer::NewPassword {
                fit: fit(if alone { Beside::Nothing } else { Beside::SecondFactor }),
                standing: stands.map(Stands::standing),
            },
        }
    }

    fn stands(self) -> Option<Stands> {
        match self {
            Self::Password { stands, .. } => Some(stands),
            Self::Code(stands)
            | Self::RecoveryCode(stands)
            | Self::NewPassword { stands, .. }
            | Self::Passkey { stands, .. } => stands,
            _ => None,
        }
    }
}

fn stands() -> impl Strategy<Value = Stands> {
    let mostly = || prop::bool::weighted(0.9);
    let seldom = || prop::bool::weighted(0.1);
    let halves = (any::<bool>(), any::<bool>(), seldom());
    (
        (1..3i64, 1..3i64, 1..3i64),
        (mostly(), mostly(), mostly(), seldom()),
        halves,
    )
        .prop_map(
            |((id, revision, changed_at), (active, person, role, expired), (mfa, totp, must_change))| Stands {
                id,
                active,
                person,
                role,
                expired,
                mfa,
                totp,
                must_change,
                revision,
                changed_at,
            },
        )
}

fn said() -> impl Strategy<Value = Said> {
    let maybe = || prop::option::weighted(0.9, stands());
    prop_oneof![
        1 => prop::sample::select(vec![
            Said::Unreadable, Said::Throttled, Said::Failed, Said::WrongPassword, Said::NoFactor, Said::WrongCode,
            Said::UsedCode, Said::WrongRecoveryCode, Said::WrongPasskey,
        ]),
        3 => (1..3i64, any::<bool>(), stands()).prop_map(|(of, long, stands)| Said::Password { of, long, stands }),
        2 => maybe().prop_map(Said::Code),
        1 => maybe().prop_map(Said::RecoveryCode),
        2 => (1..3i64, prop::bool::weighted(0.7), maybe())
            .prop_map(|(of, verified, stands)| Said::Passkey { of, verified, stands }),
        2 => (any::<bool>(), maybe()).prop_map(|(alone, stands)| Said::NewPassword { alone, stands }),
    ]
}

/// What an onlooker has seen of one account since the last beginning, kept apart from the states under test.
#[derive(Debug, Clone, Copy)]
struct Seen {
    account: i64,
    revision: i64,
    changed_at: i64,
    long: bool,
    second: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Whatever is answered in whatever order, whatever changes meanwhile: granted only to a living person with a role, whose
    /// right password, or passkey of both factors, was the last that moved the logon, who showed a second factor wherever one
    /// is asked for, and whose password is neither due for a change nor too short to stand alone.
    #[test]
    fn req_34_no_way_to_granted_but_over_every_required_factor(
        walk in prop::collection::vec((said(), any::<bool>()), 1..16)
    ) {
        let mut flow = Flow::begin(request());
        let mut seen: Option<Seen> = None;
        for (said, mfa_for_all) in walk {
            let policy = Policy { mfa_for_all, ..Policy::default() };
            if let Said::Password { of, long, stands } = said {
                seen = (of == stands.id && stands.lives()).then_some(Seen {
                    account: of,
                    revision: stands.revision,
                    changed_at: stands.changed_at,
                    long,
                    second: false,
                });
            }
            let at_second = matches!(flow, Flow::SecondFactor { .. });
            let at_change = matches!(flow, Flow::PasswordChange { .. });
            if let (true, Said::Code(_) | Said::RecoveryCode(_)) = (at_second, said) {
                seen = seen.map(|seen| Seen { second: true, ..seen });
            }
            if let Said::Passkey { of, verified, stands } = said {
                if at_second && seen.is_some_and(|seen| seen.account == of) {
                    seen = seen.map(|seen| Seen { second: true, ..seen });
                } else if !at_second && !at_change {
                    // Both at once, so that no password is too short.
                    seen = stands.filter(|stands| verified && stands.id == of && stands.lives()).map(|stands| Seen {
                        account: of,
                        revision: stands.revision,
                        changed_at: stands.changed_at,
                        long: true,
                        second: true,
                    });
                }
            }
            match flow.answer(said.answer(), &policy, NOW) {
                Step::Granted(granted) => {
                    let stands = said.stands().expect("granted by an answer with an account");
                    let seen = seen.expect("granted after a right password");
                    prop_assert_eq!(granted.account().id, AccountId(seen.account));
                    prop_assert_eq!(
                        (stands.id, stands.revision, stands.changed_at),
                        (seen.account, seen.revision, seen.changed_at)
                    );
                    prop_assert!(stands.lives() && stands.role);
                    prop_assert!(seen.second || !(mfa_for_all || stands.mfa || stands.totp));
                    prop_assert_eq!(granted.factor_at(), seen.second.then_some(NOW));
                    match said {
                        Said::NewPassword { alone, .. } => prop_assert!(at_change && (seen.second || alone)),
                        _ => prop_assert!(!stands.must_change && (seen.second || seen.long)),
                    }
                    return Ok(());
                }
                Step::Ask(next) => {
                    prop_assert!(seen.is_some());
                    flow = next;
                }
                Step::Denied(Denied { denial, again }) => {
                    // Never before the first factor is right.
                    prop_assert!(denial.reason() != countersign_events::Reason::MfaRequired || seen.is_some());
                    prop_assert!(denial.reason() != countersign_events::Reason::UnauthorizedResourceOwner || seen.is_some());
                    let Some(next) = again else { return Ok(()) };
                    if matches!(next, Flow::FirstFactor(_)) {
                        seen = None;
                    }
                    flow = next;
                }
            }
        }
    }
}

fn password(stands: Stands, long: bool) -> Said {
    Said::Password {
        of: stands.id,
        long,
        stands,
    }
}

const ASKS_NOBODY: Policy = Policy {
    mfa_for_all: false,
    collect_seconds: 3600,
    cool_off_hours: 24,
    event_retention_days: None,
    expiry_days: 7,
    four_eyes: false,
    held_bytes_cap: None,
    logoff_minutes: 30,
    open_requests: 100,
    quiet_seconds: 15,
    session_hours: 12,
    undo_hours: 24,
};

/// Where the answers lead, under settings that ask everybody for a second factor or nobody.
fn after(policy: &Policy, said: &[Said]) -> Step {
    let (last, before) = said.split_last().unwrap();
    let flow = before.iter().fold(Flow::begin(request()), |flow, said| {
        match flow.answer(said.answer(), policy, NOW) {
            Step::Ask(next) => next,
            other => panic!("{said:?} leads to {other:?}"),
        }
    });
    flow.answer(last.answer(), policy, NOW)
}

fn asks_everybody() -> Policy {
    Policy::default()
}

#[test]
fn req_34_a_second_factor_is_asked_for_by_the_settings_the_account_or_what_is_enrolled() {
    let plain = Stands { totp: false, ..ANN };
    let asked = |policy: &Policy, stands: Stands| match after(policy, &[password(stands, true)]) {
        Step::Ask(Flow::SecondFactor { .. }) => "asked",
        Step::Granted(granted) if granted.factor_at().is_none() => "granted",
        Step::Denied(Denied {
            denial: Denial::NotEnrolled,
            again: None,
        }) => "not enrolled",
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&asks_everybody(), ANN), "asked");
    assert_eq!(asked(&asks_everybody(), plain), "not enrolled");
    assert_eq!(asked(&ASKS_NOBODY, ANN), "asked");
    assert_eq!(asked(&ASKS_NOBODY, plain), "granted");
    assert_eq!(asked(&ASKS_NOBODY, Stands { mfa: true, ..plain }), "not enrolled");
}

#[test]
fn req_24_a_short_password_alone_leads_to_a_longer_one_first() {
    let plain = Stands { totp: false, ..ANN };
    let new = |alone| Said::NewPassword {
        alone,
        stands: Some(plain),
    };
    assert!(matches!(
        after(&ASKS_NOBODY, &[password(plain, false)]),
        Step::Ask(Flow::PasswordChange { .. })
    ));
    assert!(matches!(
        after(&ASKS_NOBODY, &[password(plain, false), new(true)]),
        Step::Granted(_)
    ));
    let Step::Denied(denied) = after(&ASKS_NOBODY, &[password(plain, false), new(false)]) else {
        panic!("one that is fit beside a factor alone is not enough");
    };
    assert_eq!(denied.denial, Denial::Unreadable);
}

#[test]
fn a_password_that_is_due_is_changed_after_every_factor() {
    let due = Stands {
        must_change: true,
        ..ANN
    };
    let policy = asks_everybody();
    assert!(matches!(
        after(&policy, &[password(due, false)]),
        Step::Ask(Flow::SecondFactor { .. })
    ));
    let both = [password(due, false), Said::Code(Some(due))];
    assert!(matches!(after(&policy, &both), Step::Ask(Flow::PasswordChange { .. })));
    let new = Said::NewPassword {
        alone: false,
        stands: Some(due),
    };
    let roleless = Said::NewPassword {
        alone: false,
        stands: Some(Stands { role: false, ..due }),
    };
    let Step::Denied(denied) = after(&policy, &[both[0], both[1], roleless]) else {
        panic!("a role that is gone meanwhile");
    };
    assert_eq!(denied.denial, Denial::NoRole);
    let Step::Granted(granted) = after(&policy, &[both[0], both[1], new]) else {
        panic!("all was shown");
    };
    assert_eq!(granted.factor_at(), Some(NOW));
}

fn passkey(of: i64, verified: bool) -> Said {
    Said::Passkey {
        of,
        verified,
        stands: Some(ANN),
    }
}

#[test]
fn req_33_a_passkey_grants_alone_if_it_checked_who_is_there_and_after_a_password_anyway() {
    let policy = asks_everybody();
    for said in [
        vec![passkey(1, true)],
        vec![password(ANN, false), passkey(1, true)],
        vec![password(ANN, false), passkey(1, false)],
    ] {
        let Step::Granted(granted) = after(&policy, &said) else {
            panic!("{said:?}");
        };
        assert_eq!(granted.factor_at(), Some(NOW));
    }
}

#[test]
fn every_denial_has_its_own_cause() {
    let told = |said: &[Said]| match after(&asks_everybody(), said) {
        Step::Denied(denied) => (denied.denial, denied.again.is_some()),
        other => panic!("{other:?}"),
    };
    let ann = password(ANN, false);
    let roleless = Stands { role: false, ..ANN };
    for (said, denial, again) in [
        (vec![Said::Unreadable], Denial::Unreadable, true),
        (vec![Said::WrongPassword], Denial::WrongCredentials, true),
        (vec![Said::Throttled], Denial::Throttled, true),
        (vec![Said::WrongCode], Denial::Unreadable, true),
        (vec![ann, Said::Failed], Denial::Failed, true),
        (vec![ann, Said::NoFactor], Denial::NoFactor, true),
        (vec![ann, Said::WrongCode], Denial::WrongCode, true),
        (vec![ann, Said::UsedCode], Denial::UsedCode, true),
        (vec![ann, Said::WrongRecoveryCode], Denial::WrongRecoveryCode, true),
        (vec![Said::WrongPasskey], Denial::WrongPasskey, true),
        (vec![ann, Said::WrongPasskey], Denial::WrongPasskey, true),
        (vec![passkey(1, false)], Denial::WrongPasskey, true),
        (vec![passkey(2, true)], Denial::WrongPasskey, true),
        (vec![ann, passkey(2, true)], Denial::WrongPasskey, true),
        (vec![ann, Said::Code(None)], Denial::AccountChanged, false),
        (
            vec![ann, Said::Code(Some(Stands { revision: 2, ..ANN }))],
            Denial::AccountChanged,
            false,
        ),
        (
            vec![ann, Said::Code(Some(Stands { active: false, ..ANN }))],
            Denial::AccountChanged,
            false,
        ),
        (
            vec![ann, Said::Code(Some(Stands { expired: true, ..ANN }))],
            Denial::AccountChanged,
            false,
        ),
        (
            vec![ann, Said::Code(Some(Stands { changed_at: 2, ..ANN }))],
            Denial::PasswordChanged,
            false,
        ),
        (
            vec![password(roleless, false), Said::RecoveryCode(Some(roleless))],
            Denial::NoRole,
            false,
        ),
    ] {
        assert_eq!(told(&said), (denial, again), "{said:?}");
    }
    for dead in [
        Stands { active: false, ..ANN },
        Stands { expired: true, ..ANN },
        Stands { person: false, ..ANN },
    ] {
        assert_eq!(
            told(&[password(dead, true)]),
            (Denial::WrongCredentials, true),
            "{dead:?}"
        );
    }
}
