//! Receiving an object: hashed beside the writing, never whole in memory unless it is small.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use bytes::Bytes;
use countersign_core::Sha256;
use rustix::fs::{self as sys, Advice, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::buffers::Buffer;
use super::{FileError, Files, Shared};

/// Objects up to this many bytes are hashed on the caller's thread: quicker than handing them over.
const HASHED_AT_ONCE: usize = 64 * 1024;

/// After so many bytes the disk begins to work, while the rest is still being received: the fsync at the end then waits
/// for little.
const WRITE_BACK: u64 = 1024 * 1024;

impl Files {
    /// Begins to receive an object. Dropping what this gives, at any step before publishing, removes every trace.
    pub fn upload(&self) -> Upload {
        Upload {
            shared: Arc::clone(&self.shared),
            held: Held::Nothing,
            line: None,
            size: 0,
        }
    }
}

/// An object being received.
#[derive(Debug)]
pub struct Upload {
    shared: Arc<Shared>,
    held: Held,
    /// Present once the object is too big to be held in memory.
    line: Option<Arc<Line>>,
    size: u64,
}

/// What was received and not yet given to the sink.
#[derive(Debug)]
enum Held {
    Nothing,
    /// The only chunk so far: a small object mostly comes in one, and then is never copied.
    One(Bytes),
    /// The chunks, together.
    Many(Buffer),
}

impl Upload {
    /// Takes the next bytes. Waits for the disk when it is slower than the client.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), FileError> {
        self.size += chunk.len() as u64;
        let mut buffer = match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing if self.line.is_none() && chunk.len() < super::buffers::BUFFER => {
                self.held = Held::One(chunk);
                return Ok(());
            }
            Held::Nothing => self.shared.buffers.take(),
            Held::One(first) => {
                let mut buffer = self.shared.buffers.take();
                buffer.fill_from(&first);
                buffer
            }
            Held::Many(buffer) => buffer,
        };
        let mut rest = &chunk[..];
        loop {
            rest = &rest[buffer.fill_from(rest)..];
            if !buffer.is_full() {
                break;
            }
            self.sink_in(buffer).await?;
            buffer = self.shared.buffers.take();
        }
        self.held = Held::Many(buffer);
        Ok(())
    }

    /// Ends the object and gives its size and hash. It is not published, and nobody can see it.
    pub async fn finish(mut self) -> Result<Staged, FileError> {
        if self.line.is_some() {
            if let Held::Many(buffer) = std::mem::replace(&mut self.held, Held::Nothing) {
                self.sink_in(buffer).await?;
            }
            if let Some(line) = self.line.take() {
                let sink = line.end().await?;
                let hash = sha256(sink.hasher.finish());
                return Ok(Staged {
                    size: self.size,
                    hash,
                    body: Body::File(sink.file),
                });
            }
        }
        let whole = match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => Bytes::new(),
            Held::One(bytes) => bytes,
            Held::Many(buffer) => buffer.into_bytes(),
        };
        let hash = if whole.len() <= HASHED_AT_ONCE {
            Sha256::of(&whole)
        } else {
            let whole = whole.clone();
            super::blocking(move || Ok(Sha256::of(&whole))).await?
        };
        Ok(Staged {
            size: self.size,
            hash,
            body: Body::Memory(whole),
        })
    }

    /// Gives the sink this buffer, once there is room in its line.
    async fn sink_in(&mut self, buffer: Buffer) -> Result<(), FileError> {
        let line = match &self.line {
            Some(line) => Arc::clone(line),
            None => {
                let shared = Arc::clone(&self.shared);
                let sink = super::blocking(move || Sink::make(&shared)).await?;
                Arc::clone(self.line.insert(Arc::new(Line::to(sink))))
            }
        };
        line.push(buffer).await
    }
}

/// How many buffers may wait for the sink. More than one, so that a thread that was woken finds work for longer than the waking
/// took; few, so that a slow disk slows the client down and not the memory up.
const WAITING_MOST: u32 = 4;

/// The buffers that wait for a sink. A thread works on them only while there are any: a slow client keeps none.
#[derive(Debug)]
struct Line {
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<(Buffer, OwnedSemaphorePermit)>,
    sink: Where,
}

/// Where the sink is.
#[derive(Debug)]
enum Where {
    Free(Box<Sink>),
    AtWork,
    Failed(FileError),
    /// Its failure was told, or it was handed over.
    Gone,
}

impl Line {
    fn to(sink: Sink) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            sink: Where::Free(Box::new(sink)),
        };
        Self {
            room: Arc::new(Semaphore::new(WAITING_MOST as usize)),
            state: Mutex::new(state),
        }
    }

    async fn push(self: Arc<Self>, buffer: Buffer) -> Result<(), FileError> {
        let permit = Arc::clone(&self.room).acquire_owned().await;
        let permit = permit.map_err(|_closed| FileError::Stopping)?;
        let mut state = self.lock();
        state.waiting.push_back((buffer, permit));
        match std::mem::replace(&mut state.sink, Where::AtWork) {
            Where::Free(sink) => {
                let line = Arc::clone(&self);
                tokio::task::spawn_blocking(move || line.work(sink));
                Ok(())
            }
            Where::AtWork => Ok(()),
            Where::Failed(error) => {
                state.sink = Where::Gone;
                Err(error)
            }
            Where::Gone => {
                state.sink = Where::Gone;
                Err(FileError::Stopping)
            }
        }
    }

    /// Writes what waits, until nothing does.
    fn work(&self, mut sink: Box<Sink>) {
        // Released only after the state tells what came of it: whoever has all the room finds the sink free or failed.
        let mut written = None;
        loop {
            let (buffer, permit) = {
                let mut state = self.lock();
                match state.waiting.pop_front() {
                    Some(next) => next,
                    None => {
                        state.sink = Where::Free(sink);
                        return;
                    }
                }
            };
            if let Err(error) = sink.write(buffer.as_ref()) {
                let mut state = self.lock();
                state.sink = Where::Failed(error);
                state.waiting.clear();
                return;
            }
            drop(written.replace(permit));
        }
    }

    /// Waits until everything is written, and gives the sink back.
    async fn end(&self) -> Result<Sink, FileError> {
        let all = self.room.acquire_many(WAITING_MOST).await;
        let _all = all.map_err(|_closed| FileError::Stopping)?;
        match std::mem::replace(&mut self.lock().sink, Where::Gone) {
            Where::Free(sink) => Ok(*sink),
            Where::Failed(error) => Err(error),
            Where::Gone | Where::AtWork => Err(FileError::Stopping),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object received whole, with its size and hash; dropped unpublished, it is gone.
#[derive(Debug)]
pub struct Staged {
    size: u64,
    hash: Sha256,
    pub(super) body: Body,
}

/// Where a staged object's bytes are.
#[derive(Debug)]
pub(super) enum Body {
    /// It is small: the file is made when it is published.
    Memory(Bytes),
    /// In the staging folder.
    File(StagedFile),
}

impl Staged {
    /// In bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Of all its bytes.
    pub const fn hash(&self) -> Sha256 {
        self.hash
    }
}

/// Writes and hashes one buffer after another.
struct Sink {
    file: StagedFile,
    hasher: digest::Context,
    /// How much was written.
    written: u64,
    /// How much of that the system was asked to bring to the disk.
    on_its_way: u64,
}

impl Sink {
    fn make(shared: &Arc<Shared>) -> Result<Self, FileError> {
        let file = StagedFile::make(shared)?;
        Ok(Self {
            file,
            hasher: digest::Context::new(&digest::SHA256),
            written: 0,
            on_its_way: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.hasher.update(bytes);
        write_all(&self.file.file, bytes)?;
        self.written += bytes.len() as u64;
        if let Some(waiting) = NonZeroU64::new(self.written - self.on_its_way).filter(|size| size.get() >= WRITE_BACK) {
            // Linux begins to write dirty pages that are not needed. It is advice: failing changes nothing.
            let _ = sys::fadvise(&self.file.file, self.on_its_way, Some(waiting), Advice::DontNeed);
            self.on_its_way = self.written;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A file that has no name outside the staging folder yet; removed when dropped.
#[derive(Debug)]
pub(super) struct StagedFile {
    pub(super) file: OwnedFd,
    /// Its name in the staging folder, on file systems that have no unnamed files.
    pub(super) name: Option<String>,
    shared: Arc<Shared>,
}

impl StagedFile {
    fn make(shared: &Arc<Shared>) -> Result<Self, FileError> {
        let mode = Mode::from_raw_mode(0o600);
        if shared.unnamed_files.load(Ordering::Relaxed) {
            match sys::openat(
                &shared.staging,
                ".",
                OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC,
                mode,
            ) {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        name: None,
                        shared: Arc::clone(shared),
                    });
                }
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => {
                    shared.unnamed_files.store(false, Ordering::Relaxed);
                }
                Err(errno) => return Err(FileError::when("make a file")(errno)),
            }
        }
        let name = shared.staging_name("upload");
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = sys::openat(&shared.staging, &name, flags, mode).map_err(FileError::when("make a file"))?;
        Ok(Self {
            file,
            name: Some(name),
            shared: Arc::clone(shared),
        })
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // What stays behind is swept at the next start.
            let _ = sys::unlinkat(&self.shared.staging, name, AtFlags::empty());
        }
    }
}

/// Writes all of it at the file's end.
pub(super) fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), FileError> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(FileError::when("write a file")(errno)),
        }
    }
    Ok(())
}

pub(super) fn sha256(digest: digest::Digest) -> Sha256 {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    Sha256(hash)
}
