use std::path::Path;

use filmgate::config::{ConfigError, Origin, Setting};
use filmgate::job::{JobId, printable};
use filmgate::manifest::ManifestError;
use filmgate::policy::NotGranted;
use filmgate::publish::{Asset, JournalError, PublishError};
use filmgate::report::{JobError, JobFault, Refusal, usage_json};
use filmgate::storage::{StorageError, StorageFault};
use filmgate::{DiskLow, Exhausted, RecoveryError};
use serde_json::{Map, Value, json};

use super::answer;
use super::exit::Exit;
use super::plugin_grants;
use super::terminal::{AnswerLost, print_error, print_json};

/// What went wrong, for people and as an RFC 9457 problem object for programs.
#[derive(Debug)]
pub(super) struct Problem {
    exit: Exit,
    code: &'static str,
    detail: String,
    next_step: Option<String>,
    more: Map<String, Value>,
}

/// The result of a command.
pub(super) type Ended = Result<Exit, Problem>;

impl Problem {
    /// `code` is for programs: lower-case words joined by `-`.
    pub(super) fn new(exit: Exit, code: &'static str, detail: impl Into<String>) -> Self {
        Self { exit, code, detail: detail.into(), next_step: None, more: Map::new() }
    }

    /// An input or option that cannot be used.
    pub(super) fn input(detail: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "invalid-input", detail)
    }

    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(Exit::Internal, "internal", detail)
    }

    /// Standard output did not take the answer.
    pub(super) fn answer_lost(lost: &AnswerLost) -> Self {
        Self::new(Exit::AnswerLost, "answer-lost", format!("write the answer to standard output: {}", lost.0))
            .with_next_step("make room where standard output goes, or read it to its end")
    }

    /// The same problem, whose next step names settings by where their values really come from.
    #[must_use]
    pub(super) fn naming(mut self, in_force: &[Setting]) -> Self {
        self.next_step = self.next_step.map(|step| name_origins(&step, in_force));
        self
    }

    /// The same problem, saying where the options of the command are described.
    #[must_use]
    pub(super) fn of_command(mut self, name: &str) -> Self {
        if self.code == "invalid-input" {
            let step = self.next_step.take().unwrap_or_else(|| "correct the named input".to_owned());
            self.next_step = Some(format!("{step}; see `filmgate {name} --help`"));
        }
        self
    }

    #[must_use]
    pub(super) fn with_next_step(mut self, text: impl Into<String>) -> Self {
        self.next_step = Some(text.into());
        self
    }

    /// The same problem, naming the file it is about first.
    #[must_use]
    pub(super) fn about(mut self, file: &Path) -> Self {
        self.detail = format!("{}: {}", printable(&file.display().to_string()), self.detail);
        self
    }

    /// A job's failure. `signal` is the code of the signal that cancelled it, where one did.
    pub(super) fn of_job(error: &JobError, signal: Option<Exit>) -> Self {
        let exit = match (&error.fault, signal) {
            (JobFault::Cancelled, Some(signal)) => signal,
            (fault, _) => Exit::of_job(fault),
        };
        let mut problem = Self::new(exit, error.fault.code(), with_sources(error));
        problem.next_step = job_next_step(&error.fault);
        problem.add("job", error.job.map(|job: JobId| job.to_string()));
        problem.add("usage", error.job.map(|_| usage_json(&error.usage)));
        match &error.fault {
            JobFault::Plugin { code, message, retryable } => {
                problem.add("plugin", Some(json!({"code": code, "message": message, "retryable": retryable})));
            }
            JobFault::Refused(refusal) => problem.add("refusal", Some(refusal.code())),
            JobFault::Publish(error) => problem.add_publish(error),
            JobFault::Storage(error) => problem.add_storage(error),
            JobFault::NotGranted(refusal) => problem.add_edits(refusal),
            JobFault::Gone(gone) => {
                problem.add("gone", Some(vec![answer::gone(gone)]));
                problem.add("deleted_at", gone.deleted_at.map(|at| at.to_string()));
            }
            JobFault::DiskLow(DiskLow(space)) => {
                problem.add("directory", Some(space.path.display().to_string()));
                problem.add("free_bytes", Some(space.free));
                problem.add("reserve_bytes", Some(space.reserve));
            }
            _ => {}
        }
        if let Some(unpublished) = &error.unpublished {
            problem.add_unpublished(unpublished);
        }
        if !error.assets.is_empty() {
            let assets: Vec<_> = error.assets.iter().map(|asset: &Asset| answer::asset(asset)).collect();
            problem.add("assets", Some(assets));
        }
        problem
    }

    /// Interrupted or failed publishes could not be dealt with.
    pub(super) fn of_recovery(error: &RecoveryError) -> Self {
        match error {
            RecoveryError::UnderWay(_) => Self::new(Exit::UnderWay, "under-way", error.to_string()),
            RecoveryError::NotFailed { .. } | RecoveryError::Journal(JournalError::Unknown(_)) => {
                Self::input(error.to_string()).with_next_step("`filmgate assets list --failed` shows what has failed")
            }
            RecoveryError::Journal(_) | RecoveryError::DataDir(_) => Self::internal(error.to_string()),
        }
    }

    /// A storage that cannot be opened.
    pub(super) fn of_storage(error: &StorageError) -> Self {
        let exit = if error.is_storage_away() { Exit::StorageUnreachable } else { Exit::Usage };
        let code = if exit == Exit::Usage { "invalid-settings" } else { "storage-unreachable" };
        let next_step = match error.bucket() {
            Some(_) => "correct the settings of the bucket",
            None => "choose another directory with LOCAL_STORAGE_PATH",
        };
        let mut problem = Self::new(exit, code, error.to_string()).with_next_step(next_step);
        problem.add_storage(error);
        problem
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// The changes of the settings that would let the plugin run.
    fn add_edits(&mut self, refusal: &NotGranted) {
        self.add("settings_to_write", Some(plugin_grants::edits_json(refusal)));
    }

    fn add_publish(&mut self, error: &PublishError) {
        let kept = match error {
            PublishError::Storage { error, kept } => {
                self.add_storage(error);
                // What is begun is gone on with, not published once more beside.
                let again = "`filmgate retry --all` then publishes what was kept";
                self.next_step = self
                    .next_step
                    .take()
                    .map(|step| if step.contains("filmgate retry") { step } else { format!("{step}; {again}") });
                kept
            }
            PublishError::Journal { kept, .. }
            | PublishError::Taken { kept, .. }
            | PublishError::NoFile { path: kept, .. } => kept,
        };
        self.add("kept", Some(kept.display().to_string()));
    }

    /// A file whose upload ended with the job: its cause is the job's, but what the storage may still have is told.
    fn add_unpublished(&mut self, error: &PublishError) {
        let next_step = self.next_step.take();
        self.add_publish(error);
        self.next_step = next_step;
        if let PublishError::Storage { error, kept } = error {
            if !kept.exists() {
                self.more.remove("kept");
            }
            let left = error.left_behind.as_ref().map(|left| format!("; left in the storage: {left}"));
            self.detail.push_str(&left.unwrap_or_default());
        }
    }

    fn add_storage(&mut self, error: &StorageError) {
        match error.bucket() {
            Some(bucket) => self.add("bucket", Some(bucket)),
            None => self.add("directory", Some(error.place.as_str())),
        }
        self.add("key", error.key.as_ref().map(ToString::to_string));
        self.add("s3_code", error.code.as_deref());
        self.add("status", error.status);
        self.add("request_id", error.request_id.as_deref());
        self.add("retry_at", error.retry_at.map(|time| time.to_string()));
        self.add("left_behind", error.left_behind.as_ref().map(ToString::to_string));
        let step = error.next_step().map(|step| match error.fault {
            StorageFault::Unreachable => format!("{step}, then run `filmgate check`"),
            _ => step.to_owned(),
        });
        self.next_step = step.or(self.next_step.take());
    }

    /// Says more, on a line of its own.
    pub(super) fn add_line(&mut self, line: &str) {
        self.detail.push('\n');
        self.detail.push_str(line);
    }

    pub(super) fn add(&mut self, name: &str, value: Option<impl Into<Value>>) {
        self.more.extend(value.map(|value| (name.to_owned(), value.into())));
    }

    /// Tells it: one object on standard output, or text on standard error; that also where standard output takes nothing.
    pub(super) fn print(&self, as_json: bool) {
        if as_json && self.exit != Exit::AnswerLost && print_json(&self.to_json()).is_ok() {
            return;
        }
        // A line of somebody else's words must not look like one of ours.
        let indented = |text: &str| printable(text).replace('\n', "\n  ");
        print_error(&format!("error: {}", indented(&self.detail)));
        if let Some(next_step) = &self.next_step {
            print_error(&format!("next step: {}", indented(next_step)));
        }
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".to_owned(), format!("urn:filmgate:problem:{}", self.code).into());
        object.insert("title".to_owned(), title(self.exit).into());
        object.insert("detail".to_owned(), self.detail.as_str().into());
        object.insert("code".to_owned(), self.code.into());
        object.insert("exit_code".to_owned(), self.exit.code().into());
        object.extend(self.next_step.as_ref().map(|text| ("next_step".to_owned(), text.as_str().into())));
        object.extend(self.more.clone());
        object.into()
    }
}

impl From<AnswerLost> for Problem {
    fn from(lost: AnswerLost) -> Self {
        Self::answer_lost(&lost)
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        let mut problem = Self::new(Exit::Usage, "invalid-settings", error.to_string());
        let problems = error.problems().iter();
        let list: Vec<_> = problems.map(|one| json!({"setting": one.place, "fault": one.fault})).collect();
        problem.add("settings", Some(list));
        problem.with_next_step("correct the named settings; then `filmgate check` shows where each value comes from")
    }
}

/// A text that names a variable, naming instead what its setting is taken from where that is another.
pub(super) fn name_origins(text: &str, in_force: &[Setting]) -> String {
    const VARIABLES: [(&str, &str); 3] = [
        ("S3_BUCKET_NAME", "storage.s3.bucket"),
        ("LOCAL_STORAGE_PATH", "storage.local.path"),
        ("AWS_ENDPOINT_URL_S3", "storage.s3.endpoint"),
    ];
    let mut text = text.to_owned();
    for (variable, key) in VARIABLES {
        let origin = in_force.iter().find(|setting| setting.key == key).map(|setting| &setting.origin);
        let name = match origin {
            Some(Origin::File(file)) => format!("{key} in {}", file.display()),
            Some(Origin::Environment(name)) => (*name).to_owned(),
            Some(Origin::Default | Origin::CommandLine(_)) | None => continue,
        };
        text = text.replace(variable, &name);
    }
    text
}

/// An error and what is behind it, where that says more.
pub(super) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

fn title(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Usage => "usage, settings or input",
        Exit::PluginRefused => "plugin refused",
        Exit::PluginError => "plugin error",
        Exit::Trap => "plugin trapped",
        Exit::Cpu => "CPU time used up",
        Exit::Wall => "wall-clock time used up",
        Exit::Memory => "memory used up",
        Exit::Quota => "budget used up",
        Exit::ClaimRefused => "file refused",
        Exit::UploadFailed => "upload failed",
        Exit::StorageUnreachable => "storage unreachable",
        Exit::CheckFailed => "check failed",
        Exit::JailMissing => "plugins cannot be locked in",
        Exit::UnderWay => "under way in another process",
        Exit::DiskLow => "too little free space",
        Exit::NotFound => "not on record",
        Exit::Gone => "gone",
        Exit::CatalogueUnusable => "catalogue unusable",
        Exit::CleanUpIncomplete => "objects are left",
        Exit::Internal => "fault of the host",
        Exit::AnswerLost => "answer not written",
        Exit::Interrupted => "interrupted",
        Exit::Terminated => "terminated",
    }
}

/// What makes room, in the order in which it costs least.
pub(super) const DISK_LOW_STEP: &str = "free space there: `filmgate recover` and `filmgate retry --all` publish what waits in \
     staging, `filmgate discard` gives it up, `filmgate clean` takes away what is too old; or lower disk.reserve";

/// Of an asset in a store that the settings do not name.
pub(super) const ELSEWHERE_STEP: &str = "run the command with the settings of the store that has it";

fn job_next_step(fault: &JobFault) -> Option<String> {
    let text = match fault {
        JobFault::PluginRefused(_) => "run `filmgate plugin inspect` on the file to see what it imports and exports",
        JobFault::Compile(_) => {
            "such a component is hostile or very large: if you trust its author, raise compile.memory and compile.cpu"
        }
        JobFault::Manifest(ManifestError::Read { .. }) => "name an existing file with --manifest",
        JobFault::Manifest(_) => "correct the manifest, or ask the plugin's author to; guest/README.md describes it",
        JobFault::NotGranted(refusal) => return Some(refusal.advice()),
        JobFault::Plugin { code, .. } if code == "quota-exceeded" => {
            "the plugin names a limit that it met: raise budget.store_calls or budget.stores_in_flight, or store fewer files"
        }
        JobFault::Plugin { .. } => "correct the job as the plugin says; its log is above",
        JobFault::NothingPublished(_) => "the plugin must call store-video before it returns; tell its author",
        JobFault::Trapped(_) | JobFault::Exited(_) => "tell the plugin's author; its log is above",
        JobFault::Exhausted { limit, .. } => match limit {
            Exhausted::Memory => "raise budget.memory, or render smaller",
            Exhausted::Tables => "raise budget.table_elements",
            Exhausted::Cpu => "raise budget.cpu, or render less",
            Exhausted::Wall => "raise budget.wall, or render less",
            Exhausted::OutboxBytes => "raise budget.outbox, or write less",
            Exhausted::OutboxEntries => "raise budget.outbox_entries, or write fewer files",
            Exhausted::OutboxDepth => "raise budget.outbox_depth",
            Exhausted::StoreCalls => "raise budget.store_calls, or store fewer files",
            Exhausted::HostcallBytes => "raise budget.hostcall",
            Exhausted::Handles => "raise budget.handles",
        },
        JobFault::Refused(Refusal::TooLarge { .. }) => "raise budget.published, or publish less",
        JobFault::Refused(_) => {
            "the file was left where it is: mend it, or choose another slot or layout; a plugin's file is its author's matter"
        }
        JobFault::UnderWay(_) => {
            "wait for the other process; asked again afterwards, the job answers what that one brought"
        }
        JobFault::Jail { layer, .. } => {
            return Some(format!(
                "run on a Linux that has it (5.13 or later, the LSM enabled), or accept less isolation by name: runner.allow_missing = [\"{layer}\"]"
            ));
        }
        JobFault::Runner(_) => {
            "if it happens again, suspect the plugin: it may attack the host; FILMGATE_LOG=debug says more"
        }
        JobFault::Gone(_) => {
            "it is not made again under this key: ask with another one, or publish the file by its own name; `filmgate assets show` says who deleted it"
        }
        JobFault::Elsewhere(_) => ELSEWHERE_STEP,
        JobFault::DiskLow(_) => DISK_LOW_STEP,
        JobFault::Internal(_) => "run again with FILMGATE_LOG=debug and report what it says",
        JobFault::Invalid(_) => "correct the named input",
        JobFault::Publish(_) => "the file is kept: mend the cause, then `filmgate retry --all` tries again",
        JobFault::Cancelled | JobFault::Storage(_) => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c11_an_absent_bucket_is_told_by_name_and_by_the_setting_in_force() {
        let setting = |key, origin| Setting { key, value: "absent".to_owned(), origin };
        let error = |place: &str| StorageError::new(StorageFault::NoSuchBucket, "put object", place, "not there");
        for (place, bucket) in [("s3://my.videos", "my.videos"), ("s3://my.videos at http://[::1]:9000/", "my.videos")]
        {
            let problem = Problem::of_storage(&error(place));
            assert_eq!(problem.to_json()["bucket"], bucket);
            let named = problem.naming(&[setting("storage.s3.bucket", Origin::Environment("S3_BUCKET"))]);
            assert_eq!(named.to_json()["next_step"], "create the bucket, or correct S3_BUCKET");
        }
        let of_file = Problem::of_storage(&error("s3://absent"))
            .naming(&[setting("storage.s3.bucket", Origin::File("filmgate.toml".into()))]);
        assert_eq!(of_file.to_json()["next_step"], "create the bucket, or correct storage.s3.bucket in filmgate.toml");
        let local = Problem::of_storage(&error("/srv/videos")).naming(&[]).to_json();
        assert_eq!((&local["directory"], &local["bucket"]), (&"/srv/videos".into(), &Value::Null));
        assert_eq!(local["next_step"], "create the directory, or correct LOCAL_STORAGE_PATH");
    }
}
