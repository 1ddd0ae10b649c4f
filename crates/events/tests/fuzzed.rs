//! The properties of the fuzz targets, on the corpus that they begin from, and on every beginning of it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/properties/event.rs"]
mod event;
#[path = "../fuzz/properties/message.rs"]
mod message;
#[path = "../fuzz/properties/stream.rs"]
mod stream;
#[path = "../fuzz/properties/strict.rs"]
mod strict;

/// Runs a property on each file of the folder, on each of its lines, and on many beginnings of those.
fn on_corpus(folder: &str, holds: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        holds(&octets);
        for line in octets.split(|octet| *octet == b'\n').filter(|line| line.len() < 2_000) {
            for end in 0..=line.len() {
                holds(&line[..end]);
            }
        }
    }
    assert!(files > 40, "{files}");
}

#[test]
fn a_message_is_written_back() {
    on_corpus("lines", message::holds);
}

#[test]
fn the_pieces_of_a_stream_do_not_matter() {
    on_corpus("lines", stream::holds);
}

#[test]
fn structured_data_is_written_back() {
    on_corpus("lines", strict::holds);
}

#[test]
fn no_text_forges_anything() {
    on_corpus("events", event::holds);
}
