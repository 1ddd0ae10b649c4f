use askama::Template;
use countersign_core::password::Unfit;

use super::{Moment, Public, QrCode, assets, filters};

/// What is wrong with what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProblem {
    /// No account can have this name.
    BadName,
    /// Another account has this name.
    NameTaken,
    /// Fewer characters than needed.
    TooShort,
    /// More than the server takes (the number is at least 64).
    TooLong,
    /// Among the passwords that are tried first.
    Common,
    /// It is, or is little more than, the account's or the product's name.
    Context,
    /// The two entries differ.
    Different,
    /// It is the password that is to be changed.
    Same,
}

impl From<Unfit> for PasswordProblem {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::TooShort { .. } => Self::TooShort,
            Unfit::TooLong => Self::TooLong,
            Unfit::Common => Self::Common,
            Unfit::Context => Self::Context,
        }
    }
}

/// First page behind a one-time link: name and password. Sends `csrf`, `name`, `password`, `repeat`.
#[derive(Template, Debug, Clone)]
#[template(path = "set_up_password.html")]
pub struct SetUpPassword {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// The name so far.
    pub name: String,
    /// Whether the link fixes the name.
    pub name_is_fixed: bool,
    /// The least number of characters.
    pub minimum: u32,
    /// What was wrong with the last try.
    pub problems: Vec<PasswordProblem>,
    /// When the link dies.
    pub expires: Moment,
}

impl SetUpPassword {
    fn name_is_wrong(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| matches!(problem, PasswordProblem::BadName | PasswordProblem::NameTaken))
    }

    fn password_is_wrong(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| !matches!(problem, PasswordProblem::BadName | PasswordProblem::NameTaken))
    }
}

/// Second page: the authenticator app. Sends `csrf`, `code`, `proof`.
#[derive(Template, Debug, Clone)]
#[template(path = "set_up_second_factor.html")]
pub struct SetUpSecondFactor {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// Whose it is.
    pub name: String,
    /// The `otpauth://` address as a picture.
    pub qr: QrCode,
    /// The secret in base32, in groups of four, for typing.
    pub secret_groups: Vec<String>,
    /// Whether the last code was wrong.
    pub wrong_code: bool,
    /// What shows that the page before was answered; empty where there was none to answer.
    pub proof: String,
}

/// How far the other first administrator is.
#[derive(Debug, Clone)]
pub enum OtherPerson {
    /// Their link was not used yet.
    Waiting {
        /// When it dies.
        expires: Moment,
    },
    /// Done.
    Done {
        /// Their account.
        name: String,
    },
    /// Their link died unused.
    Expired,
}

/// Last page: what is done, how far the other person is, and the offer to turn four-eyes authorization on.
/// Refreshes itself. Signed-in or not, the offer leads to Settings, which asks to sign in.
#[derive(Template, Debug, Clone)]
#[template(path = "set_up_done.html")]
pub struct SetUpDone {
    /// What stands around it.
    pub public: Public,
    /// Whose set-up is done.
    pub name: String,
    /// How far the other is.
    pub other: OtherPerson,
    /// Whether four-eyes authorization is on already.
    pub four_eyes_on: bool,
    /// Where "Turn four-eyes authorization on" sends its POST (with `csrf`); none if this person must sign in first.
    pub turn_on_action: Option<String>,
}
