//! Why a logon is denied: every cause on its own, and the one reason that it is reported with.

use countersign_events::Reason;

/// A cause of a denial during a logon. What the page says and its HTTP status stand in `server/src/http/logon/told.rs`;
/// docs/logon.md has all of it in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denial {
    /// The form could not be read, or is of another step.
    Unreadable,
    /// Unknown name or wrong password; also the right password of an account that may not log on.
    WrongCredentials,
    /// A wrong one-time code.
    WrongCode,
    /// A one-time code that was used before.
    UsedCode,
    /// A wrong or used recovery code.
    WrongRecoveryCode,
    /// A passkey that is not known here, or whose answer does not hold; also one of an account that may not log on.
    WrongPasskey,
    /// The account was changed, disabled or deleted, or has expired, since the first factor.
    AccountChanged,
    /// The password was changed or reset since it was shown.
    PasswordChanged,
    /// Every factor is right, and the person has no role that reaches what the logon is for.
    NoRole,
    /// Too many tries: it was not compared.
    Throttled,
    /// A second factor is asked for, and none was given.
    NoFactor,
    /// A second factor is asked for, and none is enrolled.
    NotEnrolled,
    /// The server could not compare it.
    Failed,
}

impl Denial {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Unreadable,
        Self::WrongCredentials,
        Self::WrongCode,
        Self::UsedCode,
        Self::WrongRecoveryCode,
        Self::WrongPasskey,
        Self::AccountChanged,
        Self::PasswordChanged,
        Self::NoRole,
        Self::Throttled,
        Self::NoFactor,
        Self::NotEnrolled,
        Self::Failed,
    ];

    /// The reason of the event (44002).
    pub const fn reason(self) -> Reason {
        match self {
            Self::Unreadable => Reason::MalformedRequest,
            Self::WrongCredentials
            | Self::WrongCode
            | Self::UsedCode
            | Self::WrongRecoveryCode
            | Self::WrongPasskey => Reason::Unauthenticated,
            Self::AccountChanged => Reason::AccountRevalidationFailed,
            Self::PasswordChanged => Reason::PasswordRevalidationFailed,
            Self::NoRole => Reason::UnauthorizedResourceOwner,
            Self::Throttled => Reason::TooManyInvalidRequests,
            Self::NoFactor | Self::NotEnrolled => Reason::MfaRequired,
            Self::Failed => Reason::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/logon.md says of each denial which reason it has; this holds the page to it.
    #[test]
    fn the_documented_table_is_the_one_in_the_code() {
        let page = include_str!("../../../../docs/logon.md");
        for denial in Denial::ALL {
            let row = format!("| `{denial:?}` | {} |", denial.reason().code());
            assert!(page.contains(&row), "docs/logon.md has no row that begins with {row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, Denial::ALL.len(), "rows of denials that the code has not");
    }
}
