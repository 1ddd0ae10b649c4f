//! Reading an object. What the system has in memory is read on the caller's thread, without waiting; the rest where
//! waiting is allowed.

use std::io::IoSliceMut;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::fs::{self as sys, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::JoinHandle;

use super::buffers::{BUFFER, Buffer, Buffers};
use super::{FileError, Files, Place, Shared, blocking};

impl Files {
    /// Opens the object at this place, if a file is there.
    pub async fn open_object(&self, place: &Place) -> Result<Option<ObjectFile>, FileError> {
        let path = place.path();
        // Succeeds only when the whole path is known to the system already, so it never waits for the disk.
        let cached = ResolveFlags::CACHED | ResolveFlags::NO_SYMLINKS;
        match sys::openat2(&self.shared.objects, &path, READ, Mode::empty(), cached) {
            Ok(file) => ObjectFile::of(file, &self.shared).map(Some),
            Err(_) => {
                let shared = Arc::clone(&self.shared);
                blocking(move || shared.open_object(&path)).await
            }
        }
    }
}

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

impl Shared {
    pub(super) fn open_object(self: &Arc<Self>, path: &str) -> Result<Option<ObjectFile>, FileError> {
        match sys::openat(&self.objects, path, READ, Mode::empty()) {
            Ok(file) => ObjectFile::of(file, self).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(FileError::when("open a file")(errno)),
        }
    }
}

/// An object, open for reading. It can be read to its end even when it is removed meanwhile.
#[derive(Debug, Clone)]
pub struct ObjectFile {
    file: Arc<OwnedFd>,
    size: u64,
    buffers: Arc<Buffers>,
}

impl ObjectFile {
    fn of(file: OwnedFd, shared: &Shared) -> Result<Self, FileError> {
        let stat = sys::fstat(&file).map_err(FileError::when("read a file"))?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Self {
            file: Arc::new(file),
            size,
            buffers: Arc::clone(&shared.buffers),
        })
    }

    /// In bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// All of its bytes, in order.
    pub fn stream(self) -> ObjectStream {
        let whole = 0..self.size;
        self.stream_range(whole)
    }

    /// The bytes of this range; what lies past the end is left out.
    pub fn stream_range(self, range: Range<u64>) -> ObjectStream {
        let end = range.end.min(self.size);
        let at = range.start.min(end);
        ObjectStream {
            object: self,
            at,
            end,
            waiting: None,
        }
    }

    /// Fills the buffer with up to `limit` bytes; zero is the end.
    pub(super) fn read(
        &self,
        buffer: &mut Buffer,
        at: u64,
        limit: usize,
        flags: ReadWriteFlags,
    ) -> Result<usize, Errno> {
        buffer.read_with(limit, |space| {
            loop {
                match rustix::io::preadv2(&*self.file, &mut [IoSliceMut::new(space)], at, flags) {
                    Err(Errno::INTR) => {}
                    other => return other,
                }
            }
        })
    }
}

/// The bytes of an object, in chunks that suit a network.
#[derive(Debug)]
pub struct ObjectStream {
    object: ObjectFile,
    at: u64,
    end: u64,
    /// A read that has to wait for the disk.
    waiting: Option<JoinHandle<Result<Buffer, FileError>>>,
}

impl ObjectStream {
    /// How many bytes are to come.
    pub const fn remaining(&self) -> u64 {
        self.end - self.at
    }

    /// The next chunk; none at the end. A file that is shorter than it was when opened is an error.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, FileError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`ObjectStream::chunk`], for a body that is polled.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FileError>>> {
        if self.remaining() == 0 {
            return Poll::Ready(None);
        }
        if let Some(job) = &mut self.waiting {
            let read = match ready!(Pin::new(job).poll(cx)) {
                Ok(read) => read,
                Err(_) => Err(FileError::Stopping),
            };
            self.waiting = None;
            return Poll::Ready(Some(read.map(|buffer| self.advance(buffer))));
        }
        let limit = usize::try_from(self.remaining()).unwrap_or(BUFFER).min(BUFFER);
        let mut buffer = self.object.buffers.take();
        match self.object.read(&mut buffer, self.at, limit, ReadWriteFlags::NOWAIT) {
            Ok(1..) => Poll::Ready(Some(Ok(self.advance(buffer)))),
            // Not in memory, or a file system that cannot tell.
            Ok(0) | Err(_) => {
                let (object, at) = (self.object.clone(), self.at);
                self.waiting = Some(tokio::task::spawn_blocking(move || {
                    match object.read(&mut buffer, at, limit, ReadWriteFlags::empty()) {
                        Ok(1..) => Ok(buffer),
                        Ok(0) => Err(FileError::Io {
                            doing: "read a file to its end",
                            source: std::io::ErrorKind::UnexpectedEof.into(),
                        }),
                        Err(errno) => Err(FileError::when("read a file")(errno)),
                    }
                }));
                self.poll_chunk(cx)
            }
        }
    }

    fn advance(&mut self, buffer: Buffer) -> Bytes {
        let chunk = buffer.into_bytes();
        self.at += chunk.len() as u64;
        chunk
    }
}
