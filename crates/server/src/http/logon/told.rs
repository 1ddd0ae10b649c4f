//! What a denial looks like: its HTTP status, and what the page says. Its reason stands in `core/src/logon/denial.rs`.

use axum::http::StatusCode;
use countersign_core::logon::Denial;

use crate::pages::{SignInMessage, Span};

/// What is told of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The form is shown again with this.
    Again(StatusCode, SignInMessage),
    /// The logon is over: this page.
    Over {
        /// The answer's status.
        status: StatusCode,
        /// The heading.
        title: &'static str,
        /// What is the matter.
        text: &'static str,
        /// What to do.
        advice: &'static str,
    },
}

/// The table. `wait` is how many seconds a throttled try has to wait.
pub const fn told(denial: Denial, wait: u64) -> Told {
    const REFUSED: StatusCode = StatusCode::FORBIDDEN;
    match denial {
        Denial::Unreadable => Told::Again(StatusCode::BAD_REQUEST, SignInMessage::FlowLost),
        Denial::WrongCredentials => Told::Again(REFUSED, SignInMessage::WrongCredentials),
        Denial::WrongCode => Told::Again(REFUSED, SignInMessage::WrongCode),
        Denial::UsedCode => Told::Again(REFUSED, SignInMessage::UsedCode),
        Denial::WrongRecoveryCode => Told::Again(REFUSED, SignInMessage::WrongRecoveryCode),
        Denial::WrongPasskey => Told::Again(REFUSED, SignInMessage::WrongPasskey),
        Denial::NoFactor => Told::Again(REFUSED, SignInMessage::NoFactor),
        Denial::Throttled => {
            let retry_after = Span(wait);
            Told::Again(StatusCode::TOO_MANY_REQUESTS, SignInMessage::Throttled { retry_after })
        }
        Denial::Failed => Told::Again(StatusCode::INTERNAL_SERVER_ERROR, SignInMessage::ServerError),
        Denial::AccountChanged => Told::Over {
            status: REFUSED,
            title: "This sign-in has ended",
            text: "The account has changed since this sign-in began.",
            advice: "Start again.",
        },
        Denial::PasswordChanged => Told::Over {
            status: REFUSED,
            title: "This sign-in has ended",
            text: "The password has changed since it was entered.",
            advice: "Start again with the new one. If it was not you who changed it, tell your administrator.",
        },
        Denial::NoRole => Told::Over {
            status: REFUSED,
            title: "This account may not be used here",
            text: "You are known here, but this account has no role for what you want to use.",
            advice: "Ask a security administrator for a role.",
        },
        Denial::NotEnrolled => Told::Over {
            status: REFUSED,
            title: "A second factor is required",
            text: "The password is right, but this account has no second factor yet.",
            advice: "Ask an administrator to have one enrolled.",
        },
    }
}
