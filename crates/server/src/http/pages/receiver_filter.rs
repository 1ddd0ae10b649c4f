//! `/receivers/{id}/filter`: which events a receiver does not get.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_core::ReceiverId;
use countersign_core::receiver::{Filter, Severities};
use countersign_events::{CATALOGUE, Severity};
use countersign_store::View;
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::receivers::{filtered, found, may_change};
use super::{Asked, changed, words};
use crate::AppState;
use crate::flows::settings::{self, Change};
use crate::http::Problem;
use crate::pages::{FilterRow, ReceiverFilterPage, Section, respond};
use crate::session::{Person, PersonForm};

/// `GET /receivers/{id}/filter`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, part(&id)?, String::new(), None).await
}

/// The page as it is now, with what was typed into the import and what is wrong with it.
async fn page(asked: Asked, id: ReceiverId, xml: String, problem: Option<String>) -> Result<Response, Problem> {
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, xml, problem)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(
    view: &mut View,
    asked: Asked,
    id: ReceiverId,
    xml: String,
    problem: Option<String>,
) -> Result<ReceiverFilterPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Receivers)).await?;
    let spec = found(view, id).await?.spec;
    Ok(ReceiverFilterPage {
        chrome,
        id: id.to_string(),
        name: spec.name.to_string(),
        rows: rows(&spec.filter),
        filtered: filtered(&spec),
        xml,
        problem,
        is_held: policy.four_eyes,
        can_change: may_change(&asked, &policy),
    })
}

/// Every event of the catalogue and what else the filter names, by id.
fn rows(filter: &Filter) -> Vec<FilterRow> {
    let mut rows: BTreeMap<u32, FilterRow> = BTreeMap::new();
    for entry in CATALOGUE {
        let can_be = |severity| entry.severities.contains(&severity).then_some(false);
        let row = FilterRow {
            id: entry.id,
            title: Some(entry.title),
            severities: [Severity::Info, Severity::Warning, Severity::Error].map(can_be),
        };
        rows.insert(entry.id, row);
    }
    for (id, held) in filter.iter() {
        // Of an event that is not ours, nobody knows which severities it can have.
        let row = rows.entry(id).or_insert(FilterRow {
            id,
            title: None,
            severities: [Some(false); 3],
        });
        let [info, warning, error] = &mut row.severities;
        for (known, held) in [(info, held.info), (warning, held.warning), (error, held.error)] {
            if held {
                *known = Some(true);
            }
        }
    }
    rows.into_values().collect()
}

/// `POST /receivers/{id}/filter`: what is ticked is held back.
pub async fn save(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let filter = ticked(&form);
    apply(app, person, part(&id)?, filter, String::new()).await
}

/// The ticks of the form: `42402-warning`.
fn ticked(form: &[(String, String)]) -> Filter {
    let mut held: BTreeMap<u32, Severities> = BTreeMap::new();
    for (name, _) in form {
        let Some((id, severity)) = name.split_once('-') else {
            continue;
        };
        let Ok(id) = id.parse() else { continue };
        let severities = held.entry(id).or_default();
        match severity {
            "info" => severities.info = true,
            "warning" => severities.warning = true,
            "error" => severities.error = true,
            _ => {}
        }
    }
    let mut filter = Filter::default();
    for (id, severities) in held {
        filter.set(id, severities);
    }
    filter
}

/// The import as typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    xml: String,
}

/// `POST /receivers/{id}/filter/import`: replaces the whole list.
pub async fn import(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<Typed>,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    match Filter::from_xml(form.xml.trim()) {
        Ok(filter) => apply(app, person, id, filter, form.xml).await,
        Err(error) => {
            let problem = words::sentence(&format!("nothing was changed: {error}"));
            page(Asked::by(app, person), id, form.xml, Some(problem)).await
        }
    }
}

async fn apply(
    app: AppState,
    person: Person,
    id: ReceiverId,
    filter: Filter,
    xml: String,
) -> Result<Response, Problem> {
    match settings::change(&app, &person.actor(), Change::FilterReceiver(id, filter)).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &format!("/receivers/{id}/filter"))),
        Err(error) => page(Asked::by(app, person), id, xml, Some(changed::complaint(error)?)).await,
    }
}

/// `GET /receivers/{id}/filter/export`: the family's XML as a file.
pub async fn export(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let id: ReceiverId = part(&id)?;
    let spec = asked.app.store.ask(move |view| Box::pin(found(view, id))).await?.spec;
    // A receiver's name has no character that a header could not hold.
    let attachment = format!("attachment; filename=\"{}-filter.xml\"", spec.name);
    let headers = [
        (header::CONTENT_TYPE, "application/xml".to_owned()),
        (header::CONTENT_DISPOSITION, attachment),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, spec.filter.to_xml()).into_response())
}
