//! Writes one event in both forms, reads it back from a stream and says it in the words of other consumers.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use countersign_events::{
    Event, Occurrence, Operation, Origin, Reader, Timestamp, User, encode, encode_strict, export,
};

fn main() {
    let event = Event::FourEyesRequestApproved {
        operation: Operation::DeleteSnapshot {
            name: "1f2e3d4c".to_owned(),
        },
        initiator: User::local(r"TECH\user1"),
        supervisor: User::local(r"TECH\user2"),
        request_id: Some("17".to_owned()),
    };
    let origin = Origin {
        request_id: true,
        ..Origin::new("VBRSRV01")
    };
    let at = Timestamp(1_763_987_218_953_786);

    let mut strict = Vec::new();
    encode_strict(&event, Occurrence::new(at, 0), &origin, &mut strict);
    println!("strict:     {}", String::from_utf8_lossy(&strict));

    let mut stream = Vec::new();
    encode(&event, Occurrence::new(at, -7 * 3600), &origin, &mut stream);
    println!("compatible: {}", String::from_utf8_lossy(&stream));
    stream.extend_from_slice(b"\nnot a message\n");

    let mut reader = Reader::new();
    reader.push(&stream);
    reader.finish();
    while let Some(read) = reader.next() {
        match read {
            Ok(message) => {
                for (key, value) in &message.parameters {
                    println!("  {key} = {value}");
                }
                println!("ECS:  {}", export::ecs(&message));
                println!("OCSF: {}", export::ocsf(&message));
                println!("CEF:  {}", export::cef(&message));
            }
            Err(skipped) => println!("{skipped}"),
        }
    }
}
