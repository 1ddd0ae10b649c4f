//! Authorization codes: a minute, once, for the client that asked (RFC 6749, section 4.1.2; OWASP ASVS 5.0, 10.4.2 and 10.4.3).

use countersign_events::{Reason, Timestamp};

use super::{AuthorizationRequest, Challenge, ClientId, Resource, Verifier};
use crate::clock::{Entropy, random};
use crate::token::Secret;
use crate::{Account, AccountId, Sha256};

/// How long a code lives, in seconds.
pub const CODE_SECONDS: i64 = 60;

/// A code that was just issued. It comes from [`super::Granted`] alone.
pub struct AuthorizationCode {
    secret: Secret,
    request: AuthorizationRequest,
    recorded: RecordedCode,
}

impl AuthorizationCode {
    pub(super) fn issue(
        request: AuthorizationRequest,
        account: &Account,
        factor_at: Option<Timestamp>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        let secret = Secret::new(entropy);
        let recorded = RecordedCode {
            chain: data_encoding::HEXLOWER.encode(&random::<16>(entropy)),
            client: request.client.clone(),
            resource: request.resource,
            redirect: request.redirect.as_str().to_owned(),
            challenge: request.challenge,
            account: account.id,
            account_revision: account.revision,
            factor_at,
            expires_at: now.plus_seconds(CODE_SECONDS),
            used: false,
        };
        Self {
            secret,
            request,
            recorded,
        }
    }

    /// The code, to be handed to the client once.
    pub fn reveal(&self) -> &str {
        self.secret.reveal()
    }

    /// By which the store finds it.
    pub fn hash(&self) -> Sha256 {
        self.secret.hash()
    }

    /// What the store keeps.
    pub const fn recorded(&self) -> &RecordedCode {
        &self.recorded
    }

    /// What it answers.
    pub const fn request(&self) -> &AuthorizationRequest {
        &self.request
    }
}

/// A code as the store has it: everything but the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCode {
    /// The token chain that begins with it; what is revoked when the code comes a second time.
    pub chain: String,
    /// Whom it was given to.
    pub client: ClientId,
    /// What for.
    pub resource: Resource,
    /// Where it was sent.
    pub redirect: String,
    /// What must be answered.
    pub challenge: Challenge,
    /// Who logged on.
    pub account: AccountId,
    /// The account's revision at that time.
    pub account_revision: i64,
    /// When a second factor was shown; none when none was asked for.
    pub factor_at: Option<Timestamp>,
    /// When it dies.
    pub expires_at: Timestamp,
    /// Whether it was shown before.
    pub used: bool,
}

/// What the client shows with the code.
pub struct Presented<'c> {
    /// Who it says it is.
    pub client: &'c ClientId,
    /// Where it got the code.
    pub redirect: &'c str,
    /// Its answer to the challenge.
    pub verifier: &'c Verifier,
}

/// Why a code is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// It was shown before: everything that came from it ends.
    #[error("this code was used before")]
    Used,
    /// Its minute is over.
    #[error("this code has expired")]
    Expired,
    /// It was given to another client.
    #[error("this code was given to another client")]
    OtherClient,
    /// It was sent elsewhere.
    #[error("redirect_uri is not the one the code was sent to")]
    OtherRedirect,
    /// The verifier does not answer the challenge.
    #[error("code_verifier does not answer the challenge")]
    WrongVerifier,
    /// The account is no longer what it was.
    #[error("the account has changed since the logon")]
    AccountChanged,
    /// The password is another than the one that was shown.
    #[error("the password has changed since the logon")]
    PasswordChanged,
    /// The account's roles do not reach what the logon was for.
    #[error("the account may not use this resource")]
    NotReached,
}

impl CodeRefusal {
    /// The reason for the event.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Used | Self::Expired | Self::WrongVerifier => Reason::Unauthenticated,
            Self::OtherClient | Self::OtherRedirect => Reason::UnauthorizedClient,
            Self::AccountChanged => Reason::AccountRevalidationFailed,
            Self::PasswordChanged => Reason::PasswordRevalidationFailed,
            Self::NotReached => Reason::UnauthorizedResourceOwner,
        }
    }
}

/// A code that was taken. A session or a token is made from this alone.
#[derive(Debug)]
pub struct Redeemed {
    chain: String,
    client: ClientId,
    resource: Resource,
    account: Account,
    factor_at: Option<Timestamp>,
}

impl RecordedCode {
    /// When every factor had been shown.
    const fn issued_at(&self) -> Timestamp {
        self.expires_at.plus_seconds(-CODE_SECONDS)
    }

    /// Takes the code, of an account as it is now and whose password was last changed then. Whatever the answer, the caller marks it
    /// used in the same transaction.
    pub fn redeem(
        self,
        presented: &Presented<'_>,
        account: Option<Account>,
        password_changed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Redeemed, CodeRefusal> {
        if self.used {
            return Err(CodeRefusal::Used);
        }
        if now >= self.expires_at {
            return Err(CodeRefusal::Expired);
        }
        if *presented.client != self.client {
            return Err(CodeRefusal::OtherClient);
        }
        if presented.redirect != self.redirect {
            return Err(CodeRefusal::OtherRedirect);
        }
        if !self.challenge.answered_by(presented.verifier) {
            return Err(CodeRefusal::WrongVerifier);
        }
        // What a logon with the old password gave must not outlive it by a minute.
        if password_changed_at.is_some_and(|changed| changed > self.issued_at()) {
            return Err(CodeRefusal::PasswordChanged);
        }
        let same = |account: &Account| account.id == self.account && account.revision == self.account_revision;
        match account.filter(|account| same(account) && account.lives(now)) {
            Some(account) if !self.resource.admits(account.roles) => Err(CodeRefusal::NotReached),
            Some(account) => Ok(Redeemed {
                chain: self.chain,
                client: self.client,
                resource: self.resource,
                account,
                factor_at: self.factor_at,
            }),
            None => Err(CodeRefusal::AccountChanged),
        }
    }
}

impl Redeemed {
    /// A code of a device that a person confirmed, in the place of one that came back by a browser.
    pub(super) const fn of_device(chain: String, client: ClientId, resource: Resource, account: Account) -> Self {
        Self {
            chain,
            client,
            resource,
            account,
            factor_at: None,
        }
    }

    /// The chain that what is made now belongs to.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// For whom.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }

    /// What for.
    pub const fn resource(&self) -> Resource {
        self.resource
    }

    /// Who logged on.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// When a second factor was shown; none when none was asked for.
    pub const fn factor_at(&self) -> Option<Timestamp> {
        self.factor_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountKind, AccountState, Roles};

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn account() -> Account {
        Account {
            id: AccountId(1),
            name: "ann".parse().unwrap(),
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

    fn verifier(letter: &str) -> Verifier {
        Verifier::parse(&letter.repeat(43)).unwrap()
    }

    fn code() -> RecordedCode {
        RecordedCode {
            chain: "c0ffee".into(),
            client: ClientId::cli(),
            resource: Resource::Api,
            redirect: "http://127.0.0.1:5000/callback".into(),
            challenge: verifier("a").challenge(),
            account: AccountId(1),
            account_revision: 1,
            factor_at: None,
            expires_at: NOW.plus_seconds(CODE_SECONDS),
            used: false,
        }
    }

    fn redeemed(
        code: RecordedCode,
        client: ClientId,
        redirect: &str,
        letter: &str,
        now: Timestamp,
    ) -> Result<(), CodeRefusal> {
        let verifier = verifier(letter);
        let presented = Presented {
            client: &client,
            redirect,
            verifier: &verifier,
        };
        code.redeem(&presented, Some(account()), None, now).map(drop)
    }

    #[test]
    fn req_6_7_8_a_code_is_taken_once_within_a_minute_from_its_client_with_its_verifier() {
        const HERE: &str = "http://127.0.0.1:5000/callback";
        assert_eq!(
            redeemed(code(), ClientId::cli(), HERE, "a", NOW.plus_seconds(59)),
            Ok(())
        );
        let used = RecordedCode { used: true, ..code() };
        assert_eq!(redeemed(used, ClientId::cli(), HERE, "a", NOW), Err(CodeRefusal::Used));
        assert_eq!(
            redeemed(code(), ClientId::cli(), HERE, "a", NOW.plus_seconds(60)),
            Err(CodeRefusal::Expired)
        );
        assert_eq!(
            redeemed(code(), ClientId::web_ui(), HERE, "a", NOW),
            Err(CodeRefusal::OtherClient)
        );
        let elsewhere = "http://127.0.0.1:5001/callback";
        assert_eq!(
            redeemed(code(), ClientId::cli(), elsewhere, "a", NOW),
            Err(CodeRefusal::OtherRedirect)
        );
        assert_eq!(
            redeemed(code(), ClientId::cli(), HERE, "b", NOW),
            Err(CodeRefusal::WrongVerifier)
        );
        let old = RecordedCode {
            account_revision: 0,
            ..code()
        };
        assert_eq!(
            redeemed(old, ClientId::cli(), HERE, "a", NOW),
            Err(CodeRefusal::AccountChanged)
        );
    }
}
