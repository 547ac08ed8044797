//! What is sent, and what is never sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use filmgate::key::ObjectKey;
use filmgate::outbox::Claimed;
use filmgate::storage::s3::{Bucket, Credentials, Encryption, Proxy, S3Settings, S3Storage};
use filmgate::storage::{
    GetOptions, Integrity, LeftBehind, MemorySource, PublishId, PutObserver, PutProgress, PutRequest, PutStep, Source,
    Storage, StorageError, StorageFault,
};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule, Seen};
use filmgate_tests::garage::Garage;
use filmgate_tests::http;
use filmgate_tests::s3s::S3sServer;
use tokio_util::sync::CancellationToken;

use crate::bench::{PART, Put, connect, fetch, key, noise, open_uploads};

async fn proxied(change: impl FnOnce(&mut S3Settings)) -> (FaultProxy, S3Storage) {
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let mut settings = proxy.bucket().settings();
    settings.upload.part_bytes = PART;
    settings.upload.multipart_threshold = 1000;
    settings.upload.retries = 0;
    change(&mut settings);
    let storage = S3Storage::connect(settings).await.expect("connect");
    (proxy, storage)
}

fn unique(name: &str) -> ObjectKey {
    key(&format!("{}/{name}", PublishId::generate()))
}

/// The requests that make an object, small and large; the store may refuse some of what they ask.
async fn creations(change: impl FnOnce(&mut S3Settings)) -> Vec<Seen> {
    let (proxy, storage) = proxied(change).await;
    for size in [10, 2000] {
        // Garage knows neither storage classes nor tags nor KMS: what it answers is not the point.
        let _ = Put::new(&unique("object"), &noise(size)).send(&storage).await;
    }
    let makes = [Operation::PutObject, Operation::CreateMultipartUpload, Operation::UploadPart];
    proxy.requests().into_iter().filter(|request| makes.contains(&request.operation)).collect()
}

#[tokio::test]
async fn checksums_and_no_acl_on_every_upload() {
    let requests = creations(|_| {}).await;
    let mut seen = [false; 3];
    for request in &requests {
        assert!(!request.headers.keys().any(|name| name.as_str().contains("acl")), "{request:?}");
        assert!(request.header("x-amz-trailer").is_none(), "{request:?}");
        match request.operation {
            Operation::CreateMultipartUpload => {
                seen[0] |= request.header("x-amz-checksum-algorithm") == Some("CRC64NVME")
                    && request.header("x-amz-checksum-type") == Some("FULL_OBJECT");
            }
            Operation::UploadPart => seen[1] |= request.header("x-amz-checksum-crc64nvme").is_some(),
            _ => seen[2] |= request.header("x-amz-checksum-crc64nvme").is_some(),
        }
        if request.operation != Operation::CreateMultipartUpload {
            // Loopback: nobody is between, the checksum is signed with the headers.
            assert_eq!(request.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
        }
    }
    assert_eq!(seen, [true; 3]);
}

#[tokio::test]
async fn object_options_are_asked_for() {
    let requests = creations(|settings| {
        settings.object.encryption = Some(Encryption::Kms { key_id: Some("a-key".to_owned()) });
        settings.object.storage_class = Some("INTELLIGENT_TIERING".to_owned());
        settings.object.cache_control = Some("public, max-age=60".to_owned());
        settings.object.tags = [("team".to_owned(), "a & b".to_owned())].into();
    })
    .await;
    let made: Vec<_> = requests.iter().filter(|request| request.operation != Operation::UploadPart).collect();
    assert!(!made.is_empty());
    for request in made {
        for (name, value) in [
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "a-key"),
            ("x-amz-storage-class", "INTELLIGENT_TIERING"),
            ("cache-control", "public, max-age=60"),
            ("x-amz-tagging", "team=a+%26+b"),
        ] {
            assert_eq!(request.header(name), Some(value), "{:?}", request.operation);
        }
    }
}

#[tokio::test]
async fn cache_control_reaches_readers() {
    let (_proxy, storage) = proxied(|settings| settings.object.cache_control = Some("max-age=7".to_owned())).await;
    for size in [10, 2000] {
        let key = unique("cached");
        Put::new(&key, &noise(size)).send(&storage).await.expect("put");
        let url = storage.presign_get(&key, Duration::from_secs(60), &GetOptions::default()).await.expect("sign").url;
        let answer = http::get(&url).await;
        assert_eq!(answer.headers().get("cache-control").map(|value| value.as_bytes()), Some(&b"max-age=7"[..]));
    }
}

/// The small request of A7: `public` is verified before it is promised.
#[tokio::test]
async fn a_public_bucket_is_told_from_a_private_one() {
    let server = S3sServer::start_public().await;
    let storage = connect(&server.bucket()).await;
    let (there, absent) = (unique("there"), unique("absent"));
    let bytes = noise(100);
    Put::new(&there, &bytes).send(&storage).await.expect("put");
    assert!(storage.is_public(&there).await.expect("ask"));
    assert!(!storage.is_public(&absent).await.expect("ask"));
    assert!(http::get(&storage.address(&there).expect("an address")).await.body() == &bytes);
}

/// Addresses and signatures name the same place, in either style.
#[tokio::test]
async fn addresses_agree_with_signatures() {
    let credentials = || Credentials::Static {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "canary-secret".to_owned(),
        session_token: Some("canary-token".to_owned()),
    };
    for (bucket, region, endpoint, path_style) in [
        ("videos", "eu-central-1", None, None),
        ("my.videos", "eu-central-1", None, None),
        ("videos", "us-east-1", None, Some(true)),
        ("videos", "us-east-1", None, Some(false)),
        ("videos", "cn-north-1", None, None),
        ("videos", "garage", Some("https://s3.example.com"), None),
        ("videos", "garage", Some("https://s3.example.com:8443"), Some(false)),
        ("videos", "garage", Some("https://example.com/s3/"), Some(true)),
    ] {
        let bucket = Bucket::try_from(bucket.to_owned()).expect("a bucket");
        let mut settings = S3Settings::new(bucket, region, credentials());
        settings.endpoint = endpoint.map(|endpoint| endpoint.parse().expect("a URL"));
        settings.path_style = path_style;
        let storage = S3Storage::connect(settings).await.expect("connect");
        let key = key("a b/ü+%?#&='~.mp4");
        let address = storage.address(&key).expect("an address");
        let signed =
            storage.presign_get(&key, Duration::from_secs(60), &GetOptions::default()).await.expect("sign").url;
        assert_eq!(
            (signed.scheme(), signed.host_str(), signed.port()),
            (address.scheme(), address.host_str(), address.port())
        );
        assert_eq!(signed.path(), address.path());
        assert!(
            address.query().is_none() && signed.query().is_some_and(|query| query.contains("X-Amz-Security-Token"))
        );
    }
}

/// An HTTP proxy sees every request; hosts in `no_proxy` are reached without it.
#[tokio::test]
async fn a_proxy_is_used_and_avoided() {
    for (no_proxy, through) in [(None, true), (Some("127.0.0.1"), false)] {
        let proxy = FaultProxy::start(Garage::shared().bucket()).await;
        let mut settings = Garage::shared().bucket().settings();
        settings.proxy = Some(Proxy { url: proxy.bucket().endpoint, no_proxy: no_proxy.map(str::to_owned) });
        let storage = S3Storage::connect(settings).await.expect("connect");
        let key = unique("proxied");
        Put::new(&key, &noise(10)).send(&storage).await.expect("put");
        assert_eq!(proxy.seen().contains(&Operation::PutObject), through);
    }
}

/// A part that something else replaced between its upload and the end is found and sent again.
#[tokio::test]
async fn a_part_that_differs_is_sent_again() {
    struct Saboteur {
        bucket: TestBucket,
        key: ObjectKey,
        upload: std::sync::Mutex<String>,
        done: AtomicBool,
    }
    #[async_trait]
    impl PutObserver for Saboteur {
        async fn step(&self, step: PutStep) -> Result<(), StorageError> {
            match step {
                PutStep::Created { upload_id, .. } => *self.upload.lock().expect("a lock") = upload_id,
                PutStep::Completing if !self.done.swap(true, Ordering::Relaxed) => {
                    let upload = self.upload.lock().expect("a lock").clone();
                    let part = self.bucket.observer().upload_part().bucket(&self.bucket.name).key(self.key.as_str());
                    let part = part.upload_id(upload).part_number(2).body(Bytes::from_static(b"sabotage").into());
                    part.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Crc64Nvme)
                        .send()
                        .await
                        .expect("sabotage");
                }
                PutStep::Completing | PutStep::Aborted => {}
            }
            Ok(())
        }

        fn sent(&self, _progress: PutProgress) {}
    }
    let bucket = Garage::shared().bucket();
    let proxy = FaultProxy::start(bucket.clone()).await;
    let storage = connect(&proxy.bucket()).await;
    let (key, bytes) = (unique("sabotaged"), noise(2 * PART + 5));
    let saboteur = Saboteur {
        bucket: bucket.clone(),
        key: key.clone(),
        upload: std::sync::Mutex::default(),
        done: AtomicBool::new(false),
    };
    let (metadata, cancel) = Default::default();
    let put = storage.put(PutRequest {
        key: &key,
        file: std::sync::Arc::new(MemorySource(bytes.clone())),
        content_type: "video/mp4",
        user: None,
        publish_id: PublishId::generate(),
        metadata: &metadata,
        resume: None,
        observer: &saboteur,
        cancel: &cancel,
    });
    let stored = put.await.expect("put");
    assert_eq!(stored.integrity, Integrity::FullObject);
    assert!(fetch(&storage, &key, None).await.expect("get") == bytes);
    let count = |operation| proxy.seen().iter().filter(|seen| **seen == operation).count();
    assert_eq!((count(Operation::UploadPart) >= 4, count(Operation::ListParts)), (true, 1));
    assert_eq!(open_uploads(&bucket, &key).await, Vec::<String>::new());
}

/// What a crash left open is found by its key and taken away; uploads of other keys are not touched.
#[tokio::test]
async fn unfinished_uploads_are_discarded_by_key() {
    let bucket = Garage::shared().bucket();
    let storage = connect(&bucket).await;
    let folder = PublishId::generate();
    let (mine, longer) = (key(&format!("{folder}/mine")), key(&format!("{folder}/mine-too")));
    for key in [&mine, &mine, &longer] {
        let create = bucket.observer().create_multipart_upload().bucket(&bucket.name).key(key.as_str());
        create.send().await.expect("create");
    }
    assert_eq!(storage.discard_unfinished(&mine).await.expect("discard"), 2);
    assert_eq!(storage.discard_unfinished(&mine).await.expect("discard"), 0);
    assert_eq!(open_uploads(&bucket, &longer).await.len(), 1);
    assert_eq!(storage.discard_unfinished(&longer).await.expect("discard"), 1);
}

/// What the store kept is not what was sent: it is taken away again, and the error says so.
#[tokio::test]
async fn a_damaged_object_is_taken_away() {
    let (proxy, storage) = proxied(|_| {}).await;
    storage.probe().await.expect("probe");
    let key = unique("damaged");
    let put = Put::new(&key, &noise(100));
    // The put's answer is lost; before it is looked for, something of the same publish but with other bytes is there.
    let bucket = Garage::shared().bucket();
    proxy.set(Some(Rule { operation: Operation::PutObject, fault: Fault::Stall, after_commit: true, times: 1 }));
    let damage = async {
        while !proxy.seen().contains(&Operation::PutObject) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let object = bucket.observer().put_object().bucket(&bucket.name).key(key.as_str());
        let object = object.metadata(PublishId::METADATA_NAME, put.publish_id.to_string());
        let object = object.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Crc64Nvme);
        object.body(Bytes::from(vec![0; 100]).into()).send().await.expect("damage");
        put.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(put.send(&storage), damage);
    let error = outcome.expect_err("damaged");
    assert_eq!((error.fault, error.left_behind.as_ref()), (StorageFault::Corrupted, None), "{error}");
    assert_eq!(storage.head(&key).await.expect("head"), filmgate::storage::Presence::Absent);
}

/// A store that shows no checksum proves nothing, neither for the object nor against it: it stays, and the error says so.
#[tokio::test]
async fn an_object_without_a_checksum_is_not_deleted() {
    let (_proxy, storage) = proxied(|_| {}).await;
    let (key, bytes) = (unique("unproven"), noise(100));
    let put = Put::new(&key, &bytes);
    let bucket = Garage::shared().bucket();
    let object = bucket.observer().put_object().bucket(&bucket.name).key(key.as_str());
    let object = object.metadata(PublishId::METADATA_NAME, put.publish_id.to_string());
    let object = object.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Crc32);
    object.body(bytes.clone().into()).send().await.expect("an earlier try");
    let error = put.send(&storage).await.expect_err("unproven");
    assert_eq!((error.fault, error.left_behind), (StorageFault::Corrupted, Some(LeftBehind::Object)));
    assert!(fetch(&storage, &key, None).await.expect("get") == bytes);
}

/// AWS wants the type of a checksum of the whole named; elsewhere, where not every store knows it, it is not.
#[tokio::test]
async fn the_type_of_the_checksum_is_named_to_aws_only() {
    for aws in [true, false] {
        let (proxy, storage) = proxied(|_| {}).await;
        let storage = if aws {
            let mut settings = Garage::shared().bucket().settings();
            settings.upload.multipart_threshold = 1000;
            settings.upload.retries = 0;
            settings.proxy = Some(Proxy { url: proxy.bucket().endpoint, no_proxy: None });
            settings.endpoint = Some("http://s3.us-east-1.amazonaws.com".parse().expect("a URL"));
            settings.path_style = Some(true);
            S3Storage::connect(settings).await.expect("connect")
        } else {
            storage.probe().await.expect("probe");
            storage
        };
        proxy.set(None);
        let outcome = Put::new(&unique("typed"), &noise(2000)).send(&storage).await;
        let requests = proxy.requests();
        let mut completes =
            requests.iter().filter(|request| request.operation == Operation::CompleteMultipartUpload).peekable();
        assert!(completes.peek().is_some(), "{outcome:?}");
        for complete in completes {
            assert!(complete.header("x-amz-checksum-crc64nvme").is_some());
            assert_eq!(complete.header("x-amz-checksum-type"), aws.then_some("FULL_OBJECT"));
        }
    }
}

/// An endpoint is probed by the first process only; a note that is damaged is none; and who asks for a probe gets one.
#[tokio::test]
async fn m7_what_an_endpoint_can_do_is_noted_for_the_next_process() {
    let folder = tempfile::tempdir().expect("a directory");
    let remember = folder.path().join("endpoints");
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let mut settings = proxy.bucket().settings();
    settings.remember = Some(remember.clone());
    // Only the probe creates uploads here.
    let probes = || {
        let seen = proxy.requests();
        seen.iter().filter(|seen| seen.operation == Operation::CreateMultipartUpload).count()
    };
    let put = async || {
        let storage = S3Storage::connect(settings.clone()).await.expect("connect");
        Put::new(&unique("noted"), &noise(10)).send(&storage).await.expect("put");
        storage
    };
    put().await;
    let first = probes();
    assert!(first > 0, "the first process probes");
    let storage = put().await;
    assert_eq!(probes(), first, "the second one does not");
    storage.probe().await.expect("probe");
    assert!(probes() > first, "asked for, it probes");

    let notes: Vec<_> =
        std::fs::read_dir(&remember).expect("a folder").map(|note| note.expect("a note").path()).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    std::fs::write(&notes[0], "no JSON").expect("write");
    let before = probes();
    put().await;
    assert!(probes() > before, "a damaged note is none");
}

/// With limits of bandwidth, for all and for a user, files of both kinds arrive whole, and no request times out.
#[tokio::test]
async fn uploads_arrive_whole_below_a_limit_of_bandwidth() {
    let (_proxy, storage) = proxied(|settings| {
        settings.upload.bandwidth = std::num::NonZeroU64::new(20_000_000);
        settings.upload.bandwidth_per_user = std::num::NonZeroU64::new(10_000_000);
        settings.upload.request_timeout = Duration::from_secs(2);
    })
    .await;
    for bytes in [noise(900), noise(2 * PART + 1000)] {
        let key = unique("paced");
        Put::new(&key, &bytes).send(&storage).await.expect("put");
        assert!(fetch(&storage, &key, None).await.expect("get") == bytes);
    }
}

/// A small file is read at once where it is in memory, and waited for where it is not: the same bytes either way.
#[tokio::test]
async fn a_file_arrives_whole_whether_it_is_in_memory_or_not() {
    let storage = connect(&Garage::shared().bucket()).await;
    let dir = tempfile::tempdir().expect("a directory");
    let (path, bytes) = (dir.path().join("film.mp4"), noise(700_001));
    std::fs::write(&path, &bytes).expect("write");
    for in_memory in [true, false] {
        let file = std::fs::File::open(&path).expect("open");
        if !in_memory {
            file.sync_all().expect("sync");
            // A file system in memory keeps it all the same.
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("advise");
        }
        let claimed = Claimed::open(&path, &CancellationToken::new()).expect("a claim");
        let mut end = vec![0; 1000];
        let ready = claimed.read_ready_at(&mut end, 699_001).expect("read");
        assert!(!in_memory || ready, "what was just written is in memory");
        assert!(!ready || end == bytes[699_001..]);
        assert!(!claimed.read_ready_at(&mut end, 699_002).expect("read"), "beyond the end nothing is ready");
        let key = unique("cached-or-not");
        let stored = Put::of(&key, std::sync::Arc::new(claimed)).send(&storage).await.expect("put");
        assert_eq!(stored.checksum, crate::bench::checksum(&bytes));
        assert!(fetch(&storage, &key, None).await.expect("get") == bytes);
    }
}

/// A part larger than all buffers together is read while it is sent.
#[tokio::test]
async fn a_part_that_memory_cannot_hold_arrives_whole() {
    let (proxy, storage) = proxied(|settings| settings.upload.part_bytes = 40 << 20).await;
    let (key, bytes) = (unique("huge"), noise((45 << 20) + 7));
    let stored = Put::new(&key, &bytes).send(&storage).await.expect("put");
    assert_eq!((stored.checksum, stored.integrity), (crate::bench::checksum(&bytes), Integrity::FullObject));
    assert!(fetch(&storage, &key, None).await.expect("get") == bytes);
    let parts = proxy.requests().into_iter().filter(|seen| seen.target.contains(key.as_str()));
    assert_eq!(parts.filter(|seen| seen.operation == Operation::UploadPart).count(), 2);
}

/// A part without an answer is sent a second time beside, and the upload ends without it.
#[tokio::test]
async fn a_part_that_is_late_is_sent_a_second_time() {
    let (proxy, storage) = proxied(|settings| {
        settings.upload.concurrency = std::num::NonZeroUsize::new(2).expect("two");
        settings.upload.request_timeout = Duration::from_secs(600);
    })
    .await;
    storage.probe().await.expect("probe");
    let (key, bytes) = (unique("late"), noise(14 * PART));
    let put = Put::new(&key, &bytes);
    let watch = async {
        // Once others are known to be quick, one gets no answer.
        while put.watcher.sent().len() < 9 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let rule = Rule { operation: Operation::UploadPart, fault: Fault::Stall, after_commit: true, times: 1 };
        proxy.set(Some(rule));
    };
    let (stored, ()) = tokio::join!(put.send(&storage), watch);
    assert_eq!(stored.expect("put").checksum, crate::bench::checksum(&bytes));
    assert!(fetch(&storage, &key, None).await.expect("get") == bytes);
    assert_eq!(open_uploads(&proxy.bucket(), &key).await, Vec::<String>::new());
}
