//! The form of a channel of notices: as it was typed, and what it says.

use std::fmt::Display;
use std::str::FromStr;

use countersign_core::notice::{ChannelSpec, Format, NoticeKind, NoticeKinds, Security, Way};
use serde::Deserialize;

use super::words;
use crate::flows::notices::{Given, GivenMail, GivenWebhook};
use crate::pages::{ChannelForm, Choice};

/// The form of a channel, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedChannel {
    way: String,
    name: String,
    created: String,
    decided: String,
    failed: String,
    reminder: String,
    host: String,
    port: String,
    security: String,
    user: String,
    password: String,
    from: String,
    url: String,
    format: String,
    new_secret: String,
    ca: String,
    #[serde(skip)]
    has_password: bool,
}

const MAIL: &str = "mail";
const ON: &str = "on";

impl TypedChannel {
    /// A new mail server, or a new webhook: what is recommended.
    pub fn new(is_mail: bool) -> Self {
        let ticked = || ON.to_owned();
        Self {
            way: if is_mail { MAIL } else { "webhook" }.to_owned(),
            created: ticked(),
            decided: ticked(),
            failed: ticked(),
            reminder: ticked(),
            security: Security::Starttls.as_str().to_owned(),
            format: Format::Json.as_str().to_owned(),
            ..Self::default()
        }
    }

    /// As a channel is; its secrets are not told.
    pub fn of(spec: &ChannelSpec) -> Self {
        let tick = |kind| if spec.notices.has(kind) { ON } else { "" }.to_owned();
        let typed = Self {
            way: spec.way.as_str().to_owned(),
            name: spec.name.to_string(),
            created: tick(NoticeKind::Created),
            decided: tick(NoticeKind::Decided),
            failed: tick(NoticeKind::Failed),
            reminder: tick(NoticeKind::Reminder),
            ..Self::default()
        };
        let text = |ca: &Option<countersign_core::receiver::Certificates>| {
            ca.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        match &spec.way {
            Way::Mail(mail) => Self {
                host: mail.host.to_string(),
                port: mail.port.to_string(),
                security: mail.security.as_str().to_owned(),
                user: mail.user.as_ref().map(ToString::to_string).unwrap_or_default(),
                from: mail.from.to_string(),
                ca: text(&mail.ca),
                has_password: mail.password.is_some(),
                ..typed
            },
            Way::Webhook(webhook) => Self {
                url: webhook.url.to_string(),
                format: webhook.format.as_str().to_owned(),
                ca: text(&webhook.ca),
                ..typed
            },
        }
    }

    fn tick(&self, kind: NoticeKind) -> bool {
        let tick = match kind {
            NoticeKind::Created => &self.created,
            NoticeKind::Decided => &self.decided,
            NoticeKind::Failed => &self.failed,
            NoticeKind::Reminder => &self.reminder,
        };
        tick == ON
    }

    /// What it says.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn read(&self) -> Result<Given, String> {
        let kinds: Vec<_> = NoticeKind::ALL.into_iter().filter(|kind| self.tick(*kind)).collect();
        let notices = NoticeKinds::try_from(kinds).map_err(|error| words::sentence(&error.to_string()))?;
        let (mut mail, mut webhook) = (None, None);
        if self.way == MAIL {
            mail = Some(GivenMail {
                ca: optional(&self.ca)?,
                from: parsed(&self.from)?,
                host: parsed(&self.host)?,
                password: (!self.password.is_empty()).then(|| self.password.clone()),
                port: match self.port.trim() {
                    "" => None,
                    text => Some(
                        text.parse()
                            .map_err(|_| "A port is a number from 1 to 65535.".to_owned())?,
                    ),
                },
                security: parsed(&self.security)?,
                user: optional(&self.user)?,
            });
        } else {
            webhook = Some(GivenWebhook {
                ca: optional(&self.ca)?,
                format: parsed(&self.format)?,
                new_secret: self.new_secret == ON,
                url: parsed(&self.url)?,
            });
        }
        Ok(Given {
            name: parsed(&self.name)?,
            notices,
            mail,
            webhook,
        })
    }

    /// For the page. A password that was typed is not sent back.
    pub fn form(self, problem: Option<String>) -> ChannelForm {
        let choice = |value: &str, label: &str, hint: &str, chosen: bool| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
            chosen,
        };
        let notice = |kind: NoticeKind| {
            let (label, hint) = match kind {
                NoticeKind::Created => ("Requests that wait", "To those who could approve them."),
                NoticeKind::Decided => ("Decisions", "To whoever asked; for a service, to its owner."),
                NoticeKind::Failed => ("What could not be carried out", "To whoever asked."),
                NoticeKind::Reminder => ("Requests that expire soon", "To those who could still approve them."),
            };
            choice(kind.as_str(), label, hint, self.tick(kind))
        };
        let security = |security: Security| {
            let (label, hint) = match security {
                Security::Starttls => ("STARTTLS", "Usual: port 587. Without TLS no mail is sent."),
                Security::Implicit => ("TLS from the start", "Usual: port 465."),
                Security::None => ("In the clear", "To this machine alone."),
            };
            choice(security.as_str(), label, hint, self.security == security.as_str())
        };
        let format = |format: Format| {
            let (label, hint) = match format {
                Format::Json => (
                    "Everything, as JSON",
                    "Field by field, with a text for chats beside it.",
                ),
                Format::Slack => ("A text alone", "For chats: Slack, Mattermost, Rocket.Chat."),
            };
            choice(format.as_str(), label, hint, self.format == format.as_str())
        };
        ChannelForm {
            is_mail: self.way == MAIL,
            notices: NoticeKind::ALL.into_iter().map(notice).collect(),
            securities: Security::ALL.into_iter().map(security).collect(),
            formats: Format::ALL.into_iter().map(format).collect(),
            name: self.name,
            host: self.host,
            port: self.port,
            user: self.user,
            has_password: self.has_password,
            from: self.from,
            url: self.url,
            ca: self.ca,
            problem,
        }
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.trim()
        .parse()
        .map_err(|error: T::Err| words::sentence(&error.to_string()))
}

/// Nothing where nothing was typed.
fn optional<T: FromStr<Err: Display>>(text: &str) -> Result<Option<T>, String> {
    if text.trim().is_empty() {
        Ok(None)
    } else {
        parsed(text).map(Some)
    }
}
