//! A stream: the pieces that it comes in do not matter, every octet is told once and in order, and no more is kept than the limit.
//!
//! The first octet says how long the pieces are.

use countersign_events::{Reader, Skipped};

const LIMIT: usize = 512;

/// Panics when it does not hold.
pub fn holds(input: &[u8]) {
    let Some((first, stream)) = input.split_first() else {
        return;
    };
    let told = told(stream, usize::from(*first).max(1));
    assert_eq!(told, self::told(stream, stream.len().max(1)));

    let mut end = 0;
    for skipped in told.iter().filter_map(|read| read.as_ref().err()) {
        assert!(skipped.offset >= end && skipped.length > 0, "{skipped}");
        end = skipped.offset + skipped.length;
    }
    assert!(end <= stream.len() as u64);
}

fn told(stream: &[u8], piece: usize) -> Vec<Result<String, Skipped>> {
    let mut reader = Reader::with_limit(LIMIT);
    let mut told = Vec::new();
    for octets in stream.chunks(piece) {
        reader.push(octets);
        drain(&mut reader, &mut told);
    }
    reader.finish();
    drain(&mut reader, &mut told);
    told
}

fn drain(reader: &mut Reader, told: &mut Vec<Result<String, Skipped>>) {
    while let Some(read) = reader.next() {
        told.push(read.map(|message| serde_json::to_string(&message).expect("a message has a JSON form")));
    }
}
