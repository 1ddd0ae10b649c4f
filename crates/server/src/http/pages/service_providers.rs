//! `/service-providers`: remote servers to which backups are copied, each with its form, its copies and its schedules.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::service_provider::{EveryHours, ServiceProviderSpec};
use countersign_core::{Deed, Name, Policy, ServiceProviderId, Verdict, decide};
use countersign_store::{CopyRecord, CopyState, View};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::tokens::Nothing;
use super::{Asked, changed, words};
use crate::AppState;
use crate::copies::standings;
use crate::flows::service_providers::{self as flows, ProviderChange, ProviderPassword, ProviderRefusal, Wanted};
use crate::flows::settings::ChangeError;
use crate::http::Problem;
use crate::pages::{
    Bytes, CopyRow, CopyStanding, Count, ProviderTest, ScheduleRow, Section, ServiceProviderForm, ServiceProviderPage,
    ServiceProviderRow, ServiceProvidersPage, respond,
};
use crate::session::{Person, PersonForm};

/// How many copies the page shows.
const NEWEST: u32 = 50;

/// `GET /service-providers`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<ServiceProvidersPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::ServiceProviders)).await?;
    let mut rows = Vec::new();
    for provider in view.service_providers().await? {
        let standings = standings(view, &provider, asked.now).await?;
        let trouble = standings.iter().find_map(|standing| standing.trouble(&provider));
        rows.push(ServiceProviderRow {
            id: provider.id.to_string(),
            name: provider.spec.name.to_string(),
            url: provider.spec.url.to_string(),
            schedules: Count(standings.len() as u64),
            trouble: trouble.map(|trouble| words::sentence(&trouble)),
        });
    }
    Ok(ServiceProvidersPage {
        chrome,
        rows,
        can_change: may_use(&asked, &policy),
    })
}

fn may_use(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::UseServiceProvider, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

/// `GET /service-providers/new`.
pub async fn new(asked: Asked) -> Result<Response, Problem> {
    page(asked, None, Shown::default()).await
}

/// `GET /service-providers/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, Some(part(&id)?), Shown::default()).await
}

/// What the page shows beside the provider as it is.
#[derive(Default)]
struct Shown {
    /// What was typed, and what is wrong with it.
    refused: Option<(Typed, String)>,
    /// What was wrong with another of its forms.
    problem: Option<String>,
    test: Option<ProviderTest>,
}

async fn page(asked: Asked, id: Option<ServiceProviderId>, shown: Shown) -> Result<Response, Problem> {
    let status = match shown.refused.is_some() || shown.problem.is_some() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, shown)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(
    view: &mut View,
    asked: Asked,
    id: Option<ServiceProviderId>,
    shown: Shown,
) -> Result<ServiceProviderPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::ServiceProviders)).await?;
    let mut page = ServiceProviderPage {
        chrome,
        id: id.map(|id| id.to_string()),
        name: String::new(),
        has_password: false,
        test: shown.test,
        problem: shown.problem,
        schedules: Vec::new(),
        copies: Vec::new(),
        backups: Vec::new(),
        form: Typed::default().form(None),
        is_held: policy.four_eyes,
        can_change: may_use(&asked, &policy),
    };
    if let Some(id) = id {
        let provider = view.service_provider(id).await?;
        let provider = provider.ok_or_else(|| ChangeError::from(ProviderRefusal::None))?;
        for standing in standings(view, &provider, asked.now).await? {
            let trouble = standing.trouble(&provider);
            let ended = standing.last.as_ref().and_then(|last| last.ended_at);
            page.schedules.push(ScheduleRow {
                backup: standing.copy.name.clone(),
                to: standing.copy.to.to_string(),
                every: Count(standing.copy.every_hours.hours().into()),
                last: ended.map(|at| asked.moment(at)),
                trouble: trouble.map(|trouble| words::sentence(&trouble)),
            });
        }
        let copies = view.copies(id, None, NEWEST).await?;
        page.copies = copies.into_iter().map(|copy| row(&asked, copy)).collect();
        let backups = view.backups().await?.into_iter();
        page.backups = backups
            .filter(countersign_store::Backup::visible)
            .map(|backup| backup.path())
            .collect();
        page.name = provider.spec.name.to_string();
        page.has_password = provider.password.is_some();
        page.form = Typed::of(&provider.spec).form(None);
    }
    if let Some((typed, problem)) = shown.refused {
        page.form = typed.form(Some(problem));
    }
    Ok(page)
}

fn row(asked: &Asked, copy: CopyRecord) -> CopyRow {
    CopyRow {
        backup: copy.backup_name,
        to: copy.to.to_string(),
        asked_by: (!copy.scheduled).then_some(copy.asked_by),
        asked: asked.moment(copy.asked_at),
        state: match copy.state {
            CopyState::Due => CopyStanding::Due,
            CopyState::Running => CopyStanding::Running,
            CopyState::Done => CopyStanding::Done,
            CopyState::Failed => CopyStanding::Failed,
        },
        sent: Count(copy.tally.sent),
        objects: Count(copy.tally.objects),
        bytes: Bytes(copy.tally.sent_bytes),
        detail: copy.detail,
    }
}

/// The form, as typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    name: String,
    url: String,
    user: String,
    password: String,
    server_name: String,
    ca: String,
    fingerprint: String,
    unencrypted: String,
}

impl Typed {
    fn of(spec: &ServiceProviderSpec) -> Self {
        let told = |value: Option<String>| value.unwrap_or_default();
        Self {
            name: spec.name.to_string(),
            url: spec.url.to_string(),
            user: spec.user.to_string(),
            password: String::new(),
            server_name: told(spec.server_name.as_ref().map(ToString::to_string)),
            ca: told(spec.ca.as_ref().map(|ca| ca.as_str().to_owned())),
            fingerprint: told(spec.fingerprint.map(|print| print.to_string())),
            unencrypted: if spec.unencrypted { "on" } else { "" }.to_owned(),
        }
    }

    /// What it says; whether the parts go together is asked of core.
    fn read(&self) -> Result<ServiceProviderSpec, String> {
        fn said(error: impl std::fmt::Display) -> String {
            words::sentence(&error.to_string())
        }
        fn set<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Option<T>, String> {
            match text.trim() {
                "" => Ok(None),
                text => text.parse().map(Some).map_err(said),
            }
        }
        Ok(ServiceProviderSpec {
            ca: set(&self.ca)?,
            copies: Vec::new(),
            fingerprint: set(&self.fingerprint)?,
            name: self.name.trim().parse().map_err(said)?,
            server_name: set(&self.server_name)?,
            unencrypted: self.unencrypted == "on",
            url: self.url.parse().map_err(said)?,
            user: self.user.trim().parse().map_err(said)?,
        })
    }

    fn form(self, problem: Option<String>) -> ServiceProviderForm {
        ServiceProviderForm {
            name: self.name,
            url: self.url,
            user: self.user,
            server_name: self.server_name,
            ca: self.ca,
            fingerprint: self.fingerprint,
            unencrypted: self.unencrypted == "on",
            problem,
        }
    }
}

/// `POST /service-providers`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<Typed>,
) -> Result<Response, Problem> {
    let password = ProviderPassword::read(form.password.clone());
    let password = password.map_err(|error| words::sentence(&error.to_string()));
    let (spec, password) = match form.read().and_then(|spec| Ok((spec, password?))) {
        Ok(both) => both,
        Err(problem) => return refuse(app, person, None, form, problem).await,
    };
    match flows::add(&app, &person.actor(), spec, password).await {
        Ok(id) => Ok(Notice::Saved.at(&path(id))),
        Err(error) => refuse(app, person, None, form, changed::complaint(error)?).await,
    }
}

/// `POST /service-providers/{id}`.
pub async fn change(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<Typed>,
) -> Result<Response, Problem> {
    let id: ServiceProviderId = part(&id)?;
    let spec = match form.read() {
        Ok(spec) => spec,
        Err(problem) => return refuse(app, person, Some(id), form, problem).await,
    };
    let change = ProviderChange::Describe(id, Box::new(spec));
    match flows::change(&app, &person.actor(), change).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &path(id))),
        Err(error) => refuse(app, person, Some(id), form, changed::complaint(error)?).await,
    }
}

async fn refuse(
    app: AppState,
    person: Person,
    id: Option<ServiceProviderId>,
    typed: Typed,
    problem: String,
) -> Result<Response, Problem> {
    let shown = Shown {
        refused: Some((typed, problem)),
        ..Shown::default()
    };
    page(Asked::by(app, person), id, shown).await
}

/// The page again, with what was wrong with one of its smaller forms.
async fn complain(
    app: AppState,
    person: Person,
    id: ServiceProviderId,
    error: ChangeError,
) -> Result<Response, Problem> {
    let shown = Shown {
        problem: Some(changed::complaint(error)?),
        ..Shown::default()
    };
    page(Asked::by(app, person), Some(id), shown).await
}

fn path(id: ServiceProviderId) -> String {
    format!("/service-providers/{id}")
}

/// A password, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct TypedPassword {
    password: String,
}

/// `POST /service-providers/{id}/password`.
pub async fn password(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedPassword>,
) -> Result<Response, Problem> {
    let id: ServiceProviderId = part(&id)?;
    let kept = match ProviderPassword::read(form.password) {
        Ok(password) => flows::give_password(&app, &person.actor(), id, password).await,
        Err(refusal) => Err(refusal.into()),
    };
    match kept {
        Ok(()) => Ok(Notice::Saved.at(&path(id))),
        Err(error) => complain(app, person, id, error).await,
    }
}

/// `POST /service-providers/{id}/test`. The page is the answer itself: a test is of this moment.
pub async fn test(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: ServiceProviderId = part(&id)?;
    let wrong = flows::test(&app, &person.actor(), id).await?;
    let test = ProviderTest {
        ok: wrong.is_none(),
        text: wrong.map_or_else(
            || "It answers and takes user and password.".to_owned(),
            |wrong| words::sentence(&wrong),
        ),
    };
    let shown = Shown {
        test: Some(test),
        ..Shown::default()
    };
    page(Asked::by(app, person), Some(id), shown).await
}

/// What is to be copied, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct TypedCopy {
    backup: String,
    to: String,
    every_hours: String,
}

/// `POST /service-providers/{id}/copy`: once, or again and again.
pub async fn copy(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedCopy>,
) -> Result<Response, Problem> {
    let id: ServiceProviderId = part(&id)?;
    flows::may_use(&app, &person.actor()).await?;
    let (to, every) = match form.read() {
        Ok(read) => read,
        Err(problem) => {
            let shown = Shown {
                problem: Some(problem),
                ..Shown::default()
            };
            return page(Asked::by(app, person), Some(id), shown).await;
        }
    };
    let Some(every) = every else {
        let wanted = Wanted {
            backup: form.backup,
            to,
        };
        return match flows::ask_copy(&app, &person.actor(), id, wanted).await {
            Ok(_) => Ok(Notice::Saved.at(&path(id))),
            Err(error) => complain(app, person, id, error).await,
        };
    };
    let scheduled = match flows::scheduled(&app, form.backup, every, to).await {
        Ok(copy) => flows::change(&app, &person.actor(), ProviderChange::Schedule(id, Box::new(copy))).await,
        Err(error) => Err(error),
    };
    match scheduled {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &path(id))),
        Err(error) => complain(app, person, id, error).await,
    }
}

impl TypedCopy {
    fn read(&self) -> Result<(Option<Name>, Option<EveryHours>), String> {
        let said = |error: &dyn std::fmt::Display| words::sentence(&error.to_string());
        let to = match self.to.trim() {
            "" => None,
            to => Some(to.parse().map_err(|error| said(&error))?),
        };
        let every = match self.every_hours.trim() {
            "" => None,
            every => Some(every.parse().map_err(|error| said(&error))?),
        };
        Ok((to, every))
    }
}

/// `POST /service-providers/{id}/unschedule`.
pub async fn unschedule(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedCopy>,
) -> Result<Response, Problem> {
    let id: ServiceProviderId = part(&id)?;
    let change = ProviderChange::Unschedule(id, form.backup);
    match flows::change(&app, &person.actor(), change).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &path(id))),
        Err(error) => complain(app, person, id, error).await,
    }
}

/// `POST /service-providers/{id}/delete`.
pub async fn delete(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let change = ProviderChange::Delete(part(&id)?);
    let done = flows::change(&app, &person.actor(), change).await?;
    Ok(changed::lead(
        done,
        Notice::ServiceProviderDeleted,
        "/service-providers",
    ))
}
