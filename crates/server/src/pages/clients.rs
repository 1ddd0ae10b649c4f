use askama::Template;

use super::{Choice, Chrome, assets, filters};

/// `/clients`: what may ask for logons.
#[derive(Template, Debug, Clone)]
#[template(path = "clients.html")]
pub struct ClientsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Those that are built in, then the registered ones by id.
    pub rows: Vec<ClientRow>,
    /// Whether the reader may change them.
    pub can_change: bool,
}

/// A client in the list.
#[derive(Debug, Clone)]
pub struct ClientRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How it stands.
    pub state: ClientState,
    /// `browser, device, refresh`.
    pub grants: String,
    /// `API, repositories`.
    pub resources: String,
}

/// How a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// Part of the server.
    BuiltIn,
    /// It may ask.
    Enabled,
    /// It may ask, and cannot show yet that it is itself.
    WithoutSecret,
    /// It may not ask.
    Disabled,
}

impl ClientState {
    const fn label(self) -> &'static str {
        match self {
            Self::BuiltIn => "Built in",
            Self::Enabled => "Enabled",
            Self::WithoutSecret => "Has no secret yet",
            Self::Disabled => "Disabled",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::BuiltIn | Self::Enabled => "ok",
            Self::WithoutSecret => "pending",
            Self::Disabled => "error",
        }
    }
}

/// `/clients/new` and `/clients/{id}`: a client and its form.
#[derive(Template, Debug, Clone)]
#[template(path = "client.html")]
pub struct ClientPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Its id; none for a new one.
    pub id: Option<String>,
    /// How it stands; none for a new one.
    pub state: Option<ClientState>,
    /// Whether it keeps a secret, and if so whether it has one.
    pub secret: Option<bool>,
    /// The secret that was just made: the only time it is shown.
    pub fresh: Option<String>,
    /// What was wrong with the last try to make one.
    pub secret_problem: Option<String>,
    /// What is set.
    pub form: ClientForm,
    /// Whether a change becomes a request.
    pub is_held: bool,
    /// Whether the reader may change it.
    pub can_change: bool,
}

impl ClientPage {
    fn is_built_in(&self) -> bool {
        self.state == Some(ClientState::BuiltIn)
    }
}

/// The form of a client. Sends `csrf`, `id` (of a new one), `name`, `authentication`, `redirect_uris`; `on` for each that is ticked of
/// `by_code`, `by_device`, `refreshes`, `for_api`, `for_repositories`, `enabled`.
#[derive(Debug, Clone)]
pub struct ClientForm {
    /// What was typed.
    pub id: String,
    /// What was typed.
    pub name: String,
    /// How it shows that it is itself.
    pub authentications: Vec<Choice>,
    /// How it may ask; what is ticked is chosen.
    pub grants: Vec<Choice>,
    /// What it may ask for; what is ticked is chosen.
    pub resources: Vec<Choice>,
    /// One a line.
    pub redirect_uris: String,
    /// Whether it may ask now.
    pub enabled: bool,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}
