use filmgate_plugin::bindings::exports::filmgate::plugin::renderer::{Error as WireError, Guest, Job as WireJob};
use filmgate_plugin::{Error, Job};
use serde_json::Value;

use crate::params::Behaviour;
use crate::{claim, disk, huge, report, store, violent};

struct Probe;

/// By hand, because some behaviours answer what the SDK would not let through.
impl Guest for Probe {
    fn render(job: WireJob) -> Result<String, WireError> {
        match serde_json::from_str(&job.params) {
            Ok(Behaviour::Error { code, message, retryable }) => Err(WireError { code, message, retryable }),
            Ok(Behaviour::Answer { text }) => Ok(text),
            Ok(Behaviour::HugeString { at, kib }) => huge::string(at, kib),
            // A mistake in the parameters is named by the SDK.
            Ok(_) | Err(_) => filmgate_plugin::__private::call(job, render),
        }
    }
}

filmgate_plugin::bindings::export!(Probe with_types_in filmgate_plugin::bindings);

/// The summary also goes to the log: a caller whose job failed gets no other word of it.
#[expect(clippy::print_stdout, reason = "standard output is the job's log")]
fn render(job: &Job<Behaviour>) -> Result<Value, Error> {
    let summary = behave(job)?;
    println!("{summary}");
    Ok(summary)
}

fn behave(job: &Job<Behaviour>) -> Result<Value, Error> {
    match &job.params {
        Behaviour::Store { files } => store::store(files),
        Behaviour::Submit { files, wait } => store::submit(files, *wait),
        Behaviour::Copy { name, path, slot } => store::copy(&job.inputs, name, path.as_deref(), slot.as_deref()),
        Behaviour::Echo {} => report::echo(job),
        Behaviour::Progress(params) => Ok(report::report_progress(params)),
        Behaviour::Sleep { ms } => Ok(report::sleep(*ms)),
        Behaviour::Clock {} => Ok(report::clock()),
        Behaviour::Random { bytes } => Ok(report::random(*bytes)),
        Behaviour::Log { stdout, stderr } => Ok(report::log(stdout, stderr)),
        Behaviour::ReadInput { name } => Ok(report::read_input(&job.inputs, name)),

        Behaviour::Loop {} => violent::spin(),
        Behaviour::Recurse { stack } => Ok(violent::recurse(*stack).into()),
        Behaviour::SleepForever {} => violent::sleep_forever(),
        Behaviour::Trap {} => violent::trap(),
        Behaviour::Panic { message } => panic!("{message}"),
        Behaviour::Exit { code } => violent::exit(*code),
        Behaviour::Alloc { mib } => Ok(violent::alloc(*mib)),
        Behaviour::Handles { count } => Ok(violent::handles(*count)),
        Behaviour::TrapAfterStore { files, submit } => violent::trap_after_store(files, *submit),
        Behaviour::LogFlood { mib, to, style } => Ok(violent::log_flood(*mib, *to, *style)),

        Behaviour::FillDisk { mib } => disk::fill(*mib),
        Behaviour::Sparse { bytes, by, store } => disk::sparse(*bytes, *by, *store),
        Behaviour::ManyFiles { count } => Ok(disk::many_files(*count)),
        Behaviour::DeepTree { depth } => disk::deep_tree(*depth),
        Behaviour::WriteIn { name } => Ok(disk::write_in(name)),
        Behaviour::EscapeRead { paths } => Ok(disk::escape_read(paths)),

        Behaviour::StorePath { paths } => Ok(claim::store_paths(paths)),
        Behaviour::StoreDir {} => claim::store_dir(),
        Behaviour::StoreEmpty {} => claim::store_empty(),
        Behaviour::Symlink { target, name } => claim::symlink(target, name),
        Behaviour::Hardlink {} => claim::hardlink(),
        Behaviour::LinkedFolder {} => claim::linked_folder(),
        Behaviour::OpenWhileStore { ms } => claim::open_while_store(*ms),
        Behaviour::LateWrite { ms } => claim::late_write(*ms),
        Behaviour::Unflushed { bytes } => claim::unflushed(*bytes),
        Behaviour::StoreMany { count, real } => claim::store_many(*count, *real),

        Behaviour::HugeList { count } => huge::list(*count),
        Behaviour::HugeRandom { bytes } => Ok(huge::random(*bytes)),
        Behaviour::Error { .. } | Behaviour::Answer { .. } | Behaviour::HugeString { .. } => {
            Err(Error::new("internal", "answered before the SDK was asked"))
        }
    }
}
