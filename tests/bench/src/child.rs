//! One process from its start to its end, and what the kernel says it used.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// What a process used, all its threads and finished children together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// From start to end.
    pub wall: Duration,
    /// In user mode and in the kernel.
    pub cpu: Duration,
    /// Most memory it had at once, in bytes.
    pub rss: u64,
}

/// Runs a command to its end.
///
/// # Errors
/// Where it cannot be started, or fails: the error ends with what it wrote to standard error.
pub fn run(command: &mut Command) -> anyhow::Result<Usage> {
    Ok(run_for_output(command)?.0)
}

/// Runs a command to its end; answers what it wrote to standard output as well.
///
/// # Errors
/// As [`run`].
pub fn run_for_output(command: &mut Command) -> anyhow::Result<(Usage, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {}", command.get_program().display()))?;
    let mut stderr = child.stderr.take().context("standard error is a pipe")?;
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        // A pipe that breaks says no more.
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut output = String::new();
    child.stdout.take().context("standard output is a pipe")?.read_to_string(&mut output)?;
    let (status, cpu, rss) = wait(&child)?;
    let wall = started.elapsed();
    let said = said.join().unwrap_or_default();
    if status != 0 {
        let last: String = said.chars().rev().take(2000).collect::<Vec<_>>().into_iter().rev().collect();
        bail!("{} ended with status {status}: {last}{output}", command.get_program().display());
    }
    Ok((Usage { wall, cpu, rss }, output))
}

/// Waits for a process; answers its wait status, CPU time and peak memory.
///
/// # Errors
/// Where there is no such process any more.
pub fn wait(child: &Child) -> anyhow::Result<(i32, Duration, u64)> {
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live places of the right type, and an `rusage` of zeros is one.
    #[expect(unsafe_code, reason = "std waits without asking for the usage")]
    let (waited, usage) = unsafe { (libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()), usage.assume_init()) };
    if waited != pid {
        return Err(std::io::Error::last_os_error()).context("wait for a process");
    }
    let time = |time: libc::timeval| {
        let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_usec);
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    };
    let kibibytes = u64::try_from(usage.ru_maxrss).unwrap_or_default();
    Ok((status, time(usage.ru_utime) + time(usage.ru_stime), kibibytes * 1024))
}
