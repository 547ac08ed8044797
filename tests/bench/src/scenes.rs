//! What a comparison does not show: a long line, limits of bandwidth, a cancelled upload, many publishes in one process,
//! local storage.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use filmgate::job::JobRequest;
use filmgate::media::FactsPolicy;
use filmgate::storage::s3::{Bucket, Credentials, S3Settings, S3Storage};
use filmgate::{Host, Runner};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::child;
use crate::files::Workload;
use crate::server::Server;

/// A store as S3 is seen over a line of a gigabit: 30 ms to the first byte, 20 MB/s a connection, one part in 128 late.
pub const LINE: [&str; 5] = ["--first-byte=30", "--per-connection=20", "--line=125", "--slow-every=128", "--slow=5000"];
/// Bytes a second of that line.
const LINE_RATE: f64 = 125e6;

/// How much of the line an upload uses; the second of two runs, so that what is learned of the store once is learned.
///
/// # Errors
/// Where the upload fails.
pub fn line(sink: &Path, filmgate: &Path, folder: &Path, workload: Workload) -> anyhow::Result<Value> {
    let (_, files) = workload.prepare(folder)?;
    let options = LINE.map(str::to_owned);
    let server = Server::sink(sink, false, &options)?;
    let data = tempfile::tempdir()?;
    let mut walls = Vec::new();
    for _ in 0..2 {
        walls.push(child::run(&mut publish(filmgate, &server, data.path(), &files))?);
    }
    let bytes = (workload.files * workload.bytes) as f64;
    let used = |usage: &child::Usage| bytes / usage.wall.as_secs_f64() / LINE_RATE;
    let shares: Vec<_> = walls.iter().map(used).collect();
    Ok(json!({
        "scene": "line", "workload": workload.to_string(), "line": LINE, "share_of_the_line": shares,
        "cpu_seconds": walls.iter().map(|usage| usage.cpu.as_secs_f64()).collect::<Vec<_>>(),
        "rss_bytes": walls.iter().map(|usage| usage.rss).collect::<Vec<_>>(),
    }))
}

/// How soon a command that is told to stop has stopped, and what is left: uploads that are open afterwards.
///
/// # Errors
/// Where the upload cannot be started, or ends before it is stopped.
pub fn cancel(sink: &Path, filmgate: &Path, folder: &Path, rounds: usize) -> anyhow::Result<Value> {
    let (_, files) = Workload { files: 1, bytes: 1 << 30 }.prepare(folder)?;
    let server = Server::sink(sink, false, &["--per-connection=20".to_owned()])?;
    let data = tempfile::tempdir()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut command = publish(filmgate, &server, data.path(), &files);
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        std::thread::sleep(Duration::from_millis(500));
        if running.try_wait()?.is_some() {
            bail!("the upload ended before it was stopped");
        }
        let told = Instant::now();
        let pid = libc::pid_t::try_from(running.id())?;
        // SAFETY: a signal to a child that was not waited for yet; no memory is involved.
        #[expect(unsafe_code, reason = "std sends no signal but SIGKILL")]
        unsafe {
            libc::kill(pid, libc::SIGTERM);
        }
        running.wait()?;
        times.push(told.elapsed().as_secs_f64());
    }
    Ok(json!({ "scene": "cancel", "seconds": times, "uploads_left": server.open_uploads()? }))
}

/// Whether a limit of bandwidth holds, by what the sink counted: as shares of the limit, the mean and the best second.
///
/// # Errors
/// Where an upload fails.
pub fn limits(sink: &Path, filmgate: &Path, folder: &Path) -> anyhow::Result<Value> {
    const LIMIT: u64 = 50_000_000;
    const USERS: u64 = 5;
    let in_all = |workload: Workload| {
        let (_, files) = workload.prepare(folder)?;
        let server = Server::sink(sink, false, &[])?;
        let data = tempfile::tempdir()?;
        let mut command = publish(filmgate, &server, data.path(), &files);
        let usage = child::run(command.env("FILMGATE_S3_BANDWIDTH", format!("{LIMIT} B")))?;
        held(&server, LIMIT, usage)
    };
    let (_, files) = Workload { files: 50, bytes: 4 << 20 }.prepare(folder)?;
    let server = Server::sink(sink, false, &[])?;
    let mut command = at_once(&server, &files)?;
    let usage = child::run(command.args(["--per-user", &(LIMIT / USERS).to_string()]))?;
    Ok(json!({
        "scene": "limits", "limit_bytes_a_second": LIMIT,
        "one_large_file": in_all(Workload { files: 1, bytes: 256 << 20 })?,
        "small_files": in_all(Workload { files: 50, bytes: 4 << 20 })?,
        "five_users_with_a_fifth_each": held(&server, LIMIT, usage)?,
    }))
}

fn held(server: &Server, limit: u64, usage: child::Usage) -> anyhow::Result<Value> {
    let received = server.received()?;
    let figure = |name: &str| received[name].as_f64().with_context(|| format!("{name} of the sink"));
    let mean = figure("bytes")? / figure("seconds")? / limit as f64;
    let best_second = figure("best_second")? / limit as f64;
    let cpu = usage.cpu.as_secs_f64();
    Ok(json!({ "mean": mean, "best_second": best_second, "received": received, "cpu_seconds": cpu }))
}

/// Peak memory of a process that publishes so many files at once.
///
/// # Errors
/// Where one of them fails.
pub fn parallel(sink: &Path, folder: &Path, files: u64) -> anyhow::Result<Value> {
    let workload = Workload { files, bytes: 50 << 20 };
    let (_, paths) = workload.prepare(folder)?;
    let server = Server::sink(sink, false, &[])?;
    let usage = child::run(&mut at_once(&server, &paths)?)?;
    Ok(json!({
        "scene": "parallel", "workload": workload.to_string(), "rss_bytes": usage.rss,
        "cpu_seconds": usage.cpu.as_secs_f64(), "wall_seconds": usage.wall.as_secs_f64(),
    }))
}

pub(crate) fn at_once(server: &Server, files: &[PathBuf]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("publish-at-once").arg(&server.url).args(files);
    Ok(command)
}

/// The process behind [`parallel`], a part of [`limits`] and [`recovery`](crate::interrupted::recovery): publishes every file
/// at the same time, for five users, each with so many bytes a second; with `data` as its data directory.
///
/// # Errors
/// Where one of them fails.
pub fn publish_at_once(
    url: &str,
    files: &[PathBuf],
    per_user: Option<NonZeroU64>,
    data: Option<&Path>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let credentials = Credentials::Static {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "an-example".to_owned(),
            session_token: None,
        };
        let mut settings = S3Settings::new(Bucket::try_from("bench".to_owned())?, "us-east-1", credentials);
        settings.endpoint = Some(url.parse()?);
        settings.upload.bandwidth_per_user = per_user;
        let storage = S3Storage::connect(settings).await?;
        let own = tempfile::tempdir()?;
        let host = Host::builder()
            .data_dir(data.unwrap_or(own.path()))
            .storage(Arc::new(storage))
            .runner(Runner::InProcess)
            .media_facts(FactsPolicy::Off)
            .build()?;
        let mut jobs = Vec::new();
        for (index, file) in files.iter().enumerate() {
            // Five users, whose files come in turns.
            let request = JobRequest::new(format!("user-{}", index % 5).try_into()?);
            jobs.push(host.publish(request, None, file, false)?);
        }
        for job in jobs {
            job.wait().await?;
        }
        Ok(())
    })
}

/// What local storage needs for a plugin's file and for an operator's own.
///
/// # Errors
/// Where a publish fails.
pub fn local(filmgate: &Path, folder: &Path) -> anyhow::Result<Value> {
    let (_, files) = Workload { files: 1, bytes: 1 << 30 }.prepare(folder)?;
    // On the file system of the files.
    let data = tempfile::tempdir_in(folder)?;
    let mut command = Command::new(filmgate);
    command
        .env_clear()
        .env("FILMGATE_MEDIA_FACTS", "off")
        .args(["publish", "--user", "bench", "--json", "--data-dir"])
        .arg(data.path())
        .args(&files);
    let copied = child::run(&mut command)?;
    let mut plain = Command::new("cp");
    plain.arg("--reflink=auto").args(&files).arg(data.path().join("copy.mp4"));
    let cp = child::run(&mut plain)?;
    let staged = local_staged(data.path(), &files[0])?;
    let figures = |usage: &child::Usage| json!({"cpu_seconds": usage.cpu.as_secs_f64(), "wall_seconds": usage.wall.as_secs_f64()});
    Ok(json!({
        "scene": "local", "publish_copied": figures(&copied), "cp_reflink_auto": figures(&cp),
        "staged_file_put_wall_seconds": staged.as_secs_f64(),
    }))
}

/// The put of a staged file of the same size: a second name instead of a copy.
fn local_staged(folder: &Path, file: &Path) -> anyhow::Result<Duration> {
    use filmgate::job::JobId;
    use filmgate::key::ObjectKey;
    use filmgate::outbox::{DataDir, Outbox};
    use filmgate::storage::{LocalStorage, PublishId, PutRequest, Storage as _, Unobserved};
    use tokio_util::sync::CancellationToken;

    let data = Arc::new(DataDir::open(folder.join("staged"))?);
    let outbox = Outbox::create(&data, JobId::generate(), &[])?;
    std::fs::copy(file, outbox.out_path().join("film.mp4"))?;
    let cancel = CancellationToken::new();
    let publish_id = PublishId::generate();
    let claimed = outbox.open("film.mp4", &cancel)?.take(publish_id)?;
    let storage = LocalStorage::open(folder.join("objects"))?;
    let key = ObjectKey::try_from("film.mp4".to_owned())?;
    let request = PutRequest {
        key: &key,
        file: Arc::new(claimed),
        content_type: "video/mp4",
        user: None,
        publish_id,
        metadata: &std::collections::BTreeMap::new(),
        resume: None,
        observer: &Unobserved,
        cancel: &cancel,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let started = Instant::now();
    runtime.block_on(storage.put(request))?;
    let took = started.elapsed();
    outbox.remove().context("remove the outbox")?;
    Ok(took)
}

fn publish(filmgate: &Path, server: &Server, data: &Path, files: &[PathBuf]) -> Command {
    let mut command = Command::new(filmgate);
    command.env_clear().env("FILMGATE_MEDIA_FACTS", "off");
    server.add_to(&mut command);
    command.args(["publish", "--user", "bench", "--json", "--data-dir"]).arg(data).args(files);
    command
}
