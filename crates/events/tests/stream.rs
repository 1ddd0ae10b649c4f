//! What the stream reader makes of lines, counts and garbage between them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{Reader, SkipReason};

const HEAD: &str = r#"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] "#;

fn body(body: &str) -> String {
    format!("{HEAD}{body}")
}

fn drain(reader: &mut Reader) -> Vec<Result<Option<u32>, (u64, u64)>> {
    let mut all = Vec::new();
    while let Some(read) = reader.next() {
        all.push(
            read.map(|message| message.id)
                .map_err(|skipped| (skipped.offset, skipped.length)),
        );
    }
    all
}

#[test]
fn a_stream_of_lines_counts_and_garbage() {
    let one = body("[categoryId=0 instanceId=1]");
    let bare = one.replace("<14>", "").replace("=1]", "=2]");
    let stream = format!(
        "{one}\n{bare}\r\n\n\0garbage\n{} {one}{} {bare}123 no\n{one}",
        one.len(),
        bare.len()
    );
    let garbage = (one.len() + 1 + bare.len() + 4) as u64;
    let garbage2 = stream.find("123 no").unwrap() as u64;
    let expected = vec![
        Ok(Some(1)),
        Ok(Some(2)),
        Err((garbage, 8)),
        Ok(Some(1)),
        Ok(Some(2)),
        Err((garbage2, 7)),
        Ok(Some(1)),
    ];
    for piece in [1, 2, 3, 7, 64, stream.len()] {
        let mut reader = Reader::new();
        let mut all = Vec::new();
        for octets in stream.as_bytes().chunks(piece) {
            reader.push(octets);
            all.extend(drain(&mut reader));
        }
        reader.finish();
        all.extend(drain(&mut reader));
        assert_eq!(all, expected, "in pieces of {piece}");
    }
}

#[test]
fn a_line_past_the_limit_is_skipped_and_the_next_is_read() {
    let one = body("[categoryId=0 instanceId=1]");
    let mut reader = Reader::with_limit(512);
    let mut all = Vec::new();
    for _ in 0..1000 {
        reader.push(&[b'x'; 100]);
        assert!(reader.next().is_none());
    }
    reader.push(format!("\n{one}\n").as_bytes());
    while let Some(read) = reader.next() {
        all.push(read.map(|message| message.id));
    }
    assert!(matches!(&all[0], Err(s) if s.offset == 0 && s.length == 100_001 && s.reason == SkipReason::TooLong));
    assert_eq!(all[1], Ok(Some(1)));
}

#[test]
fn a_wrong_count_is_skipped_and_what_follows_is_read_as_lines() {
    let one = body("[categoryId=0 instanceId=1]");
    let mut reader = Reader::new();
    reader.push(format!("999 <14>1 2025 x\n{one}\n999 {one}").as_bytes());
    assert_eq!(drain(&mut reader), []);
    reader.finish();
    let second = (17 + one.len() + 1) as u64;
    assert_eq!(
        drain(&mut reader),
        [Err((0, 4)), Err((4, 13)), Ok(Some(1)), Err((second, 4)), Ok(Some(1))]
    );

    let mut reader = Reader::with_limit(200);
    reader.push(format!("201 {one}\n").as_bytes());
    assert_eq!(drain(&mut reader), [Err((0, 4)), Ok(Some(1))]);
}
