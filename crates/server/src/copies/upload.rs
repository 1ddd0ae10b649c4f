//! An object on its way to a provider. Its last bytes leave only when all have the hash that they should have.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use aws_lc_rs::digest::{Context as Digest, SHA256};
use bytes::Bytes;
use countersign_core::Sha256;
use countersign_vault::files::{FileError, ObjectStream};
use http_body::{Body, Frame, SizeHint};

/// What a request to a provider carries.
pub enum Outgoing {
    /// Nothing.
    Empty,
    /// An object.
    Object(Upload),
}

/// An object on its way.
pub struct Upload {
    stream: ObjectStream,
    digest: Digest,
    expected: Sha256,
    sent: Arc<AtomicU64>,
    damaged: Arc<AtomicBool>,
}

impl Upload {
    /// Sends these bytes. `sent` counts them; `damaged` is set when they are not what they should be, and then the last of
    /// them do not leave.
    pub fn new(stream: ObjectStream, expected: Sha256, sent: Arc<AtomicU64>, damaged: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            digest: Digest::new(&SHA256),
            expected,
            sent,
            damaged,
        }
    }

    fn checked(&mut self, chunk: Bytes) -> Result<Frame<Bytes>, Broken> {
        self.digest.update(&chunk);
        if self.stream.remaining() == 0 && self.digest.clone().finish().as_ref() != self.expected.0 {
            self.damaged.store(true, Ordering::Relaxed);
            return Err(Broken::Damaged);
        }
        self.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        Ok(Frame::data(chunk))
    }
}

/// Why an object was not sent to its end.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bytes are not what they should be.
    #[error("the object is damaged")]
    Damaged,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Object(upload) => upload
                .stream
                .poll_chunk(cx)
                .map(|chunk| chunk.map(|chunk| upload.checked(chunk?))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Object(upload) => upload.stream.remaining() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Empty => 0,
            Self::Object(upload) => upload.stream.remaining(),
        })
    }
}
