//! The sealed snapshots of a request and the keys of its backup, for a program that has the repository's password: it opens them where
//! it runs, and the password never comes here.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use countersign_core::{ObjectKind, RequestId};
use countersign_store::StoreError;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::{id, time};
use crate::AppState;
use crate::flows::opening::{self, OpeningError, Sealed};
use crate::session::ApiCaller;

/// How many snapshots come at once.
const A_PAGE: u32 = 100;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/requests/{id}/snapshots", get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    after: Option<String>,
}

#[derive(Serialize)]
struct List {
    /// The key files of the backup.
    keys: Vec<File>,
    snapshots: Vec<Snapshot>,
    /// `after` of the next page; none at the end.
    next: Option<String>,
}

#[derive(Serialize)]
struct File {
    name: String,
    /// In base64; none when it is too large to be told.
    bytes: Option<String>,
}

#[derive(Serialize)]
struct Snapshot {
    #[serde(flatten)]
    file: File,
    received_at: String,
    received_by: String,
}

async fn list(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    let request = id::<RequestId>(&text)?;
    let after = query.after.unwrap_or_default();
    let (record, listed, known) = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let after = Some((ObjectKind::Snapshots, &*after));
                let listed = view.manifest_objects(request, after, A_PAGE).await?;
                Ok::<_, StoreError>((view.request(request).await?, listed, view.accounts().await?))
            })
        })
        .await?;
    let record = record.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such request."))?;
    let backup = opening::may_look(&caller.account, &record, &known, app.vault.moment().ageing)?;
    opening::note(
        &caller.account,
        request,
        "the keys and sealed snapshots of a request were told",
    );
    let listed: Vec<_> = listed
        .into_iter()
        .filter(|listed| listed.object.kind == ObjectKind::Snapshots)
        .collect();
    let full = u32::try_from(listed.len()).is_ok_and(|count| count == A_PAGE);
    let next = listed.last().filter(|_| full).map(|last| last.object.name.clone());
    let keys = opening::key_files(&app, backup).await?;
    let sealed = opening::snapshots(&app, backup, &listed).await?;
    let snapshots = sealed.into_iter().zip(listed).map(|(sealed, listed)| Snapshot {
        file: file(sealed),
        received_at: time(listed.received_at),
        received_by: listed.received_by,
    });
    Ok(Json(List {
        snapshots: snapshots.collect(),
        keys: keys.into_iter().map(file).collect(),
        next,
    }))
}

fn file(sealed: Sealed) -> File {
    File {
        name: sealed.name,
        bytes: sealed.bytes.map(|bytes| BASE64.encode(&bytes)),
    }
}

impl From<OpeningError> for Problem {
    fn from(error: OpeningError) -> Self {
        let kind = match error {
            OpeningError::Vault(error) => return error.into(),
            OpeningError::NotAllowed => Kind::Forbidden,
            OpeningError::Nothing | OpeningError::NoKey | OpeningError::Unopened(_) => Kind::Conflict,
            OpeningError::Busy => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}
