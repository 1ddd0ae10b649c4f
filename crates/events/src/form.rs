use serde::{Deserialize, Serialize};

/// The two forms in which an event stands on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The family's own, in which the seeds' examples stand: the event's bracket is MSG, and nothing in it is escaped.
    #[default]
    Compatible,
    /// Structured data proper (RFC 5424 section 6.3), as [`encode_strict`](crate::encode_strict) writes it.
    Strict,
}

impl Form {
    /// Whether it is the one that needs no mention.
    pub(crate) const fn is_compatible(&self) -> bool {
        matches!(self, Self::Compatible)
    }
}
