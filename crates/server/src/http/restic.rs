//! The repository protocol: restic's REST backend, versions 1 and 2, for many backups under a storage.
//!
//! <https://restic.readthedocs.io/en/stable/100_references.html#rest-backend>

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use countersign_core::{Name, ObjectKey, ObjectKind};
use countersign_vault::OpenBackup;
use countersign_vault::files::{FileError, ObjectStream};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::problem::{Kind, Problem};
use super::repository_client::Client;
use crate::AppState;
use crate::app::App;

/// The repository protocol below `/restic/STORAGE/BACKUP/`.
pub fn router() -> Router<AppState> {
    let backup = || axum::routing::post(create).delete(delete_backup);
    let config = || {
        get(open_config)
            .head(config_size)
            .post(put_config)
            .delete(delete_config)
    };
    let object = || {
        get(open_object)
            .head(object_size)
            .post(put_object)
            .delete(delete_object)
    };
    Router::new()
        .route("/restic/{storage}/{backup}", backup())
        .route("/restic/{storage}/{backup}/", backup())
        .route("/restic/{storage}/{backup}/config", config())
        .route("/restic/{storage}/{backup}/{kind}", get(list))
        .route("/restic/{storage}/{backup}/{kind}/", get(list))
        .route("/restic/{storage}/{backup}/{kind}/{name}", object())
}

type BackupPath = Path<(String, String)>;
type KindPath = Path<(String, String, String)>;
type ObjectPath = Path<(String, String, String, String)>;

#[derive(Deserialize)]
struct CreateQuery {
    create: Option<String>,
}

async fn create(
    State(app): State<AppState>,
    client: Client,
    Path((storage, backup)): BackupPath,
    Query(query): Query<CreateQuery>,
) -> Result<StatusCode, Problem> {
    if query.create.as_deref() != Some("true") {
        return Err(Problem::new(
            Kind::Malformed,
            "POST here makes a backup when it says ?create=true.",
        ));
    }
    let (storage, backup) = client.names(&storage, &backup)?;
    app.vault.create(&storage, &backup, &client.actor).await?;
    Ok(StatusCode::OK)
}

async fn delete_backup(
    State(app): State<AppState>,
    client: Client,
    Path((storage, backup)): BackupPath,
) -> Result<StatusCode, Problem> {
    let opened = enter(&app, &client, &storage, &backup).await?;
    app.vault.delete_backup(opened, &client.actor).await?;
    Ok(StatusCode::OK)
}

async fn list(
    State(app): State<AppState>,
    client: Client,
    Path((storage, backup, kind)): KindPath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let opened = enter(&app, &client, &storage, &backup).await?;
    let kind = listable(&kind)?;
    let objects = app.vault.list(&opened, kind).await?;
    let second = accepts_second_version(&headers);
    let media_type = if second {
        "application/vnd.x.restic.rest.v2"
    } else {
        "application/vnd.x.restic.rest.v1"
    };
    Ok(([(header::CONTENT_TYPE, media_type)], listing(&objects, second)).into_response())
}

async fn config_size(
    app: State<AppState>,
    client: Client,
    Path((storage, backup)): BackupPath,
) -> Result<Response, Problem> {
    size(&app, &client, &storage, &backup, ObjectKey::CONFIG).await
}

async fn open_config(
    app: State<AppState>,
    client: Client,
    Path((storage, backup)): BackupPath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    open(&app, &client, &storage, &backup, ObjectKey::CONFIG, &headers).await
}

async fn put_config(
    app: State<AppState>,
    client: Client,
    Path((storage, backup)): BackupPath,
    body: Body,
) -> Result<StatusCode, Problem> {
    put(&app, &client, &storage, &backup, ObjectKey::CONFIG, body).await
}

async fn delete_config(
    app: State<AppState>,
    client: Client,
    Path((storage, backup)): BackupPath,
) -> Result<StatusCode, Problem> {
    delete(&app, &client, &storage, &backup, ObjectKey::CONFIG).await
}

async fn object_size(
    app: State<AppState>,
    client: Client,
    Path((storage, backup, kind, name)): ObjectPath,
) -> Result<Response, Problem> {
    size(&app, &client, &storage, &backup, key(&kind, &name)?).await
}

async fn open_object(
    app: State<AppState>,
    client: Client,
    Path((storage, backup, kind, name)): ObjectPath,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    open(&app, &client, &storage, &backup, key(&kind, &name)?, &headers).await
}

async fn put_object(
    app: State<AppState>,
    client: Client,
    Path((storage, backup, kind, name)): ObjectPath,
    body: Body,
) -> Result<StatusCode, Problem> {
    put(&app, &client, &storage, &backup, key(&kind, &name)?, body).await
}

async fn delete_object(
    app: State<AppState>,
    client: Client,
    Path((storage, backup, kind, name)): ObjectPath,
) -> Result<StatusCode, Problem> {
    delete(&app, &client, &storage, &backup, key(&kind, &name)?).await
}

async fn size(app: &App, client: &Client, storage: &str, backup: &str, key: ObjectKey) -> Result<Response, Problem> {
    let opened = enter_to_read(app, client, storage, backup, key).await?;
    let size = app.vault.size(&opened, key).await?.ok_or_else(no_object)?;
    Ok((
        [
            (header::CONTENT_LENGTH, HeaderValue::from(size)),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        ],
        Body::empty(),
    )
        .into_response())
}

async fn open(
    app: &App,
    client: &Client,
    storage: &str,
    backup: &str,
    key: ObjectKey,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let opened = enter_to_read(app, client, storage, backup, key).await?;
    let object = app.vault.open_object(&opened, key).await?.ok_or_else(no_object)?;
    let size = object.size();
    let plain = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ];
    match asked_range(headers, size) {
        Asked::Whole => {
            let body = Download {
                stream: object.stream(),
                _visit: opened,
            };
            Ok((plain, Body::new(body)).into_response())
        }
        Asked::Part(range) => {
            let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            let body = Download {
                stream: object.stream_range(range),
                _visit: opened,
            };
            Ok((
                StatusCode::PARTIAL_CONTENT,
                plain,
                [(header::CONTENT_RANGE, part)],
                Body::new(body),
            )
                .into_response())
        }
        Asked::Outside => {
            let whole = HeaderValue::from_str(&format!("bytes */{size}")).map_err(|error| Problem::internal(&error))?;
            Err(Problem::new(
                Kind::RangeNotSatisfiable,
                format!("The object has {size} bytes; the range lies outside of them."),
            )
            .with_header(header::CONTENT_RANGE, whole))
        }
    }
}

async fn put(
    app: &App,
    client: &Client,
    storage: &str,
    backup: &str,
    key: ObjectKey,
    body: Body,
) -> Result<StatusCode, Problem> {
    let opened = enter(app, client, storage, backup).await?;
    let mut incoming = app.vault.accept(opened, key, &client.actor)?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Kind::Malformed, "The upload broke off: nothing was kept."))?;
        incoming.write(chunk).await?;
    }
    app.vault.publish(incoming, &client.actor).await?;
    Ok(StatusCode::OK)
}

/// 200 and nothing else: restic knows no "pending". What was held waits for a second person.
async fn delete(
    app: &App,
    client: &Client,
    storage: &str,
    backup: &str,
    key: ObjectKey,
) -> Result<StatusCode, Problem> {
    let opened = enter(app, client, storage, backup).await?;
    app.vault.delete(&opened, key, &client.actor).await?;
    Ok(StatusCode::OK)
}

async fn enter(app: &App, client: &Client, storage: &str, backup: &str) -> Result<OpenBackup, Problem> {
    let (storage, backup): (Name, Name) = client.names(storage, backup)?;
    Ok(app.vault.enter(&storage, &backup).await?)
}

async fn enter_to_read(
    app: &App,
    client: &Client,
    storage: &str,
    backup: &str,
    key: ObjectKey,
) -> Result<OpenBackup, Problem> {
    if key == ObjectKey::CONFIG {
        let (storage, backup): (Name, Name) = client.names(storage, backup)?;
        Ok(app.vault.enter_for_config(&storage, &backup).await?)
    } else {
        enter(app, client, storage, backup).await
    }
}

fn key(kind: &str, name: &str) -> Result<ObjectKey, Problem> {
    ObjectKey::parse(listable(kind)?, name).map_err(|error| Problem::new(Kind::Malformed, error.to_string()))
}

fn listable(kind: &str) -> Result<ObjectKind, Problem> {
    match kind.parse() {
        Ok(ObjectKind::Config) | Err(_) => Err(Problem::new(
            Kind::NotFound,
            "A backup has data, index, keys, locks, snapshots and a config.",
        )),
        Ok(kind) => Ok(kind),
    }
}

fn no_object() -> Problem {
    Problem::new(Kind::NotFound, "There is no such object.")
}

fn accepts_second_version(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("application/vnd.x.restic.rest.v2"))
    })
}

/// The list as JSON. Names are hexadecimal, so nothing needs an escape.
fn listing(objects: &[(String, u64)], second: bool) -> Vec<u8> {
    use std::io::Write as _;
    let mut out = Vec::with_capacity(objects.len() * 96 + 2);
    out.push(b'[');
    for (at, (name, size)) in objects.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // Writing to a vector cannot fail.
        let _ = if second {
            write!(out, r#"{{"name":"{name}","size":{size}}}"#)
        } else {
            write!(out, r#""{name}""#)
        };
    }
    out.push(b']');
    out
}

/// What a client asked for of an object.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(std::ops::Range<u64>),
    Outside,
}

/// One range of bytes (RFC 9110, section 14.1.2). Several, other units and nonsense are answered with the whole, as the RFC allows.
fn asked_range(headers: &HeaderMap, size: u64) -> Asked {
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes="));
    let Some((first, last)) = asked.and_then(|asked| asked.split_once('-')) else {
        return Asked::Whole;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if last.is_empty() => within(first..size, size),
        (Ok(first), Ok(last)) if first <= last => within(first..last.saturating_add(1).min(size), size),
        (Err(_), Ok(0)) if first.is_empty() => Asked::Outside,
        (Err(_), Ok(count)) if first.is_empty() => within(size.saturating_sub(count)..size, size),
        _ => Asked::Whole,
    }
}

fn within(range: std::ops::Range<u64>, size: u64) -> Asked {
    if range.start >= size {
        Asked::Outside
    } else {
        Asked::Part(range)
    }
}

/// An object on its way to a client. The visit ends with its last byte.
struct Download {
    stream: ObjectStream,
    _visit: OpenBackup,
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, FileError>>> {
        self.stream
            .poll_chunk(cx)
            .map(|chunk| chunk.map(|chunk| chunk.map(http_body::Frame::data)))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.stream.remaining())
    }

    fn is_end_stream(&self) -> bool {
        self.stream.remaining() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, size: u64) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        asked_range(&headers, size)
    }

    #[test]
    fn ranges() {
        assert_eq!(asked("bytes=0-3", 10), Asked::Part(0..4));
        assert_eq!(asked("bytes=4-", 10), Asked::Part(4..10));
        assert_eq!(asked("bytes=4-99", 10), Asked::Part(4..10));
        assert_eq!(asked("bytes=-3", 10), Asked::Part(7..10));
        assert_eq!(asked("bytes=-30", 10), Asked::Part(0..10));
        for outside in [
            "bytes=10-",
            "bytes=10-12",
            "bytes=-0",
            "bytes=18446744073709551615-18446744073709551615",
        ] {
            assert_eq!(asked(outside, 10), Asked::Outside, "{outside}");
        }
        assert_eq!(asked("bytes=0-0", 0), Asked::Outside);
        for whole in [
            "bytes=3-1",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=",
            "bytes=-",
        ] {
            assert_eq!(asked(whole, 10), Asked::Whole, "{whole}");
        }
    }

    #[test]
    fn lists_of_both_versions() {
        let objects = [("ab".to_owned(), 1), ("cd".to_owned(), 2)];
        assert_eq!(listing(&objects, false), br#"["ab","cd"]"#);
        assert_eq!(
            listing(&objects, true),
            br#"[{"name":"ab","size":1},{"name":"cd","size":2}]"#
        );
        assert_eq!(listing(&[], true), b"[]");
    }
}
