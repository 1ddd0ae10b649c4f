//! One message: whatever reads is written back octet for octet, also by way of its JSON, and can be said to everyone.

use countersign_events::{Event, Message, decode, encode_message, export};

/// Panics when it does not hold.
pub fn holds(line: &[u8]) {
    let Ok(message) = decode(line) else { return };
    let mut written = Vec::new();
    encode_message(&message, &mut written).expect("what was read can be written");
    assert_eq!(written, line);

    let json = serde_json::to_vec(&message).expect("a message has a JSON form");
    let again: Message<'_> = serde_json::from_slice(&json).expect("our own JSON is read");
    written.clear();
    encode_message(&again, &mut written).expect("what came by way of JSON can be written");
    assert_eq!(written, line);

    let _ = (export::ecs(&message), export::ocsf(&message));
    assert!(!export::cef(&message).contains(['\n', '\r']));
    let _ = Event::try_from(&message);
}
