//! What a request would change.

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ManifestBackup, ManifestObject};
use crate::account_change::{AccountSpec, Reset};
use crate::command::CommandSpec;
use crate::configuration_backup::Schedule;
use crate::logon::{ClientId, ClientSpec};
use crate::notice::ChannelSpec;
use crate::receiver::ReceiverSpec;
use crate::service_provider::ServiceProviderSpec;
use crate::storage::{FolderPath, StorageSpec};
use crate::{
    AccountId, BackupId, ConfigurationBackupId, NoticeChannelId, Policy, ReceiverId, ServiceProviderId, Sha256,
    StorageId,
};

/// The thing a request would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An account: who there is, what they may do, with what they log on.
    Account {
        /// Its immutable id; none when it is new.
        account: Option<AccountId>,
        /// After.
        after: Box<AccountSpec>,
        /// Before; none when it is new.
        before: Option<Box<AccountSpec>>,
        /// What of its credentials is set anew.
        reset: Option<Reset>,
    },
    /// A client that may ask for logons.
    Client {
        /// After; none when it is removed.
        after: Option<Box<ClientSpec>>,
        /// Before; none when it is new.
        before: Option<Box<ClientSpec>>,
    },
    /// The secret of a client, which will hold no more. Another one is made when it is asked for.
    ClientSecret {
        /// Whose.
        client: ClientId,
        /// The SHA-256 of what is kept of it: another secret at the time of the effect is drift.
        secret: Sha256,
    },
    /// The machine's clock jumped, and is right as it is now: time goes on for what waits.
    Clock {
        /// What it showed after the jump.
        after: Timestamp,
        /// What it should have shown.
        before: Timestamp,
        /// Which jump: another one at the time of the effect is drift.
        jump: i64,
    },
    /// A command to run, or to let a script run.
    Command(Box<CommandSpec>),
    /// A channel by which people are told of requests.
    NoticeChannel {
        /// After; none when it is removed.
        after: Option<Box<ChannelSpec>>,
        /// Before; none when it is new.
        before: Option<Box<ChannelSpec>>,
        /// Its immutable id; none when it is new.
        channel: Option<NoticeChannelId>,
    },
    /// A backup of the server's own configuration, which is deleted.
    ConfigurationBackup {
        /// Its immutable id.
        backup: ConfigurationBackupId,
        /// Of the file.
        hash: Sha256,
        /// When it was made, in microseconds since the Unix epoch.
        made_at: Timestamp,
        /// The file's name.
        name: String,
        /// In bytes.
        size: u64,
    },
    /// What configuration backups are encrypted with from now on. Neither passphrase can be told from it.
    ConfigurationPassphrase {
        /// The SHA-256 of the sealed passphrase that held before; none when there was none.
        before: Option<Sha256>,
        /// The number under which the new one lies sealed.
        passphrase: i64,
        /// The SHA-256 of what lies there.
        sealed: Sha256,
    },
    /// When configuration backups are made, and how many stay.
    ConfigurationSchedule {
        /// After.
        after: Schedule,
        /// Before; any other at the time of the effect is drift.
        before: Schedule,
    },
    /// Objects of a backup.
    Objects {
        /// The backup's immutable id.
        backup: BackupId,
        /// Its name, as people know it: `main/laptop`.
        name: String,
        /// Each object, ordered by kind and name.
        objects: Vec<ManifestObject>,
        /// Whether the backup itself goes, too.
        whole: bool,
    },
    /// The security settings.
    Policy {
        /// After.
        after: Policy,
        /// Before; any other state at the time of the effect is drift.
        before: Policy,
    },
    /// A receiver of events.
    Receiver {
        /// After; none when it is removed.
        after: Option<Box<ReceiverSpec>>,
        /// Before; none when it is new.
        before: Option<Box<ReceiverSpec>>,
        /// Its immutable id; none when it is new.
        receiver: Option<ReceiverId>,
    },
    /// A remote server to which backups are copied. One more needs no second person, so it is never new.
    ServiceProvider {
        /// After; none when it is forgotten.
        after: Option<Box<ServiceProviderSpec>>,
        /// Before; any other description at the time of the effect is drift.
        before: Box<ServiceProviderSpec>,
        /// Its immutable id.
        provider: ServiceProviderId,
    },
    /// A service account that is to be a runner: it gets the commands that are addressed to it.
    Runner {
        /// The account's immutable id.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// A storage that goes out of service.
    Storage {
        /// Each of its backups, in the order of their ids.
        backups: Vec<ManifestBackup>,
        /// Its name, as people know it.
        name: crate::Name,
        /// Its folder; none below the data folder.
        path: Option<FolderPath>,
        /// Whether the bytes go, too. Without, the folder is left as it is, and the server forgets it.
        purge: bool,
        /// Its immutable id.
        storage: StorageId,
    },
    /// What a storage keeps, and for how long.
    StorageChange {
        /// After.
        after: StorageSpec,
        /// Before; any other state at the time of the effect is drift.
        before: StorageSpec,
        /// Its immutable id.
        storage: StorageId,
    },
}

impl Subject {
    /// Whether carrying it out destroys bytes that nothing brings back: such an approval waits for the undo window.
    pub const fn destroys_bytes(&self) -> bool {
        match self {
            Self::Objects { .. } | Self::ConfigurationBackup { .. } => true,
            // Without its bytes the folder stays as it is.
            Self::Storage { purge, .. } => *purge,
            Self::Account { .. }
            | Self::Command(_)
            | Self::Runner { .. }
            | Self::Client { .. }
            | Self::ClientSecret { .. }
            | Self::Clock { .. }
            | Self::NoticeChannel { .. }
            | Self::ConfigurationPassphrase { .. }
            | Self::ConfigurationSchedule { .. }
            | Self::Policy { .. }
            | Self::ServiceProvider { .. }
            | Self::Receiver { .. }
            | Self::StorageChange { .. } => false,
        }
    }

    /// Of this operation and what it would change, alone: the same thing asked for again has the same, whoever asks, and when.
    ///
    /// A whole backup is the same thing whatever lies in it, so that one more upload does not make it another.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn likeness(&self, operation: u32) -> Result<Sha256, serde_json::Error> {
        let mut alike = self.clone();
        if let Self::Objects {
            objects, whole: true, ..
        } = &mut alike
        {
            objects.clear();
        }
        Ok(Sha256::of(serde_json::to_string(&(operation, &alike))?.as_bytes()))
    }
}
