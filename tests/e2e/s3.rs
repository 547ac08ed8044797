//! Jobs whose storage is a bucket, looked at with the SDK's own client and with a plain HTTP client.

use std::sync::Arc;
use std::time::Duration;

use filmgate::checksum::Crc64Nvme;
use filmgate::job::{JobRequest, Period};
use filmgate::publish::Asset;
use filmgate::publish::PublishError;
use filmgate::report::{JobFault, JobReport};
use filmgate::storage::s3::{S3Settings, S3Storage};
use filmgate::storage::{Durability, Integrity, StorageFault};
use filmgate::url::UrlKind;
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;
use filmgate_tests::{browser, http};
use serde_json::json;

use crate::support::{Bench, probe, probe_mp4, recap, request};

/// A user nobody else has, so that tests can share a bucket.
pub(crate) fn stranger() -> String {
    format!("u-{}", filmgate::job::JobId::generate())
}

pub(crate) async fn bench(settings: S3Settings) -> Bench {
    let storage = Arc::new(S3Storage::connect(settings).await.expect("connect"));
    Bench::with(|builder| builder.storage(storage))
}

/// What the bucket has below a prefix: objects, then open uploads.
pub(crate) async fn left_in(bucket: &TestBucket, prefix: &str) -> (usize, usize) {
    let observer = bucket.observer();
    let objects = observer.list_objects_v2().bucket(&bucket.name).prefix(prefix).send().await.expect("list objects");
    let uploads = observer.list_multipart_uploads().bucket(&bucket.name).prefix(prefix).send().await;
    (objects.contents().len(), uploads.expect("list uploads").uploads().len())
}

/// The object as any other client sees it is what was claimed, and says whose it is.
async fn check_object(bucket: &TestBucket, asset: &Asset, report: &JobReport, user: &str, expected: &[u8]) {
    let got = bucket.observer().get_object().bucket(&bucket.name).key(asset.key.as_str()).send().await.expect("get");
    assert_eq!(got.content_type(), Some("video/mp4"));
    let metadata = got.metadata().expect("metadata").clone();
    let value = |name: &str| metadata.get(name).map(String::as_str);
    assert_eq!(value("filmgate-job"), Some(report.job.to_string().as_str()));
    assert_eq!(value("filmgate-user"), Some(user));
    assert_eq!(value("filmgate-slot"), Some("video"));
    assert_eq!(value("filmgate-publish-id"), Some(asset.publish.to_string().as_str()));
    assert!(value("filmgate-plugin").is_some_and(|digest| digest.starts_with("sha256:")), "{metadata:?}");
    let bytes = got.body.collect().await.expect("the body").into_bytes();
    assert!(bytes == expected, "the object is not the file");
    assert_eq!((asset.size, asset.checksum), (expected.len() as u64, Crc64Nvme::of(expected)));
    assert_eq!((asset.durability, asset.integrity), (Durability::S3, Integrity::FullObject));
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_to_a5_recap_is_published_to_a_bucket_and_plays_from_its_presigned_url() {
    let bucket = Garage::shared().bucket();
    let mut settings = bucket.settings();
    settings.upload.part_bytes = 5 << 20;
    let bench = bench(settings).await;
    let user = stranger();
    let params = json!({ "size": "480p", "duration": 5, "fps": 10, "quality": "draft" });
    let request = request(&user, &params).with_period(Period::new(2025, 12).expect("a period"));
    let report = bench.host.run(request, recap().await).await.expect("success");
    bench.assert_nothing_left();
    let video = report.main_asset().expect("the video");
    assert!(video.key.as_str().starts_with(&format!("videos/{user}/2025/12/recap-2025-12-")), "{}", video.key);
    assert_eq!(video.url.kind, UrlKind::Presigned);
    assert!(video.url.expires_at.is_some());
    assert_eq!(left_in(&bucket, &format!("videos/{user}/")).await, (2, 0));

    let fetched = http::get(&video.url.url).await;
    assert_eq!(fetched.status(), 200);
    assert_eq!(fetched.headers()["content-type"], "video/mp4");
    check_object(&bucket, video, &report, &user, fetched.body()).await;
    let played = browser::play_url(&video.url.url).await;
    assert!(played.frames >= 40 && played.position > 4.7, "{played:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_a_file_of_more_than_a_hundred_mebibytes_goes_up_in_parts() {
    const BYTES: usize = 101 << 20;
    let bucket = Garage::shared().bucket();
    let bench = bench(bucket.settings()).await;
    let user = stranger();
    let files = json!({ "do": "store", "files": [{ "bytes": BYTES }] });
    let report = bench.host.run(request(&user, &files), probe().await).await.expect("success");
    let asset = &report.assets[0];
    check_object(&bucket, asset, &report, &user, &probe_mp4(BYTES)).await;
    let head = bucket.observer().head_object().bucket(&bucket.name).key(asset.key.as_str()).part_number(1).send().await;
    assert_eq!(head.expect("head").parts_count(), Some(13), "parts of 8 MiB");
    assert_eq!(left_in(&bucket, &format!("videos/{user}/")).await, (1, 0));
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_two_tenants_at_once_keep_to_themselves() {
    let bucket = Garage::shared().bucket();
    let bench = bench(bucket.settings()).await;
    let (ana, ben) = (stranger(), stranger());
    let files = |bytes: usize| {
        let files: Vec<_> =
            (0..4).map(|n| json!({ "path": format!("{n}.mp4"), "sequence": n, "bytes": bytes + n })).collect();
        json!({ "do": "submit", "files": files })
    };
    let plugin = probe().await;
    let ours = bench.host.start(request(&ana, &files(10_000)), plugin).expect("start");
    let theirs = bench.host.start(request(&ben, &files(20_000)), plugin).expect("start");
    for (job, user, bytes) in [(ours, &ana, 10_000), (theirs, &ben, 20_000)] {
        let report = job.wait().await.expect("success");
        assert_eq!(report.assets.len(), 4);
        for (n, asset) in report.assets.iter().enumerate() {
            assert!(asset.key.as_str().starts_with(&format!("videos/{user}/")), "{}", asset.key);
            assert!(bench.bytes(asset).await == probe_mp4(bytes + n), "{}", asset.key);
        }
        assert_eq!(left_in(&bucket, &format!("videos/{user}/")).await, (4, 0));
    }
    bench.assert_nothing_left();
}

/// Two jobs are told to fill the same key: the first one's object stays.
async fn fill_twice(bench: &Bench) {
    let composition = format!("comp-{}", filmgate::job::JobId::generate());
    let ask = |bytes: usize| -> JobRequest {
        let request = request("ana", &json!({ "do": "store", "files": [{ "bytes": bytes }] }));
        let request = request.with_layout("pipeline".parse().expect("a layout"));
        let id = composition.parse().expect("an id");
        request.with_ref("composition".parse().expect("a name"), id).expect("a reference")
    };
    let first = bench.host.run(ask(5_000), probe().await).await.expect("the first");
    let second = bench.host.run(ask(6_000), probe().await).await.expect_err("the second");
    let JobFault::Publish(PublishError::Storage { error, kept }) = &second.fault else { panic!("{second:?}") };
    assert_eq!(error.fault, StorageFault::Exists, "{error}");
    assert_eq!(std::fs::read(kept).expect("the file is kept"), probe_mp4(6_000));
    assert_eq!(bench.bytes(&first.assets[0]).await, probe_mp4(5_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_job_is_not_overwritten() {
    fill_twice(&Bench::local()).await;
    let server = S3sServer::start().await;
    fill_twice(&bench(server.bucket().settings()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_a_job_runs_on_another_kind_of_server() {
    let server = S3sServer::start().await;
    let bench = bench(server.bucket().settings()).await;
    let params = json!({ "do": "store", "files": [{ "bytes": 12 << 20 }] });
    let report = tokio::time::timeout(Duration::from_secs(120), bench.run(params)).await.expect("in time");
    let report = report.expect("success");
    assert!(bench.bytes(&report.assets[0]).await == probe_mp4(12 << 20));
    bench.assert_nothing_left();
}
