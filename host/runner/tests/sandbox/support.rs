use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use filmgate_protocol::{
    Budget, Exhausted, FromRunner, JobInput, LogStream, Outcome, Period, StoreRequest, Stored, ToRunner, Usage,
};
use filmgate_runner::{Artifact, Engine, HostEnd, Plugin, Program, Setup, Spawner, spawn_in_process};

pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;

/// Nothing here takes longer, even on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new().expect("start the engine"))
}

/// Whether this is the run of the suite in which each job has a locked-in process of its own.
pub(crate) const JAILED: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"jailed");

pub(crate) fn spawner() -> &'static Arc<Spawner> {
    static SPAWNER: OnceLock<Arc<Spawner>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let program = Program::Path(env!("CARGO_BIN_EXE_filmgate-runner").into());
        Spawner::new(program).expect("start the spawner")
    })
}

/// A compiled component, and the same loaded into this process.
pub(crate) struct Guest {
    pub(crate) artifact: Artifact,
    pub(crate) loaded: Plugin,
}

/// Builds one of the workspace's guests and reads it.
pub(crate) fn build(package: &str) -> Vec<u8> {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().expect("a parent").to_owned();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2", "--package", package])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("run cargo");
    assert!(status.success(), "build the guest {package}");
    std::fs::read(target.join("wasm32-wasip2/release").join(format!("{package}.wasm"))).expect("read the guest")
}

/// The component of `tests/guests/hostile`.
pub(crate) fn hostile_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| build("hostile"))
}

pub(crate) fn hostile() -> &'static Guest {
    static GUEST: OnceLock<Guest> = OnceLock::new();
    GUEST.get_or_init(|| compile(hostile_bytes()))
}

/// Compiles and loads a guest.
pub(crate) fn compile(component: &[u8]) -> Guest {
    let artifact = Artifact::compile(engine(), component).expect("compile the guest");
    let loaded = Plugin::load(engine(), &artifact).expect("load the guest");
    Guest { artifact, loaded }
}

pub(crate) fn budget() -> Budget {
    Budget {
        memory_bytes: 128 * MIB,
        table_elements: 100_000,
        cpu: Duration::from_secs(20),
        wall: Duration::from_secs(40),
        outbox_bytes: 16 * MIB,
        outbox_entries: 50,
        outbox_depth: 3,
        log_bytes: 64 * KIB,
        store_calls: 8,
        stores_in_flight: 3,
        hostcall_bytes: 2 * MIB,
        handles: 200,
    }
}

/// One job to run: its directories exist, the input is `note.txt`, and beside them lies `secret.txt`.
pub(crate) struct Job {
    pub(crate) outbox: PathBuf,
    pub(crate) inputs: PathBuf,
    pub(crate) budget: Budget,
    pub(crate) input: JobInput,
    pub(crate) home: tempfile::TempDir,
}

impl Job {
    pub(crate) fn new(params: &str) -> Self {
        let home = tempfile::tempdir().expect("make a directory");
        let (outbox, inputs) = (home.path().join("outbox"), home.path().join("inputs"));
        std::fs::create_dir(&outbox).expect("make the outbox");
        std::fs::create_dir(&inputs).expect("make the inputs");
        std::fs::write(inputs.join("note.txt"), "a note").expect("write the input");
        std::fs::write(home.path().join("secret.txt"), "a secret").expect("write the secret");
        let input = JobInput {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            user_id: "u-1".into(),
            period: Some(Period { year: 2026, month: 3 }),
            params: params.into(),
            inputs: vec!["note.txt".into()],
            refs: vec![("session".into(), "s1".into())],
        };
        Self { outbox, inputs, budget: budget(), input, home }
    }

    pub(crate) fn budget(mut self, change: impl FnOnce(&mut Budget)) -> Self {
        change(&mut self.budget);
        self
    }

    /// What a runner of this job has.
    pub(crate) fn setup(&self) -> Setup {
        let open = |path: &Path| File::open(path).expect("open a directory").into();
        Setup { outbox: open(&self.outbox), inputs: open(&self.inputs), budget: self.budget.clone() }
    }

    pub(crate) fn outbox(&self) -> &Path {
        &self.outbox
    }

    /// Starts the job and leaves the conversation to the caller.
    pub(crate) async fn begin(&self) -> HostEnd {
        self.begin_in(hostile()).await
    }

    async fn begin_in(&self, guest: &Guest) -> HostEnd {
        let host = self.prepare(guest).await;
        host.send(&ToRunner::Start(Box::new(self.input.clone()))).await.expect("send the start");
        host
    }

    /// Starts a runner that waits for the job.
    pub(crate) async fn prepare(&self, guest: &Guest) -> HostEnd {
        if !JAILED {
            return spawn_in_process(&guest.loaded, self.setup()).expect("start a runner");
        }
        let Setup { outbox, inputs, budget } = self.setup();
        let started = spawner().runner(&guest.artifact, outbox.as_fd(), inputs.as_fd(), &budget, &[]).await;
        started.expect("start a runner").0
    }

    /// Runs the job to its end with a host that stores everything.
    pub(crate) fn run(&self) -> Ran {
        self.run_in(hostile())
    }

    /// The same with another guest.
    pub(crate) fn run_in(&self, guest: &Guest) -> Ran {
        block_on(async {
            let mut host = self.begin_in(guest).await;
            let mut ran = Ran::default();
            while ran.take(host.recv().await.expect("a message")) {
                if let Some(request) = ran.unanswered.take() {
                    store(&host, &request).await;
                }
            }
            assert_eq!(host.recv().await, None, "nothing follows the end");
            ran
        })
    }
}

/// Runs `params` with the usual budget.
pub(crate) fn run(params: &str) -> Ran {
    Job::new(params).run()
}

/// Runs `params` with a changed budget.
pub(crate) fn run_with(params: &str, change: impl FnOnce(&mut Budget)) -> Ran {
    Job::new(params).budget(change).run()
}

/// Everything a job said.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) log_frames: Vec<usize>,
    pub(crate) progress: Vec<(f32, String)>,
    pub(crate) requests: Vec<StoreRequest>,
    pub(crate) unanswered: Option<StoreRequest>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) live: Vec<Usage>,
    pub(crate) usage: Usage,
}

impl Ran {
    /// Takes in one message; `false` when it was the last.
    pub(crate) fn take(&mut self, message: FromRunner) -> bool {
        match message {
            FromRunner::Log { stream, text } => {
                self.log_frames.push(text.len());
                match stream {
                    LogStream::Stdout => self.stdout.push_str(&text),
                    LogStream::Stderr => self.stderr.push_str(&text),
                }
            }
            FromRunner::Progress { fraction, stage } => self.progress.push((fraction, stage)),
            FromRunner::Usage(usage) => self.live.push(usage),
            FromRunner::Store(request) => {
                self.requests.push(request.clone());
                self.unanswered = Some(request);
            }
            FromRunner::Finished { outcome, usage } => {
                self.outcome = Some(outcome);
                self.usage = usage;
                return false;
            }
        }
        true
    }

    #[track_caller]
    pub(crate) fn summary(&self) -> &str {
        match &self.outcome {
            Some(Outcome::Returned(summary)) => summary,
            other => panic!("the job did not return: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn exhausted(&self, expected: Exhausted) -> &str {
        match &self.outcome {
            Some(Outcome::Exhausted { limit, detail }) if *limit == expected => detail,
            other => panic!("expected {expected:?} to be exhausted, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn trapped(&self) -> &str {
        match &self.outcome {
            Some(Outcome::Trapped(text)) => text,
            other => panic!("expected a trap, got {other:?}"),
        }
    }
}

/// Answers a request as a host does that stored the file.
pub(crate) async fn store(host: &HostEnd, request: &StoreRequest) {
    let call = request.call;
    if !request.wait {
        host.send(&ToRunner::Claimed { call, result: Ok(()) }).await.expect("answer the claim");
    }
    host.send(&ToRunner::Stored { call, result: Ok(stored(call)) }).await.expect("answer the outcome");
}

pub(crate) fn stored(call: u32) -> Stored {
    Stored {
        id: format!("publish-{call}"),
        url: Some("https://example.com/v".into()),
        expires_at: Some(1_800_000_000),
        size: 4,
        checksum: "crc64nvme:0000000000000000".into(),
        durability: "local".into(),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("start a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("end in time") })
}
