use serde::{Deserialize, Serialize};

/// Why a logon was denied: the thirteen values of `Reason` in 44001 and 44002 (seed page 44002).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// -1, unknown reason.
    Unknown,
    /// 0, the request is malformed.
    MalformedRequest,
    /// 1, unauthenticated: a name, a password or a code was wrong.
    Unauthenticated,
    /// 2, account revalidation failed: the account is no longer what it was when the token was made.
    AccountRevalidationFailed,
    /// 3, password revalidation failed: the password has been changed since.
    PasswordRevalidationFailed,
    /// 4, the client is unauthorized.
    UnauthorizedClient,
    /// 5, the resource owner is unauthorized.
    UnauthorizedResourceOwner,
    /// 6, too many invalid requests.
    TooManyInvalidRequests,
    /// 7, a second factor is required.
    MfaRequired,
    /// 8, an unexpected server error occurred.
    ServerError,
    /// 9, the selected cookie is missing.
    MissingCookie,
    /// 10, SAML2 is disabled.
    Saml2Disabled,
    /// 11, GSS is disabled.
    GssDisabled,
}

impl Reason {
    /// All thirteen, by code.
    pub const ALL: [Self; 13] = [
        Self::Unknown,
        Self::MalformedRequest,
        Self::Unauthenticated,
        Self::AccountRevalidationFailed,
        Self::PasswordRevalidationFailed,
        Self::UnauthorizedClient,
        Self::UnauthorizedResourceOwner,
        Self::TooManyInvalidRequests,
        Self::MfaRequired,
        Self::ServerError,
        Self::MissingCookie,
        Self::Saml2Disabled,
        Self::GssDisabled,
    ];

    /// The number on the wire, -1 to 11.
    #[must_use]
    pub const fn code(self) -> i8 {
        match self {
            Self::Unknown => -1,
            Self::MalformedRequest => 0,
            Self::Unauthenticated => 1,
            Self::AccountRevalidationFailed => 2,
            Self::PasswordRevalidationFailed => 3,
            Self::UnauthorizedClient => 4,
            Self::UnauthorizedResourceOwner => 5,
            Self::TooManyInvalidRequests => 6,
            Self::MfaRequired => 7,
            Self::ServerError => 8,
            Self::MissingCookie => 9,
            Self::Saml2Disabled => 10,
            Self::GssDisabled => 11,
        }
    }

    /// The reason with that number; `None` for a number outside -1 to 11.
    #[must_use]
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What the Description says after "… was denied: ". The wording of 1 is the seed's, the others are ours.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Unknown => "the reason is unknown.",
            Self::MalformedRequest => "the request is malformed.",
            Self::Unauthenticated => "an authentication has failed.",
            Self::AccountRevalidationFailed => "an account revalidation has failed.",
            Self::PasswordRevalidationFailed => "a password revalidation has failed.",
            Self::UnauthorizedClient => "the client is unauthorized.",
            Self::UnauthorizedResourceOwner => "the resource owner is unauthorized.",
            Self::TooManyInvalidRequests => "too many invalid requests.",
            Self::MfaRequired => "multi-factor authentication is required.",
            Self::ServerError => "an unexpected server error has occurred.",
            Self::MissingCookie => "the selected cookie is missing.",
            Self::Saml2Disabled => "SAML2 is disabled.",
            Self::GssDisabled => "GSS is disabled.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_run_from_minus_one_to_eleven_and_back() {
        let codes: Vec<i8> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes, (-1..=11).collect::<Vec<_>>());
        assert!(
            Reason::ALL
                .iter()
                .all(|reason| Reason::from_code(reason.code()) == Some(*reason))
        );
        assert_eq!((Reason::from_code(-2), Reason::from_code(12)), (None, None));
    }

    #[test]
    fn every_description_is_a_sentence_end_of_its_own() {
        let mut texts: Vec<&str> = Reason::ALL.iter().map(|reason| reason.description()).collect();
        assert!(texts.iter().all(|text| text.ends_with('.') && !text.contains('"')));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 13);
    }
}
