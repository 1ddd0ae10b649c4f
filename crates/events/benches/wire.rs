//! Encode and decode beside syslog_rfc5424 and syslog_loose. Of the compatible form those read the header alone, of the
//! strict form all of it, as we do.
#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use countersign_events::{
    ChangedProperty, Changes, Event, Occurrence, Operation, Origin, Reader, Timestamp, User, decode, encode,
    encode_strict,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const WHEN: Occurrence = Occurrence::new(Timestamp(1_763_987_197_421_424), -25_200);

fn line(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    encode(event, WHEN, &Origin::new("VBRSRV01"), &mut out);
    out
}

fn wire(c: &mut Criterion) {
    let event = Event::FourEyesRequestApproved {
        operation: Operation::DeleteSnapshot {
            name: "1f2e3d4c5b6a".to_owned(),
        },
        initiator: User::local(r"TECH\user1"),
        supervisor: User::local(r"TECH\user2"),
        request_id: None,
    };
    let origin = Origin::new("VBRSRV01");
    let mut out = Vec::with_capacity(8_192);
    c.bench_function("encode", |b| {
        b.iter(|| {
            out.clear();
            encode(black_box(&event), WHEN, &origin, &mut out);
        });
    });
    c.bench_function("encode_strict", |b| {
        b.iter(|| {
            out.clear();
            encode_strict(black_box(&event), WHEN, &origin, &mut out);
        });
    });

    let short = line(&event);
    let text = String::from_utf8(short.clone()).expect("ours is UTF-8");
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(short.len() as u64));
    group.bench_function("countersign, all parameters", |b| {
        b.iter(|| decode(black_box(&short)).is_ok())
    });
    group.bench_function("syslog_rfc5424, header", |b| {
        b.iter(|| syslog_rfc5424::parse_message(black_box(&text)).is_ok());
    });
    group.bench_function("syslog_loose, header", |b| {
        b.iter(|| {
            syslog_loose::parse_message(black_box(&text), syslog_loose::Variant::RFC5424)
                .procid
                .is_none()
        });
    });
    group.finish();

    let mut strict = Vec::new();
    encode_strict(&event, WHEN, &origin, &mut strict);
    let text = String::from_utf8(strict.clone()).expect("ours is UTF-8");
    let mut group = c.benchmark_group("decode_strict");
    group.throughput(Throughput::Bytes(strict.len() as u64));
    group.bench_function("countersign", |b| b.iter(|| decode(black_box(&strict)).is_ok()));
    group.bench_function("syslog_rfc5424", |b| {
        b.iter(|| syslog_rfc5424::parse_message(black_box(&text)).is_ok());
    });
    group.bench_function("syslog_loose", |b| {
        b.iter(|| {
            syslog_loose::parse_message(black_box(&text), syslog_loose::Variant::RFC5424)
                .structured_data
                .len()
        });
    });
    group.finish();

    let mut stream = Vec::new();
    for event in Event::examples().iter().cycle().take(1_000) {
        encode(event, WHEN, &origin, &mut stream);
        stream.push(b'\n');
    }
    let mut group = c.benchmark_group("reader");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("countersign, 1,000 lines", |b| {
        b.iter(|| {
            let (mut reader, mut read) = (Reader::new(), 0);
            for piece in black_box(&stream).chunks(1 << 16) {
                reader.push(piece);
                while let Some(message) = reader.next() {
                    read += usize::from(message.is_ok());
                }
            }
            read
        });
    });
    group.finish();

    let mut changes = Changes::object("1", "options");
    for object in &mut changes.objects {
        let property = ChangedProperty {
            internal: "Notes".to_owned(),
            r#type: "String".to_owned(),
            old: "An ordinary sentence of some length. ".repeat(50),
            new: "Another sentence of about that length. ".repeat(50),
        };
        object.properties.push(property);
    }
    let long = line(&Event::GeneralSettingsUpdated {
        changes,
        user_name: r"TECH\user1".to_owned(),
    });
    let mut group = c.benchmark_group("decode_long");
    group.throughput(Throughput::Bytes(long.len() as u64));
    group.bench_function("countersign", |b| b.iter(|| decode(black_box(&long)).is_ok()));
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
