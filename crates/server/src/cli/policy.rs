//! `countersign settings`: the security settings, over the API of a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use countersign_core::Policy;
use serde_json::json;

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::said;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};

const PATH: &str = "/api/v1/settings";

/// Look at the security settings, and change them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Settings {
    /// Show every security setting
    Show(Show),
    /// Change what is given, keep the rest; while four-eyes authorization is on it becomes a request
    Change(Box<Change>),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Show {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Change {
    /// Whether whatever destroys needs a second person; two who can approve are needed to turn it on
    #[arg(long, value_name = "STATE")]
    four_eyes: Option<Switch>,
    /// Whether every person must show a second factor
    #[arg(long, value_name = "STATE")]
    mfa_for_all: Option<Switch>,
    /// How long a request waits for a decision, 1 to 30
    #[arg(long, value_name = "DAYS")]
    expiry_days: Option<u32>,
    /// How long after an approval bytes stay held, so that it can be vetoed, 0 to 720
    #[arg(long, value_name = "HOURS")]
    undo_hours: Option<u32>,
    /// How long an account that is new, promoted or has a new factor cannot approve, 0 to 720
    #[arg(long, value_name = "HOURS")]
    cool_off_hours: Option<u32>,
    /// How many requests of one account may wait at a time, 1 to 10000
    #[arg(long, value_name = "COUNT")]
    open_requests: Option<u32>,
    /// How long nothing may be asked of a backup before its deletes become a request, 1 to 3600
    #[arg(long, value_name = "SECONDS")]
    quiet_seconds: Option<u32>,
    /// How long deletes are collected at most, 60 to 86400
    #[arg(long, value_name = "SECONDS")]
    collect_seconds: Option<u32>,
    /// How many held bytes a backup may have at most; past it, deletes are refused
    #[arg(long, value_name = "BYTES")]
    held_bytes_cap: Option<u64>,
    /// Held bytes have no bound
    #[arg(long, conflicts_with = "held_bytes_cap")]
    no_held_bytes_cap: bool,
    /// How long events of logons are kept, 30 to 3650
    #[arg(long, value_name = "DAYS")]
    event_retention_days: Option<u32>,
    /// Events of logons are kept for ever
    #[arg(long, conflicts_with = "event_retention_days")]
    no_event_retention: bool,
    /// After how long without a question a person is logged off, 1 to 1440
    #[arg(long, value_name = "MINUTES")]
    logoff_minutes: Option<u32>,
    /// How long after the logon a session ends whatever happens, 1 to 168
    #[arg(long, value_name = "HOURS")]
    session_hours: Option<u32>,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// Of a setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Settings {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::Show(_) => None,
            Self::Change(change) => Some((&change.asking, change.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::Show(show) => &show.server,
            Self::Change(change) => &change.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::Show(show) => show.carry_out(remote),
            Self::Change(change) => change.carry_out(remote),
        }
    }
}

impl Show {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(PATH)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(shown(&read(remote, answer)?))
    }
}

/// Each setting on a line, by the name that changes it.
fn shown(policy: &Policy) -> String {
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let lines = [
        ("four-eyes", switch(policy.four_eyes)),
        ("mfa-for-all", switch(policy.mfa_for_all)),
        ("expiry-days", policy.expiry_days.to_string()),
        ("undo-hours", policy.undo_hours.to_string()),
        ("cool-off-hours", policy.cool_off_hours.to_string()),
        ("open-requests", policy.open_requests.to_string()),
        ("quiet-seconds", policy.quiet_seconds.to_string()),
        ("collect-seconds", policy.collect_seconds.to_string()),
        (
            "held-bytes-cap",
            policy
                .held_bytes_cap
                .map_or_else(|| "none".to_owned(), |cap| cap.to_string()),
        ),
        (
            "event-retention-days",
            policy
                .event_retention_days
                .map_or_else(|| "for ever".to_owned(), |days| days.to_string()),
        ),
        ("logoff-minutes", policy.logoff_minutes.to_string()),
        ("session-hours", policy.session_hours.to_string()),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("{name:<21} {value}\n"))
        .collect()
}

impl Change {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let before: Policy = read(remote, remote.get(PATH)?)?;
        let after = self.applied(before.clone());
        if after == before {
            return Err(Failure::Refused(
                "every setting is as you said already: see countersign settings change --help".to_owned(),
            ));
        }
        let answer = remote.put(PATH, &json!(after))?;
        said(remote, answer, self.json, "The settings are so now.")
    }

    fn applied(&self, mut policy: Policy) -> Policy {
        fn set<T: Copy>(to: &mut T, wish: Option<T>) {
            *to = wish.unwrap_or(*to);
        }
        let on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
        set(&mut policy.four_eyes, on(self.four_eyes));
        set(&mut policy.mfa_for_all, on(self.mfa_for_all));
        set(&mut policy.expiry_days, self.expiry_days);
        set(&mut policy.undo_hours, self.undo_hours);
        set(&mut policy.cool_off_hours, self.cool_off_hours);
        set(&mut policy.open_requests, self.open_requests);
        set(&mut policy.quiet_seconds, self.quiet_seconds);
        set(&mut policy.collect_seconds, self.collect_seconds);
        set(&mut policy.logoff_minutes, self.logoff_minutes);
        set(&mut policy.session_hours, self.session_hours);
        if self.held_bytes_cap.is_some() || self.no_held_bytes_cap {
            policy.held_bytes_cap = self.held_bytes_cap;
        }
        if self.event_retention_days.is_some() || self.no_event_retention {
            policy.event_retention_days = self.event_retention_days;
        }
        policy
    }
}

#[cfg(test)]
mod tests;
