//! Looking into a claimed file: in the sandbox, never in this process.
//!
//! The component `guest/facts` is a part of the host that runs like a stranger's plugin, with the claimed file as its only
//! input, because what it reads is a stranger's. It has no outbox to speak of and hands nothing over; its answer is a
//! [`MediaFacts`], parsed as suspiciously as anything from a runner. A file that makes it trap, spin or talk nonsense is
//! refused like one it finds fault with.

use std::sync::Arc;
use std::time::Duration;

use filmgate_protocol::{Budget, FromRunner, JobInput, Outcome, ToRunner};
use filmgate_runner::HostEnd;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::conversation::Conversation;
use super::session::Session;
use super::{Parts, cleanup};
use crate::job::{JobId, Slot};
use crate::limits::MIB;
use crate::media::{FactsPolicy, MediaFacts, MediaKind};
use crate::outbox::{ClaimError, Claimed, Outbox};
use crate::plugin::{Plugin, PluginDigest};
use crate::pool::Ready;
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

/// Compiled, or taken from a cache, when it is first needed, once a process: it is the same for every host and never changes.
static COMPILED: OnceCell<Plugin> = OnceCell::const_new();

/// Examines files.
pub(super) struct Examiner {
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
    pub(super) fn new(policy: FactsPolicy) -> Self {
        Self { policy }
    }

    /// Begins to compile the component, so that the first file does not wait for it.
    pub(super) fn prepare(parts: &Arc<Parts>) {
        if parts.examiner.policy != FactsPolicy::Off && !COMPILED.initialized() {
            let parts = Arc::clone(parts);
            tokio::spawn(async move { component(&parts).await.map(drop) });
        }
    }
}

async fn component(parts: &Parts) -> Result<&'static Plugin, Unexamined> {
    let compile = || async {
        let digest = PluginDigest::of(COMPONENT);
        match parts.compiler.code(COMPONENT.to_vec(), digest, &parts.pool).await {
            Ok((artifact, was_compiled)) => Ok(Plugin { artifact, digest, manifest: None, was_compiled }),
            Err(fault) => Err(Unexamined::Host(format!("compile the examination: {fault}"))),
        }
    };
    COMPILED.get_or_try_init(compile).await
}

/// Runs the component on a claimed file.
async fn examine(
    parts: &Parts,
    claimed: &Arc<Claimed>,
    kind: MediaKind,
    cancel: &CancellationToken,
) -> Result<MediaFacts, Unexamined> {
    let component = component(parts).await?;
    let taken = parts.pool.take(component, &budget()).await;
    let Ready { end, outbox } = taken.map_err(|error| Unexamined::Host(format!("start an examination: {error}")))?;
    let id = JobId::generate();
    let (outbox, assigned) = blocking(move || {
        let mut outbox = outbox;
        let assigned = outbox.assign(id, &[]);
        Ok::<_, String>((Arc::new(outbox), assigned))
    })
    .await?;
    let answer = match assigned {
        Ok(()) => show(end, claimed, &outbox, id, kind, cancel).await,
        Err(error) => {
            end.end().await;
            Err(Unexamined::Host(error.to_string()))
        }
    };
    cleanup::destroy(outbox).await;
    MediaFacts::parse(&answer?, kind)
        .map_err(|fault| Unexamined::File(format!("the answer of the examination: {fault}")))
}

/// Lends the file for as long as the component runs.
async fn show(
    end: HostEnd,
    claimed: &Arc<Claimed>,
    outbox: &Arc<Outbox>,
    id: JobId,
    kind: MediaKind,
    cancel: &CancellationToken,
) -> Result<String, Unexamined> {
    let (lent, folder) = (Arc::clone(claimed), Arc::clone(outbox));
    blocking(move || lent.lend(folder.inputs_dir(), INPUT)).await?;
    let job = JobInput {
        id: id.to_string(),
        user_id: "filmgate".to_owned(),
        period: None,
        params: serde_json::json!({ "kind": kind }).to_string(),
        inputs: vec![INPUT.to_owned()],
        refs: Vec::new(),
    };
    let answer = drive(end, job, cancel).await;
    let (lent, folder) = (Arc::clone(claimed), Arc::clone(outbox));
    blocking(move || lent.take_back(folder.inputs_dir(), INPUT)).await?;
    answer
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
async fn drive(mut end: HostEnd, job: JobInput, cancel: &CancellationToken) -> Result<String, Unexamined> {
    let answer = tokio::select! {
        answer = converse(&mut end, job) => answer,
        () = cancel.cancelled() => Err(Unexamined::Cancelled),
        () = sleep(WALL + RUNNER_GRACE) => Err(Unexamined::File("it took too long to examine".to_owned())),
    };
    if timeout(RUNNER_GRACE, end.end()).await.is_err() {
        tracing::error!("a runner that examined a file does not end");
    }
    answer
}

async fn converse(end: &mut HostEnd, job: JobInput) -> Result<String, Unexamined> {
    let started = end.send(&ToRunner::Start(Box::new(job))).await;
    started.map_err(|error| Unexamined::Host(format!("send the examination to its runner: {error}")))?;
    let mut conversation = Conversation::new(&budget());
    loop {
        let message = end.recv().await;
        let message = message.ok_or_else(|| Unexamined::File("it ended the examination without a word".to_owned()))?;
        conversation.check(&message).map_err(|nonsense| Unexamined::File(nonsense.to_string()))?;
        match message {
            FromRunner::Finished { outcome, .. } => return answer(outcome),
            FromRunner::Log { text, .. } => tracing::debug!(text, "an examination says"),
            FromRunner::Progress { .. } | FromRunner::Usage(_) => {}
            FromRunner::Store(_) => {
                return Err(Unexamined::File("it made the examination store a file".to_owned()));
            }
        }
        sleep_until(conversation.hear_at()).await;
    }
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
        let examined = examine(&self.parts, claimed, plan.kind, &self.uploads).await;
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
