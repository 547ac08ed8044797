//! Looking into a claimed file: in the sandbox, never in this process.
//!
//! The component `guest/facts` is a part of the host that runs like a stranger's plugin, with the claimed file as its only
//! input, because what it reads is a stranger's. It has no outbox to speak of and hands nothing over; its answer is a
//! [`MediaFacts`], parsed as suspiciously as anything from a runner. A file that makes it trap, spin or talk nonsense is
//! refused like one it finds fault with.

use std::sync::Arc;
use std::time::Duration;

use filmgate_protocol::{Budget, FromRunner, JobInput, Outcome, Start, ToRunner};
use filmgate_runner::{Engine, spawn_in_process};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::session::Session;
use super::{Parts, cleanup};
use crate::job::{JobId, Slot};
use crate::limits::MIB;
use crate::media::{FactsPolicy, MediaFacts, MediaKind};
use crate::outbox::{ClaimError, Claimed, DataDir, Outbox};
use crate::publish::Plan;
use crate::report::{Refusal, budget_name};

/// Built from `guest/facts` by `just facts`; a test keeps the two the same.
const COMPONENT: &[u8] = include_bytes!("../../assets/facts.wasm");

/// The name under which the component finds the file.
const INPUT: &str = "file";

/// Walking by headers takes a millisecond; JPEG, GIF, MP3 and JSON are read whole. Enough for some gibibytes of those.
const CPU: Duration = Duration::from_secs(10);
/// Waiting for a slow disk included.
const WALL: Duration = Duration::from_secs(60);
/// How long a runner may take beyond its limits, and to go away.
const RUNNER_GRACE: Duration = Duration::from_secs(5);

/// What one examination may use.
fn budget() -> Budget {
    Budget {
        memory_bytes: 16 * MIB,
        table_elements: 10_000,
        cpu: CPU,
        wall: WALL,
        outbox_bytes: 0,
        outbox_entries: 0,
        outbox_depth: 0,
        log_bytes: 16 * 1024,
        store_calls: 0,
        stores_in_flight: 0,
        hostcall_bytes: MIB,
        handles: 64,
    }
}

/// Compiled when it is first needed, once a process: it is the same for every host and never changes.
static COMPILED: OnceCell<filmgate_runner::Plugin> = OnceCell::const_new();

/// Examines files.
pub(super) struct Examiner {
    data: Arc<DataDir>,
    engine: Engine,
    policy: FactsPolicy,
}

/// Why there are no facts of a file.
#[derive(Debug)]
enum Unexamined {
    /// The file did this to the component.
    File(String),
    /// The host could not start or finish the examination.
    Host(String),
    /// The job ended meanwhile.
    Cancelled,
}

impl Examiner {
    pub(super) fn new(data: Arc<DataDir>, engine: Engine, policy: FactsPolicy) -> Self {
        Self { data, engine, policy }
    }

    /// Begins to compile the component, so that the first file does not wait for it.
    pub(super) fn prepare(parts: &Arc<Parts>) {
        if parts.examiner.policy != FactsPolicy::Off && !COMPILED.initialized() {
            let parts = Arc::clone(parts);
            tokio::spawn(async move { parts.examiner.component().await.map(drop) });
        }
    }

    async fn component(&self) -> Result<&'static filmgate_runner::Plugin, Unexamined> {
        let compile = || async {
            let engine = self.engine.clone();
            let compiled = spawn_blocking(move || filmgate_runner::Plugin::compile(&engine, COMPONENT)).await;
            let compiled = compiled.map_err(|error| Unexamined::Host(error.to_string()))?;
            compiled.map_err(|error| Unexamined::Host(format!("compile the examination: {error}")))
        };
        COMPILED.get_or_try_init(compile).await
    }

    /// Runs the component on a claimed file.
    async fn examine(
        &self,
        claimed: &Arc<Claimed>,
        kind: MediaKind,
        cancel: &CancellationToken,
    ) -> Result<MediaFacts, Unexamined> {
        let component = self.component().await?;
        let id = JobId::generate();
        let data = Arc::clone(&self.data);
        let outbox = blocking(move || Outbox::create(&data, id, &[]).map_err(|error| error.to_string())).await?;
        let outbox = Arc::new(outbox);
        let answer = self.show(component, claimed, &outbox, id, kind, cancel).await;
        cleanup::destroy(outbox).await;
        MediaFacts::parse(&answer?, kind)
            .map_err(|fault| Unexamined::File(format!("the answer of the examination: {fault}")))
    }

    /// Lends the file for as long as the component runs.
    async fn show(
        &self,
        component: &filmgate_runner::Plugin,
        claimed: &Arc<Claimed>,
        outbox: &Arc<Outbox>,
        id: JobId,
        kind: MediaKind,
        cancel: &CancellationToken,
    ) -> Result<String, Unexamined> {
        let (lent, folder) = (Arc::clone(claimed), Arc::clone(outbox));
        blocking(move || lent.lend(&folder.inputs()?, INPUT)).await?;
        let job = JobInput {
            id: id.to_string(),
            user_id: "filmgate".to_owned(),
            period: None,
            params: serde_json::json!({ "kind": kind }).to_string(),
            inputs: vec![INPUT.to_owned()],
            refs: Vec::new(),
        };
        let start = Start { job, outbox: outbox.out_path(), inputs: outbox.in_path(), budget: budget() };
        let answer = drive(component, start, cancel).await;
        let (lent, folder) = (Arc::clone(claimed), Arc::clone(outbox));
        blocking(move || lent.take_back(&folder.inputs()?, INPUT)).await?;
        answer
    }
}

/// Work on the disk.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Unexamined>
where
    T: Send + 'static,
    E: ToString + Send + 'static,
{
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Unexamined::Host(error.to_string())),
        Err(error) => Err(Unexamined::Host(error.to_string())),
    }
}

/// Runs the component to its answer. When this returns its files are closed.
async fn drive(
    component: &filmgate_runner::Plugin,
    start: Start,
    cancel: &CancellationToken,
) -> Result<String, Unexamined> {
    let mut end = spawn_in_process(component).map_err(|error| Unexamined::Host(format!("start a runner: {error}")))?;
    let runner = end.sender();
    let answered = async {
        let started = end.send(&ToRunner::Start(Box::new(start))).await;
        started.map_err(|error| Unexamined::Host(format!("send the examination to its runner: {error}")))?;
        loop {
            match end.recv().await {
                Some(FromRunner::Finished { outcome, .. }) => return answer(outcome),
                Some(FromRunner::Log { text, .. }) => tracing::debug!(text, "an examination says"),
                Some(FromRunner::Progress { .. }) => {}
                Some(FromRunner::Store(_)) => {
                    return Err(Unexamined::File("it made the examination store a file".to_owned()));
                }
                None => return Err(Unexamined::File("it ended the examination without a word".to_owned())),
            }
        }
    };
    let answer = tokio::select! {
        answer = answered => answer,
        () = cancel.cancelled() => Err(Unexamined::Cancelled),
        () = sleep(WALL + RUNNER_GRACE) => Err(Unexamined::File("it took too long to examine".to_owned())),
    };
    drop(end);
    if timeout(RUNNER_GRACE, runner.closed()).await.is_err() {
        tracing::error!("a runner that examined a file does not end");
    }
    answer
}

fn answer(outcome: Outcome) -> Result<String, Unexamined> {
    let fault = match outcome {
        Outcome::Returned(answer) => return Ok(answer),
        Outcome::Cancelled => return Err(Unexamined::Cancelled),
        Outcome::Fault(text) | Outcome::NotInstantiated(text) => return Err(Unexamined::Host(text)),
        Outcome::Failed(error) => format!("it could not be read: {}", error.message),
        Outcome::Trapped(_) | Outcome::Exited(_) => "it broke the examination".to_owned(),
        Outcome::Exhausted { limit, .. } => format!("its examination used up its {}", budget_name(limit)),
    };
    Err(Unexamined::File(fault))
}

impl Session {
    /// The plan with what the examination found, or why the file is refused.
    pub(super) async fn examined(&self, path: &str, plan: Plan, claimed: &Arc<Claimed>) -> Result<Plan, Refusal> {
        let examiner = &self.parts.examiner;
        if examiner.policy == FactsPolicy::Off {
            return Ok(plan);
        }
        let examined = examiner.examine(claimed, plan.kind, &self.uploads).await;
        match (examined, examiner.policy) {
            (Err(Unexamined::Cancelled), _) => Err(ClaimError::Cancelled.into()),
            (Ok(facts), FactsPolicy::Require) => {
                self.check_facts(path, &plan.identity.slot, plan.kind, &facts)?;
                Ok(Plan { facts: Some(facts), ..plan })
            }
            (Ok(facts), _) => Ok(Plan { facts: Some(facts), ..plan }),
            (Err(Unexamined::File(fault)), FactsPolicy::Require) => {
                Err(Refusal::Unsound { path: path.to_owned(), kind: plan.kind, fault })
            }
            (Err(Unexamined::Host(fault)), FactsPolicy::Require) => {
                Err(Refusal::NotExamined { path: path.to_owned(), fault })
            }
            (Err(Unexamined::File(fault) | Unexamined::Host(fault)), _) => {
                tracing::warn!(job = %self.job.id, fault, "no facts of a file");
                Ok(plan)
            }
        }
    }

    fn check_facts(&self, path: &str, slot: &Slot, kind: MediaKind, facts: &MediaFacts) -> Result<(), Refusal> {
        if let Some(fault) = facts.faults.first() {
            return Err(Refusal::Unsound { path: path.to_owned(), kind, fault: fault.to_string() });
        }
        let allowed = self.job.layout.slot(Some(slot))?.codecs();
        match facts.codecs().find(|codec| !allowed.is_empty() && !allowed.contains(codec)) {
            Some(found) => Err(Refusal::Codec {
                path: path.to_owned(),
                found: found.clone(),
                slot: slot.clone(),
                allowed: allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            }),
            None => Ok(()),
        }
    }
}
