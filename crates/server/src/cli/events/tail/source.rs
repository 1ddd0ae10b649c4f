//! Where the events are read: the event table in a data folder, or the API of a running server.

use std::path::Path;
use std::time::Duration;

use countersign_events::{Occurrence, Origin, Severity};
use countersign_store::{EventFilter, Place, RecordedEvent, View};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::Failure;
use crate::app::DATABASE;
use crate::cli::remote::{Remote, RemoteError, ServerFlags};
use crate::delivery::local_offset;
use crate::session::QUERY_VALUE;

/// How many events are read at once.
const BATCH: u32 = 500;

/// How often the event table is looked at for what is new.
const EVERY: Duration = Duration::from_millis(250);

/// How long a server is asked to wait for what is new, in seconds.
const WAIT: u32 = 25;

/// How long until a server that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// An event as it leaves.
pub(super) struct Line {
    pub(super) seq: i64,
    pub(super) request: Option<i64>,
    /// Without a line's end.
    pub(super) message: Vec<u8>,
}

/// Where the events are read.
#[expect(clippy::large_enum_variant, reason = "a command makes one")]
pub(super) enum Source {
    Beside(View, Origin),
    Server(Box<Remote>),
}

impl Source {
    /// The event table of a data folder, also while a server runs on it.
    pub(super) async fn beside(data: &Path, origin: Origin) -> Result<Self, Failure> {
        let path = data.join(DATABASE);
        if !path.exists() {
            return Err(Failure::NoDatabase(data.display().to_string()));
        }
        Ok(Self::Beside(View::beside(&path).await?, origin))
    }

    /// A running server, with the token of the last logon there.
    pub(super) fn server(flags: &ServerFlags) -> Result<Self, Failure> {
        Ok(Self::Server(Box::new(Remote::logged_on(flags)?)))
    }

    /// The sequence number of the last event of all; 0 when there is none.
    pub(super) async fn end(&mut self) -> Result<i64, Failure> {
        match self {
            Self::Beside(view, _) => Ok(view.last_event().await?),
            Self::Server(remote) => {
                let page = page(remote, "/api/v1/events?limit=1")?;
                Ok(page.events.first().map_or(0, |event| event.seq))
            }
        }
    }

    /// The last ones that fit, newest first; up to a number, where one is given.
    pub(super) async fn last(
        &mut self,
        filter: &EventFilter,
        until: Option<i64>,
        most: u32,
    ) -> Result<Vec<Line>, Failure> {
        let before = until.map(|until| until.saturating_add(1));
        match self {
            Self::Beside(view, origin) => {
                let place = before.map_or(Place::Newest, Place::Before);
                let found = view.search_events(filter, place, most).await?;
                Ok(found.iter().map(|event| line(event, origin)).collect())
            }
            Self::Server(remote) => {
                let mut path = format!("/api/v1/events?limit={most}{}", told(filter));
                if let Some(before) = before {
                    path += &format!("&before={before}");
                }
                Ok(page(remote, &path)?.lines())
            }
        }
    }

    /// The next ones that fit, oldest first, and where to go on. With `wait`, comes back when there are some, or after a while.
    pub(super) async fn after(
        &mut self,
        filter: &EventFilter,
        after: i64,
        wait: bool,
    ) -> Result<(Vec<Line>, i64), Failure> {
        match self {
            Self::Beside(view, origin) => {
                let found = view.search_events(filter, Place::After(after), BATCH).await?;
                if found.is_empty() && wait {
                    tokio::time::sleep(EVERY).await;
                }
                let next = found.last().map_or(after, |event| event.seq);
                Ok((found.iter().map(|event| line(event, origin)).collect(), next))
            }
            Self::Server(remote) => {
                let mut path = format!("/api/v1/events?after={after}&limit={BATCH}{}", told(filter));
                if wait {
                    path += &format!("&wait={WAIT}");
                }
                let page = if wait {
                    persistently(remote, &path).await?
                } else {
                    page(remote, &path)?
                };
                let next = page.next.unwrap_or(after);
                Ok((page.lines(), next))
            }
        }
    }
}

fn line(recorded: &RecordedEvent, origin: &Origin) -> Line {
    let mut message = Vec::new();
    let when = Occurrence::new(recorded.at, local_offset(recorded.at));
    countersign_events::encode(&recorded.event, when, origin, &mut message);
    Line {
        seq: recorded.seq,
        request: recorded.request.map(|request| request.0),
        message,
    }
}

/// The server's answer; what else is in it is not needed here.
#[derive(Deserialize)]
struct Page {
    events: Vec<Told>,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Told {
    seq: i64,
    request: Option<i64>,
    message: String,
}

impl Page {
    fn lines(self) -> Vec<Line> {
        let line = |told: Told| Line {
            seq: told.seq,
            request: told.request,
            message: told.message.into_bytes(),
        };
        self.events.into_iter().map(line).collect()
    }
}

fn page(remote: &Remote, path: &str) -> Result<Page, RemoteError> {
    serde_json::from_value(remote.get(path)?).map_err(|_| {
        RemoteError::Strange(
            remote.url.to_string(),
            "the document is of another form; update countersign",
        )
    })
}

/// Whoever follows goes on when the server is back: it may only have been started again.
async fn persistently(remote: &Remote, path: &str) -> Result<Page, RemoteError> {
    let mut told = false;
    loop {
        match page(remote, path) {
            Err(error @ (RemoteError::Unreachable(..) | RemoteError::Refused { status: 500.., .. })) => {
                if !told {
                    eprintln!("countersign: {error}; trying again");
                    told = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            other => return other,
        }
    }
}

/// A filter as the rest of a query.
fn told(filter: &EventFilter) -> String {
    let mut query = String::new();
    let mut add = |name: &str, value: &str| {
        query.push_str(&format!("&{name}={}", utf8_percent_encode(value, QUERY_VALUE)));
    };
    if !filter.ids.is_empty() {
        let ids: Vec<_> = filter.ids.iter().map(u32::to_string).collect();
        add("id", &ids.join(","));
    }
    if !filter.severities.is_empty() {
        let names: Vec<_> = filter.severities.iter().copied().map(Severity::name).collect();
        add("severity", &names.join(","));
    }
    if let Some(user) = &filter.user {
        add("user", user);
    }
    if let Some(request) = filter.request {
        add("request", &request.to_string());
    }
    if let Some(since) = filter.since {
        add("since", &since.rfc3339(0));
    }
    if let Some(until) = filter.until {
        add("until", &until.rfc3339(0));
    }
    query
}
