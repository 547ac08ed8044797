//! Measures what the sandbox costs, on this machine: `just bench-sandbox`. The figures of one machine stand in
//! `host/runner/README.md`, beside the aims.
//!
//! The only argument is the component `gauge`; a second one may name another program as runner.

#![expect(clippy::print_stdout, reason = "the answer of a command")]

mod examination;
mod files;
mod film;
mod runner;
mod times;

use std::path::PathBuf;

use anyhow::Context as _;
use filmgate_runner::Program;
use runner::Bench;

/// Jobs of each measurement.
const ROUNDS: usize = 300;

fn main() -> anyhow::Result<()> {
    // This program is a runner, too.
    filmgate::enter();
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let gauge = arguments.next().context("name the component gauge")?;
    let component = std::fs::read(&gauge).with_context(|| format!("read {}", gauge.display()))?;
    let programs = [(Program::SelfExe, "this small program".to_owned())];
    let other = arguments.next().map(|path| (Program::Path(path.clone()), path.display().to_string()));
    let runtime = tokio::runtime::Runtime::new()?;
    for (program, name) in programs.into_iter().chain(other) {
        println!("\nrunner: {name}");
        runtime.block_on(measure(&component, program.clone()))?;
        runtime.block_on(examination::measure(program, ROUNDS))?;
    }
    files::native_against_guest(&runtime, &component)?;
    files::cost_of_accounting()
}

async fn measure(component: &[u8], program: Program) -> anyhow::Result<()> {
    let bench = Bench::new(component, program)?;
    bench.first_instruction("job frame to first instruction, in-process", ROUNDS, false).await?;
    bench.first_instruction("job frame to first instruction, warm", ROUNDS, true).await?;
    bench.cold_start(ROUNDS / 3).await?;
    bench.idle_memory().await?;
    bench.cancel(ROUNDS / 3).await
}
