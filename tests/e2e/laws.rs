//! The laws of the repository, each found by an experiment that destroyed data, each kept by driving the real clients.

mod at_once;
mod fence;
mod order;
mod protocol;
mod reject;
mod revive;
mod rustic;
