//! How receivers stand and what a test message to one says: for the API, the pages, the metrics, the alerts and the doctor.
//! Sending is done in [`crate::delivery`], changing in [`crate::flows::receivers`].

pub mod certificates;
mod status;
mod test;

pub use certificates::BadCertificates;
pub use status::{State, Status};
pub use test::{About, Outcome, Test, Tests};
