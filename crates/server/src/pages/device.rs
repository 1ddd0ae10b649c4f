use askama::Template;
use http::StatusCode;

use super::{Chrome, Moment, assets, filters};

/// `/device`: the code of a host without a browser. Sends `csrf`, `user_code`, and in the second step `answer`: `confirm` or
/// `refuse`.
#[derive(Template, Debug, Clone)]
#[template(path = "device.html")]
pub struct DevicePage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Where it is.
    pub step: DeviceStep,
}

/// Where the confirmation of a code is.
#[derive(Debug, Clone)]
pub enum DeviceStep {
    /// The code is asked for.
    Code {
        /// What was typed, or stood in the address.
        typed: String,
        /// What was wrong with the last try.
        problem: Option<String>,
    },
    /// Whose code it is: yes or no?
    Confirm(DeviceAsk),
    /// The reader's logon is too long ago.
    LogOnAgain {
        /// Where the logon is, and back.
        href: String,
    },
    /// Done.
    Confirmed,
    /// Refused.
    Refused,
}

/// Who asks for a logon.
#[derive(Debug, Clone)]
pub struct DeviceAsk {
    /// The code.
    pub code: String,
    /// What the client is called.
    pub client: String,
    /// Its id.
    pub client_id: String,
    /// What the logon is for.
    pub resource: String,
    /// What the reader's browser is connected to: the host must say the same.
    pub server: String,
    /// From where it asks.
    pub address: String,
    /// Since when.
    pub asked: Moment,
}

impl DeviceStep {
    /// The code is asked for again.
    pub fn problem(problem: &str) -> Self {
        Self::Code {
            typed: String::new(),
            problem: Some(problem.to_owned()),
        }
    }

    /// How its page is answered.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Code { problem: Some(_), .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::LogOnAgain { .. } => StatusCode::FORBIDDEN,
            Self::Code { problem: None, .. } | Self::Confirm(_) | Self::Confirmed | Self::Refused => StatusCode::OK,
        }
    }
}
