//! Why a setting was not changed.

use countersign_core::account_change::{AccountRefusal, TooFewLeft};
use countersign_core::configuration_backup::{BadPassphrase, BadSchedule};
use countersign_core::logon::BadClient;
use countersign_core::notice::BadChannel;
use countersign_core::receiver::BadReceiver;
use countersign_store::StoreError;
use countersign_vault::VaultError;

use crate::flows::clock::NotConfirmed;
use crate::flows::service_providers::ProviderRefusal;
use crate::flows::storages::StorageRefusal;
use crate::receivers::BadCertificates;

/// Why a setting was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A value is out of its range.
    #[error(transparent)]
    OutOfRange(#[from] countersign_core::policy::OutOfRange),
    /// Rule 4.
    #[error(
        "four-eyes authorization needs two people who can approve; there {}: {}. Set up another administrator first",
        if .0.len() == 1 { "is one" } else { "is none" },
        if .0.is_empty() { "nobody".to_owned() } else { .0.join(", ") }
    )]
    TooFewEligible(Vec<String>),
    /// Rule 4, for accounts.
    #[error("{}", too_few_left(.0))]
    TooFewLeft(TooFewLeft),
    /// The account cannot be changed so.
    #[error(transparent)]
    Account(#[from] AccountRefusal),
    /// There is none of this number.
    #[error("there is no such account")]
    NoAccount,
    /// Names of accounts are single, and never given again.
    #[error("there is or was an account of this name: choose another, since a name is never given again")]
    AccountNameTaken,
    /// There is none of this number.
    #[error("there is no such receiver")]
    NoReceiver,
    /// Names are single.
    #[error("there is a receiver of this name already: choose another")]
    NameTaken,
    /// The parts of a receiver do not go together.
    #[error(transparent)]
    BadReceiver(#[from] BadReceiver),
    /// Nothing can be trusted by them.
    #[error(transparent)]
    BadCertificates(#[from] BadCertificates),
    /// There is none of this id.
    #[error("there is no such client")]
    NoClient,
    /// The pages and the command line are part of the server.
    #[error("this client is built in: it cannot be changed")]
    BuiltInClient,
    /// Ids are single.
    #[error("there is a client of this id already: choose another")]
    ClientTaken,
    /// It shows that it is itself in another way.
    #[error("this client has no secret: it is not registered to authenticate by one")]
    NoSecret,
    /// There is none of this number.
    #[error("there is no such channel of notices")]
    NoNoticeChannel,
    /// Names are single.
    #[error("there is a channel of this name already: choose another")]
    ChannelNameTaken,
    /// Neither, or both.
    #[error("a channel tells by mail or by a webhook: describe exactly one of them")]
    OneWay,
    /// It stays what it is.
    #[error("a channel stays mail or webhook: add another one, and remove this one")]
    OtherWay,
    /// The parts of a channel do not go together.
    #[error(transparent)]
    BadChannel(#[from] BadChannel),
    /// Only programs are runners.
    #[error("only an active service account can be a runner: add one first")]
    NoService,
    /// It is one.
    #[error("this account is a runner already")]
    RunnerTaken,
    /// It is none.
    #[error("this account is no runner")]
    NoRunner,
    /// A lost one is not simply made again: another host would get the commands.
    #[error("this runner has a token, which is not told again: remove the runner and add it anew")]
    RunnerHasToken,
    /// The parts of a client do not go together.
    #[error(transparent)]
    BadClient(#[from] BadClient),
    /// The clock cannot be confirmed.
    #[error(transparent)]
    Clock(#[from] NotConfirmed),
    /// The storage cannot be added, changed or deleted so.
    #[error(transparent)]
    Storage(#[from] StorageRefusal),
    /// There is none of this number.
    #[error("there is no such configuration backup")]
    NoConfigurationBackup,
    /// None, or too many, would stay.
    #[error(transparent)]
    BadSchedule(#[from] BadSchedule),
    /// It is too easy.
    #[error(transparent)]
    BadPassphrase(#[from] BadPassphrase),
    /// The service provider cannot be so.
    #[error(transparent)]
    Provider(#[from] ProviderRefusal),
    /// The role is missing, or what was asked for does not fit.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

fn too_few_left(too_few: &TooFewLeft) -> String {
    let left = match too_few.left.as_slice() {
        [] => "nobody".to_owned(),
        names => names.join(", "),
    };
    format!(
        "four-eyes authorization needs two people who can approve at any time; from {} on there would be {left} alone. \
         Let another security administrator be there first, past the cool-off",
        too_few.at.rfc3339(0)
    )
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}
