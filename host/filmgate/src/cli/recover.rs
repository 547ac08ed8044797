use clap::Args;
use filmgate::Host;
use filmgate::job::printable;
use filmgate::publish::{Asset, Entry, PublishError, Recovered, Recovery};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::SettingOptions;
use super::answer;
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::signals::Signals;
use super::terminal::{print_error, print_json, print_line};

const HELP: &str = "\
Every publish that a process left in the middle goes on: an upload is resumed, an answer that was lost is settled, and what
cannot be published any more is told. Directories of jobs whose process is gone are deleted. What another process works on is
left alone. What was stored locally because S3 was away goes to S3. `run` and `publish` do the same at their start.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct RecoverArguments {
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: &RecoverArguments) -> Ended {
    open::with_session(&arguments.settings, |session| recover(session, arguments.settings.json))
}

async fn recover(session: Session, as_json: bool) -> Ended {
    let host = open::host_unreached(&session.config).await?;
    let recovery = host.recover(session.signals.token()).await.map_err(|error| Problem::of_recovery(&error))?;
    let exit = session.signals.exit().unwrap_or_else(|| exit_of(&recovery));
    let told = if as_json { print_json(&to_json(&recovery, exit)) } else { tell(&recovery) };
    told.map_err(|lost| Problem::answer_lost(&lost))?;
    Ok(exit)
}

/// The first thing that was left or given up decides.
fn exit_of(recovery: &Recovery) -> Exit {
    let code = |(_, recovered): &(Entry, Recovered)| exit_of_one(recovered);
    recovery.publishes.iter().map(code).find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done)
}

pub(super) fn exit_of_one(recovered: &Recovered) -> Exit {
    match recovered {
        Recovered::Published(_) | Recovered::Moved(_) | Recovered::UnderWay => Exit::Done,
        Recovered::Left(PublishError::Storage { error, .. }) => Exit::of_storage(error),
        Recovered::Failed(_) | Recovered::Lost(_) | Recovered::Left(_) => Exit::UploadFailed,
    }
}

fn tell(recovery: &Recovery) -> Result<(), super::terminal::AnswerLost> {
    for (entry, recovered) in &recovery.publishes {
        print_line(&line(entry, recovered))?;
    }
    let count = |is: fn(&Recovered) -> bool| recovery.publishes.iter().filter(|(_, recovered)| is(recovered)).count();
    let moved = count(|recovered| matches!(recovered, Recovered::Moved(_)));
    if moved > 0 || recovery.waiting > 0 {
        print_line(&format!("{moved} moved to another store; {} others wait for it", recovery.waiting))?;
    }
    print_line(&format!(
        "{} published, {} failed, {} left for later, {} under way elsewhere; deleted: {} outboxes, {} files",
        count(|recovered| matches!(recovered, Recovered::Published(_))),
        count(|recovered| matches!(recovered, Recovered::Failed(_) | Recovered::Lost(_))),
        count(|recovered| matches!(recovered, Recovered::Left(_))),
        count(|recovered| matches!(recovered, Recovered::UnderWay)),
        recovery.outboxes,
        recovery.files,
    ))
}

/// One publish for people: what became of it, its id, its key, and its URL or why it has none.
pub(super) fn line(entry: &Entry, recovered: &Recovered) -> String {
    line_with(entry, recovered, |asset| asset.url.url.to_string())
}

/// The same without the URL, which may carry a signature.
fn log_line(entry: &Entry, recovered: &Recovered) -> String {
    line_with(entry, recovered, |_| String::new())
}

fn line_with(entry: &Entry, recovered: &Recovered, url: impl FnOnce(&Asset) -> String) -> String {
    let (publish, key) = (entry.publish, &entry.intent.key);
    let (word, more) = match recovered {
        Recovered::Published(asset) => ("published", url(asset)),
        Recovered::Moved(asset) => ("moved", url(asset)),
        Recovered::UnderWay => ("under way", String::new()),
        Recovered::Failed(error) => ("failed", error.to_string()),
        Recovered::Lost(why) => ("lost", why.clone()),
        Recovered::Left(error) => ("left", error.to_string()),
    };
    printable(format!("{word:<10} {publish} {key} {more}").trim_end())
}

fn to_json(recovery: &Recovery, exit: Exit) -> Value {
    let publishes: Vec<_> = recovery.publishes.iter().map(|(entry, recovered)| object(entry, recovered)).collect();
    json!({
        "exit_code": exit.code(),
        "publishes": publishes,
        "outboxes_deleted": recovery.outboxes,
        "files_deleted": recovery.files,
        "waiting_to_be_moved": recovery.waiting,
    })
}

/// The same for programs.
pub(super) fn object(entry: &Entry, recovered: &Recovered) -> Value {
    let (outcome, asset, reason) = match recovered {
        Recovered::Published(asset) => ("published", Some(answer::asset(asset)), None),
        Recovered::Moved(asset) => ("moved", Some(answer::asset(asset)), None),
        Recovered::UnderWay => ("under-way", None, None),
        Recovered::Failed(error) => ("failed", None, Some(error.to_string())),
        Recovered::Lost(why) => ("lost", None, Some(why.clone())),
        Recovered::Left(error) => ("left", None, Some(error.to_string())),
    };
    json!({
        "publish": entry.publish.to_string(),
        "job": entry.identity.job.to_string(),
        "slot": entry.identity.slot.as_str(),
        "key": entry.intent.key.as_str(),
        "outcome": outcome,
        "reason": reason,
        "asset": asset,
    })
}

/// A recovery that goes on beside what the command is for. A signal ends it early.
pub(super) struct Beside(JoinHandle<()>);

impl Beside {
    /// Starts it.
    pub(super) fn start(host: &Host, signals: &Signals) -> Self {
        let (host, stop) = (host.clone(), signals.token().clone());
        Self(tokio::spawn(async move {
            match host.recover(&stop).await {
                Ok(recovery) => {
                    for (entry, recovered) in &recovery.publishes {
                        let line = log_line(entry, recovered);
                        match recovered {
                            Recovered::Moved(_) => tracing::info!("{line}"),
                            _ if entry.is_pending() => tracing::warn!("a move to another store: {line}"),
                            _ => tracing::warn!("an interrupted publish: {line}"),
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "recover what was interrupted"),
            }
        }))
    }

    /// Waits for its end.
    pub(super) async fn finish(mut self) {
        let soon = std::time::Duration::from_secs(1);
        if tokio::time::timeout(soon, &mut self.0).await.is_ok() {
            return;
        }
        print_error("going on with publishes that were interrupted earlier; SIGINT leaves them for later");
        let _ = self.0.await;
    }
}
