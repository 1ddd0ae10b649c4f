//! What people and machines meet: HTTP (repository protocol, API, logon, pages), event delivery, workers,
//! configuration, the command line.
//!
//! The walk starts in [`cli`] (what was asked), goes through [`config`] (what holds here) and [`app`] (what the parts
//! share) to [`listen`] (who connects) and [`http`] (who answers).

pub mod access;
pub mod adapters;
pub mod alerts;
pub mod app;
pub mod cli;
pub mod config;
pub mod configuration_backup;
pub mod copies;
pub mod delivery;
pub mod demo;
pub mod doctor;
pub mod flows;
pub mod hashing;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod notices;
pub mod openings;
pub mod pages;
pub mod passkey;
pub mod preview;
pub mod receivers;
pub mod report_limit;
pub mod repository;
pub mod retention;
pub mod seal;
pub mod second_factor;
pub mod session;
pub mod setup;
pub mod signing;
pub mod step_up;
#[cfg(test)]
pub mod testing;
pub mod unrecorded;
pub mod waiters;
pub mod workers;

pub use app::{App, AppState};
pub use cli::run;
