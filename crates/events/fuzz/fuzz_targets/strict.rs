#![no_main]

#[path = "../properties/strict.rs"]
mod strict;

libfuzzer_sys::fuzz_target!(|input: &[u8]| strict::holds(input));
