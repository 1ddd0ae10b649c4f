//! An event whose texts someone chose: in either form it is one line of at most 8,000 octets that says its own keys, all of
//! them once, and nothing else.
//!
//! The first octet picks the event; the texts are parted by U+0001.

use countersign_events::{Event, Form, LARGEST_MESSAGE, Occurrence, Origin, Timestamp, decode, encode, encode_strict};
use serde_json::Value;
use std::sync::OnceLock;

/// Panics when it does not hold.
pub fn holds(input: &[u8]) {
    let Some((first, texts)) = input.split_first() else {
        return;
    };
    let texts = String::from_utf8_lossy(texts);
    let mut texts = texts.split('\u{1}').cycle();
    let examples = examples();
    let mut json = examples[usize::from(*first) % examples.len()].clone();
    choose(&mut json, &mut texts);
    // What is not a text in this event (an address, a reason) does not take one.
    let Ok(event) = serde_json::from_value::<Event>(json) else {
        return;
    };

    let origin = Origin {
        request_id: true,
        result: true,
        ..Origin::new("h")
    };
    let keys: Vec<&str> = event.parameters(&origin).into_iter().map(|(key, _)| key).collect();
    for form in [Form::Compatible, Form::Strict] {
        let mut line = Vec::new();
        let when = Occurrence::new(Timestamp(0), 0);
        match form {
            Form::Compatible => encode(&event, when, &origin, &mut line),
            Form::Strict => encode_strict(&event, when, &origin, &mut line),
        }
        assert!(line.len() <= LARGEST_MESSAGE);
        let text = std::str::from_utf8(&line).expect("every message is UTF-8");
        assert!(text.chars().all(|c| !c.is_control()));
        let message = decode(&line).expect("every message reads");
        assert_eq!((message.id, message.form), (Some(event.id()), form));
        assert!(!message.ambiguous && message.raw.is_none());
        if let Ok(read) = Event::try_from(&message) {
            assert_eq!(read.id(), event.id());
        }
        assert!(
            message
                .parameters
                .iter()
                .map(|(key, _)| key.as_ref())
                .eq(keys.iter().copied())
        );
    }
}

fn examples() -> &'static [Value] {
    static EXAMPLES: OnceLock<Vec<Value>> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let json = |event| serde_json::to_value(event).expect("an event has a JSON form");
        Event::examples().iter().map(json).collect()
    })
}

/// Puts the texts where the example has names; what looks like an address, a reason or the event's kind stays.
fn choose<'a>(json: &mut Value, texts: &mut impl Iterator<Item = &'a str>) {
    match json {
        Value::String(text) => *text = texts.next().unwrap_or_default().to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| choose(item, texts)),
        Value::Object(fields) => {
            let closed = [
                "event",
                "source_ip_address",
                "endpoint",
                "reason",
                "result",
                "outcome",
                "operation",
            ];
            for (name, value) in fields.iter_mut().filter(|(name, _)| !closed.contains(&name.as_str())) {
                match (name.as_str(), &value) {
                    ("request_id", Value::Null) => *value = texts.next().unwrap_or_default().into(),
                    _ => choose(value, texts),
                }
            }
            if let Some(operation) = fields.get_mut("operation") {
                *operation = serde_json::json!({ "delete_snapshot": { "name": texts.next().unwrap_or_default() } });
            }
        }
        _ => {}
    }
}
