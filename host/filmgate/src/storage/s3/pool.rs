use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Part buffers, bounded over all uploads of a storage and used again.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// One permit for each buffer of ordinary size.
    permits: Arc<Semaphore>,
    buffers: u32,
}

#[derive(Debug)]
struct Shared {
    buffer_bytes: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

/// A buffer to fill; it goes back to the pool when the last `Bytes` made of it is dropped.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    shared: Arc<Shared>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Pool {
    pub(super) fn new(buffer_bytes: u64, buffers: std::num::NonZeroUsize) -> Self {
        let buffers = u32::try_from(buffers.get()).unwrap_or(u32::MAX).min(1024);
        Self {
            shared: Arc::new(Shared {
                buffer_bytes: usize::try_from(buffer_bytes).unwrap_or(usize::MAX),
                free: Mutex::default(),
            }),
            permits: Arc::new(Semaphore::new(buffers as usize)),
            buffers,
        }
    }

    /// Waits until there is room for `bytes` more. A buffer larger than the ordinary counts as several; one larger than the
    /// whole pool waits for all of it.
    pub(super) async fn take(&self, bytes: usize) -> Buffer {
        let ordinary = self.shared.buffer_bytes;
        let weight = u32::try_from(bytes.div_ceil(ordinary)).unwrap_or(u32::MAX).clamp(1, self.buffers);
        // Only a closed semaphore gives none, and nobody closes it.
        let permit = Arc::clone(&self.permits).acquire_many_owned(weight).await.ok();
        let free = self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = free.unwrap_or_default();
        if bytes > ordinary {
            buffer = Vec::with_capacity(bytes);
        }
        buffer.resize(bytes, 0);
        Buffer { bytes: buffer, shared: Arc::clone(&self.shared), _permit: permit }
    }
}

impl Buffer {
    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes.capacity() <= self.shared.buffer_bytes {
            let bytes = std::mem::take(&mut self.bytes);
            self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
    }
}
