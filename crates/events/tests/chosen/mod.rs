//! Events that say what someone chose.

use countersign_events::{Event, Origin};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::OnceLock;

/// An event of the catalogue as JSON, and where in it the texts are that someone could choose.
struct Shape {
    json: Value,
    chosen: Vec<String>,
}

fn shapes() -> &'static [Shape] {
    static SHAPES: OnceLock<Vec<Shape>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let shapes = Event::examples().into_iter().map(|event| {
            let json = serde_json::to_value(&event).unwrap();
            let mut pointers = Vec::new();
            texts(&json, String::new(), &mut pointers);
            // A text is free when the event takes any other in its place.
            pointers.retain(|pointer| {
                let mut changed = json.clone();
                *changed.pointer_mut(pointer).unwrap() = "anything".into();
                serde_json::from_value::<Event>(changed).is_ok()
            });
            Shape { json, chosen: pointers }
        });
        shapes.collect()
    })
}

fn texts(json: &Value, at: String, pointers: &mut Vec<String>) {
    match json {
        Value::String(_) => pointers.push(at),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, item)| texts(item, format!("{at}/{i}"), pointers)),
        Value::Object(map) => map
            .iter()
            .for_each(|(key, item)| texts(item, format!("{at}/{key}"), pointers)),
        _ => {}
    }
}

/// An event of the catalogue that says these texts wherever someone could choose.
pub fn event(shape: usize, texts: &[String]) -> Event {
    with(shape, texts, |_| true)
}

/// The same, but the names of XML attributes, which are not free, are left as they are.
pub fn ordinary_event(shape: usize, texts: &[String]) -> Event {
    with(shape, texts, |pointer| {
        !(pointer.contains("/attributes/") && pointer.ends_with("/0"))
    })
}

fn with(shape: usize, texts: &[String], chosen: impl Fn(&str) -> bool) -> Event {
    let shape = &shapes()[shape % shapes().len()];
    let mut json = shape.json.clone();
    for (pointer, text) in shape
        .chosen
        .iter()
        .filter(|pointer| chosen(pointer))
        .zip(texts.iter().cycle())
    {
        *json.pointer_mut(pointer).unwrap() = text.clone().into();
    }
    for (field, value) in [
        ("request_id", texts.first().cloned()),
        ("result", Some("warning".to_owned())),
    ] {
        if let (Some(slot), Some(value)) = (json.get_mut(field), value) {
            *slot = value.into();
        }
    }
    // The held operation's name is the text that most people can choose.
    if let (Some(operation), Some(text)) = (json.get_mut("operation"), texts.first()) {
        *operation = serde_json::json!({ "delete_snapshot": { "name": text } });
    }
    serde_json::from_value(json).unwrap()
}

/// Pieces that a forger would try, among ordinary ones.
pub fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just("\" Subject=\"root".to_owned()),
        Just("\" Description=\"x\"]".to_owned()),
        Just("\"]".to_owned()),
        Just("\"]\n<14>1 2025-11-24T05:26:37Z H Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=42403]".to_owned()),
        Just("\r\n".to_owned()),
        Just("\0".to_owned()),
        Just("\u{1b}[2J".to_owned()),
        Just("<".to_owned()),
        Just("</".to_owned()),
        Just("<x>".to_owned()),
        Just("/>".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("<!--".to_owned()),
        Just("&quot;".to_owned()),
        Just("\\".to_owned()),
        Just("]".to_owned()),
        Just("[INF] ".to_owned()),
        Just("\u{202e}\u{2028}\u{85}\u{feff}".to_owned()),
        Just("\u{61c}\u{200e}\u{200f}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{2066}\u{2067}\u{2068}\u{2069}".to_owned()),
        Just("größe 漢字 🦀".to_owned()),
        Just(" Reason=".to_owned()),
        Just("x".repeat(5_000)),
        "[ -~]{0,12}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Everything switched on that an event can tell.
pub fn origin() -> Origin {
    Origin {
        request_id: true,
        result: true,
        ..Origin::new("vbrsrv01")
    }
}
