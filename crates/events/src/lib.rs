//! The events of a backup server's four-eyes authorization, logon, second factors and settings: the catalogue as
//! types, and each event to and from its wire forms.
//!
//! Pure: no I/O, no async, no clock. Useful to whoever sends such messages, and to whoever reads them:
//!
//! - [`Event`] says what happened; [`encode`] and [`encode_strict`] write it in the dialect of an [`Origin`].
//! - [`decode`] reads one message, ours or another sender's; [`Reader`] reads them from a stream;
//!   [`encode_message`] writes one back byte for byte.
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
//! # Ok::<(), countersign_events::DecodeError>(())
//! ```

mod catalogue;
mod changes;
mod decode;
mod encode;
mod event;
pub mod export;
mod message;
mod occurrence;
mod operation;
mod origin;
mod outcome;
mod reader;
mod reason;
mod severity;
mod timestamp;
mod user;
mod writer;

pub use catalogue::{COMMON, EVENT_SEQUENCE, Entry};
pub use changes::{ChangedObject, ChangedProperty, Changes, ConfigurationBackupSpec};
pub use decode::{DecodeError, decode};
pub use encode::{LARGEST_MESSAGE, encode, encode_strict, encode_text};
pub use event::{CATALOGUE, Event, entry};
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
