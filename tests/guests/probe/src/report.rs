#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the job's log is what is tested")]

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use filmgate_plugin::bindings::wasi::cli::environment;
use filmgate_plugin::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use filmgate_plugin::bindings::wasi::filesystem::preopens;
use filmgate_plugin::bindings::wasi::random::{insecure, random as secure};
use filmgate_plugin::{Error, Inputs, Job, progress};
use serde_json::{Value, json};

use crate::outcome;
use crate::params::{Behaviour, ProgressParams};

/// Everything the plugin was told and can see.
pub(crate) fn echo(job: &Job<Behaviour>) -> Result<Value, Error> {
    let mut stdin = String::new();
    io::stdin().read_to_string(&mut stdin)?;
    let preopens: Vec<String> = preopens::get_directories().into_iter().map(|(_, path)| path).collect();
    Ok(json!({
        "job": {
            "id": job.id,
            "user_id": job.user_id,
            "period": job.period.map(|period| period.to_string()),
            "inputs": job.inputs.names(),
            "refs": job.refs,
        },
        "out": outcome::of_file(names("/out")),
        "in": outcome::of_file(names("/in")),
        "environment": environment::get_environment(),
        "arguments": environment::get_arguments(),
        "cwd": environment::initial_cwd(),
        "stdin": stdin,
        "preopens": preopens,
    }))
}

fn names(folder: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn report_progress(params: &ProgressParams) -> Value {
    if params.odd {
        for fraction in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 2.0] {
            progress::report(fraction, &params.stage);
        }
    }
    for step in 0..params.steps {
        if progress::cancelled() {
            return json!({ "steps": step, "cancelled": true });
        }
        progress::report(step as f32 / params.steps as f32, &params.stage);
        thread::sleep(Duration::from_millis(params.pause_ms));
    }
    json!({ "steps": params.steps, "cancelled": false })
}

pub(crate) fn sleep(ms: u64) -> Value {
    let start = Instant::now();
    thread::sleep(Duration::from_millis(ms));
    json!({ "slept_ms": start.elapsed().as_secs_f64() * 1000.0 })
}

pub(crate) fn clock() -> Value {
    let resolution = wall_clock::resolution();
    json!({
        "wall_seconds": wall_clock::now().seconds,
        "monotonic_ns": monotonic_clock::now(),
        "wall_resolution_ns": resolution.seconds * 1_000_000_000 + u64::from(resolution.nanoseconds),
        "monotonic_resolution_ns": monotonic_clock::resolution(),
    })
}

pub(crate) fn random(bytes: u64) -> Value {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({ "secure": hex(secure::get_random_bytes(bytes)), "insecure": hex(insecure::get_insecure_random_bytes(bytes)) })
}

pub(crate) fn log(stdout: &[String], stderr: &[String]) -> Value {
    for line in stdout {
        println!("{line}");
    }
    for line in stderr {
        eprintln!("{line}");
    }
    json!({})
}

pub(crate) fn read_input(inputs: &Inputs, name: &str) -> Value {
    let read = inputs.read(name).map(|bytes| {
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        json!({ "bytes": bytes.len(), "sum": sum })
    });
    json!({ "outcome": outcome::of_file(read) })
}
