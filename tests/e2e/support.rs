//! What every test here starts from: a host of its own, and a plugin that does what its parameters say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use filmgate::job::{JobRequest, Params};
use filmgate::limits::MIB;
use filmgate::publish::Asset;
use filmgate::report::{JobError, JobEvent, JobReport};
use filmgate::{Budget, Host, HostBuilder, Plugin, Runner, default_budget};
use filmgate_tests::guests;
use futures::TryStreamExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A host in a temporary directory.
pub(crate) struct Bench {
    pub(crate) host: Host,
    folder: TempDir,
}

/// Small limits, so that reaching one takes no time.
pub(crate) fn budget() -> Budget {
    Budget {
        memory_bytes: 128 * MIB,
        cpu: Duration::from_secs(20),
        wall: Duration::from_secs(60),
        outbox_bytes: 256 * MIB,
        ..default_budget()
    }
}

/// Where plugins run: in locked-in processes of the real binary, or, in the suite of that name, in this process.
pub(crate) fn runner() -> Runner {
    match env!("CARGO_CRATE_NAME") {
        "e2e_in_process" => Runner::InProcess,
        _ => Runner::Path(filmgate_tests::cli::binary().to_owned()),
    }
}

impl Bench {
    /// One that publishes to local storage.
    pub(crate) fn local() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        // Each job starts a runner of its own: nothing is left of it when it is over.
        let builder = Host::builder().runner(runner()).runners_ahead(0);
        let builder = builder.data_dir(folder.path().join("data")).budget(budget());
        Self { host: change(builder).build().expect("build a host"), folder }
    }

    /// A place for files of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the probe for the user `ana`.
    pub(crate) async fn run(&self, params: Value) -> Result<JobReport, JobError> {
        self.host.run(request("ana", &params), probe().await).await
    }

    /// Runs the probe, which is to succeed, and answers its summary.
    pub(crate) async fn summary(&self, params: Value) -> Value {
        let report = self.run(params).await.expect("the job succeeds");
        report.summary.expect("a summary")
    }

    /// Runs the probe, which is to fail.
    pub(crate) async fn failure(&self, params: Value) -> JobError {
        self.run(params).await.expect_err("the job fails")
    }

    /// The same with the summary that the plugin answered all the same, which it also wrote to its log.
    pub(crate) async fn failure_and_summary(&self, params: Value) -> (JobError, Value) {
        let job = self.host.start(request("ana", &params), probe().await).expect("start");
        let mut events = job.events();
        let error = job.wait().await.expect_err("the job fails");
        let mut log = String::new();
        while let Ok(event) = events.try_recv() {
            if let JobEvent::Log { text, .. } = event {
                log.push_str(&text);
            }
        }
        let line = log.lines().next_back().unwrap_or_else(|| panic!("the plugin wrote nothing: {error:?}"));
        (error, serde_json::from_str(line).expect("its summary"))
    }

    /// Names in a folder of the data directory, for example `jobs` or `staging`.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("data").join(folder)).expect("read the folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// A3, P3: whatever a job was, nothing of it stays behind.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(self.names("jobs"), Vec::<String>::new(), "an outbox is left");
        assert_eq!(self.names("staging"), Vec::<String>::new(), "a staged file is left");
    }

    /// Every key in the storage.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let listing = self.host.storage().list("", None).await.expect("list the storage");
        listing.objects.iter().map(|object| object.key.to_string()).collect()
    }

    /// What the storage says that its object is.
    pub(crate) async fn bytes(&self, asset: &Asset) -> Vec<u8> {
        bytes_of(&self.host, asset).await
    }
}

pub(crate) async fn bytes_of(host: &Host, asset: &Asset) -> Vec<u8> {
    let body = host.storage().get(&asset.key, None).await.expect("get the object");
    let pieces: Vec<Bytes> = body.bytes.try_collect().await.expect("read the object");
    pieces.concat()
}

pub(crate) fn request(user: &str, params: &Value) -> JobRequest {
    let params: Params = params.to_string().parse().expect("parameters");
    JobRequest::new(user.parse().expect("a user id")).with_params(params)
}

/// Compiled once; it runs in every host.
pub(crate) async fn probe() -> &'static Plugin {
    static PROBE: OnceCell<(Bench, Plugin)> = OnceCell::const_new();
    &PROBE.get_or_init(|| compile(guests::probe())).await.1
}

/// Compiled once, as [`probe`].
pub(crate) async fn recap() -> &'static Plugin {
    static RECAP: OnceCell<(Bench, Plugin)> = OnceCell::const_new();
    &RECAP.get_or_init(|| compile(guests::recap())).await.1
}

async fn compile(path: &Path) -> (Bench, Plugin) {
    let bench = Bench::local();
    let plugin = bench.host.load_plugin(path).await.expect("compile the guest");
    (bench, plugin)
}

/// What the probe writes as an MP4 of so many bytes (see its documentation).
pub(crate) fn probe_mp4(bytes: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..251).collect();
    let mut made = pattern.repeat(bytes / pattern.len() + 1);
    made.truncate(bytes);
    let head = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";
    made[..head.len()].copy_from_slice(head);
    made
}
