use askama::Template;

use super::{Choice, Chrome, Moment, assets, filters};

/// `/tokens`: the reader's own repository tokens.
#[derive(Template, Debug, Clone)]
#[template(path = "tokens.html")]
pub struct TokensPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Newest first.
    pub rows: Vec<TokenRow>,
    /// The form for a new one; none for who may not use backups.
    pub form: Option<TokenForm>,
    /// The one just made: the only time its secret is shown.
    pub fresh: Option<FreshToken>,
}

/// A token without its secret.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Its number.
    pub id: String,
    /// What it is called.
    pub label: String,
    /// The backups it may use: `*`, or `main/laptop, main/server`.
    pub scope: String,
    /// `read`, `append`, `delete`.
    pub rights: String,
    /// When it was made.
    pub created: Moment,
    /// When it was last used.
    pub last_used: Option<Moment>,
    /// When it was revoked.
    pub revoked: Option<Moment>,
    /// When it ends; none for never.
    pub expires: Option<Moment>,
}

/// The form for a new token. Sends `csrf`, `label`, `scope`, `rights`, `expires`.
#[derive(Debug, Clone)]
pub struct TokenForm {
    /// What was typed.
    pub label: String,
    /// What was typed.
    pub scope: String,
    /// What was typed: `2027-01-31T00:00`, in UTC; empty for never.
    pub expires: String,
    /// What a token may do.
    pub rights: Vec<Choice>,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}

/// A token just made.
#[derive(Debug, Clone)]
pub struct FreshToken {
    /// What it is called.
    pub label: String,
    /// The secret.
    pub secret: String,
    /// The whole address for a client, secret included.
    pub client_url: String,
}
