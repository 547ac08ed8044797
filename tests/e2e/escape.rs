//! M2, P3: a plugin that has escaped into its runner. What it is then: native code in the real jail, in a process that
//! holds nothing. The program `rogue` plays it; its attempts are in `tests/rogue`.

use std::path::Path;
use std::time::{Duration, Instant};

use filmgate::report::{JobError, JobEvent, JobFault};
use filmgate::{Budget, Plugin, Runner};
use filmgate_protocol::Exhausted;
use filmgate_tests::cli;
use serde_json::json;

use crate::support::{Bench, budget, probe, request};

/// A host whose runners are rogue ones.
fn bench(change: impl FnOnce(&mut Budget)) -> Bench {
    let mut limits = budget();
    change(&mut limits);
    Bench::with(|builder| builder.runner(Runner::Path(cli::rogue().to_owned())).budget(limits))
}

async fn run(bench: &Bench, words: &str) -> JobError {
    let error =
        bench.host.run(request("mallory", &json!(words)), probe().await).await.expect_err("no such job succeeds");
    bench.assert_nothing_left();
    error
}

/// How an attempt ended.
async fn attempt(bench: &Bench, what: &str) -> String {
    match run(bench, &format!("try {what}")).await.fault {
        JobFault::Plugin { code, message, .. } => format!("{code}: {message}"),
        JobFault::Runner(text) => text,
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_an_escape_reaches_no_file_but_its_own() {
    let bench = bench(|_| {});
    let secret = bench.path("secret.txt");
    std::fs::write(&secret, "canary").expect("write the secret");
    let neighbour = neighbour(&bench);
    let storage = bench.path("data/storage");
    for path in ["/etc/passwd", "/proc/self/environ", "/proc/self/mem", "/dev/null", "/sys/kernel/profiling"] {
        let ended = attempt(&bench, &format!("read {path}")).await;
        assert!(ended.starts_with("denied: "), "{path}: {ended}");
    }
    // What could do harm is tried on files of the test only.
    for path in [&secret, &neighbour] {
        let path = path.display();
        for verb in ["read", "append", "truncate", "delete", "chmod", "touch", "link-in"] {
            let ended = attempt(&bench, &format!("{verb} {path}")).await;
            assert!(ended.starts_with("denied: "), "{verb} {path}: {ended}");
        }
    }
    for folder in [&storage, &bench.path("data/jobs"), &bench.path(""), Path::new("/proc"), Path::new("/")] {
        let ended = attempt(&bench, &format!("list {}", folder.display())).await;
        assert!(ended.starts_with("denied: "), "{folder:?}: {ended}");
    }
    let new = bench.path("new");
    for verb in ["write", "make", "move-out", "symlink"] {
        let ended = attempt(&bench, &format!("{verb} {}", new.display())).await;
        assert!(ended.starts_with("denied: ") && !new.exists(), "{verb}: {ended}");
    }
    let ended = attempt(&bench, "write-inputs").await;
    assert!(ended.starts_with("denied: "), "{ended}");
    assert_eq!(std::fs::read_to_string(&secret).expect("the secret"), "canary");
    assert_eq!(std::fs::read_to_string(&neighbour).expect("the neighbour's file"), "theirs");
}

/// A file in the outbox of another job.
fn neighbour(bench: &Bench) -> std::path::PathBuf {
    let folder = bench.path("data/neighbour/out");
    std::fs::create_dir_all(&folder).expect("make the neighbour's outbox");
    let file = folder.join("theirs.mp4");
    std::fs::write(&file, "theirs").expect("write the neighbour's file");
    file
}

/// The host's environment holds its keys.
#[tokio::test(flavor = "multi_thread")]
async fn m2_an_escape_reads_nothing_of_its_host() {
    let bench = bench(|_| {});
    for file in ["environ", "maps", "mem", "cmdline", "fd/0", "root/etc/passwd", "cwd/Cargo.toml"] {
        let ended = attempt(&bench, &format!("read-host {file}")).await;
        assert!(ended.starts_with("denied: "), "{file}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_an_escape_has_no_network_no_signals_and_no_programs() {
    let bench = bench(|_| {});
    let denied = [
        "socketpair",
        "bind",
        "signal-thread-of-host",
        "fork",
        "set-user",
        "raise-limit",
        "become-dumpable",
        "anonymous-file",
        "change-root",
        "change-directory",
    ];
    for what in denied {
        let ended = attempt(&bench, what).await;
        assert!(ended.starts_with("denied: "), "{what}: {ended}");
    }
    let fatal = [
        "socket-tcp",
        "socket-udp",
        "socket-unix",
        "connect",
        "signal-host",
        "pidfd",
        "trace-host",
        "read-memory-of-host",
        "exec",
        "namespace",
        "mount",
        "io-uring",
        "bpf",
    ];
    for what in fatal {
        let ended = attempt(&bench, what).await;
        assert!(ended.contains("SIGSYS"), "{what}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_nonsense_ends_the_runner_and_its_job_only() {
    let bench = bench(|_| {});
    for how in ["garbage", "too-much", "trailing", "long-log", "nan", "call-7", "call-twice", "calls", "lies", "crash"]
    {
        let error = run(&bench, &format!("say {how}")).await;
        assert!(matches!(error.fault, JobFault::Runner(_)), "{how}: {error:?}");
    }
}

/// Descriptors that come along are dropped by the kernel, and what is said after the end is not heard.
#[tokio::test(flavor = "multi_thread")]
async fn p3_descriptors_and_second_ends_are_not_taken() {
    let bench = bench(|budget| budget.log_bytes = 1 << 20);
    let held = || std::fs::read_dir("/proc/self/fd").expect("this process's descriptors").count();
    run(&bench, "say twice").await;
    let before = held();
    let error = run(&bench, "say descriptors").await;
    assert!(matches!(error.fault, JobFault::NothingPublished(_)), "{error:?}");
    assert!(held() < before + 200, "descriptors were taken: {before} before, {} after", held());
}

/// A flood makes the runner wait, not the host, which hears 2,000 messages at once and as many a second; a runner that says
/// nothing ends with the job's time.
#[tokio::test(flavor = "multi_thread")]
async fn p3_floods_and_silence_end_with_the_jobs_time() {
    let bench = bench(|budget| (budget.wall, budget.log_bytes) = (Duration::from_millis(100), 1 << 30));
    let plugin = probe().await;
    let started = Instant::now();
    let job = bench.host.start(request("mallory", &json!("say log")), plugin).expect("start");
    let mut events = job.events();
    let counting = tokio::spawn(async move {
        let mut heard = 0_u32;
        loop {
            match events.recv().await {
                Ok(JobEvent::Log { .. }) => heard += 1,
                Ok(_) => {}
                Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => {
                    heard += u32::try_from(missed).expect("some thousands")
                }
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return heard,
            }
        }
    });
    let error = job.wait().await.expect_err("it never ends by itself");
    assert!(matches!(error.fault, JobFault::Exhausted { limit: Exhausted::Wall, .. }), "{error:?}");
    let heard = counting.await.expect("count");
    let most = 2_000.0 * (1.0 + started.elapsed().as_secs_f64());
    assert!(f64::from(heard) <= most, "{heard} messages in {:?}", started.elapsed());
    let error = run(&bench, "say nothing").await;
    assert!(matches!(error.fault, JobFault::Exhausted { limit: Exhausted::Wall, .. }), "{error:?}");
}

/// The host looks for itself how much lies in the outbox.
#[tokio::test(flavor = "multi_thread")]
async fn p3_an_escape_that_fills_the_disk_is_stopped_by_the_host() {
    let bench = bench(|budget| budget.outbox_bytes = 16 << 20);
    let error = run(&bench, "try flood-disk").await;
    assert!(matches!(error.fault, JobFault::Exhausted { limit: Exhausted::OutboxBytes, .. }), "{error:?}");
}

/// Cancelled, it does not have to agree.
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_does_not_hear_is_ended_when_its_job_is_cancelled() {
    // Its time does not end it.
    let bench = bench(|budget| budget.wall = Duration::from_secs(24 * 3600));
    let plugin: &Plugin = probe().await;
    let job = bench.host.start(request("mallory", &json!("say nothing")), plugin).expect("start");
    tokio::time::sleep(Duration::from_millis(100)).await;
    job.cancel_token().cancel();
    let error = job.wait().await.expect_err("cancelled");
    assert!(matches!(error.fault, JobFault::Cancelled), "{error:?}");
    bench.assert_nothing_left();
}
