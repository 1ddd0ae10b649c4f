//! Warm buffers: fresh memory costs a page fault for every 4 KiB, which halves the speed of big objects.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The size of a buffer in bytes: the step in which big objects are read and written.
pub(super) const BUFFER: usize = 256 * 1024;

/// How many unused buffers are kept.
const KEPT: usize = 16;

/// A pool of equal buffers.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<Box<[u8]>>>,
}

/// A buffer that goes back to its pool.
#[derive(Debug)]
pub(super) struct Buffer {
    /// Never empty while the buffer lives; taken out by `drop`.
    bytes: Box<[u8]>,
    filled: usize,
    home: Arc<Buffers>,
}

impl Buffers {
    /// A buffer with nothing in it.
    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = free.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        Buffer {
            bytes,
            filled: 0,
            home: Arc::clone(self),
        }
    }
}

impl Buffer {
    /// Adds as much as fits, and says how much that was.
    pub(super) fn fill_from(&mut self, bytes: &[u8]) -> usize {
        let fits = bytes.len().min(self.bytes.len() - self.filled);
        self.bytes[self.filled..self.filled + fits].copy_from_slice(&bytes[..fits]);
        self.filled += fits;
        fits
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == self.bytes.len()
    }

    /// Lets `read` fill the first `limit` bytes; it says how many it filled.
    pub(super) fn read_with<E>(
        &mut self,
        limit: usize,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let limit = limit.min(self.bytes.len());
        self.filled = read(&mut self.bytes[..limit])?.min(limit);
        Ok(self.filled)
    }

    /// The filled part, to hand on; the buffer goes home when the last user drops it.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut free = self.home.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(bytes);
        }
    }
}
