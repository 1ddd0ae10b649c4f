use askama::Template;
use countersign_core::account_change::LinkKind;

use super::{Moment, PasswordProblem, Public, SignInMessage, assets, filters};

/// Behind a link for another password: the second factor is shown, the password chosen. Sends `csrf`, `password`, `repeat`, and `code`
/// or `recovery`.
#[derive(Template, Debug, Clone)]
#[template(path = "link_password.html")]
pub struct LinkPassword {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// Whose it is.
    pub name: String,
    /// The least number of characters.
    pub minimum: u32,
    /// Why the second factor is asked for again.
    pub message: Option<SignInMessage>,
    /// What was wrong with the password.
    pub problems: Vec<PasswordProblem>,
    /// When the link dies.
    pub expires: Moment,
    /// Whether there is an authenticator app.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

/// Behind a link for another second factor: the password is shown first. Sends `csrf`, `password`.
#[derive(Template, Debug, Clone)]
#[template(path = "link_proof.html")]
pub struct LinkProof {
    /// What stands around it.
    pub public: Public,
    /// Where the form goes.
    pub action: String,
    /// Whose it is.
    pub name: String,
    /// Why it is shown again.
    pub message: Option<SignInMessage>,
    /// When the link dies.
    pub expires: Moment,
}

/// Everything behind a link was done.
#[derive(Template, Debug, Clone)]
#[template(path = "link_done.html")]
pub struct LinkDone {
    /// What stands around it.
    pub public: Public,
    /// Whose it was.
    pub name: String,
    /// What the link was for.
    pub kind: LinkKind,
    /// From when on this person may approve requests; none when they never may, or may already.
    pub approves_from: Option<Moment>,
}
