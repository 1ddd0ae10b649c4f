//! Every way in which a flow or a crate below says no, as an answer. The one place where statuses are chosen for them.

use countersign_core::account_change::AccountRefusal;
use countersign_core::command::BadCommand;
use countersign_core::logon::BadClient;
use countersign_core::receiver::BadFilter;
use countersign_core::storage::BadStorage;
use countersign_store::StoreError;
use countersign_vault::VaultError;
use countersign_vault::files::{FileError, FolderRefused};

use super::problem::{Kind, Problem};
use crate::configuration_backup::make::MakeError;
use crate::configuration_backup::sealed_file::FileFault;
use crate::flows::account_links::LinkError;
use crate::flows::commands::CommandError;
use crate::flows::decide::DecideError;
use crate::flows::service_providers::ProviderRefusal;
use crate::flows::sessions::SessionError;
use crate::flows::settings::ChangeError;
use crate::flows::storages::StorageRefusal;
use crate::flows::tokens::TokenError;
use crate::flows::unlock::UnlockError;
use crate::second_factor::CodeRefused;
use crate::step_up::ShownRefused;

/// Every way in which the vault says no, as an answer. The one place.
impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        let kind = match &error {
            VaultError::NoStorage | VaultError::NoBackup | VaultError::NoRequest(_) => Kind::NotFound,
            VaultError::WrongHash => Kind::Malformed,
            VaultError::AwaitsDecision
            | VaultError::Exists
            | VaultError::Refused(_)
            | VaultError::ReadOnly
            | VaultError::Immutable { .. }
            | VaultError::StorageCloses
            | VaultError::TooManyOpen(_)
            | VaultError::AskedTooOften(_)
            | VaultError::HeldCap => Kind::Forbidden,
            VaultError::QuotaFull => Kind::Full,
            VaultError::StorageAway => Kind::Unavailable,
            VaultError::Moving => return Self::new(Kind::Unavailable, error.to_string()).retry_after(1),
            VaultError::InUse(_)
            | VaultError::OutOfOrder(_)
            | VaultError::Decided { .. }
            | VaultError::NotWaiting { .. }
            | VaultError::RequestsWait
            | VaultError::Drift
            | VaultError::Undecided(_) => Kind::Conflict,
            VaultError::Files(FileError::StorageFull) => Kind::Full,
            VaultError::Files(FileError::Stopping) => Kind::Unavailable,
            VaultError::Files(cause @ FileError::Io { .. }) => return Self::internal(cause),
            VaultError::Store(cause) => return Self::from(cause.clone()),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Full => Self::new(Kind::Full, error.to_string()),
            StoreError::Busy | StoreError::Closed => Self::new(Kind::Unavailable, error.to_string()).retry_after(1),
            StoreError::Exists => Self::new(Kind::Conflict, error.to_string()),
            StoreError::TooNew(_) | StoreError::Unreadable(_) => Self::internal(&error),
            StoreError::Engine(detail) => Self::internal(detail),
        }
    }
}

/// Why nothing was decided, as an answer.
impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::Vault(error) => error.into(),
            DecideError::Change(error) => error.into(),
            DecideError::Factor(refused) => {
                let kind = match refused {
                    ShownRefused::Code(CodeRefused::Unreadable) => return Self::internal(&refused),
                    _ if refused.throttled().is_some() => Kind::TooMany,
                    ShownRefused::Code(_) | ShownRefused::Passkey(_) => Kind::Forbidden,
                };
                Self::new(kind, refused.to_string())
            }
        }
    }
}

/// Why a setting was not changed, as an answer.
impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Vault(error) => error.into(),
            ChangeError::OutOfRange(_) => Self::new(Kind::Invalid, error.to_string()),
            ChangeError::NoClient => Self::new(Kind::NotFound, error.to_string()),
            ChangeError::BuiltInClient | ChangeError::NoSecret => Self::new(Kind::Conflict, error.to_string()),
            ChangeError::ClientTaken => Self::new(Kind::Conflict, error.to_string()).with("field", "id"),
            ChangeError::BadClient(bad) => {
                let field = match bad {
                    BadClient::Id => "id",
                    BadClient::Name => "name",
                    BadClient::NoGrant => "grants",
                    BadClient::Redirects => "redirect_uris",
                    BadClient::Resources => "resources",
                };
                Self::new(Kind::Invalid, error.to_string()).with("field", field)
            }
            ChangeError::TooFewEligible(_) | ChangeError::TooFewLeft(_) => Self::new(Kind::Conflict, error.to_string()),
            ChangeError::Account(refusal) => {
                let kind = match refusal {
                    AccountRefusal::OwnAccount => Kind::Forbidden,
                    AccountRefusal::Deleted | AccountRefusal::NotActive(_) => Kind::Conflict,
                    AccountRefusal::ServiceEmail
                    | AccountRefusal::ServiceRights
                    | AccountRefusal::ServiceReset
                    | AccountRefusal::Expired => Kind::Invalid,
                    AccountRefusal::NoOwner | AccountRefusal::OwnedPerson | AccountRefusal::BadOwner => {
                        return Self::new(Kind::Invalid, refusal.to_string()).with("field", "owner");
                    }
                    AccountRefusal::ServicePerson => {
                        return Self::new(Kind::Invalid, refusal.to_string()).with("field", "person");
                    }
                };
                Self::new(kind, refusal.to_string())
            }
            ChangeError::Clock(_) => Self::new(Kind::Conflict, error.to_string()),
            ChangeError::NoAccount => Self::new(Kind::NotFound, error.to_string()),
            ChangeError::AccountNameTaken => Self::new(Kind::Conflict, error.to_string()).with("field", "name"),
            ChangeError::Storage(refusal) => refusal.into(),
            ChangeError::NoNoticeChannel => Self::new(Kind::NotFound, error.to_string()),
            ChangeError::ChannelNameTaken => Self::new(Kind::Conflict, error.to_string()).with("field", "name"),
            ChangeError::OneWay | ChangeError::OtherWay => Self::new(Kind::Invalid, error.to_string()),
            ChangeError::BadChannel(_) => Self::new(Kind::Invalid, error.to_string()).with("field", "mail"),
            ChangeError::NoConfigurationBackup => Self::new(Kind::NotFound, error.to_string()),
            ChangeError::BadSchedule(_) => Self::new(Kind::Invalid, error.to_string()).with("field", "keep"),
            ChangeError::BadPassphrase(_) => Self::new(Kind::Invalid, error.to_string()).with("field", "passphrase"),
            ChangeError::NoService => Self::new(Kind::Invalid, error.to_string()).with("field", "account"),
            ChangeError::RunnerTaken | ChangeError::RunnerHasToken => Self::new(Kind::Conflict, error.to_string()),
            ChangeError::NoRunner => Self::new(Kind::NotFound, error.to_string()),
            ChangeError::NoReceiver => Self::new(Kind::NotFound, error.to_string()),
            ChangeError::NameTaken => Self::new(Kind::Conflict, error.to_string()).with("field", "name"),
            ChangeError::BadReceiver(_) => Self::new(Kind::Invalid, error.to_string()).with("field", "options.tls"),
            ChangeError::Provider(refusal) => {
                let kind = match refusal {
                    ProviderRefusal::None => Kind::NotFound,
                    ProviderRefusal::NameTaken => Kind::Conflict,
                    ProviderRefusal::NoBackup(_)
                    | ProviderRefusal::Bad(_)
                    | ProviderRefusal::BadCertificates(_)
                    | ProviderRefusal::Password => Kind::Invalid,
                };
                let field = refusal.field();
                let problem = Self::new(kind, refusal.to_string());
                match field {
                    Some(field) => problem.with("field", field),
                    None => problem,
                }
            }
            ChangeError::BadCertificates(_) => {
                Self::new(Kind::Invalid, error.to_string()).with("field", "options.tls.ca")
            }
        }
    }
}

/// Why nothing was done to a storage, as an answer.
impl From<StorageRefusal> for Problem {
    fn from(error: StorageRefusal) -> Self {
        let (kind, field) = match error {
            StorageRefusal::NoStorage => (Kind::NotFound, None),
            StorageRefusal::NameTaken => (Kind::Conflict, Some("name")),
            StorageRefusal::Last | StorageRefusal::Away(_) => (Kind::Conflict, None),
            StorageRefusal::Bad(BadStorage::ImmutableDays) => (Kind::Invalid, Some("immutable_days")),
            StorageRefusal::Bad(BadStorage::Quota) => (Kind::Invalid, Some("quota_bytes")),
            StorageRefusal::Bad(BadStorage::Path) => (Kind::Invalid, Some("path")),
            StorageRefusal::Folder(FolderRefused::Store(cause)) => return cause.into(),
            StorageRefusal::Folder(_) => (Kind::Invalid, Some("path")),
        };
        let problem = Self::new(kind, error.to_string());
        match field {
            Some(field) => problem.with("field", field),
            None => problem,
        }
    }
}

/// Why no configuration backup was made or read, as an answer.
impl From<MakeError> for Problem {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Refused(_) => Self::new(Kind::Forbidden, error.to_string()),
            MakeError::NoPassphrase | MakeError::UnderWay | MakeError::TooMany => {
                Self::new(Kind::Conflict, error.to_string())
            }
            MakeError::None => Self::new(Kind::NotFound, error.to_string()),
            MakeError::File(FileFault::Io(cause)) if cause.kind() == std::io::ErrorKind::StorageFull => Self::new(
                Kind::Full,
                "The disk of the configuration backups is full: make room. None was made.",
            ),
            MakeError::File(_) | MakeError::Unopened(_) => Self::internal(&error),
            MakeError::Store(error) => error.into(),
        }
    }
}

/// Why a command was not asked for, taken or told, as an answer.
impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let kind = match &error {
            CommandError::Bad(bad) => {
                let field = match bad {
                    BadCommand::Name => "name",
                    BadCommand::Argv => "argv",
                    BadCommand::Environment => "environment",
                    BadCommand::Folder => "folder",
                    BadCommand::Audience => "audience",
                    BadCommand::Limits => "seconds",
                };
                return Self::new(Kind::Invalid, error.to_string()).with("field", field);
            }
            CommandError::NoRunner(_) => return Self::new(Kind::Invalid, error.to_string()).with("field", "runner"),
            CommandError::NoCommand => Kind::NotFound,
            CommandError::NotYours(_) | CommandError::BadGrant(_) | CommandError::Other => Kind::Forbidden,
            CommandError::RunnerInactive | CommandError::ForRunner | CommandError::Over(_) | CommandError::NotTaken => {
                Kind::Conflict
            }
            CommandError::Vault(_) | CommandError::Keys(_) => {
                return match error {
                    CommandError::Vault(error) => error.into(),
                    other => Self::internal(&other),
                };
            }
        };
        Self::new(kind, error.to_string())
    }
}

/// Why an account was not unlocked, as an answer.
impl From<UnlockError> for Problem {
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::Change(error) => error.into(),
            UnlockError::Throttled(_) => Self::new(Kind::TooMany, error.to_string()),
        }
    }
}

/// Why a text is no filter, as an answer: with the place in the text, where there is one.
impl From<BadFilter> for Problem {
    fn from(error: BadFilter) -> Self {
        let problem = Self::new(Kind::Invalid, error.to_string());
        match error {
            BadFilter::At { line, column, .. } => problem.with("line", line).with("column", column),
            BadFilter::Twice(_) | BadFilter::TooMany => problem,
        }
    }
}

/// Why no one-time link was made, as an answer.
impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Refused(_) | LinkError::AskedByOther(_) => Self::new(Kind::Forbidden, error.to_string()),
            LinkError::NoAccount => Self::new(Kind::NotFound, error.to_string()),
            LinkError::None => Self::new(Kind::Conflict, error.to_string()),
            LinkError::Store(error) => error.into(),
        }
    }
}

/// Why no session was listed or ended, as an answer.
impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Refused(_) => Self::new(Kind::Forbidden, error.to_string()),
            SessionError::NoAccount | SessionError::NoSession => Self::new(Kind::NotFound, error.to_string()),
            SessionError::Store(error) => error.into(),
        }
    }
}

/// Why a token was not made, as an answer.
impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Label | TokenError::Expired => Self::new(Kind::Invalid, error.to_string()),
            TokenError::Rights | TokenError::Role | TokenError::OtherPerson => {
                Self::new(Kind::Forbidden, error.to_string())
            }
            TokenError::NoAccount => Self::new(Kind::NotFound, error.to_string()),
            TokenError::NotActive => Self::new(Kind::Conflict, error.to_string()),
            TokenError::Store(error) => error.into(),
        }
    }
}
