//! How a change of settings ends, in an answer.

use axum::response::Response;

use super::notice::Notice;
use super::{recorded, words};
use crate::flows::service_providers::ProviderRefusal;
use crate::flows::settings::{ChangeError, Changed};
use crate::flows::storages::StorageRefusal;
use crate::http::Problem;
use countersign_vault::VaultError;
use countersign_vault::files::FolderRefused;

/// Leads to where the change is seen: the list when it was done, the request when it is held.
pub fn lead(changed: Changed, done: Notice, path: &str) -> Response {
    match changed {
        Changed::Done | Changed::Added(_) | Changed::AddedAccount(_) => done.at(path),
        Changed::Requested(id) => recorded::lead(id),
        Changed::Unchanged => Notice::Unchanged.at(path),
    }
}

/// What to say beside the form, if the person can do something about it.
///
/// # Errors
/// What is not about the form.
pub fn complaint(error: ChangeError) -> Result<String, Problem> {
    match error {
        ChangeError::OutOfRange(range) => Ok(words::sentence(&range.to_string().replace('_', " "))),
        ChangeError::TooFewEligible(_)
        | ChangeError::TooFewLeft(_)
        | ChangeError::Account(_)
        | ChangeError::AccountNameTaken
        | ChangeError::NameTaken
        | ChangeError::ChannelNameTaken
        | ChangeError::OneWay
        | ChangeError::OtherWay
        | ChangeError::BadChannel(_)
        | ChangeError::BadReceiver(_)
        | ChangeError::ClientTaken
        | ChangeError::BuiltInClient
        | ChangeError::NoSecret
        | ChangeError::Clock(_)
        | ChangeError::NoService
        | ChangeError::RunnerTaken
        | ChangeError::RunnerHasToken
        | ChangeError::BadClient(_)
        | ChangeError::BadSchedule(_)
        | ChangeError::BadPassphrase(_)
        | ChangeError::BadCertificates(_) => Ok(words::sentence(&error.to_string())),
        ChangeError::Storage(StorageRefusal::NoStorage) => {
            Err(Problem::new(crate::http::Kind::NotFound, "There is no such storage."))
        }
        ChangeError::Storage(StorageRefusal::Folder(FolderRefused::Store(cause))) => Err(cause.into()),
        ChangeError::Storage(refusal) => Ok(words::sentence(&refusal.to_string())),
        ChangeError::Vault(
            error @ (VaultError::Immutable { .. }
            | VaultError::StorageCloses
            | VaultError::RequestsWait
            | VaultError::InUse(_)),
        ) => Ok(words::sentence(&error.to_string())),
        ChangeError::Provider(ProviderRefusal::None) => Err(error.into()),
        ChangeError::Provider(_) => Ok(words::sentence(&error.to_string())),
        ChangeError::Vault(VaultError::Drift) => {
            Ok("Someone else changed it in the meantime. Look at the current state, then try again.".to_owned())
        }
        ChangeError::Vault(error) => Err(error.into()),
        ChangeError::NoNoticeChannel => Err(Problem::new(crate::http::Kind::NotFound, "There is no such channel.")),
        ChangeError::NoConfigurationBackup => Err(Problem::new(
            crate::http::Kind::NotFound,
            "There is no such configuration backup.",
        )),
        ChangeError::NoClient => Err(Problem::new(crate::http::Kind::NotFound, "There is no such client.")),
        ChangeError::NoAccount => Err(Problem::new(crate::http::Kind::NotFound, "There is no such account.")),
        ChangeError::NoRunner => Err(Problem::new(crate::http::Kind::NotFound, "There is no such runner.")),
        ChangeError::NoReceiver => Err(Problem::new(crate::http::Kind::NotFound, "There is no such receiver.")),
    }
}
