//! Events of some 500 octets, each with a number that can be found again in the message.

use countersign_events::{Event, Occurrence, Operation, Origin, Timestamp, User, encode};

const MARK: &[u8] = b"\\mark-";

/// Some moment: all events have the same.
pub const AT: Timestamp = Timestamp(1_795_000_000_000_000);

/// The event with this number.
pub fn event(number: u32) -> Event {
    Event::FourEyesRequestApproved {
        operation: Operation::DeleteSnapshot {
            name: "1f2e3d4c, 2a3b4c5d and 3 more of main/laptop".into(),
        },
        initiator: User::local(format!("TECH\\mark-{number:09}")),
        supervisor: User::local("TECH\\security.officer"),
        request_id: None,
    }
}

/// Its message, without framing.
pub fn message(number: u32, out: &mut Vec<u8>) {
    encode(&event(number), Occurrence::new(AT, 0), &Origin::new("vbrsrv01"), out);
}

/// The number in a message.
pub fn number(message: &[u8]) -> Option<u32> {
    let at = message.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let digits = message.get(at..at + 9)?;
    digits.iter().try_fold(0_u32, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}
