//! The logon itself: name and password, then a one-time code. Nothing else leads to [`Granted`].

use countersign_events::{Reason, Timestamp};

use super::{AuthorizationCode, AuthorizationRequest};
use crate::clock::Entropy;
use crate::factor::FreshFactor;
use crate::password::KnownPassword;
use crate::{Account, AccountId, AccountKind, AccountState};

/// How long a logon may take, in seconds.
pub const FLOW_SECONDS: i64 = 600;

/// A logon that is going on, in what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Name and password.
    FirstFactor(AuthorizationRequest),
    /// The one-time code of this account, whose password was right.
    SecondFactor {
        /// What the logon is for.
        request: AuthorizationRequest,
        /// Whose password it was.
        account: AccountId,
        /// The account's revision at that time.
        revision: i64,
    },
}

/// What the person gave, already compared with what is kept.
#[derive(Debug)]
pub enum Answer {
    /// The form could not be read.
    Unreadable,
    /// Not even compared: there were too many tries.
    Throttled,
    /// Unknown name or wrong password.
    WrongPassword,
    /// The right password of an account.
    Password {
        /// The proof.
        known: KnownPassword,
        /// Whose.
        account: Account,
        /// Whether it has a second factor.
        enrolled: bool,
    },
    /// No one-time code.
    NoCode,
    /// A wrong one-time code, or one that was used before.
    WrongCode,
    /// The right one-time code.
    Code {
        /// The proof.
        fresh: FreshFactor,
        /// The account that the code is of, as it is now; none when it is gone.
        account: Option<Account>,
    },
    /// The server could not compare it.
    Failed,
}

/// Where an answer leads.
#[derive(Debug)]
#[must_use = "a step that nobody takes is a logon that nobody decided"]
pub enum Step {
    /// Ask for the next factor.
    Ask(Flow),
    /// Both factors are right.
    Granted(Granted),
    /// Not granted.
    Denied(Denied),
}

/// A denial, to be reported (44002) and told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub reason: Reason,
    /// What may be tried again; none when the logon is over.
    pub again: Option<Flow>,
}

/// Both factors of one account were right, for one request. Only [`Flow::answer`] makes one.
#[derive(Debug)]
pub struct Granted {
    request: AuthorizationRequest,
    account: Account,
}

impl Flow {
    /// Begins.
    pub const fn begin(request: AuthorizationRequest) -> Self {
        Self::FirstFactor(request)
    }

    /// What it is for.
    pub const fn request(&self) -> &AuthorizationRequest {
        match self {
            Self::FirstFactor(request) | Self::SecondFactor { request, .. } => request,
        }
    }

    /// Takes an answer and tells where it leads. A password is taken at any time and begins again; a code only after it.
    pub fn answer(self, answer: Answer) -> Step {
        match (self, answer) {
            (flow, Answer::Unreadable) => denied(Reason::MalformedRequest, Some(flow)),
            (flow, Answer::Throttled) => denied(Reason::TooManyInvalidRequests, Some(flow)),
            (flow, Answer::Failed) => denied(Reason::ServerError, Some(flow)),
            (Self::FirstFactor(request) | Self::SecondFactor { request, .. }, Answer::WrongPassword) => {
                denied(Reason::Unauthenticated, Some(Self::FirstFactor(request)))
            }
            (
                Self::FirstFactor(request) | Self::SecondFactor { request, .. },
                Answer::Password {
                    known,
                    account,
                    enrolled,
                },
            ) => first_factor(request, &known, &account, enrolled),
            (flow @ Self::FirstFactor(_), Answer::NoCode | Answer::WrongCode | Answer::Code { .. }) => {
                denied(Reason::MalformedRequest, Some(flow))
            }
            (flow @ Self::SecondFactor { .. }, Answer::NoCode) => denied(Reason::MfaRequired, Some(flow)),
            (flow @ Self::SecondFactor { .. }, Answer::WrongCode) => denied(Reason::Unauthenticated, Some(flow)),
            (
                Self::SecondFactor {
                    request,
                    account: expected,
                    revision,
                },
                Answer::Code { fresh: _, account },
            ) => match account {
                Some(account) if account.id == expected && account.revision == revision && may_log_on(&account) => {
                    Step::Granted(Granted { request, account })
                }
                _ => denied(Reason::AccountRevalidationFailed, None),
            },
        }
    }
}

fn first_factor(request: AuthorizationRequest, known: &KnownPassword, account: &Account, enrolled: bool) -> Step {
    if known.account() != account.id || !may_log_on(account) {
        return denied(Reason::Unauthenticated, Some(Flow::FirstFactor(request)));
    }
    if !enrolled {
        return denied(Reason::MfaRequired, None);
    }
    Step::Ask(Flow::SecondFactor {
        request,
        account: account.id,
        revision: account.revision,
    })
}

fn may_log_on(account: &Account) -> bool {
    account.kind == AccountKind::Person && account.state == AccountState::Active
}

const fn denied(reason: Reason, again: Option<Flow>) -> Step {
    Step::Denied(Denied { reason, again })
}

impl Granted {
    /// Who logged on.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// For what.
    pub const fn request(&self) -> &AuthorizationRequest {
        &self.request
    }

    /// The one code that this logon gives.
    pub fn code(self, now: Timestamp, entropy: &dyn Entropy) -> AuthorizationCode {
        AuthorizationCode::issue(self.request, &self.account, now, entropy)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::factor::TotpSecret;
    use crate::logon::{Challenge, Client, Resource, WEB_UI_CALLBACK};
    use crate::password::{self, PasswordHash};
    use crate::{AccountName, Roles};

    fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            client: Client::web_ui().spec.id,
            resource: Resource::Web,
            redirect: Client::web_ui().spec.redirect(WEB_UI_CALLBACK, None).unwrap(),
            challenge: Challenge([0; 32]),
            state: None,
        }
    }

    fn account(id: i64) -> Account {
        Account {
            id: AccountId(id),
            name: format!("account{id}").parse::<AccountName>().unwrap(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            state: AccountState::Active,
            created_at: Timestamp(0),
            eligible_at: Timestamp(0),
            expires_at: None,
            mfa: false,
            revision: 1,
        }
    }

    fn known(id: i64) -> KnownPassword {
        let hash = cheap_hash();
        password::verify(Some((AccountId(id), &hash)), "x").unwrap().unwrap()
    }

    /// Eight KiB and one pass: as quick as Argon2id goes.
    fn cheap_hash() -> PasswordHash {
        use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
        let params = Params::new(8, 1, 1, None).unwrap();
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: argon2::PasswordHash = hasher.hash_password_with_salt(b"x", b"0123456789abcdef").unwrap();
        PasswordHash::parse(&hash.to_string()).unwrap()
    }

    fn fresh() -> FreshFactor {
        let now = Timestamp(1_000_000_000_000);
        let secret = TotpSecret::from_bytes(vec![7; 20]).unwrap();
        secret.verify(&secret.code_at(now).unwrap(), None, now).unwrap().0
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
            account: i64,
            active: bool,
            person: bool,
            enrolled: bool,
        },
        NoCode,
        WrongCode,
        Code {
            of: Option<i64>,
            revision: i64,
            active: bool,
        },
    }

    impl Said {
        fn answer(self) -> Answer {
            let state = |active| {
                if active {
                    AccountState::Active
                } else {
                    AccountState::Disabled
                }
            };
            match self {
                Self::Unreadable => Answer::Unreadable,
                Self::Throttled => Answer::Throttled,
                Self::Failed => Answer::Failed,
                Self::WrongPassword => Answer::WrongPassword,
                Self::Password {
                    of,
                    account: id,
                    active,
                    person,
                    enrolled,
                } => Answer::Password {
                    known: known(of),
                    account: Account {
                        state: state(active),
                        kind: if person {
                            AccountKind::Person
                        } else {
                            AccountKind::Service
                        },
                        ..account(id)
                    },
                    enrolled,
                },
                Self::NoCode => Answer::NoCode,
                Self::WrongCode => Answer::WrongCode,
                Self::Code { of, revision, active } => Answer::Code {
                    fresh: fresh(),
                    account: of.map(|id| Account {
                        state: state(active),
                        revision,
                        ..account(id)
                    }),
                },
            }
        }
    }

    fn said() -> impl Strategy<Value = Said> {
        prop_oneof![
            1 => Just(Said::Unreadable),
            1 => Just(Said::Throttled),
            1 => Just(Said::Failed),
            1 => Just(Said::WrongPassword),
            1 => Just(Said::NoCode),
            1 => Just(Said::WrongCode),
            4 => (1..3i64, 1..3i64, prop::bool::weighted(0.9), prop::bool::weighted(0.9), prop::bool::weighted(0.9)).prop_map(
                |(of, account, active, person, enrolled)| Said::Password { of, account, active, person, enrolled }
            ),
            4 => (prop::option::weighted(0.9, 1..3i64), 1..3i64, prop::bool::weighted(0.9))
                .prop_map(|(of, revision, active)| Said::Code { of, revision, active }),
        ]
    }

    proptest! {
        /// Whatever is answered in whatever order: granted only by the right code of an active person whose right
        /// password was the last answer that moved the logon.
        #[test]
        fn no_way_to_granted_but_over_both_factors(walk in prop::collection::vec(said(), 1..12)) {
            let mut flow = Flow::begin(request());
            let mut passed: Option<i64> = None;
            for said in walk {
                flow = match (flow.answer(said.answer()), said) {
                    (Step::Granted(granted), Said::Code { of: Some(of), revision, active }) => {
                        prop_assert!(active && revision == 1 && passed == Some(of));
                        prop_assert_eq!(granted.account().id, AccountId(of));
                        return Ok(());
                    }
                    (Step::Ask(next), Said::Password { of, account, active, person, enrolled }) => {
                        prop_assert!(of == account && active && person && enrolled);
                        passed = Some(account);
                        next
                    }
                    (Step::Denied(Denied { reason, again }), said) => {
                        // Never before the first factor is right.
                        let enrolling = matches!(said, Said::Password { .. });
                        prop_assert!(reason != Reason::MfaRequired || passed.is_some() || enrolling);
                        let Some(next) = again else { return Ok(()) };
                        if matches!(next, Flow::FirstFactor(_)) {
                            passed = None;
                        }
                        next
                    }
                    (step, said) => return Err(TestCaseError::fail(format!("{said:?} led to {step:?}"))),
                };
            }
        }
    }

    #[test]
    fn both_factors_grant() {
        let password = Said::Password {
            of: 1,
            account: 1,
            active: true,
            person: true,
            enrolled: true,
        };
        let Step::Ask(flow) = Flow::begin(request()).answer(password.answer()) else {
            panic!("the right password must lead to the second factor");
        };
        let code = Said::Code {
            of: Some(1),
            revision: 1,
            active: true,
        };
        assert!(matches!(flow.answer(code.answer()), Step::Granted(_)));
    }

    #[test]
    fn every_denial_has_its_own_cause() {
        let at_second = || Flow::SecondFactor {
            request: request(),
            account: AccountId(1),
            revision: 1,
        };
        let reason = |flow: Flow, said: Said| match flow.answer(said.answer()) {
            Step::Denied(denied) => (denied.reason, denied.again.is_some()),
            other => panic!("{other:?}"),
        };
        let first = || Flow::begin(request());
        let unenrolled = Said::Password {
            of: 1,
            account: 1,
            active: true,
            person: true,
            enrolled: false,
        };
        assert_eq!(reason(first(), Said::Unreadable), (Reason::MalformedRequest, true));
        assert_eq!(reason(first(), Said::WrongPassword), (Reason::Unauthenticated, true));
        assert_eq!(reason(first(), Said::Throttled), (Reason::TooManyInvalidRequests, true));
        assert_eq!(reason(first(), unenrolled), (Reason::MfaRequired, false));
        assert_eq!(reason(first(), Said::WrongCode), (Reason::MalformedRequest, true));
        assert_eq!(reason(at_second(), Said::NoCode), (Reason::MfaRequired, true));
        assert_eq!(reason(at_second(), Said::WrongCode), (Reason::Unauthenticated, true));
        assert_eq!(reason(at_second(), Said::Failed), (Reason::ServerError, true));
        let changed = Said::Code {
            of: Some(1),
            revision: 2,
            active: true,
        };
        assert_eq!(reason(at_second(), changed), (Reason::AccountRevalidationFailed, false));
    }
}
