//! Receivers as the API tells them, and as a terminal shows them.

use std::fmt::Write as _;

use countersign_core::ReceiverId;
use countersign_core::receiver::ReceiverSpec;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::remote::failure::{Failure, read};
use super::super::remote::{Remote, became};
use super::super::terminal::{columns, date, plain};
use crate::flows::receivers::differences;
use crate::pages::{Count, Span};

/// A receiver.
#[derive(Debug)]
pub struct Receiver {
    /// Its number.
    pub id: ReceiverId,
    /// As an administrator described it.
    pub spec: ReceiverSpec,
    standing: Standing,
}

/// How it stands.
#[derive(Debug, Deserialize)]
struct Standing {
    id: ReceiverId,
    state: String,
    connected: Option<bool>,
    delivered_seq: u64,
    backlog: u64,
    lag_seconds: u64,
    delivered_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
}

/// What of the document describes the receiver: it can be sent back.
const SPEC: [&str; 5] = ["address", "filter", "name", "options", "transport"];

impl Receiver {
    /// Reads a document.
    pub fn read(remote: &Remote, document: &Value) -> Result<Self, Failure> {
        let standing: Standing = read(remote, document.clone())?;
        let described = SPEC
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), document.get(*name)?.clone())));
        let spec: Map<String, Value> = described.collect();
        Ok(Self {
            id: standing.id,
            spec: read(remote, Value::Object(spec))?,
            standing,
        })
    }

    /// For a terminal.
    pub fn shown(&self) -> String {
        let standing = &self.standing;
        let mut text = format!("Receiver {}: {}\n", self.id, self.spec.name);
        let mut add = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<16}{}", plain(value));
        };
        let connected = match standing.connected {
            Some(true) => ", connected",
            Some(false) => ", not connected",
            None => "",
        };
        add("state", &format!("{}{connected}", standing.state));
        add("waiting", &standing.waiting());
        add(
            "delivered",
            &format!("up to event {}, {}", standing.delivered_seq, standing.delivered()),
        );
        add("last error", &standing.error());
        for fact in differences(None, Some(&self.spec)) {
            if fact.name != "name" {
                add(fact.name.strip_prefix("options.").unwrap_or(&fact.name), &fact.after);
            }
        }
        text
    }
}

impl Standing {
    fn waiting(&self) -> String {
        match self.backlog {
            0 => "nothing".to_owned(),
            count => format!(
                "{}, the oldest for {}",
                Count(count).of("event"),
                Span(self.lag_seconds)
            ),
        }
    }

    fn delivered(&self) -> String {
        self.delivered_at
            .as_deref()
            .map_or_else(|| "never yet".to_owned(), |at| format!("last {}", date(at)))
    }

    fn error(&self) -> String {
        match (&self.last_error, &self.last_error_at) {
            (Some(error), Some(at)) => format!("{error} ({})", date(at)),
            (Some(error), None) => error.clone(),
            (None, _) => "none".to_owned(),
        }
    }
}

/// Receivers as a table with a head; nothing but a remark when there are none.
pub fn table(remote: &Remote, answer: &Value) -> Result<String, Failure> {
    let documents: Vec<Value> = read(remote, answer["receivers"].clone())?;
    let mut receivers = Vec::new();
    for document in &documents {
        receivers.push(Receiver::read(remote, document)?);
    }
    if receivers.is_empty() {
        return Ok("No receivers.\n".to_owned());
    }
    let head = [
        "ID",
        "NAME",
        "STATE",
        "WAITING",
        "LAG",
        "TRANSPORT",
        "ADDRESS",
        "LAST ERROR",
    ];
    Ok(columns(head, receivers.iter().map(row)))
}

fn row(receiver: &Receiver) -> [String; 8] {
    let standing = &receiver.standing;
    [
        receiver.id.to_string(),
        receiver.spec.name.to_string(),
        plain(&standing.state),
        Count(standing.backlog).to_string(),
        Span(standing.lag_seconds).to_string(),
        receiver.spec.transport.as_str().to_owned(),
        receiver.spec.address.to_string(),
        standing.last_error.as_deref().map(plain).unwrap_or_default(),
    ]
}

/// What became of a change: done as `done` says, or held; and how the test went that came with it.
pub fn became(remote: &Remote, answer: Option<Value>, done: &str) -> Result<String, Failure> {
    let answer = answer.unwrap_or_default();
    let mut text = became::became(remote, Some(&answer), done)?;
    if answer["test"].is_object() {
        text += &format!("{}\n", test_said(&answer["test"]));
    }
    Ok(text)
}

/// How a test went, as a sentence.
pub fn test_said(test: &Value) -> String {
    let detail = plain(test["detail"].as_str().unwrap_or_default());
    let mut letters = detail.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
