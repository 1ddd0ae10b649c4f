//! What needs an administrator now: events that wait too long, a disk that fills, a database that takes no writes, a
//! certificate that receivers will not take, a clock that jumped. [`Watch`] looks, [`Alerts`] remembers; pages, the API and the metrics show.
//!
//! An alert never changes what is done: events are kept whatever happens.

mod board;
mod disk;
mod watch;

pub use board::{Alert, Alerts, Found, Kind, Level};
pub use disk::{Disk, Room, SystemDisk};
pub use watch::Watch;
