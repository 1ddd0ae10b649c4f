//! The events of a backup server's four-eyes authorization, logon, second factors and settings: the catalogue as
//! types, and each event to and from its wire forms.
//!
//! Pure: no I/O, no async, no clock. Useful to whoever sends such messages, and to whoever reads them:
//!
//! - [`Event`] says what happened; [`encode`] and [`encode_strict`] write it in the dialect of an [`Origin`].
//! - [`decode`] reads one message of either form, ours or another sender's; [`Reader`] reads them from a stream;
//!   [`encode_message`] writes one back byte for byte, in the form that it stood in.
//! - [`Event::try_from`] says what happened from a [`Message`].
//! - [`export`] says a [`Message`] in the words of ECS, OCSF and CEF.
//! - [`CATALOGUE`] lists what there is.
//!
//! ```
//! use countersign_events::{Event, Occurrence, Operation, Origin, Timestamp, User, decode, encode};
//!
//! let event = Event::FourEyesRequestCreated {
//!     operation: Operation::DeleteSnapshot { name: "1f2e3d4c".into() },
//!     initiator: User::local(r"TECH\user1"),
//!     request_id: None,
//! };
//! let mut line = Vec::new();
//! let when = Occurrence::new(Timestamp(1_763_987_197_421_424), -7 * 3600);
//! encode(&event, when, &Origin::new("VBRSRV01"), &mut line);
//! assert!(line.starts_with(b"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin "));
//!
//! let message = decode(&line)?;
//! assert_eq!(message.parameter("Operation"), Some("Delete snapshot 1f2e3d4c"));
//! assert_eq!(Event::try_from(&message), Ok(event));
//! # Ok::<(), countersign_events::DecodeError>(())
//! ```

mod catalogue;
mod changes;
mod decode;
mod encode;
mod event;
pub mod export;
mod form;
mod from_message;
mod message;
mod occurrence;
mod operation;
mod origin;
mod outcome;
mod parameters;
mod reader;
mod reason;
mod severity;
mod timestamp;
mod user;
mod value;
mod writer;
mod xml;

pub use catalogue::{COMMON, EVENT_SEQUENCE, Entry};
pub use changes::{ChangedObject, ChangedProperty, Changes, ConfigurationBackupSpec};
pub use decode::{DecodeError, decode};
pub use encode::{LARGEST_MESSAGE, encode, encode_strict, encode_text};
pub use event::{CATALOGUE, Event, entry};
pub use form::Form;
pub use from_message::NotAnEvent;
pub use message::{EncodeError, Message, encode_message};
pub use occurrence::Occurrence;
pub use operation::Operation;
pub use origin::Origin;
pub use outcome::Outcome;
pub use reader::{Reader, SkipReason, Skipped};
pub use reason::Reason;
pub use severity::Severity;
pub use timestamp::Timestamp;
pub use user::User;
