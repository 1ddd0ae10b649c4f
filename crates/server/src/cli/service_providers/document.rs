//! Service providers and copies as the API tells them, and as a terminal shows them.

use std::fmt::Write as _;

use countersign_core::{CopyId, ServiceProviderId};
use serde::Deserialize;

use super::super::terminal::{columns, date, plain};
use crate::pages::{Bytes, Count};

/// A service provider.
#[derive(Debug, Deserialize)]
pub struct Provider {
    id: ServiceProviderId,
    name: String,
    url: String,
    user: String,
    unencrypted: bool,
    server_name: Option<String>,
    ca: Option<String>,
    fingerprint: Option<String>,
    has_password: bool,
    schedules: Vec<Schedule>,
}

#[derive(Debug, Deserialize)]
struct Schedule {
    backup: String,
    every_hours: u16,
    to: String,
    last: Option<Copy>,
    late_since: Option<String>,
}

/// A copy.
#[derive(Debug, Deserialize)]
pub struct Copy {
    /// Its number.
    pub id: CopyId,
    backup: String,
    to: String,
    scheduled: bool,
    state: String,
    asked_at: String,
    asked_by: String,
    attempts: u32,
    objects: u64,
    sent: u64,
    sent_bytes: u64,
    detail: Option<String>,
}

impl Copy {
    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "due" | "running")
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        let why = self.detail.as_deref().unwrap_or("the copy failed");
        (self.state == "failed").then_some(why)
    }

    /// In a sentence.
    pub fn said(&self) -> String {
        let what = format!("Copy {} of {} to {}", self.id, plain(&self.backup), plain(&self.to));
        match self.state.as_str() {
            "done" => format!("{what} is done: {}.", self.came_to()),
            "failed" => format!("{what} failed: {}.", plain(self.failure().unwrap_or_default())),
            state => format!("{what} is {}: see countersign service-providers copies.", plain(state)),
        }
    }

    fn came_to(&self) -> String {
        format!(
            "{} of {} sent, {}",
            Count(self.sent),
            Count(self.objects).of("object"),
            Bytes(self.sent_bytes)
        )
    }
}

impl Provider {
    /// For a terminal.
    pub fn shown(&self) -> String {
        let mut text = format!("Service provider {}: {}\n", self.id, plain(&self.name));
        let mut add = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<16}{}", plain(value));
        };
        add("url", &self.url);
        add("user", &self.user);
        add("password", if self.has_password { "set" } else { "none: give it one" });
        if self.unencrypted {
            add("unencrypted", "on");
        }
        for (name, value) in [("server_name", &self.server_name), ("fingerprint", &self.fingerprint)] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        if self.ca.is_some() {
            add("ca", "its own authorities: --json tells them");
        }
        for schedule in &self.schedules {
            let (every, to) = (schedule.every_hours, &schedule.to);
            add(
                "copied",
                &format!("{} every {every} hours to {to}: {}", schedule.backup, schedule.stands()),
            );
        }
        text
    }
}

impl Schedule {
    fn stands(&self) -> String {
        let late = match &self.late_since {
            Some(since) => format!("; the last good one is of {}, which is too long ago", date(since)),
            None => String::new(),
        };
        match &self.last {
            None => format!("not yet{late}"),
            Some(copy) => match copy.failure() {
                Some(why) => format!("failed, {why}{late}"),
                None => format!("{}{late}", copy.came_to()),
            },
        }
    }
}

/// As a table with a head.
pub fn table(all: &[Provider]) -> String {
    if all.is_empty() {
        return "No service providers.\n".to_owned();
    }
    columns(
        ["ID", "NAME", "URL", "USER", "COPIES"],
        all.iter().map(|provider| {
            let wrong = provider.schedules.iter().filter(|schedule| {
                schedule.late_since.is_some() || schedule.last.as_ref().is_some_and(|copy| copy.failure().is_some())
            });
            let count = format!("{} scheduled", Count(provider.schedules.len() as u64));
            let stands = match (provider.has_password, wrong.count()) {
                (false, _) => format!("{count}; no password"),
                (true, 0) => count,
                (true, wrong) => format!("{count}, {wrong} not well"),
            };
            [
                provider.id.to_string(),
                plain(&provider.name),
                plain(&provider.url),
                plain(&provider.user),
                stands,
            ]
        }),
    )
}

/// As a table with a head.
pub fn copies(all: &[Copy]) -> String {
    if all.is_empty() {
        return "No copies.\n".to_owned();
    }
    let head = ["ID", "STATE", "BACKUP", "TO", "ASKED", "BY", "TRIED", "SENT", "WHY"];
    columns(
        head,
        all.iter().map(|copy| {
            [
                copy.id.to_string(),
                plain(&copy.state),
                plain(&copy.backup),
                plain(&copy.to),
                date(&copy.asked_at),
                if copy.scheduled {
                    "schedule".to_owned()
                } else {
                    plain(&copy.asked_by)
                },
                copy.attempts.to_string(),
                copy.came_to(),
                plain(copy.detail.as_deref().unwrap_or_default()),
            ]
        }),
    )
}
