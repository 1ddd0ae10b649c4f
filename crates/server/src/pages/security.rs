use askama::Template;

use super::{Chrome, Moment, PasswordProblem, QrCode, assets, filters};

/// `/account/security`: the reader's own factors.
#[derive(Template, Debug, Clone)]
#[template(path = "security.html")]
pub struct SecurityPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Whether a factor was shown a moment ago, so that something can be changed.
    pub fresh: bool,
    /// When the password was changed last; none if there is none.
    pub password_changed: Option<Moment>,
    /// The form for another.
    pub password: PasswordForm,
    /// When the authenticator app was enrolled; none if there is none.
    pub totp: Option<Moment>,
    /// Oldest first.
    pub passkeys: Vec<PasskeyRow>,
    /// Whether browsers make passkeys for this server's address.
    pub passkeys_here: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// Whether there is a second factor.
    pub enrolled: bool,
    /// Whether there must be one.
    pub required: bool,
    /// Until when the reader cannot approve after the last change.
    pub cooling_until: Option<Moment>,
    /// Whether the reader may approve otherwise.
    pub approves: bool,
    /// How long a change keeps from approving, in hours.
    pub cool_off_hours: u32,
    /// Why nothing was changed.
    pub problem: Option<String>,
    /// A new set of recovery codes: the only time it is shown.
    pub fresh_codes: Vec<String>,
}

/// The form for another password. Sends `csrf`, `old`, `password`, `repeat`.
#[derive(Debug, Clone, Default)]
pub struct PasswordForm {
    /// The least number of characters.
    pub minimum: u32,
    /// What was wrong with the last try.
    pub problems: Vec<PasswordProblem>,
    /// Whether the old one was wrong.
    pub wrong: bool,
}

/// A passkey.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// Its number.
    pub id: i64,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub made: Moment,
    /// When it was last shown.
    pub used: Option<Moment>,
}

/// `/account/security/totp`: the secret of an authenticator app, until a code proves that it is kept. Sends `csrf`, `code`.
#[derive(Template, Debug, Clone)]
#[template(path = "enrol_totp.html")]
pub struct EnrolTotpPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// The `otpauth://` address as a picture.
    pub qr: QrCode,
    /// The secret in base32, in groups of four, for typing.
    pub secret_groups: Vec<String>,
    /// Whether the last code was wrong.
    pub wrong_code: bool,
}

/// `/account/confirm`: asks for a factor before something sensitive. Sends `csrf`, `to`, and `code`, `passkey` or `password`.
#[derive(Template, Debug, Clone)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Where to go on.
    pub to: String,
    /// Whether the reader has an authenticator app.
    pub totp: bool,
    /// Where the script asks for a passkey, if the reader has one.
    pub passkey: Option<String>,
    /// Whether the password is asked for, because there is nothing else.
    pub password: bool,
    /// Why it was not taken.
    pub problem: Option<String>,
}
