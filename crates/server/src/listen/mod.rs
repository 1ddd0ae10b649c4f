//! Listening: which address may be opened, TLS, the accept loop, who the client is.

pub mod address;
pub mod client;
mod connections;
pub mod tls;

pub use address::{AddressRefused, Listen, TlsSource};
pub use client::{ClientAddress, ForwardedHeader, Peer, TrustedProxies};
pub use connections::{BindFailed, Listener, Stop};

#[cfg(test)]
mod tests;
