//! The pages as people meet them, over the router.

mod clients;
mod conflicts;
mod decisions;
mod looking;
mod receivers;
mod scene;
mod security;
mod settings;
