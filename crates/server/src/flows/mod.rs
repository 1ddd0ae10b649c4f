//! What the routes, the API and the command line do, each once.

pub mod account_links;
pub mod accounts;
pub mod backups;
pub mod chains;
pub mod clients;
pub mod clock;
pub mod commands;
pub mod configuration_backups;
pub mod decide;
pub mod effects;
pub mod notices;
pub mod opening;
pub mod own_factors;
pub mod receivers;
pub mod runners;
pub mod service_providers;
pub mod sessions;
pub mod settings;
pub mod storages;
pub mod tokens;
pub mod unlock;

use countersign_core::{Account, Refusal, Role};
use countersign_vault::VaultError;

/// Whether a person may do what changes nothing that is protected but is not for everyone: ending the collecting of deletes.
pub fn may_administer(account: &Account) -> Result<(), VaultError> {
    if account.roles.has(Role::BackupAdministrator) || account.roles.has(Role::SecurityAdministrator) {
        Ok(())
    } else {
        Err(Refusal::NotAllowed("the role of a backup administrator").into())
    }
}

#[cfg(test)]
mod tests;
