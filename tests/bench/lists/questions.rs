//! What the pages and the API ask.

use countersign_core::RequestId;
use countersign_core::request::State;
use countersign_events::{Severity, Timestamp};
use countersign_store::{EventFilter, Place, RequestFilter, Store, StoreError, View};

use crate::fill::{START, YEAR, person};

/// One kind of question, asked with other values in every run.
pub struct Question {
    name: &'static str,
    asks: Asks,
    /// How many numbers there are to choose from.
    range: u32,
}

type ForEvents = fn(&mut Random) -> (EventFilter, Place);
type ForRequests = fn(&mut Random) -> (RequestFilter, Place);

#[derive(Clone, Copy)]
enum Asks {
    /// The pending list, and the number beside its name.
    Pending,
    Requests(ForRequests),
    Events(ForEvents),
}

/// How many rows a page of events or of history has, and one more.
const A_PAGE: u32 = 51;

/// How many rows `/pending` has, and one more.
const PENDING: u32 = 251;

/// The same numbers in every run of the program.
struct Random {
    state: u64,
    range: u32,
}

impl Random {
    /// 0 to `end`, without it.
    fn below(&mut self, end: u32) -> u32 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed >> 33) % u64::from(end.max(1))).unwrap_or(0)
    }

    fn person(&mut self) -> String {
        person(self.below(200)).to_lowercase()
    }

    fn place(&mut self) -> Place {
        Place::Before(i64::from(self.below(self.range)) + 1)
    }

    /// A moment of the year.
    fn moment(&mut self) -> Timestamp {
        Timestamp(START + YEAR / 10_000 * i64::from(self.below(10_000)))
    }

    /// From a moment on, so many hours.
    fn span(&mut self, hours: i64) -> (Option<Timestamp>, Option<Timestamp>) {
        let from = self.moment();
        (Some(from), Some(from.plus_seconds(hours * 3600)))
    }
}

fn ids(ids: &[u32]) -> EventFilter {
    EventFilter {
        ids: ids.to_vec(),
        ..EventFilter::default()
    }
}

fn decided() -> RequestFilter {
    RequestFilter {
        states: vec![State::Approved, State::Rejected, State::Expired],
        ..RequestFilter::default()
    }
}

impl Question {
    /// All of them, for so much.
    pub fn all(requests: u32, events: u32) -> Vec<Self> {
        let of_requests: [(&'static str, ForRequests); 6] = [
            ("history, newest", |_| (decided(), Place::Newest)),
            ("history, anywhere", |random| (decided(), random.place())),
            ("history of a person", |random| {
                let account = Some(random.person());
                (RequestFilter { account, ..decided() }, Place::Newest)
            }),
            ("history of a day", |random| {
                let (since, until) = random.span(24);
                (
                    RequestFilter {
                        since,
                        until,
                        ..decided()
                    },
                    Place::Newest,
                )
            }),
            ("history until a moment, of an operation and a person", |random| {
                let filter = RequestFilter {
                    until: Some(random.moment()),
                    operations: vec![104],
                    account: Some(random.person()),
                    ..decided()
                };
                (filter, Place::Newest)
            }),
            ("history of an operation that there was not", |random| {
                let operations = vec![100];
                (
                    RequestFilter {
                        operations,
                        ..decided()
                    },
                    random.place(),
                )
            }),
        ];
        let of_events: [(&'static str, ForEvents); 14] = [
            ("events, newest", |_| (EventFilter::default(), Place::Newest)),
            ("events, anywhere", |random| (EventFilter::default(), random.place())),
            ("events forwards, anywhere", |random| {
                (
                    EventFilter::default(),
                    Place::After(i64::from(random.below(random.range))),
                )
            }),
            ("events with a common id, anywhere", |random| {
                (ids(&[44000]), random.place())
            }),
            ("events with a rare id, anywhere", |random| {
                (ids(&[42402]), random.place())
            }),
            ("events with four ids, anywhere", |random| {
                (ids(&[42402, 42404, 44002, 40205]), random.place())
            }),
            ("events with an id that there was not", |random| {
                (ids(&[42800]), random.place())
            }),
            ("warnings, anywhere", |random| {
                let severities = vec![Severity::Warning];
                (
                    EventFilter {
                        severities,
                        ..EventFilter::default()
                    },
                    random.place(),
                )
            }),
            ("events of a person, anywhere", |random| {
                let user = Some(random.person());
                (
                    EventFilter {
                        user,
                        ..EventFilter::default()
                    },
                    random.place(),
                )
            }),
            ("denied logons of a person, anywhere", |random| {
                let user = Some(random.person());
                (EventFilter { user, ..ids(&[44002]) }, random.place())
            }),
            ("events of an hour", |random| {
                let (since, until) = random.span(1);
                (
                    EventFilter {
                        since,
                        until,
                        ..EventFilter::default()
                    },
                    Place::Newest,
                )
            }),
            ("warnings about a person until a moment", |random| {
                let filter = EventFilter {
                    until: Some(random.moment()),
                    user: Some(random.person()),
                    severities: vec![Severity::Warning, Severity::Error],
                    ..EventFilter::default()
                };
                (filter, Place::Newest)
            }),
            ("events of a request", |random| {
                let request = Some(RequestId(i64::from(random.below(500)) + 1));
                (
                    EventFilter {
                        request,
                        ..EventFilter::default()
                    },
                    Place::Newest,
                )
            }),
            ("events of nobody", |random| {
                let user = Some("nobody".to_owned());
                (
                    EventFilter {
                        user,
                        ..EventFilter::default()
                    },
                    random.place(),
                )
            }),
        ];
        let pending = Self {
            name: "pending, a page of 250, and their number",
            asks: Asks::Pending,
            range: requests,
        };
        let requests = of_requests.map(|(name, asks)| Self {
            name,
            asks: Asks::Requests(asks),
            range: requests,
        });
        let events = of_events.map(|(name, asks)| Self {
            name,
            asks: Asks::Events(asks),
            range: events,
        });
        std::iter::once(pending).chain(requests).chain(events).collect()
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Asks it as a page does, in one snapshot; how many rows came.
    pub async fn ask(&self, store: &Store, run: u32) -> Result<usize, StoreError> {
        let mut random = Random {
            state: u64::from(run),
            range: self.range,
        };
        match self.asks {
            Asks::Pending => store.read(|view| Box::pin(pending(view))).await,
            Asks::Requests(asks) => {
                let (filter, place) = asks(&mut random);
                store
                    .read(move |view| {
                        Box::pin(async move { Ok(view.search_requests(&filter, place, A_PAGE).await?.len()) })
                    })
                    .await
            }
            Asks::Events(asks) => {
                let (filter, place) = asks(&mut random);
                store
                    .read(move |view| {
                        Box::pin(async move { Ok(view.search_events(&filter, place, A_PAGE).await?.len()) })
                    })
                    .await
            }
        }
    }
}

async fn pending(view: &mut View) -> Result<usize, StoreError> {
    let filter = RequestFilter {
        states: vec![State::Pending],
        ..RequestFilter::default()
    };
    view.count_requests(State::Pending).await?;
    Ok(view.search_requests(&filter, Place::After(0), PENDING).await?.len())
}
