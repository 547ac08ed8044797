use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one buffer: large enough that a system call is cheap beside the bytes it moves, small enough that a part gives
/// its memory back while it is still being sent.
pub(super) const BUFFER_BYTES: usize = 1024 * 1024;
/// Buffers of a storage: what all uploads of a process together hold of their files. A process stays below 64 MiB with it.
const BUFFERS: usize = 32;

/// Buffers for what is on its way, bounded over all uploads of a storage and used again without being cleared.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Shared {
    free: Mutex<Vec<Box<[u8]>>>,
}

/// A buffer to fill; it goes back to the pool when the last `Bytes` made of it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    memory: Box<[u8]>,
    used: usize,
    shared: Arc<Shared>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { shared: Arc::default(), permits: Arc::new(Semaphore::new(BUFFERS)) }
    }

    /// Whether so many bytes may be asked for at once: half of the pool, so that two parts can be under way.
    pub(super) fn can_hold(bytes: u64) -> bool {
        bytes <= (BUFFERS / 2 * BUFFER_BYTES) as u64
    }

    /// Waits until there is room for `bytes`, at most what [`Pool::can_hold`] allows, and answers it in buffers, each given
    /// back by itself. Whoever waits longest is served first.
    pub(super) async fn take(&self, bytes: usize) -> Vec<Buffer> {
        let count = bytes.div_ceil(BUFFER_BYTES).clamp(1, BUFFERS);
        // Only a closed semaphore gives none, and nobody closes it.
        let permits = Arc::clone(&self.permits).acquire_many_owned(u32::try_from(count).unwrap_or(1)).await;
        let mut permits = permits.ok();
        let mut left = bytes;
        let buffer = |_| {
            let used = left.min(BUFFER_BYTES);
            left -= used;
            let free = self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            Buffer {
                memory: free.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice()),
                used,
                shared: Arc::clone(&self.shared),
                _permit: permits.as_mut().and_then(|permits| permits.split(1)),
            }
        };
        (0..count).map(buffer).collect()
    }
}

impl Buffer {
    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory[..self.used]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.used]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::{BUFFER_BYTES, BUFFERS, Pool};

    async fn must_wait(pool: &Pool, bytes: usize) {
        assert!(tokio::time::timeout(Duration::from_millis(20), pool.take(bytes)).await.is_err());
    }

    #[tokio::test]
    async fn memory_is_bounded_until_the_last_reader_is_done() {
        let pool = Pool::new();
        let mut first = pool.take(BUFFER_BYTES).await;
        let rest = pool.take((BUFFERS - 1) * BUFFER_BYTES).await;
        must_wait(&pool, 1).await;
        let first = Bytes::from_owner(first.remove(0));
        let reader = first.slice(10..20);
        drop(first);
        must_wait(&pool, 1).await;
        drop(reader);
        drop(pool.take(BUFFER_BYTES).await);
        drop(rest);
    }

    #[tokio::test]
    async fn a_part_gives_its_buffers_back_one_by_one() {
        let pool = Pool::new();
        let mut all = pool.take(BUFFERS * BUFFER_BYTES).await;
        must_wait(&pool, 1).await;
        all.pop();
        let one = pool.take(1).await;
        must_wait(&pool, 1).await;
        drop(one);
        all.truncate(1);
        assert_eq!(pool.take((BUFFERS - 1) * BUFFER_BYTES).await.len(), BUFFERS - 1);
        let kept = pool.shared.free.lock().expect("a lock").len();
        assert!(kept < BUFFERS, "{kept} buffers kept");
    }

    #[tokio::test]
    async fn buffers_have_the_asked_length_when_used_again() {
        let pool = Pool::new();
        for bytes in [BUFFER_BYTES, 3, 1, BUFFER_BYTES + 7] {
            let buffers = pool.take(bytes).await;
            assert_eq!(buffers.iter().map(|buffer| buffer.as_ref().len()).sum::<usize>(), bytes);
        }
    }
}
