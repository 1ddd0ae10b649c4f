use askama::Template;

use super::{Link, PasswordProblem, Public, Span, assets, filters};

/// Why the sign-in form is shown again. What it says never helps in guessing (rule 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMessage {
    /// Unknown account or wrong password.
    WrongCredentials,
    /// The one-time code was wrong.
    WrongCode,
    /// The one-time code was right, and was used before.
    UsedCode,
    /// The recovery code was wrong, or was used before.
    WrongRecoveryCode,
    /// The passkey is not known here, or its answer did not hold.
    WrongPasskey,
    /// Nothing was typed.
    NoFactor,
    /// Too many tries from here or for this name.
    Throttled {
        /// Seconds until the next try is looked at.
        retry_after: Span,
    },
    /// The session ended: idle, too old, or ended by someone.
    SessionEnded,
    /// The form was open for too long, or its cookie is gone.
    FlowLost,
    /// The account may not use these pages.
    NotAllowed,
    /// The server could not do it.
    ServerError,
}

/// Where a page's script asks for a passkey. The form sends `csrf`, `passkey` (the browser's answer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyAsk {
    /// Where the form goes.
    pub action: String,
    /// Where the script gets what the authenticator is to sign: a POST of `csrf`.
    pub challenge: String,
}

/// First step: name and password, or a passkey. Sends `csrf`, `name`, `password`.
#[derive(Template, Debug, Clone)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// The name typed before, shown again.
    pub name: String,
    /// Why it is shown again.
    pub message: Option<SignInMessage>,
    /// For a passkey alone; none where there are none.
    pub passkey: Option<PasskeyAsk>,
    /// The other ways to sign in.
    pub others: Vec<Link>,
}

/// Second step: the code of the authenticator app, a passkey, or a recovery code. Sends `csrf`, `code` or `recovery`.
#[derive(Template, Debug, Clone)]
#[template(path = "sign_in_code.html")]
pub struct SignInCode {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// Who is signing in.
    pub name: String,
    /// Why it is shown again.
    pub message: Option<SignInMessage>,
    /// Where to start over with another name.
    pub start_over: String,
    /// Whether an authenticator app is enrolled.
    pub totp: bool,
    /// For a passkey, if one is enrolled.
    pub passkey: Option<PasskeyAsk>,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

/// Last step of some logons: a new password. Sends `csrf`, `password`, `repeat`.
#[derive(Template, Debug, Clone)]
#[template(path = "sign_in_password.html")]
pub struct SignInPassword {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// Who is signing in.
    pub name: String,
    /// The least number of characters.
    pub minimum: u32,
    /// Whether it will stand alone, without a second factor.
    pub alone: bool,
    /// Why it is shown again.
    pub message: Option<SignInMessage>,
    /// What was wrong with the last try.
    pub problems: Vec<PasswordProblem>,
    /// Where to start over with another name.
    pub start_over: String,
}

/// After signing out.
#[derive(Template, Debug, Clone)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    /// What stands around it.
    pub public: Public,
}
