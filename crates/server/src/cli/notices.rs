//! `countersign notices`: look at the channels by which people are told of requests, change and test them, over the API of a
//! running server.

mod document;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use countersign_core::email::EmailAddress;
use countersign_core::notice::{Format, MailUser, NoticeKind, Security, WebhookUrl};
use countersign_core::receiver::{Certificates, ReceiverAddress};
use countersign_core::{Name, NoticeChannelId};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::{became, said};
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::plain;
use document::{Channel, table};

/// Look at the channels by which people are told of requests, change and test them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Notices {
    /// List channels and how they stand, and approvers whom mail does not reach
    List(List),
    /// Show a channel: how it stands, everything that is set
    Show(Named),
    /// Add a channel: a mail server (--smtp) or a webhook (--webhook)
    Add(Add),
    /// Change what is given, keep the rest
    Change(Change),
    /// Remove a channel
    Remove(Asked),
    /// Send a test notice to yourself, by the channel as it stands, and say how it went
    Test(Named),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Named {
    /// The channel's name or number
    #[arg(value_name = "CHANNEL")]
    channel: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// What is not given stays as it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Channel")]
pub struct Description {
    /// A mail server: host:port
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["webhook", "format", "new_secret"])]
    smtp: Option<ReceiverAddress>,
    /// How its connection is secured: starttls, implicit, or none (to this machine alone) [default when adding: starttls]
    #[arg(long, value_name = "HOW")]
    security: Option<Security>,
    /// Who mail is from
    #[arg(long, value_name = "ADDRESS")]
    from: Option<EmailAddress>,
    /// Who to log on as at the mail server; '' for nobody
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Read the user's password from the first line of this file; - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
    /// An address that takes signed calls: https://…
    #[arg(long, value_name = "URL")]
    webhook: Option<WebhookUrl>,
    /// What it is sent: json, or slack for chats that take a text alone [default when adding: json]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Make another signing key, printed this once
    #[arg(long)]
    new_secret: bool,
    /// Trust the authorities in this file (PEM) instead of the system's; '' for the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// Tell of this alone; once for each: created, decided, failed or reminder
    #[arg(long = "only", value_name = "NOTICE")]
    only: Vec<NoticeKind>,
}

/// The same where it may be held.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Asked {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Add {
    /// What to call it
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    description: Description,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Change {
    /// The channel's name or number
    #[arg(value_name = "CHANNEL")]
    channel: String,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    #[command(flatten)]
    description: Description,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl Notices {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(self.server(), self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::List(_) | Self::Show(_) | Self::Test(_) => None,
            Self::Add(add) => Some((&add.asking, add.json)),
            Self::Change(change) => Some((&change.asking, change.json)),
            Self::Remove(remove) => Some((&remove.asking, remove.named.json)),
        }
    }

    const fn server(&self) -> &ServerFlags {
        match self {
            Self::List(list) => &list.server,
            Self::Show(named) | Self::Test(named) => &named.server,
            Self::Remove(remove) => &remove.named.server,
            Self::Add(add) => &add.server,
            Self::Change(change) => &change.server,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.show(remote),
            Self::Add(add) => add.carry_out(remote),
            Self::Change(change) => change.carry_out(remote),
            Self::Remove(remove) => remove.named.remove(remote),
            Self::Test(named) => named.test(remote),
        }
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get(PATH)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        table(remote, &answer)
    }
}

impl Named {
    fn show(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = named(remote, &self.channel)?;
        if self.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(read::<Channel>(remote, answer)?.shown())
    }

    fn remove(&self, remote: &Remote) -> Result<String, Failure> {
        let channel: Channel = read(remote, named(remote, &self.channel)?)?;
        let answer = remote.delete(&path_of(channel.id))?;
        let done = format!("Channel {} is removed.", plain(&channel.name));
        said(remote, answer, self.json, &done)
    }

    fn test(&self, remote: &Remote) -> Result<String, Failure> {
        let channel: Channel = read(remote, named(remote, &self.channel)?)?;
        let answer = remote.post(&format!("{}/test", path_of(channel.id)), &json!({}))?;
        let detail = plain(answer["detail"].as_str().unwrap_or_default());
        if answer["outcome"] == "failed" {
            if self.json {
                println!("{answer}");
            }
            return Err(Failure::Found(detail));
        }
        Ok(if self.json {
            format!("{answer}\n")
        } else {
            format!("{detail}.\n")
        })
    }
}

impl Add {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let mut given = json!({"name": self.name});
        let described = &self.description;
        if let Some(url) = &described.webhook {
            given["webhook"] = json!({"url": url, "format": Format::Json});
        } else if described.smtp.is_some() {
            given["mail"] = json!({"security": Security::Starttls});
        } else {
            return Err(Failure::Refused("a channel needs --smtp or --webhook".to_owned()));
        }
        described.apply(&mut given)?;
        let answer = remote.post(PATH, &given)?;
        told(
            remote,
            Some(answer),
            self.json,
            &format!("Channel {} is added.", self.name),
        )
    }
}

impl Change {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let document = named(remote, &self.channel)?;
        let channel: Channel = read(remote, document.clone())?;
        let name = self.name.as_ref().map_or(channel.name.clone(), ToString::to_string);
        let mut given = json!({"name": name, "notices": document["notices"]});
        for way in ["mail", "webhook"] {
            if let Some(Value::Object(mut fields)) = document.get(way).cloned() {
                fields.remove("has_password");
                given[way] = Value::Object(fields);
            }
        }
        self.description.apply(&mut given)?;
        let answer = remote.put(&path_of(channel.id), &given)?;
        if answer.is_none() && !self.json {
            return Ok("Nothing differs: it is so already.\n".to_owned());
        }
        told(
            remote,
            answer,
            self.json,
            &format!("Channel {} is changed.", plain(&name)),
        )
    }
}

impl Description {
    /// Changes what was given.
    ///
    /// # Errors
    /// A file cannot be read, or what was given is not of this kind of channel.
    fn apply(&self, given: &mut Value) -> Result<(), Failure> {
        let ca = match self.ca.as_deref() {
            None => None,
            Some("") => Some(Value::Null),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Failure::File(path.to_owned(), error))?;
                let read: Result<Certificates, _> = text.parse();
                Some(json!(
                    read.map_err(|error| Failure::Refused(format!("{path}: {error}")))?
                ))
            }
        };
        if !self.only.is_empty() {
            given["notices"] = json!(self.only);
        }
        let of_mail = [
            self.security.is_some(),
            self.from.is_some(),
            self.user.is_some(),
            self.password_file.is_some(),
            self.smtp.is_some(),
        ];
        let of_webhook = [self.webhook.is_some(), self.format.is_some(), self.new_secret];
        if let Some(mail) = given.get_mut("mail") {
            if of_webhook.contains(&true) {
                return Err(Failure::Refused("this channel is a mail server, no webhook".to_owned()));
            }
            self.apply_to_mail(mail)?;
            if let Some(ca) = ca {
                mail["ca"] = ca;
            }
        } else if let Some(webhook) = given.get_mut("webhook") {
            if of_mail.contains(&true) {
                return Err(Failure::Refused("this channel is a webhook, no mail server".to_owned()));
            }
            if let Some(url) = &self.webhook {
                webhook["url"] = json!(url);
            }
            if let Some(format) = self.format {
                webhook["format"] = json!(format);
            }
            webhook["new_secret"] = json!(self.new_secret);
            if let Some(ca) = ca {
                webhook["ca"] = ca;
            }
        }
        Ok(())
    }

    fn apply_to_mail(&self, mail: &mut Value) -> Result<(), Failure> {
        if let Some(address) = &self.smtp {
            let port = address
                .as_str()
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok());
            mail["host"] = json!(address.host());
            mail["port"] = json!(port);
        }
        if let Some(security) = self.security {
            mail["security"] = json!(security);
        }
        if let Some(from) = &self.from {
            mail["from"] = json!(from);
        }
        match self.user.as_deref() {
            None => {}
            Some("") => mail["user"] = Value::Null,
            Some(user) => {
                let user: Result<MailUser, _> = user.parse();
                mail["user"] = json!(user.map_err(|error| Failure::Refused(error.to_string()))?);
            }
        }
        if let Some(path) = &self.password_file {
            let text = Zeroizing::new(read_file(path).map_err(|error| Failure::File(path.clone(), error))?);
            mail["password"] = json!(text.lines().next().unwrap_or_default());
        }
        Ok(())
    }
}

fn read_file(path: &str) -> std::io::Result<String> {
    if path == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    }
}

/// What became of a change, and the signing key that was made for it.
fn told(remote: &Remote, answer: Option<Value>, json: bool, done: &str) -> Result<String, Failure> {
    if json {
        return Ok(format!("{}\n", answer.unwrap_or_default()));
    }
    let mut text = became(remote, answer.as_ref(), done)?;
    if let Some(secret) = answer.as_ref().and_then(|answer| answer["secret"].as_str()) {
        text += &format!(
            "Give this signing key to whoever takes the calls; it is shown this once:\n{}\n",
            plain(secret)
        );
    }
    Ok(text)
}

const PATH: &str = "/api/v1/notice-channels";

fn path_of(id: NoticeChannelId) -> String {
    format!("{PATH}/{id}")
}

/// The channel of this name, or else of this number.
fn named(remote: &Remote, text: &str) -> Result<Value, Failure> {
    let answer = remote.get(PATH)?;
    let all: Vec<Value> = read(remote, answer["channels"].clone())?;
    let by_name = all.iter().find(|channel| channel["name"] == text);
    let found = by_name.or_else(|| {
        all.iter()
            .find(|channel| channel["id"].as_i64().is_some_and(|id| id.to_string() == text))
    });
    found
        .cloned()
        .ok_or_else(|| Failure::Refused(format!("there is no channel {}", plain(text))))
}

#[cfg(test)]
mod tests;
