//! Token chains: everything that comes from one logon, and the refresh tokens that carry it on (OWASP ASVS 5.0, 10.4.5 and 10.4.8;
//! RFC 9700, section 4.14).
//!
//! A refresh token says itself which chain and which generation it is of, under a MAC; the store keeps the newest generation
//! alone. So no refresh token is kept, a reuse is exact, and the successor of a token can be said again.

use aws_lc_rs::hmac;
use countersign_events::{Reason, Timestamp};

use super::{ACCESS_TOKEN_SECONDS, ClientId, Redeemed, Resource, Thumbprint};
use crate::{Account, AccountId, Policy};

/// A chain ends this long after the logon whatever happens, in seconds.
pub const CHAIN_SECONDS: i64 = 30 * 86_400;
/// A chain ends when it was not refreshed for this long, in seconds.
pub const UNUSED_SECONDS: i64 = 7 * 86_400;
/// For how long after a rotation the token before is answered again, in seconds: its answer may have been lost.
pub const RETRY_SECONDS: i64 = 10;

/// A chain as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The `RefreshTokenChainId` of the events.
    pub id: String,
    /// Whom it was given to.
    pub client: ClientId,
    /// What for.
    pub resource: Resource,
    /// Who logged on.
    pub account: AccountId,
    /// The account's revision at the logon.
    pub account_revision: i64,
    /// From where.
    pub address: String,
    /// The key that its tokens are bound to, if the client showed one (RFC 9449).
    pub key: Option<Thumbprint>,
    /// How often it was refreshed: the refresh token of this generation is the newest.
    pub generation: i64,
    /// When it was last refreshed; when it began, if never.
    pub rotated_at: Timestamp,
    /// When the logon was.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub ends_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

impl Chain {
    /// The chain that begins with a code that was taken.
    pub fn begun(
        redeemed: &Redeemed,
        lives: Lives<'_>,
        address: String,
        key: Option<Thumbprint>,
        now: Timestamp,
    ) -> Self {
        let seconds = match lives {
            Lives::AsSession(policy) => policy.session_seconds(),
            Lives::Refreshed => CHAIN_SECONDS,
            Lives::Once => ACCESS_TOKEN_SECONDS,
        };
        Self {
            id: redeemed.chain().to_owned(),
            client: redeemed.client().clone(),
            resource: redeemed.resource(),
            account: redeemed.account().id,
            account_revision: redeemed.account().revision,
            address,
            key,
            generation: 0,
            rotated_at: now,
            created_at: now,
            ends_at: now.plus_seconds(seconds),
            ended_at: None,
        }
    }

    /// When it ends unless it is refreshed before.
    pub const fn unused_until(&self) -> Timestamp {
        self.rotated_at.plus_seconds(UNUSED_SECONDS)
    }

    /// Whether what came from it still holds, for this account, re-read now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn standing(&self, account: &Account, now: Timestamp) -> Result<(), ChainEnd> {
        if self.ended_at.is_some() {
            Err(ChainEnd::Ended)
        } else if now >= self.ends_at {
            Err(ChainEnd::TooOld)
        } else if account.id != self.account || account.revision != self.account_revision || !account.lives(now) {
            Err(ChainEnd::AccountChanged)
        } else {
            Ok(())
        }
    }

    /// Decides about a refresh. What the caller does with the answer and its event are one transaction; a turn is taken by
    /// compare-and-set on the generation, and whoever comes second asks again.
    ///
    /// # Errors
    /// Why it is refused, and by [`RefreshRefusal::ends_chain`] whether the chain ends with it.
    pub fn refresh(
        &self,
        shown: &Shown<'_>,
        account: Option<&Account>,
        password_changed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Turn, RefreshRefusal> {
        if *shown.client != self.client {
            return Err(RefreshRefusal::OtherClient);
        }
        // What happened to the account comes first: it is also why a chain may have ended.
        let Some(account) = account.filter(|account| account.id == self.account && account.lives(now)) else {
            return Err(RefreshRefusal::AccountChanged);
        };
        if password_changed_at.is_some_and(|changed| changed > self.created_at) {
            return Err(RefreshRefusal::PasswordChanged);
        }
        if !self.resource.admits(account.roles) {
            return Err(RefreshRefusal::NotReached);
        }
        if account.revision != self.account_revision {
            return Err(RefreshRefusal::AccountChanged);
        }
        if self.ended_at.is_some() {
            return Err(RefreshRefusal::Ended);
        }
        if now >= self.ends_at || now >= self.unused_until() {
            return Err(RefreshRefusal::TooOld);
        }
        let newest = shown.generation == self.generation;
        let lost = shown.generation.checked_add(1) == Some(self.generation)
            && now < self.rotated_at.plus_seconds(RETRY_SECONDS);
        if !newest && !lost {
            return Err(RefreshRefusal::Reused);
        }
        // Checked after the reuse: a thief without the key must not keep the reuse from being seen.
        if self.key.as_ref() != shown.key {
            return Err(RefreshRefusal::OtherKey);
        }
        match shown.resource {
            Some(resource) if resource != self.resource => Err(RefreshRefusal::OtherResource),
            _ if shown.scope.is_some_and(|scope| scope != self.resource.scope()) => Err(RefreshRefusal::OtherScope),
            _ if newest => Ok(Turn::Next),
            _ => Ok(Turn::Again),
        }
    }
}

/// How long a chain may live.
#[derive(Debug, Clone, Copy)]
pub enum Lives<'p> {
    /// A session of a browser: as long as the settings let it.
    AsSession(&'p Policy),
    /// A client that may refresh its tokens.
    Refreshed,
    /// A client that may not: one access token.
    Once,
}

/// What a client shows to refresh.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'s> {
    /// Who it is, authenticated as it must.
    pub client: &'s ClientId,
    /// The generation of its token.
    pub generation: i64,
    /// The key that it proved to have.
    pub key: Option<&'s Thumbprint>,
    /// What it asks for, if it says so.
    pub resource: Option<Resource>,
    /// The scope that it asks for, if it says so.
    pub scope: Option<&'s str>,
}

/// How a refresh is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The chain goes one generation on.
    Next,
    /// The newest token is said again; the chain stays.
    Again,
}

/// Why a chain is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainEnd {
    /// Somebody ended it, or it was reused.
    #[error("the logon was ended: log on again")]
    Ended,
    /// Its time is over.
    #[error("the logon is too old: log on again")]
    TooOld,
    /// The account was changed, disabled or deleted.
    #[error("the account has changed since the logon: log on again")]
    AccountChanged,
}

/// Why a refresh is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// It is no refresh token of ours, or its chain is long gone.
    #[error("this is no refresh token")]
    Unknown,
    /// It was given to another client.
    #[error("this refresh token was given to another client")]
    OtherClient,
    /// The chain is bound to a key, and this is not it; or to none, and one is shown.
    #[error("this refresh token is bound to another key")]
    OtherKey,
    /// The chain was ended.
    #[error("the logon was ended")]
    Ended,
    /// The chain is too old, or was not used for too long.
    #[error("the logon is too old")]
    TooOld,
    /// An older token than the newest came back: one of the two who have it has no right to it.
    #[error("this refresh token was used before")]
    Reused,
    /// The account is not what it was.
    #[error("the account has changed since the logon")]
    AccountChanged,
    /// The password is another.
    #[error("the password has changed since the logon")]
    PasswordChanged,
    /// The account's roles reach it no longer.
    #[error("the account may not use this resource")]
    NotReached,
    /// It asks for more than the logon was for.
    #[error("the logon was for another resource")]
    OtherResource,
    /// It asks for another scope.
    #[error("the logon was for another scope")]
    OtherScope,
}

impl RefreshRefusal {
    /// The reason for the event.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Unknown | Self::Ended | Self::TooOld | Self::Reused => Reason::Unauthenticated,
            Self::OtherClient | Self::OtherKey | Self::OtherResource | Self::OtherScope => Reason::UnauthorizedClient,
            Self::AccountChanged => Reason::AccountRevalidationFailed,
            Self::PasswordChanged => Reason::PasswordRevalidationFailed,
            Self::NotReached => Reason::UnauthorizedResourceOwner,
        }
    }

    /// The error code that the client is told (RFC 6749, section 5.2; RFC 8707, section 2; RFC 9449, section 5).
    pub const fn error(self) -> &'static str {
        match self {
            Self::OtherResource => "invalid_target",
            Self::OtherScope => "invalid_scope",
            Self::Unknown
            | Self::OtherClient
            | Self::OtherKey
            | Self::Ended
            | Self::TooOld
            | Self::Reused
            | Self::AccountChanged
            | Self::PasswordChanged
            | Self::NotReached => "invalid_grant",
        }
    }

    /// Whether the chain ends with it: nothing that comes later can be right again.
    pub const fn ends_chain(self) -> bool {
        match self {
            Self::Reused | Self::TooOld | Self::AccountChanged | Self::PasswordChanged | Self::NotReached => true,
            Self::Unknown
            | Self::OtherClient
            | Self::OtherKey
            | Self::Ended
            | Self::OtherResource
            | Self::OtherScope => false,
        }
    }
}

/// What refresh tokens are made with.
pub struct RefreshKey(hmac::Key);

const VERSION: u8 = 1;
const GENERATION: usize = 8;
const MAC: usize = 32;

impl RefreshKey {
    /// With 256 bits that were derived for this alone.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The refresh token of a chain's generation: the same each time.
    pub fn token(&self, chain: &str, generation: i64) -> String {
        let message = message(chain, generation);
        let mut bytes = hmac::sign(&self.0, &message).as_ref().to_vec();
        bytes.extend(message);
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }

    /// The chain and the generation that a token is of, if it was made with this key.
    pub fn read(&self, token: &str) -> Option<(String, i64)> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (mac, message) = bytes.split_at_checked(MAC)?;
        hmac::verify(&self.0, message, mac).ok()?;
        let (version, rest) = message.split_first()?;
        let (generation, chain) = rest.split_first_chunk::<GENERATION>()?;
        let chain = std::str::from_utf8(chain).ok()?;
        (*version == VERSION).then(|| (chain.to_owned(), i64::from_be_bytes(*generation)))
    }
}

fn message(chain: &str, generation: i64) -> Vec<u8> {
    let mut message = vec![VERSION];
    message.extend(generation.to_be_bytes());
    message.extend(chain.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AccountKind, AccountState, Role, Roles};

    const NOW: Timestamp = Timestamp(1_000_000_000_000_000);

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
            revision: 3,
        }
    }

    fn chain(generation: i64) -> Chain {
        Chain {
            id: "c0ffee".into(),
            client: ClientId::cli(),
            resource: Resource::Api,
            account: AccountId(1),
            account_revision: 3,
            address: "192.0.2.7".into(),
            key: None,
            generation,
            rotated_at: NOW,
            created_at: NOW,
            ends_at: NOW.plus_seconds(CHAIN_SECONDS),
            ended_at: None,
        }
    }

    fn refreshed(chain: &Chain, generation: i64, seconds: i64) -> Result<Turn, RefreshRefusal> {
        let client = ClientId::cli();
        let shown = Shown {
            client: &client,
            generation,
            key: None,
            resource: None,
            scope: None,
        };
        chain.refresh(&shown, Some(&account()), Some(NOW), NOW.plus_seconds(seconds))
    }

    #[test]
    fn req_10_the_newest_goes_on_the_one_before_is_said_again_for_ten_seconds_and_every_other_ends_the_chain() {
        let chain = chain(5);
        assert_eq!(refreshed(&chain, 5, 0), Ok(Turn::Next));
        assert_eq!(refreshed(&chain, 4, 9), Ok(Turn::Again));
        for (generation, seconds) in [(4, 10), (3, 0), (0, 0), (6, 0), (-1, 0), (i64::MAX, 0), (i64::MIN, 0)] {
            let refused = refreshed(&chain, generation, seconds);
            assert_eq!(refused, Err(RefreshRefusal::Reused), "{generation} after {seconds}");
        }
        assert!(RefreshRefusal::Reused.ends_chain());
        assert_eq!(RefreshRefusal::Reused.reason(), Reason::Unauthenticated);
    }

    #[test]
    fn req_11_a_chain_ends_unused_or_old() {
        let week = 7 * 86_400;
        assert_eq!(refreshed(&chain(0), 0, week - 1), Ok(Turn::Next));
        assert_eq!(refreshed(&chain(0), 0, week), Err(RefreshRefusal::TooOld));
        let used = Chain {
            rotated_at: NOW.plus_seconds(29 * 86_400),
            ..chain(1)
        };
        assert_eq!(refreshed(&used, 1, 30 * 86_400 - 1), Ok(Turn::Next));
        assert_eq!(refreshed(&used, 1, 30 * 86_400), Err(RefreshRefusal::TooOld));
        let ended = Chain {
            ended_at: Some(NOW),
            ..chain(0)
        };
        assert_eq!(refreshed(&ended, 0, 0), Err(RefreshRefusal::Ended));
        assert_eq!(ended.standing(&account(), NOW), Err(ChainEnd::Ended));
        assert_eq!(chain(0).standing(&account(), NOW), Ok(()));
        assert_eq!(used.standing(&account(), used.ends_at), Err(ChainEnd::TooOld));
    }

    #[test]
    fn req_12_a_refresh_is_bound_to_client_key_and_resource() {
        let (cli, other) = (ClientId::cli(), ClientId::web_ui());
        let key: Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
        let bound = Chain {
            key: Some(key.clone()),
            ..chain(0)
        };
        let ask = |chain: &Chain, client, key, resource| {
            let shown = Shown {
                client,
                generation: 0,
                key,
                resource,
                scope: None,
            };
            chain.refresh(&shown, Some(&account()), None, NOW)
        };
        assert_eq!(ask(&chain(0), &other, None, None), Err(RefreshRefusal::OtherClient));
        assert_eq!(ask(&bound, &cli, Some(&key), Some(Resource::Api)), Ok(Turn::Next));
        assert_eq!(ask(&bound, &cli, None, None), Err(RefreshRefusal::OtherKey));
        assert_eq!(ask(&chain(0), &cli, Some(&key), None), Err(RefreshRefusal::OtherKey));
        let wider = ask(&chain(0), &cli, None, Some(Resource::Repositories));
        assert_eq!(wider, Err(RefreshRefusal::OtherResource));
    }

    #[test]
    fn reason_2_3_5_what_happened_to_the_account_is_said_also_when_the_chain_was_ended() {
        let client = ClientId::cli();
        let shown = Shown {
            client: &client,
            generation: 0,
            key: None,
            resource: None,
            scope: None,
        };
        for ended_at in [None, Some(NOW)] {
            let chain = Chain { ended_at, ..chain(0) };
            let ask = |account: Option<Account>, changed| chain.refresh(&shown, account.as_ref(), changed, NOW);
            let disabled = Account {
                state: AccountState::Disabled,
                ..account()
            };
            let ending = Account {
                expires_at: Some(NOW),
                ..account()
            };
            let changed = Account {
                revision: 4,
                ..account()
            };
            for account in [None, Some(disabled), Some(ending), Some(changed)] {
                assert_eq!(ask(account, None), Err(RefreshRefusal::AccountChanged));
            }
            let later = Some(Timestamp(NOW.0 + 1));
            assert_eq!(ask(Some(account()), later), Err(RefreshRefusal::PasswordChanged));
            let without = Account {
                roles: Roles::default(),
                revision: 4,
                ..account()
            };
            assert_eq!(ask(Some(without), None), Err(RefreshRefusal::NotReached));
        }
        let restic = Chain {
            resource: Resource::Repositories,
            ..chain(0)
        };
        let deciding = Account {
            roles: [Role::SecurityAdministrator].into_iter().collect(),
            ..account()
        };
        assert_eq!(
            restic.refresh(&shown, Some(&deciding), None, NOW),
            Err(RefreshRefusal::NotReached)
        );
    }

    #[test]
    fn a_refresh_token_says_what_it_is_of_and_no_other_key_makes_it() {
        let key = RefreshKey::new(&[7; 32]);
        let token = key.token("c0ffee", 12);
        assert_eq!(key.token("c0ffee", 12), token);
        assert_eq!(key.read(&token), Some(("c0ffee".into(), 12)));
        assert_eq!(RefreshKey::new(&[8; 32]).read(&token), None);
    }

    proptest! {
        #[test]
        fn no_text_is_a_refresh_token_by_chance(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let key = RefreshKey::new(&[7; 32]);
            prop_assert_eq!(key.read(&text), None);
            prop_assert_eq!(key.read(&data_encoding::BASE64URL_NOPAD.encode(&bytes)), None);
        }

        #[test]
        fn no_changed_letter_leaves_a_refresh_token_whole(at in 0_usize..60, letter in "[A-Za-z0-9_-]", generation in 0_i64..1000) {
            let key = RefreshKey::new(&[7; 32]);
            let token = key.token("00112233445566778899aabbccddeeff", generation);
            let mut changed = token.clone();
            changed.replace_range(at..=at, &letter);
            prop_assume!(changed != token);
            prop_assert_eq!(key.read(&changed), None);
        }

        /// However a chain is used, the newest token is one, and an older one that is not the retry of a lost answer ends it.
        #[test]
        fn a_chain_never_forks(steps in prop::collection::vec((0_i64..6, 0_i64..15), 0..40)) {
            let mut chain = chain(0);
            let mut now = NOW;
            for (back, seconds) in steps {
                now = now.plus_seconds(seconds);
                let client = ClientId::cli();
                let shown = Shown { client: &client, generation: chain.generation - back, key: None, resource: None, scope: None };
                match chain.refresh(&shown, Some(&account()), None, now) {
                    Ok(Turn::Next) => {
                        prop_assert_eq!(back, 0);
                        chain.generation += 1;
                        chain.rotated_at = now;
                    }
                    Ok(Turn::Again) => {
                        prop_assert_eq!(back, 1);
                        prop_assert!(now < chain.rotated_at.plus_seconds(RETRY_SECONDS));
                    }
                    Err(refusal) => {
                        if refusal.ends_chain() {
                            chain.ended_at = Some(now);
                        }
                        prop_assert!(chain.ended_at.is_some());
                    }
                }
            }
        }
    }
}
