//! Plugins that fight the claim. The rule: an object's bytes are those that were claimed, or there is no object (P1).

use filmgate::checksum::Crc64Nvme;
use filmgate::report::{JobFault, Refusal};
use serde_json::{Value, json};

use crate::support::{Bench, probe_mp4};

/// The outcome of a job that must not publish anything.
async fn refused(bench: &Bench, params: Value, code: &str) -> Value {
    let (error, summary) = bench.failure_and_summary(params.clone()).await;
    let JobFault::Refused(refusal) = &error.fault else { panic!("{params}: {error:?}") };
    assert_eq!(refusal.code(), code, "{params}: {refusal}");
    assert!(error.assets.is_empty(), "{params}: {error:?}");
    summary
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_no_path_leads_out_of_the_outbox() {
    let bench = Bench::local();
    let paths = [
        "../in/x",
        "..",
        "/etc/passwd",
        "/out/video.mp4",
        "a/../../x",
        "./x",
        "",
        "a//b",
        "x\0y",
        "x\ny",
        "\u{1b}[2J",
        "/proc/self/environ",
        "video.mp4/",
    ];
    for path in paths {
        let summary = refused(&bench, json!({ "do": "store-path", "paths": [path] }), "invalid-path").await;
        let told = summary[path]["error"]["message"].as_str().expect("a message");
        assert!(!told.contains(&*bench.path("").to_string_lossy()), "a host path is told: {told}");
    }
    refused(&bench, json!({ "do": "store-path", "paths": ["%2e%2e/x"] }), "not-found").await;
    // Too long to travel to the host at all.
    let long = "x/".repeat(600);
    let (_, summary) = bench.failure_and_summary(json!({ "do": "store-path", "paths": [long] })).await;
    assert_eq!(summary[&long]["error"]["code"], "invalid-path");
    assert_eq!(bench.keys().await, Vec::<String>::new());
    bench.assert_nothing_left();
}

/// Links are denied to plugins; that a link would not be followed either is proven in `claim::paths`.
#[tokio::test(flavor = "multi_thread")]
async fn p1_links_cannot_be_made_and_what_is_no_file_is_refused() {
    let bench = Bench::local();
    for (params, code) in [
        (json!({ "do": "symlink", "target": "real.mp4" }), "not-found"),
        (json!({ "do": "symlink", "target": "/etc/passwd" }), "not-found"),
        (json!({ "do": "linked-folder" }), "not-found"),
        (json!({ "do": "store-dir" }), "not-a-file"),
        (json!({ "do": "store-empty" }), "empty-file"),
    ] {
        let summary = refused(&bench, params.clone(), code).await;
        assert!(summary["linked"].is_null() || summary["linked"]["error"].is_object(), "{params}: {summary}");
    }
    assert_eq!(bench.keys().await, Vec::<String>::new());
    let summary = bench.summary(json!({ "do": "hardlink" })).await;
    assert!(summary["linked"]["error"].is_string() && summary["stored"]["ok"].is_object(), "{summary}");
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_still_open_is_busy_until_it_is_closed() {
    let bench = Bench::local();
    let report = bench.run(json!({ "do": "open-while-store" })).await.expect("the second try");
    let summary = report.summary.as_ref().expect("a summary");
    assert_eq!(summary["stored"]["error"]["code"], "busy", "{summary}");
    assert_eq!(summary["stored"]["error"]["retryable"], true, "{summary}");
    assert!(summary["written_later"]["ok"].is_null() && summary["again"]["ok"].is_object(), "{summary}");
    let mut expected = probe_mp4(1000);
    expected.extend(b"later");
    assert_eq!(bench.bytes(&report.assets[0]).await, expected);
    bench.assert_nothing_left();
}

/// The descriptor through which the plugin could write later keeps the claim from ever coming.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_after_the_hand_over_never_reaches_an_object() {
    let bench = Bench::local();
    match bench.run(json!({ "do": "late-write" })).await {
        Ok(report) => {
            let asset = &report.assets[0];
            let bytes = bench.bytes(asset).await;
            assert_eq!(Crc64Nvme::of(&bytes), asset.checksum);
            assert_eq!(bytes, probe_mp4(1000));
        }
        Err(error) => {
            assert!(matches!(&error.fault, JobFault::Refused(refusal) if refusal.code() == "busy"), "{error:?}");
            assert_eq!(bench.keys().await, Vec::<String>::new());
        }
    }
    bench.assert_nothing_left();
}

/// WASI finishes writes in the background: a plugin may hand over what is not on disk yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_writes_under_way_is_never_published_short() {
    let bench = Bench::local();
    for _ in 0..3 {
        match bench.run(json!({ "do": "unflushed" })).await {
            Ok(report) => assert_eq!(report.assets[0].size, 64 << 20),
            Err(error) => assert!(
                matches!(&error.fault, JobFault::Refused(Refusal::Claim(_))) && error.assets.is_empty(),
                "{error:?}"
            ),
        }
    }
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sparse_file_counts_with_its_whole_size() {
    let bench = Bench::local();
    for by in ["set-size", "seek"] {
        // What is left of the file is the few bytes that were really written.
        let report = bench.run(json!({ "do": "sparse", "by": by, "store": true })).await.expect("success");
        assert!(report.summary.expect("a summary")["made"]["error"].is_string(), "{by}: eight tebibytes were made");
        assert_eq!(report.assets[0].size, 1000, "{by}");
    }
    bench.assert_nothing_left();
}
