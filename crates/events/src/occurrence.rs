use crate::Timestamp;

/// When an event happened, and which of the sender's events it is: what a message tells beside the [`Event`](crate::Event)
/// itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Occurrence {
    /// The instant, written as TIMESTAMP (RFC 5424 section 6.2.3).
    pub at: Timestamp,
    /// The local offset that TIMESTAMP is told in, in seconds east of UTC; cut to whole minutes and to ±23:59.
    pub offset_seconds: i32,
    /// The event's number in the sender's record, written as the parameter `EventSequence`; `None` leaves it out.
    ///
    /// A message that comes twice has the same number twice: that is how a receiver tells a duplicate from a second
    /// event. The parameter is ours, not the family's.
    pub sequence: Option<u64>,
}

impl Occurrence {
    /// At that instant, told in local time, without a number.
    #[must_use]
    pub const fn new(at: Timestamp, offset_seconds: i32) -> Self {
        Self {
            at,
            offset_seconds,
            sequence: None,
        }
    }

    /// The same with a number.
    #[must_use]
    pub const fn numbered(self, sequence: u64) -> Self {
        Self {
            sequence: Some(sequence),
            ..self
        }
    }
}
