use super::Moment;

/// Which entry of the navigation is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Requests that wait.
    Pending,
    /// Decided requests.
    History,
    /// The event list.
    Events,
    /// Backups, by storage.
    Backups,
    /// Where backups lie.
    Storages,
    /// The account's own repository tokens.
    Tokens,
    /// Who there is.
    Accounts,
    /// Where events go.
    Receivers,
    /// How people are told of requests.
    Notices,
    /// What may ask for logons.
    Clients,
    /// Where backups are copied to.
    ServiceProviders,
    /// Commands that were allowed, and who runs them.
    Commands,
    /// Security settings.
    Settings,
}

impl Section {
    const ALL: [Self; 13] = [
        Self::Pending,
        Self::History,
        Self::Events,
        Self::Backups,
        Self::Storages,
        Self::Tokens,
        Self::Accounts,
        Self::Receivers,
        Self::Notices,
        Self::Clients,
        Self::ServiceProviders,
        Self::Commands,
        Self::Settings,
    ];

    /// Where it leads.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Pending => "/pending",
            Self::History => "/history",
            Self::Events => "/events",
            Self::Backups => "/backups",
            Self::Storages => "/storages",
            Self::Tokens => "/tokens",
            Self::Accounts => "/accounts",
            Self::Receivers => "/receivers",
            Self::Notices => "/notices",
            Self::Clients => "/clients",
            Self::ServiceProviders => "/service-providers",
            Self::Commands => "/commands",
            Self::Settings => "/settings",
        }
    }

    /// How it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::History => "History",
            Self::Events => "Events",
            Self::Backups => "Backups",
            Self::Storages => "Storages",
            Self::Tokens => "Tokens",
            Self::Accounts => "Accounts",
            Self::Receivers => "Receivers",
            Self::Notices => "Notices",
            Self::Clients => "Clients",
            Self::ServiceProviders => "Service providers",
            Self::Commands => "Commands",
            Self::Settings => "Settings",
        }
    }
}

/// What stands around every page of someone who is signed in.
#[derive(Debug, Clone)]
pub struct Chrome {
    /// The session's token against forged forms.
    pub csrf: String,
    /// Who is signed in.
    pub account_name: String,
    /// How many requests wait for a decision.
    pub pending_count: u64,
    /// Whether four-eyes authorization is on; a banner says so when it is not.
    pub four_eyes_on: bool,
    /// The current entry of the navigation; none on error pages.
    pub section: Option<Section>,
    /// Of the program, for the footer.
    pub version: String,
    /// What needs an administrator now; empty for others.
    pub alerts: Vec<AlertLine>,
    /// What was just done, shown once at the top ("Request 41 was approved.").
    pub notice: Option<String>,
}

/// An alert, on every page of an administrator.
#[derive(Debug, Clone)]
pub struct AlertLine {
    /// Whether something does not work already.
    pub critical: bool,
    /// What is the matter, in a sentence.
    pub text: String,
    /// Since when.
    pub since: Moment,
}

impl Chrome {
    pub(super) const fn sections(&self) -> [Section; 13] {
        Section::ALL
    }

    pub(super) fn is_current(&self, section: &Section) -> bool {
        self.section == Some(*section)
    }
}

/// What stands around the pages that nobody is signed in for.
#[derive(Debug, Clone)]
pub struct Public {
    /// The flow's token against forged forms.
    pub csrf: String,
    /// Of the program, for the footer.
    pub version: String,
}

impl Public {
    /// With this token for the page's forms; an empty one where it has none.
    pub fn new(csrf: String) -> Self {
        Self {
            csrf,
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}
