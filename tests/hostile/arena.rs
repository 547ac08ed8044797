//! One attack beside one honest job, in a process of its own.
//!
//! A test describes its attack with an [`Arena`] and says with [`Arena::fight`] how it must end. In the test's own process
//! that only starts the test binary again for this one test, once for each [`Mode`]; there, with nothing else in the
//! process, the jobs run and everything is measured. A guest that takes the whole host down fails its own test only.

mod bout;
mod fight;
mod level;
mod stalled;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use filmgate::job::JobId;
use filmgate::limits::MIB;
use filmgate::{Budget, HostBuilder, Runner, default_budget};
use tokio_util::sync::CancellationToken;

pub(crate) use fight::Fight;

use crate::guests::{self, Guest};

/// A way of running plugins. Every attack is made in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// In locked-in processes of the real command.
    Jailed,
    /// In the host's process.
    InProcess,
}

const MODES: [Mode; 2] = [Mode::Jailed, Mode::InProcess];

/// Nothing here takes longer, even on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// What jobs may use where a test says nothing else, and what honest ones may use in any case.
const CPU: Duration = Duration::from_secs(60);
const WALL: Duration = Duration::from_secs(120);

// How a process for one fight is told what to do.
const MODE: &str = "HOSTILE_MODE";
const GUESTS: &str = "HOSTILE_GUESTS";
const COMMAND: &str = "HOSTILE_COMMAND";
const ROW: &str = "HOSTILE_ROW";

/// Where `just hostile` wants its rows.
const TABLE: &str = "HOSTILE_TABLE";

/// An attack and its circumstances.
pub(crate) struct Arena {
    guest: Guest,
    budget: Budget,
    published_bytes: u64,
    params: String,
    stalls: bool,
    refused: bool,
    kept: usize,
    prepare: Option<Prepare>,
    help: Option<Help>,
}

type Prepare = Box<dyn FnOnce(&Path)>;
type Help = Box<dyn FnOnce(&Outside)>;

/// What somebody outside of the sandbox can do to a hostile job that waits for it.
pub(crate) struct Outside {
    home: PathBuf,
    cancel: CancellationToken,
}

impl Outside {
    fn new(data: &Path, job: JobId, cancel: CancellationToken) -> Self {
        Self { home: data.join("jobs").join(job.to_string()), cancel }
    }

    /// The directory that is the guest's `/out`.
    pub(crate) fn out(&self) -> PathBuf {
        self.home.join("out")
    }

    /// The directory that is the guest's `/in`.
    pub(crate) fn inputs(&self) -> PathBuf {
        self.home.join("in")
    }

    /// Lets the guest go on.
    pub(crate) fn go(&self) {
        fs::write(self.inputs().join("go"), "").unwrap();
    }

    /// Cancels the job.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// Small limits, so that reaching one takes no time. Time is what no test is to run out of by accident, on a slow machine
/// with other work either: those about time shorten it.
fn budget() -> Budget {
    Budget {
        memory_bytes: 64 * MIB,
        cpu: CPU,
        wall: WALL,
        outbox_bytes: 8 * MIB,
        outbox_entries: 100,
        outbox_depth: 8,
        log_bytes: 64 * 1024,
        store_calls: 32,
        stores_in_flight: 4,
        ..default_budget()
    }
}

impl Arena {
    pub(crate) fn of(guest: Guest) -> Self {
        Self {
            guest,
            budget: budget(),
            published_bytes: 64 * MIB,
            params: "{}".to_owned(),
            stalls: false,
            refused: false,
            kept: 0,
            prepare: None,
            help: None,
        }
    }

    /// Changes what jobs may use; time is the hostile job's alone.
    pub(crate) fn budget(mut self, change: impl FnOnce(&mut Budget)) -> Self {
        change(&mut self.budget);
        self
    }

    /// How many bytes a job may publish.
    pub(crate) fn published_bytes(mut self, bytes: u64) -> Self {
        self.published_bytes = bytes;
        self
    }

    /// The job's parameters, as JSON.
    pub(crate) fn params(mut self, params: &impl ToString) -> Self {
        self.params = params.to_string();
        self
    }

    /// The storage never comes to an end with a hostile file; with an honest one it does.
    pub(crate) fn stalled_storage(mut self) -> Self {
        self.stalls = true;
        self
    }

    /// The component is to be refused before it runs.
    pub(crate) fn refused_at_load(mut self) -> Self {
        self.refused = true;
        self
    }

    /// How many claimed files may be left for the operator.
    pub(crate) fn keeps(mut self, files: usize) -> Self {
        self.kept = files;
        self
    }

    /// Puts something into the data directory before the job starts.
    pub(crate) fn prepare(mut self, act: impl FnOnce(&Path) + 'static) -> Self {
        self.prepare = Some(Box::new(act));
        self
    }

    /// Does something from outside, once the guest has said `begun` and an honest job has run beside it.
    pub(crate) fn help(mut self, act: impl FnOnce(&Outside) + 'static) -> Self {
        self.help = Some(Box::new(act));
        self
    }

    /// Runs the attack in every mode; `check` says how it must have ended.
    #[track_caller]
    pub(crate) fn fight(self, check: impl FnOnce(&Fight)) {
        if let Ok(mode) = std::env::var(MODE) {
            let mode = MODES.into_iter().find(|known| format!("{known:?}") == mode).unwrap();
            let row = bout::run(self, mode, &folder(), check);
            return fs::write(std::env::var(ROW).unwrap(), row).unwrap();
        }
        for mode in MODES {
            let row = fight_alone(&self.guest, mode, PATIENCE.max(self.budget.wall));
            if let Ok(table) = std::env::var(TABLE) {
                use std::io::Write as _;
                let mut table = fs::File::options().create(true).append(true).open(table).unwrap();
                table.write_all(row.as_bytes()).unwrap();
            }
        }
    }
}

impl Mode {
    /// Each job starts a runner of its own: nothing is left of it when it is over.
    fn builder(self, builder: HostBuilder) -> HostBuilder {
        let runner = match self {
            Self::Jailed => Runner::Path(command()),
            Self::InProcess => Runner::InProcess,
        };
        builder.runner(runner).runners_ahead(0)
    }
}

/// The real command, where a fight is on.
pub(crate) fn command() -> PathBuf {
    PathBuf::from(std::env::var(COMMAND).unwrap())
}

/// The folder of the guests that were built, where a fight is on.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(std::env::var(GUESTS).unwrap())
}

/// Starts this binary again for one test and one mode; answers the row of the table.
#[track_caller]
fn fight_alone(guest: &Guest, mode: Mode, patience: Duration) -> String {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let place = tempfile::tempdir().unwrap();
    let (row, output) = (place.path().join("row"), place.path().join("output"));
    let written = fs::File::create(&output).unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([&guest.test(), "--exact", "--nocapture", "--test-threads=1"])
        .env(MODE, format!("{mode:?}"))
        .env(GUESTS, FOLDER.get_or_init(guests::build))
        .env(COMMAND, filmgate_tests::cli::binary())
        .env(ROW, &row)
        .env("TMPDIR", place.path())
        .stdin(Stdio::null())
        .stdout(written.try_clone().unwrap())
        .stderr(written)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > patience {
            process.kill().unwrap();
            process.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    let _ = fs::File::open(&output).unwrap().read_to_string(&mut said);
    let Some(status) = status else { panic!("{mode:?}: no end after {patience:?}\n{said}") };
    assert!(status.success(), "{mode:?}: {status}\n{said}");
    // A test whose name is not its guest's is not found, which is success for the test harness.
    fs::read_to_string(row).unwrap_or_else(|_| panic!("{mode:?}: there is no test {:?}\n{said}", guest.test()))
}
