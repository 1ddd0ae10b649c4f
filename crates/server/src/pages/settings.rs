use askama::Template;

use super::{Chrome, Count, Moment, assets, filters};

/// `/settings`: the security settings.
#[derive(Template, Debug, Clone)]
#[template(path = "settings.html")]
pub struct SettingsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// On or off, and what can be done about it.
    pub four_eyes: FourEyes,
    /// Why the last try to turn it on or off failed.
    pub four_eyes_problem: Option<String>,
    /// Whether time passes for what waits.
    pub clock: ClockState,
    /// The rest.
    pub form: SettingsForm,
    /// Whether the reader may change anything.
    pub can_change: bool,
}

/// Whether time passes for what waits.
#[derive(Debug, Clone)]
pub enum ClockState {
    /// As the clock shows it.
    Passes,
    /// The clock jumped. Sends `csrf`, `jump`.
    StandsStill {
        /// Which jump.
        jump: String,
        /// What the clock should have shown.
        before: String,
        /// What it showed.
        after: String,
        /// What it shows now.
        now: String,
        /// How far ageing has come.
        ageing: String,
        /// Why the last try to confirm it failed.
        problem: Option<String>,
    },
}

/// Whether a second person is asked.
#[derive(Debug, Clone)]
pub enum FourEyes {
    /// Yes.
    On {
        /// The number of a request that waits to turn it off.
        turning_off: Option<String>,
    },
    /// No.
    Off {
        /// How many accounts could approve, now or after their cool-off: two are needed.
        eligible: Count,
        /// When the youngest of the first two may approve, if that lies ahead.
        ready: Option<Moment>,
    },
}

impl FourEyes {
    fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }
}

/// The numbers as typed. Sends `csrf`, `expiry_days`, `quiet_seconds`, `collect_seconds`, `cool_off_hours`, `held_gib`,
/// `event_retention_days`, `logoff_minutes`, `session_hours`, `open_requests`, `undo_hours`, `mfa_for_all` (`on`, `off`).
#[derive(Debug, Clone)]
pub struct SettingsForm {
    /// 1 to 30.
    pub expiry_days: String,
    /// 1 to 3600.
    pub quiet_seconds: String,
    /// 60 to 86400.
    pub collect_seconds: String,
    /// 0 to 720.
    pub cool_off_hours: String,
    /// In GiB; empty for no bound.
    pub held_gib: String,
    /// 30 to 3650; empty for ever.
    pub event_retention_days: String,
    /// 1 to 1440.
    pub logoff_minutes: String,
    /// 1 to 168.
    pub session_hours: String,
    /// 1 to 10000.
    pub open_requests: String,
    /// 0 to 720.
    pub undo_hours: String,
    /// Whether every person must show a second factor.
    pub mfa_for_all: bool,
    /// What was wrong with the last try.
    pub problem: Option<String>,
}
