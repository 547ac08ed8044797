//! Every way a job can end, each with its own error, and nothing left behind (P3).

use std::time::{Duration, Instant};

use filmgate::Budget;
use filmgate::report::{JobError, JobEvent, JobFault};
use filmgate_protocol::Exhausted;
use serde_json::{Value, json};

use crate::support::{Bench, budget, probe, probe_mp4, request};

/// Runs the probe under a changed budget; nothing may be left of it.
async fn fail_with(params: Value, change: impl FnOnce(&mut Budget)) -> JobError {
    let mut limits = budget();
    change(&mut limits);
    let bench = Bench::with(|builder| builder.budget(limits));
    let error = bench.failure(params).await;
    bench.assert_nothing_left();
    assert!(error.job.is_some(), "{error:?}");
    error
}

async fn fail(params: Value) -> JobError {
    fail_with(params, |_| {}).await
}

#[track_caller]
fn assert_exhausted(error: &JobError, expected: Exhausted) {
    assert!(matches!(error.fault, JobFault::Exhausted { limit, .. } if limit == expected), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_error_reaches_the_caller_as_it_is() {
    let error =
        fail(json!({ "do": "error", "code": "no-photos", "message": "give me photos", "retryable": true })).await;
    let JobFault::Plugin { code, message, retryable } = &error.fault else { panic!("{error:?}") };
    assert_eq!((code.as_str(), message.as_str(), *retryable), ("no-photos", "give me photos", true));
    assert_eq!(error.to_string(), "the plugin failed: no-photos: give me photos");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_parameters_are_named() {
    let error = fail(json!({ "do": "sleep", "ms": "soon" })).await;
    let JobFault::Plugin { code, message, .. } = &error.fault else { panic!("{error:?}") };
    assert_eq!(code, "invalid-params");
    assert!(message.contains("expected u64"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_panic_and_exit_are_told_apart() {
    assert!(matches!(fail(json!({ "do": "trap" })).await.fault, JobFault::Trapped(_)));
    assert!(matches!(fail(json!({ "do": "panic" })).await.fault, JobFault::Trapped(_)));
    assert!(matches!(fail(json!({ "do": "recurse" })).await.fault, JobFault::Trapped(_)));
    assert!(matches!(fail(json!({ "do": "exit", "code": 1 })).await.fault, JobFault::Exited(1)));
    assert!(matches!(fail(json!({ "do": "exit" })).await.fault, JobFault::Exited(0)), "exit(0) is no success");
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_every_budget_ends_its_job_by_name() {
    let cpu = fail_with(json!({ "do": "loop" }), |budget| budget.cpu = Duration::from_millis(200)).await;
    assert_exhausted(&cpu, Exhausted::Cpu);
    assert!(cpu.usage.cpu >= Duration::from_millis(200), "{:?}", cpu.usage);
    let wall = fail_with(json!({ "do": "sleep-forever" }), |budget| budget.wall = Duration::from_millis(300)).await;
    assert_exhausted(&wall, Exhausted::Wall);
    let disk = fail_with(json!({ "do": "store", "files": [{ "bytes": 20_000_000 }] }), |budget| {
        budget.outbox_bytes = 1_000_000;
    });
    assert_exhausted(&disk.await, Exhausted::OutboxBytes);
    let list = fail(json!({ "do": "huge-list" })).await;
    assert_exhausted(&list, Exhausted::HostcallBytes);
}

/// A plugin that is refused memory may go on; what it may not do is get it.
#[tokio::test(flavor = "multi_thread")]
async fn p3_memory_is_bounded() {
    let error = fail(json!({ "do": "alloc" })).await;
    assert!(error.usage.memory_bytes_peak <= budget().memory_bytes, "{:?}", error.usage);
    assert!(error.usage.memory_bytes_peak > budget().memory_bytes / 2, "{:?}", error.usage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_stores_nothing_fails_even_if_its_plugin_is_content() {
    for params in [json!({ "do": "clock" }), json!({ "do": "answer", "text": "" })] {
        let error = fail(params).await;
        let JobFault::NothingPublished(slot) = &error.fault else { panic!("{error:?}") };
        assert_eq!(slot.as_str(), "video");
    }
    // A file in another slot is not the video.
    let error = fail(json!({ "do": "store", "files": [{ "kind": "png", "slot": "thumbnail" }] })).await;
    assert!(matches!(error.fault, JobFault::NothingPublished(_)), "{error:?}");
    assert_eq!(error.assets.len(), 1, "what was published is named");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_is_no_json_is_the_plugins_fault() {
    let error = fail(json!({ "do": "answer", "text": "all went well" })).await;
    let JobFault::Plugin { code, message, .. } = &error.fault else { panic!("{error:?}") };
    assert_eq!(code, "invalid-summary");
    assert!(message.contains("not JSON"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_a_trap_stays_published() {
    for submit in [false, true] {
        let bench = Bench::local();
        let error = bench.failure(json!({ "do": "trap-after-store", "files": [{}], "submit": submit })).await;
        assert!(matches!(error.fault, JobFault::Trapped(_)), "{error:?}");
        let [asset] = error.assets.as_slice() else { panic!("submit: {submit}: {error:?}") };
        assert_eq!(bench.bytes(asset).await, probe_mp4(1000));
        bench.assert_nothing_left();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_input_is_named_and_leaves_nothing() {
    let bench = Bench::local();
    let missing = bench.path("absent.jpg");
    let request = request("ana", &json!({ "do": "clock" }));
    let request = request.with_input("photo.jpg".parse().expect("a name"), &missing).expect("an input");
    let error = bench.host.run(request, probe().await).await.expect_err("no such file");
    assert!(matches!(error.fault, JobFault::Invalid(_)), "{error:?}");
    assert!(error.to_string().contains("photo.jpg") && error.to_string().contains("absent.jpg"), "{error}");
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_by_its_token_and_by_dropping_it() {
    let bench = Bench::local();
    for params in
        [json!({ "do": "loop" }), json!({ "do": "sleep-forever" }), json!({ "do": "progress", "pause_ms": 100 })]
    {
        let job = bench.host.start(request("ana", &params), probe().await).expect("start");
        let token = job.cancel_token();
        tokio::time::sleep(Duration::from_millis(100)).await;
        token.cancel();
        let error = job.wait().await.expect_err("cancelled");
        assert!(matches!(error.fault, JobFault::Cancelled), "{error:?}");
        // Neither its time nor its work came to an end by themselves.
        assert!(error.usage.wall < budget().wall && error.usage.cpu < budget().cpu, "{:?}", error.usage);
        bench.assert_nothing_left();
    }
    drop(bench.host.start(request("ana", &json!({ "do": "loop" })), probe().await).expect("start"));
    let dropped = bench.host.run(request("ana", &json!({ "do": "sleep-forever" })), probe().await);
    assert!(tokio::time::timeout(Duration::from_millis(200), dropped).await.is_err(), "it sleeps");
    wait_until_nothing_is_left(&bench).await;
}

async fn wait_until_nothing_is_left(bench: &Bench) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !bench.names("jobs").is_empty() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.assert_nothing_left();
}

/// P3: an honest job beside hostile ones gets its own bytes.
#[tokio::test(flavor = "multi_thread")]
async fn p3_hostile_neighbours_do_no_harm() {
    let mut limits = budget();
    limits.cpu = Duration::from_secs(2);
    let bench = Bench::with(|builder| builder.budget(limits));
    let hostile = [
        json!({ "do": "loop" }),
        json!({ "do": "alloc" }),
        json!({ "do": "fill-disk" }),
        json!({ "do": "many-files", "count": 100_000 }),
        json!({ "do": "deep-tree", "depth": 10_000 }),
        json!({ "do": "log-flood", "mib": 64, "style": "ansi" }),
        json!({ "do": "handles", "count": 100_000 }),
        json!({ "do": "store-many", "count": 10_000 }),
        json!({ "do": "sparse" }),
    ];
    let mut jobs = Vec::new();
    for params in hostile {
        jobs.push(bench.host.start(request("mallory", &params), probe().await).expect("start"));
    }
    let report = bench.run(json!({ "do": "store", "files": [{ "bytes": 3_000_000 }] })).await.expect("the honest job");
    assert_eq!(bench.bytes(&report.assets[0]).await, probe_mp4(3_000_000));
    for job in jobs {
        let error = job.wait().await.expect_err("hostile jobs publish nothing");
        assert!(!matches!(error.fault, JobFault::Internal(_)), "{error:?}");
    }
    assert_eq!(bench.keys().await, [report.assets[0].key.to_string()]);
    bench.assert_nothing_left();
}

/// A quick job may be over before its caller gets to listen.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_said_before_anybody_listened_is_heard() {
    let bench = Bench::local();
    let job = bench.host.start(request("ana", &json!({ "do": "store", "files": [{}] })), probe().await).expect("start");
    while bench.keys().await.is_empty() || !bench.names("jobs").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut events = job.events();
    job.wait().await.expect("the job succeeds");
    let (mut log, mut stored) = (String::new(), 0);
    while let Ok(event) = events.try_recv() {
        match event {
            JobEvent::Log { text, .. } => log.push_str(&text),
            JobEvent::Stored(_) => stored += 1,
            _ => {}
        }
    }
    assert_eq!((log.lines().count(), stored), (1, 1), "{log}");
}

/// Descriptors are a process-wide budget: jobs give back what they took, however they ended.
#[tokio::test(flavor = "multi_thread")]
async fn no_descriptor_is_kept_by_an_ended_job() {
    let bench = Bench::local();
    let here = std::fs::canonicalize(bench.path("data")).expect("the data directory");
    let held = || {
        let descriptors = std::fs::read_dir("/proc/self/fd").expect("this process's descriptors");
        let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        // Those of this test's host alone: other tests of this process open files too.
        targets.filter(|target| target.starts_with(&here)).count()
    };
    let before = held();
    assert!(before > 0, "the host holds its directories");
    bench.summary(json!({ "do": "open-while-store" })).await;
    for _ in 0..5 {
        bench.summary(json!({ "do": "store", "files": [{}] })).await;
        bench.failure(json!({ "do": "trap" })).await;
        bench.failure(json!({ "do": "store", "files": [{ "kind": "html" }] })).await;
    }
    assert_eq!(held(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_jobs_accepted_in_one_millisecond_have_keys_of_their_own() {
    let bench = Bench::local();
    let store = || request("ana", &json!({ "do": "store", "files": [{}] }));
    let plugin = probe().await;
    let jobs: Vec<_> = (0..8).map(|_| bench.host.start(store(), plugin).expect("start")).collect();
    for job in jobs {
        job.wait().await.expect("each job succeeds");
    }
    assert_eq!(bench.keys().await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused_by_its_reason() {
    let bench = Bench::local();
    let refusal =
        async |bytes: &[u8]| bench.host.compile_plugin(bytes.to_vec()).await.expect_err("refused").to_string();
    assert!(refusal(b"").await.contains("not WebAssembly"));
    assert!(refusal(b"#!/bin/sh").await.contains("not WebAssembly"));
    assert!(refusal(b"\0asm\x01\0\0\0").await.contains("core module"));
    let component = std::fs::read(filmgate_tests::guests::probe()).expect("the probe");
    let cut = refusal(&component[..component.len() / 2]).await;
    assert!(cut.contains("malformed"), "{cut}");
    let absent = bench.host.load_plugin(&bench.path("absent.wasm")).await.expect_err("no file");
    assert!(matches!(absent.fault, JobFault::Invalid(_)) && absent.to_string().contains("absent.wasm"), "{absent}");
}
