//! A configuration backup on its way out: the file as it is, encrypted.

use std::io;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use countersign_store::ConfigurationBackup;
use futures_util::stream;
use http::header;
use tokio::io::AsyncReadExt as _;

/// How much is read at a time.
const PIECE: usize = 64 * 1024;

/// The answer: the file, to be kept under its name.
pub fn answer(kept: &ConfigurationBackup, file: std::fs::File) -> Response {
    let file = tokio::fs::File::from_std(file);
    let pieces = stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(Bytes::from(piece)), Some(file)))
            }
            Err(error) => Some((Err::<Bytes, io::Error>(error), None)),
        }
    });
    // The name is of digits, letters, dashes and dots, so nothing in it needs quoting.
    let disposition = format!("attachment; filename=\"{}\"", kept.name);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, kept.size.to_string()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}
