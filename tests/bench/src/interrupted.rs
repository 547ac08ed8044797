//! How long a recovery takes: the publishes that a kill interrupted, beside a plain publish of the same files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use filmgate::publish::{Entry, Journal as _, SqliteJournal};
use serde_json::{Value, json};

use crate::child;
use crate::files::Workload;
use crate::scenes;
use crate::server::Server;

/// How long the publishes may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// From when all have begun to the kill, so that as many are being sent as are sent at once.
const UNDER_WAY: Duration = Duration::from_millis(500);
/// A store that has not answered when the kill comes.
const SILENT: &str = "--first-byte=20000";

/// Interrupts so many publishes of small files at once, each of another job, and recovers them over a line with this long to
/// the first byte of an answer.
///
/// # Errors
/// Where something else happens than that.
pub fn recovery(sink: &Path, filmgate: &Path, folder: &Path, count: u64, first_byte: u64) -> anyhow::Result<Value> {
    let workload = Workload { files: count, bytes: 64 << 10 };
    let (_, files) = workload.prepare(folder)?;
    let data = tempfile::tempdir_in(folder)?;
    let states = interrupt(sink, data.path(), &files)?;

    let server = Server::sink(sink, false, &[format!("--first-byte={first_byte}")])?;
    let run = |verb: &str, data: &Path, files: &[PathBuf]| {
        let mut command = Command::new(filmgate);
        command.env_clear().env("FILMGATE_MEDIA_FACTS", "off");
        server.add_to(&mut command);
        child::run_for_output(command.args([verb, "--json", "--data-dir"]).arg(data).args(files))
    };
    let (recovered, said) = run("recover", data.path(), &[])?;
    let said: Value = serde_json::from_str(&said).context("read what the recovery says")?;
    let publishes = said["publishes"].as_array().context("the publishes of a recovery")?;
    let published = publishes.iter().filter(|publish| publish["outcome"] == "published").count();
    if published != files.len() || publishes.len() != files.len() {
        bail!("{published} of {} publishes were recovered: {said}", files.len());
    }
    // The same transfer without a kill.
    let fresh = tempfile::tempdir_in(folder)?;
    let (plain, _) = run("publish", fresh.path(), &[&[PathBuf::from("--user"), "bench".into()], &files[..]].concat())?;
    let seconds = |usage: &child::Usage| usage.wall.as_secs_f64();
    Ok(json!({
        "scene": "recovery", "workload": workload.to_string(), "first_byte_ms": first_byte, "interrupted_in": states,
        "recover_wall_seconds": seconds(&recovered), "recover_cpu_seconds": recovered.cpu.as_secs_f64(),
        "publish_wall_seconds": seconds(&plain), "publish_cpu_seconds": plain.cpu.as_secs_f64(),
    }))
}

/// A process that publishes every file is killed while none is published; answers how many were in which state.
fn interrupt(sink: &Path, data: &Path, files: &[PathBuf]) -> anyhow::Result<BTreeMap<&'static str, usize>> {
    let server = Server::sink(sink, false, &[SILENT.to_owned()])?;
    let mut command = scenes::at_once(&server, files)?;
    let mut publishing = command.arg("--data-dir").arg(data).stdout(Stdio::null()).spawn()?;
    let begun = all_begun(&mut publishing, data, files.len());
    publishing.kill()?;
    publishing.wait()?;
    begun?;
    let mut states = BTreeMap::new();
    for entry in unfinished(data)? {
        *states.entry(entry.state.name()).or_default() += 1;
    }
    if states.values().sum::<usize>() != files.len() {
        bail!("not every publish was interrupted: {states:?}");
    }
    Ok(states)
}

fn all_begun(publishing: &mut Child, data: &Path, count: usize) -> anyhow::Result<()> {
    let started = Instant::now();
    while !data.join(SqliteJournal::FILE).is_file() || unfinished(data)?.len() < count {
        if publishing.try_wait()?.is_some() {
            bail!("the publishes ended before they were interrupted");
        }
        if started.elapsed() > PATIENCE {
            bail!("{count} publishes did not begin within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(UNDER_WAY);
    Ok(())
}

fn unfinished(data: &Path) -> anyhow::Result<Vec<Entry>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let journal = SqliteJournal::open(&data.join(SqliteJournal::FILE))?;
    Ok(runtime.block_on(journal.unfinished())?)
}
