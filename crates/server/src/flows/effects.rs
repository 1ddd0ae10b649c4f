//! What was approved and waited for the end of its undo window takes effect: objects in the vault, everything else here.

use countersign_core::request::Effect;
use countersign_core::undo::{Turn, Void};
use countersign_core::{Moment, RequestId};
use countersign_store::{StoreError, Tx};
use countersign_vault::{VaultError, undo};

use super::decide::{initiator, storage_idle};
use super::settings::{self, ChangeError};
use crate::AppState;

/// Lets everything whose undo window is over take effect; how many requests. Run it every second.
///
/// # Errors
/// The last thing that went wrong; the others were looked at.
pub async fn carry_out_ripe(app: &AppState) -> Result<usize, VaultError> {
    let mut outcome = app.vault.begin_ripe().await;
    let moment = app.vault.moment();
    let ripe = app
        .store
        .ask(move |view| Box::pin(async move { view.ripe(moment.ageing).await }))
        .await?;
    for (id, backup) in ripe {
        if backup.is_some() {
            continue;
        }
        match carry_out(app, id, moment).await {
            Ok(done) => outcome = outcome.map(|before| before + usize::from(done)),
            Err(error) => outcome = Err(error),
        }
    }
    app.delivery_changed.notify_one();
    outcome
}

/// What does not hold is an outcome of its own transaction: what it had begun to change is undone first.
async fn carry_out(app: &AppState, id: RequestId, moment: Moment) -> Result<bool, VaultError> {
    let applied = match storage_idle(app, id).await {
        Ok(()) => {
            app.store
                .write(move |tx| Box::pin(async move { apply(tx, id, moment).await }))
                .await
        }
        Err(error) => Err(ChangeError::Vault(error)),
    };
    app.vault.decided();
    let why = match applied {
        Ok(done) => return Ok(done),
        Err(ChangeError::Vault(error @ VaultError::Store(_))) => return Err(error),
        Err(ChangeError::Vault(VaultError::InUse(why))) => {
            app.vault.postpone(id, why.to_string(), moment).await?;
            return Ok(false);
        }
        Err(ChangeError::Vault(VaultError::Drift)) => Void::Drift,
        Err(error) => Void::Impossible(error.to_string()),
    };
    app.store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(waiting) = tx.request(id).await?.and_then(|record| record.waiting()) {
                    undo::record_void(tx, &waiting.void(why), moment).await?;
                }
                Ok::<_, StoreError>(false)
            })
        })
        .await
        .map_err(VaultError::from)
}

async fn apply(tx: &mut Tx, id: RequestId, moment: Moment) -> Result<bool, ChangeError> {
    // Someone vetoed it meanwhile.
    let Some(waiting) = tx.request(id).await?.and_then(|record| record.waiting()) else {
        return Ok(false);
    };
    let moment = tx.moment(moment.now);
    let manifest = tx.manifest(id).await?.ok_or(StoreError::Unreadable("a manifest"))?;
    let by = initiator(&waiting.request);
    // Whether what is there is what was approved is asked where it is applied.
    match undo::turn(tx, waiting, &[], manifest.digest().ok(), moment).await? {
        Turn::NotYet(..) => Ok(false),
        Turn::Void(voided) => {
            undo::record_void(tx, &voided, moment).await?;
            Ok(false)
        }
        Turn::Begin(_) => {
            settings::apply(tx, &manifest.subject, &by, Some(id), moment.now).await?;
            tx.record_turn(id, Effect::Done, None, moment.now).await?;
            Ok(true)
        }
    }
}
