//! Wrong settings: each gives one error that names the cause, and nothing is stored.

use std::time::Duration;

use filmgate::storage::s3::{Bucket, Credentials, S3Settings, S3Storage};
use filmgate::storage::{GetOptions, PublishId, Storage, StorageError, StorageFault};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule};
use filmgate_tests::garage::Garage;
use filmgate_tests::http;
use filmgate_tests::s3s::S3sServer;

use crate::bench::{Put, connect, key, noise};

/// The error of a put, and the secret is not in it.
async fn refused(settings: S3Settings) -> StorageError {
    let secret = match &settings.credentials {
        Credentials::Static { secret_access_key, .. } => secret_access_key.clone(),
        Credentials::DefaultChain { .. } => "unset".to_owned(),
    };
    let mut settings = settings;
    settings.upload.retries = 1;
    settings.upload.connect_timeout = Duration::from_secs(2);
    let storage = S3Storage::connect(settings).await.expect("connect");
    let key = key(&format!("{}/refused", PublishId::generate()));
    let error = Put::new(&key, &noise(10)).send(&storage).await.expect_err("refused");
    for text in [error.to_string(), format!("{error:?}"), format!("{storage:?}")] {
        assert!(!text.contains(&secret), "{text}");
    }
    assert!(error.next_step().is_some(), "no next step: {error}");
    assert!(error.is_storage_away(), "{error}");
    error
}

async fn each_server() -> (Vec<TestBucket>, S3sServer) {
    let server = S3sServer::start().await;
    (vec![Garage::shared().bucket(), server.bucket()], server)
}

#[tokio::test]
async fn a_wrong_secret() {
    let (buckets, _server) = each_server().await;
    for mut bucket in buckets {
        bucket.secret_access_key = format!("{}0", &bucket.secret_access_key[1..]);
        let error = refused(bucket.settings()).await;
        assert_eq!((error.fault, error.status), (StorageFault::BadCredentials, Some(403)), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_key() {
    let (buckets, _server) = each_server().await;
    for mut bucket in buckets {
        bucket.access_key_id = "GK00000000000000000000dead".to_owned();
        let error = refused(bucket.settings()).await;
        assert_eq!(error.fault, StorageFault::BadCredentials, "{error}");
    }
}

/// s3s-fs makes up buckets as it needs them.
#[tokio::test]
async fn no_such_bucket() {
    let mut bucket = Garage::shared().bucket();
    bucket.name = "no-such-bucket".to_owned();
    let error = refused(bucket.settings()).await;
    assert_eq!((error.fault, error.code.as_deref()), (StorageFault::NoSuchBucket, Some("NoSuchBucket")), "{error}");
    assert!(error.to_string().contains("no-such-bucket"), "{error}");
}

/// Garage holds signatures against its region; s3s-fs does not care.
#[tokio::test]
async fn a_wrong_region() {
    let mut bucket = Garage::shared().bucket();
    bucket.region = "eu-central-1".to_owned();
    let error = refused(bucket.settings()).await;
    assert_eq!(error.fault, StorageFault::WrongRegion, "{error}");
}

#[tokio::test]
async fn nobody_listens() {
    let mut bucket = Garage::shared().bucket();
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    bucket.endpoint = format!("http://127.0.0.1:{port}").parse().expect("a URL");
    let error = refused(bucket.settings()).await;
    assert_eq!(error.fault, StorageFault::Unreachable, "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn a_name_nobody_has() {
    let mut bucket = Garage::shared().bucket();
    bucket.endpoint = "http://storage.invalid:3900".parse().expect("a URL");
    let error = refused(bucket.settings()).await;
    assert_eq!(error.fault, StorageFault::Unreachable, "{error}");
}

#[tokio::test]
async fn tls_where_there_is_none() {
    let mut bucket = Garage::shared().bucket();
    bucket.endpoint.set_scheme("https").expect("a scheme");
    let error = refused(bucket.settings()).await;
    assert_eq!(error.fault, StorageFault::Unreachable, "{error}");
}

#[tokio::test]
async fn clocks_and_tokens() {
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    for (code, status, fault, tries) in [
        ("RequestTimeTooSkewed", 403, StorageFault::ClockSkew, 2),
        ("ExpiredToken", 400, StorageFault::ExpiredCredentials, 1),
        ("InvalidToken", 400, StorageFault::BadCredentials, 1),
        ("PermanentRedirect", 301, StorageFault::WrongRegion, 1),
    ] {
        let operation = Operation::PutObject;
        let fails = Fault::Error(status, code);
        proxy.set(Some(Rule { operation, fault: fails, after_commit: false, times: usize::MAX }));
        let error = refused(proxy.bucket().settings()).await;
        assert_eq!((error.fault, error.code.as_deref()), (fault, Some(code)), "{error}");
        assert_eq!(proxy.seen().iter().filter(|seen| **seen == operation).count(), tries, "{code}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work() {
    let settings = || Garage::shared().bucket().settings();
    type Change = fn(&mut S3Settings);
    let broken: [(&str, Change); 8] = [
        ("part size", |settings| settings.upload.part_bytes = 1),
        ("threshold", |settings| settings.upload.multipart_threshold = u64::MAX),
        ("slowest line", |settings| settings.upload.slowest_line = 0),
        ("region", |settings| settings.region = "eu central\n1".to_owned()),
        ("http", |settings| settings.endpoint = Some("ftp://host".parse().expect("a URL"))),
        ("certificate", |settings| {
            settings.endpoint = None;
            settings.ca_bundle = Some(b"not a certificate".to_vec());
        }),
        ("certificate", |settings| {
            settings.endpoint = None;
            let nothing = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
            settings.ca_bundle = Some(nothing.as_bytes().to_vec());
        }),
        ("tags", |settings| settings.object.tags = (0..11).map(|n| (n.to_string(), String::new())).collect()),
    ];
    for (named, make) in broken {
        let mut settings = settings();
        make(&mut settings);
        let error = S3Storage::connect(settings).await.expect_err(named);
        assert!(error.to_string().contains(named), "{named}: {error}");
    }
    for name in
        ["ab", "Videos", "-videos", "videos-", "a..b", "192.168.0.1", "a_b", "a/b", &"x".repeat(64), "é-bucket", ""]
    {
        Bucket::try_from(name.to_owned()).expect_err(name);
    }
    for name in ["abc", "my.videos", "0-videos", &"x".repeat(63)] {
        Bucket::try_from(name.to_owned()).expect(name);
    }
}

/// B6: what a signed URL may and may not do.
#[tokio::test]
async fn signed_urls() {
    let storage = connect(&Garage::shared().bucket()).await;
    let (plain, bytes) = (key(&format!("{}/signed.mp4", PublishId::generate())), noise(100));
    Put::new(&plain, &bytes).send(&storage).await.expect("put");
    for lifetime in [0, 604_801, u64::MAX / 1000] {
        let error = storage.presign_get(&plain, Duration::from_secs(lifetime), &GetOptions::default()).await;
        assert_eq!(error.expect_err("no such lifetime").fault, StorageFault::LifetimeTooLong);
    }
    let options = GetOptions { download_name: Some("Ä \"recap\".mp4".to_owned()) };
    let signed = storage.presign_get(&plain, Duration::from_secs(604_800), &options).await.expect("the longest");
    let left = signed.expires_at.expect("an end").as_second() - jiff::Timestamp::now().as_second();
    assert!((604_790..=604_800).contains(&left), "{left} s");
    let answer = http::get(&signed.url).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.body() == &bytes);
    let disposition = answer.headers().get("content-disposition").expect("a header").to_str().expect("ASCII");
    assert_eq!(disposition, "attachment; filename=\"_ _recap_.mp4\"; filename*=UTF-8''%C3%84%20%22recap%22.mp4");
    // A store must read the key as it was meant.
    let odd = key(&format!("{}/a b/ü+%?#&='~(*)!.mp4", PublishId::generate()));
    Put::new(&odd, &bytes).send(&storage).await.expect("put");
    let odd = storage.presign_get(&odd, Duration::from_secs(60), &options).await.expect("sign");
    assert!(http::get(&odd.url).await.body() == &bytes, "{}", odd.url.path());
    // The signature covers the key.
    let mut other = signed.url.clone();
    other.set_path(&format!("{}x", signed.url.path()));
    assert_eq!(http::get(&other).await.status(), 403);
    // And it ends.
    let short = storage.presign_get(&plain, Duration::from_secs(1), &GetOptions::default()).await.expect("a short one");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert!(http::get(&short.url).await.status().is_client_error());
    assert!(!format!("{signed:?}").contains("Signature"), "{signed:?}");
}
