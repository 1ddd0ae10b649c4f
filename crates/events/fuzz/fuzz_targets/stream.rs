#![no_main]

#[path = "../properties/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|input: &[u8]| stream::holds(input));
