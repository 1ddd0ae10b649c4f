//! `countersign service-providers`: look at remote servers to which backups are copied, register, change and test them, copy
//! backups there, over the API of a running server.

mod document;

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_core::Name;
use countersign_core::receiver::{Certificates, Fingerprint, ServerName};
use countersign_core::service_provider::{EveryHours, ProviderUrl, ProviderUser};
use serde_json::{Map, Value, json};

use super::exit::EXIT_CODES;
use super::remote::asking::{Asking, asked};
use super::remote::became::said;
use super::remote::failure::{Failure, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::plain;
use document::{Copy, Provider, copies, table};

/// Look at service providers, register, change and test them, copy backups there.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum ServiceProviders {
    /// List service providers and how their scheduled copies stand
    List(List),
    /// Show a service provider: everything that is set but its password, and how its scheduled copies stand
    Show(Named),
    /// Register a service provider: another countersign, or a rest-server
    Add(Add),
    /// Change what is given, keep the rest; when somebody else may be at the other end then, the password is forgotten
    Change(Change),
    /// Give it its password, or another
    Password(Password),
    /// Connect, log on and ask for one file; nothing is written there
    Test(Named),
    /// Copy a backup there now
    Copy(MakeCopy),
    /// Show copies, newest first
    Copies(Named),
    /// Copy a backup there again and again
    Schedule(Schedule),
    /// Copy a backup there no more
    Unschedule(Unschedule),
    /// Delete a service provider; the copies there stay as they are
    Delete(Delete),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct List {
    #[command(flatten)]
    common: Common,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Named {
    /// The service provider's name or number
    #[arg(value_name = "PROVIDER")]
    provider: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Delete {
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
    /// Where its repositories are: https://HOST[:PORT]/PATH/
    #[arg(value_name = "URL")]
    url: ProviderUrl,
    /// As whom to log on there
    #[arg(long, value_name = "USER")]
    user: ProviderUser,
    #[command(flatten)]
    secret: Secret,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    common: Common,
}

/// Where a password comes from.
#[derive(Debug, Args)]
struct Secret {
    /// Read the password from the first line of this file, - for standard input [default: it is asked for]
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
}

/// How it is known. What is not given stays as it is; an empty text unsets what was set.
#[derive(Debug, Args)]
struct Trust {
    /// Let password and copies cross a network in the clear (http)
    #[arg(long, value_name = "BOOLEAN", num_args = 0..=1, default_missing_value = "true")]
    unencrypted: Option<bool>,
    /// The name in its certificate, if it is not the host; '' for the host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Trust the authorities in this file (PEM) instead of the system's; '' for the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// Trust the one certificate with this SHA-256; '' for an authority's
    #[arg(long, value_name = "SHA-256")]
    fingerprint: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Change {
    /// The service provider's name or number
    #[arg(value_name = "PROVIDER")]
    provider: String,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Where its repositories are: https://HOST[:PORT]/PATH/
    #[arg(long, value_name = "URL")]
    url: Option<ProviderUrl>,
    /// As whom to log on there
    #[arg(long, value_name = "USER")]
    user: Option<ProviderUser>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Password {
    /// The service provider's name or number
    #[arg(value_name = "PROVIDER")]
    provider: String,
    #[command(flatten)]
    secret: Secret,
    #[command(flatten)]
    common: Common,
}

/// A backup at a provider.
#[derive(Debug, Args)]
struct At {
    /// The service provider's name or number
    #[arg(value_name = "PROVIDER")]
    provider: String,
    /// The backup: STORAGE/BACKUP
    #[arg(value_name = "BACKUP")]
    backup: String,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct MakeCopy {
    #[command(flatten)]
    at: At,
    /// The folder below the provider's address [default: that of the schedule, or the backup's own name]
    #[arg(long, value_name = "NAME")]
    to: Option<Name>,
    /// Wait until it is done, and say how it went
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Schedule {
    #[command(flatten)]
    at: At,
    /// How often, 1 to 744
    #[arg(long, value_name = "HOURS", default_value = "24")]
    every_hours: EveryHours,
    /// The folder below the provider's address [default: the backup's own name]
    #[arg(long, value_name = "NAME")]
    to: Option<Name>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Unschedule {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    common: Common,
}

/// How often a copy is asked how far it is.
const EVERY: Duration = Duration::from_secs(1);

impl ServiceProviders {
    /// Does it over the API.
    pub fn run(self) -> ExitCode {
        asked(&self.common().server, self.asking(), |remote| self.carry_out(remote))
    }

    /// What goes with a change that may be held, and whether documents are printed.
    const fn asking(&self) -> Option<(&Asking, bool)> {
        let asking = match self {
            Self::List(_)
            | Self::Show(_)
            | Self::Add(_)
            | Self::Password(_)
            | Self::Test(_)
            | Self::Copy(_)
            | Self::Copies(_) => return None,
            Self::Change(change) => &change.asking,
            Self::Schedule(schedule) => &schedule.asking,
            Self::Unschedule(unschedule) => &unschedule.asking,
            Self::Delete(delete) => &delete.asking,
        };
        Some((asking, self.common().json))
    }

    const fn common(&self) -> &Common {
        match self {
            Self::List(list) => &list.common,
            Self::Show(named) | Self::Test(named) | Self::Copies(named) => &named.common,
            Self::Delete(delete) => &delete.named.common,
            Self::Add(add) => &add.common,
            Self::Change(change) => &change.common,
            Self::Password(password) => &password.common,
            Self::Copy(copy) => &copy.common,
            Self::Schedule(schedule) => &schedule.common,
            Self::Unschedule(unschedule) => &unschedule.common,
        }
    }

    /// What standard output gets.
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::List(list) => list.carry_out(remote),
            Self::Show(named) => named.show(remote),
            Self::Add(add) => add.carry_out(remote),
            Self::Change(change) => change.carry_out(remote),
            Self::Password(password) => password.carry_out(remote),
            Self::Test(named) => named.test(remote),
            Self::Copy(copy) => copy.carry_out(remote),
            Self::Copies(named) => named.copies(remote),
            Self::Schedule(schedule) => schedule.carry_out(remote),
            Self::Unschedule(unschedule) => unschedule.carry_out(remote),
            Self::Delete(delete) => delete.named.delete(remote),
        }
    }
}

impl List {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.get("/api/v1/service-providers")?;
        if self.common.json {
            return Ok(format!("{answer}\n"));
        }
        let all: Vec<Provider> = read(remote, answer["service_providers"].clone())?;
        Ok(table(&all))
    }
}

impl Named {
    fn show(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = named(remote, &self.provider)?;
        if self.common.json {
            return Ok(format!("{answer}\n"));
        }
        Ok(read::<Provider>(remote, answer)?.shown())
    }

    fn test(&self, remote: &Remote) -> Result<String, Failure> {
        let path = path_of(&named(remote, &self.provider)?);
        let answer = remote.post(&format!("{path}/test"), &json!({}))?;
        let detail = plain(answer["detail"].as_str().unwrap_or_default());
        match answer["ok"] == true {
            true if self.common.json => Ok(format!("{answer}\n")),
            true => Ok(format!("{}: {detail}.\n", plain(&self.provider))),
            false => Err(Failure::Found(detail)),
        }
    }

    fn copies(&self, remote: &Remote) -> Result<String, Failure> {
        let path = path_of(&named(remote, &self.provider)?);
        let answer = remote.get(&format!("{path}/copies"))?;
        if self.common.json {
            return Ok(format!("{answer}\n"));
        }
        let all: Vec<Copy> = read(remote, answer["copies"].clone())?;
        Ok(copies(&all))
    }

    fn delete(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.delete(&path_of(&named(remote, &self.provider)?))?;
        let done = format!(
            "Service provider {} is deleted. The copies there stay as they are.",
            plain(&self.provider)
        );
        said(remote, answer, self.common.json, &done)
    }
}

impl Add {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let mut document = Map::new();
        document.insert("name".to_owned(), json!(self.name));
        document.insert("url".to_owned(), json!(self.url));
        document.insert("user".to_owned(), json!(self.user));
        self.trust.apply(&mut document)?;
        document.insert("password".to_owned(), json!(self.secret.read()?));
        let answer = remote.post("/api/v1/service-providers", &Value::Object(document))?;
        let done = format!("Registered as service provider {}.", answer["id"]);
        said(remote, Some(answer), self.common.json, &done)
    }
}

impl Trust {
    fn apply(&self, document: &mut Map<String, Value>) -> Result<(), Failure> {
        fn wish<T: std::str::FromStr<Err: std::fmt::Display> + serde::Serialize>(text: &str) -> Result<Value, Failure> {
            if text.is_empty() {
                return Ok(Value::Null);
            }
            let read = text.parse::<T>();
            read.map(|value| json!(value))
                .map_err(|error| Failure::Refused(error.to_string()))
        }
        if let Some(unencrypted) = self.unencrypted {
            document.insert("unencrypted".to_owned(), json!(unencrypted));
        }
        if let Some(name) = &self.server_name {
            document.insert("server_name".to_owned(), wish::<ServerName>(name)?);
        }
        if let Some(file) = &self.ca {
            let text = match file.as_str() {
                "" => String::new(),
                file => from_file(file)?,
            };
            document.insert("ca".to_owned(), wish::<Certificates>(&text)?);
        }
        if let Some(print) = &self.fingerprint {
            document.insert("fingerprint".to_owned(), wish::<Fingerprint>(print)?);
        }
        Ok(())
    }
}

impl Secret {
    fn read(&self) -> Result<String, Failure> {
        let text = match self.password_file.as_deref() {
            None => return Ok(rpassword::prompt_password("Password there: ")?),
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
            Some(file) => from_file(file)?,
        };
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

fn from_file(file: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::File(file.to_owned(), error))
}

/// What of a document describes the provider: it can be sent back.
const DESCRIPTION: [&str; 7] = ["name", "url", "user", "unencrypted", "server_name", "ca", "fingerprint"];

impl Change {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let known = named(remote, &self.provider)?;
        let described = DESCRIPTION
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), known.get(*name)?.clone())));
        let mut document: Map<String, Value> = described.collect();
        let given = [
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("url", self.url.as_ref().map(|url| json!(url))),
            ("user", self.user.as_ref().map(|user| json!(user))),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                document.insert(name.to_owned(), value);
            }
        }
        self.trust.apply(&mut document)?;
        let answer = remote.put(&path_of(&known), &Value::Object(document))?;
        let done = answer.is_none();
        let mut text = said(remote, answer, self.common.json, "It is so now.")?;
        if done && !self.common.json && named(remote, &known["id"].to_string())?["has_password"] == false {
            text += "It has no password now: countersign service-providers password PROVIDER\n";
        }
        Ok(text)
    }
}

impl Password {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let path = path_of(&named(remote, &self.provider)?);
        let answer = remote.put(&format!("{path}/password"), &json!({"password": self.secret.read()?}))?;
        said(remote, answer, self.common.json, "The password is kept.")
    }
}

impl MakeCopy {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let path = path_of(&named(remote, &self.at.provider)?);
        let asked = json!({"backup": self.at.backup, "to": self.to});
        let mut answer = remote.post(&format!("{path}/copies"), &asked)?;
        let mut copy: Copy = read(remote, answer.clone())?;
        while self.wait && copy.is_open() {
            std::thread::sleep(EVERY);
            answer = remote.get(&format!("{path}/copies/{}", copy.id))?;
            copy = read(remote, answer.clone())?;
        }
        match copy.failure() {
            Some(why) if self.wait => Err(Failure::Found(plain(why))),
            _ if self.common.json => Ok(format!("{answer}\n")),
            _ => Ok(format!("{}\n", copy.said())),
        }
    }
}

impl Schedule {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let document = json!({"every_hours": self.every_hours, "to": self.to});
        let answer = remote.put(&self.at.path(remote)?, &document)?;
        let every = self.every_hours.hours();
        let done = format!("{} is copied there every {every} hours.", plain(&self.at.backup));
        said(remote, answer, self.common.json, &done)
    }
}

impl Unschedule {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let answer = remote.delete(&self.at.path(remote)?)?;
        let done = format!("{} is copied there no more.", plain(&self.at.backup));
        said(remote, answer, self.common.json, &done)
    }
}

impl At {
    /// Of the schedule.
    fn path(&self, remote: &Remote) -> Result<String, Failure> {
        let both = self.backup.split_once('/');
        let both = both.and_then(|(storage, backup)| Some((storage.parse().ok()?, backup.parse().ok()?)));
        let (storage, backup): (Name, Name) =
            both.ok_or_else(|| Failure::Refused("a backup is named STORAGE/BACKUP, as main/laptop".to_owned()))?;
        let path = path_of(&named(remote, &self.provider)?);
        Ok(format!("{path}/schedules/{storage}/{backup}"))
    }
}

fn path_of(provider: &Value) -> String {
    format!("/api/v1/service-providers/{}", provider["id"])
}

/// The service provider of this name, or else of this number.
fn named(remote: &Remote, text: &str) -> Result<Value, Failure> {
    let answer = remote.get("/api/v1/service-providers")?;
    let all: Vec<Value> = read(remote, answer["service_providers"].clone())?;
    let by_name = all.iter().find(|provider| provider["name"] == text);
    let numbered = |provider: &&Value| provider["id"].as_i64().is_some_and(|id| id.to_string() == text);
    let found = by_name.or_else(|| all.iter().find(numbered));
    found
        .cloned()
        .ok_or_else(|| Failure::Refused(format!("there is no service provider {}", plain(text))))
}

#[cfg(test)]
mod tests;
