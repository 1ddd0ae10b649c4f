//! What is decided: requests, operations, policy, accounts, logon, tokens.
//!
//! Pure: no tokio, no SQL, no HTTP, no clock of its own. Everything a reviewer must trust is here.

pub mod account;
pub mod account_change;
pub mod ageing;
pub mod backup;
pub mod behind;
pub mod clock;
pub mod command;
pub mod configuration_backup;
pub mod decide;
pub mod email;
pub mod factor;
pub mod fence;
pub mod grant;
pub mod id;
pub mod idempotency;
pub mod logon;
pub mod manifest;
pub mod notice;
pub mod object;
pub mod own_factor;
pub mod passkey;
pub mod password;
pub mod person;
pub mod policy;
pub mod preview;
pub mod purge;
pub mod queue;
pub mod receiver;
pub mod recovery;
pub mod request;
pub mod service_provider;
pub mod storage;
pub mod token;
pub mod undo;
pub mod why;

pub use account::{Account, AccountKind, AccountName, AccountState, Role, Roles};
pub use backup::BackupKind;
pub use clock::{Boot, Clock, Entropy, ManualClock, Moment, Reading};
pub use decide::{Actor, Deed, Refusal, Verdict, Via, decide};
pub use id::{
    AccountId, BackupId, CommandId, ConfigurationBackupId, CopyId, Name, NoticeChannelId, ReceiverId, RequestId,
    ServiceProviderId, StorageId, TokenId,
};
pub use manifest::{Initiator, Manifest, ManifestBackup, ManifestObject, Subject};
pub use object::{Object, ObjectKey, ObjectKind, ObjectName, Sha256};
pub use policy::Policy;
pub use purge::PurgeOrder;
pub use storage::{FolderPath, StorageSpec};
pub use why::Why;
