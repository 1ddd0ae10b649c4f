#![no_main]

#[path = "../properties/event.rs"]
mod event;

libfuzzer_sys::fuzz_target!(|input: &[u8]| event::holds(input));
