//! A plugin that measures itself, for the bench of the sandbox: when its first instruction ran, how fast it writes.
//!
//! A job's `params` are words: `now`, `spin`, `write <MiB>`.

mod bindings;

use std::fs::File;
use std::io::Write as _;
use std::time::{Instant, SystemTime};

use bindings::exports::filmgate::plugin::renderer::{Error, Guest, Job};

struct Plugin;

impl Guest for Plugin {
    fn render(job: Job) -> Result<String, Error> {
        let now = SystemTime::now();
        let (what, number) = job.params.split_once(' ').unwrap_or((&job.params, "0"));
        match what {
            "now" => Ok(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()),
            "spin" => spin(),
            _ => write(number.parse().unwrap_or(1)).map_err(|error| Error {
                code: "io".into(),
                message: error.to_string(),
                retryable: false,
            }),
        }
    }
}

fn spin() -> ! {
    let mut round = 0_u64;
    loop {
        round = std::hint::black_box(round.wrapping_add(1));
    }
}

/// Writes a file in pieces of 1 MiB and answers how many nanoseconds that took.
fn write(mebibytes: usize) -> std::io::Result<String> {
    let piece = vec![7_u8; 1 << 20];
    let start = Instant::now();
    let mut file = File::create("/out/written")?;
    for _ in 0..mebibytes {
        file.write_all(&piece)?;
    }
    drop(file);
    Ok(start.elapsed().as_nanos().to_string())
}
