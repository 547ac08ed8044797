//! The fight itself, in a process that does nothing else.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use filmgate::job::JobRequest;
use filmgate::media::FactsPolicy;
use filmgate::policy::{Limit, Limits, PluginKey, PluginPolicy, PluginRule, Unlisted};
use filmgate::report::{JobError, JobEvent, JobReport};
use filmgate::storage::LocalStorage;
use filmgate::{Budget, Host, Plugin, PluginDigest, RunningJob};
use filmgate_tests::wrapped::Wrapped;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{broadcast, oneshot};

use super::fight::bytes_of;
use super::level::Level;
use super::stalled::Stalled;
use super::{Arena, CPU, Fight, Help, Mode, Outside, WALL};
use crate::guests;

const HOSTILE_USER: &str = "mallory";
const HONEST_USER: &str = "ana";

/// Size of the honest film.
const HONEST_BYTES: usize = 300_000;

/// Descriptors that a process may have where nobody changed it: Linux's usual soft limit.
const DESCRIPTORS: u64 = 1024;

/// What the host may need beside a hostile job's own memory: events that nobody has read, uploads, compiled code.
const MEMORY_ASIDE: u64 = 80 << 20;

/// Honest jobs that run beside a hostile one that lasts.
const HONEST_JOBS_MAX: usize = 5;

/// Makes the attack and answers its row of the table.
pub(super) fn run(arena: Arena, mode: Mode, folder: &Path, check: impl FnOnce(&Fight)) -> String {
    limit_descriptors();
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let runtime = Runtime::new().unwrap();
    let component = arena.guest.component(folder);
    let host = build(&arena, mode, &data, PluginDigest::of(&component));
    let honest = runtime.block_on(host.compile_plugin(guests::honest(folder))).unwrap();
    let alone = (0..3).map(|_| honest_job(runtime.handle(), &host, &honest)).min().unwrap();
    let loaded = (!arena.refused).then(|| runtime.block_on(host.compile_plugin(component.clone())).unwrap());
    if let Some(prepare) = arena.prepare {
        prepare(&data);
    }
    let before = Level::now();
    Level::watch_peak();
    let (hostile, beside) = match loaded {
        Some(plugin) => {
            let request = request(HOSTILE_USER).with_params(arena.params.parse().unwrap());
            let running = runtime.block_on(async { host.start(request, &plugin) }).unwrap();
            beside(&runtime, &host, &honest, running, arena.help.map(|help| (help, data.as_path())))
        }
        None => beside_load(&runtime, &host, &honest, component),
    };
    let memory_peak = before.peak_above();
    let fight = Fight {
        ended: hostile.ended,
        log: hostile.log,
        progress: hostile.progress,
        took: hostile.took,
        data,
        memory_peak,
        host,
        runtime: runtime.handle().clone(),
    };
    check(&fight);
    assert!(
        memory_peak <= arena.budget.memory_bytes + MEMORY_ASIDE,
        "the host's memory rose by {} MiB",
        memory_peak >> 20
    );
    assert_nothing_left(&fight, arena.kept);
    before.settle();
    let delay = beside.saturating_sub(alone);
    let columns = [
        format!("{}/{}", arena.guest.area, arena.guest.name),
        format!("{mode:?}"),
        arena.guest.attack.to_owned(),
        fight.summary(),
        format!("{} ms", fight.took.as_millis()),
        format!("{} ms", delay.as_millis()),
    ];
    columns.join("\t") + "\n"
}

fn limit_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(limit.maximum.map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS)));
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn build(arena: &Arena, mode: Mode, data: &Path, hostile: PluginDigest) -> Host {
    let time = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    let limits = Limits::default().with(Limit::Cpu, time(arena.budget.cpu)).with(Limit::Wall, time(arena.budget.wall));
    let rule = PluginRule { limits: Some(limits), ..PluginRule::default() };
    let policy = PluginPolicy::new(Unlisted::Allow, [(PluginKey::Digest(hostile), rule)].into()).unwrap();
    let mut builder = Host::builder()
        .data_dir(data)
        .media_facts(FactsPolicy::Off)
        .budget(Budget { cpu: CPU, wall: WALL, ..arena.budget.clone() })
        .plugins(policy)
        .published_bytes(arena.published_bytes);
    if arena.stalls {
        let inner = Arc::new(LocalStorage::open(data.join("storage")).unwrap());
        builder = builder.storage(Arc::new(Wrapped(Stalled { inner, user: HOSTILE_USER })));
    }
    mode.builder(builder).build().unwrap()
}

fn request(user: &str) -> JobRequest {
    let note = std::env::temp_dir().join("note.txt");
    // Once: another job may be copying it.
    if !note.exists() {
        std::fs::write(&note, "a note").unwrap();
    }
    JobRequest::new(user.parse().unwrap()).with_input("note.txt".parse().unwrap(), &note).unwrap()
}

/// Runs an honest job, which is to publish the right bytes; answers how long it took.
fn honest_job(runtime: &Handle, host: &Host, plugin: &Plugin) -> Duration {
    let begun = Instant::now();
    let report = runtime.block_on(host.run(request(HONEST_USER), plugin));
    let took = begun.elapsed();
    let report = report.unwrap_or_else(|error| panic!("the honest job is harmed: {error:?}"));
    let [asset] = report.assets.as_slice() else { panic!("the honest job published {report:?}") };
    let mut film: Vec<u8> = (0..=250).cycle().take(HONEST_BYTES).collect();
    let head = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";
    film[..head.len()].copy_from_slice(head);
    assert!(bytes_of(runtime, host, asset) == film, "the honest job's film is another");
    took
}

/// What a hostile job left for its test.
struct Hostile {
    ended: Result<JobReport, JobError>,
    log: String,
    progress: Vec<(f32, String)>,
    took: Duration,
}

/// Runs honest jobs beside a hostile one until that has ended; answers how long the slowest took.
fn beside(
    runtime: &Runtime,
    host: &Host,
    honest: &Plugin,
    running: RunningJob,
    help: Option<(Help, &Path)>,
) -> (Hostile, Duration) {
    let begun = Instant::now();
    let outside = help.as_ref().map(|(_, data)| Outside::new(data, running.id(), running.cancel_token()));
    let (said, has_begun) = oneshot::channel();
    let listening = runtime.spawn(listen(running.events(), said));
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let hostile = runtime.spawn(async move {
        let ended = running.wait().await;
        let took = begun.elapsed();
        over.store(true, Ordering::Release);
        (ended, took)
    });
    // One that ended without a word needs no help; its test will tell.
    let help = if help.is_some() && runtime.block_on(has_begun).is_err() { None } else { help };
    let mut slowest = honest_job(runtime.handle(), host, honest);
    if let (Some((help, _)), Some(outside)) = (help, outside) {
        help(&outside);
    }
    for _ in 1..HONEST_JOBS_MAX {
        if is_over.load(Ordering::Acquire) {
            break;
        }
        slowest = slowest.max(honest_job(runtime.handle(), host, honest));
        std::thread::sleep(Duration::from_millis(20));
    }
    let (ended, took) = runtime.block_on(hostile).unwrap();
    let (log, progress) = runtime.block_on(listening).unwrap();
    (Hostile { ended, log, progress, took }, slowest)
}

/// The same beside a component that is compiled.
fn beside_load(runtime: &Runtime, host: &Host, honest: &Plugin, component: Vec<u8>) -> (Hostile, Duration) {
    let begun = Instant::now();
    let loader = host.clone();
    let loading = runtime.spawn(async move {
        let loaded = loader.compile_plugin(component).await;
        (loaded, begun.elapsed())
    });
    let slowest = honest_job(runtime.handle(), host, honest);
    let (loaded, took) = runtime.block_on(loading).unwrap();
    let ended = Err(loaded.expect_err("the component is refused"));
    (Hostile { ended, log: String::new(), progress: Vec::new(), took }, slowest)
}

/// Keeps what a job tells until it ends.
async fn listen(mut events: broadcast::Receiver<JobEvent>, begun: oneshot::Sender<()>) -> (String, Vec<(f32, String)>) {
    let (mut log, mut progress, mut begun) = (String::new(), Vec::new(), Some(begun));
    loop {
        match events.recv().await {
            Ok(JobEvent::Log { text, .. }) => {
                log.push_str(&text);
                if log.contains("begun") {
                    begun.take().map(|begun| begun.send(()));
                }
            }
            Ok(JobEvent::Progress { fraction, stage }) => progress.push((fraction, stage)),
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(missed)) => log.push_str(&format!("\n({missed} events missed)\n")),
            Err(broadcast::error::RecvError::Closed) => return (log, progress),
        }
    }
}

/// No directory of a job, no claimed file beside those that are kept on purpose, no object that no job answers for.
fn assert_nothing_left(fight: &Fight, kept: usize) {
    let count = |folder: &str| std::fs::read_dir(fight.data.join(folder)).unwrap().count();
    assert_eq!((count("jobs"), count("staging")), (0, kept), "job directories and claimed files left");
    let listing = fight.runtime.block_on(fight.host.storage().list("", None)).unwrap();
    let answered = |key: &str| fight.assets().iter().any(|asset| asset.key.as_str() == key);
    for object in listing.objects {
        let key = object.key.as_str();
        let is_honest = key.starts_with(&format!("videos/{HONEST_USER}/"));
        assert!(is_honest || (answered(key) && key.starts_with(&format!("videos/{HOSTILE_USER}/"))), "{key}");
    }
}
