//! Channels of notices as the API tells them, and as a terminal shows them.

use std::fmt::Write as _;

use countersign_core::NoticeChannelId;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::remote::Remote;
use super::super::remote::failure::{Failure, read};
use super::super::terminal::{columns, date, plain};
use crate::pages::Count;

/// A channel.
#[derive(Debug, Deserialize)]
pub struct Channel {
    /// Its number.
    pub id: NoticeChannelId,
    /// What it is called.
    pub name: String,
    notices: Vec<String>,
    #[serde(default)]
    mail: Option<Map<String, Value>>,
    #[serde(default)]
    webhook: Option<Map<String, Value>>,
    state: String,
    waiting: u64,
    delivered_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
    given_up: u64,
}

impl Channel {
    fn place(&self) -> String {
        let text =
            |fields: &Map<String, Value>, name: &str| plain(fields.get(name).and_then(Value::as_str).unwrap_or(""));
        match (&self.mail, &self.webhook) {
            (Some(mail), _) => format!(
                "{}:{}",
                text(mail, "host"),
                mail.get("port").cloned().unwrap_or_default()
            ),
            (None, Some(webhook)) => text(webhook, "url"),
            (None, None) => String::new(),
        }
    }

    const fn way(&self) -> &'static str {
        if self.mail.is_some() { "mail" } else { "webhook" }
    }

    /// For a terminal.
    pub fn shown(&self) -> String {
        let mut text = format!("Channel {}: {}\n", self.id, plain(&self.name));
        let mut add = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<16}{}", plain(value));
        };
        add("state", &self.state);
        add("waiting", &Count(self.waiting).of("notice"));
        add(
            "delivered",
            &self
                .delivered_at
                .as_deref()
                .map_or_else(|| "never yet".to_owned(), date),
        );
        let error = match (&self.last_error, &self.last_error_at) {
            (Some(error), Some(at)) => format!("{error} ({})", date(at)),
            (Some(error), None) => error.clone(),
            (None, _) => "none".to_owned(),
        };
        add("last error", &error);
        add("given up", &Count(self.given_up).of("notice"));
        add("tells of", &self.notices.join(", "));
        add(self.way(), &self.place());
        let fields = self.mail.iter().chain(&self.webhook).flatten();
        for (name, value) in fields.filter(|(name, _)| !matches!(name.as_str(), "host" | "port" | "url")) {
            match value {
                Value::Null => {}
                Value::String(_) if name == "ca" => add("ca", "its own authorities"),
                Value::String(value) => add(name, value),
                Value::Bool(has) => add("password", if *has { "set" } else { "none" }),
                other => add(name, &other.to_string()),
            }
        }
        text
    }
}

/// Channels as a table with a head, and approvers whom mail does not reach; nothing but a remark when there are no channels.
pub fn table(remote: &Remote, answer: &Value) -> Result<String, Failure> {
    let channels: Vec<Channel> = read(remote, answer["channels"].clone())?;
    let silent: Vec<String> = read(remote, answer["without_email"].clone())?;
    let mut text = if channels.is_empty() {
        "No channels: nobody is told of requests.\n".to_owned()
    } else {
        let head = ["ID", "NAME", "STATE", "WAITING", "BY", "WHERE", "LAST ERROR"];
        columns(
            head,
            channels.iter().map(|channel| {
                [
                    channel.id.to_string(),
                    plain(&channel.name),
                    plain(&channel.state),
                    Count(channel.waiting).to_string(),
                    channel.way().to_owned(),
                    channel.place(),
                    channel.last_error.as_deref().map(plain).unwrap_or_default(),
                ]
            }),
        )
    };
    if !silent.is_empty() {
        let names: Vec<_> = silent.iter().map(|name| plain(name)).collect();
        text += &format!(
            "Mail does not reach, since they have no e-mail address: {}\n",
            names.join(", ")
        );
    }
    Ok(text)
}
