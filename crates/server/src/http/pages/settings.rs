//! `/settings`: the security settings.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::request::State as RequestState;
use countersign_core::{AccountKind, AccountState, Policy, Role};
use countersign_events::Operation;
use countersign_store::{RequestFilter, StoreError, View};
use serde::Deserialize;

use super::notice::Notice;
use super::receivers::may_change;
use super::tokens::Nothing;
use super::{Asked, changed};
use crate::AppState;
use crate::flows::clock;
use crate::flows::settings::{self, Change};
use crate::http::Problem;
use crate::pages::{ClockState, Count, FourEyes, Section, SettingsForm, SettingsPage, respond};
use crate::session::PersonForm;

const GIB: u64 = 1 << 30;

/// `GET /settings`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    page(asked, Complaints::default()).await
}

/// What the last try met.
#[derive(Default)]
struct Complaints {
    four_eyes: Option<String>,
    clock: Option<String>,
    numbers: Option<(TypedSettings, String)>,
}

async fn page(asked: Asked, complaints: Complaints) -> Result<Response, Problem> {
    let complains = complaints.four_eyes.is_some() || complaints.clock.is_some() || complaints.numbers.is_some();
    let status = if complains {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, complaints)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(view: &mut View, asked: Asked, complaints: Complaints) -> Result<SettingsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Settings)).await?;
    let form = match complaints.numbers {
        Some((typed, problem)) => typed.form(Some(problem)),
        None => TypedSettings::of(&policy).form(None),
    };
    Ok(SettingsPage {
        chrome,
        four_eyes: four_eyes(view, &asked, &policy).await?,
        // A clock that was confirmed meanwhile has no place of its own to say so.
        four_eyes_problem: complaints
            .four_eyes
            .or_else(|| complaints.clock.clone().filter(|_| view.stopped().is_none())),
        clock: clock(view, &asked, complaints.clock),
        form,
        can_change: may_change(&asked, &policy),
    })
}

fn clock(view: &View, asked: &Asked, problem: Option<String>) -> ClockState {
    match clock::stopped(view) {
        None => ClockState::Passes,
        Some((stopped, ageing)) => ClockState::StandsStill {
            jump: ageing.jumps.to_string(),
            before: stopped.before.rfc3339(0),
            after: stopped.after.rfc3339(0),
            now: asked.now.rfc3339(0),
            ageing: asked.ageing.rfc3339(0),
            problem,
        },
    }
}

async fn four_eyes(view: &mut View, asked: &Asked, policy: &Policy) -> Result<FourEyes, StoreError> {
    if policy.four_eyes {
        let filter = RequestFilter {
            states: vec![RequestState::Pending],
            ..RequestFilter::default()
        };
        let waiting = view.requests(&filter, None, u32::MAX).await?;
        let turning_off = waiting
            .iter()
            .find(|record| record.operation == Operation::DisableFourEyes);
        return Ok(FourEyes::On {
            turning_off: turning_off.map(|record| record.id.to_string()),
        });
    }
    let accounts = view.accounts_with_factor().await?;
    let mut eligible_at: Vec<_> = accounts
        .iter()
        .filter(|account| {
            account.kind == AccountKind::Person
                && account.state == AccountState::Active
                && account.roles.has(Role::SecurityAdministrator)
        })
        .map(|account| account.eligible_at)
        .collect();
    eligible_at.sort_unstable();
    Ok(FourEyes::Off {
        eligible: Count(eligible_at.len() as u64),
        ready: eligible_at
            .get(1)
            .filter(|at| **at > asked.ageing)
            .map(|at| asked.moment(*at)),
    })
}

/// The numbers, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TypedSettings {
    expiry_days: String,
    quiet_seconds: String,
    collect_seconds: String,
    cool_off_hours: String,
    held_gib: String,
    event_retention_days: String,
    logoff_minutes: String,
    session_hours: String,
    open_requests: String,
    undo_hours: String,
    /// `on` or `off`; left out, it stays as it is.
    mfa_for_all: String,
}

impl TypedSettings {
    fn of(policy: &Policy) -> Self {
        Self {
            expiry_days: policy.expiry_days.to_string(),
            quiet_seconds: policy.quiet_seconds.to_string(),
            collect_seconds: policy.collect_seconds.to_string(),
            cool_off_hours: policy.cool_off_hours.to_string(),
            held_gib: policy
                .held_bytes_cap
                .map(|bytes| bytes.div_ceil(GIB).to_string())
                .unwrap_or_default(),
            event_retention_days: policy
                .event_retention_days
                .map(|days| days.to_string())
                .unwrap_or_default(),
            logoff_minutes: policy.logoff_minutes.to_string(),
            session_hours: policy.session_hours.to_string(),
            open_requests: policy.open_requests.to_string(),
            undo_hours: policy.undo_hours.to_string(),
            mfa_for_all: if policy.mfa_for_all { "on" } else { "off" }.to_owned(),
        }
    }

    fn form(self, problem: Option<String>) -> SettingsForm {
        SettingsForm {
            expiry_days: self.expiry_days,
            quiet_seconds: self.quiet_seconds,
            collect_seconds: self.collect_seconds,
            cool_off_hours: self.cool_off_hours,
            held_gib: self.held_gib,
            event_retention_days: self.event_retention_days,
            logoff_minutes: self.logoff_minutes,
            session_hours: self.session_hours,
            open_requests: self.open_requests,
            undo_hours: self.undo_hours,
            mfa_for_all: self.mfa_for_all != "off",
            problem,
        }
    }

    /// The settings that were there, with what was typed in their place.
    fn read(&self, before: &Policy) -> Result<Policy, String> {
        let shown = Self::of(before);
        // A bound that was set to the byte elsewhere stays, unless the number here was changed.
        let held_bytes_cap = if self.held_gib.trim() == shown.held_gib {
            before.held_bytes_cap
        } else {
            cap(&self.held_gib)?
        };
        Ok(Policy {
            expiry_days: whole("The days until a request expires", &self.expiry_days)?,
            quiet_seconds: whole("The seconds until a client is quiet", &self.quiet_seconds)?,
            collect_seconds: whole("The seconds for collecting", &self.collect_seconds)?,
            cool_off_hours: whole("The hours of the cool-off", &self.cool_off_hours)?,
            held_bytes_cap,
            event_retention_days: match self.event_retention_days.trim() {
                "" => None,
                days => Some(whole("The days that logon events are kept", days)?),
            },
            logoff_minutes: whole("The minutes until the automatic logoff", &self.logoff_minutes)?,
            session_hours: whole("The hours that a session lives", &self.session_hours)?,
            open_requests: whole("The requests of one account that may wait", &self.open_requests)?,
            undo_hours: whole("The hours in which an approval can be vetoed", &self.undo_hours)?,
            mfa_for_all: match self.mfa_for_all.as_str() {
                "on" => true,
                "off" => false,
                // Nothing is weakened by what was not said.
                _ => before.mfa_for_all,
            },
            ..before.clone()
        })
    }
}

fn whole(what: &str, text: &str) -> Result<u32, String> {
    let number = text.trim().parse();
    number.map_err(|_| format!("{what} must be a whole number."))
}

fn cap(text: &str) -> Result<Option<u64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let gib = text.parse::<u64>().ok().filter(|gib| *gib > 0);
    let bytes = gib.and_then(|gib| gib.checked_mul(GIB));
    bytes
        .map(Some)
        .ok_or_else(|| "The held bytes must be a whole number of GiB from 1 on, or empty for no bound.".to_owned())
}

async fn policy(app: &AppState) -> Result<Policy, Problem> {
    app.store
        .ask(|view| Box::pin(async move { Ok::<_, Problem>(view.policy().await?) }))
        .await
}

/// `POST /settings`.
pub async fn save(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedSettings>,
) -> Result<Response, Problem> {
    let complain = |problem| Complaints {
        numbers: Some((form.clone(), problem)),
        ..Complaints::default()
    };
    let after = match form.read(&policy(&app).await?) {
        Ok(after) => after,
        Err(problem) => return page(Asked::by(app, person), complain(problem)).await,
    };
    match settings::change(&app, &person.actor(), Change::Policy(after)).await {
        Ok(changed) => Ok(changed::lead(changed, Notice::Saved, "/settings")),
        Err(error) => page(Asked::by(app, person), complain(changed::complaint(error)?)).await,
    }
}

/// `POST /settings/four-eyes/on`.
pub async fn turn_on(state: State<AppState>, form: PersonForm<Nothing>) -> Result<Response, Problem> {
    turn(state.0, form, true).await
}

/// `POST /settings/four-eyes/off`.
pub async fn turn_off(state: State<AppState>, form: PersonForm<Nothing>) -> Result<Response, Problem> {
    turn(state.0, form, false).await
}

async fn turn(app: AppState, form: PersonForm<Nothing>, four_eyes: bool) -> Result<Response, Problem> {
    let person = form.person;
    let after = Policy {
        four_eyes,
        ..policy(&app).await?
    };
    let done = if four_eyes { Notice::TurnedOn } else { Notice::Saved };
    match settings::change(&app, &person.actor(), Change::Policy(after)).await {
        Ok(changed) => Ok(changed::lead(changed, done, "/settings")),
        Err(error) => {
            let complaints = Complaints {
                four_eyes: Some(changed::complaint(error)?),
                ..Complaints::default()
            };
            page(Asked::by(app, person), complaints).await
        }
    }
}

/// The jump that was seen.
#[derive(Debug, Deserialize)]
pub struct Seen {
    jump: i64,
}

/// `POST /settings/clock/confirm`.
pub async fn confirm_clock(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<Seen>,
) -> Result<Response, Problem> {
    match settings::change(&app, &person.actor(), Change::ConfirmClock(form.jump)).await {
        Ok(changed) => Ok(changed::lead(changed, Notice::ClockConfirmed, "/settings")),
        Err(error) => {
            let complaints = Complaints {
                clock: Some(changed::complaint(error)?),
                ..Complaints::default()
            };
            page(Asked::by(app, person), complaints).await
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_bound_to_the_byte_is_kept_until_its_number_is_changed() {
        let before = Policy {
            held_bytes_cap: Some(GIB + 1),
            ..Policy::default()
        };
        let typed = TypedSettings::of(&before);
        assert_eq!(typed.held_gib, "2");
        assert_eq!(typed.read(&before), Ok(before.clone()));
        let with = |held_gib: &str| TypedSettings {
            held_gib: held_gib.into(),
            ..typed.clone()
        };
        assert_eq!(with("").read(&before).unwrap().held_bytes_cap, None);
        assert_eq!(with(" 3 ").read(&before).unwrap().held_bytes_cap, Some(3 * GIB));
        for bad in ["0", "-1", "1.5", "many", "99999999999"] {
            assert!(with(bad).read(&before).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_second_factor_is_given_up_by_a_plain_word_alone() {
        let before = Policy::default();
        let with = |mfa: &str| TypedSettings {
            mfa_for_all: mfa.into(),
            ..TypedSettings::of(&before)
        };
        for (mfa, on) in [("on", true), ("", true), ("false", true), ("off", false)] {
            assert_eq!(with(mfa).read(&before).unwrap().mfa_for_all, on, "{mfa}");
        }
    }

    #[test]
    fn no_days_keep_logon_events_for_ever() {
        let before = Policy {
            event_retention_days: Some(90),
            ..Policy::default()
        };
        let typed = TypedSettings::of(&before);
        assert_eq!(typed.read(&before), Ok(before.clone()));
        let with = |days: &str| TypedSettings {
            event_retention_days: days.into(),
            ..typed.clone()
        };
        assert_eq!(with(" ").read(&before).unwrap().event_retention_days, None);
        assert_eq!(with(" 30 ").read(&before).unwrap().event_retention_days, Some(30));
        assert!(with("a month").read(&before).is_err());
    }
}
