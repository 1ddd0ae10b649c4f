//! `events tail`: prints recorded events, as they were and as they come, beside a data folder or from a running server.

mod source;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use countersign_core::RequestId;
use countersign_events::{Message, Severity, Timestamp};
use countersign_store::{EventFilter, StoreError};
use serde::Serialize;

use super::{fail, nobody_reads};
use crate::cli::remote::{RemoteError, ServerFlags};
use crate::cli::settings::{SettingFlags, complain};
use crate::config::PublicUrl;
use source::{Line, Source};

/// Print events as they leave.
///
/// They are read from the data folder, also beside a server that runs on it, or with --server from a running server, as
/// whoever `countersign login` logged on there.
#[derive(Debug, Default, Args)]
pub struct Tail {
    /// Print JSON: the message as `events decode` prints it, with its sequence number and request
    #[arg(long)]
    json: bool,
    /// Go on printing as events are recorded
    #[arg(long, short)]
    follow: bool,
    /// Only events with these ids, separated by commas
    #[arg(long = "id", value_name = "IDS", value_delimiter = ',')]
    ids: Vec<u32>,
    /// Only events of these severities, separated by commas: info, warning, error
    #[arg(long, value_name = "SEVERITIES", value_delimiter = ',', value_parser = severity)]
    severity: Vec<Severity>,
    /// Only events that name this user: initiator, supervisor, subject or user name, in any case
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only events of this request
    #[arg(long, value_name = "ID")]
    request: Option<RequestId>,
    /// From here on: after a sequence number (0 for every event), or from a time, 2026-11-21 or 2026-11-21T08:00:00Z
    /// [default: the last ten]
    #[arg(long, value_name = "SEQ|TIME")]
    since: Option<Point>,
    /// Up to here: a sequence number, included, or before a time
    #[arg(long, value_name = "SEQ|TIME", conflicts_with = "follow")]
    until: Option<Point>,
    /// Read from a running server at this URL, not from a data folder
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Server",
        conflicts_with_all = ["data", "listen", "public_url", "tls_cert", "tls_key", "tls_self_signed", "behind_proxy", "set"]
    )]
    server: Option<PublicUrl>,
    /// Trust this certificate (PEM) in place of the public authorities [default: COUNTERSIGN_CACERT]
    #[arg(long, value_name = "FILE", help_heading = "Server", requires = "server")]
    cacert: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags,
}

/// A place in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    Seq(i64),
    Time(Timestamp),
}

impl FromStr for Point {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(seq));
        }
        let time = Timestamp::parse_rfc3339(text).map(|(time, _)| time);
        // A day alone begins at midnight, UTC.
        let time = time.or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).map(|(time, _)| time));
        time.map(Self::Time)
            .ok_or("a sequence number or a time is expected: 812, 2026-11-21 or 2026-11-21T08:00:00Z")
    }
}

fn severity(text: &str) -> Result<Severity, &'static str> {
    Severity::of(text).ok_or("a severity is info, warning or error")
}

/// How many events are printed without `--since`.
const LAST: u32 = 10;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "there is no database in {0}: name the server's data folder with --data, or a running server with --server"
    )]
    NoDatabase(String),
    #[error("{0} {detail}", detail = .0.detail())]
    Store(#[from] StoreError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
}

impl Tail {
    /// Prints until the end, or for ever.
    pub fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start: {error}")),
        };
        let done = runtime.block_on(async {
            let source = match &self.server {
                Some(url) => Source::server(&ServerFlags {
                    server: Some(url.clone()),
                    cacert: self
                        .cacert
                        .clone()
                        .or_else(|| std::env::var_os("COUNTERSIGN_CACERT").map(PathBuf::from)),
                })?,
                None => match self.settings.load() {
                    Ok(config) => Source::beside(&config.data, config.origin).await?,
                    Err(complaints) => {
                        complain(&complaints);
                        return Ok(ExitCode::FAILURE);
                    }
                },
            };
            self.print(source, &mut io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        });
        match done {
            Ok(code) => code,
            Err(Failure::Write(error)) if nobody_reads(&error) => ExitCode::SUCCESS,
            Err(failure) => fail(failure),
        }
    }

    async fn print(&self, mut source: Source, out: &mut impl Write) -> Result<(), Failure> {
        let filter = self.filter();
        let mut after = match self.since {
            Some(Point::Seq(seq)) => seq,
            Some(Point::Time(_)) => 0,
            None => {
                // Read first: what is recorded meanwhile is either among the last ones or comes after this.
                let end = source.end().await?;
                let mut last = source.last(&filter, self.until_seq(), LAST).await?;
                last.reverse();
                for line in &last {
                    self.print_line(line, out)?;
                }
                out.flush()?;
                if !self.follow {
                    return Ok(());
                }
                last.last().map_or(end, |line| line.seq.max(end))
            }
        };
        loop {
            let (lines, next) = source.after(&filter, after, self.follow).await?;
            for line in &lines {
                if self.until_seq().is_some_and(|last| line.seq > last) {
                    return Ok(out.flush()?);
                }
                self.print_line(line, out)?;
            }
            out.flush()?;
            // Without following, nothing more and nothing left out is the end.
            if lines.is_empty() && !self.follow {
                return Ok(());
            }
            after = next;
        }
    }

    fn filter(&self) -> EventFilter {
        let time = |point| match point {
            Some(Point::Time(time)) => Some(time),
            _ => None,
        };
        EventFilter {
            ids: self.ids.clone(),
            severities: self.severity.clone(),
            request: self.request,
            user: self.user.clone(),
            since: time(self.since),
            until: time(self.until),
        }
    }

    const fn until_seq(&self) -> Option<i64> {
        match self.until {
            Some(Point::Seq(seq)) => Some(seq),
            _ => None,
        }
    }

    fn print_line(&self, line: &Line, out: &mut impl Write) -> Result<(), Failure> {
        // What we wrote ourselves always reads back; if ever not, the line itself is the answer.
        match countersign_events::decode(&line.message) {
            Ok(message) if self.json => {
                let recorded = Recorded {
                    seq: line.seq,
                    request: line.request,
                    message,
                };
                serde_json::to_writer(&mut *out, &recorded).map_err(io::Error::from)?;
            }
            _ => out.write_all(&line.message)?,
        }
        Ok(out.write_all(b"\n")?)
    }
}

/// The message, and what the event table knows beside it.
#[derive(Serialize)]
struct Recorded<'a> {
    seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<i64>,
    #[serde(flatten)]
    message: Message<'a>,
}

#[cfg(test)]
mod tests;
