use std::sync::Arc;

use clap::Args;
use filmgate::job::printable;
use filmgate::outbox::DataDir;
use filmgate::publish::SqliteJournal;
use filmgate::reconcile::{Finding, Outcome, ReconcileError, ReconcileOptions, Reconciled, Reconciler};
use serde_json::{Value, json};

use super::exit::Exit;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::terminal::{AnswerLost, JsonList, print_error, print_line};
use super::{SettingOptions, archive};

const NOTES: &str = "\
Names every disagreement of the journal, the catalogue, the objects and open uploads below the key prefix, and what lies in
the data directory. It may run beside anything else: what is under way is none.

  name               --fix
  interrupted        goes on with the publish, as `filmgate recover` does
  stale-record       records what the journal knows
  orphan-file        deletes it
  missing-object     marks the asset gone; not where the store has nothing at all
  size-mismatch      nothing: put the right object back, or delete the asset
  checksum-mismatch  nothing; found with --checksums. `filmgate verify` reads the bytes
  orphan-object      records it, from the journal or else from its own metadata
  deleted-object     deletes it
  orphan-upload      aborts it
  foreign-object     nothing, and no failure: others share the bucket
  foreign-upload     nothing, and no failure

Without --fix nothing is changed. Ends with 0 if nothing is left to mend, else with 20. Hosts that publish below the same
prefix of a bucket must share the data directory: to others their objects are orphans.";

#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct ReconcileArguments {
    /// Mend what has a rule
    #[arg(long)]
    fix: bool,
    /// Ask the store for the checksum of every object on record: one request for each
    #[arg(long)]
    checksums: bool,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: &ReconcileArguments) -> Ended {
    let options = ReconcileOptions { fix: arguments.fix, checksums: arguments.checksums };
    open::with_session(&arguments.settings, |session| reconcile(session, options, arguments.settings.json))
}

async fn reconcile(session: Session, options: ReconcileOptions, as_json: bool) -> Ended {
    let config = &session.config;
    let data = DataDir::open(&config.data_dir).map_err(|error| open::data_dir_problem(&error))?;
    let journal =
        SqliteJournal::open(&data.path().join(SqliteJournal::FILE)).map_err(|error| open::journal_problem(&error))?;
    let archive = archive::open(config).await?;
    let reconciler = Reconciler::new(archive, Arc::new(journal), Arc::new(data));

    let cancel = session.signals.token().child_token();
    let mut answer = Answer::begin(as_json)?;
    let mut lost = None;
    let ended = reconciler
        .run(options, &cancel, &mut |finding| {
            if lost.is_none()
                && let Err(error) = answer.tell(finding, options.fix)
            {
                lost = Some(error);
                cancel.cancel();
            }
        })
        .await;
    if let Some(lost) = lost {
        return Err(Problem::answer_lost(&lost));
    }
    answer.end(&session, ended.map_err(|error| problem(&error)))
}

fn problem(error: &ReconcileError) -> Problem {
    match error {
        ReconcileError::Archive(error) => archive::problem(error),
        ReconcileError::Journal(_) | ReconcileError::DataDir(_) => Problem::internal(error.to_string()),
    }
}

/// The answer, told while it becomes known.
struct Answer(Option<JsonList>);

impl Answer {
    fn begin(as_json: bool) -> Result<Self, AnswerLost> {
        Ok(Self(if as_json { Some(JsonList::begin("disagreements")?) } else { None }))
    }

    fn tell(&mut self, finding: &Finding, fix: bool) -> Result<(), AnswerLost> {
        match &mut self.0 {
            Some(list) => list.add(&to_json(finding)),
            None => print_line(&line(finding, fix)),
        }
    }

    fn end(self, session: &Session, ended: Result<Reconciled, Problem>) -> Ended {
        let (exit, rest) = match &ended {
            Ok(done) => {
                let exit = if done.left > 0 { Exit::CheckFailed } else { Exit::Done };
                let exit = session.signals.exit().unwrap_or(exit);
                (exit, summary_json(done, exit))
            }
            // What was found before stays in the list.
            Err(problem) => (problem.exit(), problem.to_json()),
        };
        match (self.0, ended) {
            (Some(list), _) => list.end(&rest)?,
            (None, Ok(done)) => tell_summary(&done)?,
            (None, Err(problem)) => return Err(problem),
        }
        Ok(exit)
    }
}

fn line(finding: &Finding, fix: bool) -> String {
    let id = finding.asset.map(|id| format!(" {id}")).unwrap_or_default();
    let upload = finding.upload.as_ref().map(|upload| format!(" upload {upload}")).unwrap_or_default();
    let side = |name: &str, side: &Option<_>| {
        side.as_ref().map(|side: &filmgate::reconcile::Side| format!("; {name}: {side}"))
    };
    let recorded = side("recorded", &finding.recorded).unwrap_or_default();
    let found = side("found", &finding.found).unwrap_or_default();
    let outcome = match &finding.outcome {
        Outcome::Mended(how) => format!("mended: {how}"),
        Outcome::Left(why) => format!("left: {why}"),
        Outcome::Found if fix => format!("rule: {}", finding.kind.rule()),
        Outcome::Found => format!("--fix: {}", finding.kind.rule()),
    };
    printable(&format!("{:<17} {}{id}{upload}{recorded}{found}; {outcome}", finding.kind.as_str(), finding.key))
        .replace('\n', " ")
}

fn to_json(finding: &Finding) -> Value {
    let mut object = serde_json::to_value(finding).unwrap_or_default();
    object["rule"] = finding.kind.rule().into();
    object
}

fn summary_json(done: &Reconciled, exit: Exit) -> Value {
    json!({
        "compared": {"objects": done.objects, "records": done.records, "uploads": done.uploads},
        "uploads_unlisted": done.uploads_unlisted,
        "found": done.found.iter().map(|(kind, count)| (kind.to_string(), *count)).collect::<std::collections::BTreeMap<_, _>>(),
        "mended": done.mended,
        "left": done.left,
        "complete": !done.is_stopped,
        "exit_code": exit.code(),
    })
}

fn tell_summary(done: &Reconciled) -> Result<(), AnswerLost> {
    if let Some(why) = &done.uploads_unlisted {
        print_error(&printable(&format!("open uploads cannot be listed: {why}")));
    }
    if done.is_stopped {
        print_error("stopped before the end");
    }
    let foreign: u64 = done.found.iter().filter(|(kind, _)| kind.is_foreign()).map(|(_, count)| count).sum();
    print_line(&format!(
        "{} objects, {} records and {} open uploads compared: {} mended, {} left, {foreign} of others",
        done.objects, done.records, done.uploads, done.mended, done.left
    ))
}
