//! The logon itself: identify, first factor, second factor where one is asked for, password change where one is due.
//! Nothing else leads to [`Granted`].

use countersign_events::Timestamp;

use super::{AuthorizationCode, AuthorizationRequest, Denial};
use crate::clock::Entropy;
use crate::factor::{Factors, FreshFactor};
use crate::passkey::ShownPasskey;
use crate::password::{Beside, Fit, KnownPassword};
use crate::recovery::ShownRecoveryCode;
use crate::{Account, AccountId, AccountKind, Policy};

/// How long a logon may take, in seconds.
pub const FLOW_SECONDS: i64 = 600;

/// A logon that is going on, in what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Name and password, or a passkey.
    FirstFactor(AuthorizationRequest),
    /// A second factor of this account, whose password was right: a one-time code, a passkey, a recovery code.
    SecondFactor {
        /// What the logon is for.
        request: AuthorizationRequest,
        /// What was shown so far.
        passed: Passed,
    },
    /// A new password of this account, which has shown all else.
    PasswordChange {
        /// What the logon is for.
        request: AuthorizationRequest,
        /// What was shown so far.
        passed: Passed,
    },
}

/// What a logon has seen, and in which state the account was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Whose factors they were.
    pub account: AccountId,
    /// The account's revision at that time.
    pub revision: i64,
    /// When its password had been changed last; none where it has none.
    pub password_changed_at: Option<Timestamp>,
    /// When a second factor was shown; none when it was not.
    pub factor_at: Option<Timestamp>,
}

/// An account as a logon must know it, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub account: Account,
    /// Its password; none where it has none.
    pub password: Option<PasswordStanding>,
    /// What it can show besides.
    pub factors: Factors,
}

/// What is known of a password but itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordStanding {
    /// When it was changed or reset last.
    pub changed_at: Timestamp,
    /// Whether it must be changed at the next logon.
    pub must_change: bool,
}

impl Standing {
    /// Whether a logon of this account asks for a second factor: the settings ask everybody, or this person, or the person has
    /// enrolled one.
    pub const fn asks_second_factor(&self, policy: &Policy) -> bool {
        policy.mfa_for_all || self.account.mfa || self.factors.enrolled()
    }

    /// What stands beside this account's password, which is what its least length depends on.
    pub const fn beside(&self, policy: &Policy) -> Beside {
        if self.asks_second_factor(policy) {
            Beside::SecondFactor
        } else {
            Beside::Nothing
        }
    }

    fn may_log_on(&self, now: Timestamp) -> bool {
        self.account.kind == AccountKind::Person && self.account.lives(now)
    }

    fn passed(&self, factor_at: Option<Timestamp>) -> Passed {
        Passed {
            account: self.account.id,
            revision: self.account.revision,
            password_changed_at: self.password.map(|password| password.changed_at),
            factor_at,
        }
    }
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
        /// Whose, as it is now.
        standing: Standing,
    },
    /// No second factor.
    NoFactor,
    /// A wrong one-time code.
    WrongCode,
    /// A one-time code that was used before.
    UsedCode,
    /// A wrong recovery code, or one that was used before.
    WrongRecoveryCode,
    /// A passkey that is not known here, or whose answer does not hold.
    WrongPasskey,
    /// The right one-time code.
    Code {
        /// The proof.
        fresh: FreshFactor,
        /// The account that the code is of, as it is now; none when it is gone.
        standing: Option<Standing>,
    },
    /// A passkey, alone or after a password.
    Passkey {
        /// The proof.
        shown: ShownPasskey,
        /// The account that the passkey is of, as it is now; none when it is gone.
        standing: Option<Standing>,
    },
    /// A recovery code that was not used before.
    RecoveryCode {
        /// The proof.
        shown: ShownRecoveryCode,
        /// The account that the code is of, as it is now; none when it is gone.
        standing: Option<Standing>,
    },
    /// A new password, which may be taken.
    NewPassword {
        /// The proof.
        fit: Fit,
        /// Whose, as it is now; none when it is gone.
        standing: Option<Standing>,
    },
    /// The server could not compare it.
    Failed,
}

/// Where an answer leads.
#[derive(Debug)]
#[must_use = "a step that nobody takes is a logon that nobody decided"]
pub enum Step {
    /// Ask for what is next.
    Ask(Flow),
    /// All that is asked for was shown.
    Granted(Granted),
    /// Not granted.
    Denied(Denied),
}

/// A denial, to be reported (44002) and told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub denial: Denial,
    /// What may be tried again; none when the logon is over.
    pub again: Option<Flow>,
}

/// One account showed every factor that is asked of it, for one request. Only [`Flow::answer`] makes one.
#[derive(Debug)]
pub struct Granted {
    request: AuthorizationRequest,
    account: Account,
    factor_at: Option<Timestamp>,
}

impl Flow {
    /// Begins.
    pub const fn begin(request: AuthorizationRequest) -> Self {
        Self::FirstFactor(request)
    }

    /// What it is for.
    pub const fn request(&self) -> &AuthorizationRequest {
        match self {
            Self::FirstFactor(request) | Self::SecondFactor { request, .. } | Self::PasswordChange { request, .. } => {
                request
            }
        }
    }

    /// What was shown so far; none before the first factor.
    pub const fn passed(&self) -> Option<&Passed> {
        match self {
            Self::FirstFactor(_) => None,
            Self::SecondFactor { passed, .. } | Self::PasswordChange { passed, .. } => Some(passed),
        }
    }

    /// Takes an answer and tells where it leads. A password is taken at any time and begins again; a second factor only after
    /// it; a new password only after both. A passkey whose authenticator checked who was there is both factors at once.
    pub fn answer(self, answer: Answer, policy: &Policy, now: Timestamp) -> Step {
        match (self, answer) {
            (flow, Answer::Unreadable) => denied(Denial::Unreadable, Some(flow)),
            (flow, Answer::Throttled) => denied(Denial::Throttled, Some(flow)),
            (flow, Answer::Failed) => denied(Denial::Failed, Some(flow)),
            (flow, Answer::WrongPassword) => {
                denied(Denial::WrongCredentials, Some(Self::FirstFactor(flow.into_request())))
            }
            (flow, Answer::Password { known, standing }) => {
                first_factor(flow.into_request(), &known, standing, policy, now)
            }
            (flow @ Self::SecondFactor { .. }, Answer::NoFactor) => denied(Denial::NoFactor, Some(flow)),
            (flow @ Self::SecondFactor { .. }, Answer::WrongCode) => denied(Denial::WrongCode, Some(flow)),
            (flow @ Self::SecondFactor { .. }, Answer::UsedCode) => denied(Denial::UsedCode, Some(flow)),
            (flow @ Self::SecondFactor { .. }, Answer::WrongRecoveryCode) => {
                denied(Denial::WrongRecoveryCode, Some(flow))
            }
            (flow @ (Self::FirstFactor(_) | Self::SecondFactor { .. }), Answer::WrongPasskey) => {
                denied(Denial::WrongPasskey, Some(flow))
            }
            (Self::FirstFactor(request), Answer::Passkey { shown, standing }) => {
                passkey_alone(request, &shown, standing, now)
            }
            (Self::SecondFactor { request, passed }, Answer::Passkey { shown, standing }) => {
                if shown.account() == passed.account {
                    second_factor(request, &passed, standing, now)
                } else {
                    denied(Denial::WrongPasskey, Some(Self::SecondFactor { request, passed }))
                }
            }
            (Self::SecondFactor { request, passed }, Answer::Code { fresh: _, standing }) => {
                second_factor(request, &passed, standing, now)
            }
            (Self::SecondFactor { request, passed }, Answer::RecoveryCode { shown: _, standing }) => {
                second_factor(request, &passed, standing, now)
            }
            (Self::PasswordChange { request, passed }, Answer::NewPassword { fit, standing }) => {
                new_password(request, passed, fit, standing, policy, now)
            }
            (
                flow @ (Self::FirstFactor(_) | Self::PasswordChange { .. }),
                Answer::NoFactor
                | Answer::WrongCode
                | Answer::UsedCode
                | Answer::WrongRecoveryCode
                | Answer::Code { .. }
                | Answer::RecoveryCode { .. },
            )
            | (flow @ Self::PasswordChange { .. }, Answer::Passkey { .. } | Answer::WrongPasskey)
            | (flow @ (Self::FirstFactor(_) | Self::SecondFactor { .. }), Answer::NewPassword { .. }) => {
                denied(Denial::Unreadable, Some(flow))
            }
        }
    }

    fn into_request(self) -> AuthorizationRequest {
        match self {
            Self::FirstFactor(request) | Self::SecondFactor { request, .. } | Self::PasswordChange { request, .. } => {
                request
            }
        }
    }
}

fn first_factor(
    request: AuthorizationRequest,
    known: &KnownPassword,
    standing: Standing,
    policy: &Policy,
    now: Timestamp,
) -> Step {
    if known.account() != standing.account.id || !standing.may_log_on(now) {
        return denied(Denial::WrongCredentials, Some(Flow::FirstFactor(request)));
    }
    let passed = standing.passed(None);
    match (standing.asks_second_factor(policy), standing.factors.enrolled()) {
        (true, true) => Step::Ask(Flow::SecondFactor { request, passed }),
        (true, false) => denied(Denial::NotEnrolled, None),
        // Alone it must be long; one that was fit beside a factor that is gone is changed first.
        (false, _) => all_shown(request, passed, standing, !known.long()),
    }
}

fn passkey_alone(
    request: AuthorizationRequest,
    shown: &ShownPasskey,
    standing: Option<Standing>,
    now: Timestamp,
) -> Step {
    let standing = standing.filter(|standing| standing.account.id == shown.account() && standing.may_log_on(now));
    match standing {
        Some(standing) if shown.user_verified() => all_shown(request, standing.passed(Some(now)), standing, false),
        _ => denied(Denial::WrongPasskey, Some(Flow::FirstFactor(request))),
    }
}

fn second_factor(request: AuthorizationRequest, passed: &Passed, standing: Option<Standing>, now: Timestamp) -> Step {
    match unchanged(passed, standing, now) {
        Ok(standing) => all_shown(request, standing.passed(Some(now)), standing, false),
        Err(denial) => denied(denial, None),
    }
}

fn new_password(
    request: AuthorizationRequest,
    passed: Passed,
    fit: Fit,
    standing: Option<Standing>,
    policy: &Policy,
    now: Timestamp,
) -> Step {
    let standing = match unchanged(&passed, standing, now) {
        Ok(standing) => standing,
        Err(denial) => return denied(denial, None),
    };
    if passed.factor_at.is_none() && standing.asks_second_factor(policy) {
        return denied(Denial::NotEnrolled, None);
    }
    if !request.resource.admits(standing.account.roles) {
        return denied(Denial::NoRole, None);
    }
    if passed.factor_at.is_none() && fit.beside() == Beside::SecondFactor {
        return denied(Denial::Unreadable, Some(Flow::PasswordChange { request, passed }));
    }
    Step::Granted(Granted {
        request,
        account: standing.account,
        factor_at: passed.factor_at,
    })
}

/// The same account with the same password as when its factors were shown.
fn unchanged(passed: &Passed, standing: Option<Standing>, now: Timestamp) -> Result<Standing, Denial> {
    let standing = standing
        .filter(|standing| standing.account.id == passed.account && standing.may_log_on(now))
        .ok_or(Denial::AccountChanged)?;
    if standing.password.map(|password| password.changed_at) != passed.password_changed_at {
        Err(Denial::PasswordChanged)
    } else if standing.account.revision != passed.revision {
        Err(Denial::AccountChanged)
    } else {
        Ok(standing)
    }
}

/// All factors are right: may this person use what the logon is for, and with this password?
fn all_shown(request: AuthorizationRequest, passed: Passed, standing: Standing, too_short: bool) -> Step {
    if !request.resource.admits(standing.account.roles) {
        return denied(Denial::NoRole, None);
    }
    if too_short || standing.password.is_some_and(|password| password.must_change) {
        return Step::Ask(Flow::PasswordChange { request, passed });
    }
    Step::Granted(Granted {
        request,
        account: standing.account,
        factor_at: passed.factor_at,
    })
}

const fn denied(denial: Denial, again: Option<Flow>) -> Step {
    Step::Denied(Denied { denial, again })
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

    /// When a second factor was shown; none when none was asked for.
    pub const fn factor_at(&self) -> Option<Timestamp> {
        self.factor_at
    }

    /// The one code that this logon gives.
    pub fn code(self, now: Timestamp, entropy: &dyn Entropy) -> AuthorizationCode {
        AuthorizationCode::issue(self.request, &self.account, self.factor_at, now, entropy)
    }
}

#[cfg(test)]
mod tests;
