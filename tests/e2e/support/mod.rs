//! Drivers: each starts one real program, speaks to it as a person or a machine would, and cleans up after itself.

#![allow(
    dead_code,
    reason = "a driver can do what its program can, not only what today's tests ask of it"
)]

pub mod application;
pub mod arrivals;
pub mod browser;
pub mod certificates;
pub mod clock;
pub mod command_line;
pub mod counterparts;
pub mod house;
pub mod laptop;
pub mod person;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod restic;
pub mod rsyslog;
pub mod rustic;
pub mod sending;
pub mod server;
pub mod syslog_ng;
pub mod totp;
pub mod trees;
