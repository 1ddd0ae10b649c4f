//! The pages over HTTP: each handler fills a view of [`crate::pages`] from the store, or does what its form asks for.
//!
//! | address | where |
//! |---|---|
//! | `GET /`, `/pending` | [`pending`] |
//! | `GET /requests/{id}`, `/requests/{id}/recorded` | [`request`], [`recorded`] |
//! | `GET`, `POST /requests/decide` | [`batch`] |
//! | `POST /requests/{id}/decision`, `/requests/{id}/veto`, `/requests/{id}/seal` | [`decision`] |
//! | `POST /requests/{id}/open`, `/requests/{id}/close` | [`opening`] |
//! | `GET /history`, `/events` | [`history`], [`events`] |
//! | `GET /backups`, `/backups/{storage}/{backup}`, `POST …/delete` | [`backups`], [`backup`] |
//! | `POST /backups/{storage}/{backup}/snapshot`, `…/mark` | [`backup`] |
//! | `GET`, `POST /storages`, `/storages/new`, `/storages/{id}`, `POST /storages/{id}/delete` | [`storages`] |
//! | `GET`, `POST /tokens`, `POST /tokens/{id}/revoke` | [`tokens`] |
//! | `GET`, `POST /accounts`, `/accounts/{id}`, `POST /accounts/{id}/…` | [`accounts`] |
//! | `GET /account/sessions`, `POST /account/sessions/end` | [`sessions`] |
//! | `GET`, `POST /receivers`, `/receivers/new`, `/receivers/{id}`, `POST /receivers/{id}/test`, `…/remove` | [`receivers`] |
//! | `GET`, `POST /receivers/{id}/filter`, `GET …/filter/export`, `POST …/filter/import` | [`receiver_filter`] |
//! | `GET`, `POST /clients`, `/clients/new`, `/clients/{id}`, `POST /clients/{id}/secret`, `…/remove` | [`clients`] |
//! | `GET`, `POST /service-providers`, `/service-providers/new`, `/service-providers/{id}`, `POST /service-providers/{id}/…` | [`service_providers`] |
//! | `GET /commands`, `/commands/{id}`, `POST /runners`, `/runners/{id}/token`, `…/remove` | [`commands`] |
//! | `GET /account/security`, and the forms below it | [`security`]; each asks for a factor shown within five minutes ([`fresh`]) |
//! | `GET`, `POST /account/confirm`, `POST /account/passkeys/challenge` | [`confirm`], [`own_factors`] |
//! | `GET`, `POST /device` | [`device`] |
//! | `GET`, `POST /configuration-backups`, `POST …/schedule`, `…/passphrase`, `…/{id}/verify`, `…/{id}/delete`, `GET …/{id}/file` | [`configuration_backups`] |
//! | `GET`, `POST /settings`, `POST /settings/four-eyes/on`, `…/off`, `/settings/clock/confirm` | [`settings`] |
//!
//! Whoever is logged on may look at everything; what they may change is asked of `countersign_core`. A form that was done
//! is answered with 303, one that was not with its page again: what was typed, and why nothing was done.

mod account_form;
mod accounts;
mod asked;
mod backup;
mod backups;
mod batch;
mod changed;
mod client_form;
mod clients;
mod commands;
mod configuration_backups;
mod confirm;
mod decision;
mod device;
mod events;
mod filter;
mod fresh;
mod history;
mod notice;
mod notice_channel_form;
mod notice_channels;
mod obstacles;
mod opening;
mod own_factors;
mod paging;
mod pending;
mod problem;
mod receiver_filter;
mod receiver_form;
mod receivers;
mod recorded;
mod request;
mod security;
mod service_providers;
mod sessions;
mod settings;
mod storages;
mod subject;
mod tokens;
mod unlock;
mod words;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};

use super::same_site::own_forms_only;
use crate::AppState;

use asked::Asked;

/// The largest form, in bytes: a comment of a thousand characters and what goes along with a decision.
const LARGEST_FORM: usize = 256 * 1024;

/// The largest list of filtered events, in bytes as a form sends it.
const LARGEST_LIST: usize = 4 * 1024 * 1024;

/// The pages of people who are logged on.
pub fn router(app: &AppState) -> Router<AppState> {
    let fresh = fresh::Fresh {
        app: app.clone(),
        minutes: security::FRESH_MINUTES,
        back_to: security::PATH,
    };
    let sensitive = Router::new()
        .route("/account/security/password", post(security::change_password))
        .route("/account/security/passkeys", post(security::add_passkey))
        .route(
            "/account/security/passkeys/challenge",
            post(security::passkey_challenge),
        )
        .route("/account/security/passkeys/{id}/rename", post(security::rename_passkey))
        .route("/account/security/passkeys/{id}/remove", post(security::remove_passkey))
        .route(
            "/account/security/totp",
            get(security::show_totp).post(security::begin_totp),
        )
        .route("/account/security/totp/confirm", post(security::confirm_totp))
        .route("/account/security/totp/remove", post(security::remove_totp))
        .route("/account/security/recovery-codes", post(security::renew_recovery_codes))
        .route("/account/security/end-others", post(security::end_others))
        .layer(from_fn_with_state(fresh, fresh::required));
    Router::new()
        .merge(sensitive)
        .route("/account/security", get(security::show))
        .route("/account/confirm", get(confirm::show).post(confirm::answer))
        .route("/account/passkeys/challenge", post(own_factors::challenge))
        .route("/", get(|| async { Redirect::to("/pending") }))
        .route("/pending", get(pending::show))
        .route("/requests/decide", get(batch::show).post(batch::decide))
        .route("/requests/{id}", get(request::show))
        .route("/requests/{id}/recorded", get(recorded::show))
        .route("/requests/{id}/decision", post(decision::decide))
        .route("/requests/{id}/veto", post(decision::veto))
        .route("/requests/{id}/seal", post(decision::seal))
        .route("/requests/{id}/open", post(opening::open))
        .route("/requests/{id}/close", post(opening::close))
        .route("/history", get(history::show))
        .route("/events", get(events::show))
        .route("/backups", get(backups::show))
        .route("/backups/{storage}/{backup}", get(backup::show))
        .route("/backups/{storage}/{backup}/delete", post(backup::delete))
        .route("/backups/{storage}/{backup}/snapshot", post(backup::delete_snapshot))
        .route("/backups/{storage}/{backup}/mark", post(backup::mark))
        .route("/storages", get(storages::list).post(storages::add))
        .route("/storages/new", get(storages::new))
        .route("/storages/{id}", get(storages::show).post(storages::change))
        .route("/storages/{id}/delete", post(storages::delete))
        .route("/tokens", get(tokens::show).post(tokens::create))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/accounts", get(accounts::list).post(accounts::add))
        .route("/accounts/new", get(accounts::new))
        .route("/accounts/{id}", get(accounts::show).post(accounts::change))
        .route("/accounts/{id}/enable", post(accounts::enable))
        .route("/accounts/{id}/disable", post(accounts::disable))
        .route("/accounts/{id}/delete", post(accounts::delete))
        .route("/accounts/{id}/unlock", post(unlock::unlock))
        .route("/accounts/{id}/reset", post(accounts::reset))
        .route("/accounts/{id}/link", post(accounts::link))
        .route("/accounts/{id}/tokens", post(accounts::make_token))
        .route("/accounts/{id}/tokens/{token}/revoke", post(accounts::revoke_token))
        .route("/accounts/{id}/sessions/end", post(accounts::end_sessions))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end_own))
        .route("/receivers", get(receivers::list).post(receivers::add))
        .route("/receivers/new", get(receivers::new))
        .route("/receivers/{id}", get(receivers::show).post(receivers::change))
        .route("/receivers/{id}/test", post(receivers::test))
        .route("/receivers/{id}/remove", post(receivers::remove))
        .route(
            "/receivers/{id}/filter",
            get(receiver_filter::show).post(receiver_filter::save),
        )
        .route("/receivers/{id}/filter/export", get(receiver_filter::export))
        .route(
            "/receivers/{id}/filter/import",
            post(receiver_filter::import).layer(DefaultBodyLimit::max(LARGEST_LIST)),
        )
        .route("/notices", get(notice_channels::list).post(notice_channels::add))
        .route("/notices/new", get(notice_channels::new_mail))
        .route("/notices/new-webhook", get(notice_channels::new_webhook))
        .route(
            "/notices/{id}",
            get(notice_channels::show).post(notice_channels::change),
        )
        .route("/notices/{id}/test", post(notice_channels::test))
        .route("/notices/{id}/remove", post(notice_channels::remove))
        .route("/clients", get(clients::list).post(clients::add))
        .route("/clients/new", get(clients::new))
        .route("/clients/{id}", get(clients::show).post(clients::change))
        .route("/clients/{id}/secret", post(clients::secret))
        .route("/clients/{id}/remove", post(clients::remove))
        .route(
            "/configuration-backups",
            get(configuration_backups::show).post(configuration_backups::add),
        )
        .route("/configuration-backups/schedule", post(configuration_backups::schedule))
        .route(
            "/configuration-backups/passphrase",
            post(configuration_backups::passphrase),
        )
        .route(
            "/configuration-backups/{id}/verify",
            post(configuration_backups::verify),
        )
        .route("/configuration-backups/{id}/file", get(configuration_backups::file))
        .route(
            "/configuration-backups/{id}/delete",
            post(configuration_backups::delete),
        )
        .route(
            "/service-providers",
            get(service_providers::list).post(service_providers::add),
        )
        .route("/service-providers/new", get(service_providers::new))
        .route(
            "/service-providers/{id}",
            get(service_providers::show).post(service_providers::change),
        )
        .route("/service-providers/{id}/password", post(service_providers::password))
        .route("/service-providers/{id}/test", post(service_providers::test))
        .route("/service-providers/{id}/copy", post(service_providers::copy))
        .route(
            "/service-providers/{id}/unschedule",
            post(service_providers::unschedule),
        )
        .route("/service-providers/{id}/delete", post(service_providers::delete))
        .route("/commands", get(commands::list))
        .route("/commands/{id}", get(commands::show))
        .route("/runners", post(commands::add_runner))
        .route("/runners/{id}/token", post(commands::runner_token))
        .route("/runners/{id}/remove", post(commands::remove_runner))
        .route("/device", get(device::show).post(device::answer))
        .route("/settings", get(settings::show).post(settings::save))
        .route("/settings/four-eyes/on", post(settings::turn_on))
        .route("/settings/four-eyes/off", post(settings::turn_off))
        .route("/settings/clock/confirm", post(settings::confirm_clock))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn_with_state(app.clone(), own_forms_only))
        .layer(from_fn_with_state(app.clone(), problem::present))
}
