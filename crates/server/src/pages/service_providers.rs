use askama::Template;

use super::{Bytes, Chrome, Count, Moment, assets, filters};

/// `/service-providers`: remote servers to which backups are copied.
#[derive(Template, Debug, Clone)]
#[template(path = "service_providers.html")]
pub struct ServiceProvidersPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// By name.
    pub rows: Vec<ServiceProviderRow>,
    /// Whether the reader may change them.
    pub can_change: bool,
}

/// A service provider in the list.
#[derive(Debug, Clone)]
pub struct ServiceProviderRow {
    /// Its number.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// How many copies are scheduled.
    pub schedules: Count,
    /// What is wrong with the first of those that are not well.
    pub trouble: Option<String>,
}

/// `/service-providers/new` and `/service-providers/{id}`: a service provider, its form, its copies.
#[derive(Template, Debug, Clone)]
#[template(path = "service_provider.html")]
pub struct ServiceProviderPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Its number; none for a new one.
    pub id: Option<String>,
    /// What it is called.
    pub name: String,
    /// Whether a password is kept.
    pub has_password: bool,
    /// How the test went that was just made.
    pub test: Option<ProviderTest>,
    /// What was wrong with the last try to copy, to schedule or to set the password.
    pub problem: Option<String>,
    /// What is copied again and again.
    pub schedules: Vec<ScheduleRow>,
    /// The newest copies.
    pub copies: Vec<CopyRow>,
    /// What there is to copy.
    pub backups: Vec<String>,
    /// What is set.
    pub form: ServiceProviderForm,
    /// Whether what weakens becomes a request.
    pub is_held: bool,
    /// Whether the reader may change it.
    pub can_change: bool,
}

/// How a test went.
#[derive(Debug, Clone)]
pub struct ProviderTest {
    /// Whether all is well.
    pub ok: bool,
    /// In a sentence.
    pub text: String,
}

/// A scheduled copy.
#[derive(Debug, Clone)]
pub struct ScheduleRow {
    /// `main/laptop`.
    pub backup: String,
    /// The folder there.
    pub to: String,
    /// In hours.
    pub every: Count,
    /// When the newest that is over ended.
    pub last: Option<Moment>,
    /// What is wrong, in a sentence.
    pub trouble: Option<String>,
}

/// A copy.
#[derive(Debug, Clone)]
pub struct CopyRow {
    /// `main/laptop`.
    pub backup: String,
    /// The folder there.
    pub to: String,
    /// Who asked; none when the schedule did.
    pub asked_by: Option<String>,
    /// When.
    pub asked: Moment,
    /// Where it stands.
    pub state: CopyStanding,
    /// How many objects were sent.
    pub sent: Count,
    /// Of how many.
    pub objects: Count,
    /// Of what was sent.
    pub bytes: Bytes,
    /// Why it failed, or what came between last.
    pub detail: Option<String>,
}

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStanding {
    /// It waits for its time.
    Due,
    /// It is being made.
    Running,
    /// Everything is there.
    Done,
    /// It was given up.
    Failed,
}

impl CopyStanding {
    const fn label(self) -> &'static str {
        match self {
            Self::Due => "Waits",
            Self::Running => "Running",
            Self::Done => "Done",
            Self::Failed => "Failed",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Due | Self::Running => "pending",
            Self::Done => "ok",
            Self::Failed => "error",
        }
    }
}

/// The form of a service provider. Sends `csrf`, `name`, `url`, `user`, `password` (of a new one), `server_name`, `ca`,
/// `fingerprint`, and `on` for `unencrypted` when it is ticked.
#[derive(Debug, Clone)]
pub struct ServiceProviderForm {
    /// What was typed.
    pub name: String,
    /// What was typed.
    pub url: String,
    /// What was typed.
    pub user: String,
    /// What was typed: the name in its certificate.
    pub server_name: String,
    /// What was typed: PEM.
    pub ca: String,
    /// What was typed: SHA-256 of its certificate.
    pub fingerprint: String,
    /// Whether it is ticked.
    pub unencrypted: bool,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}
