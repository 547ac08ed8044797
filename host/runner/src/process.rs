//! The host's side of child processes: starting them, talking with them, taking them away.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use filmgate_protocol::{Budget, Layer, Measure, Prepare, Prepared, decode, encode};
use tokio::sync::{oneshot, watch};

use crate::artifact::Artifact;
use crate::child::{self, MARKER, Role};
use crate::host_end::HostEnd;
use crate::packets::{self, Packets, send_with};

/// How long a child may take until it is locked in and has loaded its component: a hundred times what it needs.
const PREPARATION_MAX: Duration = Duration::from_secs(10);

/// Which program becomes a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// This one. Its `main` must call [`child::enter`] first.
    SelfExe,
    /// Another one whose `main` does.
    Path(PathBuf),
}

/// Starts children of one program and takes them away when they are dropped. Children end with the process that started
/// them, however it ends.
#[derive(Debug)]
pub struct Spawner {
    program: PathBuf,
    orders: mpsc::Sender<Order>,
    reap: mpsc::Sender<(Child, watch::Sender<Option<ExitStatus>>)>,
}

/// Why there is no spawner.
#[derive(Debug, thiserror::Error)]
pub enum SpawnerError {
    /// [`Program::SelfExe`] was asked for, but this program would not become a child: it would start once more as itself.
    #[error("this program cannot be its own runner: its main does not call `enter` first")]
    NotEntered,
    /// The operating system gave no thread.
    #[error("start the thread that starts runners")]
    Thread(#[from] io::Error),
}

/// Why a runner did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program could not be started, or ended at once.
    #[error("start a runner: {0}")]
    Process(#[from] io::Error),
    /// A layer of its jail is missing and may not be.
    #[error("the layer {layer} of the runner's jail is missing: {reason}")]
    Missing {
        /// Which one.
        layer: Layer,
        /// What the system answered.
        reason: String,
    },
    /// It failed before its job.
    #[error("prepare a runner: {0}")]
    Failed(String),
}

struct Order {
    command: Command,
    started: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the two threads that start children and wait for their ends. They end with the last child.
    pub fn new(program: Program) -> Result<Arc<Self>, SpawnerError> {
        let program = match program {
            Program::SelfExe if !child::is_entered() => return Err(SpawnerError::NotEntered),
            // The very file that this process is, also where its name means another by now.
            Program::SelfExe => "/proc/self/exe".into(),
            Program::Path(path) => path,
        };
        let (orders, to_start) = mpsc::channel::<Order>();
        let (reap, ended) = mpsc::channel::<(Child, watch::Sender<Option<ExitStatus>>)>();
        // The kernel ends a child with the *thread* that started it, so that thread lives as long as any child.
        std::thread::Builder::new().name("filmgate-spawn".into()).spawn(move || {
            for Order { mut command, started } in to_start {
                let child = command.spawn();
                // The command holds the child's end of the socket; as long as it does, nobody sees the child's end.
                drop(command);
                if let Err(Ok(mut child)) = started.send(child) {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        })?;
        std::thread::Builder::new().name("filmgate-reap".into()).spawn(move || {
            for (mut child, gone) in ended {
                gone.send_replace(Some(child.wait().unwrap_or_default()));
            }
        })?;
        Ok(Arc::new(Self { program, orders, reap }))
    }
}

impl Spawner {
    /// Starts a child in `role` and answers it with the host's end of its socket.
    pub async fn start(self: &Arc<Self>, role: Role) -> io::Result<(ChildProcess, OwnedFd)> {
        let (ours, theirs) = packets::pair()?;
        let mut command = Command::new(&self.program);
        command.arg0(MARKER).arg(role.name()).env_clear().current_dir("/");
        // Not in the terminal's group: an interrupt there is the host's to answer.
        command.process_group(0);
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        let (started, child) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts runners is gone");
        self.orders.send(Order { command, started }).map_err(|_| gone())?;
        let child = child.await.map_err(|_| gone())??;
        let (sender, gone) = watch::channel(None);
        Ok((ChildProcess { child: Some((child, sender)), gone, spawner: Arc::clone(self) }, ours))
    }

    /// Starts a runner, which locks itself in, loads the component and waits for its job: the host's end of it, and what
    /// its jail is made of. The directories are the job's outbox and inputs.
    ///
    /// Ready, the runner brings its guest to life; a job that comes before that is done waits for it.
    pub async fn runner(
        self: &Arc<Self>,
        artifact: &Artifact,
        outbox: BorrowedFd<'_>,
        inputs: BorrowedFd<'_>,
        budget: &Budget,
        allow_missing: &[Layer],
    ) -> Result<(HostEnd, Vec<Measure>), StartError> {
        let descriptors = [artifact.as_fd(), outbox, inputs];
        let (packets, process, measures) = self.prepared(&descriptors, budget, allow_missing).await?;
        Ok((HostEnd::child(packets, process), measures))
    }

    /// Starts a child that locks itself in as a runner does, tells what its jail is made of, and ends.
    pub async fn probe(
        self: &Arc<Self>,
        outbox: BorrowedFd<'_>,
        inputs: BorrowedFd<'_>,
        budget: &Budget,
        allow_missing: &[Layer],
    ) -> Result<Vec<Measure>, StartError> {
        let (_, process, measures) = self.prepared(&[outbox, inputs], budget, allow_missing).await?;
        process.end().await;
        Ok(measures)
    }

    async fn prepared(
        self: &Arc<Self>,
        descriptors: &[BorrowedFd<'_>],
        budget: &Budget,
        allow_missing: &[Layer],
    ) -> Result<(Packets, ChildProcess, Vec<Measure>), StartError> {
        let (process, socket) = self.start(Role::Runner).await?;
        let prepare =
            Prepare { host: std::process::id(), budget: budget.clone(), allow_missing: allow_missing.to_vec() };
        let frame = encode(&prepare).map_err(io::Error::other)?;
        // Fits into an empty socket's buffer, so this waits for nobody.
        send_with(socket.as_fd(), &frame, descriptors)?;
        let packets = Packets::new(socket)?;
        let answer = tokio::time::timeout(PREPARATION_MAX, packets.receive()).await;
        let Ok(Ok(Some(frame))) = answer else {
            let status = process.end().await;
            return Err(StartError::Failed(format!("it did not answer ({status})")));
        };
        match decode(&frame) {
            Ok(Prepared::Ready(measures)) => Ok((packets, process, measures)),
            Ok(Prepared::Missing { layer, reason }) => Err(StartError::Missing { layer, reason }),
            Ok(Prepared::Failed(reason)) => Err(StartError::Failed(reason)),
            Err(error) => Err(StartError::Failed(error.to_string())),
        }
    }
}

/// A child. Dropping it ends it, by SIGKILL, and has it waited for.
#[derive(Debug)]
pub struct ChildProcess {
    child: Option<(Child, watch::Sender<Option<ExitStatus>>)>,
    gone: watch::Receiver<Option<ExitStatus>>,
    spawner: Arc<Spawner>,
}

impl ChildProcess {
    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(|(child, _)| child.id())
    }

    /// Whether it has not ended by itself.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|(child, _)| matches!(child.try_wait(), Ok(None)))
    }

    /// Ends it and waits until it is gone: its memory is freed and its files are closed. The status of a child that had
    /// ended by itself tells how.
    pub async fn end(mut self) -> ExitStatus {
        self.kill();
        gone(&mut self.gone).await
    }

    /// Tells when it is gone.
    pub(crate) fn gone(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.gone.clone()
    }

    fn kill(&mut self) {
        let Some((mut child, gone)) = self.child.take() else { return };
        if let Err(error) = child.kill() {
            tracing::error!(%error, "end a runner");
        }
        // The spawner lives as long as any child.
        let _ = self.spawner.reap.send((child, gone));
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for a child's end.
pub(crate) async fn gone(gone: &mut watch::Receiver<Option<ExitStatus>>) -> ExitStatus {
    match gone.wait_for(Option::is_some).await {
        Ok(status) => status.unwrap_or_default(),
        Err(_) => ExitStatus::default(),
    }
}
