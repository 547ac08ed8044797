//! What a plugin says of a file: slots, sequences, types, sizes. What the host refuses stays with the plugin.

use std::collections::BTreeMap;

use filmgate::report::{JobFault, Refusal};
use filmgate::storage::Presence;
use serde_json::{Value, json};

use crate::support::{Bench, probe, request};

/// The error of the probe's `store` of one file beside an honest one, so that the job itself succeeds.
async fn refusal(file: Value) -> Value {
    let bench = Bench::local();
    let honest = json!({ "path": "honest.mp4" });
    let report = bench.run(json!({ "do": "store", "files": [file, honest] })).await.expect("the honest file is enough");
    assert_eq!(report.assets.len(), 1, "{report:?}");
    bench.assert_nothing_left();
    let summary = report.summary.expect("a summary");
    assert!(summary["files"][1]["ok"].is_object(), "{summary}");
    summary["files"][0]["error"].clone()
}

#[track_caller]
fn assert_says(error: &Value, code: &str, parts: &[&str]) {
    assert_eq!(error["code"], code, "{error}");
    for part in parts {
        assert!(error["message"].as_str().expect("a message").contains(part), "{part:?} is missing in {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_or_sequence_the_layout_lacks_is_refused_by_name() {
    let error = refusal(json!({ "slot": "trailer" })).await;
    assert_says(&error, "invalid-options", &["trailer", "recap", "thumbnail", "video"]);
    assert_says(&refusal(json!({ "slot": "../x" })).await, "invalid-options", &["slot", "../x"]);
    assert_says(&refusal(json!({ "sequence": 1000 })).await, "invalid-options", &["sequence", "999"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_pipeline_wants_sequences_where_its_keys_have_them() {
    let bench = Bench::local();
    let files = json!([
        { "slot": "clip" },
        { "slot": "clip", "sequence": 7 },
        { "slot": "final", "sequence": 1 },
        { "slot": "video" },
        { "slot": "final" },
        { "kind": "jpeg", "slot": "clip-thumbnail", "sequence": 7 },
        { "kind": "json", "slot": "timeline" },
        { "kind": "mp3", "slot": "audio" },
    ]);
    let request = request("ana", &json!({ "do": "store", "files": files }));
    let request = request.with_layout("pipeline".parse().expect("a layout"));
    let request = request.with_ref("generation".parse().expect("a name"), "gen_1".parse().expect("an id"));
    let report = bench.host.run(request.expect("a reference"), probe().await).await.expect("success");
    let summary = report.summary.clone().expect("a summary");
    assert_says(&summary["files"][0]["error"], "invalid-options", &["clip", "sequence"]);
    assert_says(&summary["files"][2]["error"], "invalid-options", &["final", "sequence"]);
    assert_says(&summary["files"][4]["error"], "already-published", &["final"]);
    let keys: Vec<_> = report.assets.iter().map(|asset| asset.key.to_string()).collect();
    let [clip, video, thumbnail, timeline, audio] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!(clip, "generations/gen_1/clips/clip_007.mp4");
    assert!(video.starts_with("compositions/comp_") && video.ends_with("/final.mp4"), "{video}");
    assert_eq!(thumbnail, "generations/gen_1/thumbnails/clip_007.jpg");
    assert!(timeline.starts_with("compositions/comp_") && timeline.ends_with("/timeline.json"), "{timeline}");
    assert_eq!(audio, "generations/gen_1/audio/background.mp3");
    assert_eq!(report.main_asset().expect("the final video").key.as_str(), video);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_jobs_layout_keeps_users_and_jobs_apart() {
    let bench = Bench::local();
    let request = request("ana", &json!({ "do": "store", "files": [{}, { "sequence": 2 }] }));
    let request = request.with_layout("jobs".parse().expect("a layout"));
    let report = bench.host.run(request, probe().await).await.expect("success");
    let keys: Vec<_> = report.assets.iter().map(|asset| asset.key.to_string()).collect();
    assert_eq!(keys, [format!("ana/{}/video.mp4", report.job), format!("ana/{}/video-002.mp4", report.job)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_further_files_add_slot_and_sequence() {
    let bench = Bench::local();
    let files = json!([{}, { "sequence": 3 }, { "kind": "png", "slot": "thumbnail" }]);
    let report = bench.run(json!({ "do": "store", "files": files })).await.expect("success");
    let keys: Vec<_> = report.assets.iter().map(|asset| asset.key.as_str()).collect();
    let stem = keys[0].strip_suffix(".mp4").expect("the main video has the plain name");
    assert_eq!(keys[1..], [format!("{stem}-video-003.mp4"), format!("{stem}-thumbnail.png")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_the_bytes_decide_and_a_lie_is_named() {
    let error = refusal(json!({ "content_type": "video/webm" })).await;
    assert_says(&error, "invalid-options", &["video/webm", "video/mp4", "video.mp4"]);
    for kind in ["html", "svg", "elf", "zeros"] {
        let error = refusal(json!({ "kind": kind, "content_type": "video/mp4" })).await;
        assert_says(&error, "unsupported-media", &["video.mp4", "slot video takes video/mp4"]);
    }
    let error = refusal(json!({ "kind": "png" })).await;
    assert_says(&error, "unsupported-media", &["image/png", "slot video takes"]);
    let error = refusal(json!({ "slot": "thumbnail" })).await;
    assert_says(&error, "unsupported-media", &["video/mp4", "slot thumbnail takes", "image/jpeg"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_ends_the_plugin_is_the_jobs_error() {
    let bench = Bench::local();
    let page = bench.path("page.html");
    std::fs::write(&page, "<!doctype html>").expect("write the input");
    let request = request("ana", &json!({ "do": "copy", "name": "page.mp4" }));
    let request = request.with_input("page.mp4".parse().expect("a name"), &page).expect("an input");
    let error = bench.host.run(request, probe().await).await.expect_err("no video");
    assert!(matches!(error.fault, JobFault::Refused(Refusal::Media { .. })), "{error:?}");
    assert!(error.to_string().contains("page.mp4"), "{error}");
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_bounded_and_kept_apart_from_the_hosts() {
    let many: BTreeMap<_, _> = (0..17).map(|number| (format!("n{number}"), "x")).collect();
    let long = "x".repeat(1025);
    for (metadata, part) in [
        (json!(many), "17 pairs"),
        (json!({ "long": long }), "1029 bytes"),
        (json!({ "Title": "x" }), "Title"),
        (json!({ "": "x" }), "metadata name"),
        (json!({ "title": "a\r\nx-amz-acl: public-read" }), "title"),
        (json!({ "title": "é" }), "title"),
    ] {
        assert_says(&refusal(json!({ "metadata": metadata })).await, "invalid-options", &[part]);
    }
    let bench = Bench::local();
    let metadata =
        json!({ "filmgate-user": "mallory", "filmgate-publish-id": "mine", "job": "other", "title": "March" });
    let report = bench.run(json!({ "do": "store", "files": [{ "metadata": metadata }] })).await.expect("success");
    let asset = &report.assets[0];
    let Presence::Present(info) = bench.host.storage().head(&asset.key).await.expect("head") else { panic!("absent") };
    let value = |name: &str| info.metadata.get(name).map(String::as_str);
    assert_eq!(value("filmgate-user"), Some("ana"));
    assert_eq!(value("filmgate-publish-id"), Some(asset.publish.to_string().as_str()));
    assert_eq!(value("filmgate-job"), Some(report.job.to_string().as_str()));
    assert_eq!(value("plugin-title"), Some("March"));
    assert_eq!(value("plugin-filmgate-user"), Some("mallory"), "the prefix keeps it harmless");
}

/// Every value that a plugin may give must also be one that every storage takes.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_is_accepted_is_stored() {
    for value in ["", " ", "x ", " x"] {
        let bench = Bench::local();
        let params = json!({ "do": "store", "files": [{ "metadata": { "title": value } }, { "path": "honest.mp4", "sequence": 1 }] });
        let report = bench.run(params).await;
        let report = report.unwrap_or_else(|error| panic!("{value:?} ends the job instead of being refused: {error}"));
        let summary = report.summary.expect("a summary");
        let first = &summary["files"][0];
        assert!(first["ok"].is_object() || first["error"]["code"] == "invalid-options", "{value:?}: {first}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_filled_once_and_a_refused_file_does_not_fill_it() {
    let error = refusal(json!({ "kind": "html" })).await;
    assert_eq!(error["code"], "unsupported-media", "and the honest file behind it took the slot");
    let bench = Bench::local();
    let summary = bench.summary(json!({ "do": "store", "files": [{}, { "path": "again.mp4", "bytes": 2000 }] })).await;
    assert_says(&summary["files"][1]["error"], "already-published", &["video"]);
    assert_eq!(bench.keys().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_publishes_no_more_bytes_than_it_may() {
    let bench = Bench::with(|builder| builder.published_bytes(5_000));
    let files = json!([{ "bytes": 3_000 }, { "bytes": 3_000, "sequence": 1 }, { "bytes": 2_000, "sequence": 2 }]);
    let summary = bench.summary(json!({ "do": "store", "files": files })).await;
    assert_says(&summary["files"][1]["error"], "too-large", &["3000 bytes", "2000 more"]);
    assert_eq!(summary["files"][2]["ok"]["size"], 2_000, "what fits still goes: {summary}");
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_submitted_files_are_all_published_waited_for_or_not() {
    let files: Vec<_> =
        (0..8).map(|n| json!({ "path": format!("{n}.mp4"), "sequence": n, "bytes": 100_000 + n })).collect();
    for wait in [true, false] {
        let bench = Bench::local();
        let report = bench.run(json!({ "do": "submit", "files": files, "wait": wait })).await.expect("success");
        assert_eq!(report.assets.len(), 8, "wait: {wait}: {report:?}");
        for (n, asset) in report.assets.iter().enumerate() {
            assert_eq!(bench.bytes(asset).await, crate::support::probe_mp4(100_000 + n));
        }
        bench.assert_nothing_left();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_see_urls_unless_the_operator_withholds_them() {
    let params = json!({ "do": "store", "files": [{}] });
    let open = Bench::local().summary(params.clone()).await;
    assert!(open["files"][0]["ok"]["url"].as_str().expect("a URL").starts_with("file://"), "{open}");
    let closed = Bench::with(|builder| builder.plugins_see_urls(false)).summary(params).await;
    assert!(closed["files"][0]["ok"]["url"].is_null(), "{closed}");
}
