use serde::{Deserialize, Serialize};

/// Who did it: the `ModifiedUserInfo` of `InitiatorFullInfo`, `SupervisorFullInfo` and `UserFullInfo`
/// (seed pages 42402 and 42403).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// The name as the Description tells it, `TECH\user1`.
    pub full_name: String,
    /// How they log on: 0 for local and domain accounts, [`User::SAML`] for an identity provider.
    pub login_type: u32,
}

impl User {
    /// `login_type` of local and domain accounts, the only one seen in public examples of the family.
    pub const LOCAL: u32 = 0;
    /// `login_type` of accounts that log on through a SAML 2.0 identity provider (our number).
    pub const SAML: u32 = 1;
    /// `login_type` of service accounts, which log on with a token (our number).
    pub const SERVICE: u32 = 2;

    /// A local or domain account.
    #[must_use]
    pub fn local(full_name: impl Into<String>) -> Self {
        Self {
            full_name: full_name.into(),
            login_type: Self::LOCAL,
        }
    }
}
