use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use filmgate_runner::Program;
use rustix::time::{ClockId, clock_gettime};

use crate::runner::Bench;

const MEBIBYTES: usize = 256;
const ROUNDS: usize = 7;

/// The same bytes to the same directory, in pieces of 1 MiB, by turns.
pub(crate) fn native_against_guest(runtime: &tokio::runtime::Runtime, component: &[u8]) -> anyhow::Result<()> {
    println!();
    let bench = Bench::new(component, Program::SelfExe)?;
    let (mut native, mut guest) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let _ = std::fs::remove_file(bench.out().join("written"));
        native.push(write(&bench.out().join("written"), 1 << 20, false)?.0);
        let _ = std::fs::remove_file(bench.out().join("written"));
        let (nanoseconds, _) = runtime.block_on(bench.job(&format!("write {MEBIBYTES}"), true))?;
        guest.push(Duration::from_nanos(nanoseconds));
    }
    let (native, guest) = (speed(native), speed(guest));
    println!(
        "writes of 1 MiB: native {native:.0} MiB/s, guest in the jail {guest:.0} MiB/s: {:.0} %",
        guest / native * 100.0
    );
    Ok(())
}

/// What the quota adds to a write is one `fstat` before it; the runner writes in pieces of 256 KiB at most.
pub(crate) fn cost_of_accounting() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let path = folder.path().join("written");
    let (mut plain, mut counted) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let _ = std::fs::remove_file(&path);
        plain.push(write(&path, 256 << 10, false)?.1);
        let _ = std::fs::remove_file(&path);
        counted.push(write(&path, 256 << 10, true)?.1);
    }
    let (plain, counted) = (median(plain), median(counted));
    let share = (counted.as_secs_f64() / plain.as_secs_f64() - 1.0) * 100.0;
    println!("accounting: {share:+.1} % CPU ({plain:.1?} without, {counted:.1?} with, for {MEBIBYTES} MiB)");
    Ok(())
}

/// Time and CPU time.
fn write(path: &std::path::Path, piece: usize, accounted: bool) -> std::io::Result<(Duration, Duration)> {
    let bytes = vec![7_u8; piece];
    let (start, cpu) = (Instant::now(), thread_time());
    let mut file = File::create(path)?;
    for _ in 0..(MEBIBYTES << 20) / piece {
        if accounted {
            std::hint::black_box(file.metadata()?.len());
        }
        file.write_all(&bytes)?;
    }
    drop(file);
    Ok((start.elapsed(), thread_time().saturating_sub(cpu)))
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn speed(times: Vec<Duration>) -> f64 {
    MEBIBYTES as f64 / median(times).as_secs_f64()
}
