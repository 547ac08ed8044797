//! The table of passing errors, walked on the wire: what is sent again, and what is not.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::storage::s3::fault::table::{PASSING, Sign};
use crate::storage::s3::{Bucket, Credentials, S3Settings, S3Storage};
use crate::storage::{Storage as _, StorageError, StorageFault};

const RETRIES: u32 = 2;

/// What a server does with every request.
#[derive(Debug, Clone)]
enum Manner {
    Answers(String),
    /// Every so many requests it answers with an empty list, and with an error before.
    AnswersEvery(usize),
    Closes,
    IsSilent,
}

impl Manner {
    fn error(status: u16, code: &str, message: &str) -> Self {
        let code = if code.is_empty() { String::new() } else { format!("<Code>{code}</Code>") };
        Self::answer(status, &format!("<Error>{code}<Message>{message}</Message></Error>"))
    }

    fn answer(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Answers(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"))
    }

    /// An answer in which a line of the table shows.
    fn showing(sign: Sign) -> Vec<Self> {
        match sign {
            // Whatever the status is.
            Sign::Code(code) => vec![Self::error(400, code, "m"), Self::error(503, code, "m")],
            Sign::Words(words) => vec![Self::error(403, "AccessDenied", &format!("Forbidden: {words}."))],
            Sign::Status(first, last) => {
                [first, last.min(599)].map(|status| Self::error(status, "Unheard", "m")).to_vec()
            }
            Sign::Garbled => vec![Self::answer(200, ""), Self::answer(200, "<ListBucketResult></ListBucketResult>")],
            Sign::Broken => {
                vec![Self::Closes, Self::Answers("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n<half".to_owned())]
            }
            Sign::Silence => vec![Self::IsSilent],
        }
    }

    async fn serve(&self, mut connection: TcpStream, seen: &AtomicUsize) {
        let (mut request, mut piece) = (Vec::new(), [0; 4096]);
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            match connection.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&piece[..read]),
            }
        }
        let before = seen.fetch_add(1, Ordering::SeqCst);
        let manner = match self {
            Self::AnswersEvery(number) if (before + 1).is_multiple_of(*number) => {
                Self::answer(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
            }
            Self::AnswersEvery(_) => Self::error(503, "SlowDown", "m"),
            other => other.clone(),
        };
        match manner {
            Self::Answers(answer) => {
                let _ = connection.write_all(answer.as_bytes()).await;
            }
            Self::Closes | Self::AnswersEvery(_) => {}
            // Until the client goes.
            Self::IsSilent => while !matches!(connection.read(&mut piece).await, Ok(0) | Err(_)) {},
        }
    }
}

/// A storage in front of a server of this manner, and how many requests came there.
async fn storage(manner: Manner) -> (S3Storage, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let seen = Arc::new(AtomicUsize::new(0));
    let bucket = Bucket::try_from("bucket".to_owned()).expect("a name");
    let credentials = Credentials::Static {
        access_key_id: "id".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    let mut settings = S3Settings::new(bucket, "a-region", credentials);
    settings.endpoint = Some(format!("http://127.0.0.1:{port}").parse().expect("a URL"));
    settings.upload.retries = RETRIES;
    settings.upload.retry_delay = Duration::from_millis(1);
    settings.upload.request_timeout =
        Duration::from_millis(if matches!(manner, Manner::IsSilent) { 200 } else { 20_000 });
    let counter = Arc::clone(&seen);
    // Ends with the runtime of its test.
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            manner.serve(connection, &counter).await;
        }
    });
    (S3Storage::connect(settings).await.expect("connect"), seen)
}

/// Asks a server of this manner for a list; answers the error, and how many requests came.
async fn ask(manner: &Manner) -> (StorageError, usize) {
    let (storage, seen) = storage(manner.clone()).await;
    let error = storage.list("", None).await.expect_err("no list");
    (error, seen.load(Ordering::SeqCst))
}

#[tokio::test]
async fn every_line_of_the_table_is_sent_again_and_told_as_it_says() {
    for line in PASSING {
        for manner in Manner::showing(line.sign) {
            let (error, requests) = ask(&manner).await;
            assert_eq!((error.fault, requests), (line.fault, 1 + RETRIES as usize), "{line:?}: {error}");
        }
        let others = PASSING.iter().filter(|other| other.sign == line.sign).count();
        assert!(others == 1 && line.source.len() > 10, "{line:?}: twice, or without a source");
    }
}

#[tokio::test]
async fn what_is_not_in_the_table_is_sent_once() {
    for (status, code, fault) in [
        (403, "AccessDenied", StorageFault::Denied),
        (403, "InvalidAccessKeyId", StorageFault::BadCredentials),
        (400, "ExpiredToken", StorageFault::ExpiredCredentials),
        (404, "NoSuchBucket", StorageFault::NoSuchBucket),
        (412, "PreconditionFailed", StorageFault::Exists),
        (400, "BadDigest", StorageFault::Corrupted),
        // A code that is a refusal stays one under any status.
        (503, "NoSuchUpload", StorageFault::NotFound),
        (501, "", StorageFault::Unsupported),
        (401, "", StorageFault::BadCredentials),
        (400, "Unheard", StorageFault::Other),
        (418, "", StorageFault::Other),
    ] {
        let (error, requests) = ask(&Manner::error(status, code, "m")).await;
        assert_eq!((error.fault, requests), (fault, 1), "{status} {code}: {error}");
    }
}

/// A store that fails as often as it may and then answers costs no call a retry, however many calls there are; one that
/// never does spends the budget, and the last calls are sent once.
#[tokio::test]
async fn calls_that_come_through_give_their_retries_back() {
    let tries = 1 + RETRIES as usize;
    let budget = RETRIES as usize * 16;
    let (passing, seen) = storage(Manner::AnswersEvery(tries)).await;
    for _ in 0..budget {
        passing.list("", None).await.expect("the last try");
    }
    assert_eq!(seen.load(Ordering::SeqCst), budget * tries);
    assert!(passing.inner.budget.is_full());

    // With a 429 the store is there, so that it is not left alone.
    let (failing, seen) = storage(Manner::error(429, "TooManyRequests", "m")).await;
    for _ in 0..16 {
        failing.list("", None).await.expect_err("never");
    }
    assert!(!failing.inner.budget.is_full(), "nothing is given back");
    assert_eq!(seen.load(Ordering::SeqCst), 16 * tries);
}
