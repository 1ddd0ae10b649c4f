//! Nothing that someone can choose forges a key, a line or another parameter. The same properties serve as fuzz targets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use countersign_events::{
    Event, LARGEST_MESSAGE, Occurrence, Origin, Reader, Timestamp, decode, encode, encode_message,
};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::OnceLock;

/// An event of the catalogue as JSON, and where in it the texts are that someone could choose.
struct Form {
    json: Value,
    chosen: Vec<String>,
}

fn forms() -> &'static [Form] {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let forms = Event::examples().into_iter().map(|event| {
            let json = serde_json::to_value(&event).unwrap();
            let mut pointers = Vec::new();
            texts(&json, String::new(), &mut pointers);
            // A text is free when the event takes any other in its place.
            pointers.retain(|pointer| {
                let mut changed = json.clone();
                *changed.pointer_mut(pointer).unwrap() = "anything".into();
                serde_json::from_value::<Event>(changed).is_ok()
            });
            Form { json, chosen: pointers }
        });
        forms.collect()
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

fn event(form: usize, texts: &[String]) -> Event {
    let form = &forms()[form % forms().len()];
    let mut json = form.json.clone();
    for (pointer, text) in form.chosen.iter().zip(texts.iter().cycle()) {
        *json.pointer_mut(pointer).unwrap() = text.clone().into();
    }
    // The held operation's name is the text that most people can choose.
    if let (Some(operation), Some(text)) = (json.get_mut("operation"), texts.first()) {
        *operation = serde_json::json!({ "delete_snapshot": { "name": text } });
    }
    serde_json::from_value(json).unwrap()
}

/// Pieces that a forger would try, among ordinary ones.
fn hostile() -> impl Strategy<Value = String> {
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
        Just("größe 漢字 🦀".to_owned()),
        Just(" Reason=".to_owned()),
        Just("x".repeat(5_000)),
        "[ -~]{0,12}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn origin() -> Origin {
    Origin {
        request_id: true,
        result: true,
        ..Origin::new("vbrsrv01")
    }
}

fn line(event: &Event, origin: &Origin) -> Vec<u8> {
    let mut out = Vec::new();
    encode(
        event,
        Occurrence::new(Timestamp(1_763_634_577_000_000), 3_600),
        origin,
        &mut out,
    );
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_forges_anything(form in 0_usize..64, texts in prop::collection::vec(hostile(), 1..4)) {
        let (event, origin) = (event(form, &texts), origin());
        let line = line(&event, &origin);
        prop_assert!(line.len() <= LARGEST_MESSAGE);
        prop_assert!(std::str::from_utf8(&line).unwrap().chars().all(|c| !c.is_control()));
        let message = decode(&line).unwrap();
        prop_assert_eq!((message.id, message.pri), (Some(event.id()), Some(event.severity().pri())));
        prop_assert!(!message.ambiguous && message.raw.is_none() && message.text.is_none());
        let sent = event.parameters(&origin);
        let keys: Vec<&str> = message.parameters.iter().map(|(key, _)| key.as_ref()).collect();
        prop_assert_eq!(keys, sent.iter().map(|(key, _)| *key).collect::<Vec<_>>());
        for ((key, read), (_, whole)) in message.parameters.iter().zip(&sent) {
            let plain = !whole.contains(['"', '<']) && whole.chars().all(|c| c.is_ascii_graphic() || c == ' ');
            if plain && line.len() < 1_000 {
                prop_assert_eq!(read, whole, "{} has another value", key);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ordinary: any text without quotes, controls, direction marks and a leading `<`, of a length that fits.
    #[test]
    fn ordinary_values_read_back(form in 0_usize..64, texts in prop::collection::vec("[a-zA-Zäß漢][ -!#-~äß漢]{0,30}", 1..4)) {
        let (event, origin) = (event(form, &texts), origin());
        let line = line(&event, &origin);
        let message = decode(&line).unwrap();
        let read: Vec<(&str, &str)> = message.parameters.iter().map(|(k, v)| (k.as_ref(), v.as_ref())).collect();
        let sent = event.parameters(&origin);
        prop_assert_eq!(read, sent.iter().map(|(k, v)| (*k, v.as_str())).collect::<Vec<_>>());
    }

    #[test]
    fn whatever_reads_is_written_back_the_same(
        head in prop::sample::select(vec![
            "", "<14>", "<014>", "\u{feff}", "<14>1 - h a - - ", "1 2025-11-24T05:26:37Z h a - - [origin enterpriseId=\"31023\"] ",
            "<14>1 - h a - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=44002 ",
            "<14>1 - h a - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=44002",
        ]),
        parts in prop::collection::vec(prop_oneof![
            hostile().prop_map(String::into_bytes),
            "[ A-C]{0,2}=\"".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..8),
        ], 0..12),
    ) {
        let line = [head.as_bytes(), &parts.concat()].concat();
        if let Ok(message) = decode(&line) {
            let mut out = Vec::new();
            encode_message(&message, &mut out).unwrap();
            prop_assert_eq!(out, line);
        }
    }

    #[test]
    fn the_pieces_of_a_stream_do_not_matter(
        parts in prop::collection::vec(prop_oneof![
            Just(b"<14>1 - h a - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=1]\n".to_vec()),
            Just(b"1 - h a - - text\r\n".to_vec()),
            Just(b"16 1 - h a - - text".to_vec()),
            Just(b"999 <1".to_vec()),
            Just(b"\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..40),
        ], 0..12),
        sizes in prop::collection::vec(1_usize..50, 1..6),
    ) {
        let stream = parts.concat();
        let read = |sizes: &[usize]| {
            let mut reader = Reader::with_limit(100);
            let (mut told, mut at) = (Vec::new(), 0);
            for size in sizes.iter().cycle() {
                let end = (at + size).min(stream.len());
                reader.push(&stream[at..end]);
                at = end;
                if at == stream.len() {
                    reader.finish();
                }
                while let Some(read) = reader.next() {
                    told.push(read.map(|message| serde_json::to_string(&message).unwrap()));
                }
                if at == stream.len() {
                    break;
                }
            }
            told
        };
        prop_assert_eq!(read(&sizes), read(&[1]));
    }
}
