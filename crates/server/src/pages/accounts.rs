use askama::Template;

use super::{Choice, Chrome, FreshToken, Moment, TokenForm, TokenRow, assets, filters};

/// `/accounts`: who there is and what they may do.
#[derive(Template, Debug, Clone)]
#[template(path = "accounts.html")]
pub struct AccountsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// By name; those that were deleted last.
    pub rows: Vec<AccountRow>,
    /// Whether the reader may change them.
    pub can_change: bool,
}

/// An account in the list.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// Its number.
    pub id: String,
    /// How it is called.
    pub name: String,
    /// Whether it is a service.
    pub is_service: bool,
    /// Whether it is the reader's.
    pub yours: bool,
    /// `Backup Administrator, Security Administrator`; empty for none.
    pub roles: String,
    /// How it stands.
    pub state: AccountStanding,
    /// Whether it may approve requests.
    pub approves: Approves,
    /// When it ends; none for never.
    pub expires: Option<Moment>,
    /// Where its person is told of requests.
    pub email: Option<String>,
    /// Of a service: who answers for it; none when nobody does.
    pub owner: Option<String>,
    /// Of a person: who it is, where that was said.
    pub person: Option<String>,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStanding {
    /// Waits for its person.
    Invited,
    /// May act.
    Active,
    /// Its end has come.
    Expired,
    /// May not act, for now.
    Disabled,
    /// Kept for the record.
    Deleted,
}

impl AccountStanding {
    const fn label(self) -> &'static str {
        match self {
            Self::Invited => "Invited",
            Self::Active => "Active",
            Self::Expired => "Expired",
            Self::Disabled => "Disabled",
            Self::Deleted => "Deleted",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Active => "ok",
            Self::Invited => "pending",
            Self::Expired | Self::Disabled => "error",
            Self::Deleted => "closed",
        }
    }
}

/// Whether an account may approve requests.
#[derive(Debug, Clone)]
pub enum Approves {
    /// Now.
    Now,
    /// When its cool-off is over.
    From(Moment),
    /// Not as it is.
    No,
}

/// `/accounts/new`. Sends `csrf`, `name`, `kind`, the roles' words, `expires`, `mfa`.
#[derive(Template, Debug, Clone)]
#[template(path = "account_new.html")]
pub struct NewAccountPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// What was typed.
    pub name: String,
    /// Person or service.
    pub kinds: Vec<Choice>,
    /// What can be set.
    pub form: AccountForm,
    /// Whether it waits for a second person.
    pub is_held: bool,
    /// Whether the reader may add accounts.
    pub can_change: bool,
}

/// What can be set of an account. Sends the roles' words, `expires`, `mfa`, `email`, `owner`, `person`.
#[derive(Debug, Clone)]
pub struct AccountForm {
    /// Every role.
    pub roles: Vec<Choice>,
    /// What was typed: `2027-01-31T00:00`, in UTC; empty for never.
    pub expires: String,
    /// Whether a second factor is always asked for.
    pub mfa: bool,
    /// What was typed: where its person is told of requests.
    pub email: String,
    /// Who can own a service.
    pub owners: Vec<Choice>,
    /// Who its person is, as typed; empty for nobody in particular.
    pub person: String,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}

/// `/accounts/{id}`.
#[derive(Template, Debug, Clone)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// As in the list.
    pub row: AccountRow,
    /// When it was added.
    pub created: Moment,
    /// Where its events are.
    pub events_href: String,
    /// The link just made: the only time it is shown.
    pub fresh_link: Option<FreshLink>,
    /// The link that waits.
    pub link: Option<LinkNote>,
    /// What can be set; sent to `POST /accounts/{id}`.
    pub form: AccountForm,
    /// What its person can be asked to set anew: the values of `what` in `POST /accounts/{id}/reset`.
    pub resets: Vec<Choice>,
    /// What was wrong with anything but the form.
    pub problem: Option<String>,
    /// Its repository tokens, newest first; none when the reader may not see them.
    pub tokens: Option<Vec<TokenRow>>,
    /// The form for a new token of a service; none for who may not make one.
    pub token_form: Option<TokenForm>,
    /// The token just made: the only time it is shown.
    pub fresh_token: Option<FreshToken>,
    /// What is logged on; none when the reader may not see it.
    pub sessions: Option<Vec<SessionRow>>,
    /// Whether a change waits for a second person.
    pub is_held: bool,
    /// Whether the reader may change it: never one's own, nor one that was deleted.
    pub can_change: bool,
}

impl AccountPage {
    fn end_action(&self) -> String {
        format!("/accounts/{}/sessions/end", self.row.id)
    }

    fn is_enabled(&self) -> bool {
        matches!(
            self.row.state,
            AccountStanding::Active | AccountStanding::Invited | AccountStanding::Expired
        )
    }
}

/// A link just made.
#[derive(Debug, Clone)]
pub struct FreshLink {
    /// What it is for, in a few words.
    pub what: String,
    /// The whole address.
    pub url: String,
    /// Until when it works.
    pub expires: Moment,
}

/// A link that waits to be made or used.
#[derive(Debug, Clone)]
pub struct LinkNote {
    /// What it is for, in a few words.
    pub what: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Until when it can be made.
    pub open_until: Moment,
    /// Until when the one that was made works; none before.
    pub works_until: Option<Moment>,
    /// Whether the reader may have it made.
    pub can_make: bool,
}

/// A session, or the tokens of a client.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Its token chain.
    pub chain: String,
    /// What was logged on with.
    pub client: String,
    /// From where.
    pub address: String,
    /// Since when.
    pub since: Moment,
    /// When it was last used.
    pub last_seen: Moment,
    /// Whether it is the reader's own, now.
    pub current: bool,
}

/// `/account/sessions`: what is logged on as the reader. Forms send `csrf`, `chain` to `POST /account/sessions/end`; without a chain
/// all others end.
#[derive(Template, Debug, Clone)]
#[template(path = "sessions.html")]
pub struct SessionsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Newest first.
    pub rows: Vec<SessionRow>,
}

impl SessionsPage {
    fn has_others(&self) -> bool {
        self.rows.iter().any(|row| !row.current)
    }
}
