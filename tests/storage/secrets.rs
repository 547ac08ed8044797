//! A planted secret is searched for in everything that a storage says (A6, M2).

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use filmgate::storage::s3::{Credentials, S3Storage};
use filmgate::storage::{GetOptions, PublishId, Storage};
use filmgate_tests::garage::Garage;
use tracing_subscriber::fmt::MakeWriter;

use crate::bench::{PART, Put, fetch, key, noise};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// One thread, whose log is caught at its loudest: the storage's, the SDK's and hyper's.
#[test]
fn no_secret_is_logged_or_shown() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let shown = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(everything())
    });
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut said = String::from_utf8_lossy(&log).into_owned();
    assert!(said.contains("S3 request failed"), "the log was not caught");
    said.push_str(&shown.join("\n"));
    for secret in [Garage::shared().bucket().secret_access_key.as_str(), "canary-token", "canary-secret", "Signature="]
    {
        if let Some(at) = said.find(secret) {
            let line = &said[said[..at].rfind('\n').map_or(0, |start| start + 1)..];
            panic!("{secret} is in: {}", line.lines().next().unwrap_or_default());
        }
    }
}

async fn everything() -> Vec<String> {
    let bucket = Garage::shared().bucket();
    let storage = S3Storage::connect(bucket.settings()).await.expect("connect");
    let mut shown = vec![format!("{storage:?} {} {:?}", storage.describe(), bucket.settings())];
    for size in [10, 2 * PART] {
        let key = key(&format!("{}/{size}", PublishId::generate()));
        Put::new(&key, &noise(size)).send(&storage).await.expect("put");
        fetch(&storage, &key, None).await.expect("get");
        let url = storage.presign_get(&key, Duration::from_secs(60), &GetOptions::default()).await.expect("sign");
        let taken = Put::new(&key, &noise(size)).send(&storage).await.expect_err("taken");
        shown.push(format!("{url:?} {taken} {taken:?}"));
    }
    let mut settings = bucket.settings();
    settings.credentials = Credentials::Static {
        access_key_id: bucket.access_key_id,
        secret_access_key: "canary-secret".to_owned(),
        session_token: Some("canary-token".to_owned()),
    };
    shown.push(format!("{settings:?}"));
    let stranger = S3Storage::connect(settings).await.expect("connect");
    let key = key("never");
    let refused = Put::new(&key, &noise(10)).send(&stranger).await.expect_err("refused");
    let unread = stranger.get(&key, None).await.err().expect("refused");
    shown.push(format!("{stranger:?} {refused} {refused:?} {unread} {unread:?}"));
    shown
}
