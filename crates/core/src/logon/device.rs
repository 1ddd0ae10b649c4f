//! Logons for hosts that no browser can come back to (RFC 8628): the host shows a short code, a person confirms it elsewhere.

use std::fmt;
use std::str::FromStr;

use countersign_events::{Reason, Timestamp};

use super::{ClientId, Redeemed, Resource};
use crate::clock::{Entropy, random};
use crate::{Account, AccountId, Sha256};

/// How long a code may be confirmed and fetched, in seconds.
pub const DEVICE_SECONDS: i64 = 600;

/// How often the host may ask, in seconds; each time it asks too early makes it this much slower.
pub const DEVICE_INTERVAL_SECONDS: i64 = 5;

/// How long ago a person may have logged on who confirms a code, in seconds: what is given lives longer than their session.
pub const DEVICE_FRESH_SECONDS: i64 = 15 * 60;

/// Letters that make no word (section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// What a person types: eight letters without vowels, shown as `BCDF-GHJK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// The text is no such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters without vowels, like BCDF-GHJK")]
pub struct BadUserCode;

impl UserCode {
    /// A fresh one of 34 bits.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut text = String::new();
        while text.len() < 8 {
            // 240 is a multiple of 20, so that no letter comes more often.
            let bytes = Sha256::of(&random::<32>(entropy)).0;
            let bytes = bytes.into_iter().filter(|byte| *byte < 240);
            let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            text.extend(letters.take(8 - text.len()));
        }
        Self(text)
    }

    /// By which the store finds it.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, two) = self.0.split_at(4);
        write!(f, "{one}-{two}")
    }
}

impl FromStr for UserCode {
    type Err = BadUserCode;

    /// Small letters, spaces and dashes are people's.
    fn from_str(text: &str) -> Result<Self, BadUserCode> {
        let letters: String = text
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '-'))
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        if letters.len() == 8 && letters.bytes().all(|letter| LETTERS.contains(&letter)) {
            Ok(Self(letters))
        } else {
            Err(BadUserCode)
        }
    }
}

/// Who confirmed a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// Whose account.
    pub account: AccountId,
    /// Its revision at that time.
    pub revision: i64,
}

/// How far a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has answered.
    Pending,
    /// A person confirmed it.
    Confirmed(Confirmed),
    /// A person refused it.
    Refused,
    /// It was fetched.
    Used(Confirmed),
}

/// A code as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLogon {
    /// The token chain that begins with it.
    pub chain: String,
    /// Who asks.
    pub client: ClientId,
    /// What for.
    pub resource: Resource,
    /// From where.
    pub address: String,
    /// How far it is.
    pub state: DeviceState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// From when on the host may ask again.
    pub next_at: Timestamp,
    /// How long it must wait between two questions, in seconds.
    pub interval: i64,
}

/// Why a host gets nothing, or nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// There is no such code.
    #[error("there is no such code")]
    Unknown,
    /// It was given to another client.
    #[error("this code was given to another client")]
    OtherClient,
    /// Nobody has answered yet.
    #[error("nobody has confirmed the code yet")]
    Pending,
    /// It asks too often.
    #[error("ask less often")]
    SlowDown,
    /// Nobody answered in time.
    #[error("nobody confirmed the code in time")]
    Expired,
    /// The person said no.
    #[error("the logon was refused")]
    Refused,
    /// It was fetched before: everything that came from it ends.
    #[error("this code was used before")]
    Used,
    /// The account is no longer what it was.
    #[error("the account has changed since the code was confirmed")]
    AccountChanged,
    /// The password was changed or reset since the code was asked for.
    #[error("the password has changed since the code was asked for")]
    PasswordChanged,
    /// The account's roles do not reach what the logon was for.
    #[error("the account may not use this resource")]
    NotReached,
}

impl DeviceRefusal {
    /// The error code that the client is told (section 3.5).
    pub const fn error(self) -> &'static str {
        match self {
            Self::Pending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::Expired => "expired_token",
            Self::Refused => "access_denied",
            Self::Unknown
            | Self::OtherClient
            | Self::Used
            | Self::AccountChanged
            | Self::PasswordChanged
            | Self::NotReached => "invalid_grant",
        }
    }

    /// The reason for the event; none where nothing was denied: the host is to ask again.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Pending | Self::SlowDown => None,
            Self::Unknown | Self::Expired | Self::Refused | Self::Used => Some(Reason::Unauthenticated),
            Self::OtherClient => Some(Reason::UnauthorizedClient),
            Self::AccountChanged => Some(Reason::AccountRevalidationFailed),
            Self::PasswordChanged => Some(Reason::PasswordRevalidationFailed),
            Self::NotReached => Some(Reason::UnauthorizedResourceOwner),
        }
    }
}

impl DeviceLogon {
    /// Whether a person may still answer it.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == DeviceState::Pending && now < self.expires_at
    }

    /// Decides about a question of the host. The caller marks a code that was taken as used, in the same transaction.
    ///
    /// # Errors
    /// Why it gets nothing, or nothing yet.
    pub fn poll(
        self,
        client: &ClientId,
        account: Option<Account>,
        password_changed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Redeemed, DeviceRefusal> {
        if *client != self.client {
            return Err(DeviceRefusal::OtherClient);
        }
        let confirmed = match self.state {
            DeviceState::Used(_) => return Err(DeviceRefusal::Used),
            _ if now >= self.expires_at => return Err(DeviceRefusal::Expired),
            _ if now < self.next_at => return Err(DeviceRefusal::SlowDown),
            DeviceState::Pending => return Err(DeviceRefusal::Pending),
            DeviceState::Refused => return Err(DeviceRefusal::Refused),
            DeviceState::Confirmed(confirmed) => confirmed,
        };
        let same = |account: &Account| account.id == confirmed.account && account.revision == confirmed.revision;
        let account = account.filter(|account| same(account) && account.lives(now));
        let account = account.ok_or(DeviceRefusal::AccountChanged)?;
        if password_changed_at.is_some_and(|changed| changed > self.created_at) {
            return Err(DeviceRefusal::PasswordChanged);
        }
        if !self.resource.admits(account.roles) {
            return Err(DeviceRefusal::NotReached);
        }
        Ok(Redeemed::of_device(self.chain, self.client, self.resource, account))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AccountKind, AccountState, Roles};

    const NOW: Timestamp = Timestamp(1_000_000_000);

    struct Bytes(u8);

    impl Entropy for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn codes_have_every_letter_and_differ() {
        let codes: Vec<_> = (0..=255).map(|byte| UserCode::new(&Bytes(byte)).to_string()).collect();
        let different: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(different.len(), 256);
        let letters: std::collections::BTreeSet<_> = codes.iter().flat_map(|code| code.bytes()).collect();
        assert_eq!(letters.len(), 21, "twenty and the dash");
        assert!(codes.iter().all(|code| code.parse::<UserCode>().is_ok()));
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code: UserCode = "TVWX-ZBCD".parse().unwrap();
        assert_eq!(code.to_string(), "TVWX-ZBCD");
        for typed in ["tvwxzbcd", " tvwx zbcd ", "T-V-W-X ZBCD"] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        for bad in [
            "",
            "TVWX-ZBC",
            "TVWX-ZBCDF",
            "TVWX-ZBCA",
            "TVWX-ZBC1",
            "TVWX_ZBCD",
            "ＴVWXZBCD",
        ] {
            assert_eq!(bad.parse::<UserCode>(), Err(BadUserCode), "{bad}");
        }
    }

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

    fn logon(state: DeviceState) -> DeviceLogon {
        DeviceLogon {
            chain: "c0ffee".into(),
            client: ClientId::cli(),
            resource: Resource::Api,
            address: "192.0.2.7".into(),
            state,
            created_at: NOW,
            expires_at: NOW.plus_seconds(DEVICE_SECONDS),
            next_at: NOW.plus_seconds(5),
            interval: 5,
        }
    }

    const CONFIRMED: Confirmed = Confirmed {
        account: AccountId(1),
        revision: 1,
    };

    #[test]
    fn a_host_gets_what_a_person_confirmed_once_and_in_time() {
        let ask = |state, account, seconds| {
            let asked = logon(state).poll(&ClientId::cli(), account, Some(NOW), NOW.plus_seconds(seconds));
            asked.map(|redeemed| redeemed.chain().to_owned())
        };
        let confirmed = DeviceState::Confirmed(CONFIRMED);
        assert_eq!(ask(confirmed, Some(account()), 5), Ok("c0ffee".into()));
        for (state, seconds, refusal) in [
            (DeviceState::Pending, 5, DeviceRefusal::Pending),
            (DeviceState::Pending, 4, DeviceRefusal::SlowDown),
            (confirmed, 4, DeviceRefusal::SlowDown),
            (DeviceState::Pending, 600, DeviceRefusal::Expired),
            (confirmed, 600, DeviceRefusal::Expired),
            (DeviceState::Refused, 5, DeviceRefusal::Refused),
            (DeviceState::Used(CONFIRMED), 5, DeviceRefusal::Used),
        ] {
            assert_eq!(ask(state, Some(account()), seconds), Err(refusal), "{state:?}");
        }
        let disabled = Account {
            state: AccountState::Disabled,
            ..account()
        };
        let changed = Account {
            revision: 2,
            ..account()
        };
        for account in [None, Some(disabled), Some(changed)] {
            assert_eq!(ask(confirmed, account, 5), Err(DeviceRefusal::AccountChanged));
        }
        let without = Account {
            roles: Roles::default(),
            ..account()
        };
        assert_eq!(ask(confirmed, Some(without), 5), Err(DeviceRefusal::NotReached));
        let later = Some(Timestamp(NOW.0 + 1));
        let changed = logon(confirmed).poll(&ClientId::cli(), Some(account()), later, NOW.plus_seconds(5));
        assert_eq!(changed.unwrap_err(), DeviceRefusal::PasswordChanged);
        let other = logon(confirmed).poll(&ClientId::web_ui(), Some(account()), None, NOW.plus_seconds(5));
        assert_eq!(other.unwrap_err(), DeviceRefusal::OtherClient);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(text in "\\PC{0,40}") {
            if let Ok(code) = text.parse::<UserCode>() {
                prop_assert_eq!(code.to_string().parse::<UserCode>(), Ok(code));
            }
        }
    }
}
