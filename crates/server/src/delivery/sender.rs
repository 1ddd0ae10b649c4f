//! Who sends.

use countersign_events::Origin;

use super::OwnCertificate;
use crate::config::Config;

/// Who sends: what messages say about us, and what receivers that ask get to see.
#[derive(Debug, Clone)]
pub struct Sender {
    /// What messages say about us, where a receiver's options say nothing else.
    pub origin: Origin,
    /// Our certificate, if we have one.
    pub own_certificate: Option<OwnCertificate>,
}

impl Sender {
    /// As the configuration says.
    pub fn of(config: &Config) -> Self {
        Self {
            origin: config.origin.clone(),
            own_certificate: config.own_certificate.clone(),
        }
    }
}
