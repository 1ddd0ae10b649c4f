//! A [`Message`](crate::Message) in the words of other consumers: ECS, OCSF, CEF.

mod cef;
mod ecs;
mod facts;
mod object;
mod ocsf;

pub use cef::cef;
pub use ecs::ecs;
pub use ocsf::ocsf;
