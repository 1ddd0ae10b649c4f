//! The pages as people meet them, over the router.

mod accounts;
mod batch;
mod clients;
mod commands;
mod configuration_backups;
mod conflicts;
mod decisions;
mod looking;
mod notice_channels;
mod opening;
mod receivers;
mod scene;
mod security;
mod settings;
