//! Taking away what a job leaves on disk.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::outbox::Outbox;

/// Waits until nobody else has the outbox: a look at it may still be under way.
async fn alone(mut outbox: Arc<Outbox>) -> Option<Outbox> {
    for _ in 0..1_000 {
        match Arc::try_unwrap(outbox) {
            Ok(alone) => return Some(alone),
            Err(shared) => outbox = shared,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

/// Deletes the job's directories. A background write of the guest may still be on its way into them, so a failure is
/// tried again for a moment.
pub(crate) async fn destroy(outbox: Arc<Outbox>) {
    let Some(outbox) = alone(outbox).await else {
        tracing::error!("the job's outbox is still in use and stays");
        return;
    };
    let path = outbox.out_path();
    let removed = spawn_blocking(move || {
        let raced = |kind| matches!(kind, io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound);
        for _ in 0..5 {
            match outbox.remove() {
                Err(error) if raced(error.kind()) && outbox.out_path().exists() => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => return other,
            }
        }
        outbox.remove()
    });
    match removed.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(?path, %error, "delete the job's outbox"),
        Err(error) => tracing::error!(?path, %error, "delete the job's outbox"),
    }
}
