//! What people meet: the pages.
//!
//! Each page is a view: a struct with plain fields and an askama template, without a store. A route handler fills it and
//! answers with [`respond::page`]. Every page works without JavaScript; its policy (CSP) allows neither inline script nor
//! inline style. Forms send a hidden `csrf` field.
//!
//! | page | view | its forms |
//! |---|---|---|
//! | sign in | [`SignIn`], [`SignInCode`], [`SignInPassword`], [`SignedOut`] | to `action`: `name`, `password`; `code` or `recovery`; `password`, `repeat` |
//! | set up | [`SetUpPassword`], [`SetUpSecondFactor`], [`SetUpDone`] | to `action`: `name`, `password`, `repeat`; `code`; none |
//! | a person's one-time link | [`SetUpPassword`], [`SetUpSecondFactor`], [`LinkPassword`], [`LinkProof`], [`LinkDone`] | to `action`: `password`, `repeat`, `code` or `recovery`; `code`, `proof` |
//! | `/pending` | [`PendingPage`] | `POST /requests/{id}/seal` |
//! | `/requests/decide` | [`BatchPage`], [`BatchDonePage`] | GET `id` (repeated), `choose`; `POST /requests/decide`: `seen`, `decide-ID`, `along-ID`, `comment`, `code` or `passkey` |
//! | `/requests/{id}` | [`RequestPage`] | `POST /requests/{id}/decision`: `digest`, `along`, `decision`, `comment`, `code`; `…/open`: `password`; `…/close` |
//! | `/history` | [`HistoryPage`] | GET `from`, `from_time`, `to`, `to_time`, `id`, `user`, `state`, `operation`; `before` or `after` |
//! | `/events` | [`EventsPage`] | GET `from`, `from_time`, `to`, `to_time`, `id`, `severity`, `user`, `request`; `before` or `after` |
//! | `/backups` | [`BackupsPage`] | |
//! | `/backups/{storage}/{backup}` | [`BackupPage`] | `POST …/delete`: `name`; `…/snapshot`: `snapshot`; `…/mark`: `kind` |
//! | `/storages` | [`StoragesPage`] | |
//! | `/storages/new`, `/storages/{id}` | [`StoragePage`] | `POST /storages`, `POST /storages/{id}`, `…/delete`: see [`StorageForm`] |
//! | `/tokens` | [`TokensPage`] | `POST /tokens`: `label`, `scope`, `rights`, `expires`; `POST /tokens/{id}/revoke` |
//! | `/accounts` | [`AccountsPage`] | |
//! | `/accounts/new` | [`NewAccountPage`] | `POST /accounts`: `name`, `kind`, the roles' words, `expires`, `mfa` |
//! | `/accounts/{id}` | [`AccountPage`] | `POST /accounts/{id}`; `…/enable`, `…/disable`, `…/delete`, `…/link`; `…/reset`: `what`; `…/tokens`: as `/tokens`; `…/tokens/{token}/revoke`; `…/sessions/end`: `chain` |
//! | `/account/sessions` | [`SessionsPage`] | `POST /account/sessions/end`: `chain` |
//! | `/device` | [`DevicePage`] | `POST /device`: `user_code`; then with `answer` (`confirm`, `refuse`) |
//! | `/receivers` | [`ReceiversPage`] | |
//! | `/receivers/new`, `/receivers/{id}` | [`ReceiverPage`] | `POST /receivers`, `POST /receivers/{id}`: see [`ReceiverForm`]; `POST /receivers/{id}/test`, `…/remove` |
//! | `/receivers/{id}/filter` | [`ReceiverFilterPage`] | `POST …/filter`: see [`FilterRow`]; `POST …/filter/import`: `xml` |
//! | `/notices` | [`ChannelsPage`] | |
//! | `/notices/new`, `/notices/new-webhook`, `/notices/{id}` | [`ChannelPage`] | `POST /notices`, `POST /notices/{id}`: see [`ChannelForm`]; `POST /notices/{id}/test`, `…/remove` |
//! | `/clients` | [`ClientsPage`] | |
//! | `/service-providers` | [`ServiceProvidersPage`] | |
//! | `/service-providers/new`, `/service-providers/{id}` | [`ServiceProviderPage`] | `POST /service-providers`, `POST /service-providers/{id}`: see [`ServiceProviderForm`]; `POST …/password`, `…/test`, `…/copy`, `…/unschedule`, `…/delete` |
//! | `/clients/new`, `/clients/{id}` | [`ClientPage`] | `POST /clients`, `POST /clients/{id}`: see [`ClientForm`]; `POST /clients/{id}/secret`, `…/remove` |
//! | `/configuration-backups` | [`ConfigurationBackupsPage`] | `POST /configuration-backups`; `…/schedule`: `at`, `keep`; `…/passphrase`: `passphrase`, `repeat`; `…/{id}/verify`, `…/{id}/delete` |
//! | `/commands`, `/commands/{id}` | [`CommandsPage`], [`CommandPage`] | `POST /runners`: `account`; `POST /runners/{id}/token`, `…/remove` |
//! | `/settings` | [`SettingsPage`] | `POST /settings`: `expiry_days`, `quiet_seconds`, `collect_seconds`, `cool_off_hours`, `held_gib`, `event_retention_days`, `logoff_minutes`, `session_hours`, `open_requests`, `undo_hours`, `mfa_for_all`; `POST /settings/four-eyes/on`, `…/off` |
//! | `/account/security` | [`SecurityPage`], [`EnrolTotpPage`] | `POST …/password`: `old`, `password`, `repeat`; `…/passkeys`: `label`, `passkey`; `…/passkeys/{id}/rename`, `…/remove`; `…/totp`, `…/totp/confirm`: `code`; `…/totp/remove`, `…/recovery-codes`, `…/end-others` |
//! | `/account/confirm` | [`ConfirmPage`] | `POST /account/confirm`: `to`, and `code`, `passkey` or `password` |
//! | `/requests/{id}/recorded` | [`RecordedPage`] | |
//! | errors | [`ProblemPage`], [`PublicProblemPage`] | |

mod accounts;
pub mod assets;
mod backup;
mod backups;
mod batch;
mod chrome;
mod clients;
mod commands;
mod configuration_backups;
mod device;
mod events;
mod filters;
mod format;
mod history;
mod links;
mod notice_channels;
mod parts;
mod pending;
mod problem;
mod qr;
mod receivers;
mod recorded;
mod request;
pub mod respond;
mod security;
mod service_providers;
mod set_up;
mod settings;
mod sign_in;
mod storages;
mod tokens;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use accounts::{
    AccountForm, AccountPage, AccountRow, AccountStanding, AccountsPage, Approves, FreshLink, LinkNote, NewAccountPage,
    SessionRow, SessionsPage,
};
pub use backup::{BackupPage, HeldBy, KindTotals, SnapshotRow};
pub use backups::{BackupRow, BackupsPage, LockRow, StorageView};
pub use batch::{BatchDone, BatchDonePage, BatchItem, BatchPage};
pub use chrome::{AlertLine, Chrome, Public, Section};
pub use clients::{ClientForm, ClientPage, ClientRow, ClientState, ClientsPage};
pub use commands::{CommandPage, CommandRow, CommandStanding, CommandsPage, RunnerRow, WrittenView};
pub use configuration_backups::{ConfigurationBackupRow, ConfigurationBackupsPage};
pub use device::{DeviceAsk, DevicePage, DeviceStep};
pub use events::{EventFilter, EventRow, EventsPage, Severity};
pub use format::{Bytes, Count, Moment, Share, Span};
pub use history::{HistoryFilter, HistoryPage, HistoryRow};
pub use links::{LinkDone, LinkPassword, LinkProof};
pub use notice_channels::{ChannelForm, ChannelPage, ChannelRow, ChannelStanding, ChannelState, ChannelsPage};
pub use parts::{Busy, Choice, Pager, RequestState};
pub use pending::{ApprovedRow, CollectingRow, PendingPage, PendingQueue, PendingRow};
pub use problem::{Link, ProblemPage, PublicProblemPage};
pub use qr::QrCode;
pub use receivers::{
    FilterRow, ReceiverFilterPage, ReceiverForm, ReceiverPage, ReceiverRow, ReceiverStanding, ReceiverState,
    ReceiversPage, TestNote,
};
pub use recorded::RecordedPage;
pub use request::{
    ChangeRow, DecideError, Decision, DecisionForm, Effect, Inside, Loss, LostKind, LostSnapshot, Neighbour,
    NotAllowed, ObjectRow, Opening, RequestPage, Stays, Subject, Veto, VetoForm, WarningLine,
};
pub use security::{ConfirmPage, EnrolTotpPage, PasskeyRow, PasswordForm, SecurityPage};
pub use service_providers::{
    CopyRow, CopyStanding, ProviderTest, ScheduleRow, ServiceProviderForm, ServiceProviderPage, ServiceProviderRow,
    ServiceProvidersPage,
};
pub use set_up::{OtherPerson, PasswordProblem, SetUpDone, SetUpPassword, SetUpSecondFactor};
pub use settings::{ClockState, FourEyes, SettingsForm, SettingsPage};
pub use sign_in::{PasskeyAsk, SignIn, SignInCode, SignInMessage, SignInPassword, SignedOut};
pub use storages::{KnownStorage, StorageForm, StoragePage, StorageRow, StorageStanding, StoragesPage};
pub use tokens::{FreshToken, TokenForm, TokenRow, TokensPage};
