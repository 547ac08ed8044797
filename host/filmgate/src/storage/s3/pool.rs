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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use bytes::Bytes;

    use super::Pool;

    fn pool() -> Pool {
        Pool::new(1000, NonZeroUsize::new(2).expect("two"))
    }

    async fn must_wait(pool: &Pool, bytes: usize) {
        assert!(tokio::time::timeout(Duration::from_millis(20), pool.take(bytes)).await.is_err());
    }

    #[tokio::test]
    async fn memory_is_bounded_until_the_last_reader_is_done() {
        let pool = pool();
        let first = Bytes::from_owner(pool.take(1000).await);
        let second = pool.take(1).await;
        must_wait(&pool, 1).await;
        let reader = first.slice(10..20);
        drop(first);
        must_wait(&pool, 1).await;
        drop(reader);
        drop(pool.take(1000).await);
        drop(second);
    }

    #[tokio::test]
    async fn large_buffers_count_as_several_and_are_not_kept() {
        let pool = pool();
        let small = pool.take(10).await;
        must_wait(&pool, 1001).await;
        drop(small);
        // Larger than the pool: alone.
        let huge = pool.take(5000).await;
        assert_eq!(huge.as_ref().len(), 5000);
        must_wait(&pool, 1).await;
        drop(huge);
        let kept = pool.shared.free.lock().expect("a lock").iter().map(Vec::capacity).sum::<usize>();
        assert!(kept <= 2000, "{kept} bytes kept");
    }

    #[tokio::test]
    async fn buffers_have_the_asked_length_when_used_again() {
        let pool = pool();
        for bytes in [1000, 3, 0, 999] {
            assert_eq!(pool.take(bytes).await.as_ref().len(), bytes);
        }
    }
}
