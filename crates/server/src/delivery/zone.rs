//! The local offset that TIMESTAMP is told in.

use countersign_events::Timestamp;
use jiff::tz::TimeZone;

/// The system's offset from UTC at that time, in seconds east; 0 when the system knows no zone.
pub fn local_offset(at: Timestamp) -> i32 {
    match jiff::Timestamp::from_microsecond(at.micros()) {
        Ok(at) => TimeZone::system().to_offset(at).seconds(),
        Err(_) => 0,
    }
}
