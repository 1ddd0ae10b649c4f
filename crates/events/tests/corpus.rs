//! The corpus: odd messages, and what is made of them. `UPDATE_CORPUS=1` writes the expectations anew; read what changed.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{
    Event, Form, LARGEST_MESSAGE, Occurrence, Origin, Reader, Timestamp, decode, encode, encode_message, encode_strict,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");

/// The longest line that is read.
const LIMIT: usize = 16 * 1024;

#[test]
fn every_line_is_read_as_it_says_beside_it() {
    for log in files("lines", ".log") {
        let stream = fs::read(&log).unwrap();
        let told = told(&stream, stream.len().max(1));
        for piece in [1, 7, 1000] {
            assert_eq!(
                self::told(&stream, piece),
                told,
                "{} in pieces of {piece}",
                log.display()
            );
        }
        expect(&log.with_extension("jsonl"), &told);
    }
}

#[test]
fn every_event_is_sent_and_read_as_it_says_beside_it() {
    for file in files("events", ".event.json") {
        let name = file.display();
        let event: Event = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let origin = Origin {
            request_id: true,
            result: true,
            vbr_version: "1.0.0".to_owned(),
            ..Origin::new("backup7.example")
        };
        let when = Occurrence::new(Timestamp(1_772_352_000_000_001), 3_600).numbered(17);
        let mut stream = Vec::new();
        encode(&event, when, &origin, &mut stream);
        stream.push(b'\n');
        encode_strict(&event, when, &origin, &mut stream);
        stream.push(b'\n');

        let lines: Vec<&[u8]> = stream.split_inclusive(|octet| *octet == b'\n').collect();
        assert_eq!(lines.len(), 2, "{name}");
        let sent = event.parameters(&origin);
        for (line, form) in lines.iter().zip([Form::Compatible, Form::Strict]) {
            assert!(line.len() <= LARGEST_MESSAGE + 1, "{name}");
            let message = decode(line.strip_suffix(b"\n").unwrap()).unwrap();
            assert_eq!((message.id, message.form), (Some(event.id()), form), "{name}");
            assert!(!message.ambiguous && message.raw.is_none(), "{name}: {message:?}");
            let own = message.parameters.iter().map(|(key, _)| key.as_ref());
            let own = own.filter(|key| *key != "EventSequence");
            assert!(own.eq(sent.iter().map(|(key, _)| *key)), "{name}: {message:?}");
        }
        let log = PathBuf::from(file.to_str().unwrap().replace(".event.json", ".log"));
        expect(&log, &stream);
        expect(&log.with_extension("jsonl"), &told(&stream, stream.len()));
    }
}

#[test]
fn the_readme_names_every_file() {
    let readme = fs::read_to_string(Path::new(CORPUS).join("README.md")).unwrap();
    for (folder, ending, next) in [("lines", ".log", "\n## "), ("events", ".event.json", "\0")] {
        let section = readme.split(&format!("\n## {folder}\n")).nth(1).unwrap();
        let section = section.split(next).next().unwrap();
        let named: BTreeSet<&str> = section
            .lines()
            .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
            .collect();
        let files = files(folder, "");
        let names: Vec<&str> = files
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap())
            .collect();
        let found: BTreeSet<&str> = names.iter().filter_map(|name| name.strip_suffix(ending)).collect();
        assert_eq!(found, named, "{folder}");
        for name in names {
            assert!(
                found.contains(name.split('.').next().unwrap()),
                "{folder}/{name} belongs to nothing"
            );
        }
    }
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(CORPUS).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files
}

/// One JSON object a line for each message and each skipped part.
fn told(stream: &[u8], piece: usize) -> Vec<u8> {
    let mut reader = Reader::with_limit(LIMIT);
    let mut told = Vec::new();
    for octets in stream.chunks(piece) {
        reader.push(octets);
        drain(&mut reader, stream, &mut told);
    }
    reader.finish();
    drain(&mut reader, stream, &mut told);
    told
}

fn drain(reader: &mut Reader, stream: &[u8], told: &mut Vec<u8>) {
    while let Some(read) = reader.next() {
        match read {
            Ok(message) => {
                serde_json::to_writer(&mut *told, &message).unwrap();
                let mut line = Vec::new();
                encode_message(&message, &mut line).unwrap();
                let found = stream.windows(line.len()).any(|octets| octets == line);
                assert!(found, "{} is not in the stream", String::from_utf8_lossy(&line));
            }
            Err(skipped) => {
                let (offset, length) = (skipped.offset, skipped.length);
                let skipped =
                    serde_json::json!({ "offset": offset, "length": length, "reason": skipped.reason.to_string() });
                serde_json::to_writer(&mut *told, &serde_json::json!({ "skipped": skipped })).unwrap();
            }
        }
        told.push(b'\n');
    }
}

fn expect(path: &Path, found: &[u8]) {
    if env::var_os("UPDATE_CORPUS").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read(path).unwrap_or_default();
    assert!(
        expected == found,
        "{} says\n{}\nbut it is now\n{}",
        path.display(),
        String::from_utf8_lossy(&expected),
        String::from_utf8_lossy(found)
    );
}
