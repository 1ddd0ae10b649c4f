//! Nothing that someone can choose forges a key, a line or another parameter, in either form; what is ordinary comes back
//! as it was. The fuzz targets under `fuzz/` hold the same properties.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod chosen;

use chosen::{event, hostile, ordinary_event, origin};
use countersign_events::{
    Event, Form, LARGEST_MESSAGE, Message, Occurrence, Reader, Timestamp, decode, encode, encode_message, encode_strict,
};
use proptest::prelude::*;

const WHEN: Occurrence = Occurrence::new(Timestamp(1_763_634_577_000_000), 3_600).numbered(17);

fn line(event: &Event, form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    match form {
        Form::Compatible => encode(event, WHEN, &origin(), &mut out),
        Form::Strict => encode_strict(event, WHEN, &origin(), &mut out),
    }
    out
}

/// Line separators and marks of reading direction (Unicode's Bidi_Control).
const STEERING: [char; 14] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

/// The keys and whole values that a message of the event should tell.
fn sent(event: &Event) -> Vec<(&'static str, String)> {
    let mut sent = event.parameters(&origin());
    sent.insert(sent.len() - 4, ("EventSequence", "17".to_owned()));
    sent
}

/// The message says of itself that it is this event, whole and in no other way.
fn says_no_more(message: &Message<'_>, event: &Event, form: Form) {
    assert_eq!((message.id, message.form), (Some(event.id()), form));
    assert_eq!(message.pri, Some(event.severity().pri()));
    assert!(!message.ambiguous && message.raw.is_none() && message.text.is_none());
    let keys = message.parameters.iter().map(|(key, _)| key.as_ref());
    assert!(keys.eq(sent(event).iter().map(|(key, _)| *key)), "{message:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_forges_anything(shape in 0_usize..64, texts in prop::collection::vec(hostile(), 1..4)) {
        forges_nothing(&event(shape, &texts), Form::Compatible);
    }

    #[test]
    fn no_value_forges_anything_in_the_strict_form(shape in 0_usize..64, texts in prop::collection::vec(hostile(), 1..4)) {
        forges_nothing(&event(shape, &texts), Form::Strict);
    }
}

fn forges_nothing(event: &Event, form: Form) {
    let line = line(event, form);
    assert!(line.len() <= LARGEST_MESSAGE);
    let text = std::str::from_utf8(&line).unwrap();
    assert!(!text.contains(|c: char| c.is_control() || (!c.is_ascii() && STEERING.contains(&c))));
    let message = decode(&line).unwrap();
    says_no_more(&message, event, form);
    for ((key, read), (_, whole)) in message.parameters.iter().zip(&sent(event)) {
        let escaped = form == Form::Strict || !whole.contains(['"', '<']);
        let escaped = escaped && *key != "ExpectedResourceIds";
        let plain = escaped && whole.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        if plain && line.len() < 1_000 {
            assert_eq!(read, whole, "{key} has another value");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ordinary: any text without quotes, controls, direction marks and a leading `<`, of a length that fits; without a
    /// comma, which parts the items of a list.
    #[test]
    fn ordinary_events_read_back(shape in 0_usize..64, texts in prop::collection::vec("[a-zA-Zäß漢][ !#-+\\--~äß漢]{0,30}", 1..4)) {
        let event = ordinary_event(shape, &texts);
        let mut told = Vec::new();
        for form in [Form::Compatible, Form::Strict] {
            let line = line(&event, form);
            let message = decode(&line).unwrap();
            says_no_more(&message, &event, form);
            let read = message.parameters.iter().map(|(k, v)| (k.as_ref(), v.as_ref()));
            prop_assert!(read.eq(sent(&event).iter().map(|(k, v)| (*k, v.as_str()))), "{:?}", message);
            prop_assert_eq!(Event::try_from(&message), Ok(event.clone()));
            told.push(message.into_owned().parameters);
        }
        prop_assert_eq!(&told[0], &told[1]);
    }

    /// The strict form can tell quotes and angle brackets, too.
    #[test]
    fn quotes_read_back_from_the_strict_form(shape in 0_usize..64, texts in prop::collection::vec("[!-+\\--~][ -+\\--~äß漢]{0,30}", 1..4)) {
        let event = ordinary_event(shape, &texts);
        let line = line(&event, Form::Strict);
        prop_assert_eq!(Event::try_from(&decode(&line).unwrap()), Ok(event));
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_reads_is_written_back_the_same(
        head in prop::sample::select(vec![
            "", "<14>", "<014>", "\u{feff}", "<14>1 - h a - - ", "1 2025-11-24T05:26:37Z h a - - [origin enterpriseId=\"31023\"] ",
            "<14>1 - h a - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=44002 ",
            "<14>1 - h a - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=44002",
            "<14>1 - h a - 44002 [origin enterpriseId=\"31023\"][event@31023 categoryId=\"0\" instanceId=\"44002\"",
            "<14>1 - h a - 44002 [origin enterpriseId=\"31023\"][event@31023 categoryId=\"0\" instanceId=\"44002\" A=\"b\"] ",
            "<14>1 - h a p 1 [x y=\"z\"][event@1 instanceId=\"1\"",
        ]),
        parts in prop::collection::vec(prop_oneof![
            hostile().prop_map(String::into_bytes),
            "[ A-C]{0,2}=\"".prop_map(String::into_bytes),
            "\"?[]\\\\\"]{0,3}\"".prop_map(String::into_bytes),
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
            Just(b"<14>1 - h a - 1 [event@1 instanceId=\"1\" A=\"\\\"\"] text \n".to_vec()),
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

#[test]
fn a_megabyte_in_every_field_fits() {
    for filler in ["x", "\"", "\n", "<", "]", "漢", "\u{202e}", "&\", ", " a=\""] {
        let text = [filler.repeat((1 << 20) / filler.len())];
        for id in [31_000, 42_403, 44_002, 44_006] {
            let shape = Event::examples().iter().position(|event| event.id() == id).unwrap();
            let event = event(shape, &text);
            forges_nothing(&event, Form::Compatible);
            forges_nothing(&event, Form::Strict);
        }
    }
}

#[test]
fn an_item_of_a_list_never_makes_two() {
    let ids = |ids: &[&str]| Event::ResourceAccessDenied {
        source_ip_address: None,
        client_id: None,
        friendly_name: None,
        subject: None,
        resource_id: None,
        expected_resource_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    for form in [Form::Compatible, Form::Strict] {
        let line = line(&ids(&["api, root", "web"]), form);
        let read = Event::try_from(&decode(&line).unwrap());
        assert_eq!(read, Ok(ids(&["api; root", "web"])));
    }
}
