//! The vault's files behind the thinnest possible HTTP: what the bytes alone cost, without database, accounts or
//! decisions. For measuring only; it lets everybody do everything.
//!
//! `bench-files-server ADDRESS FOLDER`, then any path `/…/KIND/NAME`.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use countersign_core::{BackupId, ObjectKey, ObjectKind};
use countersign_vault::files::{FileError, Files, ObjectStream, Place, Published};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(address), Some(folder)) = (args.next(), args.next()) else {
        return Err("usage: bench-files-server ADDRESS FOLDER".into());
    };
    let storage = Storage {
        files: Files::open(&folder)?,
        folder: folder.into(),
    };
    let object = get(read).post(write).delete(remove);
    let app = Router::new()
        .route("/{storage}/", post(|| async {}))
        .route("/{storage}/{kind}/{name}", object)
        .with_state(storage);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))),
        app,
    )
    .await?;
    Ok(())
}

#[derive(Clone)]
struct Storage {
    files: Files,
    folder: std::path::PathBuf,
}

type At = Path<(String, String, String)>;

fn place((_, kind, name): (String, String, String)) -> Option<Place> {
    let kind: ObjectKind = kind.parse().ok()?;
    Some(Place {
        backup: BackupId(1),
        key: ObjectKey::parse(kind, &name).ok()?,
    })
}

async fn write(State(storage): State<Storage>, Path(at): At, body: Body) -> Result<StatusCode, Failed> {
    let Some(place) = place(at) else {
        return Ok(StatusCode::NOT_FOUND);
    };
    let mut body = body;
    let mut upload = storage.files.upload();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Ok(StatusCode::BAD_REQUEST);
        };
        if let Ok(data) = frame.into_data() {
            upload.write(data).await?;
        }
    }
    let staged = upload.finish().await?;
    if place
        .key
        .name
        .expected_hash()
        .is_some_and(|expected| expected != staged.hash())
    {
        return Ok(StatusCode::BAD_REQUEST);
    }
    match storage.files.publish(staged, place).await? {
        Published::Stored => Ok(StatusCode::OK),
        Published::AlreadyThere(_) => Ok(StatusCode::FORBIDDEN),
    }
}

async fn read(State(storage): State<Storage>, Path(at): At) -> Result<Response, Failed> {
    let Some(place) = place(at) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    match storage.files.open_object(&place).await? {
        None => Ok(StatusCode::NOT_FOUND.into_response()),
        Some(object) => {
            let headers = [(header::CONTENT_TYPE, "binary/octet-stream")];
            Ok((headers, Body::new(ObjectBody(object.stream()))).into_response())
        }
    }
}

/// The vault lets nobody outside remove, so the files are removed behind its back, to make room between measurements.
async fn remove(State(storage): State<Storage>, Path((_, kind, name)): At) -> StatusCode {
    let fan = if kind == "data" {
        name.get(..2).unwrap_or_default()
    } else {
        ""
    };
    let path = storage.folder.join("objects/1").join(kind).join(fan).join(name);
    match tokio::fs::remove_file(path).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::NOT_FOUND,
    }
}

struct ObjectBody(ObjectStream);

impl http_body::Body for ObjectBody {
    type Data = Bytes;
    type Error = FileError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FileError>>> {
        self.0
            .poll_chunk(cx)
            .map(|next| next.map(|chunk| chunk.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.remaining())
    }

    fn is_end_stream(&self) -> bool {
        self.0.remaining() == 0
    }
}

struct Failed(FileError);

impl From<FileError> for Failed {
    fn from(error: FileError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
