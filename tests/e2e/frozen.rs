//! A component that was built when the contract was what it says in its name: `tests/guests/frozen/probe-0.1.0.wasm`.
//!
//! It is never built here. What it does not outlive would break the plugins of others; before the first release the
//! contract may change, and then `just freeze` makes a new one.

use std::path::{Path, PathBuf};

use filmgate::Plugin;
use filmgate::job::Period;
use filmgate::report::{JobEvent, JobFault};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::support::{Bench, request};

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/frozen/probe-0.1.0.wasm")
}

async fn plugin() -> &'static Plugin {
    static PLUGIN: OnceCell<(Bench, Plugin)> = OnceCell::const_new();
    let load = || async {
        let bench = Bench::local();
        let plugin = bench.host.load_plugin(&frozen()).await.expect("the frozen component loads");
        (bench, plugin)
    };
    &PLUGIN.get_or_init(load).await.1
}

async fn summary(bench: &Bench, params: Value) -> Value {
    let report = bench.host.run(request("ana", &params), plugin().await).await.expect("the job succeeds");
    report.summary.expect("a summary")
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_component_of_the_first_contract_is_told_its_job() {
    let bench = Bench::local();
    let note = bench.path("note.txt");
    std::fs::write(&note, "a note").expect("write");
    let request = request("ana", &json!({ "do": "echo" }))
        .with_period(Period::new(2026, 3).expect("a period"))
        .with_input("note.txt".parse().expect("a name"), &note)
        .expect("an input")
        .with_ref("generation".parse().expect("a name"), "gen_1".parse().expect("an id"))
        .expect("a reference");
    let job = bench.host.start(request, plugin().await).expect("start");
    let (id, mut events) = (job.id(), job.events());
    let error = job.wait().await.expect_err("it stores nothing");
    assert!(matches!(error.fault, JobFault::NothingPublished(_)), "{error:?}");
    let mut log = String::new();
    while let Ok(event) = events.try_recv() {
        if let JobEvent::Log { text, .. } = event {
            log.push_str(&text);
        }
    }
    let told: Value = serde_json::from_str(log.lines().next_back().expect("a line")).expect("its summary");
    let job = &told["job"];
    assert_eq!((&job["id"], &job["user_id"], &job["period"]), (&json!(id), &json!("ana"), &json!("2026-03")));
    assert_eq!((&job["inputs"], &told["in"]["ok"]), (&json!(["note.txt"]), &json!(["note.txt"])));
    assert!(job["refs"].to_string().contains("gen_1"), "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_component_of_the_first_contract_stores_and_submits() {
    let bench = Bench::local();
    let named = json!({ "metadata": { "title": "March" }, "content_type": "video/mp4", "slot": "video" });
    let stored =
        summary(&bench, json!({ "do": "store", "files": [named, { "sequence": 7 }, { "slot": "nowhere" }] })).await;
    let first = &stored["files"][0]["ok"];
    assert_eq!((first["size"].as_u64(), first["durability"].as_str()), (Some(1000), Some("local")), "{stored}");
    assert!(first["url"].as_str().expect("a URL").starts_with("file://"), "{stored}");
    assert!(first["checksum"].as_str().expect("a checksum").starts_with("crc64nvme:"), "{stored}");
    assert!(stored["files"][1]["ok"].is_object(), "{stored}");
    assert_eq!(stored["files"][2]["error"]["code"], "invalid-options", "{stored}");
    let submitted = summary(&bench, json!({ "do": "submit", "files": [{}, { "path": "b.mp4", "sequence": 1 }] })).await;
    assert!(submitted["files"][0]["ok"].is_object() && submitted["files"][1]["ok"].is_object(), "{submitted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_component_of_the_first_contract_reports_and_fails() {
    let bench = Bench::local();
    let params = json!({ "do": "error", "code": "no-data", "message": "none", "retryable": true });
    let error = bench.host.run(request("ana", &params), plugin().await).await.expect_err("it fails");
    assert!(matches!(error.fault, JobFault::Plugin { code, retryable: true, .. } if code == "no-data"));
    let params = json!({ "do": "progress", "steps": 3, "stage": "encoding" });
    let job = bench.host.start(request("ana", &params), plugin().await).expect("start");
    let mut events = job.events();
    job.wait().await.expect_err("it stores nothing");
    let mut stages = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let JobEvent::Progress { stage, .. } = event {
            stages.push(stage);
        }
    }
    assert!(stages.iter().any(|stage| stage.contains("encoding")), "{stages:?}");
}

/// A component that needs a newer contract than there was is another one's business; this one is small and stays.
#[test]
fn the_frozen_component_is_small() {
    let bytes = std::fs::metadata(frozen()).expect("it is there").len();
    assert!(bytes < 512 * 1024, "{bytes} bytes");
}
