//! A command that somebody asks to have run (operation 10000): exactly what, as whom, where, and for how long.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Sha256};

/// A command as a manifest has it. What is not in it is not used: a runner starts with no other environment, without a shell.
///
/// Fields stand in the order of their names, which is the canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// The program and its arguments, each as it is.
    pub argv: Vec<String>,
    /// The environment, nothing besides; a runner adds [`PATH`] where none is named.
    pub environment: BTreeMap<String, String>,
    /// Where it is run: an absolute path.
    pub folder: String,
    /// Who carries it out.
    pub mode: Mode,
    /// What people call it.
    pub name: String,
    /// How much of its output, and as much of its errors, is kept, in bytes, up to [`CommandSpec::MOST_OUTPUT`].
    pub output_bytes: u32,
    /// After how long it is ended, in seconds, 1 to 86400.
    pub seconds: u32,
    /// How long after it was allowed it can be begun, in minutes, 1 to 1440.
    pub valid_minutes: u32,
}

/// Who carries a command out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// A script, that shows a signed grant. It can be redeemed once.
    Grant {
        /// What the script says it is.
        audience: String,
    },
    /// A runner on the host that has the right to.
    Runner {
        /// Its account.
        account: AccountId,
        /// The account's name.
        name: String,
    },
}

/// Where a runner looks for programs when the command names no `PATH`.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why something cannot be a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// Of what people call it.
    #[error("a command's name has 1 to 100 characters, none of them a control character")]
    Name,
    /// Of the words.
    #[error(
        "a command has 1 to 256 words of together 64 KiB at most, the first of them not empty, without NUL characters"
    )]
    Argv,
    /// Of the environment.
    #[error(
        "an environment has up to 64 variables of together 64 KiB at most; a name has letters, digits and '_', \
         does not begin with a digit, and a value has no NUL characters"
    )]
    Environment,
    /// Of the folder.
    #[error("a command's folder is an absolute path of up to 4096 bytes, without NUL characters")]
    Folder,
    /// Of the grant.
    #[error("an audience has 1 to 100 letters, digits, '.', '_', '-', ':' or '/'")]
    Audience,
    /// Of the limits.
    #[error(
        "a command may take 1 to 86400 seconds, be begun for 1 to 1440 minutes, and have 1048576 bytes of output kept"
    )]
    Limits,
}

/// The most words and their bytes together.
const MOST_WORDS: usize = 256;
const MOST_VARIABLES: usize = 64;
const MOST_BYTES: usize = 64 * 1024;

impl CommandSpec {
    /// The most that is kept of its output, and of its errors, in bytes.
    pub const MOST_OUTPUT: u32 = 1024 * 1024;

    /// Whether it can be one.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn checked(self) -> Result<Self, BadCommand> {
        let bytes = |texts: &mut dyn Iterator<Item = &String>| texts.map(String::len).sum::<usize>();
        let nul = |text: &String| text.contains('\0');
        let name = self.name.chars().count();
        if !(1..=100).contains(&name) || self.name.chars().any(char::is_control) || self.name.trim() != self.name {
            return Err(BadCommand::Name);
        }
        let words = (1..=MOST_WORDS).contains(&self.argv.len()) && bytes(&mut self.argv.iter()) <= MOST_BYTES;
        if !words || self.argv.first().is_none_or(String::is_empty) || self.argv.iter().any(nul) {
            return Err(BadCommand::Argv);
        }
        let variables = self.environment.len() <= MOST_VARIABLES
            && bytes(&mut self.environment.keys()) + bytes(&mut self.environment.values()) <= MOST_BYTES
            && self.environment.keys().all(|name| is_variable(name))
            && !self.environment.values().any(nul);
        if !variables {
            return Err(BadCommand::Environment);
        }
        if !self.folder.starts_with('/') || self.folder.len() > 4096 || nul(&self.folder) {
            return Err(BadCommand::Folder);
        }
        if let Mode::Grant { audience } = &self.mode {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
            if !(1..=100).contains(&audience.len()) || !audience.bytes().all(good) {
                return Err(BadCommand::Audience);
            }
        }
        let limits = (1..=86_400).contains(&self.seconds)
            && (1..=1440).contains(&self.valid_minutes)
            && self.output_bytes <= Self::MOST_OUTPUT;
        if limits { Ok(self) } else { Err(BadCommand::Limits) }
    }

    /// The canonical JSON.
    ///
    /// # Errors
    /// None, for what [`Self::checked`] let through.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The SHA-256 of the canonical JSON: what a grant is for.
    ///
    /// # Errors
    /// As [`Self::canonical`].
    pub fn digest(&self) -> Result<Sha256, serde_json::Error> {
        Ok(Sha256::of(self.canonical()?.as_bytes()))
    }

    /// Until when it can be begun, if it is allowed now.
    pub fn begins_before(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(i64::from(self.valid_minutes) * 60)
    }

    /// Program and arguments as one line that says exactly them, see [`quoted`].
    pub fn line(&self) -> String {
        let words: Vec<_> = self.argv.iter().map(|word| quoted(word)).collect();
        words.join(" ")
    }

    /// What of the environment is set, as lines that say exactly it.
    pub fn variables(&self) -> Vec<String> {
        let said = |(name, value): (&String, &String)| format!("{name}={}", quoted(value));
        self.environment.iter().map(said).collect()
    }

    /// Whether a command that somebody is about to carry out is exactly this one.
    pub fn is_exactly(&self, argv: &[String], environment: &BTreeMap<String, String>, folder: &str) -> bool {
        self.argv == argv && self.environment == *environment && self.folder == folder
    }
}

fn is_variable(name: &str) -> bool {
    let starts = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// One word as bash would read it, so that no two words look the same and none looks like several. Whatever is not plain ASCII is
/// written as its number: no letter can turn the line around, hide, or stand for another that looks like it.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    if word.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\'') {
        return format!("'{word}'");
    }
    let mut out = String::from("$'");
    for letter in word.chars() {
        // Writing to a String never fails.
        let _ = match letter {
            '\'' => out.write_str("\\'"),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            ' '..='~' => out.write_char(letter),
            other if other.is_ascii() => write!(out, "\\x{:02x}", u32::from(other)),
            other => write!(out, "\\U{:08x}", u32::from(other)),
        };
    }
    out.push('\'');
    out
}

/// The commands that a runner's own host agrees to: each line a JSON list of the words that a command begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Vec<String>>);

/// A line of the list cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is no JSON list of one or more words, as in [\"/usr/sbin/fstrim\", \"-v\"]")]
pub struct BadAllowList(usize);

impl AllowList {
    /// From a file's text. Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(text: &str) -> Result<Self, BadAllowList> {
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let words = said.map(|(at, line)| match serde_json::from_str::<Vec<String>>(line) {
            Ok(words) if !words.is_empty() => Ok(words),
            _ => Err(BadAllowList(at)),
        });
        words.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a command begins with the words of one of its lines.
    pub fn allows(&self, argv: &[String]) -> bool {
        self.0.iter().any(|words| argv.starts_with(words))
    }
}

/// Where a command that was allowed is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// Nobody has taken it yet.
    Waiting,
    /// A runner has it.
    Running,
    /// It was run; how it ended is known.
    Ended,
    /// It was not run, or not to its end; the detail says why.
    Failed,
    /// A runner took it and never said what became of it. It is never run again.
    Unknown,
    /// Its grant was redeemed.
    Redeemed,
    /// Nobody took it in time.
    Lapsed,
}

impl CommandState {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Running,
        Self::Ended,
        Self::Failed,
        Self::Unknown,
        Self::Redeemed,
        Self::Lapsed,
    ];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Redeemed => "redeemed",
            Self::Lapsed => "lapsed",
        }
    }

    /// Whether nothing more will become of it.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// How long after its time limit a runner may still report, in seconds. After that nobody knows what became of the command.
pub const REPORT_SECONDS: i64 = 120;

#[cfg(test)]
mod tests;
