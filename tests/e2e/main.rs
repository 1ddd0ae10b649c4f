//! End to end: the real binary beside the real programs that people use with it. `scripts/counterparts` brings those.
//!
//! A missing program fails its tests; nothing is skipped, or a green run would say too much.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking"
)]

mod accounts;
mod attacks;
mod clock;
mod commands;
mod configuration;
mod convert;
mod crash;
mod delivery;
mod full_disk;
mod laws;
mod no_way_round;
mod notices;
mod oauth;
mod openings;
mod passkeys;
mod receivers;
mod record;
mod rules;
mod service_providers;
mod storages;
mod story;
mod support;
mod tail;
mod together;
mod walk;
