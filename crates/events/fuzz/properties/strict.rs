//! Structured data: whatever reads is written back octet for octet; what is escaped comes back as it was.

use countersign_events::{Form, decode, encode_message};

/// Panics when it does not hold.
pub fn holds(data: &[u8]) {
    let line = [b"<14>1 2026-03-01T09:00:00Z h a - 44005 ", data].concat();
    let message = decode(&line).expect("the header is proper");
    let mut written = Vec::new();
    encode_message(&message, &mut written).expect("what was read can be written");
    assert_eq!(written, line);

    // The whole input as one value.
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut message = message;
    (message.form, message.id, message.text, message.raw) = (Form::Strict, Some(44_005), None, None);
    message.ambiguous = false;
    message.parameters = vec![("ChainId".into(), text.into())];
    written.clear();
    // A line break has no place in a line that its fields tell alone.
    if text.contains(['\n', '\r', '\0']) {
        assert!(encode_message(&message, &mut written).is_err() && written.is_empty());
    } else {
        encode_message(&message, &mut written).expect("every other value can be escaped");
        let read = decode(&written).expect("what was written reads");
        assert_eq!((read.form, read.parameter("ChainId")), (Form::Strict, Some(text)));
    }
}
