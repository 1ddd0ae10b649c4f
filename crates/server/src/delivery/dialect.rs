//! How a receiver wants its messages.

use countersign_core::receiver::{Form, ReceiverOptions};
use countersign_events::{Occurrence, Origin, Timestamp, encode, encode_strict, encode_text};
use countersign_store::RecordedEvent;

use super::local_offset;

/// How one receiver wants its messages: the server's settings, and what the receiver's options say instead.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    origin: Origin,
    form: Form,
    /// Say each event's place in the order of all events, so that a repeated one can be told.
    sequence: bool,
}

impl Dialect {
    pub(super) fn new(origin: &Origin, options: &ReceiverOptions) -> Self {
        let mut origin = origin.clone();
        if let Some(name) = &options.app_name {
            name.as_str().clone_into(&mut origin.app_name);
        }
        if let Some(name) = &options.logon_app_name {
            name.as_str().clone_into(&mut origin.logon_app_name);
        }
        if let Some(mark) = options.byte_order_mark {
            origin.byte_order_mark = mark;
        }
        Self {
            origin,
            form: options.form,
            sequence: options.sequence,
        }
    }

    /// Appends an event's message, told in the local time of when it happened.
    pub(super) fn event(&self, event: &RecordedEvent, out: &mut Vec<u8>) {
        let mut when = Occurrence::new(event.at, local_offset(event.at));
        if self.sequence {
            when.sequence = u64::try_from(event.seq).ok();
        }
        match self.form {
            Form::Compatible => encode(&event.event, when, &self.origin, out),
            Form::Strict => encode_strict(&event.event, when, &self.origin, out),
        }
    }

    /// Appends a message that is no event.
    pub(super) fn text(&self, text: &str, at: Timestamp, out: &mut Vec<u8>) {
        encode_text(text, at, local_offset(at), &self.origin, out);
    }
}
